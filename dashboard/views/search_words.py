"""Covers that words describe, where an index of the library knows words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from covers.errors import CoversError
from dashboard import loaders
from dashboard.components import pick
from dashboard.layout import frame, markup
from dashboard.layout.markup import Item
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.data.library import Library

_SHOWN = 24


def show(library: Library, then: Callable[[str], None]) -> None:
    """Show a search by words and the covers found, if an index knows words.

    Parameters
    ----------
    library : Library
    then : callable
        Called with the id of the cover that was clicked.
    """
    door = loaders.front_door()
    if not door.knows_words:
        return
    text = st.text_input(
        "Or words",
        key="search-words",
        max_chars=200,
        placeholder="A desert at night",
        help="What the cover should show, mood or technique. Similarities between words and pictures are small; only their order says something.",
    )
    if not text.strip():
        return
    try:
        with st.spinner("Looking for covers that show it"):
            hits = door.search(text=text, k=_SHOWN, among=library.all_ids)
    except (CoversError, IndexerError) as error:
        frame.explain(error)
        return
    items = [
        Item(
            row=(row := library.position[hit.cover_id]),
            tip=f"{library.full_title(row)}\nsimilarity to the words {hit.similarity:.3f}",
        )
        for hit in hits
    ]
    pick.show(
        markup.gallery(library, frame.folded(items), size="small", captions=False),
        key="search-by-words",
        then=then,
    )
    frame.caption(
        f"Found by {markup.plain(hits.embedder)}, the nearest first; choose one to walk on."
    )
