"""Curves: accuracy over the share of covers answered, and over the number of reference covers.

Letters: N covers, G genres, B resamples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.evaluate.document import Certain, Growth
from covers.evaluate.measures import NO_INTERVAL
from covers.stats.bootstrap import GroupBootstrap, percentile_interval
from covers.stats.intervals import spread_interval
from covers.stats.neighbours import Neighbours, find_neighbours

if TYPE_CHECKING:
    from covers.classify.voting import VoteSettings
    from covers.evaluate.inputs import EvaluationInputs

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

FRACTIONS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
N_REPEATS = 3
_CANDIDATES_PER_VOTER = 5


def coverage_curve(
    certainty: Array,
    right: Array,
    *,
    draws: GroupBootstrap | None = None,
    n_points: int = 20,
) -> list[Certain]:
    """Return the accuracy among the most certain covers, for growing shares of them.

    Parameters
    ----------
    certainty, right : ndarray of float64, shape (n_covers,)
        Probability of the predicted genre; whether that genre is one of the cover's.
    draws : GroupBootstrap, optional
        For the intervals.
    n_points : int, default=20
        Number of shares, up to all covers.
    """
    order = np.argsort(-certainty, kind="stable")
    curve = []
    for share in np.linspace(0, 1, n_points + 1)[1:]:
        kept = order[: max(1, round(share * len(order)))]
        ends = NO_INTERVAL
        if draws is not None:
            inside = np.zeros(len(order))
            inside[kept] = 1
            sums = draws.sums(np.column_stack([inside * right, inside]))
            with np.errstate(invalid="ignore"):
                ratio = sums[:, 0] / sums[:, 1]
            ends = percentile_interval(ratio).ends
        curve.append(
            Certain(
                share=float(share),
                n=len(kept),
                certainty=float(certainty[kept[-1]]),
                accuracy=float(right[kept].mean()),
                ci95=ends,
            )
        )
    return curve


@dataclass(frozen=True, kw_only=True)
class Side:
    """The covers that are classified, or the covers that vote on them.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n_covers, n_dimensions)
        L2-normalised.
    membership : ndarray of float64, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
    """

    embeddings: npt.NDArray[np.float32]
    membership: Array
    groups: Rows

    @classmethod
    def of(cls, inputs: EvaluationInputs, rows: Rows) -> Side:
        """Take some covers of an evaluation."""
        return cls(
            embeddings=inputs.embeddings[rows],
            membership=np.asarray(inputs.membership[rows], np.float64),
            groups=inputs.groups[rows],
        )

    def take(self, rows: npt.NDArray[Any]) -> Side:
        """Return some of the covers."""
        return Side(
            embeddings=self.embeddings[rows],
            membership=self.membership[rows],
            groups=self.groups[rows],
        )


Measure = Callable[[Neighbours, Side], tuple[dict[str, float], Array]]
"""From the neighbours of the held-out covers among some references to figures,
and to the resamples of the first, which gets an interval."""


def learning_curve(
    held: Side,
    train: Side,
    settings: VoteSettings,
    measure: Measure,
    *,
    seed: int = 0,
) -> list[Growth]:
    """Measure how the vote grows with the number of reference covers.

    Whole groups of references are left out, so that what a larger library
    would bring (new artists, not more of the same) can be read off. Random
    subsets are averaged over `N_REPEATS`.

    Parameters
    ----------
    held, train : Side
        The covers that are asked about; the references.
    settings : VoteSettings
        As fitted on all references; k is lowered where there are fewer.
    measure : callable
        See `Measure`.
    seed : int, default=0

    Returns
    -------
    list of Growth
        The gain's interval is on the same resamples as the point before, and adds how
        much subsets of references differ.
    """
    rng = np.random.default_rng(seed)
    groups, n_held = np.unique(train.groups), len(np.unique(held.groups))
    curve: list[Growth] = []
    before: tuple[float, Array, float] | None = None
    for fraction in FRACTIONS:
        results, sizes = [], []
        for _ in range(N_REPEATS if fraction < 1 else 1):
            n_kept = max(1, round(fraction * len(groups)))
            chosen = rng.choice(groups, size=n_kept, replace=False)
            some = train.take(np.isin(train.groups, chosen))
            results.append(measure(nearest_candidates(held, some, settings), some))
            sizes.append(len(some.groups))
        figures = [values for values, _ in results]
        measures = {
            name: float(np.mean([values[name] for values in figures]))
            for name in figures[0]
        }
        main = next(iter(measures))
        samples = np.mean([sample for _, sample in results], axis=0)
        values = [one[main] for one in figures]
        error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0
        point = Growth(
            n_references=round(float(np.mean(sizes))),
            value=measures[main],
            ci95=spread_interval(measures[main], samples, n_held).ends,
            measures=measures,
        )
        now = (point.value, samples, float(error))
        if before is not None:
            gain = now[0] - before[0]
            ends = spread_interval(
                gain,
                now[1] - before[1],
                n_held,
                is_share=False,
                unseen=float(np.hypot(now[2], before[2])),
            ).ends
            point = replace(point, gain=gain, gain_ci95=ends)
        before = now
        curve.append(point)
    return curve


def nearest_candidates(held: Side, train: Side, settings: VoteSettings) -> Neighbours:
    """Find enough neighbours for `settings`: more than k where a group votes once."""
    k = settings.k * (_CANDIDATES_PER_VOTER if settings.one_per_group else 1)
    return find_neighbours(
        held.embeddings,
        train.embeddings,
        k=min(k, max(1, len(train.groups))),
        query_groups=held.groups,
        reference_groups=train.groups,
    )
