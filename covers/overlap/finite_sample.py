"""Correcting the overlap for the number of covers: with few, neighbours err more often.

A rule learnt from finitely many neighbours errs more often than the best
possible one. The excess shrinks as covers are added, so the error with half of
them tells how much is left. One pair tells it too roughly; but the excess of all
pairs follows ``sqrt(overlap (1 - overlap))`` (two genres alike leave nothing to
lose, two far apart nothing to confuse), so one number is taken from all pairs
together. The spread between the two halves tells how uncertain the whole is,
chance in the neighbours included, which a bootstrap of the queries alone would
miss. Near 1 halving is blind, and intervals say so.

Letters: E entries (group, genre), G genres, P pairs, U groups, B bootstraps.

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

from covers.overlap.pair_votes import Entries, Labels, loss_table

FEWEST_GROUPS = 5
"""Genres with covers of fewer groups than this get no overlap: nothing could be said."""
_K_LADDER = (5, 9, 15, 25, 41, 65, 101, 161, 251, 401, 641, 1001)
# All numbers below were set on other simulated sets than those of docs/method/overlap.md.
# Between k/2, which keeps the radius, and k, which keeps the number of voters.
_K_SHRINKS_BY = 2**0.5
# An excess that falls as n ** -0.87; between 1 / n (a smooth rule) and slower
# (many dimensions). How wrong that may be: its standard error, as a share.
_CORRECTION, _DOUBT = 1.2, 0.6
_FOLDS = 5
_PRIOR_INFLATION, _PRIOR_PAIRS = 1.45, 5
_MOST_INFLATION = 2.5
# The two halves share the cloud they are drawn from, so their spread is short of
# the truth by a little; and a genre without a lost group may still have lost half
# of one.
_UNSEEN, _LEAST_LOST = 1.1, 0.5
# From about which overlap on halving is blind (as a power: it matters above 0.8), and
# how many squared standard errors from 1 count as chance.
_BLIND_FROM, _SHRINK = 8, 2.0


@dataclass(frozen=True)
class Losses:
    """Two-class errors with their finite-sample excess, and what tells how large it is.

    Parameters
    ----------
    k : int
        Number of neighbours with the least error.
    table : ndarray of float32, shape (n_entries, n_genres)
        Summed losses.
    raw, halved : ndarray of float64, shape (n_pairs,)
        Twice the balanced error of each pair with all voters, and with half of
        them; not clipped; NaN where a genre has covers of fewer than
        `FEWEST_GROUPS` groups.
    inflation : float
        By how much the deviations of a bootstrap over queries must be stretched,
        at least 1.
    """

    k: int
    table: npt.NDArray[np.float32]
    raw: npt.NDArray[np.float64]
    halved: npt.NDArray[np.float64]
    inflation: float

    def correct(
        self, drawn: npt.NDArray[np.float64], labels: Labels, seed: int = 0
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        """Take the excess away, and turn resampled errors into resampled overlaps.

        Added to the chance in the queries: chance in the voters, doubt about the
        correction (the same for all pairs), and that a pair without any lost
        cover need not overlap by nothing. A pair near 1 may be one whose
        difference half as many voters see as little as all of them; then halving
        tells nothing of the excess, and the doubt is as large as chance itself.

        Parameters
        ----------
        drawn : ndarray of float64, shape (n_bootstraps, n_pairs)
            `raw` of each resample.
        labels : Labels
            Genres and groups.
        seed : int, default=0
            Seed of what is added.

        Returns
        -------
        overlap : ndarray of float64, shape (n_pairs,)
            Not clipped; NaN where it is not known.
        samples : ndarray of float32, shape (n_bootstraps, n_pairs)
            Resampled, not clipped.
        """
        rng = np.random.default_rng([seed, 1])
        first, second = np.triu_indices(labels.n_genres, 1)
        n_groups = np.maximum(
            np.bincount(Entries.of(labels).genres, minlength=labels.n_genres), 1
        )
        a, b = n_groups[first], n_groups[second]  # (P,)
        mean = np.maximum((a + b) / 2, 2)
        stretch = self.inflation * np.sqrt(mean / (mean - 1))
        deviations = stretch * (drawn - self.raw)  # (B, P)
        chance, chance_of_mean = _spread(deviations)
        excess = _excess(self.raw, self.halved, chance_of_mean)
        corrected = self.raw - excess
        unseen = chance * np.clip(self.raw, 0, 1) ** _BLIND_FROM
        doubt = np.hypot(_DOUBT * excess, unseen)
        least = _LEAST_LOST * np.sqrt(1 / a**2 + 1 / b**2)
        samples = corrected + deviations
        samples += doubt * rng.standard_normal((len(drawn), 1))
        samples += least * rng.standard_normal(drawn.shape)
        return corrected, samples.astype(np.float32)


def ladder(most: int) -> list[int]:
    """Return the values of k that are tried when up to `most` neighbours are known."""
    return [k for k in _K_LADDER if k <= most] or [max(most, 1)]


def measure_losses(
    rows: npt.NDArray[np.int64],
    labels: Labels,
    *,
    k: int | None = None,
    n_splits: int = 5,
    seed: int = 0,
) -> Losses:
    """Choose k, and count the losses of every cover against every rival genre.

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
    known = known_pairs(labels)
    whole = np.where(known, pair_sums(pair_errors(raw, labels)), np.nan)
    half_sums = np.where(known, pair_sums(pair_errors(halved, labels)), np.nan)
    return Losses(
        candidates[best], raw, whole, half_sums, _inflation(spread, raw, labels)
    )


def known_pairs(labels: Labels) -> npt.NDArray[np.bool_]:
    """Return which pairs can be measured, shape (n_pairs,)."""
    enough = (labels.group_mass > 0).sum(axis=0) >= FEWEST_GROUPS
    first, second = np.triu_indices(labels.n_genres, 1)
    known: npt.NDArray[np.bool_] = enough[first] & enough[second]
    return known


def _spread(
    deviations: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], float]:
    """Return the standard deviation of each pair, and that of the mean over pairs."""
    finite = np.isfinite(deviations)
    filled = np.where(finite, deviations, 0)
    with np.errstate(invalid="ignore"):
        each = np.sqrt((filled**2).sum(axis=0) / finite.sum(axis=0))
    mean = filled.sum(axis=1) / np.maximum(finite.sum(axis=1), 1)
    return each, float(np.sqrt((mean**2).mean()))


def _excess(
    whole: npt.NDArray[np.float64],
    half: npt.NDArray[np.float64],
    chance_of_mean: float,
) -> npt.NDArray[np.float64]:
    """Return by how much finite samples raise each pair, shape (n_pairs,).

    Genres alike have no excess, so where the mean over pairs cannot be told from
    1, what halving adds is chance and is shrunk towards nothing.
    """
    inside = np.clip(whole, 0, 1)
    shape = np.sqrt(inside * (1 - inside))
    known = np.isfinite(shape) & np.isfinite(half)
    if not shape[known].sum() > 0:
        return np.where(np.isfinite(whole), 0.0, np.nan)
    rate = (half[known] - whole[known]).sum() / shape[known].sum()
    apart = max(1 - float(whole[known].mean()), 1e-9)
    seen = max(0.0, 1 - _SHRINK * (chance_of_mean / apart) ** 2)
    excess: npt.NDArray[np.float64] = _CORRECTION * seen * rate * shape
    return excess


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
    known = np.isfinite(seen) & np.isfinite(explained) & known_pairs(labels)
    n_pairs, ratio = int(known.sum()), _PRIOR_INFLATION
    if n_pairs and explained[known].mean() > 0:
        ratio = float(seen[known].mean() / explained[known].mean())
    shrunk = (_PRIOR_PAIRS * _PRIOR_INFLATION + n_pairs * ratio) / (
        _PRIOR_PAIRS + n_pairs
    )
    return float(np.sqrt(_UNSEEN * np.clip(shrunk, 1, _MOST_INFLATION)))
