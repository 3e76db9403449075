"""Covers of several independent genres: a calibrated probability and a yes or no for each.

The network gives each genre odds of its own (sigmoid), and so do the voters: the
share of their weight that has the genre. A calibrator per genre, drawn towards
what all genres have in common, turns the odds into a probability; a genre is
named from the threshold on that has the best F1. Letters: N covers, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.render.short_repr import ShortRepr
from covers.stats.distributions import softmax
from covers.stats.labels.platt import Platt, choose_thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class LabelledCovers:
    """Covers that a calibrator is fitted on.

    Parameters
    ----------
    has : ndarray of bool, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
    known : ndarray of bool, shape (n_others, n_genres), optional
        Genres of the covers that the sources learned from; they say how frequent
        each genre is.
    """

    has: Flags
    groups: npt.NDArray[np.int64]
    known: Flags | None = None

    def take(self, rows: npt.NDArray[np.int64]) -> LabelledCovers:
        """Return some of the covers to fit on."""
        return LabelledCovers(
            has=self.has[rows], groups=self.groups[rows], known=self.known
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class LabelCalibrator(ShortRepr):
    """From the odds of one or more sources to a probability and a yes or no for each genre.

    Parameters
    ----------
    weights : ndarray of float64, shape (n_genres, n_sources)
        Of each source's log-odds.
    offsets : ndarray of float64, shape (n_genres,)
    thresholds : ndarray of float64, shape (n_genres,)
        A genre is named from this probability on.
    """

    weights: Array
    offsets: Array
    thresholds: Array

    @classmethod
    def fit(
        cls, odds: Array, held: LabelledCovers, implied: Flags | None = None
    ) -> LabelCalibrator:
        """Fit on covers that no source has seen.

        Parameters
        ----------
        odds : ndarray of float64, shape (n_covers, n_genres, n_sources)
            As `covers.stats.labels.platt.log_odds` returns them; without any source
            each genre gets its base rate.
        held : LabelledCovers
            The same covers.
        implied : ndarray of bool, shape (n_genres, n_genres), optional
            See `follow_tree`.
        """
        platt = Platt.fit(odds, held.has, held.known)
        p = follow_tree(platt.apply(odds), implied)
        thresholds = choose_thresholds(p, held.has, held.groups)
        return cls(weights=platt.weights, offsets=platt.offsets, thresholds=thresholds)

    def apply(self, odds: Array, implied: Flags | None = None) -> Array:
        """Return calibrated probabilities, shape (n_covers, n_genres)."""
        p = Platt(weights=self.weights, offsets=self.offsets).apply(odds)
        return follow_tree(p, implied)

    def name(self, p: Array, implied: Flags | None = None) -> Flags:
        """Say which genres are named, shape (n_covers, n_genres); the likeliest always is."""
        named: Flags = p >= self.thresholds
        named[np.arange(len(p)), p.argmax(axis=1)] = True
        return follow_tree(named, implied)

    def to_json(self) -> dict[str, Any]:
        """Return the calibrator as JSON values."""
        return {
            "weights": self.weights.tolist(),
            "offsets": self.offsets.tolist(),
            "thresholds": self.thresholds.tolist(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LabelCalibrator:
        """Read what `to_json` wrote."""
        return cls(**{name: np.asarray(v, np.float64) for name, v in values.items()})


def follow_tree(values: npt.NDArray[Any], implied: Flags | None) -> npt.NDArray[Any]:
    """Raise the probability of each genre to that of the genres that imply it: no blues rock without rock.

    Parameters
    ----------
    values : ndarray, shape (n_covers, n_genres)
        Probabilities, or which genres are named.
    implied : ndarray of bool, shape (n_genres, n_genres), optional
        Row i, column j: a cover of genre i also has genre j.

    Examples
    --------
    >>> blues_rock_is_rock = np.array([[False, True], [False, False]])
    >>> follow_tree(np.array([[0.6, 0.4]]), blues_rock_is_rock)
    array([[0.6, 0.6]])
    """
    if implied is None or not implied.any():
        return values
    found = values.copy()
    for genre in np.flatnonzero(implied.any(axis=0)):
        finer = values[:, implied[:, genre]].max(axis=1)
        found[:, genre] = np.maximum(found[:, genre], finer)
    return found


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
