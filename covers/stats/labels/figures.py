"""Figures of several independent genres, as scikit-learn defines them: arrays in, arrays out.

Genres that no cover has are left out of means over genres. Letters: N covers,
G genres.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from covers.stats.metrics import SMALLEST_PROBABILITY

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def count_labels(named: Flags, has: Flags) -> Array:
    """Return hits, names and genres of each cover side by side, shape (n_covers, 3 * n_genres)."""
    return np.hstack([named & has, named, has]).astype(np.float64)


def precision_recall_f1(counts: Array) -> tuple[Array, Array, Array]:
    """Return the figures of each genre from sums of `count_labels`; NaN where no cover has it."""
    hits, named, has = np.split(counts, 3, axis=-1)
    known = has > 0

    def ratio(a: Array, b: Array) -> Array:
        found = np.divide(a, b, out=np.zeros_like(a), where=b > 0)
        return np.where(known, found, np.nan)

    return ratio(hits, named), ratio(hits, has), ratio(2 * hits, named + has)


def over_genres(counts: Array) -> dict[str, Array]:
    """Return macro-F1, micro-F1, -precision and -recall from sums of `count_labels`, shape (..., 3 * n_genres)."""
    hits, named, has = (part.sum(axis=-1) for part in np.split(counts, 3, axis=-1))
    _, _, f1 = precision_recall_f1(counts)
    return {
        "macro_f1": mean_known(f1),
        "micro_f1": np.asarray(2 * hits / np.maximum(named + has, 1)),
        "micro_precision": np.asarray(hits / np.maximum(named, 1)),
        "micro_recall": np.asarray(hits / np.maximum(has, 1)),
    }


def mean_known(values: Array) -> Array:
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
