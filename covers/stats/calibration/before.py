"""Calibrators that version 0.1 wrote into ``decision.json``: read and applied, fitted no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.stats.distributions import log_probabilities, softmax
from covers.stats.metrics import SMALLEST_PROBABILITY

if TYPE_CHECKING:
    from collections.abc import Mapping

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CalibratorBefore:
    """A calibrator with up to one number per pair of genres.

    Parameters
    ----------
    kind : str
        ``none``: unchanged; ``isotonic``: a rising step function per genre, then
        normalised; ``temperature``, ``vector``, ``dirichlet``: a linear map of the
        log-probabilities.
    matrix : ndarray of float64, shape (n_genres, n_genres)
    shift : ndarray of float64, shape (n_genres,)
    steps : tuple of (list of float, list of float)
        Knots of each genre's function; only for ``isotonic``.
    """

    kind: str
    matrix: Array
    shift: Array
    steps: tuple[tuple[list[float], list[float]], ...] = ()

    def apply(self, probabilities: npt.NDArray[np.floating[Any]]) -> Array:
        """Calibrate distributions, shape (n_covers, n_genres)."""
        p = np.asarray(probabilities, np.float64)
        if self.kind == "none":
            return p
        if self.kind == "isotonic":
            columns = [np.interp(p[:, j], x, y) for j, (x, y) in enumerate(self.steps)]
            stacked = np.maximum(np.column_stack(columns), SMALLEST_PROBABILITY)
            return np.asarray(stacked / stacked.sum(axis=1, keepdims=True))
        return softmax(log_probabilities(p) @ self.matrix.T + self.shift)

    def to_json(self) -> dict[str, Any]:
        """Return the calibrator as it was written."""
        return {
            "kind": self.kind,
            "matrix": self.matrix.tolist(),
            "shift": self.shift.tolist(),
            "steps": [[list(x), list(y)] for x, y in self.steps],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CalibratorBefore:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            If its matrix and its shift are not of as many genres.
        """
        matrix = np.asarray(values["matrix"], np.float64)
        shift = np.asarray(values["shift"], np.float64)
        if shift.ndim != 1 or matrix.shape != (len(shift), len(shift)):
            message = f"matrix {matrix.shape} and shift {shift.shape} of a calibrator"
            raise ValueError(message)
        return cls(
            kind=str(values["kind"]),
            matrix=matrix,
            shift=shift,
            steps=tuple((list(x), list(y)) for x, y in values["steps"]),
        )
