"""What finite samples do to a neighbour error, measured on halves of the covers.

A rule learnt from finitely many neighbours errs more often than the best
possible one. The excess shrinks as covers are added, so the error with half of
them tells how much is left. The spread
between the two halves tells how uncertain the whole is, chance in the neighbours
included, which a bootstrap of the queries alone would miss.

Letters: E entries (group, genre), G genres, P pairs, U groups.

References
----------
.. [1] Fukunaga, K., Hummels, D. (1987). "Bias of nearest neighbor error
   estimates". IEEE TPAMI 9(1), extrapolation over the number of samples.
.. [2] Politis, D., Romano, J., Wolf, M. (1999). "Subsampling". Springer, ch. 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from covers.analysis.overlap_votes import Entries, Labels, loss_table

_K_LADDER = (5, 9, 15, 25, 41, 65, 101, 161, 251, 401, 641, 1001)
# Measured on the simulated sets of docs/overlap.md: between k/2, which keeps the
# radius, and k, which keeps the number of voters.
_K_SHRINKS_BY = 2**0.5
# An excess that falls as n ** -0.87, the rate seen on other simulated sets than
# those in the docs; between 1 / n (a smooth rule) and slower (many dimensions).
_CORRECTION = 1.2
_FOLDS = 5
_PRIOR_INFLATION, _PRIOR_PAIRS = 1.45, 5
_MOST_INFLATION = 2.5


@dataclass(frozen=True)
class CorrectedLosses:
    """Losses whose means are two-class errors free of the finite-sample excess.

    Parameters
    ----------
    k : int
        Number of neighbours with the least error.
    raw, corrected : ndarray of float32, shape (n_entries, n_genres)
        Summed losses before and after correction.
    inflation : float
        By how much the deviations of a bootstrap over queries must be stretched,
        at least 1.
    """

    k: int
    raw: npt.NDArray[np.float32]
    corrected: npt.NDArray[np.float32]
    inflation: float


def ladder(most: int) -> list[int]:
    """Return the values of k that are tried when up to `most` neighbours are known."""
    return [k for k in _K_LADDER if k <= most] or [max(most, 1)]


def correct_losses(
    rows: npt.NDArray[np.int64],
    labels: Labels,
    *,
    k: int | None = None,
    n_splits: int = 5,
    seed: int = 0,
) -> CorrectedLosses:
    """Choose k, and correct the losses of every cover against every rival genre.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_covers, n_neighbours)
        Neighbours of each cover, of other groups only.
    labels : Labels
        Genres and groups.
    k : int, optional
        Number of neighbours that vote; by default that of least mean error.
    n_splits : int, default=5
        Random splits into halves; more make the correction steadier.
    seed : int, default=0
        Seed of the splits.
    """
    candidates = [k] if k is not None else ladder(rows.shape[1])
    tables = loss_table(rows, labels, candidates)
    rng = np.random.default_rng(seed)
    taken, best = _choose(tables, labels, rng)
    raw = _gather(tables, taken)
    used = np.unique(taken)  # candidates that some fold chose
    smaller = [max(1, round(candidates[c] / _K_SHRINKS_BY)) for c in used]
    halved = np.zeros_like(raw)
    spread: list[npt.NDArray[np.float64]] = []
    for _ in range(n_splits):
        side = split_groups(labels, rng)  # (U,)
        found = []
        for half in (side, ~side):
            some = loss_table(rows, labels, smaller, half[labels.groups])
            table = _gather(some, np.searchsorted(used, taken))
            halved += table / (2 * n_splits)
            found.append(pair_sums(pair_errors(table, labels, half)))
        spread.append((found[0] - found[1]) ** 2 / 4)
    chosen = candidates[best]
    return CorrectedLosses(
        chosen, raw, raw + _CORRECTION * (raw - halved), _inflation(spread, raw, labels)
    )


def _choose(
    tables: npt.NDArray[np.float32], labels: Labels, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], int]:
    """Choose k for each entry from the groups of other folds, and for all together.

    Choosing the least error and reporting it for the same covers would flatter:
    on genres alike by 0.03 to 0.06.
    """
    errors = [_mean_error(table, labels) for table in tables]
    best = int(np.argmin(errors))
    fold = np.zeros(labels.n_groups, np.int64)
    main = labels.group_mass.argmax(axis=1)
    for genre in range(labels.n_genres):
        members = rng.permutation(np.flatnonzero(main == genre))
        fold[members] = (np.arange(len(members)) + rng.integers(_FOLDS)) % _FOLDS
    by_fold = [
        int(np.argmin([_mean_error(table, labels, fold != f) for table in tables]))
        for f in range(_FOLDS)
    ]
    return np.asarray(by_fold)[fold[Entries.of(labels).groups]], best


def _mean_error(
    table: npt.NDArray[np.float32],
    labels: Labels,
    groups: npt.NDArray[np.bool_] | None = None,
) -> float:
    """Return the error averaged over pairs; half where no pair is known."""
    errors = pair_sums(pair_errors(table, labels, groups))
    known = errors[np.isfinite(errors)]
    return float(known.mean()) if len(known) else 1.0


def _gather(
    tables: npt.NDArray[np.float32], taken: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Take each entry's row from the table chosen for it."""
    return tables[taken, np.arange(tables.shape[1])]


def split_groups(labels: Labels, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Choose half of the groups of each genre at random, shape (n_groups,)."""
    main = labels.group_mass.argmax(axis=1)
    side = np.zeros(labels.n_groups, bool)
    for genre in range(labels.n_genres):
        members = rng.permutation(np.flatnonzero(main == genre))
        side[members[: (len(members) + int(rng.integers(2))) // 2]] = True
    return side


def pair_errors(
    table: npt.NDArray[np.float32],
    labels: Labels,
    groups: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.float64]:
    """Return how often covers of a lose to b, shape (n_genres, n_genres)."""
    entries = Entries.of(labels)
    errors = np.full((labels.n_genres, labels.n_genres), np.nan)
    for genre in range(labels.n_genres):
        part = entries.rows_of(genre)
        sums, sizes = table[part], entries.sizes[part]
        if groups is not None:
            inside = groups[entries.groups[part]]
            sums, sizes = sums[inside], sizes[inside]
        if len(sizes):
            errors[genre] = sums.sum(axis=0, dtype=np.float64) / sizes.sum()
    return errors


def pair_sums(errors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Add both directions of each pair, shape (..., n_pairs): twice the balanced error."""
    first, second = np.triu_indices(errors.shape[-1], 1)
    both: npt.NDArray[np.float64] = (
        errors[..., first, second] + errors[..., second, first]
    )
    return both


def _inflation(
    spread: list[npt.NDArray[np.float64]],
    raw: npt.NDArray[np.float32],
    labels: Labels,
) -> float:
    """Compare the spread between halves with what sampling the queries explains."""
    entries = Entries.of(labels)
    variance = np.full((labels.n_genres, labels.n_genres), np.nan)
    for genre in range(labels.n_genres):
        part = entries.rows_of(genre)
        sums, sizes = raw[part].astype(np.float64), entries.sizes[part]
        if len(sizes) > 1:
            residuals = sums - sizes[:, None] * (sums.sum(axis=0) / sizes.sum())
            scale = len(sizes) / (len(sizes) - 1) / sizes.sum() ** 2
            variance[genre] = (residuals**2).sum(axis=0) * scale
    explained = pair_sums(variance)
    seen = (
        np.asarray(spread).mean(axis=0) if spread else np.full(len(explained), np.nan)
    )
    known = np.isfinite(seen) & np.isfinite(explained)
    n_pairs, ratio = int(known.sum()), _PRIOR_INFLATION
    if n_pairs and explained[known].mean() > 0:
        ratio = float(seen[known].mean() / explained[known].mean())
    shrunk = (_PRIOR_PAIRS * _PRIOR_INFLATION + n_pairs * ratio) / (
        _PRIOR_PAIRS + n_pairs
    )
    return float(np.sqrt(np.clip(shrunk, 1, _MOST_INFLATION)))
