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
    for rival in range(membership.shape[1]):
        gain = support[:, winner] - support[:, rival]
        order = [
            int(slot) for slot in np.argsort(-gain, kind="stable") if gain[slot] > 0
        ]
        for n_left_out in range(1, len(order) + 1):
            if best.genre_id >= 0 and n_left_out >= len(best.slots):
                break
            rows = neighbours.rows.copy()
            rows[0, order[:n_left_out]] = -1
            if n_left_out == int((neighbours.rows >= 0).sum()):
                break
            left = Neighbours(rows, neighbours.similarities)
            won = int(vote_with(plain, left, membership)[0].argmax())
            if won != winner:
                best = Flip(tuple(sorted(order[:n_left_out])), won)
                break
    return best


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
