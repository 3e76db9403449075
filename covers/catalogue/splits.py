"""Train, valid and test: grouped, stratified, seeded, and stable.

Covers of one group (one artist, one release group, one near-duplicate group)
never come to sit on two sides, and a cover that has a side keeps it for ever.
The two can clash: when a new cover ties two old groups together that lie on
two sides, both keep theirs. The evaluation then leaves out the held-out covers
of that group, and `SplitBalance.n_torn_groups` counts such groups.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from covers.catalogue.matching import SPLITS
from covers.workspace.disk.read_only import ReadOnly
from indexer.files.arrow import as_numbers, make_array

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

UNDECIDED = ""


def join_groups(
    cover_ids: Sequence[str],
    ties: Iterable[Sequence[Hashable | None] | pa.Array | pa.ChunkedArray],
) -> list[str]:
    """Find the groups that covers form when those with a common tie belong together.

    Parameters
    ----------
    cover_ids : sequence of str, length n_covers
        Distinct ids.
    ties : iterable of sequences, each of length n_covers
        Such as the artist of each cover; covers with equal values are tied,
        None ties nothing.

    Returns
    -------
    list of str, length n_covers
        The smallest cover id of each cover's connected component, so that a
        group's name does not depend on the order of the covers.

    Examples
    --------
    >>> join_groups(["a", "b", "c", "d"], [["x", "x", None, "y"], [None, 1, 1, None]])
    ['a', 'a', 'a', 'd']
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not cover_ids:
        return []
    n_covers = len(cover_ids)
    ends = [np.zeros((2, 0), np.int64)]
    for tie in ties:
        coded = _in_one_piece(tie).dictionary_encode().indices
        tied = np.flatnonzero(as_numbers(coded.is_valid()))
        values = as_numbers(coded.drop_null())
        _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
        ends.append(np.stack([tied[first][inverse.ravel()], tied]))
    left, right = np.concatenate(ends, axis=1)
    edges = coo_array(
        (np.ones(len(left), bool), (left, right)), shape=(n_covers, n_covers)
    )
    labels = connected_components(edges, directed=False)[1]
    by_name = sorted(range(n_covers), key=cover_ids.__getitem__)
    _, smallest = np.unique(labels[by_name], return_index=True)
    return [cover_ids[by_name[smallest[label]]] for label in labels]


def _in_one_piece(values: Sequence[Hashable | None] | pa.ChunkedArray) -> pa.Array:
    """Return values as one Arrow array."""
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    return values if isinstance(values, pa.Array) else make_array(list(values))


def split_groups(
    genres: Iterable[Sequence[str]],
    groups: Sequence[Hashable],
    *,
    shares: Mapping[str, float],
    seed: int = 0,
    previous: Sequence[str] | None = None,
) -> npt.NDArray[np.str_]:
    """Put whole groups on sides, so that every genre is shared out alike.

    Groups are dealt out one by one, the largest first, each to the side that
    lacks its genres most (in relation to what the side should hold); groups
    of one size come in an order that the seed decides. Covers without a genre
    are shared out as if that were a genre.

    Parameters
    ----------
    genres : sequence of sequences of str, length n_covers
        Genres of each cover, none where unknown; a cover of m genres counts
        1/m in each.
    groups : sequence, length n_covers
        Group of each cover.
    shares : mapping of str to float
        Share of each side, such as ``{"train": 0.8, "valid": 0.2}``; positive.
        They are scaled to sum to one.
    seed : int, default=0
        Decides among all equally good splits.
    previous : sequence of str, length n_covers, optional
        The side of covers that have one, ``""`` for the others. These stay.
        The others of the same group join them; a group that already lies on
        two sides takes its new covers to the first side of `shares`.

    Returns
    -------
    ndarray of str, shape (n_covers,)
        The side of each cover.

    Raises
    ------
    ValueError
        If the lengths differ, or a share is not positive.

    Notes
    -----
    The greedy rule follows the idea of scikit-learn's ``StratifiedGroupKFold``,
    extended to unequal shares, several labels per item and fixed items.
    """
    shared: dict[tuple[str, ...], dict[str, float]] = {}
    weights = [_weigh(tuple(names), shared) for names in genres]
    n_covers = len(weights)
    fixed = [UNDECIDED] * n_covers if previous is None else list(previous)
    if len(groups) != n_covers or len(fixed) != n_covers:
        message = f"genres, groups and previous must be of one length, got {n_covers}, {len(groups)}, {len(fixed)}"
        raise ValueError(message)
    if not shares or min(shares.values()) <= 0:
        message = f"shares must be positive, got {dict(shares)!r}"
        raise ValueError(message)
    # Groups whose covers all have a side are most of a large catalogue.
    waiting = {group for group, side in zip(groups, fixed, strict=True) if not side}
    members: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        if group in waiting:
            members.setdefault(group, []).append(row)
    dealer = _Dealer(weights, shares, fixed)
    undecided = []
    for group, rows in members.items():
        taken = {fixed[row] for row in rows} - {UNDECIDED}
        free = [row for row in rows if fixed[row] == UNDECIDED]
        if taken and free:
            dealer.assign(free, taken.pop() if len(taken) == 1 else next(iter(shares)))
        elif free:
            undecided.append((-len(free), _draw(seed, group), free))
    dealt = [rows for _, _, rows in sorted(undecided)]
    for rows in dealt:
        dealer.assign(rows, dealer.neediest(rows))
    dealer.fill_gaps(dealt)
    return np.asarray(dealer.sides, dtype=str) if n_covers else np.zeros(0, dtype="<U5")


def fold_groups(
    genres: Iterable[Sequence[str]],
    groups: Sequence[Hashable],
    *,
    n_folds: int,
    seed: int = 0,
    previous: Sequence[int] | None = None,
) -> npt.NDArray[np.int64]:
    """Put whole groups into folds of one size, every genre shared out alike.

    Parameters
    ----------
    genres, groups, seed
        As in `split_groups`.
    n_folds : int
        At least two.
    previous : sequence of int, length n_covers, optional
        The fold of covers that have one, -1 for the others; see `split_groups`.

    Returns
    -------
    ndarray of int64, shape (n_covers,)
        Fold of each cover, in ``0 .. n_folds - 1``.

    Raises
    ------
    ValueError
        If ``n_folds < 2``, or there are fewer groups than folds.
    """
    n_groups = len(set(groups))
    if n_folds < 2 or n_groups < n_folds:
        message = f"n_folds must be at least 2 and at most the number of groups ({n_groups}), got {n_folds}"
        raise ValueError(message)
    shares = {str(fold): 1 / n_folds for fold in range(n_folds)}
    fixed = None
    if previous is not None:
        fixed = [UNDECIDED if fold < 0 else str(fold) for fold in previous]
    folds = split_groups(genres, groups, shares=shares, seed=seed, previous=fixed)
    return folds.astype(np.int64)


@dataclass(frozen=True)
class SplitBalance(ReadOnly):
    """How well a split keeps to the shares it was meant to have.

    Parameters
    ----------
    n : dict of str to int
        Covers on each side.
    share : dict of str to float
        The same as a share of all.
    held_out_share : dict of str to float
        Share of each genre's covers that is not in train.
    n_groups : int
        Number of groups.
    largest_group : int
        Covers in the largest.
    n_torn_groups : int
        Groups with covers both in train and held out; their held-out covers
        are left out of evaluations.
    """

    n: dict[str, int]
    share: dict[str, float]
    held_out_share: dict[str, float]
    n_groups: int
    largest_group: int
    n_torn_groups: int


def measure_balance(
    genres: Iterable[Sequence[str]], groups: Sequence[Hashable], splits: Sequence[str]
) -> SplitBalance:
    """Measure how a split came out; see `SplitBalance`."""
    n = {side: 0 for side in SPLITS if side in set(splits)}
    in_train: dict[Hashable, bool] = {}
    torn: set[Hashable] = set()
    group_sizes: dict[Hashable, int] = {}
    all_of: dict[str, float] = {}
    held_out: dict[str, float] = {}
    for names, group, side in zip(genres, groups, splits, strict=True):
        n[side] += 1
        if in_train.setdefault(group, side == "train") != (side == "train"):
            torn.add(group)
        group_sizes[group] = group_sizes.get(group, 0) + 1
        for genre in names:
            all_of[genre] = all_of.get(genre, 0) + 1
            held_out[genre] = held_out.get(genre, 0) + (side != "train")
    return SplitBalance(
        n=n,
        share={side: count / len(splits) for side, count in n.items()},
        held_out_share={
            genre: held_out[genre] / all_of[genre] for genre in sorted(all_of)
        },
        n_groups=len(group_sizes),
        largest_group=max(group_sizes.values(), default=0),
        n_torn_groups=len(torn),
    )


def _weigh(
    names: tuple[str, ...], known: dict[tuple[str, ...], dict[str, float]]
) -> dict[str, float]:
    """Return a cover's weight in each of its genres; covers with the same genres share one object."""
    if names not in known:
        share = 1 / len(names) if names else 1.0
        known[names] = dict.fromkeys(names or (UNDECIDED,), share)
    return known[names]


class _Dealer:
    """Deals groups of covers out to sides, and counts how much of each genre lies on each."""

    def __init__(
        self,
        weights: Sequence[Mapping[str, float]],
        shares: Mapping[str, float],
        fixed: Sequence[str],
    ) -> None:
        self.sides = list(fixed)
        self._weights = weights
        self._sizes = _add(weights)
        total = sum(shares.values())
        self._shares = {side: share / total for side, share in shares.items()}
        self._held = {side: dict.fromkeys(self._sizes, 0.0) for side in shares}
        for row, side in enumerate(fixed):
            self._count(row, side)

    def assign(self, rows: Sequence[int], side: str) -> None:
        """Put covers on a side."""
        for row in rows:
            self.sides[row] = side
            self._count(row, side)

    def neediest(self, rows: Sequence[int]) -> str:
        """Return the side that lacks the genres of these covers most."""
        load = _add(self._weights[row] for row in rows)
        return min(self._shares, key=lambda side: self._cost(load, side))

    def fill_gaps(self, dealt: Sequence[Sequence[int]]) -> None:
        """Move groups so that no side misses a genre of which it should have a cover.

        Parameters
        ----------
        dealt : sequence of sequences of int
            The groups that may move, largest first.
        """
        groups_of: dict[str, list[Sequence[int]]] = {}
        for rows in dealt:
            for genre in _add(self._weights[row] for row in rows):
                groups_of.setdefault(genre, []).append(rows)
        smallest_share = min(self._shares.values())
        for genre, groups in groups_of.items():
            if self._sizes[genre] * smallest_share < 1:
                continue
            for side in self._shares:
                if self._held[side][genre] < 1e-9:
                    self._fetch(genre, side, groups)

    def _fetch(self, genre: str, side: str, groups: Sequence[Sequence[int]]) -> None:
        """Bring the smallest group of a genre from a side that can spare one."""
        for rows in reversed(groups):
            load = _add(self._weights[row] for row in rows)
            held = self._held[self.sides[rows[0]]]
            if all(held[name] - amount > 1e-9 for name, amount in load.items()):
                for row in rows:
                    self._count(row, self.sides[row], -1)
                self.assign(rows, side)
                return

    def _cost(self, load: Mapping[str, float], side: str) -> float:
        """Return by how much a side's chi-square distance from its target grows."""
        cost = 0.0
        for genre, amount in load.items():
            target = self._shares[side] * self._sizes[genre]
            excess = self._held[side][genre] - target
            cost += amount * (2 * excess + amount) / target
        return cost

    def _count(self, row: int, side: str, sign: int = 1) -> None:
        """Add the genres of one cover to the sums of its side (-1 subtracts them); a side without a share has none."""
        if side in self._held:
            held = self._held[side]
            for genre, amount in self._weights[row].items():
                held[genre] += sign * amount


def _add(weights: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Sum the genre weights of several covers."""
    total: dict[str, float] = {}
    for weight in weights:
        for genre, amount in weight.items():
            total[genre] = total.get(genre, 0.0) + amount
    return total


def _draw(seed: int, group: Hashable) -> bytes:
    """Draw the position of a group in the order of dealing, the same on every machine."""
    return hashlib.sha256(f"{seed}/{group}".encode()).digest()
