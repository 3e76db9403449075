"""The honest evaluation: every method and baseline on covers none of them has seen.

The network, the references of the vote and the linear probe know the train side
only. What is fitted afterwards (k, temperature, calibrators, blend, conformal
scores) is fitted on the valid side. Where valid is also the side that is
measured, those fits are cross-fitted over folds that keep groups together: no
cover is measured with anything that was fitted on its own group. Letters: N
covers, G genres, D dimensions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from covers.classify.classifier import DEFAULT_LEVEL, Decision
from covers.evaluate import baselines
from covers.evaluate.checks import (
    align_columns,
    check_columns,
    check_figures,
    check_sides,
    find_twins,
    summarise_checks,
)
from covers.evaluate.conclusions import draw_conclusions
from covers.evaluate.cross_fit import HeldOutFits, Votes
from covers.evaluate.curves import coverage_curve, learning_curve
from covers.evaluate.inputs import EvaluationInputs, Sides
from covers.evaluate.labels import evaluate_labels
from covers.stats.bootstrap import GroupBootstrap, percentile_interval
from covers.stats.calibration import Temperature
from covers.stats.folds import group_folds, iterate_folds
from covers.stats.metrics import Measures, log_losses, measure_method

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]

METHODS = (
    "chance",
    "majority",
    "colour_knn",
    "frozen_knn",
    "linear_probe",
    "cnn",
    "vote",
    "blend",
)
_TOP_LOSSES = 24


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What an evaluation found.

    Parameters
    ----------
    payload : dict
        The JSON document, figures and conclusions.
    decision : Decision
        Fitted on the whole valid side, for ``covers classify``.
    votes : Votes
    inputs : EvaluationInputs
    """

    payload: dict[str, Any]
    decision: Decision
    votes: Votes
    inputs: EvaluationInputs


def evaluate_arrays(
    inputs: EvaluationInputs,
    *,
    seed: int = 0,
    n_bootstraps: int = 1000,
    level: float = DEFAULT_LEVEL,
    leakage: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure every method and baseline and fit what classification needs.

    Parameters
    ----------
    inputs : EvaluationInputs
    seed : int, default=0
        Of folds, resamples and subsets; the same seed gives the same numbers.
    n_bootstraps : int, default=1000
        Resamples of groups behind every interval.
    level : float, default=0.9
        Rate at which prediction sets shall hold the truth.
    leakage : bool, default=False
        Also measure what a split that ignores groups would have claimed.
    progress : callable, optional
        Called with (steps done, steps in all).

    Raises
    ------
    DataError
        If the split leaks, or a figure does not pass its own check.
    StaleError
        If the network knows other genres.
    """
    n_steps = 6 + leakage

    def step(done: int) -> None:
        if progress is not None:
            progress(done, n_steps)

    step(0)
    inputs = inputs.labelled()
    check_sides(inputs.cover_ids, inputs.groups, inputs.splits)
    sides = Sides.find(inputs.splits)
    p_cnn = np.asarray(inputs.p_cnn, np.float64)
    p_cnn = p_cnn[:, align_columns(inputs.vocab, inputs.model_vocab)]
    # Raw, because a calibrator could bring exchanged columns back into order and hide it.
    raw = measure_method(p_cnn[sides.held], inputs.membership[sides.held])
    check_columns("the network", raw.confusion, inputs.vocab)
    fits = HeldOutFits(inputs, sides, p_cnn, level=level, seed=seed)
    step(1)
    held_answers = fits.answers_held()
    step(2)
    methods = _baselines(inputs, sides, seed=seed)
    for name in ("cnn", "vote", "blend"):
        methods[name] = getattr(held_answers.distributions, name)
    step(3)
    truth = np.asarray(inputs.membership[sides.held], np.float64)
    draws = GroupBootstrap.draw(
        inputs.groups[sides.held], n_bootstraps=n_bootstraps, seed=seed
    )
    labels: dict[str, Any] = {}
    reader = None
    if inputs.p_labels is not None:
        columns = align_columns(inputs.vocab, inputs.model_vocab)
        p_labels = np.asarray(inputs.p_labels, np.float64)[:, columns]
        labels["labels"], reader = evaluate_labels(inputs, p_labels, fits, draws)
    measured: dict[str, Measures] = {}
    for name in METHODS:
        if name in methods:
            chance = name == "chance"
            measured[name] = measure_method(
                methods[name], truth, draws=draws, guesses=chance
            )
            if not chance:
                check_figures(name, measured[name], truth, methods[name])
                check_columns(name, measured[name].confusion, inputs.vocab)
    step(4)
    blend = methods["blend"]
    right = truth[np.arange(len(truth)), blend.argmax(axis=1)] > 0
    payload: dict[str, Any] = {
        "split": {
            "n_train": len(sides.train),
            "n_valid": len(sides.valid),
            "n_test": 0 if sides.crossed else len(sides.held),
            "measured": "valid" if sides.crossed else "test",
            "n_groups": draws.n_groups,
            "grouped_by": inputs.grouped_by,
        },
        "genres": list(inputs.vocab),
        "methods": {
            name: found.to_json(inputs.vocab) for name, found in measured.items()
        },
        **labels,
        "differences": _differences(measured),
        "sets": fits.set_report(held_answers),
        "fitted": fits.report(),
        "coverage_accuracy": coverage_curve(
            blend.max(axis=1), right.astype(np.float64), draws=draws
        ),
        "learning_curve": learning_curve(
            inputs.embeddings[sides.held],
            inputs.embeddings[sides.train],
            truth,
            inputs.membership[sides.train],
            query_groups=inputs.groups[sides.held],
            reference_groups=inputs.groups[sides.train],
            settings=fits.deployed.settings,
            draws=draws,
            seed=seed,
        ),
        "top_losses": _top_losses(inputs, sides.held, blend, truth),
        "self_check": {
            "passed": True,
            "methods": summarise_checks(
                {name: p for name, p in methods.items() if name != "chance"},
                truth,
                measured,
            ),
            "twins": [
                inputs.cover_ids[sides.held[row]] for row in find_twins(fits.near_held)
            ],
        },
    }
    step(5)
    if leakage:
        from covers.evaluate.leakage import measure_all_leakage

        payload["leakage"] = measure_all_leakage(
            inputs, n_bootstraps=n_bootstraps, seed=seed
        )
        step(6)
    votes = fits.votes(held_answers)
    payload["conclusions"] = draw_conclusions(payload)
    step(n_steps)
    return Evaluation(
        payload=payload,
        decision=replace(fits.decision(), labels=reader),
        votes=votes,
        inputs=inputs,
    )


def _baselines(
    inputs: EvaluationInputs, sides: Sides, *, seed: int
) -> dict[str, Array]:
    """Return the distributions of every baseline on the measured side."""
    references = inputs.membership[sides.train]
    groups = inputs.groups
    methods = {
        "chance": baselines.guess_uniformly(len(sides.held), len(inputs.vocab)),
        "majority": baselines.guess_majority(len(sides.held), references),
    }
    for name, features in (
        ("colour_knn", inputs.colours),
        ("frozen_knn", inputs.frozen),
    ):
        if features is not None:
            methods[name] = _calibrated(
                partial(_vote_of_side, features, inputs, sides),
                inputs,
                sides,
                seed=seed,
            )
    if inputs.frozen is not None and len(np.unique(np.nonzero(references)[1])) > 1:
        frozen = inputs.frozen
        probe = baselines.fit_linear_probe(
            frozen[sides.train], references, groups[sides.train], seed=seed
        )
        methods["linear_probe"] = _calibrated(
            lambda rows: probe.predict(frozen[rows]), inputs, sides, seed=seed
        )
    return methods


def _calibrated(
    predict: Callable[[Rows], Array],
    inputs: EvaluationInputs,
    sides: Sides,
    *,
    seed: int,
) -> Array:
    """Calibrate a baseline by a temperature, which leaves its predictions as they are."""
    raw = predict(sides.valid)
    truth = np.asarray(inputs.membership[sides.valid], np.float64)
    groups = inputs.groups[sides.valid]

    def fit(rows: Rows) -> Any:
        return Temperature.fit(raw[rows], truth[rows], groups[rows])

    if not sides.crossed:
        found: Array = fit(np.arange(len(raw))).apply(predict(sides.held))
        return found
    calibrated = np.empty_like(raw)
    for outside, fold in iterate_folds(group_folds(groups, truth, seed=seed)):
        calibrated[fold] = fit(outside).apply(raw[fold])
    return calibrated


def _differences(measured: dict[str, Measures]) -> list[dict[str, Any]]:
    """Compare every pair of methods on the same resamples."""
    rows = []
    for a, b in itertools.combinations(reversed(list(measured)), 2):
        row: dict[str, Any] = {"a": a, "b": b}
        for figure, ends in (("macro_f1", "ci95"), ("accuracy", "ci95_accuracy")):
            row[figure] = measured[a].values[figure] - measured[b].values[figure]
            gap = measured[a].samples[figure] - measured[b].samples[figure]
            row[ends] = percentile_interval(gap).as_list()
        rows.append(row)
    return rows


def _top_losses(
    inputs: EvaluationInputs, held: Rows, p: Array, truth: Array
) -> list[dict[str, Any]]:
    """Return the covers that the blend reads wrong with the greatest loss."""
    wrong = truth[np.arange(len(p)), p.argmax(axis=1)] == 0
    losses = np.where(wrong, log_losses(p, truth), -np.inf)
    rows = []
    for row in np.argsort(-losses, kind="stable")[: min(_TOP_LOSSES, wrong.sum())]:
        predicted = int(p[row].argmax())
        rows.append(
            {
                "cover_id": inputs.cover_ids[held[row]],
                "genres": [inputs.vocab[j] for j in np.flatnonzero(truth[row])],
                "predicted": inputs.vocab[predicted],
                "p_predicted": float(p[row, predicted]),
                "p_true": float((p[row] * truth[row]).sum()),
                "log_loss": float(losses[row]),
            }
        )
    return rows


def _vote_of_side(
    features: npt.NDArray[np.float32],
    inputs: EvaluationInputs,
    sides: Sides,
    rows: Rows,
) -> Array:
    """Let the nearest train covers vote on some rows."""
    return baselines.vote_on_features(
        features[rows],
        features[sides.train],
        inputs.membership[sides.train],
        query_groups=inputs.groups[rows],
        reference_groups=inputs.groups[sides.train],
    )
