"""Covers of several independent genres: a probability and a threshold for each.

The network gives each genre odds of its own (sigmoid), and so do the voters: the
share of their weight that has the genre. A logistic regression per genre turns
both into calibrated probabilities, and the threshold above which a genre is
named is the one with the best F1. Letters: N covers, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.voting import label_shares
from covers.stats.bootstrap import percentile_interval
from covers.stats.calibration import iterate_folds
from covers.stats.metrics import reliability_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from covers.evaluate.cross_fit import HeldOutFits
    from covers.evaluate.inputs import EvaluationInputs
    from covers.stats.bootstrap import GroupBootstrap

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

METHODS = {"prior": (), "cnn": (0,), "vote": (1,), "blend": (0, 1)}
"""What each method reads: nothing, the network's odds (0), the vote's (1)."""

_SMALLEST = 1e-6
_MOST_RESAMPLES = 200


@dataclass(frozen=True, kw_only=True)
class LabelReader:
    """From the odds of network and vote to a probability and a yes or no for each genre.

    Parameters
    ----------
    weights : ndarray of float64, shape (n_genres, 2)
        Of the network's and the vote's log-odds.
    offsets : ndarray of float64, shape (n_genres,)
    thresholds : ndarray of float64, shape (n_genres,)
        A genre is named from this probability on.
    """

    weights: Array
    offsets: Array
    thresholds: Array

    def apply(
        self,
        p_labels: npt.NDArray[np.floating[Any]],
        shares: npt.NDArray[np.floating[Any]],
    ) -> Array:
        """Return calibrated probabilities, shape (n_covers, n_genres).

        Parameters
        ----------
        p_labels, shares : ndarray of float, shape (n_covers, n_genres)
            The network's sigmoids; the voters' weight that has each genre.
        """
        from scipy.special import expit

        odds = _odds(p_labels, shares)  # (N, G, 2)
        p: Array = expit((odds * self.weights).sum(axis=2) + self.offsets)
        return p

    def name(self, p: Array) -> Flags:
        """Say which genres are named, shape (n_covers, n_genres); the likeliest always is."""
        named: Flags = p >= self.thresholds
        named[np.arange(len(p)), (p / self.thresholds).argmax(axis=1)] = True
        return named

    def to_json(self) -> dict[str, Any]:
        """Return the reader as JSON values."""
        return {
            "weights": self.weights.tolist(),
            "offsets": self.offsets.tolist(),
            "thresholds": self.thresholds.tolist(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LabelReader:
        """Read what `to_json` wrote."""
        return cls(**{name: np.asarray(v, np.float64) for name, v in values.items()})


def fit_labels(
    p_labels: npt.NDArray[np.floating[Any]],
    shares: npt.NDArray[np.floating[Any]],
    truth: Flags,
    method: str = "blend",
) -> LabelReader:
    """Fit a reader on covers that neither network nor voters have seen.

    Parameters
    ----------
    p_labels, shares : ndarray of float, shape (n_covers, n_genres)
    truth : ndarray of bool, shape (n_covers, n_genres)
    method : {"prior", "cnn", "vote", "blend"}
        Which odds it may read.
    """
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression

    odds = _odds(p_labels, shares)
    n_covers, n_genres = truth.shape
    read = list(METHODS[method])
    weights = np.zeros((n_genres, 2))
    # One cover more of either kind: no genre is ever certain or impossible.
    base = (truth.sum(axis=0) + 0.5) / (n_covers + 1)
    offsets = np.log(base / (1 - base))
    for j in range(n_genres):
        if read and truth[:, j].any() and not truth[:, j].all():
            model = LogisticRegression(C=1.0).fit(odds[:, j, read], truth[:, j])
            weights[j, read] = model.coef_[0]
            offsets[j] = model.intercept_[0]
    p = expit((odds * weights).sum(axis=2) + offsets)
    thresholds = np.array(
        [best_threshold(p[:, j], truth[:, j]) for j in range(n_genres)]
    )
    return LabelReader(weights=weights, offsets=offsets, thresholds=thresholds)


def best_threshold(p: Array, has: Flags) -> float:
    """Return the probability from which on naming a genre gives the best F1.

    Parameters
    ----------
    p : ndarray of float64, shape (n_covers,)
    has : ndarray of bool, shape (n_covers,)

    Returns
    -------
    float
        Half-way to the next lower probability, so that a hair's breadth does
        not decide; 0.5 where no cover has the genre.

    Examples
    --------
    >>> best_threshold(np.array([0.9, 0.4, 0.2]), np.array([True, True, False]))
    0.30000000000000004
    """
    if not has.any():
        return 0.5
    order = np.argsort(-p, kind="stable")
    ranked, hits = p[order], np.cumsum(has[order])
    f1 = 2 * hits / (np.arange(1, len(p) + 1) + has.sum())
    f1[:-1][ranked[:-1] == ranked[1:]] = -1  # equal probabilities go together
    best = int(f1.argmax())
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float(max((ranked[best] + below) / 2, _SMALLEST))


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


def _odds(
    p_labels: npt.NDArray[np.floating[Any]], shares: npt.NDArray[np.floating[Any]]
) -> Array:
    """Return the log-odds of network and vote, shape (n_covers, n_genres, 2)."""
    p = np.stack([p_labels, shares], axis=2).astype(np.float64)
    p = np.clip(p, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(p / (1 - p)))


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
