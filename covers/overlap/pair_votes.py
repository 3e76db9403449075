"""How often a cover's neighbours are of another genre: the counts that the overlap is computed from.

Letters: N covers, K neighbours, G genres, U groups, M the most genres of one cover.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.stats.membership import has_genre

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLOCK_CELLS = 2**23
_LEAST_SAMPLED = 500  # covers of a genre


def sample_groups(
    labels: Labels, n_most: int, *, seed: int = 0
) -> npt.NDArray[np.bool_] | None:
    """Draw whole groups of each genre until it has its share of `n_most` covers.

    Parameters
    ----------
    labels : Labels
        Genres and groups.
    n_most : int
        Covers of all genres together; a genre of fewer than its share is sampled whole,
        and each for at least 500 covers.
    seed : int, default=0

    Returns
    -------
    ndarray of bool, shape (n_groups, n_genres), or None
        None where all covers are few enough.
    """
    mass = labels.group_mass
    if not mass.any() or float(mass.sum()) <= n_most:
        return None
    order = np.random.default_rng(seed).permutation(len(mass))
    before = mass[order].cumsum(axis=0, dtype=np.float64) - mass[order]
    sampled = np.zeros(mass.shape, bool)
    share = max(n_most / labels.n_genres, _LEAST_SAMPLED)
    sampled[order] = (before < share) & (mass[order] > 0)
    return sampled


@dataclass(frozen=True)
class Labels:
    """Genres of covers in a form that can be counted fast.

    Parameters
    ----------
    membership : ndarray of float32, shape (n_covers, n_genres)
        Share of each cover in each genre; rows of zeros are unlabelled.
    groups : ndarray of int64, shape (n_covers,)
        Group number of each cover, ``0 .. n_groups - 1``.
    sampled : ndarray of bool, shape (n_groups, n_genres), optional
        Whose neighbourhoods are looked at: the covers of these groups, as covers of
        these genres; see `sample_groups`. All covers are neighbours. By default all are
        sampled.
    """

    membership: npt.NDArray[np.float32]
    groups: npt.NDArray[np.int64]
    sampled: npt.NDArray[np.bool_] | None = None

    @cached_property
    def sampled_membership(self) -> npt.NDArray[np.float32]:
        """`membership` of the sampled covers, in the genres that they are sampled for."""
        if self.sampled is None:
            return self.membership
        return self.membership * self.sampled[self.groups]

    @property
    def n_genres(self) -> int:
        """Number of genres."""
        return int(self.membership.shape[1])

    @cached_property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.groups.max()) + 1 if len(self.groups) else 0

    @cached_property
    def slots(
        self,
    ) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32] | None]]:
        """Genre and weight of each cover, one entry per genre a cover can have.

        The genre is ``n_genres`` where a cover has none in that slot; the
        weights are None where all are one.
        """
        order = np.argsort(-self.membership, axis=1, kind="stable")
        most = int((self.membership > 0).sum(axis=1).max(initial=0))
        slots: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32] | None]] = []
        for m in range(most):
            genre = order[:, m]
            weight = self.membership[np.arange(len(genre)), genre]  # (N,)
            genre = np.where(weight > 0, genre, self.n_genres)
            whole = bool(np.all((weight == 0) | (weight == 1)))
            slots.append((genre, None if whole else weight))
        return slots

    @cached_property
    def group_mass(self) -> npt.NDArray[np.float32]:
        """Covers of each genre in each group, shape (n_groups, n_genres)."""
        return self.mass(np.ones(len(self.groups), bool))

    def mass(self, present: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """Sum the memberships of `present` covers in each group, shape (n_groups, n_genres)."""
        from scipy import sparse

        rows = np.flatnonzero(present)
        gather = sparse.csr_array(
            (
                np.ones(len(rows), np.float32),
                (self.groups[rows], np.arange(len(rows))),
            ),
            shape=(self.n_groups, len(rows)),
        )
        total: npt.NDArray[np.float32] = gather @ self.membership[rows]
        return total


def count_votes(
    rows: npt.NDArray[np.int64],
    labels: Labels,
    bounds: Sequence[int],
    present: npt.NDArray[np.bool_] | None = None,
) -> list[npt.NDArray[np.float32]]:
    """Count the genres among each cover's nearest neighbours, for several k at once.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_queries, n_neighbours)
        Neighbours, nearest first; ``-1`` marks empty slots.
    labels : Labels
        Genres of the covers that `rows` points to.
    bounds : sequence of int
        Rising values of k.
    present : ndarray of bool, shape (n_covers,), optional
        Count only these covers; the others are skipped over, so that the k
        nearest *present* ones vote.

    Returns
    -------
    list of ndarray of float32, each of shape (n_queries, n_genres)
        One table per entry of `bounds`.
    """
    n_queries, n_genres = len(rows), labels.n_genres
    votes = np.zeros((n_queries, n_genres), np.float32)  # (Q, G)
    usable = rows >= 0
    if present is not None:
        usable &= present[rows]
    rank = usable.cumsum(axis=1, dtype=np.int32) if present is not None else None
    tables, start = [], 0
    for bound in bounds:
        if rank is None:
            part = usable[:, start:bound]
            query, column = np.nonzero(part)
            column = column + start
        else:
            query, column = np.nonzero(usable & (rank > start) & (rank <= bound))
        found = rows[query, column]
        for genre, weight in labels.slots:
            flat = query * (n_genres + 1) + genre[found]
            counted = np.bincount(
                flat,
                weights=None if weight is None else weight[found],
                minlength=n_queries * (n_genres + 1),
            )
            votes = votes + counted.reshape(n_queries, -1)[:, :n_genres].astype(
                np.float32
            )
        tables.append(votes)
        start = bound
    return tables


@dataclass(frozen=True)
class SomeCovers:
    """A subset of the covers that votes.

    Parameters
    ----------
    present : ndarray of bool, shape (n_covers,)
    mass : ndarray of float32, shape (n_groups, n_genres)
        Their `Labels.mass`.
    """

    present: npt.NDArray[np.bool_]
    mass: npt.NDArray[np.float32]


def two_class_losses(
    votes: npt.NDArray[np.float32],
    queries: npt.NDArray[np.int64],
    genre: int,
    labels: Labels,
    some: SomeCovers | None = None,
) -> npt.NDArray[np.float32]:
    """Say of each cover of one genre which other genres have more of its neighbours than its own.

    Genres count equally whatever their size: votes are divided by the number of
    covers that could have voted. The query and its group cannot vote, which takes
    covers from its own genre only; as many are taken from the rival, in
    expectation, so that two genres alike win half the time each.

    Parameters
    ----------
    votes : ndarray of float32, shape (n_queries, n_genres)
        Counted votes of the queries' neighbours.
    queries : ndarray of int64, shape (n_queries,)
        Rows of the queries, all of them (partly) of `genre`.
    genre : int
        Whose covers the queries are.
    labels : Labels
        Genres and groups of all covers.
    some : SomeCovers, optional
        Those that could vote; all by default.

    Returns
    -------
    ndarray of float32, shape (n_queries, n_genres)
        1 where the rival wins, 0 where `genre` wins, 0.5 at a tie.
    """
    mass = labels.group_mass if some is None else some.mass
    total = mass.sum(axis=0)  # (G,)
    out = mass[labels.groups[queries]]  # (Q, G), what the query's group holds back
    if some is not None:
        out = np.where(some.present[queries, None], out, 0)
    own_out = out[:, [genre]]  # (Q, 1)
    extra = np.maximum(own_out - out, 0)  # (Q, G), still to be taken from rivals
    left_own = total[genre] - own_out  # (Q, 1)
    left_rival = total - out - extra  # (Q, G)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(left_own > 0, votes[:, [genre]] / left_own, 0)
        taken = votes * np.where(total > out, extra / (total - out), 0)
        whole = np.floor(taken + 1e-6)
        first = _compare(own, votes - whole, left_rival)
        part = taken - whole
        if float(part.max(initial=0)) < 1e-6:
            return first
        second = _compare(own, votes - whole - 1, left_rival)
    mixed: npt.NDArray[np.float32] = (1 - part) * first + part * second
    return mixed


def _compare(
    own: npt.NDArray[np.float32],
    votes: npt.NDArray[np.float32],
    left: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Return 1 where the rival's vote is larger, 0.5 where equal."""
    rival = np.where(left > 0, np.maximum(votes, 0) / left, 0)
    difference = rival - own
    tolerance = 1e-5 * np.maximum(rival, own)
    loss: npt.NDArray[np.float32] = np.where(
        np.abs(difference) <= tolerance, 0.5, difference > 0
    ).astype(np.float32)
    return loss


def loss_table(
    rows: npt.NDArray[np.int64],
    labels: Labels,
    bounds: Sequence[int],
    present: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.float32]:
    """Sum `two_class_losses` within each (group, genre), for several k at once.

    Returns
    -------
    ndarray of float32, shape (n_bounds, n_entries, n_genres)
        Entry e belongs to group and genre ``Entries.of(labels)``; each cover
        counts with its share in the genre.
    """
    entries = Entries.of(labels)
    some = None if present is None else SomeCovers(present, labels.mass(present))
    sums = np.zeros((len(bounds), len(entries.groups), labels.n_genres), np.float32)
    block = max(256, _BLOCK_CELLS // max(rows.shape[1], labels.n_genres))
    every = np.flatnonzero(has_genre(labels.sampled_membership))
    for start in range(0, len(every), block):
        queries = every[start : start + block]
        tables = count_votes(rows[queries], labels, bounds, present)
        membership = labels.sampled_membership[queries]
        for genre in np.flatnonzero(membership.any(axis=0)):
            picked = np.flatnonzero(membership[:, genre])
            entry = entries.number[queries[picked], genre]
            for b, votes in enumerate(tables):
                losses = two_class_losses(
                    votes[picked], queries[picked], int(genre), labels, some
                )
                weighted = losses * membership[picked, genre][:, None]
                _add_rows(sums[b], entry, weighted)
    return sums


@dataclass(frozen=True)
class Entries:
    """The covers of one group in one genre, counted together: what the bootstrap draws.

    Parameters
    ----------
    groups, genres : ndarray of int64, shape (n_entries,)
        Sorted by genre, then group.
    number : ndarray of int32, shape (n_covers, n_genres)
        Entry of a cover in a genre, ``-1`` where it has no share in it.
    sizes : ndarray of float64, shape (n_entries,)
        Covers of the entry, each with its share.
    """

    groups: npt.NDArray[np.int64]
    genres: npt.NDArray[np.int64]
    number: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.float64]

    @classmethod
    def of(cls, labels: Labels) -> Entries:
        """Find the entries of `labels`, once."""
        found = labels.__dict__.get("_entries")
        if isinstance(found, cls):
            return found
        covers, genres = np.nonzero(labels.sampled_membership)
        key = genres * max(labels.n_groups, 1) + labels.groups[covers]
        distinct, inverse = np.unique(key, return_inverse=True)
        number = np.full(labels.membership.shape, -1, np.int32)
        number[covers, genres] = inverse
        entries = cls(
            distinct % max(labels.n_groups, 1),
            distinct // max(labels.n_groups, 1),
            number,
            np.bincount(
                inverse, labels.membership[covers, genres], len(distinct)
            ).astype(np.float64),
        )
        labels.__dict__["_entries"] = entries
        return entries

    def rows_of(self, genre: int) -> slice:
        """Return where the entries of a genre lie."""
        low, high = np.searchsorted(self.genres, [genre, genre + 1])
        return slice(int(low), int(high))


def _add_rows(
    target: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
) -> None:
    """Add each row of `values` to a row of `target`, rows may repeat."""
    from scipy import sparse

    low, high = int(rows.min()), int(rows.max()) + 1
    gather = sparse.csr_array(
        (np.ones(len(rows), np.float32), (rows - low, np.arange(len(rows)))),
        shape=(high - low, len(rows)),
    )
    target[low:high] += gather @ values
