"""Which covers look like this one, which genres it looks like, and why."""

from __future__ import annotations

import hashlib
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from covers.errors import BrokenImageError, CoversError
from dashboard import charts, frame, loaders, lookup, markup, paste, pick, place
from dashboard.frame import fragment
from dashboard.markup import Item
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from PIL import Image

    from dashboard.library import Library
    from dashboard.lookup import Hit, Query, Reading
    from indexer import VectorIndex

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
    index = loaders.index()
    loaders.warm_up()
    frame.warn_if_stale("index")
    cover_id = _choose(library)
    query = _query(library, index, cover_id)
    if query is None:
        _suggest(library)
        return
    st.session_state[_QUERY] = query, index.generation
    _head(library, index, query)
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
            help=f"At most {lookup.MOST_MEBIBYTES} MB. Pasting with Ctrl+V works too. Nothing is kept.",
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
    limit = place.workspace().settings.intake.max_megapixels
    try:
        query, image = lookup.query_picture(
            content, loaders.model(), max_megapixels=limit
        )
    except BrokenImageError as error:
        st.error(
            f"This picture cannot be used: {frame.plain(str(error))}.",
            icon=":material/broken_image:",
        )
        return
    st.session_state["search-outside"] = (query, image)
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


def _query(library: Library, index: VectorIndex, cover_id: str) -> Query | None:
    if "search-outside" in st.session_state and not cover_id:
        query: Query = st.session_state["search-outside"][0]
        if len(query.embedding) == index.dimension:
            return query
        del st.session_state["search-outside"]
    if not cover_id:
        return None
    if cover_id not in library.position or cover_id not in index:
        st.warning(
            "This address names a cover that is not, or no longer, in the library.",
            icon=":material/link_off:",
        )
        return None
    answers = frame.attempt(loaders.raw_network_answers)
    card = frame.attempt(loaders.card)
    return lookup.query_cover(cover_id, index, answers, card.vocab if card else ())


def _head(library: Library, index: VectorIndex, query: Query) -> None:
    """Show the query with what is read from it."""
    reading, problem = None, None
    try:
        reading = lookup.read_genres(
            query,
            index,
            loaders.decision(),
            library,
            references=loaders.references(),
        )
    except (CoversError, IndexerError) as error:
        problem = error
    below = ""
    if reading is not None:
        headline, said = lookup.put_in_words(reading)
        below = f'<div class="verdict">{escape(headline)}</div><div class="muted">{escape(said)}</div>'
    if query.shown:
        known = library.position.get(query.cover_id)
        name = (
            f"Your picture; it is in the library as {library.full_title(known)}"
            if known is not None
            else "Your picture"
        )
        html = (
            f'<div class="full"><div class="art"><img src="{query.shown}" alt="Your picture"></div>'
            f"<div><h3>{escape(name)}</h3>{below}</div></div>"
        )
    else:
        html = markup.full_cover(library, library.position[query.cover_id], below)
    pick.show(html, key="query")
    if problem is not None:
        frame.explain(problem)
    if reading is not None:
        _evidence(library, query, reading)


def _evidence(library: Library, query: Query, reading: Reading) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        frame.section(
            "Genres",
            "Calibrated probabilities of network and vote together, and of each alone.",
        )
        pick.show(
            charts.distributions(reading.distributions, library.colours), key="reading"
        )
    with right:
        frame.section(
            "The vote",
            f"{markup.count(len(reading.voters), 'cover')} vote, near ones weigh more"
            + (
                f"; here are the {_VOTERS_SHOWN} that weigh most"
                if len(reading.voters) > _VOTERS_SHOWN
                else ""
            )
            + f". {reading.flip}",
        )
        items = [
            Item(
                row=v.row,
                badge=f"{100 * v.weight:.1f} %",
                tip=f"{library.full_title(v.row)}\n{', '.join(library.genres[v.row])}\nsimilarity {v.similarity:.2f}, {100 * v.weight:.1f} % of the vote",
            )
            for v in reading.voters[:_VOTERS_SHOWN]
        ]
        pick.show(
            markup.gallery(library, items, size="small", captions=False),
            key="voters",
            then=_go_to,
        )
    _heat(library, query, reading)


def _heat(library: Library, query: Query, reading: Reading) -> None:
    """Show on demand where the network looked."""
    genres = sorted(
        reading.distributions["cnn"], key=lambda g: -reading.distributions["cnn"][g]
    )
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
            image = _image_of(query)
            model = loaders.model()
            name = hashlib.sha256(
                f"{query.cover_id} {genre} {model.fingerprint}".encode()
            ).hexdigest()
            if st.session_state.get(_HEAT, ("", ""))[0] != name:
                st.session_state[_HEAT] = (name, lookup.show_heat(model, image, genre))
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


def _image_of(query: Query) -> Image.Image:
    from covers.images.decode import decode

    if query.shown:
        image: Image.Image = st.session_state["search-outside"][1]
        return image
    return decode(place.workspace().thumbnail_path(query.cover_id))


@fragment
def _alike() -> None:
    library, index = loaders.library(), loaders.index()
    query, generation = st.session_state[_QUERY]
    walked_on = st.query_params.get("cover", query.cover_id) != query.cover_id
    if index.generation != generation or walked_on:
        st.rerun()
    frame.section(
        "Covers most like it", "Cosine similarity on each; choose one to walk on."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        genres = st.multiselect(
            "Genres",
            list(library.genre_counts),
            key="genre",
            bind="query-params",
            width=300,
        )
        artist, once = "", False
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
    years = None
    if library.year_range and library.year_range[0] < library.year_range[1]:
        low, high = library.year_range
        chosen = st.slider(
            "Years", low, high, (low, high), key="years", bind="query-params"
        )
        years = None if chosen == (low, high) else chosen
    name = _artist_like(library, artist)
    if artist and not name:
        st.caption(f"No artist called {frame.plain(artist)}.")
        return
    hits = lookup.find_alike(
        query,
        index,
        library,
        k=k,
        genres=genres,
        years=years,
        artist=name,
        once_per_artist=once,
    )

    def item(hit: Hit) -> Item:
        return Item(
            row=hit.row,
            badge=f"{hit.similarity:.2f}",
            tip=f"{library.full_title(hit.row)}\nsimilarity {hit.similarity:.3f}",
        )

    frame.gallery(
        library,
        hits,
        item=item,
        key="alike",
        per_page=24,
        empty="No cover passes these filters.",
        then=_go_to,
    )
    st.caption(
        f"{markup.count(len(hits), 'cover')}; generation {index.generation} of the index, n = {len(index):,}."
    )


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
