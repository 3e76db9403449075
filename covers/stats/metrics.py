"""How good predictions are: one definition of every figure that is reported.

A cover of m genres counts as one cover. A prediction is right when it is one of
them; a wrong one is booked as 1/m from each of the cover's genres, so that the
trace of the confusion matrix over its sum is the accuracy exactly. Probabilities
are scored as if one of the cover's m genres had been drawn at random, so that
calibrated probabilities have an expected calibration error of zero. With one
genre per cover all of this is what scikit-learn computes. Letters: N covers,
G genres, B resamples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.stats.bootstrap import GroupBootstrap, Interval, percentile_interval
from covers.stats.membership import as_membership
from covers.stats.reliability import error_interval, expected_error, reliability_table

if TYPE_CHECKING:
    from covers.stats.reliability import Reliability

Array = npt.NDArray[np.float64]
SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Every figure of one method on one set of covers.

    Parameters
    ----------
    n : int
        Number of covers.
    values : dict of str to float
        ``accuracy, macro_f1, top3, ece, brier, log_loss``, and
        ``ece_if_calibrated``: the error that perfectly calibrated
        probabilities would show on as many covers of as many groups, by chance alone.
    intervals : dict of str to Interval
        95 % group-bootstrap interval of each value; empty without resamples.
    confusion : ndarray of float64, shape (n_genres, n_genres)
        Rows are true genres, columns predicted ones.
    samples : dict of str to ndarray
        ``accuracy`` and ``macro_f1`` in each resample, for paired differences.
    """

    n: int
    values: dict[str, float]
    intervals: dict[str, Interval]
    confusion: Array
    reliability: Reliability
    samples: dict[str, Array] = field(repr=False)


def measure_method(
    probabilities: npt.NDArray[np.floating[Any]],
    membership: npt.NDArray[np.floating[Any]],
    *,
    draws: GroupBootstrap | None = None,
    guesses: bool = False,
) -> Measures:
    """Compute every figure of one method.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n_covers, n_genres)
        Rows sum to one; the predicted genre is the largest, the first of equals.
    membership : ndarray of float, shape (n_covers, n_genres)
        1/m in each of a cover's m genres, see `covers.stats.membership`; no row of zeros.
    draws : GroupBootstrap, optional
        Resamples of the same covers, for the intervals.
    guesses : bool, default=False
        The method predicts by rolling dice with its probabilities, as chance
        does; figures are then expectations over the dice.

    Raises
    ------
    ValueError
        If shapes differ, a row has no genre, or rows do not sum to one.
    """
    p = np.asarray(probabilities, np.float64)
    m = as_membership(membership)
    check_probabilities(p, m)
    decisions = p if guesses else np.eye(p.shape[1])[p.argmax(axis=1)]  # (N, G)
    booked = book_covers(m, decisions)
    per_cover = {
        "top3": _top3_chance(m) if guesses else top_rates(p, m, 3),
        "brier": brier_scores(p, m),
        "log_loss": log_losses(p, m),
    }
    confusion = booked.confusion
    right = (m * decisions).sum(axis=1)
    certainty = (p * decisions).sum(axis=1)
    reliability = reliability_table(certainty, right)
    values = {
        "accuracy": float(accuracy_of(confusion)),
        "macro_f1": float(macro_f1_of(confusion)),
        "top3": float(per_cover["top3"].mean()),
        "ece": reliability.error,
        "ece_if_calibrated": expected_error(
            certainty, right, reliability, None if draws is None else draws.members
        ),
        "brier": float(per_cover["brier"].mean()),
        "log_loss": float(per_cover["log_loss"].mean()),
    }
    samples: dict[str, Array] = {}
    intervals: dict[str, Interval] = {}
    if draws is not None:
        drawn = draws.sums(booked.margins)
        hits, true, _ = np.split(drawn, 3, axis=1)
        samples = {
            "accuracy": hits.sum(axis=1) / true.sum(axis=1),
            "macro_f1": macro_f1_from(drawn),
        }
        means = draws.means(np.column_stack(list(per_cover.values())))
        for name, sample in [
            *samples.items(),
            *zip(per_cover, means.T, strict=True),
        ]:
            intervals[name] = percentile_interval(sample)
        intervals["ece"] = error_interval(certainty, right, reliability, draws)
    return Measures(
        n=len(p),
        values=values,
        intervals=intervals,
        confusion=confusion,
        reliability=reliability,
        samples=samples,
    )


def check_probabilities(p: Array, membership: Array) -> None:
    """Refuse probabilities that are none, or that do not fit the covers.

    Raises
    ------
    ValueError
        Saying which of the conditions of `measure_method` is broken, and where.
    """
    if p.ndim != 2 or p.shape != membership.shape or not len(p):
        message = f"probabilities {p.shape} and membership {membership.shape} must be (n_covers, n_genres) alike"
        raise ValueError(message)
    wrong = ~(np.isfinite(p).all(axis=1) & (p >= 0).all(axis=1))
    wrong |= np.abs(p.sum(axis=1) - 1) > 1e-4
    if wrong.any():
        row = int(wrong.argmax())
        message = f"{wrong.sum()} rows of probabilities are not distributions, the first is row {row}: {p[row]}"
        raise ValueError(message)
    if (membership.sum(axis=1) <= 0).any():
        message = "covers without a genre cannot be scored: leave them out"
        raise ValueError(message)


@dataclass(frozen=True)
class Booked:
    """Covers counted in a confusion matrix, and what its resamples need.

    Parameters
    ----------
    confusion : ndarray of float64, shape (n_genres, n_genres)
        Rows are true genres, columns predicted ones.
    margins : scipy.sparse.csr_array of float64, shape (n_covers, 3 * n_genres)
        What each cover adds to the diagonal, to the row sums and to the column
        sums: F1 and accuracy follow from these, at a cost that grows with the
        number of genres and not with its square.
    """

    confusion: Array
    margins: Any


def book_covers(membership: Array, decisions: Array) -> Booked:
    """Count covers in a confusion matrix.

    Parameters
    ----------
    membership : ndarray of float64, shape (n_covers, n_genres)
    decisions : ndarray of float64, shape (n_covers, n_genres)
        Probability that each genre is predicted; one-hot for a plain prediction.
    """
    from scipy import sparse

    right = decisions * (membership > 0)  # (N, G)
    wrong = decisions - right
    true = right + membership * wrong.sum(axis=1, keepdims=True)
    margins = [right, true, right + wrong * membership.sum(axis=1, keepdims=True)]
    return Booked(
        np.diag(right.sum(axis=0)) + membership.T @ wrong,
        sparse.csr_array(sparse.hstack([sparse.csr_array(part) for part in margins])),
    )


def accuracy_of(confusion: Array) -> Any:
    """Return trace over sum of confusion matrices, shape (..., n_genres, n_genres)."""
    return np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1))


def macro_f1_of(confusion: Array) -> Any:
    """Return the mean F1 over the genres that have true covers in each matrix."""
    _, _, f1 = precision_recall_f1(confusion)
    return _mean_over_present(f1, confusion.sum(axis=-1))


def macro_f1_from(margins: Array) -> Array:
    """Return the macro-F1 of sums of `Booked.margins`, shape (..., 3 * n_genres)."""
    hits, true, predicted = np.split(margins, 3, axis=-1)
    return np.asarray(_mean_over_present(_ratio(2 * hits, true + predicted), true))


def _mean_over_present(values: Array, true: Array) -> Any:
    """Return the mean of values of genres, shape (..., n_genres), over those with true covers."""
    present = true > 0
    n_present = np.maximum(present.sum(axis=-1), 1)
    return np.where(present, values, 0).sum(axis=-1) / n_present


def precision_recall_f1(confusion: Array) -> tuple[Array, Array, Array]:
    """Return precision, recall and F1 of each genre, each of shape (..., n_genres).

    Zero where a genre was never predicted, or has no covers.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    return (
        _ratio(hits, predicted),
        _ratio(hits, true),
        _ratio(2 * hits, true + predicted),
    )


def _ratio(a: Array, b: Array) -> Array:
    """Divide, with zero where the divisor is zero."""
    return np.divide(a, b, out=np.zeros(np.shape(b)), where=b > 0)


def top_rates(p: Array, membership: Array, k: int) -> Array:
    """Say of each cover whether one of its genres is among the `k` likeliest: 1 or 0, shape (n_covers,)."""
    best = np.argsort(-p, axis=1, kind="stable")[:, :k]
    return (np.take_along_axis(membership, best, axis=1) > 0).any(axis=1).astype(float)


def _top3_chance(membership: Array) -> Array:
    """Return the chance that three random genres hold one of the cover's, shape (n_covers,)."""
    n_genres = membership.shape[1]
    others = n_genres - (membership > 0).sum(axis=1)  # (N,)
    missed = np.ones(len(membership))
    for drawn in range(min(3, n_genres)):
        missed *= np.maximum(others - drawn, 0) / (n_genres - drawn)
    return 1 - missed


def log_losses(p: Array, membership: Array) -> Array:
    """Return the cross-entropy of each cover in nats, shape (n_covers,)."""
    scores: Array = membership * np.log(np.maximum(p, SMALLEST_PROBABILITY))
    return np.asarray(-scores.sum(axis=1))


def brier_scores(p: Array, membership: Array) -> Array:
    """Return the squared error of each cover, summed over genres: 0 to 2, shape (n_covers,).

    References
    ----------
    .. [1] Brier, G. W. (1950). "Verification of forecasts expressed in terms of
       probability". Monthly Weather Review 78(1).
    """
    scores: Array = p**2 - 2 * p * membership
    return np.asarray(1 + scores.sum(axis=1))
