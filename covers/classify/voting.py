"""Genre votes of nearest neighbours, and the evidence behind them.

Letters: Q queries, k neighbours, N references, G genres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covers.arguments import array, checked, made_by, number
from covers.errors import WrongValueError
from covers.stats.membership import has_genre
from covers.stats.neighbours import Neighbours

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class VoteSettings:
    """How neighbours vote.

    Parameters
    ----------
    k : int
        Number of voters.
    temperature : float
        Softness of the weighting; see `vote_genres`.
    class_balance : float
        0 takes references as they come, 1 as if every genre were equally frequent.
    one_per_group : bool
        Only the nearest cover of an artist (or near-duplicate group) votes.
    prior_votes : float
        Weight of the genres' base rates, in voters.
    """

    k: int = 20
    temperature: float = 0.1
    class_balance: float = 0.0
    one_per_group: bool = False
    prior_votes: float = 1.0


USUAL = VoteSettings(k=80, temperature=0.1, class_balance=0.5)
"""What votes best on most collections, see `covers.classify.vote_settings.VoteLosses.best`."""

SEED_RECIPE = VoteSettings(k=5, temperature=1.0)
"""Five nearly equal voters (the nearest breaks ties): what the baselines use."""


@checked(
    neighbours=made_by("Neighbours"),
    membership=array(2),
    temperature=number(0, math.inf, ends=False),
    class_balance=number(0, math.inf),
    prior_votes=number(0, math.inf),
)
def vote_genres(
    neighbours: Neighbours,
    membership: npt.NDArray[np.floating[Any]],
    *,
    temperature: float = 0.1,
    class_balance: float = 0.0,
    prior_votes: float = 0.0,
) -> Array:
    """Turn each query's neighbours into a distribution over genres.

    A neighbour votes with weight ``exp(similarity / temperature)``, split
    evenly over its genres; the votes of one query sum to one.

    Parameters
    ----------
    neighbours : Neighbours
        Rows into `membership`, shape (n_queries, k); ``-1`` marks an empty slot.
    membership : ndarray of float, shape (n_references, n_genres)
        1/m in each of a reference's m genres; references without a genre have
        a row of zeros and do not vote.
    temperature : float, default=0.1
        In units of cosine similarity. Near zero the nearest neighbour decides
        alone; ``inf`` is a plain majority vote.
    class_balance : float, default=0.0
        Votes for a genre are divided by its share of the references to this
        power: 0 leaves frequent genres their advantage, 1 takes it away.
    prior_votes : float, default=0.0
        Add this many voters who vote by the genres' base rates, so that no
        genre is ever impossible; 0 adds none. The neighbours together count as
        their effective number, ``1 / sum(weight ** 2)``.

    Returns
    -------
    ndarray of float64, shape (n_queries, n_genres)
        Rows are non-negative and sum to one. A query without any neighbour
        gets the base rates, or NaN when `prior_votes` is zero.

    Raises
    ------
    WrongTypeError, WrongValueError
        If `temperature` is not positive, or a neighbour is no row of `membership`.

    References
    ----------
    .. [1] Wu, Z., Xiong, Y., Yu, S. X., Lin, D. (2018). "Unsupervised Feature
       Learning via Non-Parametric Instance Discrimination". CVPR, sec. 3.4.

    Examples
    --------
    >>> nearest = Neighbours(np.array([[0, 1, 2]]), np.array([[0.9, 0.9, 0.9]], np.float32))
    >>> vote_genres(nearest, np.array([[1, 0], [1, 0], [0, 1]])).round(2)
    array([[0.67, 0.33]])
    """
    if neighbours.rows.size and neighbours.rows.max() >= len(membership):
        message = f"neighbour {neighbours.rows.max()} is no row of a membership of {len(membership)} references"
        raise WrongValueError(message)
    m = np.asarray(membership, np.float64)  # (N, G)
    weights = vote_weights(neighbours, m, temperature=temperature)  # (Q, k)
    base = m.sum(axis=0)
    base = base / base.sum() if base.sum() > 0 else np.full(m.shape[1], 1 / m.shape[1])
    scale = np.where(base > 0, np.maximum(base, 1e-12) ** -class_balance, 0.0)
    votes: Array = _gather(weights, neighbours.rows, m) * scale  # (Q, G)
    totals = votes.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        votes = votes / totals
        if prior_votes > 0:
            effective = 1 / (weights**2).sum(axis=1, keepdims=True)  # (Q, 1)
            prior = base * scale / (base * scale).sum()
            mixed = (effective * votes + prior_votes * prior) / (
                effective + prior_votes
            )
            votes = np.where(totals > 0, mixed, prior)
    return votes


def vote_weights(
    neighbours: Neighbours,
    membership: npt.NDArray[np.floating[Any]],
    *,
    temperature: float,
) -> Array:
    """Return the weight of each neighbour's vote.

    Returns
    -------
    ndarray of float64, shape (n_queries, k)
        Rows sum to one, or are zero for a query without a voter; 0 in empty
        slots and for references without a genre.
    """
    if not temperature > 0:
        message = f"temperature must be positive, got {temperature!r}"
        raise ValueError(message)
    voting = (neighbours.rows >= 0) & _have_genre(membership, neighbours.rows)
    similarities = np.where(voting, neighbours.similarities, -np.inf).astype(np.float64)
    best = similarities.max(axis=1, initial=-np.inf, keepdims=True)
    best = np.where(np.isfinite(best), best, 0.0)
    # One query's nearest weighs 1: exp of a raw similarity over a tiny temperature overflows.
    weights = np.where(
        voting, np.exp(np.where(voting, similarities - best, 0) / temperature), 0
    )
    totals = weights.sum(axis=1, keepdims=True)
    return np.asarray(weights / np.where(totals > 0, totals, 1))


def _have_genre(
    membership: npt.NDArray[np.floating[Any]], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Say of each of some rows whether it has a genre, in their shape; a few are looked at alone."""
    if rows.size < len(membership):
        return has_genre(membership[rows.ravel()]).reshape(rows.shape)
    return has_genre(membership)[rows]


def _gather(weights: Array, rows: npt.NDArray[np.int64], membership: Array) -> Array:
    """Sum each query's weighted rows of `membership`, shape (n_queries, n_genres)."""
    from scipy import sparse

    n_queries, k = rows.shape
    picked = sparse.csr_array(
        (
            weights.ravel(),
            np.maximum(rows, 0).ravel(),
            np.arange(0, n_queries * k + 1, max(k, 1))[: n_queries + 1],
        ),
        shape=(n_queries, len(membership)),
    )
    return np.asarray(picked @ membership)


def one_per_group(
    neighbours: Neighbours, reference_groups: npt.NDArray[np.int64]
) -> Neighbours:
    """Keep only the nearest neighbour of each group; freed slots move to the end, empty.

    Parameters
    ----------
    neighbours : Neighbours
        Nearest first.
    reference_groups : ndarray of int64, shape (n_references,)
        Group of each reference: artist, release group, near-duplicates.
    """
    rows, similarities = neighbours.rows, neighbours.similarities
    if not rows.size:
        return neighbours
    empty = rows < 0
    groups = np.where(
        empty, -1 - np.arange(rows.shape[1]), reference_groups[np.maximum(rows, 0)]
    )
    order = np.argsort(groups, axis=1, kind="stable")
    sorted_groups = np.take_along_axis(groups, order, axis=1)
    repeated = np.zeros(rows.shape, bool)
    repeated[:, 1:] = sorted_groups[:, 1:] == sorted_groups[:, :-1]
    dropped = np.zeros(rows.shape, bool)
    np.put_along_axis(dropped, order, repeated, axis=1)
    dropped |= empty
    place = np.argsort(dropped, axis=1, kind="stable")
    gone = np.take_along_axis(dropped, place, axis=1)
    return Neighbours(
        np.where(gone, -1, np.take_along_axis(rows, place, axis=1)),
        np.where(gone, np.nan, np.take_along_axis(similarities, place, axis=1)).astype(
            np.float32
        ),
    )


def vote_with(
    settings: VoteSettings,
    neighbours: Neighbours,
    membership: npt.NDArray[np.floating[Any]],
    reference_groups: npt.NDArray[np.int64] | None = None,
) -> Array:
    """Vote as `settings` say; see `vote_genres`.

    `neighbours` may hold more than ``settings.k`` slots: one vote per group
    needs more candidates than voters.
    """
    return vote_genres(
        voters(settings, neighbours, reference_groups),
        membership,
        temperature=settings.temperature,
        class_balance=settings.class_balance,
        prior_votes=settings.prior_votes,
    )


def label_shares(
    settings: VoteSettings,
    neighbours: Neighbours,
    membership: npt.NDArray[np.floating[Any]],
    reference_groups: npt.NDArray[np.int64] | None = None,
) -> Array:
    """Return the share of the voters' weight that has each genre, for independent genres.

    A voter of several genres counts fully for each. One more voter votes by how
    many references have each genre.

    Returns
    -------
    ndarray of float64, shape (n_queries, n_genres)
        Each between 0 and 1; rows do not sum to one.
    """
    m = np.asarray(membership, np.float64)
    chosen = voters(settings, neighbours, reference_groups)
    weights = vote_weights(chosen, m, temperature=settings.temperature)  # (Q, k)
    has = (m > 0).astype(np.float64)
    squares = (weights**2).sum(axis=1, keepdims=True)
    effective = np.divide(1, squares, out=np.zeros_like(squares), where=squares > 0)
    shares = _gather(weights, chosen.rows, has)
    found = (effective * shares + has.mean(axis=0)) / (effective + 1)
    return np.asarray(np.minimum(found, 1))


def voters(
    settings: VoteSettings,
    neighbours: Neighbours,
    reference_groups: npt.NDArray[np.int64] | None = None,
) -> Neighbours:
    """Return the neighbours that vote under `settings`, shape (n_queries, settings.k) at most."""
    if settings.one_per_group and reference_groups is not None:
        neighbours = one_per_group(neighbours, reference_groups)
    return neighbours.nearest(settings.k)
