"""Everything that is fitted on held-out covers, and the answers that follow.

Letters: N covers, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.classifier import Decision, Distributions, Readers, fit_readers
from covers.classify.voting import VOTER_COUNTS, measure_settings, vote_with
from covers.evaluate.checks import check_references
from covers.stats.conformal import (
    Familiarity,
    PredictionSets,
    give_verdicts,
    set_report,
)
from covers.stats.folds import group_folds, iterate_folds
from covers.stats.neighbours import Neighbours, find_neighbours

if TYPE_CHECKING:
    from covers.evaluate.inputs import EvaluationInputs, Sides
    from covers.stats.conformal import Verdict

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

N_SHOWN = 5
_MOST_TRAIN_VOTES = 20_000
_CANDIDATES_PER_VOTER = 3


@dataclass(frozen=True, kw_only=True)
class Votes:
    """Calibrated answers for covers of the catalogue.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        Row of each in the inputs.
    held_out : ndarray of bool, shape (n,)
        Whether it is on the measured side.
    distributions : Distributions
    inside : ndarray of bool, shape (n, n_genres)
    verdicts : list of Verdict
    nearest : ndarray of int64, shape (n, 5)
        Rows of the nearest references in the inputs; ``-1`` where there are fewer.
    """

    rows: Rows
    held_out: npt.NDArray[np.bool_]
    distributions: Distributions
    inside: npt.NDArray[np.bool_]
    verdicts: list[Verdict]
    nearest: Rows


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Distributions and sets of some rows."""

    distributions: Distributions
    inside: npt.NDArray[np.bool_]


class HeldOutFits:
    """Everything fitted on the valid side, and cross-fitted answers for it."""

    def __init__(
        self,
        inputs: EvaluationInputs,
        sides: Sides,
        p_cnn: Array,
        *,
        level: float,
        seed: int,
    ) -> None:
        self.inputs, self.sides, self.level, self.seed = inputs, sides, level, seed
        self.p_cnn = p_cnn
        self.references = inputs.membership[sides.train]
        self.reference_groups = inputs.groups[sides.train]
        self.near_valid = self.find(sides.valid)
        self.near_held = self.near_valid if sides.crossed else self.find(sides.held)
        self.truth = np.asarray(inputs.membership[sides.valid], np.float64)
        self.valid_groups = inputs.groups[sides.valid]
        self.losses = measure_settings(
            self.near_valid,
            self.references,
            self.truth,
            self.reference_groups,
            self.valid_groups,
            seed=seed,
        )
        everything = np.arange(len(sides.valid))
        self.folds = group_folds(self.valid_groups, self.truth, seed=seed)
        self.deployed = self.fit(everything)
        self.crossed = self.cross_fit()
        self.sets = PredictionSets.fit(self.crossed.distributions.blend, self.truth)
        self.familiarity = Familiarity.fit(self.near_valid.similarities)

    def find(self, rows: Rows) -> Neighbours:
        """Find the neighbours of some covers among the train covers of other groups."""
        repeats = len(np.unique(self.reference_groups)) < len(self.reference_groups)
        k = max(VOTER_COUNTS) * (3 if repeats else 1)
        near = find_neighbours(
            self.inputs.embeddings[rows],
            self.inputs.embeddings[self.sides.train],
            k=min(k, len(self.sides.train)),
            query_groups=self.inputs.groups[rows],
            reference_groups=self.reference_groups,
        )
        check_references(near, self.inputs.groups[rows], self.reference_groups)
        return near

    def fit(self, rows: Rows) -> Readers:
        """Fit on some rows of the valid side."""
        near = _rows_of(self.near_valid, rows)
        return fit_readers(
            self.p_cnn[self.sides.valid[rows]],
            lambda settings: vote_with(
                settings, near, self.references, self.reference_groups
            ),
            self.losses.best(rows),
            self.truth[rows],
            self.valid_groups[rows],
        )

    def read(self, readers: Readers, rows: Rows, near: Neighbours) -> Distributions:
        """Return the distributions of some covers (rows of the inputs)."""
        votes = vote_with(
            readers.settings, near, self.references, self.reference_groups
        )
        return readers.apply(self.p_cnn[rows], votes)

    def cross_fit(self) -> Answers:
        """Answer for every valid cover with fits on the other folds."""
        shape = self.truth.shape
        found = {name: np.empty(shape) for name in ("cnn", "vote", "blend")}
        inside = np.empty(shape, bool)
        for outside, fold in iterate_folds(self.folds):
            read = self.read(
                self.fit(outside),
                self.sides.valid[fold],
                _rows_of(self.near_valid, fold),
            )
            for name, into in found.items():
                into[fold] = getattr(read, name)
        for outside, fold in iterate_folds(self.folds):
            sets = PredictionSets.fit(found["blend"][outside], self.truth[outside])
            inside[fold] = sets.contains(found["blend"][fold], self.level)
        return Answers(distributions=Distributions(**found), inside=inside)

    def answers_held(self) -> Answers:
        """Answer for the measured side."""
        if self.sides.crossed:
            return self.crossed
        return self.answers(self.sides.held, self.near_held)

    def answers(self, rows: Rows, near: Neighbours) -> Answers:
        """Answer with the deployed fits."""
        read = self.read(self.deployed, rows, near)
        return Answers(
            distributions=read, inside=self.sets.contains(read.blend, self.level)
        )

    def decision(self) -> Decision:
        """Return what classification needs."""
        return Decision(
            vocab=self.inputs.vocab,
            readers=self.deployed,
            sets=self.sets,
            familiarity=self.familiarity,
        )

    def set_report(self, answers: Answers) -> dict[str, Any]:
        """Measure the prediction sets on the measured side."""
        return set_report(
            answers.inside,
            self.inputs.membership[self.sides.held],
            level=self.level,
            vocab=self.inputs.vocab,
        )

    def report(self) -> dict[str, Any]:
        """Say what was fitted, in JSON values."""
        readers = self.deployed
        return {
            "vote": readers.settings.to_json(),
            "calibrators": {
                "cnn": readers.cnn.to_json(),
                "vote": readers.vote.to_json(),
                "blend": readers.combined.to_json(),
            },
            "blend": {"cnn": readers.blend.cnn, "vote": readers.blend.vote},
            "familiarity": self.familiarity.to_json(),
            "cross_fitted": self.sides.crossed,
            "n_folds": int(self.folds.max()) + 1,
        }

    def votes(self, held: Answers) -> Votes:
        """Gather the answers of every side, the measured one first."""
        parts = [(self.sides.held, held, self.near_held)]
        if not self.sides.crossed:
            parts.append((self.sides.valid, self.crossed, self.near_valid))
        train = self.sides.train
        if len(train) <= _MOST_TRAIN_VOTES:
            near = self.find(train)
            parts.append((train, self.answers(train, near), near))
        inside = np.concatenate([answers.inside for _, answers, _ in parts])
        unfamiliar = np.concatenate(
            [self.familiarity.is_unfamiliar(near.similarities) for _, _, near in parts]
        )
        nearest = np.full((len(inside), N_SHOWN), -1, np.int64)
        shown = np.concatenate([near.rows[:, :N_SHOWN] for _, _, near in parts])
        nearest[:, : shown.shape[1]] = np.where(shown < 0, -1, train[shown])
        return Votes(
            rows=np.concatenate([rows for rows, _, _ in parts]),
            held_out=np.arange(len(inside)) < len(self.sides.held),
            distributions=Distributions(
                **{
                    name: np.concatenate(
                        [
                            getattr(answers.distributions, name)
                            for _, answers, _ in parts
                        ]
                    )
                    for name in ("cnn", "vote", "blend")
                }
            ),
            inside=inside,
            verdicts=give_verdicts(inside, unfamiliar),
            nearest=nearest,
        )


def _rows_of(near: Neighbours, rows: Rows) -> Neighbours:
    """Return the neighbours of some queries."""
    return Neighbours(near.rows[rows], near.similarities[rows])
