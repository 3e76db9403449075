"""Blending the network's distribution with that of the vote.

Letters: N covers, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covers.stats.distributions import log_probabilities, softmax
from covers.stats.effective import effective_count
from covers.stats.metrics import log_losses
from covers.stats.minimise import minimise

Array = npt.NDArray[np.float64]

_EVEN, _SPREAD = 0.5, 0.12


@dataclass(frozen=True, kw_only=True)
class Blend:
    """A weighted product of two methods' distributions (log-linear pool).

    Parameters
    ----------
    network, vote : float
        Exponents, at least 0; both zero would be the uniform distribution.

    References
    ----------
    .. [1] Genest, C., Zidek, J. V. (1986). "Combining Probability Distributions:
       A Critique and an Annotated Bibliography". Statistical Science 1(1).
    """

    network: float
    vote: float

    def apply(
        self,
        p_network: npt.NDArray[np.floating[Any]],
        p_vote: npt.NDArray[np.floating[Any]],
    ) -> Array:
        """Blend distributions, each of shape (n_covers, n_genres)."""
        return softmax(
            self.network * log_probabilities(p_network)
            + self.vote * log_probabilities(p_vote)
        )


def fit_blend(
    p_network: npt.NDArray[np.floating[Any]],
    p_vote: npt.NDArray[np.floating[Any]],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
) -> Blend:
    """Fit the two exponents of a `Blend` by log-loss.

    Both are drawn towards the even blend, by a Gaussian prior: a handful of artists
    is no reason to trust one method alone. Against it covers count as many
    observations as they are worth (`covers.stats.effective.effective_count`).

    Parameters
    ----------
    p_network, p_vote, membership : ndarray of float, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
        Covers that may say the same.
    """
    logs = log_probabilities(p_network), log_probabilities(p_vote)
    m = np.asarray(membership, np.float64)

    def fit(n_worth: float) -> Array:
        def loss(theta: Array) -> tuple[float, Array]:
            p = softmax(theta[0] * logs[0] + theta[1] * logs[1])
            gap = (p - m) / len(p)
            pulled = (theta - _EVEN) / _SPREAD
            value = log_losses(p, m).mean() + (pulled**2).sum() / (2 * n_worth)
            slope = np.array([(gap * log).sum() for log in logs])
            return float(value), slope + pulled / _SPREAD / n_worth

        return minimise(loss, np.array([_EVEN, _EVEN]), bounds=[(0.0, None)] * 2)

    first = fit(len(m))
    gap = softmax(first[0] * logs[0] + first[1] * logs[1]) - m
    scores = np.stack([(gap * log).sum(axis=1) for log in logs], axis=1)
    found = fit(effective_count(scores, groups))
    return Blend(network=float(found[0]), vote=float(found[1]))
