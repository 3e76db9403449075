"""An evaluation as tables in HTML, for report and dashboard alike."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from covers.classify.methods import Method
from covers.evaluate.document import SetScore
from covers.evaluate.measures import IN_WORDS
from covers.render.html import Html, dot, table
from covers.render.numbers import number, per_cent, span, tidy
from covers.render.palette import genre_colours

if TYPE_CHECKING:
    from covers.evaluate.measures import GenreScore, Interval
    from covers.evaluate.result import Evaluation

_OF_GENRES = {
    "average_precision": "average precision",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
}
_ONLY_OF_SEVERAL = "average_precision"
_NO_SCORE = SetScore()


def methods_table(found: Evaluation) -> str:
    """Return every measure of every method with its 95 % interval, the best method in bold."""
    rows = []
    for name, method in found.methods.items():
        estimates = [method.estimate(measure) for measure in found.measures]
        rows.append([name, *(_with_ends(one.value, one.ci95) for one in estimates)])
    head = ["method", *found.measures.values()]
    return table(head, rows, strong={list(found.methods).index(found.best())})


def differences_table(found: Evaluation) -> str:
    """Return the difference of each pair of methods on the same resamples."""
    rows = []
    for one in found.differences:
        low, high = one.ci95
        rows.append(
            [
                one.a,
                one.b,
                number(one.value, "+.3f"),
                span(one.ci95, "+.3f"),
                "certain" if low > 0 or high < 0 else "within chance",
            ]
        )
    head = ["first", "minus second", IN_WORDS[found.measure], "95 % interval", ""]
    return table(head, rows, n_names=2)


def genres_table(found: Evaluation) -> str:
    """Return how well network and vote read each genre, and how often the prediction sets hold it."""
    per_genre = found.methods[Method.COMBINED].per_genre
    sets = found.sets.per_genre if found.sets else {}
    colours = genre_colours(per_genre)
    keys = [
        key for key in _OF_GENRES if found.several_genres or key != _ONLY_OF_SEVERAL
    ]
    rows = []
    for genre in sorted(per_genre, key=lambda name: _rank(per_genre[name])):
        one, inside = per_genre[genre], sets.get(genre, _NO_SCORE)
        rows.append(
            [
                Html(dot(colours[genre]) + escape(genre)),
                tidy(one.n),
                *(_with_ends(getattr(one, key), one.ci95.get(key)) for key in keys),
                per_cent(inside.coverage),
                number(inside.mean_size, ".1f"),
            ]
        )
    measured = [_OF_GENRES[key] for key in keys]
    head = ["genre", "covers", *measured, "in its set", "set size"]
    return table(head, rows)


def leakage_table(found: Evaluation) -> str:
    """Return what a random split would have claimed beside what holds."""
    rows = [
        [
            name,
            number(one.random),
            number(one.grouped),
            number(one.difference, "+.3f"),
            span(one.ci95, "+.3f"),
        ]
        for name, one in found.leakage.items()
    ]
    head = ["method", "random split", "grouped split", "difference", "95 % interval"]
    return table(head, rows)


def _rank(one: GenreScore) -> tuple[bool, float]:
    """Order genres by F1, the unknown last."""
    is_unknown = math.isnan(one.f1)
    return is_unknown, 0.0 if is_unknown else -one.f1


def _with_ends(value: float, ci95: Interval | None) -> Html:
    """Return a value with its interval, where there is one, small below it."""
    if ci95 is None or math.isnan(ci95[0]):
        return Html(number(value))
    return Html(f'{number(value)}<span class="ends">{span(ci95, ".2f")}</span>')
