"""The map of all covers: look around, select, see what a selection is made of."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from covers.errors import CoversError
from covers.render import html
from covers.render.numbers import count, note_on_parts, number, per_cent, span
from dashboard import loaders
from dashboard.components import covermap, pick
from dashboard.data import breakdown
from dashboard.data.colouring import offered
from dashboard.data.selection import (
    read_area,
    read_hidden,
    write_area,
    write_hidden,
)
from dashboard.layout import bar, frame, markup
from dashboard.layout.frame import GalleryLooks

if TYPE_CHECKING:
    from dashboard.data.colouring import Colouring
    from dashboard.data.library import Library
    from dashboard.data.points import MapPoints
    from dashboard.data.selection import Selection

_OPENED, _OFF = "cover", "off"
_LEAST_SHARE = 0.005


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Map",
        "Every dot is a cover; covers that look alike to the network lie close together. "
        "Near is meaningful, far is not.",
        view="covermap",
    )
    library, found = loaders.library(), loaders.covermap()
    frame.warn_if_stale("map")
    chosen = bar.selected()
    with st.container(key="map-page"):
        name, colouring, text = _tools()
        left, right = st.columns([7, 3], gap="medium")
        with left:
            _map(library, found, (name, colouring, text), chosen)
        with right:
            _beside(library, found, text, chosen)


def _tools() -> tuple[str, Colouring, str]:
    """Let colours and words to find be chosen."""
    choices = offered(loaders.library(), loaders.choices())
    first = next(iter(choices))
    left, right = st.columns([7, 3], gap="medium", vertical_alignment="bottom")
    with left:
        name = st.segmented_control(
            "Colour by",
            list(choices),
            default=first,
            required=True,
            format_func=choices.__getitem__,
            key="colour",
            bind="query-params",
        )
    text = right.text_input(
        "Find on the map",
        key="find",
        bind="query-params",
        placeholder="Artist or album",
    )
    try:
        colouring = loaders.colouring(name)
    except CoversError as error:
        frame.explain(error)
        name, colouring = first, loaders.colouring(first)
    return name, colouring, text


def _map(
    library: Library,
    found: MapPoints,
    tools: tuple[str, Colouring, str],
    chosen: Selection | None,
) -> None:
    name, colouring, text = tools
    kind, _, value = chosen.text.partition(":") if chosen else ("", "", "")
    outline = read_area(value)[0] if kind == "area" else []
    marks = found.points_of(np.asarray(library.find(text, limit=400)))[:200]
    opened = library.rows_of([st.query_params.get(_OPENED, "")])
    here = found.points_of(np.asarray(opened, np.int64))
    # What is brought into view stays the same until something else is looked for.
    view = covermap.View(
        name=name,
        colouring=colouring,
        label=f"Map of {len(found.rows):,} covers. Arrow keys move, plus and minus zoom, Enter selects what is in view.",
        outline=outline,
        hidden=_hidden(name, colouring),
        marks=[*here, *marks],
        chosen=_bits(found, chosen) if chosen else "",
        fly=here if here and not outline else marks,
        regions=loaders.regions(),
    )
    covermap.show(
        loaders.map_version(),
        view,
        covermap.Actions(
            on_area=lambda corners, off: _take_area(
                corners, name, colouring.labels_of(off)
            ),
            on_open=_open,
            on_legend=lambda off: _keep_legend(name, colouring.labels_of(off)),
        ),
    )
    frame.caption(
        f"n = {len(found.rows):,} covers. {colouring.note} Lines join places of equal density. Zoom in until at most 150 covers "
        "are in view and they replace the dots; hold Shift and drag, or use Box and Lasso, to select."
    )


def _take_area(outline: list[list[float]], colour: str, hidden: list[str]) -> None:
    """Make an area the selection; none of them clears it."""
    st.query_params.pop(_OPENED, None)
    _keep_legend(colour, hidden)
    bar.select(write_area(outline, colour, hidden))


def _keep_legend(colour: str, hidden: list[str]) -> None:
    """Keep in the address what is switched off in the legend."""
    if off := write_hidden(colour, hidden):
        st.query_params[_OFF] = off
    else:
        st.query_params.pop(_OFF, None)


def _hidden(name: str, colouring: Colouring) -> list[int]:
    """Return the codes of the colours that the address switches off."""
    colour, labels = read_hidden(st.query_params.get(_OFF, ""))
    return colouring.codes_of(labels) if colour == name else []


def _open(cover_id: str) -> None:
    st.query_params[_OPENED] = cover_id


def _close() -> None:
    st.query_params.pop(_OPENED, None)


def _bits(found: MapPoints, chosen: Selection) -> str:
    """Return which points are selected, as the component reads it."""
    inside = np.zeros(int(found.rows.max(initial=-1)) + 1, bool)
    inside[chosen.rows[chosen.rows < len(inside)]] = True
    packed = np.packbits(inside[found.rows], bitorder="little")
    return base64.b64encode(packed.tobytes()).decode()


def _beside(
    library: Library, found: MapPoints, text: str, chosen: Selection | None
) -> None:
    """Show what was opened, selected or found, beside the map."""
    row = library.position.get(st.query_params.get(_OPENED, ""))
    if row is not None:
        _opened(library, row)
    if chosen is not None:
        _selection(library, chosen)
    elif text:
        rows = library.find(text, limit=400)
        rows = [row for row in rows if row in found.point_of]
        if not rows:
            frame.caption("No cover of that name is on the map.")
            return
        frame.section("Found", f"{count(len(rows), 'cover')} found, ringed on the map.")
        frame.gallery(library, rows, key="found", looks=_NARROW, then=_open)
    elif row is None:
        frame.section("What is this region?")
        frame.caption(
            "Names are those of clusters, and close by of the genre that is more frequent there than elsewhere. "
            "Draw a box around a region, or choose *Select view*, and its covers and genres appear here. "
            "Choose a dot to see its cover."
        )


_NARROW = GalleryLooks(per_page=12, size="small", captions=False)


def _opened(library: Library, row: int) -> None:
    cover_id = library.cover_ids[row]
    with st.container(border=True):
        pick.show(markup.full_cover(library, row), key="opened")
        with st.container(horizontal=True, gap="small"):
            st.button(
                "What looks like it?",
                icon=":material/search:",
                type="primary",
                on_click=frame.open_cover,
                args=(cover_id,),
            )
            st.button("Close", on_click=_close)


def _selection(library: Library, chosen: Selection) -> None:
    if not len(chosen):
        frame.caption("No cover lies inside.")
        return
    frame.section(f"{count(len(chosen), 'cover')} selected")
    shares = breakdown.genre_shares(library, chosen.rows)
    if shares:
        bars = html.share_bars(
            [
                (
                    one.genre,
                    one.share,
                    f"{per_cent(one.share)} · {number(one.lift, '.1f')} times",
                )
                for one in shares[:6]
                if one.share >= _LEAST_SHARE
            ],
            library.colours,
        )
        pick.show(bars, key="selection-shares")
    frame.gallery(library, chosen.rows, key="selection", looks=_NARROW, then=_open)
    if shares:
        first = shares[0]
        frame.caption(
            f"Share of each genre, and how many times as frequent it is here as in the library "
            f"({first.genre}: {span(first.lift_ci95, '.1f')}, 95 % interval).{note_on_parts(one.n for one in shares)}"
        )
