"""What an evaluation says: how well each method reads genres off held-out covers.

Letters: G genres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from covers.classify.methods import TRAINED
from covers.evaluate.measures import IN_WORDS, SHORT, main_measure, measures_of
from covers.render.numbers import number, span
from covers.render.text import text_table
from covers.workspace.documents import Document

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.figure import Figure

Interval = tuple[float, float]
_UNKNOWN = (None, None)
_SHOWN = {
    False: ("accuracy", "macro_f1", "top3", "ece"),
    True: ("mean_average_precision", "micro_f1", "jaccard", "first_right"),
}
"""Measures in the table, by whether genres are independent."""
_MAIN, _BASELINE = "#0072b2", "#8a8a8a"


@dataclass(frozen=True, kw_only=True)
class Estimate:
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


@dataclass(frozen=True, kw_only=True)
class GenreScore:
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


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Covers of similar certainty: its mean, the rate of being right, and n."""

    certainty: float
    rate: float
    n: float


@dataclass(frozen=True, kw_only=True)
class MethodResult:
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

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Join each measure with its interval, which lies beside it in the document."""
        ends = value.get("ci95", {})
        joined = {
            name: {"value": value[name], "ci95": ends.get(name) or _UNKNOWN}
            for name in IN_WORDS
            if name in value
        }
        return {**value, **joined}


@dataclass(frozen=True, kw_only=True)
class Split:
    """Sides that were used: covers on each, which was measured, groups and what they are."""

    n_train: int
    n_valid: int
    n_test: int = 0
    measured: str
    n_groups: int
    grouped_by: str


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two methods on the same resamples.

    Parameters
    ----------
    a, b : str
    value : float
        First minus second, in the measure that methods are compared by.
    ci95 : tuple of float
    """

    a: str
    b: str
    value: float
    ci95: Interval


@dataclass(frozen=True, kw_only=True)
class Leak:
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


@dataclass(frozen=True, kw_only=True)
class SetScore:
    """How often a genre's prediction sets hold it, and how large they are."""

    coverage: float = math.nan
    mean_size: float = math.nan
    n: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Sets:
    """Prediction sets: the stated rate, the rate reached, their mean size."""

    level: float
    coverage: float = math.nan
    mean_size: float = math.nan
    per_genre: dict[str, SetScore] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, repr=False)
class Evaluation(Document):
    """How well each method reads genres off covers that none has seen.

    Parameters
    ----------
    genres : tuple of str
    methods : dict of str to MethodResult
        By name: ``"network"``, ``"vote"``, ``"network + vote"`` and the baselines.
    split : Split
    differences : tuple of Difference
    sets : Sets
    conclusions : tuple of str
        The findings in sentences.
    leakage : dict of str to Leak
        By method; empty where it was not asked for.
    several_genres : bool
        Whether genres are independent: a cover may have several.

    Examples
    --------
    >>> measured = library.evaluate().methods["network + vote"]
    >>> low, high = measured.accuracy.ci95
    >>> low <= measured.accuracy.value <= high
    True
    """

    what: ClassVar[str] = "evaluation"
    genres: tuple[str, ...]
    methods: dict[str, MethodResult]
    split: Split
    differences: tuple[Difference, ...] = ()
    sets: Sets | None = None
    conclusions: tuple[str, ...] = ()
    leakage: dict[str, Leak] = field(default_factory=dict)
    several_genres: bool = False

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Say which measure the differences are of."""
        main = main_measure(value)
        return {
            **value,
            "differences": [
                {**one, "value": one.get(main)} for one in value.get("differences", ())
            ],
        }

    @property
    def measure(self) -> str:
        """The measure that methods are compared by."""
        return main_measure(self.content)

    def best(self) -> str:
        """Return the name of the method that does best in `measure`."""

        def value(name: str) -> float:
            estimate: Estimate = getattr(self.methods[name], self.measure)
            return estimate.value

        return max(self.methods, key=value)

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per method; intervals are ``_low`` and ``_high``."""
        import pandas as pd

        rows = {}
        for name, method in self.methods.items():
            row: dict[str, float] = {"n": method.n}
            for measure in measures_of(self.content):
                found: Estimate = getattr(method, measure)
                row[measure] = found.value
                row[f"{measure}_low"], row[f"{measure}_high"] = found.ci95
            rows[name] = row
        frame = pd.DataFrame.from_dict(rows, orient="index")
        frame.index.name = "method"
        return frame

    def plot(self) -> Figure:
        """Draw how well each method does, with its 95 % interval.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        from covers.render.frame import new_frame

        frame = new_frame(
            width=8,
            height=1.6 + 0.4 * len(self.methods),
            title="How well each method reads genres",
            caption=(
                f"{IN_WORDS[self.measure]} on held-out covers, with its 95 % interval by bootstrap over "
                f"groups ({self.split.grouped_by}). n = {self._n_held():,} covers."
            ),
        )
        names = list(self.methods)[::-1]
        for row, name in enumerate(names):
            found: Estimate = getattr(self.methods[name], self.measure)
            colour = _MAIN if name in TRAINED else _BASELINE
            frame.axes.plot(found.ci95, [row, row], color=colour, linewidth=2)
            frame.axes.plot([found.value], [row], "o", color=colour)
        frame.axes.set_yticks(range(len(names)), names)
        frame.axes.set_xlabel(IN_WORDS[self.measure])
        figure: Figure = frame.finish()
        return figure

    def _n_held(self) -> int:
        """Return how many covers were measured."""
        return next(iter(self.methods.values())).n if self.methods else 0

    def __repr__(self) -> str:
        shown = _SHOWN[self.several_genres]
        n_with_ends = 1 if self.several_genres else 2  # 80 columns hold no more
        header = ["method"]
        for place, measure in enumerate(shown):
            header += [SHORT[measure], "95 %"][: 2 if place < n_with_ends else 1]
        rows = []
        for name, method in self.methods.items():
            row = [name]
            for place, measure in enumerate(shown):
                found: Estimate = getattr(method, measure)
                row.append(number(found.value))
                if place < n_with_ends:
                    row.append(span(found.ci95, ".2f"))
            rows.append(row)
        said = (
            f"{self._n_held():,} held-out covers of {len(self.genres)} genres "
            f"({self.split.n_train:,} train covers)"
        )
        return "\n".join([said, text_table(header, rows, right=range(1, len(header)))])
