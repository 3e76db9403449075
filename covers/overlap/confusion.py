"""How often covers of one genre are taken for another, and whether that is more than chance.

Letters: N covers, U groups, G genres.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.errors import CoversError
from covers.overlap.measured import Confusion
from covers.overlap.mixing import adjust
from covers.stats.intervals import share_intervals
from covers.stats.rows import RowsById
from covers.workspace.read_artefacts import read_rows
from covers.workspace.registry import BASELINE_FEATURES, VOTES

if TYPE_CHECKING:
    from covers.index.embedded import EmbeddedCovers
    from covers.workspace.paths import Workspace

Array = npt.NDArray[np.float64]
Table = list[list[Confusion]]
"""By own genre, by the genre that covers were taken for."""


def compare_with_chance(
    decided: npt.NDArray[np.int64],
    membership: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int64],
    *,
    n_permutations: int = 100,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Test each cell of a confusion matrix against genres shuffled between whole groups.

    The share of a's covers that are taken for b is compared with that of all other
    covers, over the standard error of the difference between groups: the share alone
    would call a genre of a few prolific artists different by chance. The tail is the
    normal one, with mean and spread of the shuffles.

    Parameters
    ----------
    decided : ndarray of int64, shape (n_covers,)
        Genre that each cover was taken for.
    membership : ndarray of float64, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
    n_permutations : int, default=100
    seed : int, default=0

    Returns
    -------
    p, q : ndarray of float64, shape (n_genres, n_genres)
        Two-sided, and after Benjamini-Hochberg over all cells beside the diagonal.
        1 where nothing varies; the diagonal has no ``q`` (NaN).
    """
    from scipy import stats

    _, members = np.unique(groups, return_inverse=True)
    n_groups, n_genres = int(members.max()) + 1, membership.shape[1]
    sizes = np.bincount(members, minlength=n_groups).astype(np.float64)  # (U,)
    taken = np.zeros((n_groups, n_genres))
    np.add.at(taken, (members, decided), 1.0)
    profiles = np.zeros((n_groups, n_genres))
    np.add.at(profiles, members, membership)
    profiles /= sizes[:, None]
    rng = np.random.default_rng(seed)
    seen = _contrast(profiles, taken, sizes)  # (G, G)
    shuffled = np.stack(
        [
            _contrast(profiles[rng.permutation(n_groups)], taken, sizes)
            for _ in range(n_permutations)
        ]
    )
    spread = shuffled.std(axis=0)
    varies = spread > 1e-9
    score = (seen - shuffled.mean(axis=0)) / np.where(varies, spread, 1.0)
    p = np.where(varies, 2 * stats.norm.sf(np.abs(score)), 1.0)
    beside = np.where(np.eye(n_genres, dtype=bool), np.nan, p)
    return p, adjust(beside.ravel()).reshape(p.shape)


def _contrast(profiles: Array, taken: Array, sizes: Array) -> Array:
    """Return how much more often covers of a are taken for b than other covers, in standard errors (G, G)."""
    first, error = _rates(profiles, taken, sizes)
    others, other_error = _rates(1 - profiles, taken, sizes)
    errors = np.sqrt(error + other_error)
    return np.divide(
        first - others, errors, out=np.zeros_like(errors), where=errors > 1e-12
    )


def _rates(weights: Array, taken: Array, sizes: Array) -> tuple[Array, Array]:
    """Return the share of each genre's covers taken for each, and its variance between groups."""
    totals = np.maximum(weights.T @ sizes, 1e-12)[:, None]  # (G, 1)
    rates = weights.T @ taken / totals
    squares = weights.T**2  # (G, U)
    variance = (
        squares @ taken**2
        - 2 * rates * (squares @ (taken * sizes[:, None]))
        + rates**2 * (squares @ sizes**2)[:, None]
    )
    return rates, np.maximum(variance, 0.0) / totals**2


def confuse(
    decided: npt.NDArray[np.int64],
    membership: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int64],
) -> Table:
    """Return how often covers of one genre are taken for another.

    Parameters
    ----------
    decided : ndarray of int64, shape (n_covers,)
        Genre that each cover was taken for.
    membership : ndarray of float64, shape (n_covers, n_genres)
        A cover of several genres counts in each with its share.
    groups : ndarray of int64, shape (n_covers,)

    Returns
    -------
    list of list of Confusion
        For genres a, b: the share of a's covers that are taken for b, with Wilson's
        interval for as many covers as they are worth (what never happened may happen
        all the same); ``p`` and ``q``, see `compare_with_chance`, are NaN where a is b.
    """
    n_genres = membership.shape[1]
    p, q = compare_with_chance(decided, membership, groups)
    _, members = np.unique(groups, return_inverse=True)
    in_groups = np.zeros((int(members.max()) + 1, n_genres))
    np.add.at(in_groups, members, membership)
    table = []
    for a in range(n_genres):
        share = membership[:, a].astype(np.float64)
        n = float(share.sum())
        taken = np.zeros_like(in_groups)
        np.add.at(taken, (members, decided), share)
        low, high = share_intervals(taken, np.repeat(in_groups[:, [a]], n_genres, 1))
        rates = taken.sum(axis=0) / n if n else np.full(n_genres, math.nan)
        table.append(
            [
                Confusion(
                    rate=float(rates[b]),
                    ci95=(float(low[b]), float(high[b])),
                    n=n,
                    p=math.nan if a == b else float(p[a, b]),
                    q=math.nan if a == b else float(q[a, b]),
                )
                for b in range(n_genres)
            ]
        )
    return table


def read_confusion(workspace: Workspace, covers: EmbeddedCovers) -> dict[str, Table]:
    """Return the confusion of the network, and of the vote where it was evaluated."""
    if len(covers.vocab) < 2:
        return {}
    decisions = {"network": covers.logits.argmax(axis=1)}
    voted = _vote_decisions(workspace, covers)
    if voted is not None:
        decisions["vote"] = voted
    return {
        method: confuse(decided, covers.membership, covers.groups)
        for method, decided in decisions.items()
    }


def _vote_decisions(
    workspace: Workspace, covers: EmbeddedCovers
) -> npt.NDArray[np.int64] | None:
    """Return what the vote took each cover for; None where that is not known."""
    try:
        table, stamp = read_rows(workspace, VOTES)
    except CoversError:
        return None
    made_from = {k: v for k, v in stamp.made_from.items() if k != BASELINE_FEATURES}
    vocab = tuple(stamp.parameters.get("vocab", ()))
    if made_from != covers.made_from or vocab != tuple(covers.vocab):
        return None
    votes = np.array(table.column("p_vote").to_pylist(), np.float64)
    rows = RowsById(table.column("cover_id").to_pylist()).of(covers.cover_ids)
    if rows.min(initial=0) < 0 or votes.ndim != 2:
        return None
    decided: npt.NDArray[np.int64] = votes[rows].argmax(axis=1)
    return decided
