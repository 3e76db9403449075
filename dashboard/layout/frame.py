"""What all pages share: headings, what to say when something is missing, paged galleries."""

from __future__ import annotations

import functools
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any, Literal, cast
from zlib import crc32

import numpy as np
import streamlit as st

from covers.errors import CoversError
from covers.model.training.enough import refuse_too_little
from covers.render.numbers import unbroken
from covers.workspace.registry import MODEL, quote
from dashboard import arguments, loaders
from dashboard.components import pick
from dashboard.layout import bar, markup
from dashboard.layout.markup import Item
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from dashboard.data.library import Library, Rows


@dataclass(frozen=True, kw_only=True)
class GalleryLooks:
    """How a gallery looks.

    Parameters
    ----------
    per_page : int, default=24
    size : {"", "small", "row"}
    captions : bool, default=True
    empty : str
        Said where there is no cover.
    row_of : callable
        Row of the library behind an entry.
    item : callable
        What is shown of an entry; by default entries are rows of the library.
    """

    per_page: int = 24
    size: str = ""
    captions: bool = True
    empty: str = "No cover fits."
    row_of: Callable[[Any], int] = int
    item: Callable[[Any], Item] = lambda row: Item(row=int(row))


_NEXT = "next-page"
_COMMAND = re.compile(r"'((?:covers|python -m indexer) [^']+)'")


def guard(view: Callable[[], None]) -> None:
    """Show a page, or say what it needs that is missing or damaged."""
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


def heading(title: str, said: str, *, view: str) -> None:
    """Write a page's title and its question, and show what is selected.

    Parameters
    ----------
    title, said : str
    view : str
        The page, as `dashboard.pages` names its module.
    """
    st.title(title, anchor=False)
    caption(said)
    bar.show(view)


def answer(said: str, *, key: str = "answer-first") -> None:
    """Write what a page comes down to, in one sentence, before anything else."""
    pick.show(f'<p class="answer">{escape(unbroken(said))}</p>', key=key)


def section(title: str, said: str = "") -> None:
    """Write a section's title and how to read what follows."""
    st.subheader(title, anchor=False)
    if said:
        caption(said)


def caption(said: str) -> None:
    """Write small print, in which no number is torn from its unit; Markdown."""
    st.caption(unbroken(said))


@contextmanager
def fold(title: str, *, key: str, icon: str | None = None) -> Iterator[bool]:
    """Fold something away; what is inside is only made once the fold is open.

    Parameters
    ----------
    title : str
    key : str
        Of the fold; the address says by it that it is open.
    icon : str, optional

    Yields
    ------
    bool
        Whether it is open.
    """
    place = st.expander(unbroken(title), key=key, icon=icon, bind="query-params")
    with place:
        yield bool(place.open)


@contextmanager
def popover(
    title: str,
    *,
    key: str,
    holds: Collection[str],
    width: Literal["stretch", "content"] = "content",
) -> Iterator[bool]:
    """Offer choices that open over the page; they are only made where they are seen or at work.

    Parameters
    ----------
    title : str
    key : str
    holds : collection of str
        Names under which the address holds what is chosen inside. While it holds one
        of them, the choices are made though nobody sees them: they are in force.
    width : {"content", "stretch"}

    Yields
    ------
    bool
        Whether to make the choices; where not, each is at its default.
    """
    place = st.popover(
        title, icon=":material/tune:", key=key, on_change="rerun", width=width
    )
    with place:
        yield bool(place.open) or any(name in st.query_params for name in holds)


def explain(error: Exception) -> None:
    """Say what is missing and the command that makes it."""
    text = str(error)
    command = _COMMAND.search(text)
    said = text.split(":")[0] if command else text
    st.info(said[:1].upper() + said[1:] + ".", icon=":material/info:")
    if command:
        _say_what_makes_it(command.group(1))


def _say_what_makes_it(command: str) -> None:
    """Name the command that makes what is missing; without a model, from which all is made, the one that makes all."""
    stages = {stage.name: stage for stage in attempt(loaders.chain) or ()}
    model = stages.get(MODEL.name)
    also = ""
    is_missing = model is not None and model.state == "missing"
    if is_missing and not command.startswith(("covers train", "covers scan")):
        if why := _why_untrained():
            caption(f"It needs a trained network, and {markup.plain(why)}.")
            return
        command = f"covers run -w {quote(arguments.workspace().root)}"
        also = ", with what it is made from"
    caption(
        f"This command makes it{also}; the page follows by itself on the next click:"
    )
    show_command(command)


def show_command(command: str) -> None:
    """Show a command to copy; in one colour and never wider than the page, so that all can read it."""
    st.code(command, language=None, wrap_lines=True)


def _why_untrained() -> str:
    """Say why no network can be trained on this library; empty where one can."""
    try:
        refuse_too_little(loaders.front_door().catalogue)
    except CoversError as error:
        return str(error)
    return ""


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


def open_on_map(cover_id: str) -> None:
    """Have the map drawn with a cover brought into view."""
    open_page("covermap", {"cover": cover_id, **bar.link_parameters()})


def go_on() -> None:
    """Go to the chosen page, before anything of this one is drawn."""
    if _NEXT in st.session_state:
        view, query = st.session_state.pop(_NEXT)
        st.switch_page(st.session_state["pages"][view], query_params=query)


def open_cover(cover_id: str) -> None:
    """Have the search page drawn with a cover."""
    open_page("search", {"cover": cover_id, **bar.link_parameters()})


def gallery(
    library: Library,
    found: Sequence[Any] | Rows,
    *,
    key: str,
    looks: GalleryLooks | None = None,
    then: Callable[[str], None] = open_cover,
) -> None:
    """Show covers in pages; choosing one calls `then` before anything is drawn.

    Of `found`, rows of the library or entries as `looks` takes them, only those of
    the page that is shown are looked at. Covers of one design are one picture.
    """
    how = looks or GalleryLooks()
    is_rows = isinstance(found, np.ndarray)
    rows = np.asarray(
        found if is_rows else [how.row_of(one) for one in found], np.int64
    )
    order, n_same = loaders.looks().fold(rows)
    of = crc32(rows.tobytes())
    with paged(len(order), how.per_page, key=f"{key}-page", of=of) as part:
        shown = [
            replace(how.item(found[i]), n_same=n)
            for i, n in zip(order[part].tolist(), n_same[part].tolist(), strict=True)
        ]
        html = markup.gallery(
            library, shown, size=how.size, captions=how.captions, empty=how.empty
        )
        pick.show(html, key=key, then=then)


def folded(items: Sequence[Item]) -> list[Item]:
    """Keep the first of the covers of each design, with their number."""
    rows = np.array([item.row for item in items], np.int64)
    order, n_same = loaders.looks().fold(rows)
    return [
        replace(items[i], n_same=n)
        for i, n in zip(order.tolist(), n_same.tolist(), strict=True)
    ]


@contextmanager
def paged(n: int, per_page: int, *, key: str, of: object = "") -> Iterator[slice]:
    """Give the part of `n` things that is shown, and offer the other pages below it.

    Parameters
    ----------
    n, per_page : int
    key : str
        Under it the address holds the page, and a mark of what it is a page of.
    of : object
        What the things are, as text: others begin at their first page.

    Yields
    ------
    slice
    """
    n_pages = max(1, -(-n // per_page))
    mark = f"{crc32(f'{n} {of}'.encode()):08x}"[:4]
    number, _, known = st.query_params.get(key, "").partition("-")
    is_here = known == mark and number.isdecimal() and 1 <= int(number) <= n_pages
    page = int(number) if is_here else 1
    yield slice((page - 1) * per_page, page * per_page)
    if n_pages == 1:
        return
    if st.session_state.get(key) != page:
        st.session_state[key] = page

    def turn() -> None:
        st.query_params[key] = f"{st.session_state[key]}-{mark}"

    st.pagination(n_pages, key=key, on_change=turn)


def choose_years(library: Library, *, key: str = "years") -> tuple[int, int] | None:
    """Let a span of years be chosen; None where it is all there are."""
    span = library.year_range
    if span is None or span[0] == span[1]:
        return None
    chosen = st.slider("Years", *span, span, key=key, bind="query-params")
    return None if chosen == span else chosen
