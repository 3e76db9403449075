"""Whether clusters are found again, and under which number they go on.

Letters: N covers, C clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.stats.rows import RowsById

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Labels = npt.NDArray[np.int64]
_KEEPS_ITS_ID = 1 / 3
_MOST_COVERS = 5_000


def jaccard_table(first: Labels, second: Labels) -> npt.NDArray[np.float64]:
    """Return the Jaccard index of every cluster of `first` with every one of `second`.

    Parameters
    ----------
    first, second : ndarray of int64, shape (n_covers,)
        Cluster of each cover in two clusterings; negative is noise.

    Returns
    -------
    ndarray of float64, shape (n_first, n_second)

    Examples
    --------
    >>> jaccard_table(np.array([0, 0, 1, -1]), np.array([0, 0, 0, 0]))
    array([[0.5 ],
           [0.25]])
    """
    n_first = int(first.max(initial=-1)) + 1
    n_second = int(second.max(initial=-1)) + 1
    both = (first >= 0) & (second >= 0)
    shared = np.zeros((n_first, n_second))
    np.add.at(shared, (first[both], second[both]), 1)
    sizes = np.bincount(first[first >= 0], minlength=n_first)[:, None]
    others = np.bincount(second[second >= 0], minlength=n_second)[None, :]
    union = sizes + others - shared
    table: npt.NDArray[np.float64] = shared / np.maximum(union, 1)
    return table


def best_jaccard(first: Labels, second: Labels) -> npt.NDArray[np.float64]:
    """Return how well each cluster of `first` is found again in `second`, shape (n_first,)."""
    table = jaccard_table(first, second)
    return table.max(axis=1) if table.shape[1] else np.zeros(len(table))


def mean_jaccard(first: Labels, second: Labels) -> float:
    """Average `best_jaccard` over the clustered covers of `first`; 0 without clusters."""
    found = best_jaccard(first, second)
    sizes = np.bincount(first[first >= 0], minlength=len(found))
    return float((found * sizes).sum() / sizes.sum()) if sizes.sum() else 0.0


def cluster_stability(
    labels: Labels,
    groups: npt.NDArray[np.int64],
    recluster: Callable[[npt.NDArray[np.int64]], Labels],
    *,
    n_resamples: int = 10,
    seed: int = 0,
) -> npt.NDArray[np.float64]:
    """Measure how well each cluster is found again when groups are drawn anew.

    Each resample keeps the groups that a bootstrap would draw at least once
    (about 63 per cent, at most 5,000 covers) and clusters their covers from the vectors on; a cluster's
    stability is its mean best Jaccard index over the resamples [1]_. Above 0.75
    it is stable, below 0.5 rather an accident.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_covers,)
        The clusters in question.
    groups : ndarray of int64, shape (n_covers,)
        Covers that are drawn together.
    recluster : callable
        Takes rows and returns their new labels.
    n_resamples : int, default=10
        Few are rough, many are slow: each one clusters again.
    seed : int, default=0
        Seed of the draws.

    Returns
    -------
    ndarray of float64, shape (n_clusters,)
        NaN for a cluster of which no resample holds a cover.

    References
    ----------
    .. [1] Hennig, C. (2007). "Cluster-wise assessment of cluster stability".
       Computational Statistics & Data Analysis 52(1).
    """
    n_clusters = int(labels.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    distinct, members = np.unique(groups, return_inverse=True)
    found = np.full((n_resamples, n_clusters), np.nan)
    for resample in found if n_clusters else ():
        drawn = np.zeros(len(distinct), bool)
        drawn[rng.integers(len(distinct), size=len(distinct))] = True
        rows = np.flatnonzero(drawn[members])
        if len(rows) > _MOST_COVERS:
            rows = np.sort(rng.permutation(rows)[:_MOST_COVERS])
        present = np.bincount(labels[rows][labels[rows] >= 0], minlength=n_clusters) > 0
        best = np.zeros(n_clusters)
        again = best_jaccard(labels[rows], recluster(rows))
        best[: len(again)] = again
        resample[:] = np.where(present, best, np.nan)
    known = np.isfinite(found)
    with np.errstate(invalid="ignore"):
        stability: npt.NDArray[np.float64] = np.where(known, found, 0).sum(
            axis=0
        ) / known.sum(axis=0)
    return stability


def keep_ids(
    labels: Labels,
    cover_ids: Sequence[str],
    old_labels: Labels,
    old_cover_ids: Sequence[str],
) -> Labels:
    """Renumber clusters so that each keeps the id of the old one it grew out of.

    A cluster takes the id of the old cluster it shares most members with, one to
    one, when their Jaccard index on the covers of both runs is at least one third.
    New clusters get ids that no old one had.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_covers,)
    cover_ids : sequence of str
    old_labels : ndarray of int64, shape (n_old,)
    old_cover_ids : sequence of str

    Returns
    -------
    ndarray of int64, shape (n_covers,)
        Noise stays ``-1``; the ids may have gaps.
    """
    from scipy.optimize import linear_sum_assignment

    n_clusters = int(labels.max(initial=-1)) + 1
    rows = RowsById(old_cover_ids).of(cover_ids)
    before = np.where(rows >= 0, old_labels[rows] if len(old_labels) else -1, -1)
    both = rows >= 0
    table = jaccard_table(labels[both], before[both])
    full = np.zeros((n_clusters, max(int(old_labels.max(initial=-1)) + 1, 1)))
    full[: table.shape[0], : table.shape[1]] = table
    new_id = np.full(n_clusters, -1, np.int64)
    for new, old in zip(*linear_sum_assignment(-full), strict=True):
        if full[new, old] >= _KEEPS_ITS_ID:
            new_id[new] = old
    following = int(old_labels.max(initial=-1)) + 1
    for cluster in np.flatnonzero(new_id < 0):
        new_id[cluster] = following
        following += 1
    return np.where(labels < 0, -1, np.append(new_id, -1)[labels])
