"""The covers behind a figure: typical ones, bridges, loners, closest pairs.

At most one cover per group (artist) in every list. Letters: N covers, K
neighbours, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.overlap.mixing import balanced_shares
from covers.overlap.pair_votes import Labels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from covers.stats.neighbours import Neighbours

Rows = npt.NDArray[np.int64]
_CLOSE_NEIGHBOURS = 5
_GENRES_OF_A_BRIDGE = 3
_GENRES_OF_A_COVER = 4


@dataclass(frozen=True)
class Exemplars:
    """Rows of the covers that show what a number is about, best first.

    Parameters
    ----------
    prototypes : list of list of int
        For each genre, its covers in the midst of their own genre.
    isolated : list of int
        Covers farthest from all others.
    bridges : dict of (int, int) to list of int
        For a pair of genres ``a < b``, their covers with as many neighbours of
        the one as of the other, by turns of the one genre and of the other.
    closest : dict of (int, int) to list of (int, int, float)
        For a pair, a cover of a, a cover of b, and their cosine similarity.
    """

    prototypes: list[list[int]]
    isolated: list[int]
    bridges: dict[tuple[int, int], list[int]]
    closest: dict[tuple[int, int], list[tuple[int, int, float]]]


def find_exemplars(
    neighbours: Neighbours,
    membership: npt.NDArray[np.float64],
    groups: Rows,
    *,
    k: int = 25,
    n_shown: int = 5,
) -> Exemplars:
    """Choose the covers to show.

    Parameters
    ----------
    neighbours : Neighbours
        Of each cover, of other groups only.
    membership : ndarray of float64, shape (n_covers, n_genres)
        Share of each cover in each genre.
    groups : ndarray of int64, shape (n_covers,)
    k : int, default=25
        Neighbours that make a cover's surroundings; few follow single covers,
        many whole genres.
    n_shown : int, default=5
        Covers in each list.
    """
    _, numbers = np.unique(groups, return_inverse=True)
    labels = Labels(np.asarray(membership, np.float32), numbers.astype(np.int64))
    near = neighbours.nearest(k)
    shares = np.nan_to_num(balanced_shares(near.rows, labels))
    closeness = np.where(near.rows < 0, -1, near.similarities)[:, :_CLOSE_NEIGHBOURS]
    closeness = closeness.mean(axis=1) if closeness.shape[1] else np.zeros(len(groups))
    # Typical (own genre around it), then central (close to others): closeness only
    # breaks ties, it spans a few tenths while shares span zero to one.
    typical = shares + 0.1 * closeness[:, None]
    prototypes = []
    for genre in range(membership.shape[1]):
        members = np.flatnonzero(membership[:, genre])
        best = members[np.argsort(-typical[members, genre], kind="stable")]
        prototypes.append(one_per_group(best, groups, n_shown))
    # Covers without any known neighbour were not sampled, or stand alone as a group.
    known = np.flatnonzero((near.rows >= 0).any(axis=1))
    isolated = one_per_group(
        known[np.argsort(closeness[known], kind="stable")], groups, n_shown
    )
    return Exemplars(
        prototypes,
        isolated,
        _find_bridges(shares, membership, groups, n_shown),
        _find_closest(near, membership, groups, n_shown),
    )


def one_per_group(ordered: Iterable[int], groups: Rows, n: int) -> list[int]:
    """Keep the first `n` of `ordered` rows, one per group."""
    kept: list[int] = []
    seen: set[int] = set()
    for row in ordered:
        group = int(groups[row])
        if group not in seen:
            seen.add(group)
            kept.append(int(row))
            if len(kept) == n:
                break
    return kept


def _find_bridges(
    shares: npt.NDArray[np.float64],
    membership: npt.NDArray[np.float64],
    groups: Rows,
    n_shown: int,
) -> dict[tuple[int, int], list[int]]:
    """Score each cover for the pairs among its own and its nearest genres."""
    n_genres = membership.shape[1]
    top = min(_GENRES_OF_A_BRIDGE, n_genres)
    order = np.argsort(-shares, axis=1, kind="stable")[:, :top]
    rows, pairs, scores = [], [], []
    for i in range(top):
        for j in range(i + 1, top):
            a = np.minimum(order[:, i], order[:, j])
            b = np.maximum(order[:, i], order[:, j])
            every = np.arange(len(shares))
            score = np.minimum(shares[every, a], shares[every, b])
            member = (membership[every, a] + membership[every, b]) > 0
            chosen = np.flatnonzero(member & (score > 0))
            rows.append(chosen)
            pairs.append((a * n_genres + b)[chosen])
            scores.append(score[chosen])
    if not rows:
        return {}
    row, pair, score = map(np.concatenate, (rows, pairs, scores))
    ranked = np.lexsort((row, -score, pair))
    found_rows: dict[tuple[int, int], list[int]] = {}
    for key, part in _runs(pair[ranked]):
        a, b = divmod(key, n_genres)
        ordered = _by_turns(row[ranked[part]], membership, a, b)
        found_rows[a, b] = one_per_group(ordered, groups, n_shown)
    return found_rows


def _by_turns(
    ordered: Rows, membership: npt.NDArray[np.float64], a: int, b: int
) -> Rows:
    """Take the best cover of the one genre, then that of the other, so that both are shown."""
    of_a = membership[ordered, a] >= membership[ordered, b]
    turn = np.empty(len(ordered), np.int64)
    for side in (of_a, ~of_a):
        turn[side] = np.arange(int(side.sum()))
    return ordered[np.argsort(turn, kind="stable")]


def _find_closest(
    near: Neighbours,
    membership: npt.NDArray[np.float64],
    groups: Rows,
    n_shown: int,
) -> dict[tuple[int, int], list[tuple[int, int, float]]]:
    """Rank the neighbour pairs across two genres by similarity: one cover has only the one, the other only the other.

    What else they share, such as the broad genre of both, does not matter.
    """
    n_genres = membership.shape[1]
    has = membership > 0
    own = _rarest_genres(has)
    starts = np.repeat(np.arange(len(near.rows)), near.rows.shape[1])
    ends, alike = near.rows.ravel(), near.similarities.ravel()
    edges, pairs, swapped = [], [], []
    for i, j in np.ndindex(own.shape[1], own.shape[1]):
        a, b = own[starts, i], own[ends, j]
        across = (ends >= 0) & (a >= 0) & (b >= 0) & ~has[ends, a] & ~has[starts, b]
        chosen = np.flatnonzero(across)
        low, high = np.minimum(a, b)[chosen], np.maximum(a, b)[chosen]
        edges.append(chosen)
        pairs.append(low * n_genres + high)
        swapped.append((a > b)[chosen])
    if not edges:
        return {}
    edge, pair, swap = map(np.concatenate, (edges, pairs, swapped))
    left = np.where(swap, ends[edge], starts[edge])
    right = np.where(swap, starts[edge], ends[edge])
    similarity = alike[edge]
    ranked = np.lexsort((right, left, -similarity, pair))
    closest: dict[tuple[int, int], list[tuple[int, int, float]]] = {}
    for key, part in _runs(pair[ranked]):
        shown: list[tuple[int, int, float]] = []
        seen: set[int] = set()
        for e in ranked[part]:
            both = {int(groups[left[e]]), int(groups[right[e]])}
            if not both & seen:
                seen |= both
                shown.append((int(left[e]), int(right[e]), float(similarity[e])))
                if len(shown) == n_shown:
                    break
        closest[divmod(key, n_genres)] = shown
    return closest


def _rarest_genres(has: npt.NDArray[np.bool_]) -> Rows:
    """Return the genres of each cover, the rarest first and the finest so; -1 where it has fewer."""
    most = min(int(has.sum(axis=1).max(initial=0)), _GENRES_OF_A_COVER)
    order = np.argsort(has.sum(axis=0), kind="stable")
    found = np.full((len(has), most), -1, np.int64)
    n_found = np.zeros(len(has), np.int64)
    for genre in order:
        rows = np.flatnonzero(has[:, genre] & (n_found < most))
        found[rows, n_found[rows]] = genre
        n_found[rows] += 1
    return found


def _runs(values: npt.NDArray[np.int64]) -> list[tuple[int, slice]]:
    """Return each distinct value of a sorted array and where it lies."""
    distinct, starts = np.unique(values, return_index=True)
    ends = np.append(starts[1:], len(values))[: len(starts)]
    return [
        (int(v), slice(int(s), int(e)))
        for v, s, e in zip(distinct, starts, ends, strict=True)
    ]
