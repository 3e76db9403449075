"""Parts of sentences about figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from covers.classify.methods import IN_WORDS, TRAINED, Method
from covers.evaluate.measures import IN_WORDS as MEASURES
from covers.render.numbers import span, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.evaluate.result import Evaluation

SIMPLE = (Method.FROZEN, Method.PROBE, Method.COLOURS)
"""Methods that look at the covers without having been trained on them."""

LOOKING_METHODS = (*reversed(TRAINED), Method.PROBE, Method.FROZEN, Method.COLOURS)
"""Methods that look at the covers, the most elaborate first."""

_WORTHWHILE = 0.01

NOT_READABLE = "that is not certainly better than guessing: on these covers, genres cannot be shown to be readable."
_BLIND = 0.1
"""So far off seem perfect probabilities with so few covers that none can be called good."""


def points(low: float, high: float) -> str:
    """Return the ends of an interval of differences in hundredths."""
    return f"{span((100 * low, 100 * high), '+.1f')} points"


def listed(names: Sequence[str]) -> str:
    """Join names as in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def is_certainly_best(found: Evaluation, best: Method) -> bool:
    """Say whether one method is certainly better than every other that looks at the covers."""
    gaps = [found.difference(best, one) for one in LOOKING_METHODS if one != best]
    return all(gap is None or gap.ci95[0] > 0 for gap in gaps)


def describe_lead(found: Evaluation, best: Method) -> list[str]:
    """Say whether the lead of the best method over others of its sort is certain.

    How trained methods and untrained features compare is told by `describe_gain`, not twice.
    """
    others = TRAINED if best in TRAINED else SIMPLE
    leads: list[str] = []
    ties: list[str] = []
    for other in others:
        gap = found.difference(best, other)
        if gap is not None:
            (leads if gap.ci95[0] > 0 else ties).append(IN_WORDS[other])
    words = MEASURES[found.measure]
    if ties:
        more = "more covers" if found.across_folds else "more held-out covers"
        return [
            f"its lead in {words} over {listed(ties)} is within chance: {more} would be needed to tell them apart."
        ]
    if not leads:
        return []
    return [f"its lead in {words} over {listed(leads)} is certain (95 %)."]


def describe_gain(found: Evaluation, trained: Method) -> list[str]:
    """Say in one sentence what training brought over untrained features and colours."""
    by_verdict: dict[str, list[str]] = {}
    for simple in SIMPLE:
        gap = found.difference(trained, simple)
        if gap is None:
            continue
        low, high = gap.ci95
        verdict = (
            "better than"
            if low > 0
            else "worse than"
            if high < 0
            else "not certainly different from"
        )
        by_verdict.setdefault(verdict, []).append(
            f"{IN_WORDS[simple]} ({write(100 * gap.value, '+.1f')}, 95 % interval {points(low, high)})"
        )
    if not by_verdict:
        return []
    parts = "; ".join(f"{verdict} {listed(n)}" for verdict, n in by_verdict.items())
    return [f"in {MEASURES[found.measure]} {IN_WORDS[trained]} is {parts}."]


def describe_growth(found: Evaluation) -> list[str]:
    """Say what twice the reference covers brought, and how certain that is; nothing where it is not known."""
    if len(found.learning_curve) < 2:
        return []
    before, last = found.learning_curve[-2:]
    low, high = last.gain_ci95
    if not (math.isfinite(last.gain) and math.isfinite(low) and math.isfinite(high)):
        return []
    told = (
        "more covers to vote still help"
        if low > 0
        else "twice the covers to vote bring less than a point"
        if high < _WORTHWHILE
        else "whether more covers to vote would help is not certain"
    )
    return [
        (
            f"{told}: from {before.n_references:,} to {last.n_references:,} of them {MEASURES[found.measure]} "
            f"changed by {write(100 * last.gain, '+.1f')} points (95 % interval {points(low, high)})."
        )
    ]


def describe_calibration(
    found: Evaluation, tolerated: float, where: str = ""
) -> list[str]:
    """Say what the probabilities are worth."""
    combined = found.methods[Method.COMBINED]
    error, noise = combined.ece.value, combined.ece_if_calibrated
    if error <= 1.5 * noise and noise > _BLIND:
        return [
            (
                f"with so few covers nothing can be said of the probabilities of network and vote together: {where}they are off by {100 * error:.1f} points "
                f"on average, but perfect ones would seem off by {100 * noise:.1f}."
            )
        ]
    if error <= max(tolerated, 1.5 * noise):
        return [
            (
                f"the probabilities of network and vote together can be taken at their word: {where}they are off by {100 * error:.1f} points on average, "
                f"where perfect ones would seem off by {100 * noise:.1f} on so few covers."
            )
        ]
    return [
        (
            f"the probabilities of network and vote together are {where}off by {100 * error:.1f} points on average (perfect ones would seem off by "
            f"{100 * noise:.1f}): read them with care."
        )
    ]
