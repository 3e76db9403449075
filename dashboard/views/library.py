"""What there is: covers, genres, years, sources; what the audit found; what is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from covers.render import charts, html
from covers.render.numbers import count
from dashboard import loaders, place
from dashboard.components import pick
from dashboard.layout import frame, markup
from dashboard.layout.frame import fragment
from dashboard.layout.markup import Item

if TYPE_CHECKING:
    from dashboard.data.library import Library


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Library",
        "Can the genre of an album be read off its cover, and where it cannot, which genres look alike?",
    )
    library = loaders.library()
    _figures(library)
    browse, health = st.tabs(["Covers", "State and problems"])
    with browse:
        _browse(library)
    with health:
        _chain()
        _audit()
        _unreadable()


def _figures(library: Library) -> None:
    artists = len({artist for artist in library.artists if artist})
    span = library.year_range
    n_sources = len(set(library.sources))
    held = int((library.splits != "train").sum())
    numbers = [
        (f"{len(library):,}", "covers"),
        (f"{len(library.genre_counts):,}", "genres"),
        (f"{artists:,}", "artist" if artists == 1 else "artists") if artists else None,
        (f"{span[0]} to {span[1]}", "years") if span else None,
        (f"{n_sources:,}", "source" if n_sources == 1 else "sources"),
        (f"{held:,}", "held out for testing"),
    ]
    known = [number for number in numbers if number is not None]
    pick.show(html.figures(known), key="numbers")


def _browse(library: Library) -> None:
    known = int(np.isfinite(library.years).sum())
    several = len(set(library.sources)) > 1
    left, right = (
        st.columns([2, 3], gap="large")
        if known or several
        else (st.container(), st.container())
    )
    with left:
        frame.section(
            "Genres",
            f"n = {len(library):,} covers; one of several genres counts in each.",
        )
        shown = dict(list(library.genre_counts.items())[:20])
        pick.show(charts.genre_bars(shown, library.colours), key="genres-bars")
        if len(library.genre_counts) > len(shown):
            st.caption(
                f"The {len(shown)} largest of {len(library.genre_counts):,} genres."
            )
    with right:
        if known:
            frame.section(
                "Years", f"n = {known:,} covers with a year, coloured by first genre."
            )
            pick.show(
                charts.year_bars(
                    library.years, library.main_genre, library.vocab, library.colours
                ),
                key="year-bars",
            )
        if several:
            names, counts = np.unique(library.sources, return_counts=True)
            lines = [(name, f"{n:,}") for name, n in zip(names, counts, strict=True)]
            pick.show(html.table(["source", "covers"], lines), key="sources")
    _covers()


@fragment
def _covers() -> None:
    library = loaders.library()
    frame.section("Browse")
    first, second = st.columns([3, 2], gap="medium")
    text = first.text_input(
        "Find",
        key="find",
        bind="query-params",
        placeholder="Artist, album or file name",
    )
    genres = second.multiselect(
        "Genres", list(library.genre_counts), key="genre", bind="query-params"
    )
    years = frame.choose_years(library)
    rows = library.rows_with(genres, years)
    if text:
        rows = rows[np.isin(rows, library.find(text, limit=len(library)))]
    st.caption(
        f"{count(len(rows), 'cover')}. Choose one to see what it looks like to the network."
    )
    frame.gallery(library, rows, key="browse", per_page=24)


def _chain() -> None:
    frame.section(
        "State",
        "Each artefact is made from those above it; what is stale names its command.",
    )
    pick.show(markup.chain(loaders.chain()), key="chain")


def _audit() -> None:
    frame.section("Findings of the audit")
    found: dict[str, Any] | None = frame.attempt(loaders.audit)
    if found is None:
        st.info("The covers have not been audited yet.", icon=":material/info:")
        st.code(f"covers audit -w {place.workspace().root}", language="bash")
        return
    if not found["findings"]:
        st.success("Nothing to look at was found.", icon=":material/check:")
        return
    _findings()


@fragment
def _findings() -> None:
    from covers.audit.findings import EXPLANATIONS, FindingKind

    library, found = loaders.library(), loaders.audit()
    findings, counts = found["findings"], found["counts"]
    if not findings:
        return
    kinds = list(counts)
    kind = st.segmented_control(
        "Kind",
        kinds,
        default=kinds[0],
        required=True,
        format_func=lambda name: f"{name.replace('_', ' ')} ({counts[name]})",
        key="finding",
        bind="query-params",
    )
    st.caption(
        f"{EXPLANATIONS[FindingKind(kind)]} Nothing was changed; `covers audit --accept FILE` does that."
    )
    chosen = [finding for finding in findings if finding["kind"] == kind]
    per_page = 6
    n_pages = -(-len(chosen) // per_page)
    page = min(st.session_state.get(f"finding-{kind}", 1), n_pages) - 1
    for number, finding in enumerate(chosen[page * per_page : (page + 1) * per_page]):
        rows = library.rows_of(finding["cover_ids"])[:8]
        st.markdown(
            f"**{100 * finding['confidence']:.0f} %** · {frame.plain(finding['reason'])}"
        )
        pick.show(
            markup.gallery(library, [Item(row=row) for row in rows], size="row"),
            key=f"finding-{kind}-{number}",
            then=frame.open_cover,
        )
    if n_pages > 1:
        st.pagination(n_pages, key=f"finding-{kind}")


def _unreadable() -> None:
    import csv

    path = place.workspace().problems_path
    try:
        with path.open(encoding="utf-8", newline="") as file:
            problems = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return
    if not problems:
        return
    frame.section(
        "Files that could not be taken in",
        f"n = {len(problems):,}, from the last scan.",
    )
    st.dataframe(problems[:2000], hide_index=True, width="stretch", height="auto")
