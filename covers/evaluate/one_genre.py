"""Measuring every method where one genre is sought: accuracy, F1, confusion, calibration.

Letters: N covers, G genres.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.methods import Method
from covers.classify.voting import vote_with
from covers.evaluate import baselines
from covers.evaluate.checks import check_columns, check_figures, summarise_checks
from covers.evaluate.curves import Side, learning_curve
from covers.stats.calibration.temperature import Temperature
from covers.stats.folds import iterate_folds
from covers.stats.metrics import Measures, measure_method

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.evaluate.cross_fit import HeldOutFits, Predictions
    from covers.evaluate.inputs import EvaluationInputs, Sides
    from covers.stats.bootstrap import GroupBootstrap

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

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


def measure_methods(
    fits: HeldOutFits, held: Predictions, draws: GroupBootstrap, seed: int
) -> dict[str, Measures]:
    """Measure every method and baseline on the measured side, and check each.

    Returns
    -------
    dict of str to Measures
        In the order of `Method`; baselines without features are missing.
    """
    inputs, sides = fits.inputs, fits.sides
    membership = np.asarray(inputs.membership[sides.held], np.float64)
    methods = {**_baselines(fits, seed), **held.probabilities.by_method()}
    measured = {}
    for method in Method:
        if method not in methods:
            continue
        p = methods[method]
        is_chance = method is Method.CHANCE
        found = measure_method(p, membership, draws=draws, guesses=is_chance)
        if not is_chance:
            check_figures(method, found, membership, p)
            check_columns(method, found.confusion, inputs.vocab)
        measured[str(method)] = found
    return measured


def measure_growth(
    fits: HeldOutFits, draws: GroupBootstrap, seed: int
) -> list[dict[str, Any]]:
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
) -> dict[str, Any]:
    """Say for each method how it compares with its own shuffled predictions."""
    del held
    return {"methods": summarise_checks(measured, membership)}


def _baselines(fits: HeldOutFits, seed: int) -> dict[str, Array]:
    """Return the distributions of every baseline on the measured side."""
    inputs, sides = fits.inputs, fits.sides
    references = inputs.membership[sides.train]
    n_held = len(sides.held)
    methods: dict[str, Array] = {
        Method.CHANCE: baselines.guess_uniformly(n_held, len(inputs.vocab)),
        Method.FREQUENCY: baselines.guess_frequency(n_held, references),
    }
    for method, features in (
        (Method.COLOURS, inputs.colours),
        (Method.FROZEN, inputs.frozen),
    ):
        if features is not None:
            methods[method] = _calibrated(partial(_vote_of_side, features, fits), fits)
    if inputs.frozen is not None and len(np.unique(np.nonzero(references)[1])) > 1:
        frozen = inputs.frozen
        probe = baselines.fit_linear_probe(
            frozen[sides.train], references, inputs.groups[sides.train], seed=seed
        )
        methods[Method.PROBE] = _calibrated(
            lambda rows: probe.predict(frozen[rows]), fits
        )
    return methods


def _calibrated(predict: Callable[[Rows], Array], fits: HeldOutFits) -> Array:
    """Calibrate a baseline by a temperature, which leaves its predictions as they are."""
    raw = predict(fits.sides.valid)

    def fit(rows: Rows) -> Temperature:
        return Temperature.fit(raw[rows], fits.membership[rows], fits.groups[rows])

    if not fits.sides.crossed:
        return fit(np.arange(len(raw))).apply(predict(fits.sides.held))
    calibrated = np.empty_like(raw)
    for outside, fold in iterate_folds(fits.folds):
        calibrated[fold] = fit(outside).apply(raw[fold])
    return calibrated


def _vote_of_side(
    features: npt.NDArray[np.float32], fits: HeldOutFits, rows: Rows
) -> Array:
    """Let the nearest train covers vote on some rows."""
    inputs, train = fits.inputs, fits.sides.train
    near = baselines.find_by_features(features, rows, train, inputs.groups)
    return baselines.vote_plainly(near, inputs.membership[train])
