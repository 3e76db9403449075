"""Which genres lie among each other's neighbours, against shuffled genres.

Letters: N covers, K neighbours, G genres, E entries (group, genre), R permutations.

References
----------
.. [1] Benjamini, Y., Hochberg, Y. (1995). "Controlling the False Discovery
   Rate". JRSS B 57(1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from covers.analysis.overlap_votes import Entries, Labels

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Mixing:
    """Neighbour shares, and what they are when genres are shuffled between groups.

    Parameters
    ----------
    table : ndarray of float64, shape (n_entries, n_genres)
        Shares summed within each entry, for the bootstrap.
    observed : ndarray of float64, shape (n_genres, n_genres)
        Mean share of genre b among the neighbours of genre a's covers, every
        genre counted as if all were of one size.
    expected : ndarray of float64, shape (n_genres, n_genres)
        The same, averaged over permutations.
    p_pairs, q_pairs : ndarray of float64, shape (n_pairs,)
        Two-sided p-value of each pair's lift, both directions averaged, and the
        same after Benjamini-Hochberg.
    """

    table: Array
    observed: Array
    expected: Array
    p_pairs: Array
    q_pairs: Array


def measure_mixing(
    rows: npt.NDArray[np.int64],
    labels: Labels,
    *,
    n_permutations: int = 200,
    seed: int = 0,
) -> Mixing:
    """Count neighbours across genres and compare with shuffled genres.

    Whole groups swap their genres, so that an artist's alikeness is not taken
    for a genre's. The p-value is a Student t tail on the permutations' mean and
    spread: the shares are means over many covers, and a few hundred permutations
    then reach p-values far below one in a few hundred.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_covers, k)
        Neighbours, of other groups only.
    labels : Labels
        Genres and groups.
    n_permutations : int, default=200
        At least 2.
    seed : int, default=0
        Seed of the permutations.
    """
    from scipy import stats

    entries = Entries.of(labels)
    shares = balanced_shares(rows, labels.slots, labels.membership.sum(axis=0))
    table = np.zeros((len(entries.groups), labels.n_genres))  # (E, G)
    for genre in range(labels.n_genres):
        covers = np.flatnonzero(labels.membership[:, genre])
        weighted = shares[covers] * labels.membership[covers, genre][:, None]
        np.add.at(table, entries.number[covers, genre], weighted)
    observed = _genre_means(shares, labels.slots, labels.n_genres)
    first, second = np.triu_indices(labels.n_genres, 1)
    rng = np.random.default_rng(seed)
    swap = GroupSwap(labels.groups)
    draws = np.empty((n_permutations, labels.n_genres, labels.n_genres))
    for draw in draws:
        taken = swap.draw(rng)
        slots = [
            (genre[taken], None if weight is None else weight[taken])
            for genre, weight in labels.slots
        ]
        sizes = _sizes(slots, labels.n_genres)
        draw[:] = _genre_means(
            balanced_shares(rows, slots, sizes), slots, labels.n_genres
        )
    expected = draws.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = observed / expected
        shuffled = draws / expected
    both = (lift[first, second] + lift[second, first]) / 2
    null = (shuffled[:, first, second] + shuffled[:, second, first]) / 2
    spread = null.std(axis=0, ddof=1) * np.sqrt(1 + 1 / n_permutations)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (both - null.mean(axis=0)) / spread
    p = 2 * stats.t.sf(np.abs(z), n_permutations - 1)
    return Mixing(table, observed, expected, p, adjust(p))


def balanced_shares(
    rows: npt.NDArray[np.int64],
    slots: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32] | None]],
    sizes: npt.NDArray[np.floating],
) -> Array:
    """Return each cover's neighbour shares with all genres at one size.

    Returns
    -------
    ndarray of float64, shape (n_covers, n_genres)
        Rows sum to one; a cover without labelled neighbours has a row of NaN.
    """
    n_covers, n_genres = len(rows), len(sizes)
    votes = np.zeros((n_covers, n_genres))
    flat_query = np.repeat(np.arange(n_covers) * (n_genres + 1), rows.shape[1])
    found = rows.ravel()
    for genre, weight in slots:
        target = flat_query + np.where(found >= 0, genre[found], n_genres)
        counted = np.bincount(
            target,
            weights=None if weight is None else weight[found],
            minlength=n_covers * (n_genres + 1),
        )
        votes += counted.reshape(n_covers, -1)[:, :n_genres]
    with np.errstate(divide="ignore", invalid="ignore"):
        votes *= np.where(sizes > 0, 1 / sizes, 0)
        votes /= votes.sum(axis=1, keepdims=True)
    return votes


def adjust(p: Array) -> Array:
    """Correct p-values for their number (Benjamini-Hochberg); NaN stays NaN.

    Examples
    --------
    >>> adjust(np.array([0.01, np.nan, 0.04]))
    array([0.02,  nan, 0.04])
    """
    from scipy import stats

    q = np.full(len(p), np.nan)
    known = np.isfinite(p)
    if known.any():
        q[known] = stats.false_discovery_control(p[known])
    return q


class GroupSwap:
    """Permutes genres between groups; a cover takes those of a cover of the other group."""

    def __init__(self, groups: npt.NDArray[np.int64]) -> None:
        self.order = np.argsort(groups, kind="stable")
        self.sizes = np.bincount(groups)
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.groups = groups
        rank = np.empty(len(groups), np.int64)
        rank[self.order] = np.arange(len(groups)) - self.starts[groups[self.order]]
        self.rank = rank

    def draw(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Return whose genres each cover takes, shape (n_covers,)."""
        filled = np.flatnonzero(self.sizes)
        partner = np.arange(len(self.sizes))
        partner[filled] = rng.permutation(filled)
        other = partner[self.groups]
        taken: npt.NDArray[np.int64] = self.order[
            self.starts[other] + self.rank % self.sizes[other]
        ]
        return taken


def _sizes(
    slots: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32] | None]],
    n_genres: int,
) -> Array:
    """Return how many covers each genre has, shares counted."""
    total = np.zeros(n_genres + 1)
    for genre, weight in slots:
        total += np.bincount(genre, weights=weight, minlength=n_genres + 1)
    return total[:n_genres]


def _genre_means(
    shares: Array,
    slots: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32] | None]],
    n_genres: int,
) -> Array:
    """Average the shares over the covers of each genre, shape (n_genres, n_genres)."""
    from scipy import sparse

    known = np.isfinite(shares[:, 0])
    clean = np.where(known[:, None], shares, 0)
    sums = np.zeros((n_genres + 1, n_genres))
    weights = np.zeros(n_genres + 1)
    covers = np.arange(len(shares))
    for genre, weight in slots:
        value = known.astype(np.float64) if weight is None else weight * known
        gather = sparse.csr_array(
            (value, (genre, covers)), shape=(n_genres + 1, len(shares))
        )
        sums += gather @ clean
        weights += np.bincount(genre, weights=value, minlength=n_genres + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        means: Array = (sums / weights[:, None])[:n_genres]
    return means
