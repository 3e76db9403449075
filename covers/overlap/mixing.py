"""Which genres lie among each other's neighbours, against shuffled genres.

Letters: N covers, K neighbours, G genres, E entries (group, genre), R permutations.

References
----------
.. [1] Benjamini, Y., Hochberg, Y. (1995). "Controlling the False Discovery
   Rate". JRSS B 57(1).
.. [2] Chung, E., Romano, J. (2013). "Exact and asymptotically robust permutation
   tests". Annals of Statistics 41(2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from covers.overlap.pair_votes import Entries, Labels
from covers.stats.membership import has_genre

Array = npt.NDArray[np.float64]
Slots = list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32] | None]]
_TAILS = (1e-15, 1 - 1e-15)
_LEAST_FREEDOM = 4.5


@dataclass(frozen=True)
class Mixing:
    """Neighbour shares, and what they are when genres are shuffled between groups.

    Parameters
    ----------
    table : ndarray of float64, shape (n_entries, n_genres)
        `balanced_votes` summed within each entry, for the bootstrap.
    observed : ndarray of float64, shape (n_genres, n_genres)
        Share of genre b among the neighbours of genre a's covers, every genre
        counted as if all were of one size; rows sum to one.
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
    n_permutations: int = 100,
    seed: int = 0,
) -> Mixing:
    """Count neighbours across genres and compare with shuffled genres.

    Whole groups swap their genres, so that an artist's alikeness is not taken
    for a genre's. What is compared is the lift over its standard error between
    groups: where one genre has prolific artists and another has none, swapping
    changes how certain the lift is, but not how the ratio is distributed [2]_.
    The p-value is a Student t tail on the permutations' mean and spread: the
    lifts are means over many covers, and a hundred permutations then reach
    p-values far below one in a hundred.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_covers, k)
        Neighbours, of other groups only.
    labels : Labels
        Genres and groups.
    n_permutations : int, default=100
        At least 2.
    seed : int, default=0
        Seed of the permutations.
    """
    from scipy import stats

    entries = Entries.of(labels)
    sampled = np.arange(len(rows))
    if labels.sampled is not None:
        sampled = np.flatnonzero(has_genre(labels.sampled_membership))
    rows, membership = rows[sampled], labels.sampled_membership[sampled]

    def count(slots: Slots) -> tuple[Array, Slots]:
        """Count the votes of the sampled covers; return them, and the genres of these covers."""
        sizes, left_out = _could_be_seen(slots, labels)
        own = [(g[sampled], None if w is None else w[sampled]) for g, w in slots]
        return balanced_votes(rows, slots, sizes, left_out[sampled]), own

    votes, own = count(labels.slots)
    table = np.zeros((len(entries.groups), labels.n_genres))  # (E, G)
    for genre in range(labels.n_genres):
        covers = np.flatnonzero(membership[:, genre])
        weighted = votes[covers] * membership[covers, genre][:, None]
        np.add.at(table, entries.number[sampled[covers], genre], weighted)
    rng = np.random.default_rng(seed)
    swap = GroupSwap(labels.groups)
    # The first row is what was observed, the others have genres shuffled.
    means = np.empty((1 + n_permutations, labels.n_genres, labels.n_genres))
    errors = np.empty_like(means)
    groups = labels.groups[sampled]
    means[0], errors[0] = _genre_shares(votes, own, groups, labels)
    for draw in range(1, 1 + n_permutations):
        taken = swap.draw(rng)
        slots = [
            (genre[taken], None if weight is None else weight[taken])
            for genre, weight in labels.slots
        ]
        means[draw], errors[draw] = _genre_shares(*count(slots), groups, labels)
    expected = means[1:].mean(axis=0)
    first, second = np.triu_indices(labels.n_genres, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        lifts, errors = means / expected, errors / expected
        mean_lifts = (lifts[:, first, second] + lifts[:, second, first]) / 2
        error = np.hypot(errors[:, first, second], errors[:, second, first]) / 2
        scores = (mean_lifts - mean_lifts[1:].mean(axis=0)) / error  # (1 + R, P)
        # A score whose error comes from few groups has heavy tails: as if normal.
        freedom = _freedom(labels, first, second)
        scores = stats.norm.ppf(np.clip(stats.t.cdf(scores, freedom), *_TAILS))
        spread = scores[1:].std(axis=0, ddof=1) * np.sqrt(1 + 1 / n_permutations)
        z = (scores[0] - scores[1:].mean(axis=0)) / spread
    p = 2 * stats.t.sf(np.abs(z), n_permutations - 1)
    return Mixing(table, means[0], expected, p, adjust(p))


def balanced_votes(
    rows: npt.NDArray[np.int64],
    slots: Slots,
    sizes: npt.NDArray[np.floating],
    left_out: npt.NDArray[np.floating] | None = None,
) -> Array:
    """Count each cover's neighbours by genre as if all genres were of one size.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_covers, k)
        Neighbours; ``-1`` marks empty slots.
    slots : list
        Genres as `Labels.slots` gives them.
    sizes : ndarray of float, shape (n_genres,)
        Covers of each genre.
    left_out : ndarray of float, shape (n_covers, n_genres), optional
        How many of these could not be neighbours: the cover's own group. Without,
        genres of prolific artists seem to keep away from themselves.

    Returns
    -------
    ndarray of float64, shape (n_covers, n_genres)
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
        seen = sizes if left_out is None else sizes - left_out
        votes *= np.where(seen > 1e-6, sizes.mean() / seen, 0)
    return votes


def balanced_shares(rows: npt.NDArray[np.int64], labels: Labels) -> Array:
    """Return each cover's neighbour shares with all genres at one size.

    Returns
    -------
    ndarray of float64, shape (n_covers, n_genres)
        Rows sum to one; a cover without labelled neighbours has a row of NaN.
    """
    votes = balanced_votes(rows, labels.slots, labels.membership.sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
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


def _could_be_seen(
    slots: Slots,
    labels: Labels,
) -> tuple[Array, Array]:
    """Return the covers of each genre, and those in each cover's own group."""
    n_genres = labels.n_genres
    by_group = np.zeros((labels.n_groups, n_genres + 1))
    for genre, weight in slots:
        cells = labels.groups * (n_genres + 1) + genre
        by_group += np.bincount(cells, weights=weight, minlength=by_group.size).reshape(
            by_group.shape
        )
    return by_group[:, :n_genres].sum(axis=0), by_group[labels.groups, :n_genres]


def _freedom(
    labels: Labels, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> Array:
    """Return the degrees of freedom of each pair's score: its groups, as if of one size."""
    mass = labels.group_mass.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        groups = np.nan_to_num(mass.sum(axis=0) ** 2 / (mass**2).sum(axis=0))
    freedom: Array = np.maximum(groups[first] + groups[second] - 2, _LEAST_FREEDOM)
    return freedom


def _genre_shares(
    votes: Array,
    slots: Slots,
    groups: npt.NDArray[np.int64],
    labels: Labels,
) -> tuple[Array, Array]:
    """Sum the votes over the covers of each genre, given the groups of these covers.

    Returns
    -------
    shares, errors : ndarray of float64, shape (n_genres, n_genres)
        Rows of shares sum to one; standard errors come from the spread between
        groups, NaN for fewer than two.
    """
    from scipy import sparse

    n_genres, n_groups = labels.n_genres, labels.n_groups
    shares = np.full((n_genres, n_genres), np.nan)
    errors = shares.copy()
    if not slots:
        return shares, errors
    chosen, cells, values = [], [], []  # of every (cover, genre)
    for genre, weight in slots:
        covers = np.flatnonzero(genre < n_genres)
        chosen.append(covers)
        cells.append(genre[covers] * n_groups + groups[covers])
        values.append(np.ones(len(covers)) if weight is None else weight[covers])
    cover, value = np.concatenate(chosen), np.concatenate(values)
    filled, place = np.unique(np.concatenate(cells), return_inverse=True)
    gather = sparse.csr_array((value, (place, cover)), shape=(len(filled), len(votes)))
    sums = gather @ votes  # (E, G), rows by genre, then group
    starts = np.searchsorted(filled, np.arange(n_genres + 1) * n_groups)
    for row in range(n_genres):
        part = sums[starts[row] : starts[row + 1]]
        total = part.sum()
        if total > 0:
            shares[row] = part.sum(axis=0) / total
            if len(part) > 1:
                residuals = part - part.sum(axis=1, keepdims=True) * shares[row]
                variance = (residuals**2).sum(axis=0) / total**2
                errors[row] = np.sqrt(variance * len(part) / (len(part) - 1))
    return shares, errors
