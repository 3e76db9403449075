"""How good predictions of several independent genres are, as scikit-learn defines the figures.

Genres that no cover has are left out of means over genres. Letters: N covers,
G genres, B resamples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.stats.bootstrap import Interval, percentile_interval, percentile_intervals
from covers.stats.metrics import (
    SMALLEST_PROBABILITY,
    Reliability,
    expected_error,
    reliability_table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.stats.bootstrap import GroupBootstrap

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PAIRED = ("mean_average_precision", "macro_f1", "micro_f1", "first_right")
"""Figures whose resamples are kept, for paired differences of methods."""

_MOST_WEIGHTS = 4e8
_FEWEST_RESAMPLES = 100


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

    def to_json(self, vocab: Sequence[str]) -> dict[str, Any]:
        """Return one row per genre."""
        names = ("average_precision", "precision", "recall", "f1")
        return {
            genre: {
                "n": int(self.n[j]),
                **{name: float(getattr(self, name)[j]) for name in names},
                "ci95": {
                    name: ends[j].as_list() for name, ends in self.intervals.items()
                },
            }
            for j, genre in enumerate(vocab)
        }


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
        The figures in `PAIRED` in each resample; mean average precisions, which
        resamples overrate, shifted to the mean of what was measured.
    """

    n: int
    values: dict[str, float]
    intervals: dict[str, Interval]
    per_genre: GenreMeasures
    reliability: Reliability
    samples: dict[str, Array] = field(repr=False)

    def to_json(self, vocab: Sequence[str]) -> dict[str, Any]:
        """Return the figures in the shape of ``covers evaluate --json``."""
        return {
            **self.values,
            "n": self.n,
            "ci95": {name: ends.as_list() for name, ends in self.intervals.items()},
            "per_genre": self.per_genre.to_json(vocab),
            "reliability": self.reliability.to_json(),
        }


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
    counts = _counts(named, has)
    precision, recall, f1 = _precision_recall_f1(counts.sum(axis=0))
    average = average_precisions(p, has, np.ones((1, len(p))))[0]
    certainty, right = p.ravel(), has.ravel().astype(np.float64)
    reliability = reliability_table(certainty, right)
    values = {
        "mean_average_precision": float(_mean_known(average)),
        **{name: float(v) for name, v in _over_genres(counts.sum(axis=0)).items()},
        **{name: float(scores.mean()) for name, scores in per_cover.items()},
        "ece": reliability.error,
        "ece_if_calibrated": expected_error(certainty, reliability),
    }
    samples: dict[str, Array] = {}
    intervals: dict[str, Interval] = {}
    by_genre: dict[str, list[Interval]] = {}
    if draws is not None:
        samples, by_genre, drawn_average = _resample(p, has, counts, per_cover, draws)
        intervals = {name: percentile_interval(s) for name, s in samples.items()}
        intervals["mean_average_precision"] = _spread_interval(
            values["mean_average_precision"], samples["mean_average_precision"]
        )
        drawn_map = samples["mean_average_precision"]
        # Around the value, so that differences of methods are too; see `_spread_interval`.
        samples["mean_average_precision"] = (
            drawn_map - np.nanmean(drawn_map) + values["mean_average_precision"]
        )
        by_genre["average_precision"] = [
            _spread_interval(value, sample)
            for value, sample in zip(average, drawn_average.T, strict=True)
        ]
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


def _resample(
    p: Array,
    has: Flags,
    counts: Array,
    per_cover: dict[str, Array],
    draws: GroupBootstrap,
) -> tuple[dict[str, Array], dict[str, list[Interval]], Array]:
    """Return the figures in each resample, intervals of single genres, and average precisions, shape (B, G)."""
    drawn = draws.sums(counts)  # (B, 3G)
    precision, recall, f1 = _precision_recall_f1(drawn)
    samples = _over_genres(drawn)
    means = draws.means(np.column_stack(list(per_cover.values())))
    samples |= dict(zip(per_cover, means.T, strict=True))
    n_kept = int(np.clip(_MOST_WEIGHTS // p.size, _FEWEST_RESAMPLES, len(draws)))
    kept = draws.counts[:n_kept][:, draws.members].astype(np.float64)  # (B, N)
    average = average_precisions(p, has, kept)  # (B, G)
    samples["mean_average_precision"] = _mean_known(average)
    by_genre = {
        "precision": percentile_intervals(precision),
        "recall": percentile_intervals(recall),
        "f1": percentile_intervals(f1),
    }
    return samples, by_genre, average


def _spread_interval(value: float, samples: Array) -> Interval:
    """Return the interval of an average precision: the value and what its resamples spread.

    A resample holds covers twice, which stand side by side in the ranking: average
    precisions of resamples are too high, and their quantiles hold the truth too
    seldom (88 to 91 % in simulations, where these ends do in 93 to 95 %).
    """
    known = samples[np.isfinite(samples)]
    if not len(known) or not np.isfinite(value):
        return Interval(float("nan"), float("nan"))
    reach = 1.96 * float(known.std())
    return Interval(max(0.0, float(value) - reach), min(1.0, float(value) + reach))


def _counts(named: Flags, has: Flags) -> Array:
    """Return hits, names and genres of each cover side by side, shape (n_covers, 3 * n_genres)."""
    return np.hstack([named & has, named, has]).astype(np.float64)


def _precision_recall_f1(counts: Array) -> tuple[Array, Array, Array]:
    """Return the figures of each genre from sums of `_counts`; NaN where no cover has it."""
    hits, named, has = np.split(counts, 3, axis=-1)
    known = has > 0

    def ratio(a: Array, b: Array) -> Array:
        found = np.divide(a, b, out=np.zeros_like(a), where=b > 0)
        return np.where(known, found, np.nan)

    return ratio(hits, named), ratio(hits, has), ratio(2 * hits, named + has)


def _over_genres(counts: Array) -> dict[str, Array]:
    """Return macro-F1, micro-F1, -precision and -recall from sums of `_counts`, shape (..., 3 * n_genres)."""
    hits, named, has = (part.sum(axis=-1) for part in np.split(counts, 3, axis=-1))
    _, _, f1 = _precision_recall_f1(counts)
    return {
        "macro_f1": _mean_known(f1),
        "micro_f1": np.asarray(2 * hits / np.maximum(named + has, 1)),
        "micro_precision": np.asarray(hits / np.maximum(named, 1)),
        "micro_recall": np.asarray(hits / np.maximum(has, 1)),
    }


def _mean_known(values: Array) -> Array:
    """Return the mean over the last axis of what is known; NaN where nothing is."""
    known = ~np.isnan(values)
    n_known = known.sum(axis=-1)
    total = np.where(known, values, 0).sum(axis=-1)
    return np.where(n_known > 0, total / np.maximum(n_known, 1), np.nan)


def cover_scores(p: Array, named: Flags, has: Flags) -> dict[str, Array]:
    """Return the figures that are means over covers, each of shape (n_covers,).

    ``jaccard``, ``coverage_error`` (how far down the ranking the last of a cover's
    genres stands) and ``ranking_loss`` (share of pairs of one of its genres and
    another that stand in the wrong order, ties among them) as scikit-learn
    defines them; ``first_right``, ``named_per_cover``, ``log_loss`` (mean over genres).
    """
    from scipy.stats import rankdata

    rows = np.arange(len(p))
    n_genres, n_has = p.shape[1], has.sum(axis=1)
    either = (named | has).sum(axis=1)
    rank = rankdata(-p, method="max", axis=1).astype(np.int64)  # (N, G)
    order = np.argsort(-p, axis=1, kind="stable")
    own_above = np.cumsum(np.take_along_axis(has, order, axis=1), axis=1)
    at_least = np.take_along_axis(own_above, rank - 1, axis=1)
    crossed = np.where(has, rank - at_least, 0).sum(axis=1)
    pairs = n_has * (n_genres - n_has)
    return {
        "jaccard": np.where(
            either > 0, (named & has).sum(axis=1) / np.maximum(either, 1), 0.0
        ),
        "coverage_error": np.where(has, rank, 0).max(axis=1).astype(np.float64),
        "ranking_loss": np.where(pairs > 0, crossed / np.maximum(pairs, 1), 0.0),
        "first_right": has[rows, p.argmax(axis=1)].astype(np.float64),
        "named_per_cover": named.sum(axis=1).astype(np.float64),
        "log_loss": label_losses(p, has),
    }


def label_losses(p: Array, has: Flags) -> Array:
    """Return the cross-entropy of each cover in nats, mean over genres, shape (n_covers,)."""
    clipped = np.clip(p, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    losses = -np.where(has, np.log(clipped), np.log1p(-clipped))
    return np.asarray(losses.mean(axis=1))


def average_precision_by_chance(n_has: int, n_covers: int) -> float:
    """Return the average precision that a ranking in random order has on average.

    More than the share of covers that have the genre, and much more where few do.

    Examples
    --------
    >>> average_precision_by_chance(1, 2), round(average_precision_by_chance(3, 300), 3)
    (0.75, 0.027)
    """
    harmonic = float((1 / np.arange(1, n_covers + 1)).sum())
    others = (n_has - 1) / max(n_covers - 1, 1) * (n_covers - harmonic)
    return (harmonic + others) / n_covers


def average_precisions(p: Array, has: Flags, weights: Array) -> Array:
    """Return the average precision of each genre under each weighting of the covers.

    Parameters
    ----------
    p : ndarray of float64, shape (n_covers, n_genres)
    has : ndarray of bool, shape (n_covers, n_genres)
    weights : ndarray of float64, shape (n_weightings, n_covers)
        How often each cover counts, such as in each resample.

    Returns
    -------
    ndarray of float64, shape (n_weightings, n_genres)
        NaN where no cover that counts has the genre.
    """
    found = np.full((len(weights), p.shape[1]), np.nan)
    for j in range(p.shape[1]):
        if not has[:, j].any():
            continue
        order = np.argsort(-p[:, j], kind="stable")
        ranked, own = p[order, j], has[order, j]
        # Equal probabilities are one step of the curve, which ends at the last of them.
        last = np.searchsorted(-ranked, -ranked, side="right") - 1
        w = weights[:, order]
        above = np.cumsum(w, axis=1)
        hits = np.cumsum(w * own, axis=1)
        at = last[own]
        totals = hits[:, -1]
        precision = hits[:, at] / np.maximum(above[:, at], 1e-12)
        summed = (w[:, own] * precision).sum(axis=1)
        found[:, j] = np.where(totals > 0, summed / np.maximum(totals, 1e-12), np.nan)
    return found
