"""From logits to distributions over genres, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def log_probabilities(p: npt.NDArray[np.floating[Any]]) -> Array:
    """Return logarithms, finite also for a probability of zero."""
    return np.log(np.maximum(np.asarray(p, np.float64), 1e-12))


def softmax(logits: npt.NDArray[np.floating[Any]]) -> Array:
    """Return ``exp(logits)`` with rows that sum to one, shape (n_covers, n_genres)."""
    z = np.asarray(logits, np.float64)
    z = np.exp(z - z.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(z / z.sum(axis=1, keepdims=True))
