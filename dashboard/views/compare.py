"""Two covers or two genres side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from covers.classify.answers import METHODS
from covers.classify.methods import Method
from covers.errors import CoversError
from covers.overlap.page import pairs
from covers.overlap.page.sentences import say_pair
from covers.render import html
from covers.render.charts import bars
from covers.render.numbers import note_on_parts, number, per_cent, span
from dashboard import loaders
from dashboard.components import pick
from dashboard.data import breakdown
from dashboard.layout import bar, frame, markup
from dashboard.layout.markup import Item
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from dashboard.data.breakdown import GenreShare
    from dashboard.data.library import Library, Rows
    from dashboard.data.selection import Selection


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Compare",
        "Two covers, two genres, or a selection and the rest, side by side: genres, typical covers, colours, and what the vote says.",
        view="compare",
    )
    library = loaders.library()
    left = _side_of_address("left", library)
    right = _side_of_address("right", library)
    if left is None and right is None and len(library.vocab) > 1:
        measured = frame.attempt(loaders.overlap)
        ranked = measured.ranked() if measured else ()
        if bar.selected() is not None:
            left, right = "selection:", "rest:"
        else:
            both = (ranked[0].a, ranked[0].b) if ranked else library.vocab[:2]
            left, right = (f"genre:{name}" for name in both)
    with st.container(key="sides"):
        columns = st.columns(2, gap="large")
    sides = []
    for name, column, side in zip(
        ("left", "right"), columns, (left, right), strict=True
    ):
        with column:
            sides.append(_choose(name, library, side))
    a, b = sides
    if a and b:
        _relation(library, a, b)
    shares = _shares(library, [side for side in sides if side])
    columns = st.columns(2, gap="large")
    for name, column, side in zip(("left", "right"), columns, sides, strict=True):
        with column:
            if side:
                _portrait(library, name, side, shares)


def _side_of_address(name: str, library: Library) -> str | None:
    """Read one side from the address; None where it names nothing that exists."""
    kind, _, value = st.query_params.get(name, "").partition(":")
    if kind == "genre" and value in library.genre_counts:
        return f"genre:{value}"
    if kind in ("selection", "rest"):
        return f"{kind}:" if bar.selected() is not None else None
    return f"cover:{value}" if kind == "cover" and value in library.position else None


def _choose(name: str, library: Library, side: str | None) -> str | None:
    label = "Left" if name == "left" else "Right"
    kind, _, value = (side or "").partition(":")
    genres = list(library.genre_counts)
    # The keys hold what is shown, so that a followed link sets the widgets too.
    text = st.text_input(
        f"{label}: find a cover",
        key=f"{name}-find",
        placeholder="Artist, album or file",
    )
    rows = library.find(text, limit=12) if text else []
    if text and not rows:
        frame.caption("No cover of that name.")
    if rows:

        def take_cover(cover_id: str) -> None:
            st.query_params[name] = f"cover:{cover_id}"
            st.session_state[f"{name}-find"] = ""

        pick.show(
            markup.gallery(
                library, [Item(row=row) for row in rows], size="small", captions=False
            ),
            key=f"{name}-found",
            then=take_cover,
        )
    key = f"{name}-genre-{side}"

    def take_genre() -> None:
        st.query_params[name] = f"genre:{st.session_state[key] or ''}"

    st.selectbox(
        f"{label}: genre",
        genres,
        index=genres.index(value) if kind == "genre" else None,
        placeholder="Choose a genre",
        key=key,
        on_change=take_genre,
    )
    return side


def _relation(library: Library, a: str, b: str) -> None:
    """Say how the two sides are related, in numbers."""
    (kind_a, _, one), (kind_b, _, other) = a.partition(":"), b.partition(":")
    facts: list[tuple[str, str]] = []
    if {kind_a, kind_b} & {"selection", "rest"}:
        return
    if kind_a == kind_b == "genre" and one != other:
        measured = frame.attempt(loaders.overlap)
        pair = measured.pair(one, other) if measured else None
        if pair:
            facts = pairs.facts(pair, one, other)
            frame.caption(say_pair(pair))
    elif kind_a == kind_b == "cover":
        try:
            index = loaders.front_door().index
            if one in index and other in index:
                vectors = index.reconstruct([one, other])
                facts.append(
                    (
                        f"{float(vectors[0] @ vectors[1]):.2f}",
                        "similarity of the two covers",
                    )
                )
        except (CoversError, IndexerError) as error:
            frame.explain(error)
    else:
        genre, cover = (one, other) if kind_a == "genre" else (other, one)
        answers = loaders.votes_or_none()
        answer = answers.answer_of.get(library.position[cover]) if answers else None
        if answers is not None and answer is not None and genre in answers.vocab:
            probabilities = answers.distributions[Method.COMBINED]
            p = probabilities[answer, answers.vocab.index(genre)]
            facts.append((f"{100 * p:.0f} %", f"probability that the cover is {genre}"))
    if facts:
        pick.show(html.figures(facts), key="relation")


def _shares(library: Library, sides: list[str]) -> dict[str, list[GenreShare]]:
    """Return the genres of the selection and of the rest, where they are looked at."""
    chosen = bar.selected()
    some = [side for side in sides if side in ("selection:", "rest:")]
    if chosen is None or not some:
        return {}
    found = [
        breakdown.genre_shares(library, _rows_of(chosen, library, side))
        for side in some
    ]
    return dict(zip(some, breakdown.side_by_side(found), strict=True))


def _rows_of(chosen: Selection, library: Library, side: str) -> Rows:
    mask = chosen.mask(len(library))
    return np.flatnonzero(~mask) if side == "rest:" else chosen.rows


def _portrait(
    library: Library, name: str, side: str, shares: dict[str, list[GenreShare]]
) -> None:
    kind, _, value = side.partition(":")
    if kind == "cover":
        _cover(library, name, library.position[value])
    elif kind == "genre":
        _genre(library, name, value)
    else:
        _some(library, name, side, shares)


def _some(
    library: Library, name: str, side: str, shares: dict[str, list[GenreShare]]
) -> None:
    """Show the genres and colours of the selection, or of all other covers."""
    chosen = bar.selected()
    if chosen is None:
        return
    rows = _rows_of(chosen, library, side)
    title = "The rest" if side == "rest:" else f"Selection: {chosen.title}"
    frame.section(markup.plain(title), f"n = {len(rows):,} covers.")
    _colours(rows, name)
    if here := shares.get(side):
        frame.caption(
            "Times as frequent as in the whole library, 95 % intervals by group bootstrap."
        )
        lifts = [
            (
                one.genre,
                one.lift,
                one.lift_ci95,
                f"{one.genre}: {number(one.lift, '.2f')} times ({span(one.lift_ci95, '.2f')})\n{per_cent(one.share)} of these covers",
            )
            for one in here
        ]
        reach = max(one.lift_ci95[1] for some in shares.values() for one in some)
        drawn = bars.lift_dots(lifts, library.colours, reach=reach)
        pick.show(drawn, key=f"{name}-lift")
    frame.gallery(
        library,
        rows,
        key=f"{name}-some",
        looks=frame.GalleryLooks(per_page=12, size="row", captions=False),
    )


def _colours(rows: Rows, name: str) -> None:
    """Show the leading colours of some covers, where they were measured."""
    colours, shares = loaders.looks().colours_of(rows)
    if colours:
        pick.show(html.swatches(colours, shares), key=f"{name}-colours")
        frame.caption("Leading colours of its covers, wide by their share.")


def _cover(library: Library, name: str, row: int) -> None:
    cover_id = library.cover_ids[row]
    colours, shares = loaders.looks().palette(row)
    below = html.swatches(colours, shares) if colours else ""
    pick.show(markup.full_cover(library, row, below), key=f"{name}-full")
    try:
        door = loaders.front_door()
        if cover_id not in door.index:
            return
        (answer,) = door.classify([cover_id])
    except (CoversError, IndexerError) as error:
        frame.explain(error)
        return
    frame.section(answer.headline, answer.said)
    pick.show(
        bars.distributions(
            {method: answer.by_method[method] for method in reversed(METHODS)},
            library.colours,
            n_shown=5,
        ),
        key=f"{name}-answer",
    )
    hits = door.search(cover_id, 8, one_per_artist=True, among=library.all_ids)
    frame.caption("Most like it, one per artist.")
    pick.show(
        markup.gallery(
            library,
            frame.folded(
                [
                    Item(
                        row=library.position[hit.cover_id],
                        badge=f"{hit.similarity:.2f}",
                    )
                    for hit in hits
                ]
            ),
            size="small",
            captions=False,
        ),
        key=f"{name}-alike",
        then=frame.open_cover,
    )


def _genre(library: Library, name: str, genre: str) -> None:
    rows = library.rows_with([genre])
    measured = frame.attempt(loaders.overlap)
    typical = library.rows_of(measured.prototypes.get(genre, ()) if measured else ())
    frame.section(genre, f"n = {len(rows):,} covers.")
    _colours(rows, name)
    if typical:
        frame.caption("Typical: in the midst of their own genre, one per artist.")
    else:
        typical = [
            int(row) for row in sorted(rows, key=lambda row: library.cover_ids[row])[:6]
        ]
        frame.caption("Some of its covers; `covers overlap` finds the typical ones.")
    pick.show(
        markup.gallery(library, frame.folded([Item(row=row) for row in typical])),
        key=f"{name}-typical",
        then=frame.open_cover,
    )
    evaluation = frame.attempt(loaders.evaluation)
    if evaluation is None or evaluation.several_genres:
        return
    if genre in evaluation.genres:
        i = evaluation.genres.index(genre)
        line = np.asarray(evaluation.methods[Method.VOTE].confusion[i], float)
        if line.sum() > 0:
            frame.caption(
                f"What the vote reads on its n = {line.sum():,.0f} held-out covers.{note_on_parts(line)}"
            )
            order = np.argsort(-line)[:6]
            shares = line / line.sum()
            drawn = html.share_bars(
                [
                    (evaluation.genres[j], shares[j], per_cent(shares[j]))
                    for j in order
                    if shares[j] > 0
                ],
                library.colours,
            )
            pick.show(drawn, key=f"{name}-read")
