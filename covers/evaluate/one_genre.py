"""Measuring every method where one genre is sought: accuracy, F1, confusion, calibration.

Letters: N covers, G genres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.methods import Method
from covers.classify.voting import vote_with
from covers.evaluate import baselines
from covers.evaluate.checks.columns import check_columns
from covers.evaluate.checks.figures import check_figures, summarise_checks
from covers.evaluate.curves import Side, learning_curve
from covers.evaluate.document import SelfCheck
from covers.stats.calibration.temperature import Temperature
from covers.stats.folds import iterate_folds
from covers.stats.metrics import Measures, measure_method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from covers.evaluate.cross_fit import HeldOutFits, Predictions
    from covers.evaluate.document import Growth
    from covers.evaluate.inputs import EvaluationInputs, Sides
    from covers.evaluate.raw_answers import RawAnswers
    from covers.stats.bootstrap import GroupBootstrap

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Reader = Callable[[Rows], Array]

PAIRED = ("macro_f1", "accuracy")
"""Figures that methods are compared by, the first of them first."""


def check_order(p: Array, inputs: EvaluationInputs, sides: Sides) -> None:
    """Refuse a network whose columns are in another order than the labels.

    Parameters
    ----------
    p : ndarray of float64, shape (n_held, n_genres)
        What the network says of the measured side, raw.
    inputs : EvaluationInputs
    sides : Sides
    """
    raw = measure_method(p, inputs.membership[sides.held])
    check_columns("the network", raw.confusion, inputs.vocab)


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """What every result must be compared with, fitted on the same covers as the network.

    Parameters
    ----------
    fits : HeldOutFits
    seed : int
    """

    fits: HeldOutFits
    seed: int

    @cached_property
    def of_train(self) -> tuple[dict[str, Reader], float | None]:
        """Baselines on the train side, by their names, and the penalty of the linear probe."""
        return self._read(self.fits.sides.train, None)

    def held(self) -> dict[str, Array]:
        """Return the distributions of every baseline on the measured side, calibrated on the valid split."""
        fits, sides = self.fits, self.fits.sides
        membership, groups = fits.membership, fits.groups
        found = self._guess(len(sides.held), sides.train)
        for name, read in self.of_train[0].items():
            raw = read(sides.valid)
            n = len(raw)
            if sides.crossed:
                found[name] = _calibrated(raw, membership[:n], groups[:n], fits.folds)
            else:
                fitted = Temperature.fit(raw, membership[:n], groups[:n])
                found[name] = fitted.apply(read(sides.held))
        return found

    def across(self, answers: RawAnswers) -> dict[str, Array]:
        """Return the same for covers that were predicted fold by fold, each by baselines without its fold.

        The penalty of the linear probe is that of the train side.
        """
        readers, penalty = self.of_train
        found: dict[str, list[Array]] = {}
        for number, part in enumerate(answers.parts):
            if number:
                readers, _ = self._read(part.references, penalty)
            guesses = self._guess(len(part.rows), part.references)
            read = {name: one(part.rows) for name, one in readers.items()}
            for name, p in {**guesses, **read}.items():
                found.setdefault(name, []).append(p)
        whole = {name: np.concatenate(parts) for name, parts in found.items()}
        for name in self.of_train[0]:
            whole[name] = _calibrated(
                whole[name], answers.membership, answers.groups, self.fits.all_folds
            )
        return whole

    def _guess(self, n_covers: int, references: Rows) -> dict[str, Array]:
        """Return the baselines that look at no cover: chance and frequency."""
        inputs = self.fits.inputs
        known = inputs.membership[references]
        return {
            str(Method.CHANCE): baselines.guess_uniformly(n_covers, len(inputs.vocab)),
            str(Method.FREQUENCY): baselines.guess_frequency(n_covers, known),
        }

    def _read(
        self, references: Rows, penalty: float | None
    ) -> tuple[dict[str, Reader], float | None]:
        """Return the functions that predict genres from features, and the penalty of the linear probe."""
        inputs = self.fits.inputs
        known = inputs.membership[references]
        found: dict[str, Reader] = {}

        def vote_by(features: npt.NDArray[np.float32]) -> Reader:
            def read(rows: Rows) -> Array:
                near = baselines.find_by_features(
                    features, rows, references, inputs.groups
                )
                return baselines.vote_plainly(near, known)

            return read

        if inputs.colours is not None:
            found[str(Method.COLOURS)] = vote_by(inputs.colours)
        frozen = inputs.frozen
        if frozen is None:
            return found, penalty
        found[str(Method.FROZEN)] = vote_by(frozen)
        if len(np.unique(np.nonzero(known)[1])) > 1:
            probe = baselines.fit_linear_probe(
                frozen[references],
                known,
                inputs.groups[references],
                penalty=penalty,
                seed=self.seed,
            )
            penalty = probe.penalty
            found[str(Method.PROBE)] = lambda rows: probe.predict(frozen[rows])
        return found, penalty


def measure_methods(
    fits: HeldOutFits, held: Predictions, draws: GroupBootstrap, against: Baselines
) -> dict[str, Measures]:
    """Measure every method and baseline on the measured side, and check each.

    Returns
    -------
    dict of str to Measures
        In the order of `Method`; baselines without features are missing.
    """
    methods = {**against.held(), **held.probabilities.by_method()}
    membership = np.asarray(fits.inputs.membership[fits.sides.held], np.float64)
    measured = _measure(methods, membership, draws)
    for name, found in measured.items():
        if name != Method.CHANCE:
            check_columns(name, found.confusion, fits.inputs.vocab)
    return measured


def measure_across(
    answers: RawAnswers,
    found: Predictions,
    draws: GroupBootstrap,
    against: Baselines,
) -> dict[str, Measures]:
    """Measure the same on covers that were each answered without their fold; see `measure_methods`."""
    methods = {**against.across(answers), **found.probabilities.by_method()}
    return _measure(methods, answers.membership, draws)


def _measure(
    methods: Mapping[str, Array], membership: Array, draws: GroupBootstrap
) -> dict[str, Measures]:
    """Measure distributions of covers, by the methods' names."""
    measured = {}
    for method in Method:
        if method not in methods:
            continue
        p = methods[method]
        is_chance = method is Method.CHANCE
        found = measure_method(p, membership, draws=draws, guesses=is_chance)
        if not is_chance:
            check_figures(method, found, membership, p)
        measured[str(method)] = found
    return measured


def _calibrated(raw: Array, membership: Array, groups: Rows, folds: Rows) -> Array:
    """Calibrate by a temperature fitted on the other folds, which leaves predictions as they are."""
    calibrated = np.empty_like(raw)
    for outside, fold in iterate_folds(folds):
        fitted = Temperature.fit(raw[outside], membership[outside], groups[outside])
        calibrated[fold] = fitted.apply(raw[fold])
    return calibrated


def measure_growth(fits: HeldOutFits, draws: GroupBootstrap, seed: int) -> list[Growth]:
    """Measure the vote with fewer references, see `learning_curve`."""
    held = Side.of(fits.inputs, fits.sides.held)
    settings = fits.deployed.settings

    def measure(near: Any, train: Side) -> tuple[dict[str, float], Array]:
        votes = vote_with(settings, near, train.membership, train.groups)
        found = measure_method(votes, held.membership, draws=draws)
        return {name: found.values[name] for name in PAIRED}, found.samples["macro_f1"]

    return learning_curve(
        held, Side.of(fits.inputs, fits.sides.train), settings, measure, seed=seed
    )


def describe_checks(
    measured: dict[str, Measures], held: Predictions, membership: Array
) -> SelfCheck:
    """Say for each method how it compares with its own shuffled predictions."""
    del held
    return SelfCheck(methods=summarise_checks(measured, membership))
