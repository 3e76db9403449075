"""How well genres are read, honestly: every method, what is confused, what to distrust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from covers.classify.methods import TRAINED, Method
from covers.evaluate import tables
from covers.evaluate.measures import IN_WORDS, main_measure, measures_of
from covers.render import charts, curves, html
from covers.render.matrix import confusion_matrix
from covers.render.numbers import count, note_on_parts, sentence
from covers.render.palette import NOISE_COLOUR
from dashboard import loaders
from dashboard.components import pick
from dashboard.data import pairs
from dashboard.data.mistakes import mistakes_csv
from dashboard.layout import frame
from dashboard.layout.frame import fragment
from dashboard.layout.markup import Item

if TYPE_CHECKING:
    from dashboard.data.analysis import Votes

_METHODS = tuple(reversed(TRAINED))
_MOST_CELLS = 60


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Model",
        "How well can genres be read off covers that were never seen, and how far can the answers be trusted?",
    )
    loaders.library()
    found = loaders.evaluation()
    frame.warn_if_stale("evaluation")
    _conclusions(found)
    _methods()
    if not found["several_genres"]:
        _confusion()
    _trust(found)
    if frame.attempt(loaders.votes) is not None:
        _mistakes()
    _growth(found)


def _conclusions(found: dict[str, Any]) -> None:
    split = found["split"]
    n_held = _measured(found)
    numbers = [
        (f"{n_held:,}", f"held-out covers ({split['measured']} side)"),
        (f"{split['n_train']:,}", "covers learned from"),
        (f"{split['n_groups']:,}", f"held-out groups ({split['grouped_by']})"),
        (found["model"]["arch"], f"network {found['model']['fingerprint'][:8]}"),
    ]
    pick.show(html.figures(numbers), key="model-numbers")
    with st.container(border=True):
        st.markdown(
            "\n".join(f"- {frame.plain(said)}" for said in found["conclusions"])
        )


@fragment
def _methods() -> None:
    found = loaders.evaluation()
    frame.section(
        "Methods and baselines",
        "Blue: what was trained here; grey: baselines, the untrained ones on the backbone before training. "
        "Lines are 95 % intervals by bootstrap over groups, the dotted line is chance; of the calibration error less is better. "
        f"n = {_measured(found):,} held-out covers.",
    )
    figure = st.segmented_control(
        "Figure",
        list(measures_of(found)),
        default=main_measure(found),
        required=True,
        format_func=measures_of(found).__getitem__,
        key="figure",
        bind="query-params",
        label_visibility="collapsed",
    )
    methods = found["methods"]
    pick.show(charts.method_dots(methods, figure, IN_WORDS[figure]), key="methods")
    with st.expander("Is one method really better? Paired differences"):
        st.caption(
            f"{sentence(IN_WORDS[main_measure(found)])} of the first minus that of the second on the same resamples; certain where the interval leaves out 0."
        )
        pick.show(tables.differences_table(found), key="differences")
    with st.expander("Genre by genre"):
        sets, best = found["sets"], methods[Method.BOTH]
        note = note_on_parts(one["n"] for one in best["per_genre"].values())
        st.caption(
            f"In its set: how often the prediction set at {100 * sets['level']:.0f} % holds the genre.{note}"
        )
        pick.show(
            tables.genres_table(best["per_genre"], sets.get("per_genre", {})),
            key="by-genre",
        )
    if found.get("leakage"):
        with st.expander("The price of a leak"):
            st.caption(
                f"The {IN_WORDS[main_measure(found)]} that a random split would have claimed, where artists and near-duplicates sit on both sides."
            )
            pick.show(tables.leakage_table(found["leakage"]), key="leakage")


@fragment
def _confusion() -> None:
    library, found = loaders.library(), loaders.evaluation()
    votes = frame.attempt(loaders.votes)
    frame.section(
        "What is taken for what",
        "Rows are the covers' own genres, columns what was read; numbers are covers, the shade is the share of the row. "
        f"n = {_measured(found):,} held-out covers; choose a cell to see them.",
    )
    known = [m for m in _METHODS if m in found["methods"]]
    method = st.segmented_control(
        "Read by",
        known,
        default=known[0],
        required=True,
        key="by",
        bind="query-params",
    )
    genres = list(found["genres"])[:_MOST_CELLS]
    chosen = pairs.split_cell(st.query_params.get("cell", ""), genres)
    confusion = found["methods"][method]["confusion"]
    pick.show(
        confusion_matrix(confusion, genres, pairs.name_pair),
        key="confusion",
        chosen=[pairs.name_pair(*chosen)] if chosen else [],
        then=pick.keep_in_address("cell"),
    )
    if note := note_on_parts(np.ravel(confusion)):
        st.caption(note)
    if chosen and votes is not None:
        rows = votes.cell(method, *chosen)
        said = "read right" if chosen[0] == chosen[1] else f"read as {chosen[1]}"
        frame.section(
            f"{chosen[0]}, {said}: {count(len(rows), 'cover')}",
            "The most certain first; one of several genres may stand in several rows.",
        )
        frame.gallery(
            library,
            rows,
            item=lambda row: Item(row=row, badge=_certainty(votes, row, method)),
            key=f"cell-{method}-{chosen}",
            per_page=16,
            empty="These covers are no longer in the library.",
        )


def _trust(found: dict[str, Any]) -> None:
    left, right = st.columns(2, gap="large")
    measured = found["methods"][Method.BOTH]
    with left:
        frame.section(
            "Reliability",
            f"Do stated probabilities come true? On the dotted line they do. Calibration error (ECE) {measured['ece']:.3f}; "
            f"perfect ones would seem off by {measured.get('ece_if_calibrated', 0):.3f} on n = {measured['n']:,} covers by chance.",
        )
        pick.show(curves.reliability(measured["reliability"]), key="reliability")
    with right:
        frame.section(
            "Answer only when certain",
            f"How often the first answer is right if only the most certain share of the n = {measured['n']:,} covers is answered; band: 95 % interval.",
        )
        pick.show(
            curves.coverage_accuracy(found["coverage_accuracy"], "first answer right"),
            key="coverage",
        )
    sets = found["sets"]
    st.caption(
        f"Prediction sets that promise {100 * sets['level']:.0f} % held {100 * sets['coverage']:.1f} % of the covers' genres, "
        f"with {sets['mean_size']:.1f} of {len(found['genres'])} genres on average."
    )


@fragment
def _mistakes() -> None:
    library, votes = loaders.library(), loaders.votes()
    frame.section(
        "Most confident mistakes",
        "Held-out covers read as another genre with the most certainty: surprises, and often wrong labels worth a second look.",
    )
    wrong, predicted = votes.mistakes(), votes.predicted()
    certainty = votes.distributions[Method.BOTH].max(axis=1)

    def item(answer: int) -> Item:
        genre = votes.vocab[predicted[answer]]
        return Item(
            row=int(votes.rows[answer]),
            badge=f"{100 * certainty[answer]:.0f} %",
            mark=genre,
            mark_colour=library.colours.get(genre, NOISE_COLOUR),
        )

    frame.gallery(
        library,
        wrong,
        item=item,
        key="mistakes",
        per_page=16,
        empty="There is no mistake among the held-out covers.",
    )
    if len(wrong):
        st.download_button(
            f"Take {len(wrong):,} along as CSV",
            lambda: mistakes_csv(library, votes),
            "confident-mistakes.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _growth(found: dict[str, Any]) -> None:
    frame.section(
        "Would more covers help?",
        f"{sentence(IN_WORDS[main_measure(found)])} of the vote with fewer covers to learn from, whole artists left out; "
        f"band: 95 % interval on n = {_measured(found):,} held-out covers.",
    )
    main = main_measure(found)
    curve = curves.learning_curve(found["learning_curve"], main, IN_WORDS[main])
    pick.show(curve, key="growth")


def _measured(found: dict[str, Any]) -> int:
    """Return how many held-out covers the methods were measured on."""
    return int(next(iter(found["methods"].values()))["n"])


def _certainty(votes: Votes, row: int, method: str) -> str:
    return (
        f"{100 * float(votes.distributions[method][votes.answer_of[row]].max()):.0f} %"
    )
