"""How well genres are read, honestly: the answer, what is confused, then everything else."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from covers.classify.methods import TRAINED, Method
from covers.evaluate.measures import IN_WORDS
from covers.evaluate.page import charts, tables
from covers.evaluate.words.headline import headline_of
from covers.overlap.page import pairs
from covers.render import html
from covers.render.charts.matrix import confusion_matrix, say_confusion
from covers.render.numbers import (
    count,
    note_on_parts,
    number,
    per_cent,
    sentence,
    span_per_cent,
    unbroken,
)
from covers.render.palette import NOISE_COLOUR
from dashboard import loaders
from dashboard.components import pick
from dashboard.data.mistakes import mistakes_csv
from dashboard.layout import bar, frame, markup
from dashboard.layout.frame import GalleryLooks, fragment
from dashboard.layout.markup import Item

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.evaluate.result import Evaluation
    from dashboard.data.analysis import Votes
    from dashboard.data.selection import Selection

_METHODS = tuple(reversed(TRAINED))
_MOST_CELLS = 60


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Model",
        "How well can genres be read off covers that were never seen, and how far can the answers be trusted?",
        view="model",
    )
    loaders.library()
    found = loaders.evaluation()
    frame.warn_if_stale("evaluation")
    _answer(found)
    if not found.several_genres:
        _confusion()
    if loaders.votes_or_none() is not None:
        _mistakes()
    _more()


def _answer(found: Evaluation) -> None:
    """Show three tiles and one sentence."""
    first = headline_of(found)
    frame.answer(first.said)
    low, high = first.right.ci95
    # Any genre of several being right is easier: it has to be said.
    right = "given one of their genres" if first.any_of_several else "right"
    comma = "" if first.alone is None else ","
    ends = f"{right}, of {first.n:,}{comma} {first.which}"
    if math.isfinite(low):
        ends += f" (95 % interval {span_per_cent((low, high))})"
    tiles = [(per_cent(first.right.value), ends, "")]
    if math.isfinite(first.chance):
        tiles.append((per_cent(first.chance), f"{right} by {first.guess}", ""))
    if first.easiest and first.hardest:
        names = f"{first.easiest[0]}, {first.hardest[0]}"
        shown_ends = [
            f"{first.measure} {number(n, '.2f')}"
            for _, n in (first.easiest, first.hardest)
        ]
        said = f"easiest ({shown_ends[0]}) and hardest ({shown_ends[1]}) to read"
        tiles.append((names, said, ' class="words"'))
    shown = "".join(
        f'<div class="tile"><b{kind}>{escape(value)}</b><span>{escape(unbroken(said))}</span></div>'
        for value, said, kind in tiles
    )
    pick.show(f'<div class="tiles">{shown}</div>', key="model-tiles")
    chosen, votes = bar.selected(), loaders.votes_or_none()
    if chosen is not None and votes is not None:
        _within(chosen, votes)


def _within(chosen: Selection, votes: Votes) -> None:
    """Say how many of the selected covers are recognised."""
    inside = (
        np.isin(votes.rows, chosen.rows) & votes.held_out & votes.has_genre.any(axis=1)
    )
    n = int(inside.sum())
    if not n:
        frame.caption("No selected cover was held out, so nothing can be said of them.")
        return
    right = int(votes.right()[inside].sum())
    frame.caption(
        f"Of the selected covers {n:,} were held out; {right:,} of them ({per_cent(right / n)}) are recognised. "
        "What was chosen by its answers, such as a cell below, proves nothing."
    )


@fragment
def _confusion() -> None:
    library, found = loaders.library(), loaders.evaluation()
    votes = loaders.votes_or_none()
    left, right = st.columns([6, 5], gap="large")
    genres = list(found.genres)[:_MOST_CELLS]
    named = pairs.split_cell(st.query_params.get("cell", ""), genres)
    with left:
        frame.section(
            "What is taken for what",
            f"{say_confusion(_measured(found))}, the shade is the share of the row, the brightest the largest there is. Choose a cell to see its covers.",
        )
        known = [m for m in _METHODS if m in found.methods]
        method = st.segmented_control(
            "Read by",
            known,
            default=known[0],
            required=True,
            key="by",
            bind="query-params",
        )
        confusion = found.methods[method].confusion
        chosen = named or _worst(confusion, genres)
        pick.show(
            confusion_matrix(confusion, genres, pairs.name_pair),
            key="confusion",
            chosen=[pairs.name_pair(*chosen)] if chosen else [],
            then=pick.keep_in_address("cell"),
        )
        if note := note_on_parts(np.ravel(confusion)):
            frame.caption(note)
    with right:
        if chosen is None or votes is None:
            return
        rows = votes.cell(method, *chosen)
        if (selection := bar.selected()) is not None:
            rows = selection.keep(rows)
        said = "recognised" if chosen[0] == chosen[1] else f"taken for {chosen[1]}"
        frame.section(
            f"{chosen[0]}, {said}: {count(len(rows), 'cover')}",
            ("" if named else "What is confused most often. ")
            + "The most certain first; one of several genres stands in each of their rows, and counts in parts.",
        )
        text = f"cell:{method}:{pairs.name_pair(*chosen)}"
        bar.choose(text, len(rows), key="select-cell")
        frame.gallery(
            library,
            rows,
            key=f"cell-{method}-{chosen}",
            looks=GalleryLooks(
                per_page=12,
                empty="These covers are no longer in the library, or not selected.",
                item=lambda row: Item(row=row, badge=_certainty(votes, row, method)),
            ),
        )


def _worst(
    confusion: tuple[tuple[float, ...], ...], genres: list[str]
) -> tuple[str, str] | None:
    """Return the two genres that are confused most often; None where none is."""
    counts = np.array(confusion, float)[: len(genres), : len(genres)]
    np.fill_diagonal(counts, 0)
    if not counts.size or not counts.max() > 0:
        return None
    i, j = np.unravel_index(int(counts.argmax()), counts.shape)
    return genres[int(i)], genres[int(j)]


@fragment
def _mistakes() -> None:
    library, votes = loaders.library(), loaders.votes()
    several = loaders.evaluation().several_genres
    what = (
        "whose likeliest genre is none of their own"
        if several
        else "taken for another genre"
    )
    frame.section(
        "Most confident mistakes",
        f"Held-out covers {what}, with the most certainty: surprises, and often wrong labels worth a second look.",
    )
    wrong, predicted = votes.mistakes(), votes.predicted()
    if (selection := bar.selected()) is not None:
        wrong = wrong[np.isin(votes.rows[wrong], selection.rows)]

    def item(answer: int) -> Item:
        genre = votes.vocab[predicted[answer]]
        return Item(
            row=int(votes.rows[answer]),
            badge=f"{100 * votes.certainty[answer]:.0f} %",
            mark=genre,
            mark_colour=library.colours.get(genre, NOISE_COLOUR),
        )

    frame.gallery(
        library,
        wrong.tolist(),
        key="mistakes",
        looks=GalleryLooks(
            per_page=8,
            empty="There is no mistake among the held-out covers.",
            row_of=lambda answer: int(votes.rows[answer]),
            item=item,
        ),
    )
    if len(wrong):
        st.download_button(
            f"Take {len(wrong):,} along as CSV",
            lambda: mistakes_csv(library, votes, wrong),
            "confident-mistakes.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            help="Fill in its column action (keep, relabel, drop) and hand it to 'covers audit --accept'.",
        )


@fragment
def _more() -> None:
    """Fold away what answers further questions."""
    found = loaders.evaluation()
    for key, (title, draw) in _FOLDS.items():
        if key == "leak" and not found.leakage:
            continue
        with frame.fold(title, key=f"{key}-open") as is_open:
            if is_open:
                draw(found)


def _differences(found: Evaluation) -> None:
    said = sentence(IN_WORDS[found.measure])
    frame.caption(
        f"{said} of the first minus that of the second on the same resamples; certain where the interval leaves out 0."
    )
    pick.show(tables.differences_table(found), key="differences")


def _growth(found: Evaluation) -> None:
    frame.caption(
        f"{sentence(IN_WORDS[found.measure])} of the vote with fewer covers to learn from, whole groups ({found.split.grouped_by}) left out; "
        f"band: 95 % interval on n = {_measured(found):,} held-out covers."
    )
    pick.show(charts.learning_curve(found), key="growth")


def _leak(found: Evaluation) -> None:
    measure = IN_WORDS[found.measure]
    frame.caption(
        f"The {measure} that a random split would have claimed, where artists and near-duplicates sit on both sides."
    )
    pick.show(tables.leakage_table(found), key="leakage")


def _methods(found: Evaluation) -> None:
    frame.caption(
        "Blue: what was trained here; grey: baselines, the untrained ones on the backbone before training. "
        "Lines are 95 % intervals by bootstrap over groups, the dotted line is chance; of the calibration error less is better. "
        f"n = {_measured(found):,} held-out covers."
    )
    measures = found.measures
    figure = st.segmented_control(
        "Figure",
        list(measures),
        default=found.measure,
        required=True,
        format_func=measures.__getitem__,
        key="figure",
        bind="query-params",
        label_visibility="collapsed",
    )
    pick.show(charts.method_dots(found, figure), key="methods")


def _genres(found: Evaluation) -> None:
    per_genre = found.methods[Method.COMBINED].per_genre
    level = per_cent(found.sets.level if found.sets else None)
    note = note_on_parts(one.n for one in per_genre.values())
    frame.caption(
        f"Of the {_measured(found):,} held-out covers. "
        f"In its set: how often the prediction set at {level} holds the genre.{note}"
    )
    pick.show(tables.genres_table(found), key="by-genre")


def _trust(found: Evaluation) -> None:
    left, right = st.columns(2, gap="large")
    measured = found.methods[Method.COMBINED]
    with left:
        frame.section(
            "Reliability",
            f"Do stated probabilities come true? On the dotted line they do. Calibration error (ECE) {measured.ece.value:.3f}; "
            f"perfect ones would seem off by {measured.ece_if_calibrated:.3f} on n = {measured.n:,} covers by chance.",
        )
        pick.show(charts.reliability(measured.reliability), key="reliability")
    with right:
        frame.section(
            "Answer only when certain",
            f"How often the first answer is right if only the most certain share of the n = {measured.n:,} covers is answered; band: 95 % interval.",
        )
        pick.show(charts.coverage_accuracy(found), key="coverage")
    if (sets := found.sets) is not None:
        frame.caption(
            f"Prediction sets that promise {100 * sets.level:.0f} % held {100 * sets.coverage:.1f} % of the covers' genres, "
            f"with {sets.mean_size:.1f} of {len(found.genres)} genres on average."
        )


def _conclusions(found: Evaluation) -> None:
    st.markdown(
        unbroken("\n".join(f"- {markup.plain(said)}" for said in found.conclusions))
    )
    split, model = found.split, found.model
    numbers = [
        (f"{_measured(found):,}", f"held-out covers ({split.measured} side)"),
        (f"{split.n_train:,}", "covers learned from"),
        (f"{split.n_groups:,}", f"held-out groups ({split.grouped_by})"),
    ]
    if model is not None:
        numbers.append((model.arch, f"network {model.fingerprint[:8]}"))
    pick.show(html.figures(numbers), key="model-numbers")


def _measured(found: Evaluation) -> int:
    """Return how many held-out covers the methods were measured on."""
    return next(iter(found.methods.values())).n


def _certainty(votes: Votes, row: int, method: str) -> str:
    return (
        f"{100 * float(votes.distributions[method][votes.answer_of[row]].max()):.0f} %"
    )


_FOLDS: dict[str, tuple[str, Callable[[Evaluation], None]]] = {
    "methods": ("Methods and baselines: what is the network worth?", _methods),
    "differences": ("Is one method really better? Paired differences", _differences),
    "genres": ("Genre by genre", _genres),
    "trust": ("Can the probabilities be trusted?", _trust),
    "growth": ("Would more covers help?", _growth),
    "leak": ("The price of a leak", _leak),
    "findings": ("All findings in sentences, and what was measured", _conclusions),
}
