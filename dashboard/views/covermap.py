"""The map of all covers: look around, select, see what a selection is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from covers.errors import CoversError
from covers.render import charts, html
from covers.render.numbers import count, note_on_parts, per_cent, tidy
from dashboard import loaders
from dashboard.components import covermap, pick
from dashboard.data import breakdown
from dashboard.data.colouring import CHOICES
from dashboard.layout import frame, markup
from dashboard.layout.frame import fragment

if TYPE_CHECKING:
    import numpy.typing as npt

    from dashboard.data.library import Library


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Map",
        "Every dot is a cover; covers that look alike to the network lie close together. "
        "Near is meaningful, far is not.",
    )
    loaders.library()
    loaders.covermap()
    frame.warn_if_stale("map")
    _explore()


@fragment
def _explore() -> None:
    library, found = loaders.library(), loaders.covermap()
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with left:
        name = st.segmented_control(
            "Colour by",
            list(CHOICES),
            default="genre",
            required=True,
            format_func=CHOICES.__getitem__,
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
        name, colouring = "genre", loaders.colouring("genre")
    place = found.point_of
    rows = (
        [row for row in library.find(text, limit=400) if row in place] if text else []
    )
    marks = [place[row] for row in rows][:200]
    chosen = covermap.show(
        loaders.map_version(),
        name,
        colouring,
        label=f"Map of {len(found.rows):,} covers. Arrow keys move, plus and minus zoom, Enter selects what is in view.",
        outline=st.session_state.setdefault("map-area", _outline_of_address()),
        marks=marks,
        fly=marks,
    )
    st.caption(
        f"n = {len(found.rows):,} covers. {colouring.note} Zoom in until at most 150 covers are in view and they "
        "replace the dots; hold Shift and drag, or use Box and Lasso, to select."
    )
    if text:
        st.caption(
            f"{count(len(rows), 'cover')} found, ringed on the map."
            if rows
            else "No cover of that name is on the map."
        )
    if chosen.opened:
        st.session_state["map-opened"] = chosen.opened
    if st.session_state.get("map-opened") in library.position:
        _opened(library, st.session_state["map-opened"])
    _remember(chosen)
    if chosen.outline:
        inside = found.inside(chosen.outline)
        if chosen.hidden:
            inside = inside[~np.isin(colouring.codes[inside], chosen.hidden)]
        _selection(library, inside)
    elif rows:
        frame.section("Found")
        frame.gallery(library, rows, key="found", per_page=16)


def _opened(library: Library, cover_id: str) -> None:
    row = library.position[cover_id]
    with st.container(border=True):
        pick.show(markup.full_cover(library, row), key="opened")
        with st.container(horizontal=True):
            st.button(
                "What looks like it?",
                icon=":material/search:",
                type="primary",
                on_click=frame.open_cover,
                args=(cover_id,),
            )
            st.button("Close", on_click=_close)


def _close() -> None:
    del st.session_state["map-opened"]


def _selection(library: Library, rows: npt.NDArray[np.int64]) -> None:
    frame.section(f"Selection: {count(len(rows), 'cover')}")
    if not len(rows):
        st.caption("No cover lies inside.")
        return
    shares = breakdown.genre_shares(library, rows)
    if shares:
        left, right = st.columns(2, gap="large")
        with left:
            st.caption(
                f"Share of the labelled covers selected, and their number.{note_on_parts(one.n for one in shares)}"
            )
            bars = html.share_bars(
                [
                    (one.genre, one.share, f"{per_cent(one.share)} · {tidy(one.n)}")
                    for one in shares[:12]
                ],
                library.colours,
            )
            pick.show(bars, key="selection-shares")
        with right:
            st.caption(
                "Times as frequent as in the whole library, 95 % intervals by group bootstrap."
            )
            lifts = [
                (
                    one.genre,
                    one.lift,
                    one.lift_ci95,
                    f"{one.genre}: {one.lift:.2f} times ({one.lift_ci95[0]:.2f} to {one.lift_ci95[1]:.2f})",
                )
                for one in shares[:12]
            ]
            pick.show(charts.lift_dots(lifts, library.colours), key="selection-lift")
    frame.gallery(library, rows, key="selection", per_page=32)


def _outline_of_address() -> list[list[float]]:
    """Read the selected area from the address; nothing where it makes no sense."""
    text = st.query_params.get("area", "")
    try:
        numbers = [float(part) for part in text.split("_")] if text else []
    except ValueError:
        return []
    if (
        len(numbers) % 2
        or not 6 <= len(numbers) <= 240
        or not np.isfinite(numbers).all()
    ):
        return []
    return [[numbers[i], numbers[i + 1]] for i in range(0, len(numbers), 2)]


def _remember(chosen: covermap.Chosen) -> None:
    """Keep the selected area in the address."""
    text = "_".join(f"{v:g}" for corner in chosen.outline for v in corner)
    if text != st.query_params.get("area", ""):
        if text:
            st.query_params["area"] = text
        else:
            st.query_params.pop("area", None)
