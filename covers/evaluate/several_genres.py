"""Measuring every method where genres are independent: average precision, F1, Jaccard, ranking.

Letters: N covers, G genres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.labels import LabelCalibrator, LabelledCovers
from covers.classify.methods import Method
from covers.classify.voting import label_shares
from covers.evaluate import baselines
from covers.evaluate.checks.columns import check_label_columns
from covers.evaluate.checks.figures import check_label_figures
from covers.evaluate.curves import Side, learning_curve
from covers.evaluate.document import SelfCheck, Shuffled
from covers.stats.folds import iterate_folds
from covers.stats.labels.figures import average_precision_by_chance
from covers.stats.labels.metrics import PAIRED, LabelMeasures, measure_labels
from covers.stats.labels.platt import choose_thresholds, log_odds

if TYPE_CHECKING:
    from covers.evaluate.cross_fit import HeldOutFits, Predictions
    from covers.evaluate.document import Growth
    from covers.evaluate.inputs import EvaluationInputs, Sides
    from covers.evaluate.one_genre import Baselines
    from covers.stats.bootstrap import GroupBootstrap

__all__ = [
    "PAIRED",
    "calibrate_baseline",
    "check_order",
    "describe_checks",
    "measure_growth",
    "measure_methods",
]

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

_CURVE_RESAMPLES = 200


def check_order(p: Array, inputs: EvaluationInputs, sides: Sides) -> None:
    """Refuse a network whose columns are in another order than the labels.

    Parameters
    ----------
    p : ndarray of float64, shape (n_held, n_genres)
        What the network says of the measured side, raw.
    inputs : EvaluationInputs
    sides : Sides
    """
    has = inputs.membership[sides.held] > 0
    check_label_columns("the network", p, has, inputs.groups[sides.held], inputs.vocab)


def measure_methods(
    fits: HeldOutFits, held: Predictions, draws: GroupBootstrap, against: Baselines
) -> dict[str, LabelMeasures]:
    """Measure every method and baseline on the measured side, and check each.

    Returns
    -------
    dict of str to LabelMeasures
        In the order of `Method`; baselines without features are missing.
    """
    assert held.named is not None
    inputs, sides = fits.inputs, fits.sides
    has = inputs.membership[sides.held] > 0
    methods = _baselines(fits, against.seed)
    for name, p in held.probabilities.by_method().items():
        methods[name] = (p, held.named[name])
    measured = {}
    for method in Method:
        if method not in methods:
            continue
        p, named = methods[method]
        found = measure_labels(p, named, has, draws=draws)
        check_label_figures(method, found, p, named, has)
        measured[str(method)] = found
    return measured


def _baselines(fits: HeldOutFits, seed: int) -> dict[str, tuple[Array, Flags]]:
    """Return probabilities and names of every baseline on the measured side."""
    found = _guesses(fits, seed)
    for method, raw in _raw_baselines(fits, seed).items():
        found[method] = calibrate_baseline(raw, fits)
    return found


def measure_growth(fits: HeldOutFits, draws: GroupBootstrap, seed: int) -> list[Growth]:
    """Measure the vote with fewer references by its mean average precision, see `learning_curve`."""
    held = Side.of(fits.inputs, fits.sides.held)
    settings = fits.deployed.settings
    has = held.membership > 0
    some = draws.first(_CURVE_RESAMPLES)

    def measure(near: Any, train: Side) -> tuple[dict[str, float], Array]:
        p = label_shares(settings, near, train.membership, train.groups)
        found = measure_labels(p, p >= 1, has, draws=some)
        name = "mean_average_precision"
        return {name: found.values[name]}, found.samples[name]

    return learning_curve(
        held, Side.of(fits.inputs, fits.sides.train), settings, measure, seed=seed
    )


def describe_checks(
    measured: dict[str, LabelMeasures], held: Predictions, membership: Array
) -> SelfCheck:
    """Say what first answers would be worth by chance: many genres a cover make that easy.

    ``first_right_by_chance`` is the rate at which a genre drawn at random is one
    of the cover's, ``mean_average_precision_by_chance`` what rankings in random
    order have on average, ``first_right_if_shuffled`` that at which the method's own
    first answers are right on covers in random order.
    """
    del measured
    has = membership > 0
    by_chance = [average_precision_by_chance(int(n), len(has)) for n in has.sum(axis=0)]
    shuffled = {
        name: float(
            np.bincount(p.argmax(axis=1), minlength=p.shape[1])
            / len(p)
            @ has.mean(axis=0)
        )
        for name, p in held.probabilities.by_method().items()
    }
    return SelfCheck(
        first_right_by_chance=float(has.mean()),
        mean_average_precision_by_chance=float(
            np.mean([p for p, n in zip(by_chance, has.sum(axis=0), strict=True) if n])
        ),
        methods={
            name: Shuffled(first_right_if_shuffled=rate)
            for name, rate in shuffled.items()
        },
    )


def _guesses(fits: HeldOutFits, seed: int) -> dict[str, tuple[Array, Flags]]:
    """Return the baselines that look at no cover: chance and frequency."""
    inputs, sides = fits.inputs, fits.sides
    train = inputs.membership[sides.train] > 0
    shape = (len(sides.held), len(inputs.vocab))
    rng = np.random.default_rng(seed)
    drawn = rng.random(shape)
    # As many names as covers have genres.
    named = drawn > 1 - train.mean()
    named[np.arange(len(drawn)), drawn.argmax(axis=1)] = True
    rates = train.mean(axis=0)
    frequency = np.tile(rates, (shape[0], 1))
    thresholds = choose_thresholds(
        np.tile(rates, (len(train), 1)), train, inputs.groups[sides.train]
    )
    called = frequency >= thresholds
    called[:, rates.argmax()] = True
    return {Method.CHANCE: (drawn, named), Method.FREQUENCY: (frequency, called)}


def _raw_baselines(fits: HeldOutFits, seed: int) -> dict[str, Array]:
    """Return the raw probabilities of each baseline for all covers but the train side's."""
    inputs, sides = fits.inputs, fits.sides
    train = sides.train
    rows = np.arange(len(inputs))
    others = np.setdiff1d(rows, train)
    found: dict[str, Array] = {}
    for method, features in (
        (Method.COLOURS, inputs.colours),
        (Method.FROZEN, inputs.frozen),
    ):
        if features is not None:
            near = baselines.find_by_features(features, others, train, inputs.groups)
            p = baselines.share_plainly(near, inputs.membership[train])
            found[method] = _spread(p, others, len(inputs))
    if inputs.frozen is not None:
        probe = baselines.fit_label_probe(
            inputs.frozen[train],
            inputs.membership[train] > 0,
            inputs.groups[train],
            seed=seed,
        )
        p = probe.predict(inputs.frozen[others])
        found[Method.PROBE] = _spread(p, others, len(inputs))
    return found


def _spread(p: Array, rows: Rows, n_covers: int) -> Array:
    """Put the rows of some covers into an array of all."""
    found = np.full((n_covers, p.shape[1]), 0.5)
    found[rows] = p
    return found


def calibrate_baseline(raw: Array, fits: HeldOutFits) -> tuple[Array, Flags]:
    """Calibrate a baseline and fit its thresholds, as the trained methods are.

    Parameters
    ----------
    raw : ndarray of float64, shape (n_covers, n_genres)
        What it says, in rows of the inputs; those of train covers are not looked at.
    fits : HeldOutFits

    Returns
    -------
    p : ndarray of float64, shape (n_held, n_genres)
    named : ndarray of bool, shape (n_held, n_genres)
    """
    sides, implied = fits.sides, fits.implied
    covers = LabelledCovers(
        has=fits.membership > 0, groups=fits.groups, known=fits.references > 0
    )
    odds = log_odds(raw)
    valid = odds[sides.valid]
    if not sides.crossed:
        calibrator = LabelCalibrator.fit(valid, covers, implied)
        p = calibrator.apply(odds[sides.held], implied)
        return p, calibrator.name(p, implied)
    p, named = np.empty(covers.has.shape), np.empty(covers.has.shape, bool)
    for outside, fold in iterate_folds(fits.folds):
        calibrator = LabelCalibrator.fit(valid[outside], covers.take(outside), implied)
        p[fold] = calibrator.apply(valid[fold], implied)
        named[fold] = calibrator.name(p[fold], implied)
    return p, named
