"""What the document of an evaluation measures, and what the measures are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ONE_GENRE = {
    "macro_f1": "macro-F1",
    "accuracy": "accuracy",
    "top3": "top 3",
    "ece": "calibration error",
    "brier": "Brier",
    "log_loss": "log-loss",
}
"""Where one genre is sought; the first is what methods are compared by."""

SEVERAL_GENRES = {
    "mean_average_precision": "mean average precision",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "first_right": "first answer right",
    "jaccard": "Jaccard",
    "ranking_loss": "ranking loss",
    "coverage_error": "coverage error",
    "named_per_cover": "named per cover",
    "log_loss": "log-loss",
    "ece": "calibration error",
}
"""Where genres are independent; the first is what methods are compared by."""

IN_WORDS = {**ONE_GENRE, **SEVERAL_GENRES}
SHORT = {
    **IN_WORDS,
    "mean_average_precision": "mAP",
    "first_right": "1st right",
    "named_per_cover": "named",
    "ece": "ECE",
}
"""As they stand above a narrow column."""


def measures_of(payload: Mapping[str, Any]) -> dict[str, str]:
    """Return the measures of an evaluation and what they are called, the most telling first."""
    return SEVERAL_GENRES if payload.get("several_genres") else ONE_GENRE


def main_measure(payload: Mapping[str, Any]) -> str:
    """Return the key of the measure that methods are compared by."""
    return next(iter(measures_of(payload)))
