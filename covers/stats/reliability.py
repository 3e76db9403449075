"""How far stated certainties are from the rate of being right: bins of equal mass, and the error by chance.

Probabilities are scored as if one of a cover's m genres had been drawn at
random, so that calibrated ones have an expected calibration error of zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.stats.bootstrap import Interval, percentile_interval

if TYPE_CHECKING:
    from covers.stats.bootstrap import GroupBootstrap

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """How often predictions of similar certainty are right.

    Parameters
    ----------
    certainty, rate : ndarray of float64, shape (n_bins,)
        Mean probability of the predicted genre, and how often it was right.
    n : ndarray of int64, shape (n_bins,)
        Covers in each bin.
    bins : ndarray of int64, shape (n_covers,)
        Bin of each cover.
    """

    certainty: Array
    rate: Array
    n: npt.NDArray[np.int64]
    bins: npt.NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error: mean gap, bins weighted by their covers."""
        return float(np.average(np.abs(self.certainty - self.rate), weights=self.n))


def n_reliability_bins(n_covers: int) -> int:
    """Return how many bins a set of covers is cut into: about 100 covers each, 5 to 15 bins.

    Fewer covers per bin would measure the noise of small counts instead of
    calibration.
    """
    return int(np.clip(n_covers // 100, 5, 15))


def reliability_table(
    certainty: Array, right: Array, n_bins: int | None = None
) -> Reliability:
    """Cut covers into bins of equal mass by certainty and compare with how often they are right.

    Parameters
    ----------
    certainty : ndarray of float64, shape (n_covers,)
        Probability of the predicted genre.
    right : ndarray of float64, shape (n_covers,)
        1 where the prediction was right, 1/m for covers of m genres.
    n_bins : int, optional
        By default `n_reliability_bins`; fewer where many certainties are equal.

    References
    ----------
    .. [1] Nixon, J. et al. (2019). "Measuring Calibration in Deep Learning".
       CVPR Workshops (adaptive binning).
    """
    n_bins = n_reliability_bins(len(certainty)) if n_bins is None else n_bins
    edges = np.unique(np.quantile(certainty, np.linspace(0, 1, n_bins + 1)[1:-1]))
    found = np.searchsorted(edges, certainty, side="right")
    _, bins = np.unique(found, return_inverse=True)
    n = np.bincount(bins)
    return Reliability(
        certainty=np.bincount(bins, certainty) / n,
        rate=np.bincount(bins, right) / n,
        n=n.astype(np.int64),
        bins=bins.astype(np.int64),
    )


def expected_error(
    certainty: Array,
    right: Array,
    table: Reliability,
    groups: npt.NDArray[np.int64] | None = None,
) -> float:
    """Return the mean error that calibrated certainties show by chance (normal approximation).

    Covers of one group tend to be right or wrong together, as an artist's are who has
    one genre: then many covers say no more than few, and chance shows a larger error.

    Parameters
    ----------
    certainty, right : ndarray of float64, shape (n_covers,)
        As `reliability_table` took them.
    table : Reliability
        What it returned.
    groups : ndarray of int64, shape (n_covers,), optional
        By default every cover stands for itself.
    """
    variance = np.bincount(table.bins, certainty * (1 - certainty)) / table.n
    if groups is not None:
        variance = variance * _design_effect(right - certainty, table, groups)
    return float(np.average(np.sqrt(2 / np.pi * variance / table.n), weights=table.n))


def _design_effect(
    gaps: Array, table: Reliability, groups: npt.NDArray[np.int64]
) -> float:
    """Return how many times the variance of a bin's mean gap is that of independent covers; at least 1.

    Gaps are taken from the mean of their bin, so that wrong certainties are not
    mistaken for covers that agree; what centring takes away is given back.
    """
    centred = gaps - (table.rate - table.certainty)[table.bins]
    cells = np.stack([table.bins, groups])
    (bins, _), place = np.unique(cells, axis=1, return_inverse=True)
    place = place.ravel()
    n = np.bincount(place)  # covers of a group in a bin
    together = (np.bincount(place, centred) ** 2).sum()
    apart = (centred**2).sum()
    free = (n * (1 - n / table.n[bins])).sum()
    if free <= 0 or apart <= 0:
        return 1.0
    return float(max(1.0, together / free / (apart / (table.n - 1).sum())))


def error_interval(
    certainty: Array, right: Array, table: Reliability, draws: GroupBootstrap
) -> Interval:
    """Return the interval of the calibration error, bins fixed.

    Resampling adds noise, and noise only ever adds to a sum of absolute gaps;
    the samples are shifted back by that bias.
    """
    from scipy import sparse

    rows = np.arange(len(certainty))
    gaps = sparse.csr_array((certainty - right, (rows, table.bins)))
    samples = np.abs(draws.sums(gaps)).sum(axis=1) / draws.sums(np.ones(len(rows)))
    interval = percentile_interval(samples - (samples.mean() - table.error))
    return Interval(max(0.0, interval.low), interval.high)
