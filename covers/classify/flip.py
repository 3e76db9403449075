"""The least that would change a vote: how few voters decide it.

Letters: k neighbours, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.voting import vote_weights, vote_with
from covers.stats.neighbours import Neighbours

if TYPE_CHECKING:
    from covers.classify.voting import VoteSettings

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Flip:
    """The least that would change a vote.

    Parameters
    ----------
    slots : tuple of int
        Neighbours (positions in the list) that would have to be left out.
    genre_id : int
        The genre that would win then; ``-1`` where no removal changes the winner.
    """

    slots: tuple[int, ...]
    genre_id: int


def find_flip(
    neighbours: Neighbours,
    membership: npt.NDArray[np.floating[Any]],
    settings: VoteSettings,
    *,
    is_several: bool = False,
) -> Flip:
    """Find the fewest voters of one query without whom another genre would win.

    Where genres are independent, a voter of several counts fully for each, and what
    most of the weight has wins, however frequent it is.

    Parameters
    ----------
    neighbours : Neighbours
        The voters of a single query, shape (1, k), as `voters` returns them.
    membership : ndarray of float, shape (n_references, n_genres)
    settings : VoteSettings
        How they vote.
    is_several : bool, default=False
        Whether genres are independent.
    """
    if is_several:
        membership = (np.asarray(membership) > 0).astype(np.float64)
        settings = replace(settings, class_balance=0.0)
    neighbours, membership = _among_voters(neighbours, membership)
    plain = replace(settings, one_per_group=False, k=neighbours.rows.shape[1])
    winner = int(vote_with(plain, neighbours, membership)[0].argmax())
    weights = vote_weights(neighbours, membership, temperature=settings.temperature)[0]
    shares = np.asarray(membership, np.float64)[np.maximum(neighbours.rows[0], 0)]
    base = np.maximum(np.asarray(membership, np.float64).mean(axis=0), 1e-12)
    support = weights[:, None] * shares * base**-settings.class_balance  # (k, G)
    best = Flip((), -1)
    fewest = int((neighbours.rows >= 0).sum())  # somebody has to stay
    for rival in range(membership.shape[1]):
        gain = support[:, winner] - support[:, rival]
        order = np.argsort(-gain, kind="stable")
        order = order[gain[order] > 0][: fewest - 1]
        if not len(order):
            continue
        left = _without_more_and_more(neighbours, order)
        won = vote_with(plain, left, membership).argmax(axis=1)
        others = np.flatnonzero(won != winner)
        if len(others):
            fewest = int(others[0]) + 1
            slots = sorted(int(slot) for slot in order[:fewest])
            best = Flip(tuple(slots), int(won[others[0]]))
    return best


def _without_more_and_more(
    neighbours: Neighbours, order: npt.NDArray[np.int64]
) -> Neighbours:
    """Return one query as many, in which the first, the first two, ... of `order` do not vote.

    All are voted on at once, which takes as long as a few.
    """
    step = np.full(neighbours.rows.shape[1], len(order))
    step[order] = np.arange(len(order))
    gone = step <= np.arange(len(order))[:, None]
    return Neighbours(
        np.where(gone, -1, neighbours.rows),
        np.broadcast_to(neighbours.similarities, gone.shape),
    )


def _among_voters(
    neighbours: Neighbours, membership: npt.NDArray[np.floating[Any]]
) -> tuple[Neighbours, Array]:
    """Return the same vote held among the voters alone.

    A last row, nobody's neighbour, holds what all others add to the base rates,
    so that trying out many votes does not sum up a whole library each time.
    """
    filled = neighbours.rows >= 0
    used, places = np.unique(neighbours.rows[filled], return_inverse=True)
    rows = np.full(neighbours.rows.shape, -1, np.int64)
    rows[filled] = places
    own = np.asarray(membership[used], np.float64)
    rest = membership.sum(axis=0, dtype=np.float64) - own.sum(axis=0)
    return (
        Neighbours(rows, neighbours.similarities),
        np.vstack([own, np.maximum(rest, 0)]),
    )
