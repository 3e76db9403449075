"""Predictions of network and vote for covers that they have not seen, before calibration.

Letters: N covers, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.classify.vote_settings import VOTER_COUNTS
from covers.classify.voting import label_shares, vote_with
from covers.evaluate.checks.sides import check_references
from covers.stats.folds import iterate_folds
from covers.stats.neighbours import Neighbours, find_neighbours

if TYPE_CHECKING:
    from covers.classify.voting import VoteSettings
    from covers.evaluate.inputs import EvaluationInputs, Sides

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Covers that one head classifies, and the neighbours that vote on them.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        Row of each in the inputs.
    references : ndarray of int64, shape (n_references,)
        Rows of the covers that the head was fitted on.
    near : Neighbours
        Rows into `references`; of other groups than the cover's own.
    p_network : ndarray of float64, shape (n, n_genres)
        What the head says, uncalibrated.
    """

    rows: Rows
    references: Rows
    near: Neighbours
    p_network: Array


@dataclass(frozen=True, kw_only=True)
class RawAnswers:
    """Answers of one or more heads, each about covers that it has not seen.

    Parameters
    ----------
    inputs : EvaluationInputs
    parts : tuple of Asked
        The held-out side first.
    """

    inputs: EvaluationInputs
    parts: tuple[Asked, ...]
    _votes: dict[VoteSettings, Array] = field(
        init=False, default_factory=dict, repr=False
    )

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def rows(self) -> Rows:
        """Row of each cover in the inputs, part by part."""
        return np.concatenate([part.rows for part in self.parts])

    @cached_property
    def folds(self) -> Rows:
        """Number of the part that each cover is in."""
        sizes = [len(part.rows) for part in self.parts]
        return np.repeat(np.arange(len(sizes)), sizes)

    @cached_property
    def p_network(self) -> Array:
        """What the heads say, shape (n_covers, n_genres)."""
        return np.concatenate([part.p_network for part in self.parts])

    @cached_property
    def membership(self) -> Array:
        """Genres of the covers, shape (n_covers, n_genres)."""
        return np.asarray(self.inputs.membership[self.rows], np.float64)

    @cached_property
    def groups(self) -> Rows:
        """Group of each cover."""
        return self.inputs.groups[self.rows]

    def votes(self, settings: VoteSettings) -> Array:
        """Let the neighbours vote, shape (n_covers, n_genres)."""
        if settings not in self._votes:
            self._votes[settings] = np.concatenate(
                [self._vote(part, settings) for part in self.parts]
            )
        return self._votes[settings]

    def _vote(self, part: Asked, settings: VoteSettings) -> Array:
        vote = label_shares if self.inputs.is_several else vote_with
        known, groups = self.inputs.membership, self.inputs.groups
        voting = part.references
        return vote(settings, part.near, known[voting], groups[voting])


def ask(
    inputs: EvaluationInputs,
    rows: Rows,
    references: Rows,
    p: npt.NDArray[np.floating],
    fold: tuple[npt.NDArray[np.float16], int] | None = None,
) -> Asked:
    """Find the neighbours of some covers among those that a head was fitted on.

    Parameters
    ----------
    inputs : EvaluationInputs
    rows, references : ndarray of int64
    p : ndarray of float, shape (len(inputs), n_genres)
        What the head says of the covers of the inputs.
    fold : (ndarray of float16, int), optional
        Unit vectors by the heads of all folds, and which of them is meant; the
        network's own by default.

    Raises
    ------
    DataError
        If a cover found a neighbour of its own group.
    """
    if fold is None:
        vectors, known = inputs.embeddings[rows], inputs.embeddings[references]
    else:
        of_folds, number = fold
        vectors = of_folds[rows, number].astype(np.float32)
        known = of_folds[references, number].astype(np.float32)
    own, groups = inputs.groups[rows], inputs.groups[references]
    near = find_neighbours(
        vectors,
        known,
        k=_n_candidates(groups),
        query_groups=own,
        reference_groups=groups,
    )
    check_references(near, own, groups)
    p_network = np.asarray(p[rows], np.float64)
    return Asked(rows=rows, references=references, near=near, p_network=p_network)


def ask_without_folds(
    inputs: EvaluationInputs, sides: Sides, *, with_held_out: bool
) -> list[Asked]:
    """Return what heads say of the train covers, each head fitted without a fold of them.

    Parameters
    ----------
    inputs : EvaluationInputs
    sides : Sides
    with_held_out : bool
        Of heads that have learned from the held-out covers too, which then vote.

    Returns
    -------
    list of Asked
        One for each fold; none where heads were not fitted so.
    """
    folds = inputs.crossed_folds
    p, vectors = (
        (inputs.across_p, inputs.across_embeddings)
        if with_held_out
        else (inputs.crossed_p, inputs.crossed_embeddings)
    )
    if folds is None or p is None or vectors is None:
        return []
    more = sides.valid if with_held_out else np.zeros(0, np.int64)
    of_train = folds[sides.train]
    return [
        ask(
            inputs,
            sides.train[inside],
            np.concatenate([sides.train[outside], more]),
            p,
            (vectors, int(of_train[inside[0]])),
        )
        for outside, inside in iterate_folds(of_train)
        if len(inside)
    ]


def _n_candidates(reference_groups: Rows) -> int:
    """Return how many neighbours are looked up, of which some may vote."""
    repeats = len(np.unique(reference_groups)) < len(reference_groups)
    k = max(VOTER_COUNTS) * (3 if repeats else 1)
    return min(k, len(reference_groups))
