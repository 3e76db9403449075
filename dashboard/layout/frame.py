"""What all pages share: headings, what to say when something is missing, paged galleries."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from covers.errors import CoversError
from dashboard import loaders
from dashboard.components import pick
from dashboard.layout import markup
from dashboard.layout.markup import Item
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dashboard.data.library import Library, Rows

_NEXT = "next-page"
_COMMAND = re.compile(r"'((?:covers|python -m indexer) [^']+)'")


def guard(view: Callable[[], None]) -> None:
    """Show a page; what is missing or damaged is said in its place."""
    try:
        view()
    except (CoversError, IndexerError) as error:
        explain(error)


def fragment(draw: Callable[[], None]) -> Callable[[], None]:
    """Let a part of a page be drawn anew by itself.

    It takes nothing along from the page, so that it reads what is there on every
    action; what is missing by then is said in its place.
    """

    @functools.wraps(draw)
    def guarded() -> None:
        go_on()
        guard(draw)

    return cast("Callable[[], None]", st.fragment(guarded))


def heading(title: str, said: str) -> None:
    """Write a page's title and its question."""
    st.title(title, anchor=False)
    st.caption(said)


def section(title: str, said: str = "") -> None:
    """Write a section's title and how to read what follows."""
    st.subheader(title, anchor=False)
    if said:
        st.caption(said)


def explain(error: Exception) -> None:
    """Say what is missing and the command that makes it."""
    text = str(error)
    command = _COMMAND.search(text)
    said = text.split(":")[0] if command else text
    st.info(said[:1].upper() + said[1:] + ".", icon=":material/info:")
    if command:
        st.caption(
            "This command makes it; the page follows by itself on the next click:"
        )
        st.code(command.group(1), language="bash")


def attempt(load: Callable[[], Any]) -> Any:
    """Return what `load` finds, or None where it is missing."""
    try:
        return load()
    except (CoversError, IndexerError):
        return None


def warn_if_stale(name: str) -> None:
    """Say so when an artefact no longer belongs to the catalogue or the model."""
    for stage in attempt(loaders.chain) or ():
        if stage.name == name and stage.state == "stale":
            st.warning(
                f"Out of date: {stage.why}. Run `{stage.command}`.",
                icon=":material/history:",
            )


def open_page(view: str, query: Mapping[str, str] | None = None) -> None:
    """Have another page drawn by the coming run, with some state in its address."""
    st.session_state[_NEXT] = view, dict(query or {})


def go_on() -> None:
    """Go to the page that was asked for, before anything of this one is drawn."""
    if _NEXT in st.session_state:
        view, query = st.session_state.pop(_NEXT)
        st.switch_page(st.session_state["pages"][view], query_params=query)


def open_cover(cover_id: str) -> None:
    """Have the search page drawn with a cover."""
    open_page("search", {"cover": cover_id})


def gallery(
    library: Library,
    found: Sequence[Any] | Rows,
    *,
    key: str,
    item: Callable[[Any], Item] = lambda row: Item(row=int(row)),
    per_page: int = 24,
    size: str = "",
    captions: bool = True,
    empty: str = "No cover fits.",
    then: Callable[[str], None] = open_cover,
) -> None:
    """Show covers in pages; choosing one calls `then` before anything is drawn.

    Of `found`, rows of the library or what `item` makes entries of, only those of
    the page that is shown are looked at.
    """
    n_pages = max(1, -(-len(found) // per_page))
    page = 0
    if n_pages > 1:
        page = min(st.session_state.get(f"{key}-page", 1), n_pages) - 1
    shown = [item(one) for one in found[page * per_page : (page + 1) * per_page]]
    html = markup.gallery(library, shown, size=size, captions=captions, empty=empty)
    pick.show(html, key=key, then=then)
    if n_pages > 1:
        # The key holds the number of pages: with other covers it begins at the first.
        st.pagination(n_pages, key=f"{key}-page")


def choose_years(library: Library) -> tuple[int, int] | None:
    """Let a span of years be chosen; None where it is all there are."""
    span = library.year_range
    if span is None or span[0] == span[1]:
        return None
    chosen = st.slider("Years", *span, span, key="years", bind="query-params")
    return None if chosen == span else chosen


def plain(text: str) -> str:
    """Keep a text from being read as Markdown."""
    return "".join("\\" + sign if sign in "\\`*_[]<>#$|~:" else sign for sign in text)
