"""The vote's settings, chosen by the log-loss of held-out covers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from covers.classify.voting import (
    USUAL,
    VoteSettings,
    label_shares,
    one_per_group,
    vote_with,
)
from covers.stats.neighbours import Neighbours
from covers.stats.significance import is_certainly_lower

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

VOTER_COUNTS = (3, 5, 10, 20, 40, 80, 160)
TEMPERATURES = (0.01, 0.02, 0.04, 0.07, 0.1, 0.2, 1.0)

MOST_SCORED = 3000


def candidate_settings(
    n_references: int, *, groups_repeat: bool, is_several: bool = False
) -> Iterator[VoteSettings]:
    """Yield the settings among which the held-out log-loss decides, simplest first.

    Independent genres (`is_several`) know no balance between genres.
    """
    counts = [k for k in VOTER_COUNTS if k <= n_references] or [max(1, n_references)]
    for once in (False, True) if groups_repeat else (False,):
        for balance in (USUAL.class_balance,) if is_several else (0.0, 0.5, 1.0):
            for k in counts:
                for temperature in TEMPERATURES:
                    yield VoteSettings(
                        k=k,
                        temperature=temperature,
                        class_balance=balance,
                        one_per_group=once,
                    )


@dataclass(frozen=True)
class VoteLosses:
    """Log-loss of every cover under every candidate, so that any subset can choose its best.

    Parameters
    ----------
    settings : tuple of VoteSettings
        The candidates.
    losses : ndarray of float32, shape (n_settings, n_scored)
        In nats.
    scored : ndarray of int64, shape (n_scored,)
        Which queries these are: a random part of them where they are many.
    groups : ndarray of int64, shape (n_scored,)
        Their groups.
    """

    settings: tuple[VoteSettings, ...]
    losses: npt.NDArray[np.float32]
    scored: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]

    def best(self, rows: npt.NDArray[np.int64] | None = None) -> VoteSettings:
        """Choose settings by their loss over some queries, by default all.

        `USUAL` are kept unless the lowest mean loss is certainly lower, see
        `covers.stats.significance.is_certainly_lower`.
        """
        some = slice(None) if rows is None else np.isin(self.scored, rows)
        losses = self.losses[:, some].astype(np.float64)
        best = int(losses.mean(axis=1).argmin())
        usual = self._usual()
        if is_certainly_lower(
            losses[best], losses[usual], self.groups[some], n_tried=len(losses)
        ):
            return self.settings[best]
        return self.settings[usual]

    def _usual(self) -> int:
        """Return the candidate nearest to the usual settings, which few references may not allow."""
        k = max(
            (one.k for one in self.settings if one.k <= USUAL.k),
            default=self.settings[0].k,
        )
        return self.settings.index(replace(USUAL, k=k))


@dataclass(frozen=True)
class GroupedGenres:
    """Genres of some covers, and the groups that they come in.

    Parameters
    ----------
    membership : ndarray of float, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
        Artist, release group, near-duplicates.
    """

    membership: npt.NDArray[np.floating[Any]]
    groups: npt.NDArray[np.int64]


def measure_settings(
    neighbours: Neighbours,
    references: GroupedGenres,
    held: GroupedGenres,
    *,
    is_several: bool = False,
) -> VoteLosses:
    """Compute the held-out log-loss of every candidate setting.

    Parameters
    ----------
    neighbours : Neighbours
        At least `VOTER_COUNTS`' largest number of neighbours of each held-out
        cover among the references, own groups left out.
    references : GroupedGenres
        Of the n_references covers that may vote.
    held : GroupedGenres
        Of the n_queries held-out covers; `MOST_SCORED` of them are scored.
    is_several : bool, default=False
        Score each genre by itself.
    """
    from covers.stats.labels.figures import label_losses
    from covers.stats.metrics import log_losses

    membership, reference_groups = references.membership, references.groups
    scored = np.arange(len(held.groups))
    if len(scored) > MOST_SCORED:
        rng = np.random.default_rng(0)
        scored = np.sort(rng.choice(scored, MOST_SCORED, replace=False))
        neighbours = Neighbours(
            neighbours.rows[scored], neighbours.similarities[scored]
        )
    held_membership = np.asarray(held.membership[scored], np.float64)
    groups_repeat = len(np.unique(reference_groups)) < len(reference_groups)
    by_once = {False: neighbours}
    if groups_repeat:
        by_once[True] = one_per_group(neighbours, reference_groups)
    settings = tuple(
        candidate_settings(
            len(membership), groups_repeat=groups_repeat, is_several=is_several
        )
    )
    losses = np.empty((len(settings), len(held_membership)), np.float32)
    for row, candidate in enumerate(settings):
        plain = replace(candidate, one_per_group=False)
        near = by_once[candidate.one_per_group]
        if is_several:
            votes = label_shares(plain, near, membership)
            losses[row] = label_losses(votes, held_membership > 0)
        else:
            losses[row] = log_losses(
                vote_with(plain, near, membership), held_membership
            )
    return VoteLosses(settings, losses, scored, held.groups[scored])
