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

from covers.stats.distributions import softmax

if TYPE_CHECKING:
    from collections.abc import Mapping


Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

METHODS = {"prior": (), "cnn": (0,), "vote": (1,), "blend": (0, 1)}
"""What each method reads: nothing, the network's odds (0), the vote's (1)."""

_SMALLEST = 1e-6


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


def _odds(
    p_labels: npt.NDArray[np.floating[Any]], shares: npt.NDArray[np.floating[Any]]
) -> Array:
    """Return the log-odds of network and vote, shape (n_covers, n_genres, 2)."""
    p = np.stack([p_labels, shares], axis=2).astype(np.float64)
    p = np.clip(p, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(p / (1 - p)))


def genre_shares(
    logits: npt.NDArray[np.float32], *, multi_label: bool
) -> npt.NDArray[np.float64]:
    """Turn a network's logits into one distribution per cover.

    Parameters
    ----------
    logits : ndarray of float32, shape (n_covers, n_genres)
    multi_label : bool
        Whether they are independent: then each becomes a probability of its
        own, and the probabilities of a cover are scaled to sum to one.

    Returns
    -------
    ndarray of float64, shape (n_covers, n_genres)
    """
    if not multi_label:
        return softmax(logits)
    z = np.asarray(logits, np.float64)
    # log of the sigmoid, without overflow at either end
    return softmax(-np.logaddexp(0.0, -z))


def label_odds(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Turn the logits of independent genres into probabilities (sigmoid), of the same shape."""
    from scipy.special import expit

    return np.asarray(expit(np.asarray(logits, np.float64)))
