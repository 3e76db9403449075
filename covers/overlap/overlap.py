"""How much genres overlap in the embedding space, with uncertainty.

Two quantities per pair of genres a, b, both with all genres at one weight:

overlap coefficient
    Twice the balanced two-class Bayes error, ``∫ min(p_a, p_b)``: 0 separable,
    1 indistinguishable. Estimated from which of the two has more neighbours per
    cover around each cover, corrected for the finite sample by what halving the
    covers adds to the error.
neighbour mixing a→b
    The share of a's neighbours that are b over the share with shuffled genres.

Intervals come from a bootstrap over groups. docs/method/overlap.md says how well all
this holds on data of known overlap. Letters: N covers, K neighbours, G genres,
P pairs, B bootstraps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.overlap.finite_sample import (
    FEWEST_GROUPS,
    known_pairs,
    measure_losses,
    pair_sums,
)
from covers.overlap.mixing import Mixing, measure_mixing
from covers.overlap.pair_votes import Entries, Labels, sample_groups
from covers.stats.bootstrap import GroupBootstrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.stats.neighbours import Neighbours

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class OverlapSettings:
    """How overlap is measured.

    Parameters
    ----------
    k : int or None, default=None
        Neighbours that decide between two genres; None takes the number with the
        least error. Few follow fine structure but waver, many are steady but blur.
    mixing_k : int, default=15
        Neighbours whose genres are counted as mixing.
    n_bootstraps : int, default=1000
        Resamples of the groups behind the intervals.
    n_permutations : int, default=100
        Shuffles of the genres behind the p-values.
    n_splits : int, default=5
        Splits into halves behind the correction.
    n_sampled : int, default=30,000
        Of more covers whole groups are drawn, the same number from each genre, whose
        neighbourhoods are looked at; all covers are neighbours. Fewer take less time
        and widen intervals.
    seed : int, default=0
        Seed of all of these.
    """

    k: int | None = None
    mixing_k: int = 15
    n_bootstraps: int = 1000
    n_permutations: int = 100
    n_splits: int = 5
    n_sampled: int = 30_000
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class OverlapMatrices:
    """Overlap and mixing of every pair of genres, with their intervals.

    Parameters
    ----------
    genres : tuple of str
        The genres, columns of every matrix.
    n_covers : ndarray of float64, shape (n_genres,)
        Covers of each genre, those of several genres with their share.
    n_groups : ndarray of int64, shape (n_genres,)
        Groups (artists) they come from.
    overlap : ndarray of float64, shape (n_genres, n_genres)
        In [0, 1], ones on the diagonal; NaN where a genre has too few groups.
    overlap_ci95 : ndarray of float64, shape (2, n_genres, n_genres)
        Low and high ends.
    raw : ndarray of float64, shape (n_genres, n_genres)
        Before the correction for the finite sample: an upper bound.
    lift : ndarray of float64, shape (n_genres, n_genres)
        Neighbour mixing from row to column; 1 is chance.
    lift_ci95 : ndarray of float64, shape (2, n_genres, n_genres)
    p, q : ndarray of float64, shape (n_genres, n_genres)
        Permutation p-value of the pair's mixing, and corrected for many pairs.
    samples : ndarray of float32, shape (n_bootstraps, n_pairs)
        Resampled overlaps of the pairs in ``triu_indices`` order, not clipped.
    effective_genres : float
        Number of visually distinct genres; see `effective_number`.
    effective_genres_ci95 : tuple of float
    k : int
        Neighbours that decided.
    settings : OverlapSettings
    """

    genres: tuple[str, ...]
    n_covers: Array
    n_groups: npt.NDArray[np.int64]
    overlap: Array
    overlap_ci95: Array
    raw: Array
    lift: Array
    lift_ci95: Array
    p: Array
    q: Array
    samples: npt.NDArray[np.float32]
    effective_genres: float
    effective_genres_ci95: tuple[float, float]
    k: int
    settings: OverlapSettings


def measure_overlap(
    neighbours: Neighbours,
    membership: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int64],
    genres: Sequence[str],
    settings: OverlapSettings | None = None,
) -> OverlapMatrices:
    """Measure the overlap of every pair of genres.

    Parameters
    ----------
    neighbours : Neighbours
        Of every cover among the same covers, its own group left out:
        ``find_neighbours(x, x, k=n_neighbours(len(x)), query_groups=groups,
        reference_groups=groups)``. Those of covers that `label_covers` does not ask
        are not looked at.
    membership : ndarray of float64, shape (n_covers, n_genres)
        Share of each cover in each genre; rows of zeros are ignored.
    groups : ndarray of int64, shape (n_covers,)
        Covers of one artist or near-duplicates.
    genres : sequence of str
        Names of the columns.
    settings : OverlapSettings, optional
        How to measure.

    Raises
    ------
    ValueError
        If the shapes contradict each other.

    Examples
    --------
    >>> from covers.stats.neighbours import find_neighbours
    >>> from covers.overlap.simulation import Design, draw_known_overlap
    >>> data = draw_known_overlap(Design(family="gaussians", n_covers=(300, 300),
    ...     n_dimensions=2, separation=2.0), seed=1)
    >>> near = find_neighbours(data.vectors, data.vectors, k=200,
    ...     query_groups=data.groups, reference_groups=data.groups)
    >>> found = measure_overlap(near, data.membership, data.groups, ("a", "b"))
    >>> bool(abs(found.overlap[0, 1] - data.overlap[0, 1]) < 0.1)
    True
    """
    settings = settings or OverlapSettings()
    _check(neighbours, membership, groups, genres)
    labels = label_covers(membership, groups, settings)
    n_genres = len(genres)
    n_groups = (labels.group_mass > 0).sum(axis=0).astype(np.int64)
    if n_genres == 0 or not membership.any():
        return _nothing(genres, labels, n_groups, settings)
    mixing = measure_mixing(
        neighbours.rows[:, : settings.mixing_k],
        labels,
        n_permutations=settings.n_permutations,
        seed=settings.seed,
    )
    losses = measure_losses(
        neighbours.rows,
        labels,
        k=settings.k,
        n_splits=settings.n_splits,
        seed=settings.seed,
    )
    bootstrap = GroupBootstrap.draw(
        labels.groups, n_bootstraps=settings.n_bootstraps, seed=settings.seed
    )
    few = n_groups < FEWEST_GROUPS
    unknown = few[:, None] | few[None, :]  # (G, G)
    np.fill_diagonal(unknown, val=False)
    known = known_pairs(labels)
    drawn = pair_sums(_resample(losses.table, labels, bootstrap))
    point, samples = losses.correct(drawn, labels, settings.seed)
    ends = _ends(samples)
    lift, lift_ends = _lifts(mixing, labels, bootstrap)
    effective = _effective(point, known, n_genres, few)
    effective_draws = np.array([_effective(s, known, n_genres, few) for s in samples])
    low, high = _ends(effective_draws[:, None])[:, 0]
    return OverlapMatrices(
        genres=tuple(genres),
        n_covers=labels.membership.sum(axis=0, dtype=np.float64),
        n_groups=n_groups,
        overlap=_square(np.clip(point, 0, 1), n_genres),
        overlap_ci95=np.stack([_square(np.clip(e, 0, 1), n_genres) for e in ends]),
        raw=_square(losses.raw, n_genres),
        lift=np.where(unknown, np.nan, lift),
        lift_ci95=np.where(unknown, np.nan, lift_ends),
        p=_square(np.where(known, mixing.p_pairs, np.nan), n_genres, np.nan),
        q=_square(np.where(known, mixing.q_pairs, np.nan), n_genres, np.nan),
        samples=samples,
        effective_genres=effective,
        effective_genres_ci95=(float(low), float(high)),
        k=losses.k,
        settings=settings,
    )


def _lifts(
    mixing: Mixing, labels: Labels, bootstrap: GroupBootstrap
) -> tuple[Array, Array]:
    """Return the lift of each genre among each other's neighbours, (G, G), and its ends, (2, G, G)."""
    resampled = np.moveaxis(_resample(mixing.table, labels, bootstrap), 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = mixing.observed / mixing.expected
        ends = [
            _ends(row / row.sum(axis=1, keepdims=True) / mixing.expected[a])
            for a, row in enumerate(resampled)
        ]
    return lift, np.stack(ends, axis=1)


def label_covers(
    membership: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int64],
    settings: OverlapSettings,
) -> Labels:
    """Give groups numbers, and draw a sample of groups where covers are many."""
    _, numbers = np.unique(groups, return_inverse=True)
    labels = Labels(np.asarray(membership, np.float32), numbers.astype(np.int64))
    sampled = sample_groups(labels, settings.n_sampled, seed=settings.seed)
    return replace(labels, sampled=sampled)


def n_neighbours(n_covers: int) -> int:
    """Return how many neighbours of each cover are worth finding.

    A third of the covers, at most 1,001 and at most ten million in all, so that
    100,000 covers get 100 each.
    """
    most = min(1001, 10_000_000 // max(n_covers, 1))
    return max(1, min(n_covers - 1, max(min(n_covers // 3, most), 50)))


def effective_number(overlap: Array) -> float:
    """Return the number of distinct genres that would be as diverse as these.

    The similarity-sensitive diversity of order 2 [1]_ with all genres equally
    frequent: one over the mean overlap of two genres drawn at random, a genre
    with itself included. G genres apart count G, G genres alike count 1.

    Parameters
    ----------
    overlap : ndarray of float64, shape (n_genres, n_genres)
        With ones on the diagonal.

    References
    ----------
    .. [1] Leinster, T., Cobbold, C. (2012). "Measuring diversity: the importance
       of species similarity". Ecology 93(3).

    Examples
    --------
    >>> effective_number(np.eye(4)), effective_number(np.ones((4, 4)))
    (4.0, 1.0)
    """
    if overlap.size == 0:
        return float("nan")
    return float(np.clip(1 / overlap.mean(), 1, len(overlap)))


def _effective(
    pairs: npt.NDArray[np.floating],
    known: npt.NDArray[np.bool_],
    n_genres: int,
    few: npt.NDArray[np.bool_],
) -> float:
    """Return the effective number of the genres that could be measured."""
    kept = n_genres - int(few.sum())
    if kept == 0:
        return float("nan")
    mean = (kept + 2 * float(pairs[known].sum(dtype=np.float64))) / kept**2
    return float(np.clip(1 / mean, 1, kept)) if mean > 0 else float(kept)


def _resample(
    table: npt.NDArray[np.floating], labels: Labels, bootstrap: GroupBootstrap
) -> Array:
    """Return the genre means of `table` in each resample, shape (B, G, G)."""
    entries = Entries.of(labels)
    means = np.full((len(bootstrap), labels.n_genres, labels.n_genres), np.nan)
    for genre in range(labels.n_genres):
        part = entries.rows_of(genre)
        groups = entries.groups[part]
        if not len(groups):
            continue
        weights = bootstrap.counts[:, groups].astype(np.float32)  # (B, U_a)
        sums = weights @ table[part].astype(np.float32)
        sizes = weights @ entries.sizes[part].astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            means[:, genre] = sums / sizes[:, None]
    return means


def _ends(samples: npt.NDArray[np.floating]) -> Array:
    """Return the 2.5 and 97.5 per cent points of each column, NaN left out."""
    ends = np.full((2, samples.shape[1]), np.nan)
    whole = np.isfinite(samples).all(axis=0)
    if whole.any():
        ends[:, whole] = np.quantile(samples[:, whole], [0.025, 0.975], axis=0)
    for column in np.flatnonzero(~whole & np.isfinite(samples).any(axis=0)):
        values = samples[:, column]
        ends[:, column] = np.quantile(values[np.isfinite(values)], [0.025, 0.975])
    return ends


def _square(pairs: Array, n_genres: int, diagonal: float = 1.0) -> Array:
    """Lay pairs out as a symmetric matrix."""
    square = np.full((n_genres, n_genres), diagonal)
    first, second = np.triu_indices(n_genres, 1)
    square[first, second] = square[second, first] = pairs
    return square


def _nothing(
    genres: Sequence[str],
    labels: Labels,
    n_groups: npt.NDArray[np.int64],
    settings: OverlapSettings,
) -> OverlapMatrices:
    """Return the answer for covers without any genre."""
    n = len(genres)
    empty = np.full((n, n), np.nan)
    nan = float("nan")
    return OverlapMatrices(
        genres=tuple(genres),
        n_covers=labels.membership.sum(axis=0, dtype=np.float64),
        n_groups=n_groups,
        overlap=empty,
        overlap_ci95=np.stack([empty, empty]),
        raw=empty,
        lift=empty,
        lift_ci95=np.stack([empty, empty]),
        p=empty,
        q=empty,
        samples=np.empty((0, n * (n - 1) // 2), np.float32),
        effective_genres=nan,
        effective_genres_ci95=(nan, nan),
        k=0,
        settings=settings,
    )


def _check(
    neighbours: Neighbours,
    membership: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int64],
    genres: Sequence[str],
) -> None:
    """Refuse shapes that contradict each other."""
    n_covers = len(neighbours.rows)
    if membership.shape != (n_covers, len(genres)) or len(groups) != n_covers:
        message = (
            f"expected membership of shape {(n_covers, len(genres))} and {n_covers} groups, "
            f"got {membership.shape} and {len(groups)}"
        )
        raise ValueError(message)
