"""What an evaluation measures: its figures as types, and what they are called.

Letters: G genres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from covers.classify.voting import VoteSettings  # noqa: TC001 - read by Document
from covers.render.short_repr import ShortRepr

if TYPE_CHECKING:
    from collections.abc import Mapping

Interval = tuple[float, float]
_NOT_KNOWN = (None, None)

ONE_GENRE = {
    "macro_f1": "macro-F1",
    "accuracy": "accuracy",
    "top3": "top-3",
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


def measures_of(*, several_genres: bool) -> dict[str, str]:
    """Return the measures of a kind of evaluation and what they are called, the most telling first."""
    return SEVERAL_GENRES if several_genres else ONE_GENRE


@dataclass(frozen=True, kw_only=True, repr=False)
class Estimate(ShortRepr):
    """A measure with its 95 % interval, by bootstrap over groups.

    Parameters
    ----------
    value : float
    ci95 : tuple of float
        Both NaN where not measured.
    """

    value: float
    ci95: Interval = (math.nan, math.nan)

    def __float__(self) -> float:
        return self.value


_NOT_MEASURED = Estimate(value=math.nan)


@dataclass(frozen=True, kw_only=True, repr=False)
class GenreScore(ShortRepr):
    """How well one genre is read.

    Parameters
    ----------
    n : float
        Covers; where one genre is sought, a cover of m genres counts 1/m.
    precision, recall, f1 : float
    average_precision : float
        NaN where one genre is sought.
    ci95 : dict of str to tuple of float
        95 % intervals of these, where genres are independent.
    """

    n: float
    precision: float = math.nan
    recall: float = math.nan
    f1: float = math.nan
    average_precision: float = math.nan
    ci95: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, repr=False)
class Bin(ShortRepr):
    """Covers of similar certainty: its mean, the rate of being right, and n."""

    certainty: float
    rate: float
    n: float


@dataclass(frozen=True, kw_only=True, repr=False)
class MethodResult(ShortRepr):
    """How well one method does; what is not measured in this kind of evaluation is NaN.

    Parameters
    ----------
    n : int
        Held-out covers.
    accuracy, macro_f1, top3, ece, brier, log_loss : Estimate
        Share of covers called one of their genres; mean F1 over genres; share with
        one of their genres among the three likeliest; how far stated certainty is
        from the rate of being right; the last two smaller is better.
    mean_average_precision, micro_f1, first_right, jaccard : Estimate
        Of independent genres; larger is better.
    ranking_loss, coverage_error, named_per_cover : Estimate
        Of independent genres.
    per_genre : dict of str to GenreScore
    confusion : tuple of tuple of float, shape (n_genres, n_genres)
        Covers by true genre (rows) and the genre they were called (columns).
    reliability : tuple of Bin
    micro_precision, micro_recall : Estimate
        Of independent genres: share of the names that are right, and of the covers'
        genres that are named.
    ece_if_calibrated : float
        The calibration error that perfect probabilities would show on as many covers.
    """

    n: int
    accuracy: Estimate = _NOT_MEASURED
    macro_f1: Estimate = _NOT_MEASURED
    top3: Estimate = _NOT_MEASURED
    ece: Estimate = _NOT_MEASURED
    brier: Estimate = _NOT_MEASURED
    log_loss: Estimate = _NOT_MEASURED
    mean_average_precision: Estimate = _NOT_MEASURED
    micro_f1: Estimate = _NOT_MEASURED
    first_right: Estimate = _NOT_MEASURED
    jaccard: Estimate = _NOT_MEASURED
    ranking_loss: Estimate = _NOT_MEASURED
    coverage_error: Estimate = _NOT_MEASURED
    named_per_cover: Estimate = _NOT_MEASURED
    per_genre: dict[str, GenreScore] = field(default_factory=dict)
    confusion: tuple[tuple[float, ...], ...] = ()
    reliability: tuple[Bin, ...] = ()
    micro_precision: Estimate = _NOT_MEASURED
    micro_recall: Estimate = _NOT_MEASURED
    ece_if_calibrated: float = math.nan

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Join each measure with its interval, which lies beside it in the document."""
        ends = value.get("ci95", {})
        joined = {
            name: _joined(value[name], ends.get(name))
            for name in (*IN_WORDS, "micro_precision", "micro_recall")
            if name in value
        }
        return {**value, **joined}

    def estimate(self, measure: str) -> Estimate:
        """Return one measure by its key, such as ``"macro_f1"``."""
        found: Estimate = getattr(self, measure)
        return found


@dataclass(frozen=True, kw_only=True, repr=False)
class Split(ShortRepr):
    """Sides that were used: covers on each, which was measured, groups and what they are."""

    n_train: int
    n_valid: int
    n_test: int = 0
    measured: str
    n_groups: int
    grouped_by: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Difference(ShortRepr):
    """Two methods on the same resamples.

    Parameters
    ----------
    a, b : str
    value : float
        First minus second, in the measure that methods are compared by.
    ci95 : tuple of float
    measures : dict of str to Estimate
        The same in every measure that was compared, the main one first.
    """

    a: str
    b: str
    value: float
    ci95: Interval
    measures: dict[str, Estimate] = field(default_factory=dict)

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Join each measure with its interval; the one named ``ci95`` is that of the first."""
        main, *others = (name for name in value if name in IN_WORDS)
        measures = {main: _joined(value[main], value.get("ci95"))}
        for name in others:
            measures[name] = _joined(value[name], value.get(f"ci95_{name}"))
        return {**value, "value": value[main], "measures": measures}

    def seen_from(self, method: str) -> Difference:
        """Return the difference with `method` first."""
        if self.a == method:
            return self
        low, high = self.ci95
        return Difference(a=self.b, b=self.a, value=-self.value, ci95=(-high, -low))


@dataclass(frozen=True, kw_only=True, repr=False)
class Leak(ShortRepr):
    """What a split at random would have claimed, what holds, and the difference.

    Parameters
    ----------
    random, grouped, difference : float
    ci95 : tuple of float
        Of the difference.
    figure : str
        Which measure: ``"macro_f1"`` or ``"mean_average_precision"``.
    """

    random: float
    grouped: float
    difference: float
    ci95: Interval
    figure: str = "macro_f1"


@dataclass(frozen=True, kw_only=True, repr=False)
class SetScore(ShortRepr):
    """How often a genre's prediction sets hold it, and how large they are."""

    coverage: float = math.nan
    mean_size: float = math.nan
    n: float = 0.0


@dataclass(frozen=True, kw_only=True, repr=False)
class Sets(ShortRepr):
    """Prediction sets: the stated rate, the rate reached, their mean size.

    Parameters
    ----------
    level, coverage, mean_size : float
    sizes : tuple of float
        Share of covers with a set of 0, 1, 2 … genres.
    per_genre : dict of str to SetScore
    """

    level: float
    coverage: float = math.nan
    mean_size: float = math.nan
    sizes: tuple[float, ...] = ()
    per_genre: dict[str, SetScore] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, repr=False)
class Certain(ShortRepr):
    """Accuracy among the most certain share of the covers.

    Parameters
    ----------
    share : float
    n : int
    certainty : float
        The least of those answered.
    accuracy : float
    ci95 : tuple of float
    """

    share: float
    n: int
    certainty: float
    accuracy: float
    ci95: Interval = (math.nan, math.nan)


@dataclass(frozen=True, kw_only=True, repr=False)
class Growth(ShortRepr):
    """How well the vote does with so many covers to learn from.

    Parameters
    ----------
    n_references : int
    value : float
        In the measure that methods are compared by.
    ci95 : tuple of float
    gain : float
        Over the point before, which has half the groups; unknown at the first.
    gain_ci95 : tuple of float
    """

    n_references: int
    value: float
    ci95: Interval = (math.nan, math.nan)
    gain: float = math.nan
    gain_ci95: Interval = (math.nan, math.nan)


@dataclass(frozen=True, kw_only=True, repr=False)
class Loss(ShortRepr):
    """A held-out cover whose own genre was thought unlikely, and what was thought instead."""

    cover_id: str
    genres: tuple[str, ...]
    predicted: str
    p_predicted: float
    p_true: float
    log_loss: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Fitted(ShortRepr):
    """What was fitted on held-out covers.

    Parameters
    ----------
    vote : VoteSettings
    cross_fitted : bool
        Over folds, because the side that is measured is the one fitted on.
    n_folds : int
    n_across_folds : int
        Train covers that helped, with answers by heads that have not seen them.
    """

    vote: VoteSettings
    cross_fitted: bool
    n_folds: int
    n_across_folds: int = 0


@dataclass(frozen=True, kw_only=True, repr=False)
class SelfCheck(ShortRepr):
    """What was checked before anything was written.

    Parameters
    ----------
    twins : tuple of str
        Held-out covers with an all but identical one among the references.
    first_right_by_chance, mean_average_precision_by_chance : float
        Of independent genres: what a random answer, or a random order, would have.
    """

    twins: tuple[str, ...] = ()
    first_right_by_chance: float = math.nan
    mean_average_precision_by_chance: float = math.nan


@dataclass(frozen=True, kw_only=True, repr=False)
class MeasuredModel(ShortRepr):
    """Which model was measured, and on how many covers its head was fitted afterwards."""

    fingerprint: str
    arch: str
    n_fitted_after: int | None = None


def _joined(value: Any, ends: Any) -> dict[str, Any]:
    """Return a measure and its interval as they become an `Estimate`."""
    return {"value": value, "ci95": ends or _NOT_KNOWN}
