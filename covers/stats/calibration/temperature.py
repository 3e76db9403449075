"""Probabilities that mean what they say.

A calibrator turns the distributions of a method into calibrated ones; it is
fitted on covers that the method has not seen. Letters: N covers, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from covers.stats.calibration.before import CalibratorBefore
from covers.stats.distributions import log_probabilities, softmax
from covers.stats.effective import effective_count
from covers.stats.metrics import log_losses
from covers.stats.minimise import minimise

if TYPE_CHECKING:
    from collections.abc import Mapping

Array = npt.NDArray[np.float64]

_SLOPE_SPREAD = 0.5  # wider ones cost log-loss where there are ten artists
_MOST_COVERS = 4000  # more do not make one number better, only slower


class Calibrator(Protocol):
    """A fitted map from distributions to distributions."""

    def apply(self, probabilities: npt.NDArray[np.floating[Any]]) -> Array:
        """Calibrate distributions, shape (n_covers, n_genres)."""

    def to_json(self) -> dict[str, Any]:
        """Return the calibrator as JSON values."""


@dataclass(frozen=True)
class Temperature:
    """``softmax(slope * log p)``: sharper or softer, and never another likeliest genre.

    Calibrators with more numbers (a shift per genre, a full matrix, a step
    function per genre) were measured on real covers and did not pay: they won
    by chance and then classified fewer covers right.

    Parameters
    ----------
    slope : float
        One over the temperature: 1 changes nothing, below 1 softens.

    References
    ----------
    .. [1] Guo, C. et al. (2017). "On Calibration of Modern Neural Networks". ICML.
    """

    slope: float = 1.0

    @classmethod
    def fit(
        cls,
        probabilities: npt.NDArray[np.floating[Any]],
        membership: npt.NDArray[np.floating[Any]],
        groups: npt.NDArray[np.int64] | None = None,
    ) -> Temperature:
        """Fit the slope by log-loss.

        Parameters
        ----------
        probabilities : ndarray of float, shape (n_covers, n_genres)
            Of covers the method has not been trained on.
        membership : ndarray of float, shape (n_covers, n_genres)
            Their genres; no row of zeros.
        groups : ndarray of int64, shape (n_covers,), optional
            Covers of one group may say the same: against the prior around 1 they
            count as many observations as they are worth
            (`covers.stats.effective.effective_count`). By default every cover counts.
        """
        p = np.asarray(probabilities, np.float64)
        m = np.asarray(membership, np.float64)
        n_covers = len(p)
        if len(p) > _MOST_COVERS:
            rng = np.random.default_rng(0)
            kept = rng.choice(len(p), _MOST_COVERS, replace=False)
            p, m = p[kept], m[kept]
            groups = None if groups is None else groups[kept]
        logs = log_probabilities(p)

        def fit(n_worth: float) -> Array:
            def loss(theta: Array) -> tuple[float, Array]:
                p = softmax(theta[0] * logs)
                pulled = (theta - 1) / _SLOPE_SPREAD
                value = log_losses(p, m).mean() + (pulled**2).sum() / (2 * n_worth)
                slope = ((p - m) * logs).sum() / len(p)
                return float(value), slope + pulled / _SLOPE_SPREAD / n_worth

            return minimise(loss, np.ones(1))

        slope = fit(n_covers)
        if groups is not None:
            scores = ((softmax(slope[0] * logs) - m) * logs).sum(axis=1)
            worth = effective_count(scores[:, None], groups)
            slope = fit(worth * n_covers / len(p))
        return cls(float(slope[0]))

    def apply(self, probabilities: npt.NDArray[np.floating[Any]]) -> Array:
        """Calibrate distributions, shape (n_covers, n_genres)."""
        return softmax(self.slope * log_probabilities(probabilities))

    def to_json(self) -> dict[str, Any]:
        """Return the calibrator as JSON values."""
        return {"kind": "temperature", "slope": self.slope}


def read_calibrator(values: Mapping[str, Any]) -> Calibrator:
    """Read what a calibrator's ``to_json`` wrote, in this version or in the one before."""
    if "slope" in values:
        return Temperature(float(values["slope"]))
    return CalibratorBefore.from_json(values)
