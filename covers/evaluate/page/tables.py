"""The document of an evaluation → tables as HTML, for report and dashboard alike."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from covers.evaluate.measures import IN_WORDS, main_measure, measures_of
from covers.render.html import Html, dot, table
from covers.render.numbers import number, per_cent, span, tidy
from covers.render.palette import genre_colours

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_GENRES = {
    "average_precision": "average precision",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
}


def methods_table(payload: Mapping[str, Any]) -> str:
    """Return every measure of every method with its 95 % interval, the best method in bold."""
    methods, measures = payload["methods"], measures_of(payload)
    main = main_measure(payload)
    best = max(methods, key=lambda name: methods[name][main])
    rows = [
        [
            name,
            *(
                _with_ends(one.get(key), one["ci95"].get(key), ".2f")
                for key in measures
            ),
        ]
        for name, one in methods.items()
    ]
    head = ["method", *measures.values()]
    return table(head, rows, strong={list(methods).index(best)})


def differences_table(payload: Mapping[str, Any]) -> str:
    """Return the difference of each pair of methods on the same resamples."""
    main = main_measure(payload)
    rows = []
    for one in payload["differences"]:
        low, high = one["ci95"]
        certain = low is not None and (low > 0 or high < 0)
        rows.append(
            [
                *(str(one[side]) for side in ("a", "b")),
                number(one[main], "+.3f"),
                span(one["ci95"], "+.3f"),
                "certain" if certain else "within chance",
            ]
        )
    head = ["first", "minus second", IN_WORDS[main], "95 % interval", ""]
    return table(head, rows, n_names=2)


def genres_table(per_genre: Mapping[str, Any], sets: Mapping[str, Any]) -> str:
    """Return how well each genre is read, and how often the prediction sets hold it.

    Parameters
    ----------
    per_genre : mapping
        ``n, precision, recall, f1`` of each genre; of independent ones also
        ``average_precision``.
    sets : mapping
        ``coverage, mean_size`` of each genre.
    """
    colours = genre_colours(per_genre)
    rows = []
    keys = [key for key in _OF_GENRES if any(key in one for one in per_genre.values())]
    for genre in sorted(per_genre, key=lambda name: _rank(per_genre[name])):
        one, inside = per_genre[genre], sets.get(genre) or {}
        rows.append(
            [
                Html(dot(colours[genre]) + escape(genre)),
                tidy(one["n"]),
                *(
                    _with_ends(one.get(key), (one.get("ci95") or {}).get(key))
                    for key in keys
                ),
                per_cent(inside.get("coverage")),
                number(inside.get("mean_size"), ".1f"),
            ]
        )
    measured = [_OF_GENRES[key] for key in keys]
    head = ["genre", "covers", *measured, "in its set", "set size"]
    return table(head, rows)


def leakage_table(leakage: Mapping[str, Any]) -> str:
    """Return what a random split would have claimed beside what holds."""
    rows = [
        [
            name,
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


def _rank(one: Mapping[str, Any]) -> tuple[bool, float]:
    """Order genres by F1, the unknown last."""
    known = one["f1"] is not None and one["f1"] == one["f1"]
    return not known, -one["f1"] if known else 0.0


def _with_ends(value: float | None, ci95: Any, form: str = ".2f") -> Html:
    """Return a value with its interval, where there is one, small below it."""
    if not ci95:
        return Html(number(value))
    return Html(f'{number(value)}<span class="ends">{span(ci95, form)}</span>')
