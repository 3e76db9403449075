"""The document of an evaluation → tables as HTML, for report and dashboard alike."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from covers.classify.answers import BOTH, NETWORK, VOTE
from covers.render.html import Html, dot, table
from covers.render.numbers import number, per_cent, span, tidy
from covers.render.palette import genre_colours

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMES = {
    "chance": "chance",
    "majority": "most frequent genre",
    "colour_knn": "colours, 5 neighbours",
    "frozen_knn": "untrained, 5 neighbours",
    "linear_probe": "untrained, linear probe",
    "cnn": NETWORK,
    "vote": VOTE,
    "blend": BOTH,
    "prior": "base rates",
}
MEASURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "top3": "top 3",
    "ece": "ECE",
    "brier": "Brier",
    "log_loss": "log-loss",
}


def methods_table(methods: Mapping[str, Any]) -> str:
    """Return every measure of every method with its 95 % interval, the best macro-F1 in bold."""
    best = max(methods, key=lambda name: methods[name]["macro_f1"])
    rows = [
        [
            NAMES.get(name, name),
            *(
                _with_ends(one.get(key), one["ci95"].get(key), ".2f")
                for key in MEASURES
            ),
        ]
        for name, one in methods.items()
    ]
    head = ["method", *MEASURES.values()]
    return table(head, rows, strong={list(methods).index(best)})


def differences_table(differences: Sequence[Mapping[str, Any]]) -> str:
    """Return the difference in macro-F1 of each pair of methods on the same resamples."""
    rows = []
    for one in differences:
        low, high = one["ci95"]
        certain = low is not None and (low > 0 or high < 0)
        rows.append(
            [
                *(NAMES.get(one[side], one[side]) for side in ("a", "b")),
                number(one["macro_f1"], "+.3f"),
                span(one["ci95"], "+.3f"),
                "certain" if certain else "within chance",
            ]
        )
    head = ["first", "minus second", "macro-F1", "95 % interval", ""]
    return table(head, rows, n_names=2)


def genres_table(per_genre: Mapping[str, Any], sets: Mapping[str, Any]) -> str:
    """Return how well each genre is read, and how often the prediction sets hold it.

    Parameters
    ----------
    per_genre : mapping
        ``n, precision, recall, f1`` of each genre.
    sets : mapping
        ``coverage, mean_size`` of each genre.
    """
    colours = genre_colours(per_genre)
    rows = []
    for genre in sorted(per_genre, key=lambda name: -per_genre[name]["f1"]):
        one, inside = per_genre[genre], sets.get(genre) or {}
        rows.append(
            [
                Html(dot(colours[genre]) + escape(genre)),
                tidy(one["n"]),
                *(number(one[key], ".2f") for key in ("precision", "recall", "f1")),
                per_cent(inside.get("coverage")),
                number(inside.get("mean_size"), ".1f"),
            ]
        )
    head = ["genre", "covers", "precision", "recall", "F1", "in its set", "set size"]
    return table(head, rows)


def leakage_table(leakage: Mapping[str, Any]) -> str:
    """Return the macro-F1 that a random split would have claimed beside what holds."""
    rows = [
        [
            NAMES.get(name, name),
            number(one["random"]),
            number(one["grouped"]),
            number(one["difference"], "+.3f"),
            span(one["ci95"], "+.3f"),
        ]
        for name, one in leakage.items()
        if isinstance(one, dict) and "random" in one
    ]
    head = ["method", "random split", "grouped split", "difference", "95 % interval"]
    return table(head, rows)


def labels_tables(labels: Mapping[str, Any]) -> str:
    """Return what a network with independent genres names: by method, and genre by genre."""
    methods, thresholds = labels["methods"], labels["thresholds"]
    by_method = [
        [
            NAMES.get(name, name),
            _with_ends(
                one["mean_average_precision"], one["ci95"]["mean_average_precision"]
            ),
            _with_ends(one["macro_f1"], one["ci95"]["macro_f1"]),
            per_cent(one["coverage"]),
            number(one["named_per_cover"], ".1f"),
        ]
        for name, one in methods.items()
    ]
    by_genre = [
        [
            genre,
            tidy(one["n"]),
            *(number(one[key], ".2f") for key in ("average_precision", "f1")),
            number(thresholds[genre], ".2f"),
        ]
        for genre, one in methods["blend"]["per_genre"].items()
    ]
    return table(
        ["method", "mean average precision", "macro-F1", "found", "named per cover"],
        by_method,
    ) + table(["genre", "covers", "average precision", "F1", "threshold"], by_genre)


def _with_ends(value: float | None, ci95: Any, form: str = ".2f") -> Html:
    """Return a value with its interval small below it."""
    return Html(f'{number(value)}<span class="ends">{span(ci95, form)}</span>')
