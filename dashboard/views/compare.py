"""Two covers or two genres side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from covers.classify.answers import METHODS
from covers.errors import CoversError
from covers.render import charts, html
from covers.render.numbers import note_on_parts, per_cent
from dashboard import loaders
from dashboard.components import pick
from dashboard.data import pairs
from dashboard.layout import frame, markup
from dashboard.layout.markup import Item
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from dashboard.data.library import Library

_MOST_COLOURED = 400
_N_COLOURS = 8


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Compare",
        "Two covers or two genres side by side: typical covers, colours, and what the vote says.",
    )
    library = loaders.library()
    left = _side_of_address("left", library)
    right = _side_of_address("right", library)
    if left is None and right is None and len(library.vocab) > 1:
        measured = frame.attempt(loaders.overlap)
        closest = max(
            (measured or {}).get("pairs", ()),
            key=lambda p: p["overlap"] or 0,
            default=None,
        )
        both = (closest["a"], closest["b"]) if closest else library.vocab[:2]
        left, right = (f"genre:{name}" for name in both)
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
    columns = st.columns(2, gap="large")
    for name, column, side in zip(("left", "right"), columns, sides, strict=True):
        with column:
            if side:
                _portrait(library, name, side)


def _side_of_address(name: str, library: Library) -> str | None:
    """Read one side from the address; None where it names nothing that exists."""
    kind, _, value = st.query_params.get(name, "").partition(":")
    if kind == "genre" and value in library.genre_counts:
        return f"genre:{value}"
    return f"cover:{value}" if kind == "cover" and value in library.position else None


def _choose(name: str, library: Library, side: str | None) -> str | None:
    label = "Left" if name == "left" else "Right"
    kind, _, value = (side or "").partition(":")
    genres = list(library.genre_counts)
    # The keys hold what is shown, so that a followed link sets the widgets too.
    text = st.text_input(
        f"{label}: find a cover",
        key=f"{name}-find",
        placeholder="Artist, album or file name; or choose a genre below",
    )
    rows = library.find(text, limit=12) if text else []
    if text and not rows:
        st.caption("No cover of that name.")
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
    if kind_a == kind_b == "genre" and one != other:
        measured = frame.attempt(loaders.overlap)
        pair = pairs.find_pair(measured, one, other) if measured else None
        if pair:
            facts = pairs.facts(pair, one, other)
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
        answers = frame.attempt(loaders.votes)
        answer = answers.answer_of.get(library.position[cover]) if answers else None
        if answers is not None and answer is not None and genre in answers.vocab:
            p = answers.distributions["network + vote"][
                answer, answers.vocab.index(genre)
            ]
            facts.append((f"{100 * p:.0f} %", f"probability that the cover is {genre}"))
    if facts:
        pick.show(html.figures(facts), key="relation")


def _portrait(library: Library, name: str, side: str) -> None:
    kind, _, value = side.partition(":")
    if kind == "cover":
        _cover(library, name, library.position[value])
    else:
        _genre(library, name, value)


def _cover(library: Library, name: str, row: int) -> None:
    cover_id = library.cover_ids[row]
    colours, shares = loaders.palettes().get(cover_id, ([], []))
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
        charts.distributions(
            {method: answer.by_method[method] for method in reversed(METHODS)},
            library.colours,
            n_shown=5,
        ),
        key=f"{name}-answer",
    )
    hits = door.search(cover_id, 8, one_per_artist=True, among=library.position)
    st.caption("Most like it, one per artist.")
    pick.show(
        markup.gallery(
            library,
            [
                Item(row=library.position[hit.cover_id], badge=f"{hit.similarity:.2f}")
                for hit in hits
            ],
            size="small",
            captions=False,
        ),
        key=f"{name}-alike",
        then=frame.open_cover,
    )


def _genre(library: Library, name: str, genre: str) -> None:
    rows = library.rows_with([genre])
    measured = frame.attempt(loaders.overlap)
    typical = library.rows_of((measured or {}).get("prototypes", {}).get(genre, ()))
    colours, shares = _colours_of(library, rows)
    frame.section(genre, f"n = {len(rows):,} covers.")
    if colours:
        pick.show(html.swatches(colours, shares), key=f"{name}-colours")
        st.caption("Leading colours of its covers, wide by their share.")
    if typical:
        st.caption("Typical: in the midst of their own genre, one per artist.")
    else:
        typical = [
            int(row) for row in sorted(rows, key=lambda row: library.cover_ids[row])[:6]
        ]
        st.caption("Some of its covers; `covers overlap` finds the typical ones.")
    pick.show(
        markup.gallery(library, [Item(row=row) for row in typical]),
        key=f"{name}-typical",
        then=frame.open_cover,
    )
    evaluation = frame.attempt(loaders.evaluation)
    if (
        evaluation
        and genre in evaluation["genres"]
        and not evaluation["several_genres"]
    ):
        i = evaluation["genres"].index(genre)
        line = np.asarray(evaluation["methods"]["vote"]["confusion"][i], float)
        if line.sum() > 0:
            st.caption(
                f"What the vote reads on its n = {line.sum():,.0f} held-out covers.{note_on_parts(line)}"
            )
            order = np.argsort(-line)[:6]
            shares = line / line.sum()
            bars = html.share_bars(
                [
                    (evaluation["genres"][j], shares[j], per_cent(shares[j]))
                    for j in order
                    if shares[j] > 0
                ],
                library.colours,
            )
            pick.show(bars, key=f"{name}-read")


def _colours_of(library: Library, rows: np.ndarray) -> tuple[list[str], list[float]]:
    """Return the leading colours of some covers: of at most 400 of them, near ones joined."""
    palettes = loaders.palettes()
    weight: dict[tuple[int, int, int], list[float]] = {}
    for row in rows[:: max(1, len(rows) // _MOST_COLOURED)]:
        for colour, share in zip(
            *palettes.get(library.cover_ids[row], ([], [])), strict=True
        ):
            rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
            entry = weight.setdefault(tuple(v // 52 for v in rgb), [0.0, 0.0, 0.0, 0.0])  # type: ignore[arg-type]
            for i in range(3):
                entry[i] += share * rgb[i]
            entry[3] += share
    leading = sorted(weight.values(), key=lambda entry: -entry[3])[:_N_COLOURS]
    total = sum(entry[3] for entry in leading) or 1.0
    colours = [
        "#" + "".join(f"{round(entry[i] / entry[3]):02x}" for i in range(3))
        for entry in leading
    ]
    return colours, [entry[3] / total for entry in leading]
