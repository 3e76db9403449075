"""Everything that is fitted on held-out covers, and the answers that follow.

Letters: N covers, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.classify.classifier import (
    HeldOutCovers,
    OneGenreClassifier,
    Probabilities,
    SeveralGenresClassifier,
)
from covers.classify.decision import Decision, judge_levels
from covers.classify.vote_settings import GroupedGenres, measure_settings
from covers.evaluate.describe import measure_sets
from covers.evaluate.document import Fitted, Sets
from covers.evaluate.inputs import Sides
from covers.evaluate.raw_answers import Asked, RawAnswers, ask, ask_without_folds
from covers.stats.conformal import (
    Familiarity,
    PredictionSets,
    give_verdicts,
)
from covers.stats.folds import group_folds, iterate_folds

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.classify.classifier import Classifier
    from covers.evaluate.inputs import EvaluationInputs
    from covers.stats.conformal import Verdict
    from covers.stats.neighbours import Neighbours

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
        self.p_network = p_network
        n_genres = len(inputs.vocab)
        self.implied = (
            np.zeros((n_genres, n_genres), bool)
            if inputs.implied is None
            else inputs.implied
        )
        self.references = inputs.membership[sides.train]
        self.reference_groups = inputs.groups[sides.train]
        valid = ask(inputs, sides.valid, sides.train, p_network)
        self.near_valid = valid.near
        self.near_held = self.near_valid if sides.crossed else self.find(sides.held)
        self.n_valid = len(sides.valid)
        self.raw = self._raw(valid, with_held_out=False)
        self.membership, self.groups = self.raw.membership, self.raw.groups
        # Voters are chosen on held-out covers alone: across folds there are fewer to ask.
        self.losses = measure_settings(
            self.near_valid,
            GroupedGenres(self.references, self.reference_groups),
            GroupedGenres(self.membership[: self.n_valid], self.groups[: self.n_valid]),
            is_several=inputs.is_several,
        )
        self.folds, self.all_folds = self._deal(self.raw, seed)
        progress()
        everywhere = np.arange(len(self.raw))
        self.deployed = self.fit(self.raw, everywhere)
        progress()
        everyone = self.cross_fit(self.raw, self.all_folds, progress)
        self.sets = self._fit_sets(self.raw, everywhere, everyone)
        self.crossed = everyone.first(self.n_valid)
        self.familiarity = Familiarity.fit(self.near_valid.similarities)

    def _raw(self, valid: Asked, *, with_held_out: bool) -> RawAnswers:
        """Return the raw predictions for the valid covers, and for train covers across folds."""
        others = ask_without_folds(self.inputs, self.sides, with_held_out=with_held_out)
        return RawAnswers(inputs=self.inputs, parts=(valid, *others))

    def _deal(self, raw: RawAnswers, seed: int) -> tuple[Rows, Rows]:
        """Return the fold of each valid cover, and that of each cover that is fitted on, train covers included."""
        n, n_folds, dealt = self.n_valid, N_FOLDS, []
        for some in (slice(n), slice(n, None)):
            groups, membership = raw.groups[some], raw.membership[some]
            if len(groups):
                folds = group_folds(groups, membership, n_folds=n_folds, seed=seed)
                dealt.append(folds)
                n_folds = int(folds.max()) + 1
        return dealt[0], np.concatenate(dealt)

    def find(self, rows: Rows) -> Neighbours:
        """Find the neighbours of some covers among the train covers of other groups."""
        return ask(self.inputs, rows, self.sides.train, self.p_network).near

    def fit(self, raw: RawAnswers, rows: Rows) -> Classifier:
        """Fit a classifier on some of the raw answers; those for valid covers stand first in them."""
        settings = self.losses.best(rows)
        held = HeldOutCovers(
            p_network=raw.p_network[rows],
            p_vote=raw.votes(settings)[rows],
            membership=raw.membership[rows],
            groups=raw.groups[rows],
            references=self.references,
        )
        if self.inputs.is_several:
            return SeveralGenresClassifier.fit(held, settings, self.implied)
        return OneGenreClassifier.fit(held, settings)

    def cross_fit(
        self,
        raw: RawAnswers,
        folds: Rows,
        progress: Callable[[], None] = lambda: None,
    ) -> Predictions:
        """Predict every cover that is fitted on, by fits on the other folds."""
        shape = raw.membership.shape
        found: dict[str, Array] = {}
        named: dict[str, Flags] = {}
        for outside, fold in iterate_folds(folds):
            classifier = self.fit(raw, outside)
            votes = raw.votes(classifier.settings)[fold]
            answers = classifier.apply(raw.p_network[fold], votes)
            for name, p in answers.by_method().items():
                found.setdefault(name, np.empty(shape))[fold] = p
            if isinstance(classifier, SeveralGenresClassifier):
                for name, flags in classifier.name(answers).items():
                    named.setdefault(name, np.empty(shape, bool))[fold] = flags
            progress()
        predictions = Predictions(
            probabilities=Probabilities.of(found),
            inside=np.empty(shape, bool),
            named=named or None,
        )
        for outside, fold in iterate_folds(folds):
            sets = self._fit_sets(raw, outside, predictions)
            predictions.inside[fold] = sets.contains(
                predictions.probabilities.combined[fold], self.level
            )
        return predictions

    def _fit_sets(
        self, raw: RawAnswers, rows: Rows, crossed: Predictions
    ) -> PredictionSets:
        """Fit prediction sets on some of the covers that are fitted on."""
        return PredictionSets.fit(
            crossed.probabilities.combined[rows],
            raw.membership[rows],
            independent=self.inputs.is_several,
        )

    def across_folds(self) -> tuple[RawAnswers, Predictions] | None:
        """Predict every valid and train cover once, by heads and fits that have not seen its group.

        The heads are fitted on all labelled covers but one fold, of which the valid
        split is one.

        Returns
        -------
        tuple of RawAnswers, Predictions, or None
            None where no heads were fitted so.
        """
        raw = self._raw(self.raw.parts[0], with_held_out=True)
        if len(raw.parts) == 1:
            return None
        return raw, self.cross_fit(raw, self.all_folds)

    def predict_held(self) -> Predictions:
        """Predict the covers of the measured side."""
        if self.sides.crossed:
            return self.crossed
        return self.predict(self.sides.held, self.near_held)

    def predict(self, rows: Rows, near: Neighbours) -> Predictions:
        """Predict covers by the fits that the workspace's decision uses."""
        votes = self.deployed.vote_with(
            self.deployed.settings, near, self.references, self.reference_groups
        )
        found = self.deployed.apply(self.p_network[rows], votes)
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

    def measure_sets(self, predictions: Predictions) -> Sets:
        """Measure the prediction sets on the measured side."""
        return measure_sets(
            predictions.inside,
            self.inputs.membership[self.sides.held],
            level=self.level,
            vocab=self.inputs.vocab,
        )

    def report(self) -> Fitted:
        """Say what was fitted."""
        return Fitted(
            vote=self.deployed.settings,
            classifier=self.deployed,
            familiarity=self.familiarity,
            cross_fitted=self.sides.crossed,
            n_folds=int(self.folds.max()) + 1,
            n_across_folds=len(self.membership) - self.n_valid,
        )

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
