"""Logistic regressions of many independent labels at once. Letters: N points, D dimensions, G labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covers.stats.minimise import minimise

Array = npt.NDArray[np.float64]

_MOST_STEPS = 300


@dataclass(frozen=True)
class Logistic:
    """One linear function of log-odds per label.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (n_labels, n_dimensions)
    offsets : ndarray of float64, shape (n_labels,)
    """

    coefficients: Array
    offsets: Array

    def log_odds(self, points: npt.NDArray[np.floating[Any]]) -> Array:
        """Return the log-odds of each label, shape (n_points, n_labels)."""
        return np.asarray(points @ self.coefficients.T + self.offsets)


def fit_logistic(
    points: npt.NDArray[np.floating[Any]],
    has: npt.NDArray[np.bool_],
    *,
    penalty: float = 1.0,
    start: Logistic | None = None,
) -> Logistic:
    """Fit all labels together: a matrix product a step instead of a loop over labels.

    Parameters
    ----------
    points : ndarray of float, shape (n_points, n_dimensions)
    has : ndarray of bool, shape (n_points, n_labels)
        A label that all or none have gets its prior: plus or minus 10, and no slope.
    penalty : float, default=1.0
        scikit-learn's ``C``: small is stiff, large is loose. The offsets are free.
    start : Logistic, optional
        Where to begin, such as the fit of the next stiffer penalty.

    Returns
    -------
    Logistic
        As scikit-learn's ``LogisticRegression(C=penalty)`` finds for each label.
    """
    x = np.asarray(points, np.float64)
    n_dimensions, n_labels = x.shape[1], has.shape[1]
    counts = has.sum(axis=0)
    mixed = (counts > 0) & (counts < len(has))
    coefficients = np.zeros((n_labels, n_dimensions))
    offsets = np.where(counts > 0, 10.0, -10.0)
    if mixed.any():
        y = has[:, mixed].astype(np.float64)  # (N, M)
        rate = counts[mixed] / len(has)
        theta = np.zeros((n_dimensions + 1, int(mixed.sum())))
        theta[-1] = np.log(rate / (1 - rate))
        if start is not None:
            theta[:-1] = start.coefficients[mixed].T
            theta[-1] = start.offsets[mixed]
        found = minimise(
            lambda flat: _loss(flat, x, y, penalty), theta.ravel(), steps=_MOST_STEPS
        ).reshape(theta.shape)
        coefficients[mixed], offsets[mixed] = found[:-1].T, found[-1]
    return Logistic(coefficients, offsets)


def _loss(flat: Array, x: Array, y: Array, penalty: float) -> tuple[float, Array]:
    """Return the mean penalised log-loss and its gradient."""
    from scipy.special import expit

    theta = flat.reshape(-1, y.shape[1])
    weights = theta[:-1]
    z = x @ weights + theta[-1]  # (N, M)
    ridge = 1 / (penalty * len(x))
    value = (np.logaddexp(0, z) - y * z).sum() / len(x) + ridge / 2 * (weights**2).sum()
    gap = (expit(z) - y) / len(x)
    slope = np.vstack([x.T @ gap + ridge * weights, gap.sum(axis=0)])
    return float(value), slope.ravel()
