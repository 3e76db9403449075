"""Everything that is fitted on held-out covers, and the answers that follow.

Letters: N covers, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.classifier import (
    HeldOutCovers,
    OneGenreClassifier,
    Probabilities,
    SeveralGenresClassifier,
)
from covers.classify.decision import Decision, judge_levels
from covers.classify.vote_settings import (
    VOTER_COUNTS,
    GroupedGenres,
    measure_settings,
)
from covers.evaluate.checks import check_references
from covers.evaluate.inputs import Sides
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
    from covers.evaluate.inputs import EvaluationInputs
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

    def first(self, n_covers: int) -> Predictions:
        """Return the predictions for the first covers."""
        by_method = self.probabilities.by_method()
        return Predictions(
            probabilities=Probabilities.of(
                {name: p[:n_covers] for name, p in by_method.items()}
            ),
            inside=self.inside[:n_covers],
            named=self.named
            and {name: flags[:n_covers] for name, flags in self.named.items()},
        )


class HeldOutFits:
    """Everything fitted on the valid split, and cross-fitted answers for it.

    Where heads answered for train covers that they had not seen
    (`EvaluationInputs.crossed_folds`), these answers are fitted on too, as further
    rows behind those of the valid split: the valid split of a library of fifty artists
    are ten, and ten artists do not say how far an eleventh can be trusted.

    Parameters
    ----------
    inputs : EvaluationInputs
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
        p_network: Array,
        *,
        level: float,
        seed: int = 0,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        sides = Sides.find(inputs.splits)
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
        self.n_valid = len(sides.valid)
        crossed, near, p_crossed = self._across_folds()
        self.near = _stack(self.near_valid, near)
        self.p_rows = np.concatenate([p_network[sides.valid], p_crossed])
        rows = np.concatenate([sides.valid, crossed])
        self.membership = np.asarray(inputs.membership[rows], np.float64)
        self.groups = inputs.groups[rows]
        # Voters are chosen on held-out covers alone: across folds there are fewer to ask.
        self.losses = measure_settings(
            self.near_valid,
            GroupedGenres(self.references, self.reference_groups),
            GroupedGenres(self.membership[: self.n_valid], self.groups[: self.n_valid]),
            is_several=inputs.is_several,
        )
        self.folds, self.all_folds = self._deal(seed)
        progress()
        self.deployed = self.fit(np.arange(len(rows)))
        progress()
        everyone = self.cross_fit()
        self.sets = self._fit_sets(np.arange(len(rows)), everyone)
        self.crossed = everyone.first(self.n_valid)
        self.familiarity = Familiarity.fit(self.near_valid.similarities)

    def _deal(self, seed: int) -> tuple[Rows, Rows]:
        """Return the fold of each valid cover, and that of each cover that is fitted on, train covers included."""
        n, n_folds, dealt = self.n_valid, N_FOLDS, []
        for some in (slice(n), slice(n, None)):
            groups, membership = self.groups[some], self.membership[some]
            if len(groups):
                folds = group_folds(groups, membership, n_folds=n_folds, seed=seed)
                dealt.append(folds)
                n_folds = int(folds.max()) + 1
        return dealt[0], np.concatenate(dealt)

    def find(self, rows: Rows) -> Neighbours:
        """Find the neighbours of some covers among the train covers of other groups."""
        near = find_neighbours(
            self.inputs.embeddings[rows],
            self.inputs.embeddings[self.sides.train],
            k=self._n_candidates(),
            query_groups=self.inputs.groups[rows],
            reference_groups=self.reference_groups,
        )
        check_references(near, self.inputs.groups[rows], self.reference_groups)
        return near

    def _n_candidates(self) -> int:
        """Return how many neighbours are looked up, of which some may vote."""
        repeats = len(np.unique(self.reference_groups)) < len(self.reference_groups)
        k = max(VOTER_COUNTS) * (3 if repeats else 1)
        return min(k, len(self.sides.train))

    def _across_folds(self) -> tuple[Rows, Neighbours, Array]:
        """Return the train covers predicted by heads fitted without them, their neighbours and these predictions.

        Neighbours are sought among the covers that the same head was fitted on, which
        are those of the other folds.
        """
        inputs, train = self.inputs, self.sides.train
        k = self._n_candidates()
        folds, embeddings = inputs.crossed_folds, inputs.crossed_embeddings
        if folds is None or embeddings is None or inputs.crossed_p is None:
            nothing = np.zeros(0, np.int64)
            slots = np.zeros((0, k))
            empty = Neighbours(slots.astype(np.int64), slots.astype(np.float32))
            return nothing, empty, np.zeros((0, self.p_network.shape[1]))
        rows = np.full((len(train), k), -1, np.int64)
        similarities = np.full((len(train), k), np.nan, np.float32)
        for outside, inside in iterate_folds(folds[train]):
            fold = int(folds[train[inside[0]]])
            near = find_neighbours(
                embeddings[train[inside], fold].astype(np.float32),
                embeddings[train[outside], fold].astype(np.float32),
                k=min(k, len(outside)),
                query_groups=self.reference_groups[inside],
                reference_groups=self.reference_groups[outside],
            )
            width = near.rows.shape[1]
            rows[inside, :width] = np.where(near.rows < 0, -1, outside[near.rows])
            similarities[inside, :width] = near.similarities
        found = Neighbours(rows, similarities)
        check_references(found, self.reference_groups, self.reference_groups)
        return train, found, np.asarray(inputs.crossed_p[train], np.float64)

    def fit(self, rows: Rows) -> Classifier:
        """Fit a classifier on some of the valid covers and cross-predicted train covers, given as rows of both in turn."""
        settings = self.losses.best(rows)
        kind = SeveralGenresClassifier if self.inputs.is_several else OneGenreClassifier
        votes = kind.vote_with(
            settings,
            _rows_of(self.near, rows),
            self.references,
            self.reference_groups,
        )
        held = HeldOutCovers(
            p_network=self.p_rows[rows],
            p_vote=votes,
            membership=self.membership[rows],
            groups=self.groups[rows],
            references=self.references,
        )
        if self.inputs.is_several:
            return SeveralGenresClassifier.fit(held, settings, self.implied)
        return OneGenreClassifier.fit(held, settings)

    def apply(
        self, classifier: Classifier, p_network: Array, near: Neighbours
    ) -> Probabilities:
        """Return the probabilities of some covers, by what the network says and their neighbours."""
        votes = classifier.vote_with(
            classifier.settings, near, self.references, self.reference_groups
        )
        return classifier.apply(p_network, votes)

    def cross_fit(self) -> Predictions:
        """Predict every cover that is fitted on, by fits on the other folds."""
        shape = self.membership.shape
        found: dict[str, Array] = {}
        named: dict[str, Flags] = {}
        for outside, fold in iterate_folds(self.all_folds):
            classifier = self.fit(outside)
            near = _rows_of(self.near, fold)
            answers = self.apply(classifier, self.p_rows[fold], near)
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
        for outside, fold in iterate_folds(self.all_folds):
            sets = self._fit_sets(outside, predictions)
            predictions.inside[fold] = sets.contains(
                predictions.probabilities.combined[fold], self.level
            )
        return predictions

    def _fit_sets(self, rows: Rows, crossed: Predictions) -> PredictionSets:
        """Fit prediction sets on some rows of the valid split."""
        return PredictionSets.fit(
            crossed.probabilities.combined[rows],
            self.membership[rows],
            independent=self.inputs.is_several,
        )

    def predict_held(self) -> Predictions:
        """Predict the covers of the measured side."""
        if self.sides.crossed:
            return self.crossed
        return self.predict(self.sides.held, self.near_held)

    def predict(self, rows: Rows, near: Neighbours) -> Predictions:
        """Predict covers by the fits that the workspace's decision uses."""
        found = self.apply(self.deployed, self.p_network[rows], near)
        return Predictions(
            probabilities=found,
            inside=self.sets.contains(found.combined, self.level),
            named=self.deployed.name(found)
            if isinstance(self.deployed, SeveralGenresClassifier)
            else None,
        )

    def decision(self) -> Decision:
        """Return the decision by which pictures are classified: classifier, prediction sets, familiarity."""
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
            "n_across_folds": len(self.membership) - self.n_valid,
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


def _stack(first: Neighbours, second: Neighbours) -> Neighbours:
    """Return the neighbours of two sets of queries below one another."""
    return Neighbours(
        np.concatenate([first.rows, second.rows]),
        np.concatenate([first.similarities, second.similarities]),
    )
