"""All covers of the library, filtered and sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from covers.library.tags import read_tags
from covers.render import html
from covers.render.charts import bars
from covers.render.numbers import count
from dashboard import arguments, loaders
from dashboard.components import pick
from dashboard.data.filters import SIDES, SORTINGS, VERDICTS, Filters
from dashboard.data.looks import BANDS
from dashboard.layout import bar, frame, markup
from dashboard.layout.frame import GalleryLooks, fragment

if TYPE_CHECKING:
    from dashboard.data.library import Library

_MOST_CHIPS, _OF_MANY = 14, 10
"""So many genres are chips; of more than that, so many are, and the others in a list."""
_IN_POPOVER = ("rarer", "years", "side", "light", "verdict", "source")
"""What the address calls the filters that are not in sight."""


def show() -> None:
    """Draw the page."""
    there: Library | None = frame.attempt(loaders.library)
    said = (
        say_what_there_is(there)
        if there
        else "Which covers there are, by genre, year and look."
    )
    frame.heading("Library", said, view="library")
    loaders.library()
    _covers()
    _numbers()


def say_what_there_is(library: Library) -> str:
    """Return the numbers of covers, genres and artists, and the years, in one line."""
    artists = len({artist for artist in library.artists if artist})
    span = library.year_range
    held = int((library.splits != "train").sum())
    n_genres = len(library.genre_counts)
    parts = [
        count(len(library), "cover"),
        f"of {count(n_genres, 'genre')}" if n_genres else "",
        f"({len(library.vocab):,} with {library.genre_minimum} covers or more)"
        if len(library.vocab) < len(library.genre_counts)
        else "",
        f"by {count(artists, 'artist')}" if artists else "",
        _say_years(*span) if span else "",
    ]
    text = " ".join(part for part in parts if part)
    if not n_genres:
        return f"{text}; none has a genre, so nothing can be learned from them."
    return f"{text}; {held:,} held out, which the network never learns from."


def _say_years(first: int, last: int) -> str:
    return f"of {first}" if first == last else f"from {first} to {last}"


@fragment
def _covers() -> None:
    library = loaders.library()
    filters = _choose(library)
    looks = loaders.looks()
    votes = loaders.votes_or_none()
    rows = filters.rows(library, looks, votes)
    chosen = bar.selected()
    if chosen is not None:
        rows = rows[chosen.mask(len(library))[rows]]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        hint = "Choose one to see what it looks like to the network."
        st.caption(f"{count(len(rows), 'cover')}. {hint if len(rows) else ''}")
        if filters.said and chosen is None:
            bar.choose(f"filter:{filters.to_query()}", len(rows), key="select-filter")
    frame.gallery(
        library,
        rows,
        key="browse",
        looks=GalleryLooks(per_page=32, empty="No cover passes these filters."),
    )


def _choose(library: Library) -> Filters:
    """Let filters and the order be chosen; all of them stand in the address."""
    with st.container(key="filters"):
        first, second, third = st.columns(
            [5, 2, 2], gap="small", vertical_alignment="bottom"
        )
    text = first.text_input(
        "Find",
        key="find",
        bind="query-params",
        placeholder="Artist, album or file name",
    )
    votes = loaders.votes_or_none()
    with second:
        sort = st.selectbox(
            "Order",
            _sortings(library, has_votes=votes is not None),
            format_func=SORTINGS.__getitem__,
            key="order",
            bind="query-params",
        )
    names = list(library.genre_counts)
    n_chips = _MOST_CHIPS if len(names) <= _MOST_CHIPS else _OF_MANY
    rarer: list[str] = []
    years, more = None, {}
    with (
        third,
        frame.popover(
            "More filters", key="more", holds=_IN_POPOVER, width="stretch"
        ) as is_made,
    ):
        if is_made:
            rarer = _rarer_genres(names[n_chips:])
            years = frame.choose_years(library)
            more = _more(library, has_votes=votes is not None)
            _tags()
    genres: list[str] = st.pills(
        "Genres",
        names[:n_chips],
        selection_mode="multi",
        key="genre",
        bind="query-params",
        label_visibility="collapsed",
    )
    return Filters(
        genres=(*genres, *rarer), text=text, sort=sort or "filed", years=years, **more
    )


def _rarer_genres(names: list[str]) -> list[str]:
    """Let some of the genres be chosen that are no chips."""
    if not names:
        return []
    chosen: list[str] = st.multiselect(
        "Rarer genres",
        names,
        key="rarer",
        bind="query-params",
        placeholder=f"{len(names):,} more genres",
    )
    return chosen


def _sortings(library: Library, *, has_votes: bool) -> list[str]:
    """Return the orders for which there is something to sort by."""
    known = {"filed"}
    known |= {"year", "newest"} if library.year_range else set()
    known |= {"bright", "dark", "colourful"} if loaders.looks().measured else set()
    known |= {"sure", "unsure"} if has_votes else set()
    return [name for name in SORTINGS if name in known]


def _more(library: Library, *, has_votes: bool) -> dict[str, tuple[str, ...]]:
    """Offer the rarer filters, but none that all covers would pass."""
    found = {}
    sides = [side for side in SIDES if (library.splits == side).any()]
    sources = sorted(set(library.sources))
    offers = {
        "sides": ("Side of the split", "side", sides, SIDES.get),
        "bands": (
            "Brightness",
            "light",
            list(BANDS) if loaders.looks().measured else [],
            str,
        ),
        "verdicts": ("Certainty", "verdict", list(VERDICTS) if has_votes else [], str),
        "sources": ("Source", "source", sources, str),
    }
    for name, (label, key, options, write) in offers.items():
        if len(options) < 2:
            continue
        found[name] = tuple(
            st.pills(
                label,
                options,
                selection_mode="multi",
                format_func=write,
                key=key,
                bind="query-params",
            )
        )
    return found


def _tags() -> None:
    """Offer the covers of each tag as a selection; nothing where no tag was given."""
    words = frame.attempt(lambda: list(read_tags(arguments.workspace()))) or []
    if not words:
        return
    here = bar.tag_of(st.query_params.get(bar.PARAMETER, ""))
    # Another name for each selection, so that the choice follows the address.
    chosen = st.pills(
        "Tagged",
        words,
        default=here if here in words else None,
        format_func=markup.plain,
        key=f"tagged-{here}",
    )
    if (chosen or "") != here and (chosen or here in words):
        bar.select(f"tag:{chosen}" if chosen else "")
        st.rerun()


@fragment
def _numbers() -> None:
    said = "How many covers of which genre, year and source"
    with frame.fold(said, key="numbers-open") as is_open:
        if is_open:
            _charts(loaders.library())


def _charts(library: Library) -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        frame.section(
            "Genres",
            f"n = {len(library):,} covers; one of several genres counts in each.",
        )
        shown = dict(list(library.genre_counts.items())[:20])
        pick.show(bars.genre_bars(shown, library.colours), key="genres-bars")
        if len(library.genre_counts) > len(shown):
            st.caption(
                f"The {len(shown)} largest of {len(library.genre_counts):,} genres."
            )
    with right:
        known = int(np.isfinite(library.years).sum())
        if known:
            entries = library.legend
            said = "broad genre, of several that of which a cover has most, of equals the rarer"
            said = said if entries.is_broad else "genre, of several the rarest"
            frame.section("Years", f"n = {known:,} covers with a year, by {said}.")
            drawn = bars.year_bars(
                library.years, entries.main, entries.names, entries.colour_of
            )
            pick.show(drawn, key="year-bars")
        names, counts = np.unique(library.sources, return_counts=True)
        lines = [(str(name), f"{n:,}") for name, n in zip(names, counts, strict=True)]
        pick.show(html.table(["source", "covers"], lines), key="sources")
