"""The evaluation → tables and cells of the Model page, without Streamlit. Letters: G genres."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from covers.workspace.text_tables import csv_text
from dashboard import markup, pairs
from dashboard.colouring import scale_colours
from dashboard.markup import Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.analysis import Votes
    from dashboard.library import Library

NAMES = {
    "chance": "chance",
    "majority": "most frequent genre",
    "colour_knn": "colours, neighbours",
    "frozen_knn": "untrained, neighbours",
    "linear_probe": "untrained, linear",
    "cnn": "network",
    "vote": "vote",
    "blend": "network and vote",
}


def methods_table(methods: dict[str, Any]) -> str:
    """Return every method with its scores."""
    return markup.table(
        ["method", "F1", "accuracy", "top 3", "ECE"],
        [
            [
                NAMES.get(name, name),
                *(
                    _number(one.get(key))
                    for key in ("macro_f1", "accuracy", "top3", "ece")
                ),
            ]
            for name, one in methods.items()
        ],
    )


def differences_table(differences: Sequence[dict[str, Any]]) -> str:
    """Return the paired differences of methods with their intervals."""
    return markup.table(
        ["first", "second", "difference", "95 % interval", "certain"],
        [
            [
                NAMES.get(one["a"], one["a"]),
                NAMES.get(one["b"], one["b"]),
                _number(one["macro_f1"], "+.3f"),
                _interval(one["ci95"]),
                "yes" if _leaves_out_zero(one["ci95"]) else "no",
            ]
            for one in differences
        ],
        n_names=2,
    )


def genres_table(per_genre: dict[str, Any], covered: dict[str, Any]) -> str:
    """Return precision and recall of each genre, and how often its set holds it."""
    return markup.table(
        ["genre", "n", "precision", "recall", "F1", "in its set"],
        [
            [
                genre,
                markup.tidy(one["n"]),
                *(_number(one[key], ".2f") for key in ("precision", "recall", "f1")),
                markup.per_cent(_coverage(covered.get(genre))),
            ]
            for genre, one in per_genre.items()
        ],
    )


def leakage_table(leakage: dict[str, Any]) -> str:
    """Return what a random split would have claimed beside what holds."""
    return markup.table(
        ["method", "random split", "grouped split", "difference", "95 % interval"],
        [
            [
                NAMES.get(name, name),
                _number(one["random"]),
                _number(one["grouped"]),
                _number(one["difference"], "+.3f"),
                _interval(one["ci95"]),
            ]
            for name, one in leakage.items()
            if isinstance(one, dict) and "random" in one
        ],
    )


def confusion_matrix(
    confusion: Sequence[Sequence[float]], genres: Sequence[str]
) -> str:
    """Return the confusion matrix with its key; choosing a cell gives its pair."""
    n = len(genres)
    matrix = np.asarray(confusion, float)[:n, :n]  # (G, G)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1e-9)
    colours = scale_colours(share.ravel())
    cells = [
        [
            Cell(
                text=f"{matrix[i, j]:.0f}" if matrix[i, j] >= 0.5 else "",
                tip=f"{true} read as {said}\n{markup.tidy(matrix[i, j])} of {markup.tidy(matrix[i].sum())} covers, {100 * share[i, j]:.0f} %",
                colour=colours[i * n + j] if matrix[i, j] else None,
                pick=pairs.name_pair(true, said) if matrix[i, j] else "",
            )
            for j, said in enumerate(genres)
        ]
        for i, true in enumerate(genres)
    ]
    key = scale_colours(np.linspace(0, 1, 9))
    return markup.matrix(genres, cells, label="Confusion matrix") + markup.scale(
        key, "no cover of the row", "all"
    )


def mistakes_csv(library: Library, votes: Votes) -> str:
    """Return the confident mistakes as CSV; cells that a spreadsheet would run are quoted."""
    header = ["cover_id", "path", "artist", "album", "genres", "read_as", "certainty"]
    rows = []
    predicted, certainty = votes.predicted(), votes.distributions["blend"].max(axis=1)
    for answer in votes.mistakes():
        row = int(votes.rows[answer])
        rows.append(
            [
                library.cover_ids[row],
                library.paths[row],
                library.artists[row],
                library.albums[row],
                "; ".join(library.genres[row]),
                votes.vocab[predicted[answer]],
                f"{certainty[answer]:.4f}",
            ]
        )
    return csv_text(header, rows)


def _number(value: float | None, form: str = ".3f") -> str:
    """Return a number, or nothing where it was not measured."""
    return "" if value is None else f"{value:{form}}"


def _interval(ends: Sequence[float | None]) -> str:
    low, high = ends
    return "" if low is None or high is None else f"{low:+.3f} to {high:+.3f}"


def _coverage(found: Any) -> float:
    value = found.get("coverage") if isinstance(found, dict) else found
    return math.nan if value is None else float(value)


def _leaves_out_zero(ends: Sequence[float | None]) -> bool:
    low, high = ends
    return low is not None and high is not None and (low > 0 or high < 0)
