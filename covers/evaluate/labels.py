"""How well genres are named where a cover may have several independent ones.

Letters: N covers, G genres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.labels import METHODS, LabelReader, fit_labels
from covers.classify.voting import label_shares
from covers.stats.bootstrap import percentile_interval
from covers.stats.folds import iterate_folds
from covers.stats.metrics import reliability_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.evaluate.cross_fit import HeldOutFits
    from covers.evaluate.inputs import EvaluationInputs
    from covers.stats.bootstrap import GroupBootstrap

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_MOST_RESAMPLES = 200


def measure_labels(
    p: Array,
    named: Flags,
    truth: Flags,
    *,
    draws: GroupBootstrap | None = None,
    vocab: Sequence[str],
) -> dict[str, Any]:
    """Measure named genres and probabilities, as scikit-learn defines the figures.

    Parameters
    ----------
    p : ndarray of float64, shape (n_covers, n_genres)
    named, truth : ndarray of bool, shape (n_covers, n_genres)
    draws : GroupBootstrap, optional
        Resamples of the same covers, for the intervals.
    vocab : sequence of str

    Returns
    -------
    dict
        ``mean_average_precision`` (over genres that any cover has),
        ``macro_f1`` (over the same), ``micro_f1``, ``coverage`` (share of the covers' genres
        that are named), ``named_per_cover``, ``ece`` (all genres together),
        ``ci95`` of the first two, and ``per_genre``.
    """
    hits = (named & truth).sum(axis=0)
    present = truth.any(axis=0)
    either = named.sum(axis=0) + truth.sum(axis=0)
    f1 = 2 * hits / np.maximum(either, 1)
    precision = _average_precisions(p, truth, np.ones(len(p)))
    result: dict[str, Any] = {
        "mean_average_precision": float(precision[present].mean()),
        "macro_f1": float(f1[present].mean()),
        "micro_f1": float(2 * hits.sum() / max(either.sum(), 1)),
        "coverage": float(hits.sum() / truth.sum()),
        "named_per_cover": float(named.sum(axis=1).mean()),
        "ece": reliability_table(p.ravel(), truth.ravel().astype(np.float64)).error,
        "per_genre": {
            genre: {
                "average_precision": float(precision[j]),
                "f1": float(f1[j]),
                "n": int(truth[:, j].sum()),
            }
            for j, genre in enumerate(vocab)
        },
    }
    if draws is not None:
        counts = draws.sums(np.hstack([named & truth, named, truth]).astype(np.float64))
        drawn_hits, drawn_named, drawn_truth = np.split(counts, 3, axis=1)
        drawn = 2 * drawn_hits / np.maximum(drawn_named + drawn_truth, 1)
        there = drawn_truth > 0
        macro = (drawn * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        means = [
            np.nanmean(_average_precisions(p, truth, weights))
            for weights, _ in zip(draws.weights(), range(_MOST_RESAMPLES), strict=False)
        ]
        result["ci95"] = {
            "mean_average_precision": percentile_interval(np.array(means)).as_list(),
            "macro_f1": percentile_interval(macro).as_list(),
        }
    return result


def evaluate_labels(
    inputs: EvaluationInputs,
    p_labels: Array,
    fits: HeldOutFits,
    draws: GroupBootstrap,
) -> tuple[dict[str, Any], LabelReader]:
    """Measure every method on the measured side and fit the reader that is kept.

    Where valid is also the measured side, readers are cross-fitted over the
    folds of `fits`.

    Parameters
    ----------
    inputs : EvaluationInputs
    p_labels : ndarray of float64, shape (n_covers, n_genres)
        The network's sigmoids, in columns of ``inputs.vocab``.
    fits : HeldOutFits
    draws : GroupBootstrap
        Of the measured side.

    Returns
    -------
    dict
        ``thresholds`` by genre and ``methods``, each as `measure_labels` says.
    LabelReader
        Fitted on the whole valid side.
    """
    sides = fits.sides

    def shares_of(near: Any) -> Array:
        return label_shares(
            fits.deployed.settings, near, fits.references, fits.reference_groups
        )

    valid, held = shares_of(fits.near_valid), shares_of(fits.near_held)
    truth = inputs.membership[sides.valid] > 0
    held_truth = inputs.membership[sides.held] > 0
    known, asked = p_labels[sides.valid], p_labels[sides.held]
    methods: dict[str, Any] = {}
    for method in METHODS:
        if sides.crossed:
            p, named = np.empty(truth.shape), np.empty(truth.shape, bool)
            for outside, fold in iterate_folds(fits.folds):
                reader = fit_labels(
                    known[outside], valid[outside], truth[outside], method
                )
                p[fold] = reader.apply(known[fold], valid[fold])
                named[fold] = reader.name(p[fold])
        else:
            reader = fit_labels(known, valid, truth, method)
            p = reader.apply(asked, held)
            named = reader.name(p)
        methods[method] = measure_labels(
            p, named, held_truth, draws=draws, vocab=inputs.vocab
        )
    kept = fit_labels(known, valid, truth)
    thresholds = dict(zip(inputs.vocab, kept.thresholds.tolist(), strict=True))
    return {"thresholds": thresholds, "methods": methods}, kept


def _average_precisions(p: Array, truth: Flags, weights: Array) -> Array:
    """Return the average precision of each genre; NaN where no weighed cover has it."""
    from sklearn.metrics import average_precision_score

    drawn = weights > 0
    found = np.full(truth.shape[1], np.nan)
    for j in range(truth.shape[1]):
        if truth[drawn, j].any():
            found[j] = average_precision_score(
                truth[drawn, j], p[drawn, j], sample_weight=weights[drawn]
            )
    return found
