"""What an evaluation says: how well each method reads genres off held-out covers.

Letters: G genres.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar

from covers.arguments import checked, one_of
from covers.classify.methods import TRAINED, Method, named_now
from covers.errors import WrongValueError
from covers.evaluate.document import (
    Certain,
    Fitted,
    Growth,
    Loss,
    MeasuredModel,
    SelfCheck,
    Sets,
    Split,
)
from covers.evaluate.measures import (
    IN_WORDS,
    SHORT,
    Difference,
    Leak,
    MethodResult,
    measures_of,
)
from covers.render.html import table
from covers.render.numbers import number, span
from covers.render.short_repr import ShortRepr
from covers.render.text import text_table
from covers.workspace.disk.read_only import ReadOnly
from covers.workspace.documents import Document, left_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from matplotlib.figure import Figure

_SHOWN = {
    False: ("accuracy", "macro_f1", "top3", "ece"),
    True: ("mean_average_precision", "micro_f1", "jaccard", "first_right"),
}
"""Measures in the table, by whether genres are independent."""
_BY_METHOD = ("methods", "leakage")
_MAIN, _BASELINE = "#0072b2", "#8a8a8a"


@dataclass(frozen=True, kw_only=True, repr=False)
class AcrossFolds(ReadOnly, ShortRepr):
    """How well each method does on every labelled cover, each read without its fold.

    The network's head is fitted once more without each fold of the train side, and
    answers for it; the held-out side is one fold more. So there are some five times the
    covers of the held-out side, and which artists it holds is no matter of luck.

    Parameters
    ----------
    n : int
        Covers: all with a genre, but those of a test part.
    n_groups : int
    n_folds : int
        The held-out side included.
    n_learned_from : int
        Covers that a head was fitted on, on average.
    methods : dict of str to MethodResult
        By name, as in `Evaluation`.
    differences : tuple of Difference
    sets : Sets
    """

    n: int
    n_groups: int
    n_folds: int
    n_learned_from: int
    methods: dict[str, MethodResult]
    differences: tuple[Difference, ...] = ()
    sets: Sets | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per method, as `Evaluation.to_frame`."""
        return _frame_of(self.methods, measures_of(several_genres=False))


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
    across_folds : AcrossFolds
        The same for every labelled cover once; None where heads were not fitted so,
        as after fine-tuning, or where genres are independent.
    conclusions : tuple of str
        The findings in sentences.
    leakage : dict of str to Leak
        By method; empty where it was not asked for.
    several_genres : bool
        Whether genres are independent: a cover may have several.
    share_with_several : float
        Share of covers with more than one.
    fitted : Fitted
    coverage_accuracy : tuple of Certain
        By growing share of the covers that is answered.
    learning_curve : tuple of Growth
    top_losses : tuple of Loss
        The worst mistakes first.
    self_check : SelfCheck
    model : MeasuredModel

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
    across_folds: AcrossFolds | None = None
    conclusions: tuple[str, ...] = ()
    leakage: dict[str, Leak] = left_out(empty=dict)
    several_genres: bool = False
    share_with_several: float = math.nan
    fitted: Fitted | None = None
    coverage_accuracy: tuple[Certain, ...] = ()
    learning_curve: tuple[Growth, ...] = ()
    top_losses: tuple[Loss, ...] = ()
    self_check: SelfCheck = field(default_factory=SelfCheck)
    model: MeasuredModel | None = left_out(None)

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Say which measure the learning curve is of; give methods of version 0.1 the names they have now."""
        several = bool(value.get("several_genres"))
        main = next(iter(measures_of(several_genres=several)))
        curve = value.get("learning_curve", ())
        return {
            **value,
            **{name: _named(value[name]) for name in _BY_METHOD if name in value},
            "learning_curve": [{**one, "value": one.get(main)} for one in curve],
        }

    @property
    def measures(self) -> dict[str, str]:
        """What is measured of each method, and what that is called."""
        return measures_of(several_genres=self.several_genres)

    @property
    def measure(self) -> str:
        """The measure that methods are compared by."""
        return next(iter(self.measures))

    @property
    def leading(self) -> Evaluation:
        """The evaluation with the figures of every labelled cover in the place of the held-out ones', where there are such."""
        across = self.across_folds
        if across is None:
            return self
        return replace(
            self,
            methods=across.methods,
            differences=across.differences,
            sets=across.sets,
            split=replace(self.split, n_groups=across.n_groups),
        )

    def best(self, among: Iterable[str] | None = None) -> str:
        """Return the name of the method that does best in `measure`, of all or of some.

        Raises
        ------
        WrongValueError
            If none of these was measured.
        """
        names = self.methods if among is None else among
        measured = [str(name) for name in names if name in self.methods]
        if not measured:
            message = (
                f"among must name methods that were measured: {', '.join(self.methods)}"
            )
            raise WrongValueError(message)
        return max(
            measured, key=lambda name: self.methods[name].estimate(self.measure).value
        )

    @checked(a=one_of(*Method), b=one_of(*Method))
    def difference(self, a: str, b: str) -> Difference | None:
        """Return method `a` minus method `b`; None where it was not measured."""
        for one in self.differences:
            if {one.a, one.b} == {a, b}:
                return one.seen_from(a)
        return None

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per method; intervals are ``_low`` and ``_high``."""
        return _frame_of(self.methods, self.measures)

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
            found = self.methods[name].estimate(self.measure)
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
        held = (
            f"{self._n_held():,} held-out covers of {len(self.genres)} genres "
            f"({self.split.n_train:,} train covers)"
        )
        parts = [held, self._table()]
        if self.across_folds is not None:
            every = f"{self.across_folds.n:,} covers, each read without its fold"
            parts = [every, self.leading._table(), *parts]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        header, rows = self.leading._cells()
        found = "".join(f"<li>{escape(one)}</li>" for one in self.conclusions)
        first = escape(repr(self).partition("\n")[0])
        return f"<p>{first}</p>{table(header, rows)}<ul>{found}</ul>"

    def _table(self) -> str:
        """Return a row of measures for each method, as text."""
        header, rows = self._cells()
        return text_table(header, rows, right=range(1, len(header)))

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """Return the head and the rows of the table of measures."""
        shown = _SHOWN[self.several_genres]
        n_with_ends = 1 if self.several_genres else 2  # 80 columns hold no more
        header = ["method"]
        for place, measure in enumerate(shown):
            header += [SHORT[measure], "95 %"][: 2 if place < n_with_ends else 1]
        rows = []
        for name, method in self.methods.items():
            row = [name]
            for place, measure in enumerate(shown):
                found = method.estimate(measure)
                row.append(number(found.value))
                if place < n_with_ends:
                    row.append(span(found.ci95, ".2f"))
            rows.append(row)
        return header, rows


def _frame_of(
    methods: Mapping[str, MethodResult], measures: Iterable[str]
) -> pd.DataFrame:
    """Return a row per method, with three columns for each measure."""
    import pandas as pd

    rows = {}
    for name, method in methods.items():
        row: dict[str, float] = {"n": method.n}
        for measure in measures:
            found = method.estimate(measure)
            row[measure] = found.value
            row[f"{measure}_low"], row[f"{measure}_high"] = found.ci95
        rows[name] = row
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.index.name = "method"
    return frame


def _named(value: Any) -> Any:
    """Return a table by methods with the names they have now; what is none as it is."""
    return named_now(value) if isinstance(value, Mapping) else value
