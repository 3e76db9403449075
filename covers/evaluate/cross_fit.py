"""Everything that is fitted on held-out covers, and the answers that follow.

Letters: N covers, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.classifier import (
    Decision,
    HeldOutCovers,
    OneGenreClassifier,
    Probabilities,
    SeveralGenresClassifier,
    judge_levels,
)
from covers.classify.voting import VOTER_COUNTS, measure_settings
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
    from collections.abc import Callable

    from covers.classify.classifier import Classifier
    from covers.evaluate.inputs import EvaluationInputs, Sides
    from covers.stats.conformal import Verdict

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

N_SHOWN = 5
N_FOLDS = 5
_MOST_TRAIN_VOTES = 20_000


@dataclass(frozen=True, kw_only=True)
class Votes:
    """Calibrated answers for covers of the catalogue.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        Row of each in the inputs.
    held_out : ndarray of bool, shape (n,)
        Whether it is on the measured side.
    probabilities : Probabilities
    inside : ndarray of bool, shape (n, n_genres)
    verdicts : list of Verdict
    nearest : ndarray of int64, shape (n, 5)
        Rows of the nearest references in the inputs; ``-1`` where there are fewer.
    """

    rows: Rows
    held_out: Flags
    probabilities: Probabilities
    inside: Flags
    verdicts: list[Verdict]
    nearest: Rows


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Probabilities and sets of some covers; of independent genres, those that each method names too."""

    probabilities: Probabilities
    inside: Flags
    named: dict[str, Flags] | None = None


class HeldOutFits:
    """Everything fitted on the valid side, and cross-fitted answers for it.

    Parameters
    ----------
    inputs : EvaluationInputs
    sides : Sides
    p_network : ndarray of float64, shape (n_covers, n_genres)
        Of the inputs, in columns of their vocabulary.
    level : float
        Of the prediction sets.
    progress : callable, optional
        Called after each of ``N_FOLDS + 2`` steps.
    """

    def __init__(
        self,
        inputs: EvaluationInputs,
        sides: Sides,
        p_network: Array,
        *,
        level: float,
        seed: int = 0,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        self.inputs, self.sides, self.level = inputs, sides, level
        self.p_network, self.progress = p_network, progress
        n_genres = len(inputs.vocab)
        self.implied = (
            np.zeros((n_genres, n_genres), bool)
            if inputs.implied is None
            else inputs.implied
        )
        self.references = inputs.membership[sides.train]
        self.reference_groups = inputs.groups[sides.train]
        self.near_valid = self.find(sides.valid)
        self.near_held = self.near_valid if sides.crossed else self.find(sides.held)
        self.membership = np.asarray(inputs.membership[sides.valid], np.float64)
        self.groups = inputs.groups[sides.valid]
        self.losses = measure_settings(
            self.near_valid,
            self.references,
            self.membership,
            self.reference_groups,
            self.groups,
            is_several=inputs.is_several,
        )
        self.folds = group_folds(
            self.groups, self.membership, n_folds=N_FOLDS, seed=seed
        )
        progress()
        self.deployed = self.fit(np.arange(len(sides.valid)))
        progress()
        self.crossed = self.cross_fit()
        self.sets = self._fit_sets(np.arange(len(sides.valid)), self.crossed)
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

    def fit(self, rows: Rows) -> Classifier:
        """Fit on some rows of the valid side."""
        settings = self.losses.best(rows)
        kind = SeveralGenresClassifier if self.inputs.is_several else OneGenreClassifier
        votes = kind.vote_with(
            settings,
            _rows_of(self.near_valid, rows),
            self.references,
            self.reference_groups,
        )
        held = HeldOutCovers(
            p_network=self.p_network[self.sides.valid[rows]],
            p_vote=votes,
            membership=self.membership[rows],
            groups=self.groups[rows],
            references=self.references,
        )
        if self.inputs.is_several:
            return SeveralGenresClassifier.fit(held, settings, self.implied)
        return OneGenreClassifier.fit(held, settings)

    def apply(
        self, classifier: Classifier, rows: Rows, near: Neighbours
    ) -> Probabilities:
        """Return the probabilities of some covers (rows of the inputs)."""
        votes = classifier.vote_with(
            classifier.settings, near, self.references, self.reference_groups
        )
        return classifier.apply(self.p_network[rows], votes)

    def cross_fit(self) -> Predictions:
        """Answer for every valid cover with fits on the other folds."""
        shape = self.membership.shape
        found: dict[str, Array] = {}
        named: dict[str, Flags] = {}
        for outside, fold in iterate_folds(self.folds):
            classifier = self.fit(outside)
            near = _rows_of(self.near_valid, fold)
            answers = self.apply(classifier, self.sides.valid[fold], near)
            for name, p in answers.by_method().items():
                found.setdefault(name, np.empty(shape))[fold] = p
            if isinstance(classifier, SeveralGenresClassifier):
                for name, flags in classifier.name(answers).items():
                    named.setdefault(name, np.empty(shape, bool))[fold] = flags
            self.progress()
        predictions = Predictions(
            probabilities=Probabilities.of(found),
            inside=np.empty(shape, bool),
            named=named or None,
        )
        for outside, fold in iterate_folds(self.folds):
            sets = self._fit_sets(outside, predictions)
            predictions.inside[fold] = sets.contains(
                predictions.probabilities.combined[fold], self.level
            )
        return predictions

    def _fit_sets(self, rows: Rows, crossed: Predictions) -> PredictionSets:
        """Fit prediction sets on some rows of the valid side."""
        return PredictionSets.fit(
            crossed.probabilities.combined[rows],
            self.membership[rows],
            independent=self.inputs.is_several,
        )

    def predict_held(self) -> Predictions:
        """Answer for the measured side."""
        if self.sides.crossed:
            return self.crossed
        return self.predict(self.sides.held, self.near_held)

    def predict(self, rows: Rows, near: Neighbours) -> Predictions:
        """Answer with the deployed fits."""
        found = self.apply(self.deployed, rows, near)
        return Predictions(
            probabilities=found,
            inside=self.sets.contains(found.combined, self.level),
            named=self.deployed.name(found)
            if isinstance(self.deployed, SeveralGenresClassifier)
            else None,
        )

    def decision(self) -> Decision:
        """Return what classification needs."""
        return Decision(
            vocab=self.inputs.vocab,
            classifier=self.deployed,
            sets=self.sets,
            familiarity=self.familiarity,
        )

    def set_report(self, predictions: Predictions) -> dict[str, Any]:
        """Measure the prediction sets on the measured side."""
        return set_report(
            predictions.inside,
            self.inputs.membership[self.sides.held],
            level=self.level,
            vocab=self.inputs.vocab,
        )

    def report(self) -> dict[str, Any]:
        """Say what was fitted, in JSON values."""
        return {
            **self.deployed.to_json(),
            "familiarity": self.familiarity.to_json(),
            "cross_fitted": self.sides.crossed,
            "n_folds": int(self.folds.max()) + 1,
        }

    def votes(self, held: Predictions) -> Votes:
        """Gather the answers of every side, the measured one first."""
        parts = [(self.sides.held, held, self.near_held)]
        if not self.sides.crossed:
            parts.append((self.sides.valid, self.crossed, self.near_valid))
        train = self.sides.train
        if len(train) <= _MOST_TRAIN_VOTES:
            near = self.find(train)
            parts.append((train, self.predict(train, near), near))
        inside = np.concatenate([found.inside for _, found, _ in parts])
        unfamiliar = np.concatenate(
            [self.familiarity.is_unfamiliar(near.similarities) for _, _, near in parts]
        )
        nearest = np.full((len(inside), N_SHOWN), -1, np.int64)
        shown = np.concatenate([near.rows[:, :N_SHOWN] for _, _, near in parts])
        nearest[:, : shown.shape[1]] = np.where(shown < 0, -1, train[shown])
        by_method = [found.probabilities.by_method() for _, found, _ in parts]
        found = Probabilities.of(
            {
                name: np.concatenate([one[name] for one in by_method])
                for name in by_method[0]
            }
        )
        return Votes(
            rows=np.concatenate([rows for rows, _, _ in parts]),
            held_out=np.arange(len(inside)) < len(self.sides.held),
            probabilities=found,
            inside=inside,
            verdicts=judge_levels(found.combined, unfamiliar, self.implied, self.level)
            if self.inputs.is_several
            else give_verdicts(inside, unfamiliar),
            nearest=nearest,
        )


def _rows_of(near: Neighbours, rows: Rows) -> Neighbours:
    """Return the neighbours of some queries."""
    return Neighbours(near.rows[rows], near.similarities[rows])
