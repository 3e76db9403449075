"""What an evaluation measures: its figures as types, and what they are called.

Letters: G genres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from covers.classify.methods import BEFORE
from covers.errors import WrongValueError
from covers.render.short_repr import ShortRepr
from covers.workspace.disk.read_only import ReadOnly
from covers.workspace.documents import left_out

if TYPE_CHECKING:
    from collections.abc import Mapping

Interval = tuple[float, float]
NO_INTERVAL = (math.nan, math.nan)
"""Where none was measured; one that was, without success, is another tuple."""

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
_ESTIMATES = (*IN_WORDS, "micro_precision", "micro_recall")
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
    ci95: Interval = left_out(NO_INTERVAL)

    def __float__(self) -> float:
        return self.value


_NOT_MEASURED = Estimate(value=math.nan)


@dataclass(frozen=True, kw_only=True, repr=False)
class GenreScore(ReadOnly, ShortRepr):
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
class MethodResult(ReadOnly, ShortRepr):
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
    accuracy: Estimate = left_out(_NOT_MEASURED)
    macro_f1: Estimate = left_out(_NOT_MEASURED)
    top3: Estimate = left_out(_NOT_MEASURED)
    ece: Estimate = left_out(_NOT_MEASURED)
    brier: Estimate = left_out(_NOT_MEASURED)
    log_loss: Estimate = left_out(_NOT_MEASURED)
    mean_average_precision: Estimate = left_out(_NOT_MEASURED)
    micro_f1: Estimate = left_out(_NOT_MEASURED)
    first_right: Estimate = left_out(_NOT_MEASURED)
    jaccard: Estimate = left_out(_NOT_MEASURED)
    ranking_loss: Estimate = left_out(_NOT_MEASURED)
    coverage_error: Estimate = left_out(_NOT_MEASURED)
    named_per_cover: Estimate = left_out(_NOT_MEASURED)
    per_genre: dict[str, GenreScore] = field(default_factory=dict)
    confusion: tuple[tuple[float, ...], ...] = left_out(())
    reliability: tuple[Bin, ...] = ()
    micro_precision: Estimate = left_out(_NOT_MEASURED)
    micro_recall: Estimate = left_out(_NOT_MEASURED)
    ece_if_calibrated: float = math.nan

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Join each measure with its interval, which lies beside it in the document."""
        ends = value.get("ci95", {})
        joined = {
            name: _joined(value[name], ends.get(name))
            for name in _ESTIMATES
            if name in value
        }
        return {**value, **joined}

    def arrange(self, written: dict[str, Any]) -> dict[str, Any]:
        """Put the intervals beside the measures; leave out of genres what was not measured."""
        measured = {name: written[name] for name in _ESTIMATES if name in written}
        if self.mean_average_precision is _NOT_MEASURED:
            for genre in written["per_genre"].values():
                del genre["average_precision"], genre["ci95"]
        ends = {name: one["ci95"] for name, one in measured.items() if "ci95" in one}
        values = {name: one["value"] for name, one in measured.items()}
        return {**written, **values, "ci95": ends}

    def estimate(self, measure: str) -> Estimate:
        """Return one measure by its key, such as ``"macro_f1"``.

        Raises
        ------
        WrongValueError
            If there is no such measure; the message lists all.
        """
        found = getattr(self, measure, None)
        if not isinstance(found, Estimate):
            known = ", ".join(
                one.name
                for one in fields(self)
                if isinstance(getattr(self, one.name), Estimate)
            )
            message = f"no measure {measure!r}: there are {known}"
            raise WrongValueError(message)
        return found


@dataclass(frozen=True, kw_only=True, repr=False)
class Difference(ReadOnly, ShortRepr):
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

    @classmethod
    def of(cls, a: str, b: str, measures: dict[str, Estimate]) -> Difference:
        """Make a difference of what was compared, the main measure first."""
        main = next(iter(measures.values()))
        return cls(a=a, b=b, value=main.value, ci95=main.ci95, measures=measures)

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Join each measure with its interval; the one named ``ci95`` is that of the first."""
        main, *others = (name for name in value if name in IN_WORDS)
        measures = {main: _joined(value[main], value.get("ci95"))}
        for name in others:
            measures[name] = _joined(value[name], value.get(f"ci95_{name}"))
        methods = {way: BEFORE.get(value[way], value[way]) for way in ("a", "b")}
        return {**value, **methods, "value": value[main], "measures": measures}

    @staticmethod
    def arrange(written: dict[str, Any]) -> dict[str, Any]:
        """Put each interval beside its measure, that of the first as ``ci95``."""
        found = {"a": written["a"], "b": written["b"]}
        for number, (name, one) in enumerate(written["measures"].items()):
            found[name] = one["value"]
            found[f"ci95_{name}" if number else "ci95"] = one["ci95"]
        return found

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

    figure: str = "macro_f1"
    random: float
    grouped: float
    difference: float
    ci95: Interval


def _joined(value: object, ends: object) -> dict[str, object]:
    """Return a measure and its interval as they become an `Estimate`."""
    return {"value": value, "ci95": ends} if ends else {"value": value}
