"""Which covers look like this one, which genres it looks like, and why."""

from __future__ import annotations

import hashlib
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from covers.classify.answers import METHODS
from covers.classify.methods import Method
from covers.classify.query import Queries
from covers.cli.dashboard import MOST_MEBIBYTES
from covers.errors import BrokenImageError, CoversError
from covers.render import charts
from covers.render.numbers import count
from dashboard import loaders
from dashboard.components import paste, pick
from dashboard.data import lookup
from dashboard.layout import frame, markup
from dashboard.layout.frame import fragment
from dashboard.layout.markup import Item
from dashboard.views import search_words
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from covers.classify.answers import Classification
    from covers.classify.query import Query
    from covers.index.hits import Hit
    from dashboard.data.library import Library

_HEAT = "search-heat"
_QUERY = "search-query"
_VOTERS_SHOWN = 15


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Search",
        "Drop or paste a picture, or take a cover of the library: which covers look like it, and which genres?",
    )
    library = loaders.library()
    index = loaders.front_door().index
    loaders.warm_up()
    frame.warn_if_stale("index")
    cover_id = _choose(library)
    query, shown = _query(library, cover_id)
    if query is None:
        _suggest(library)
        return
    st.session_state[_QUERY] = query, index.generation
    _head(library, query, shown)
    _alike()


def _choose(library: Library) -> str:
    """Let the reader choose, and return the cover of the address, empty for none."""
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
            rows = library.find(text, limit=60)
            if not rows:
                st.caption("No cover of that name.")
            else:
                pick.show(
                    markup.gallery(
                        library,
                        [Item(row=row) for row in rows[:12]],
                        size="small",
                        captions=False,
                    ),
                    key="search-found",
                    then=_go_to,
                )
                if len(rows) > 12:
                    st.caption("The first 12; more words find fewer.")
        search_words.show(library, _go_to)
    content = None
    try:
        content = paste.pasted_picture(key="paste") or (
            file.getvalue() if file else None
        )
    except BrokenImageError as error:
        st.error(
            f"This picture cannot be used: {frame.plain(str(error))}.",
            icon=":material/broken_image:",
        )
    if content is not None:
        _take(content)
    return str(st.query_params.get("cover", ""))


def _take(content: bytes) -> None:
    """Embed a picture from outside, and forget its file."""
    try:
        taken = lookup.take_picture(loaders.front_door(), content)
    except BrokenImageError as error:
        st.error(
            f"This picture cannot be used: {frame.plain(str(error))}.",
            icon=":material/broken_image:",
        )
        return
    st.session_state["search-outside"] = taken
    st.session_state["search-round"] += 1
    st.session_state.pop(_HEAT, None)
    st.query_params.pop("cover", None)
    st.rerun()


def _go_to(cover_id: str) -> None:
    """Take a cover of the library; the address keeps it."""
    st.session_state.pop("search-outside", None)
    st.session_state.pop(_HEAT, None)
    st.session_state.pop("alike-page", None)
    st.query_params["cover"] = cover_id


def _query(library: Library, cover_id: str) -> tuple[Query | None, str]:
    """Return what is asked about, and a small copy of a picture from outside."""
    index = loaders.front_door().index
    if "search-outside" in st.session_state and not cover_id:
        taken: tuple[Query, str] = st.session_state["search-outside"]
        if len(taken[0].embedding) == index.dimension:
            return taken
        del st.session_state["search-outside"]
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
    """Show the query with the genres it may belong to."""
    answer, problem = None, None
    try:
        (answer,) = loaders.front_door().classify(Queries(items=(query,)))
    except (CoversError, IndexerError) as error:
        problem = error
    below = ""
    if answer is not None:
        below = (
            f'<div class="verdict">{escape(answer.headline)}</div>'
            f'<div class="muted">{escape(answer.said)}</div>'
        )
    if shown:
        known = library.position.get(query.cover_id)
        name = (
            f"Your picture; it is in the library as {library.full_title(known)}"
            if known is not None
            else "Your picture"
        )
        html = (
            f'<div class="full"><div class="art"><img src="{shown}" alt="Your picture"></div>'
            f"<div><h3>{escape(name)}</h3>{below}</div></div>"
        )
    else:
        html = markup.full_cover(library, library.position[query.cover_id], below)
    pick.show(html, key="query")
    if problem is not None:
        frame.explain(problem)
    if answer is not None:
        _evidence(library, query, answer)


def _evidence(library: Library, query: Query, answer: Classification) -> None:
    voters = [voter for voter in answer.voters if voter.cover_id in library.position]
    voters.sort(key=lambda voter: -voter.weight)
    left, right = st.columns(2, gap="large")
    with left:
        frame.section(
            "Genres",
            "Calibrated probabilities of network and vote together, and of each alone.",
        )
        by_method = {method: answer.by_method[method] for method in reversed(METHODS)}
        pick.show(charts.distributions(by_method, library.colours), key="answer")
    with right:
        frame.section(
            "The vote",
            f"{count(len(voters), 'cover')} vote, near ones weigh more"
            + (
                f"; here are the {_VOTERS_SHOWN} that weigh most"
                if len(voters) > _VOTERS_SHOWN
                else ""
            )
            + f". {answer.flip_in_words}",
        )
        items = [
            Item(
                row=(row := library.position[voter.cover_id]),
                badge=f"{100 * voter.weight:.1f} %",
                tip=f"{library.full_title(row)}\n{', '.join(library.genres[row])}\nsimilarity {voter.similarity:.2f}, {100 * voter.weight:.1f} % of the vote",
            )
            for voter in voters[:_VOTERS_SHOWN]
        ]
        pick.show(
            markup.gallery(library, items, size="small", captions=False),
            key="voters",
            then=_go_to,
        )
    _heat(query, answer)


def _heat(query: Query, answer: Classification) -> None:
    """Show on demand where the network looked."""
    network = answer.by_method[Method.NETWORK]
    genres = sorted(network, key=lambda genre: -network[genre])
    with st.expander(
        "Where the network looked",
        icon=":material/center_focus_strong:",
        key="heat-open",
        on_change="rerun",
    ) as box:
        if not box.open:
            return
        genre = st.selectbox("For the genre", genres, key="heat-genre")
        try:
            door = loaders.front_door()
            name = hashlib.sha256(
                f"{query.cover_id} {genre} {door.card.fingerprint}".encode()
            ).hexdigest()
            if st.session_state.get(_HEAT, ("", ""))[0] != name:
                heat = door.explain(query, genre=genre).picture
                st.session_state[_HEAT] = (name, lookup.data_uri(heat))
            uri = st.session_state[_HEAT][1]
        except (CoversError, OSError) as error:
            st.caption(f"Not to be had: {frame.plain(str(error))}.")
            return
        pick.show(
            f'<div class="full" style="grid-template-columns:minmax(140px,320px)"><div class="art"><img src="{uri}" '
            f'alt="Heat map of what speaks for {escape(genre)}"></div></div>',
            key="heat",
        )
        st.caption(
            f"Yellow parts speak most for {genre}, violet ones less, grey ones hardly (Grad-CAM on the deepest feature map). "
            "Coarse, and no proof of why."
        )


@fragment
def _alike() -> None:
    library, door = loaders.library(), loaders.front_door()
    index = door.index
    query, generation = st.session_state[_QUERY]
    walked_on = st.query_params.get("cover", query.cover_id) != query.cover_id
    if index.generation != generation or walked_on:
        st.rerun()
    frame.section(
        "Covers most like it", "Cosine similarity on each; choose one to walk on."
    )
    k, where, once = _filters(library)
    if where is None:
        return
    hits = door.search(
        query, k, where=where, one_per_artist=once, among=library.position
    )

    def item(hit: Hit) -> Item:
        row = library.position[hit.cover_id]
        return Item(
            row=row,
            badge=f"{hit.similarity:.2f}",
            tip=f"{library.full_title(row)}\nsimilarity {hit.similarity:.3f}",
        )

    frame.gallery(
        library,
        hits.hits,
        item=item,
        key="alike",
        per_page=24,
        empty="No cover passes these filters.",
        then=_go_to,
    )
    st.caption(
        f"{count(len(hits), 'cover')}; generation {index.generation} of the index, n = {len(index):,}."
    )


def _filters(library: Library) -> tuple[int, dict[str, Any] | None, bool]:
    """Let filters be chosen.

    Returns
    -------
    k : int
        How many covers.
    where : dict or None
        As `Library.search` takes it; None where no artist is called what was typed.
    one_per_artist : bool
    """
    where: dict[str, Any] = {}
    artist, once = "", False
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        where["genre"] = st.multiselect(
            "Genres",
            list(library.genre_counts),
            key="genre",
            bind="query-params",
            width=300,
        )
        if any(library.artists):
            artist = st.text_input(
                "Artist", key="artist", bind="query-params", width=220
            )
            once = st.toggle("One per artist", key="once", bind="query-params")
        k = st.select_slider(
            "How many",
            [12, 24, 48, 96],
            key="k",
            value=24,
            bind="query-params",
            width=200,
        )
    where["year"] = frame.choose_years(library)
    where["artist"] = _artist_like(library, artist)
    if artist and not where["artist"]:
        st.caption(f"No artist called {frame.plain(artist)}.")
        return k, None, once
    return k, {name: value for name, value in where.items() if value}, once


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


def _suggest(library: Library) -> None:
    """Offer covers to begin with: one per genre."""
    frame.section("Or begin with one of these")
    rows = []
    for code in range(len(library.vocab)):
        members = (library.main_genre == code).nonzero()[0]
        if len(members):
            rows.append(int(min(members, key=lambda row: library.cover_ids[row])))
    pick.show(
        markup.gallery(library, [Item(row=row) for row in rows[:24]]),
        key="suggested",
        then=_go_to,
    )
