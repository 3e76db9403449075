"""Parts of sentences about figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covers.classify.methods import TRAINED, Method

if TYPE_CHECKING:
    from collections.abc import Sequence

READERS = (*reversed(TRAINED), Method.PROBE, Method.FROZEN, Method.COLOURS)
"""What looks at the covers, the most elaborate first."""


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
