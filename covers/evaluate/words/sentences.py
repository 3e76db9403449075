"""Parts of sentences about figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covers.classify.methods import IN_WORDS, TRAINED, Method

if TYPE_CHECKING:
    from collections.abc import Sequence

SIMPLE = (Method.FROZEN, Method.PROBE, Method.COLOURS)
"""Methods that look at the covers without having been trained on them."""

LOOKING_METHODS = (*reversed(TRAINED), Method.PROBE, Method.FROZEN, Method.COLOURS)
"""Methods that look at the covers, the most elaborate first."""


def percent(value: float) -> str:
    """Return a share as a rounded percentage."""
    return f"{100 * value:.0f} %"


def points(low: float, high: float) -> str:
    """Return the ends of an interval of differences in hundredths."""
    return f"{100 * low:+.1f} to {100 * high:+.1f} points"


def listed(names: Sequence[str]) -> str:
    """Join names as in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def difference(
    differences: Sequence[dict[str, Any]], a: str, b: str, figure: str = "macro_f1"
) -> dict[str, Any] | None:
    """Return the difference of two methods, the right way round; None where it was not measured."""
    for row in differences:
        if (row["a"], row["b"]) == (a, b):
            return dict(row)
        if (row["a"], row["b"]) == (b, a):
            low, high = row["ci95"]
            return {figure: -row[figure], "ci95": [-high, -low]}
    return None


def describe_lead(
    differences: Sequence[dict[str, Any]], best: Method, figure: str, words: str
) -> list[str]:
    """Say whether the lead of the best method over others of its sort is certain.

    How trained methods and untrained features compare is told by `describe_gain`, not twice.
    """
    others = TRAINED if best in TRAINED else SIMPLE
    leads: list[str] = []
    ties: list[str] = []
    for other in others:
        gap = difference(differences, best, other, figure)
        if gap is not None:
            (leads if gap["ci95"][0] > 0 else ties).append(IN_WORDS[other])
    if ties:
        return [
            f"its lead in {words} over {listed(ties)} is within chance: more held-out covers would be needed to tell them apart."
        ]
    if not leads:
        return []
    return [f"its lead in {words} over {listed(leads)} is certain (95 %)."]


def describe_gain(
    differences: Sequence[dict[str, Any]], trained: Method, figure: str, words: str
) -> list[str]:
    """Say in one sentence what training brought over untrained features and colours."""
    by_verdict: dict[str, list[str]] = {}
    for simple in SIMPLE:
        gap = difference(differences, trained, simple, figure)
        if gap is None:
            continue
        low, high = gap["ci95"]
        verdict = (
            "better than"
            if low > 0
            else "worse than"
            if high < 0
            else "not certainly different from"
        )
        by_verdict.setdefault(verdict, []).append(
            f"{IN_WORDS[simple]} ({100 * gap[figure]:+.1f}, 95 % interval {points(low, high)})"
        )
    if not by_verdict:
        return []
    parts = "; ".join(f"{verdict} {listed(n)}" for verdict, n in by_verdict.items())
    return [f"in {words} {IN_WORDS[trained]} is {parts}."]
