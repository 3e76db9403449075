"""How good predictions of several independent genres are, as scikit-learn defines the figures.

Genres that no cover has are left out of means over genres. Letters: N covers,
G genres, B resamples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.stats.bootstrap import Interval
from covers.stats.intervals import (
    as_resamples,
    resampled_error,
    share_intervals,
    spread_interval,
    t_quantile,
)
from covers.stats.labels.figures import (
    average_precisions,
    count_labels,
    cover_scores,
    mean_known,
    over_genres,
    precision_recall_f1,
)
from covers.stats.reliability import Reliability, expected_error, reliability_table

if TYPE_CHECKING:
    from covers.stats.bootstrap import GroupBootstrap

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PAIRED = ("mean_average_precision", "macro_f1", "micro_f1", "first_right")
"""Figures whose resamples are kept, for paired differences of methods."""

_NO_SHARES = ("coverage_error", "named_per_cover", "log_loss")
_MOST_WEIGHTS = 4e8
_FEWEST_RESAMPLES = 100
_FEW_GROUPS = 200
_UNKNOWN = Interval(float("nan"), float("nan"))


@dataclass(frozen=True, kw_only=True)
class GenreMeasures:
    """Figures of single genres, each of shape (n_genres,).

    Parameters
    ----------
    n : ndarray of int64
        Every cover that has the genre.
    average_precision, precision, recall, f1 : ndarray of float64
        NaN where no cover has the genre; precision is 0 where it was never named.
    intervals : dict of str to list of Interval
        95 % group-bootstrap intervals of these; empty without resamples.
    """

    n: npt.NDArray[np.int64]
    average_precision: Array
    precision: Array
    recall: Array
    f1: Array
    intervals: dict[str, list[Interval]]


@dataclass(frozen=True, kw_only=True)
class LabelMeasures:
    """Every figure of one method on one set of covers.

    Parameters
    ----------
    n : int
        Number of covers.
    values : dict of str to float
        ``mean_average_precision, macro_f1, micro_f1, micro_precision,
        micro_recall, jaccard, coverage_error, ranking_loss, first_right``
        (share of covers whose likeliest genre is one of theirs),
        ``named_per_cover, log_loss, ece, ece_if_calibrated``.
    intervals : dict of str to Interval
        95 % group-bootstrap intervals; empty without resamples.
    per_genre : GenreMeasures
    reliability : Reliability
        Of all probabilities of all genres together.
    samples : dict of str to ndarray
        The figures in `PAIRED` in each resample, for differences of methods.
    """

    n: int
    values: dict[str, float]
    intervals: dict[str, Interval]
    per_genre: GenreMeasures
    reliability: Reliability
    samples: dict[str, Array] = field(repr=False)


def measure_labels(
    p: Array,
    named: Flags,
    has: Flags,
    *,
    draws: GroupBootstrap | None = None,
) -> LabelMeasures:
    """Compute every figure of one method.

    Parameters
    ----------
    p : ndarray of float64, shape (n_covers, n_genres)
        Probability of each genre by itself.
    named : ndarray of bool, shape (n_covers, n_genres)
        Which genres the method says that a cover has.
    has : ndarray of bool, shape (n_covers, n_genres)
        Which it has.
    draws : GroupBootstrap, optional
        Resamples of the same covers, for the intervals.

    Raises
    ------
    ValueError
        If shapes differ, there is no cover, or a probability is none.
    """
    check_label_probabilities(p, named, has)
    per_cover = cover_scores(p, named, has)
    counts = count_labels(named, has)
    precision, recall, f1 = precision_recall_f1(counts.sum(axis=0))
    average = average_precisions(p, has, np.ones((1, len(p))))[0]
    certainty, right = p.ravel(), has.ravel().astype(np.float64)
    reliability = reliability_table(certainty, right)
    values = {
        "mean_average_precision": float(mean_known(average)),
        **{name: float(v) for name, v in over_genres(counts.sum(axis=0)).items()},
        **{name: float(scores.mean()) for name, scores in per_cover.items()},
        "ece": reliability.error,
        "ece_if_calibrated": expected_error(
            certainty,
            right,
            reliability,
            None if draws is None else np.repeat(draws.members, p.shape[1]),
        ),
    }
    samples: dict[str, Array] = {}
    intervals: dict[str, Interval] = {}
    by_genre: dict[str, list[Interval]] = {}
    if draws is not None:
        drawn = _resample(p, has, counts, per_cover, draws)
        samples = drawn.samples
        by_genre = _intervals_by_genre(average, drawn, counts, draws)
        unseen = _unseen_of_f1(by_genre["f1"], drawn.f1, f1, draws.n_groups)
        intervals = {
            name: spread_interval(
                values[name],
                sample,
                draws.n_groups,
                is_share=name not in _NO_SHARES,
                unseen=unseen if name == "macro_f1" else 0.0,
            )
            for name, sample in drawn.spread.items()
        }
    return LabelMeasures(
        n=len(p),
        values=values,
        intervals=intervals,
        per_genre=GenreMeasures(
            n=has.sum(axis=0),
            average_precision=average,
            precision=precision,
            recall=recall,
            f1=f1,
            intervals=by_genre,
        ),
        reliability=reliability,
        samples={name: samples[name] for name in PAIRED if name in samples},
    )


def check_label_probabilities(p: Array, named: Flags, has: Flags) -> None:
    """Refuse what are no probabilities, or do not fit the covers.

    Raises
    ------
    ValueError
        Saying what is wrong, and where.
    """
    if p.ndim != 2 or not p.shape == named.shape == has.shape or not len(p):
        message = f"probabilities {p.shape}, names {named.shape} and genres {has.shape} must be (n_covers, n_genres) alike"
        raise ValueError(message)
    wrong = ~((p >= 0) & (p <= 1)).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        message = f"{wrong.sum()} covers have values that are no probabilities, the first is row {row}: {p[row]}"
        raise ValueError(message)


@dataclass(frozen=True)
class _Drawn:
    """Figures in each resample: over all, and F1 and average precision of genres, shape (B, G).

    What intervals over all are made from (`spread`) differs from the resamples in
    the mean average precision of few groups. Not so differences of two methods: there
    resamples spread as they should.
    """

    samples: dict[str, Array]
    spread: dict[str, Array]
    f1: Array
    average: Array


def _resample(
    p: Array,
    has: Flags,
    counts: Array,
    per_cover: dict[str, Array],
    draws: GroupBootstrap,
) -> _Drawn:
    """Measure every resample."""
    drawn = draws.sums(counts)  # (B, 3G)
    samples = over_genres(drawn)
    means = draws.means(np.column_stack(list(per_cover.values())))
    samples |= dict(zip(per_cover, means.T, strict=True))
    n_kept = int(np.clip(_MOST_WEIGHTS // p.size, _FEWEST_RESAMPLES, len(draws)))
    average = average_precisions(p, has, _weigh(draws.first(n_kept)))  # (B, G)
    samples["mean_average_precision"] = mean_known(average)
    spread = dict(samples)
    if draws.n_groups <= _FEW_GROUPS:
        without = average_precisions(p, has, _weigh(draws.left_out()))  # (U, G)
        spread["mean_average_precision"] = as_resamples(mean_known(without))
    return _Drawn(samples, spread, precision_recall_f1(drawn)[2], average)


def _weigh(draws: GroupBootstrap) -> Array:
    """Return each resample as weights of the covers, shape (B, N)."""
    return draws.counts[:, draws.members].astype(np.float64)


def _intervals_by_genre(
    average: Array, drawn: _Drawn, counts: Array, draws: GroupBootstrap
) -> dict[str, list[Interval]]:
    """Return the intervals of single genres; unknown where no cover has the genre.

    Precision and recall are shares, and so is what F1 is made from: hits among the
    covers that are named or have the genre. A genre that was never named has an
    interval then, where resamples would all agree.
    """
    by_group = draws.sum_by_group(counts)
    hits, named, has = np.split(by_group, 3, axis=1)  # (U, G)
    n_groups = (has > 0).sum(axis=0)
    known = n_groups > 0
    found = {
        "average_precision": [
            spread_interval(float(value), sample, int(n))
            for value, sample, n in zip(average, drawn.average.T, n_groups, strict=True)
        ]
    }
    for name, cases in (
        ("precision", named),
        ("recall", has),
        ("f1", named + has - hits),
    ):
        low, high = share_intervals(hits, cases)
        if name == "f1":
            low, high = 2 * low / (1 + low), 2 * high / (1 + high)
        found[name] = [
            Interval(float(a), float(b)) if is_known else _UNKNOWN
            for a, b, is_known in zip(low, high, known, strict=True)
        ]
    return found


def _unseen_of_f1(
    intervals: list[Interval], drawn: Array, f1: Array, n_groups: int
) -> float:
    """Return the part of the standard error of a mean F1 that resamples miss.

    The F1 of a genre without any hit is nought in every resample; its interval
    says how much it may be all the same.
    """
    known = np.flatnonzero(~np.isnan(f1))
    if not len(known):
        return 0.0
    reach = np.array([intervals[j].high - intervals[j].low for j in known]) / 2
    with np.errstate(invalid="ignore"):
        shown = np.array(
            [
                resampled_error(drawn[~np.isnan(drawn[:, j]), j], n_groups)
                if (~np.isnan(drawn[:, j])).any()
                else 0.0
                for j in known
            ]
        )
    more = np.maximum((reach / t_quantile(n_groups)) ** 2 - shown**2, 0)
    return float(more.sum() ** 0.5 / len(known))
