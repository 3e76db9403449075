"""Covers most like the query: filtered, and with more or less of further examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from covers.errors import CoversError
from covers.render.colour_words import COLOUR_WORDS
from covers.render.numbers import count
from dashboard import loaders
from dashboard.components import pick
from dashboard.layout import bar, frame, markup
from dashboard.layout.frame import GalleryLooks, fragment
from dashboard.layout.markup import Item

if TYPE_CHECKING:
    from covers.classify.query import Query
    from covers.index.hits import Hit
    from dashboard.data.library import Library

QUERY = "search-query"
PICTURE = "picture"
"""In the address: the mark of a picture from outside, which is not kept itself."""
_PLUS, _MINUS = "plus", "minus"
_MOST_EXAMPLES = 12
_USUAL_K = 24
_IN_POPOVER = ("k", "tone", "of-years")
"""What the address calls the choices that are not in sight."""


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What a search shall find: how many covers, and which."""

    k: int
    where: dict[str, object] | None
    one_per_artist: bool = False
    among: frozenset[str] = frozenset()


def go_to(cover_id: str) -> None:
    """Search by a cover of the library, which the address names from now on."""
    for name in (PICTURE, _PLUS, _MINUS):
        st.query_params.pop(name, None)
    st.query_params["cover"] = cover_id


def mark_of(query: Query) -> str:
    """Return what the address says of a picture from outside."""
    return query.cover_id[:12]


def _is_asked_about(query: Query) -> bool:
    """Say whether the address is still that of a query."""
    if cover_id := st.query_params.get("cover"):
        return bool(cover_id == query.cover_id)
    return bool(st.query_params.get(PICTURE) == mark_of(query))


def _examples(library: Library, name: str) -> list[str]:
    """Return the further covers that the address names, ``"plus"`` or ``"minus"``."""
    index = loaders.front_door().index
    ids = _named(name)[:_MOST_EXAMPLES]
    return [one for one in ids if one in library.position and one in index]


@fragment
def show() -> None:
    """Draw this part of the page; filters draw it anew by itself."""
    library, door = loaders.library(), loaders.front_door()
    index = door.index
    query, generation = st.session_state[QUERY]
    if index.generation != generation or not _is_asked_about(query):
        st.rerun()
    plus, minus = _examples(library, _PLUS), _examples(library, _MINUS)
    frame.section(
        "Covers most like it",
        "Cosine similarity on each; choose one to walk on, + for more like it, − for less.",  # noqa: RUF001
    )
    _tray(library, plus, minus)
    wanted = _filters(library)
    if wanted.where is None:
        return
    try:
        hits = door.search(
            [query, *plus],
            wanted.k,
            less=minus,
            where=wanted.where,
            one_per_artist=wanted.one_per_artist,
            among=wanted.among,
        )
    except CoversError as error:
        frame.explain(error)
        return
    frame.gallery(
        library,
        hits.hits,
        key="alike",
        looks=GalleryLooks(
            empty="No cover passes these filters.",
            row_of=lambda hit: library.position[hit.cover_id],
            item=lambda hit: _item(library, hit),
        ),
        then=_take,
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        frame.caption(
            f"{count(len(hits), 'cover')}; generation {index.generation} of the index, n = {len(index):,}."
        )
        if query.picture is None:
            more = ".".join([query.cover_id, *plus])
            text = f"like:{wanted.k}:{more}" + (f"-{'.'.join(minus)}" if minus else "")
            if not wanted.where and not wanted.one_per_artist:
                bar.choose(text, len(hits), key="select-alike")


def _item(library: Library, hit: Hit) -> Item:
    row = library.position[hit.cover_id]
    return Item(
        row=row,
        badge=f"{hit.similarity:.2f}",
        tip=f"{library.full_title(row)}\nsimilarity {hit.similarity:.3f}",
        actions=(
            ("+", f"{_PLUS}:{hit.cover_id}", "More like this"),
            ("−", f"{_MINUS}:{hit.cover_id}", "Less like this"),  # noqa: RUF001
        ),
    )


def _take(picked: str) -> None:
    """Search by the cover that was clicked, or add it to the examples of more or less."""
    way, _, cover_id = picked.rpartition(":")
    if way not in (_PLUS, _MINUS):
        go_to(cover_id)
        return
    other = _MINUS if way == _PLUS else _PLUS
    _write(other, [c for c in _named(other) if c != cover_id])
    _write(way, [*dict.fromkeys([*_named(way), cover_id])][-_MOST_EXAMPLES:])


def _named(name: str) -> list[str]:
    return [one for one in st.query_params.get(name, "").split(".") if one]


def _write(name: str, ids: list[str]) -> None:
    if ids:
        st.query_params[name] = ".".join(ids)
    else:
        st.query_params.pop(name, None)


def _tray(library: Library, plus: list[str], minus: list[str]) -> None:
    """Show the further examples of a search; clicking one removes it."""
    if not plus and not minus:
        return
    items = [
        Item(
            row=library.position[cover_id],
            mark="more" if cover_id in plus else "less",
            mark_colour="#0067a3" if cover_id in plus else "#b3421c",
            tip="Choose to take it away",
        )
        for cover_id in (*plus, *minus)
    ]

    def take_away(cover_id: str) -> None:
        for name in (_PLUS, _MINUS):
            _write(name, [c for c in _named(name) if c != cover_id])

    pick.show(
        markup.gallery(library, items, size="small", captions=False),
        key="tray",
        then=take_away,
    )


def _filters(library: Library) -> _Wanted:
    """Show the filters of a search; `where` is None if no artist has the name that was typed.

    They have other names than those of the library, whose choices would be in force here.
    """
    where: dict[str, object] = {}
    artist, once = "", False
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        where["genre"] = st.multiselect(
            "Genres",
            list(library.genre_counts),
            key="of-genre",
            bind="query-params",
            width=260,
        )
        if any(library.artists):
            artist = st.text_input(
                "Artist", key="artist", bind="query-params", width=200
            )
            once = st.toggle("One per artist", key="once", bind="query-params")
        chosen, only = bar.selected(), False
        if chosen is not None:
            only = st.toggle("Only the selection", key="only", bind="query-params")
        k = _USUAL_K
        words: list[str] = []
        with frame.popover(
            "More filters", key="more-alike", holds=_IN_POPOVER
        ) as is_made:
            if is_made:
                k, words, where["year"] = _more(library)
    where["artist"] = _artist_like(library, artist)
    if artist and not where["artist"]:
        frame.caption(f"No artist called {markup.plain(artist)}.")
        return _Wanted(k=k, where=None)
    return _Wanted(
        k=k,
        where={name: value for name, value in where.items() if value},
        one_per_artist=once,
        among=_among(library, words, only=only),
    )


def _more(library: Library) -> tuple[int, list[str], tuple[int, int] | None]:
    """Offer how many covers are shown, and the rarer filters: leading colours, years."""
    k = st.select_slider(
        "How many", [12, 24, 48, 96], key="k", value=_USUAL_K, bind="query-params"
    )
    words: list[str] = []
    if loaders.looks().measured:
        words = st.multiselect(
            "Leading colour", list(COLOUR_WORDS), key="tone", bind="query-params"
        )
    return k, words, frame.choose_years(library, key="of-years")


def _among(library: Library, words: list[str], *, only: bool) -> frozenset[str]:
    """Return the covers that may be found: of some colours, of the selection."""
    kept = np.ones(len(library), bool)
    if words:
        kept &= np.isin(loaders.looks().colour_words, words)
    chosen = bar.selected()
    if only and chosen is not None:
        kept &= chosen.mask(len(library))
    if kept.all():
        return library.all_ids
    return frozenset(library.cover_ids[row] for row in np.flatnonzero(kept))


def _artist_like(library: Library, text: str) -> str:
    """Return the artist meant by some text: the same name, else the first that holds it."""
    wanted = text.strip().casefold()
    if not wanted:
        return ""
    names = sorted({artist for artist in library.artists if artist})
    for name in names:
        if name.casefold() == wanted:
            return name
    return next((name for name in names if wanted in name.casefold()), "")
