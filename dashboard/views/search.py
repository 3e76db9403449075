"""Which covers look like this one, which genres it looks like, and why."""

from __future__ import annotations

from heapq import nsmallest
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from covers.catalogue.links import find_links
from covers.classify.answers import METHODS
from covers.classify.query import Queries
from covers.cli.dashboard import MOST_MEBIBYTES
from covers.errors import BrokenImageError, CoversError
from covers.render import cards
from covers.render.charts import bars
from covers.render.numbers import count, unbroken
from dashboard import loaders
from dashboard.components import paste, pick
from dashboard.data import folder, lookup
from dashboard.layout import bar, frame, markup
from dashboard.layout.markup import Item
from dashboard.views import search_alike, search_words
from dashboard.views.search_heat import heat_beside
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from covers.classify.answers import Classification
    from covers.classify.query import Query
    from dashboard.data.library import Library

_VOTERS_SHOWN = 15
_SUGGESTED = 16
_OUTSIDE = "search-outside"
"""Where the pictures from outside are held, by their mark, until the browser tab is closed."""
_MOST_OUTSIDE = 3


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Search",
        "Drop or paste a picture, or take a cover of the library: which covers look like it, and which genres?",
        view="search",
    )
    library = loaders.library()
    index = loaders.front_door().index
    frame.warn_if_stale("index")
    _take_pasted()
    query, shown = _query(library)
    if query is None:
        _choose(library)
        _suggest(library)
        return
    st.session_state[search_alike.QUERY] = query, index.generation
    _head(library, query, shown)
    search_alike.show()
    said, icon = "Ask about another picture", ":material/image_search:"
    with frame.fold(said, key="another-open", icon=icon) as is_open:
        if is_open:
            _choose(library)


def _take_pasted() -> None:
    try:
        content = paste.pasted_picture(key="paste")
    except BrokenImageError as error:
        _refuse(error)
        return
    if content is not None:
        _take(content)


def _refuse(error: Exception) -> None:
    st.error(
        f"This picture cannot be used: {markup.plain(str(error))}.",
        icon=":material/broken_image:",
    )


def _choose(library: Library) -> None:
    """Let a picture or a cover be chosen."""
    loaders.warm_up()
    left, right = st.columns([1, 1], gap="medium")
    with left:
        round_ = st.session_state.setdefault("search-round", 0)
        file = st.file_uploader(
            "Picture",
            type=["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif"],
            key=f"upload-{round_}",
            help=f"At most {MOST_MEBIBYTES} MB. Pasting with Ctrl+V works too. Nothing is kept.",
        )
    with right:
        text = st.text_input(
            "Or a cover of the library",
            key="search-text",
            placeholder="Artist, album or file name",
        )
        if text:
            _found(library, text)
        search_words.show(library, search_alike.go_to)
    if file:
        _take(file.getvalue())


def _found(library: Library, text: str) -> None:
    rows = library.find(text, limit=60)
    if not rows:
        frame.caption("No cover of that name.")
        return
    items = frame.folded([Item(row=row) for row in rows])[:12]
    pick.show(
        markup.gallery(library, items, size="small", captions=False),
        key="search-found",
        then=search_alike.go_to,
    )
    if len(rows) > 12:
        frame.caption("The first 12; more words find fewer.")


def _take(content: bytes) -> None:
    """Embed a picture from outside, and forget its file."""
    try:
        with st.spinner(
            "Reading the picture. The first one takes some seconds: the network is loaded."
        ):
            taken = lookup.take_picture(loaders.front_door(), content)
    except BrokenImageError as error:
        _refuse(error)
        return
    mark = search_alike.mark_of(taken[0])
    known: dict[str, tuple[Query, str]] = st.session_state.get(_OUTSIDE, {})
    others = [(name, one) for name, one in known.items() if name != mark]
    st.session_state[_OUTSIDE] = dict([*others, (mark, taken)][-_MOST_OUTSIDE:])
    st.session_state["search-round"] = st.session_state.get("search-round", 0) + 1
    for name in ("cover", "plus", "minus"):
        st.query_params.pop(name, None)
    st.query_params[search_alike.PICTURE] = mark
    st.rerun()


def _query(library: Library) -> tuple[Query | None, str]:
    """Return the picture or cover that the address names, and a small copy of a picture from outside."""
    index = loaders.front_door().index
    cover_id = str(st.query_params.get("cover", ""))
    mark = str(st.query_params.get(search_alike.PICTURE, ""))
    if mark and not cover_id:
        known: dict[str, tuple[Query, str]] = st.session_state.get(_OUTSIDE, {})
        if mark in known and len(known[mark][0].embedding) == index.dimension:
            return known[mark]
        st.warning(
            "This address is of a picture that was uploaded or pasted earlier, and such pictures are not kept. Give it again to see it.",
            icon=":material/link_off:",
        )
        return None, ""
    if not cover_id:
        return None, ""
    if cover_id not in library.position or cover_id not in index:
        st.warning(
            "This address names a cover that is not, or no longer, in the library.",
            icon=":material/link_off:",
        )
        return None, ""
    return loaders.front_door().ask([cover_id]).items[0], ""


def _head(library: Library, query: Query, shown: str) -> None:
    """Show the query with the genres it may belong to, the likeliest first."""
    answer, problem = None, None
    try:
        (answer,) = loaders.front_door().classify(Queries(items=(query,)))
    except (CoversError, IndexerError) as error:
        problem = error
    row = library.position.get(query.cover_id)
    below = _verdict(answer) if answer else ""
    below += _links(library, row) if row is not None else ""
    if shown and row is not None:
        below = cards.genre_chips(markup.card_of(library, row)) + below
    beside = heat_beside(query, answer) if answer else ""
    if shown:
        name = "Your picture" + (
            f"; it is in the library as {library.full_title(row)}"
            if row is not None
            else ""
        )
        html = cards.in_full(
            f'<img src="{shown}" alt="Your picture">',
            f"<h3>{escape(name)}</h3>{below}",
            beside=beside,
        )
    else:
        html = markup.full_cover(library, row or 0, below, beside=beside)
    pick.show(
        f'<div data-show="{escape(query.cover_id or query.name)}">{html}</div>',
        key="query",
    )
    if problem is not None:
        frame.explain(problem)
    _actions(library, query, answer)
    if answer is not None:
        _evidence(library, answer)


def _verdict(answer: Classification) -> str:
    """Return the likeliest genre with its probability, then what else it could be."""
    likeliest = answer.likeliest
    p = f"{100 * answer.probabilities[likeliest]:.0f} %"
    also = answer.also
    if answer.verdict == "unfamiliar":
        also = "but it is unlike anything in this library"
    return (
        f'<div class="verdict likeliest"><b>{escape(likeliest)}</b><span class="p">{p}</span></div>'
        f'<div class="also">{escape(also)}</div><div class="muted">{escape(unbroken(answer.said))}</div>'
    )


def _links(library: Library, row: int) -> str:
    """Return links to where else the album is known."""
    known = loaders.front_door().catalogue
    at = int(known.rows_of([library.cover_ids[row]])[0])
    if at < 0:
        return ""
    names = [
        n
        for n in known.table.schema.names
        if n in _ID_COLUMNS or n.startswith(("musicbrainz", "discogs"))
    ]
    values = {name: known.table[name][at].as_py() for name in names}
    links = find_links(values)
    shown = "".join(
        f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{escape(site)} &#8599;</a>'
        for site, url in links.items()
    )
    return f'<div class="links">{shown}</div>' if shown else ""


_ID_COLUMNS = ("path", "release_group")


def _actions(library: Library, query: Query, answer: Classification | None) -> None:
    """Offer what can be done with the query."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Show on the map"
            if query.cover_id in library.position
            else "Show the cover most like it on the map",
            icon=":material/scatter_plot:",
            on_click=_on_the_map,
            args=(query,),
        )
        if answer is not None:
            st.toggle("Where the network looked", key="heat", bind="query-params")
        if query.picture is None and query.cover_id in library.position:
            _offer_folder(query.cover_id)


def _offer_folder(cover_id: str) -> None:
    """Offer to show a cover's file in the file manager of this machine."""
    path = folder.file_of(loaders.front_door(), cover_id)
    if path is None:
        return
    wanted = st.button("Open its folder", icon=":material/folder_open:")
    if wanted and not folder.open_folder(path):
        frame.caption(f"No file manager answered; it is at {markup.plain(str(path))}")


def _on_the_map(query: Query) -> None:
    """Show a cover on the map; for a picture from outside the cover most like it."""
    library = loaders.library()
    cover_id = query.cover_id
    if cover_id not in library.position:
        hits = loaders.front_door().search(query, 1, among=library.all_ids)
        if not len(hits):
            return
        cover_id = next(iter(hits)).cover_id
    frame.open_on_map(cover_id)


def _evidence(library: Library, answer: Classification) -> None:
    voters = [voter for voter in answer.voters if voter.cover_id in library.position]
    voters.sort(key=lambda voter: -voter.weight)
    with st.container(key="evidence"):
        left, right = st.columns(2, gap="large")
    with left:
        frame.section(
            "Genres",
            "Calibrated probabilities of network and vote together, and of each alone.",
        )
        by_method = {method: answer.by_method[method] for method in reversed(METHODS)}
        pick.show(bars.distributions(by_method, library.colours), key="answer")
    with right:
        some = (
            f"; here are the {_VOTERS_SHOWN} that weigh most"
            if len(voters) > _VOTERS_SHOWN
            else ""
        )
        frame.section(
            "The vote",
            f"{count(len(voters), 'cover')} vote, near ones weigh more, each for all of its genres; the frame has the colour it has on the map{some}. {answer.flip_in_words}",
        )
        items = [
            Item(
                row=(row := library.position[voter.cover_id]),
                badge=f"{100 * voter.weight:.1f} %",
                ring=library.legend.colour_of_cover[row],
                tip=f"{library.full_title(row)}\n{', '.join(library.genres[row])}\nsimilarity {voter.similarity:.2f}, {100 * voter.weight:.1f} % of the vote",
            )
            for voter in voters[:_VOTERS_SHOWN]
        ]
        pick.show(
            markup.gallery(library, items, size="small", captions=False),
            key="voters",
            then=search_alike.go_to,
        )


def _suggest(library: Library) -> None:
    """Offer covers to begin with: some of each genre."""
    frame.section("Or begin with one of these")
    chosen = bar.selected()
    rows = chosen.rows.tolist() if chosen else some_of_each_genre(library)
    pick.show(
        markup.gallery(
            library, frame.folded([Item(row=row) for row in rows[:96]])[:24]
        ),
        key="suggested",
        then=search_alike.go_to,
    )


def some_of_each_genre(library: Library) -> list[int]:
    """Return about as many covers of each genre, so that they fill two lines."""
    entries = library.legend
    n_each = max(1, -(-_SUGGESTED // max(1, len(entries.names))))
    rows: list[int] = []
    if not entries.names:
        everyone = range(len(library))
        return nsmallest(_SUGGESTED, everyone, key=library.cover_ids.__getitem__)
    for code in range(len(entries.names)):
        members = (entries.main == code).nonzero()[0].tolist()
        rows += nsmallest(n_each, members, key=library.cover_ids.__getitem__)
    return rows
