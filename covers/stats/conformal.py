"""Prediction sets that hold the true genre at a stated rate, and pictures unlike any known cover.

Letters: N calibration covers, Q queries, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

Array = npt.NDArray[np.float64]

N_NEAREST = 5
UNFAMILIAR_QUANTILE = 0.01
_STORED_SCORES = 2000
_SHARED = 30.0
"""Covers of all genres that a genre's own threshold is drawn towards by."""


class Verdict(StrEnum):
    """How far a classification can be trusted."""

    SURE = "sure"
    BROAD = "sure of the broad genre only"
    UNSURE = "unsure"
    UNFAMILIAR = "unfamiliar"


def set_scores(probabilities: npt.NDArray[np.floating[Any]]) -> Array:
    """Return how far down each query's ranking each genre stands.

    The score of a genre is the probability of all likelier genres plus half of
    its own (adaptive prediction sets with the random tie-breaker at its middle:
    the same picture always gets the same set, and coverage stays exact because
    scores of different covers differ).

    Parameters
    ----------
    probabilities : ndarray of float, shape (n_queries, n_genres)

    Returns
    -------
    ndarray of float64, shape (n_queries, n_genres)
        Between 0 and 1; the likeliest genre has the smallest.

    References
    ----------
    .. [1] Romano, Y., Sesia, M., Candès, E. (2020). "Classification with Valid
       and Adaptive Coverage". NeurIPS.
    """
    p = np.asarray(probabilities, np.float64)
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    middle = np.cumsum(ranked, axis=1) - ranked / 2
    scores = np.empty_like(p)
    np.put_along_axis(scores, order, middle, axis=1)
    return scores


@dataclass(frozen=True)
class PredictionSets:
    """Split-conformal prediction sets at any level.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_scores,)
        Scores of true genres on calibration covers, rising.
    weights : ndarray of float64, shape (n_scores,)
        Weight of each score: 1/m for each genre of a cover of m genres.
    independent : bool, default=False
        Genres have probabilities of their own: the score of a genre is one minus
        its probability, and a set holds on average the promised share of a
        cover's genres (conformal risk control of the share that is missed [1]_).
        Otherwise one genre is sought, and the score is its place in the ranking.
    genres : ndarray of int64, shape (n_scores,), optional
        Genre of each score, for floors: a genre whose covers rank it low gets a
        threshold of its own, so that sets miss it at most one and a half times as
        often as is promised of all [2]_, and the common threshold is lowered by
        what that covers. A genre of few covers is drawn towards all. None (as in
        version 0.1) sets no floors.

    References
    ----------
    .. [1] Angelopoulos, A. N., Bates, S., Fisch, A., Lei, L., Schuster, T. (2024).
       "Conformal Risk Control". ICLR.
    .. [2] Ding, T., Angelopoulos, A. N., Bates, S., Jordan, M. I., Tibshirani, R. J.
       (2023). "Class-Conditional Conformal Prediction with Many Classes". NeurIPS.
    """

    scores: Array
    weights: Array
    independent: bool = False
    genres: npt.NDArray[np.int64] | None = None

    @classmethod
    def fit(
        cls,
        probabilities: npt.NDArray[np.floating[Any]],
        membership: npt.NDArray[np.floating[Any]],
        *,
        independent: bool = False,
    ) -> PredictionSets:
        """Keep the scores of the true genres.

        Parameters
        ----------
        probabilities, membership : ndarray of float, shape (n_covers, n_genres)
            Of covers that neither the method nor its calibrator has seen.
        independent : bool, default=False
            Whether each genre has a probability of its own.
        """
        cover, genre = np.nonzero(membership)
        scores = _scores(probabilities, independent=independent)[cover, genre]
        order = np.argsort(scores, kind="stable")
        weights = np.asarray(membership, np.float64)[cover, genre]
        genres = None if independent else genre[order].astype(np.int64)
        return cls(scores[order], weights[order], independent, genres)

    def threshold(self, level: float) -> float:
        """Return the largest score inside the set at `level`, of genres without a threshold of their own.

        The quantile is taken with one more, unknown cover counted as worst;
        ``inf`` (all genres) where there are too few covers for the level.

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1.
        """
        if not 0 < level < 1:
            message = f"level must lie between 0 and 1, got {level!r}"
            raise ValueError(message)
        if self.genres is None or not len(self.scores):
            return _quantile(self.scores, self.weights, level)
        floors = self._floors(level, int(self.genres.max()) + 1)
        # What a floor covers is covered whatever the common threshold is.
        left = np.where(self.scores <= floors[self.genres], -np.inf, self.scores)
        order = np.argsort(left, kind="stable")
        return _quantile(left[order], self.weights[order], level)

    def _floors(self, level: float, n_genres: int) -> Array:
        """Return the least threshold of each genre, shape (n_genres,).

        Of genres that the common threshold misses too often: their own quantile, among
        their covers and `_SHARED` more that are spread as those of all genres. So a
        genre of few covers is raised a little where some of them are ranked low, and
        far where all of them are.
        """
        floors = np.full(n_genres, -np.inf)
        if self.genres is None:
            return floors
        promised = max(1 - 1.5 * (1 - level), 0.5 * level)
        inside = self.scores <= _quantile(self.scores, self.weights, level)
        total = max(float(self.weights.sum()), 1e-12)
        shared = self.weights * min(1.0, _SHARED / total)
        for genre in range(n_genres):
            own = self.weights * (self.genres == genre)
            if own[inside].sum() < promised * own.sum():
                floors[genre] = _quantile(self.scores, own + shared, promised)
        return floors

    def contains(
        self, probabilities: npt.NDArray[np.floating[Any]], level: float
    ) -> npt.NDArray[np.bool_]:
        """Say which genres are in each query's set.

        Returns
        -------
        ndarray of bool, shape (n_queries, n_genres)
            A cover's true genre is inside with probability `level`, on average
            over covers like the calibration covers; of several, that share.
        """
        scores = _scores(probabilities, independent=self.independent)
        floors = self._floors(level, scores.shape[1])
        return scores <= np.maximum(self.threshold(level), floors) + 1e-12

    def to_json(self) -> dict[str, Any]:
        """Return the scores as JSON values, thinned to at most 2,000 quantiles."""
        scores, weights, genres = self.scores, self.weights, self.genres
        if len(scores) > _STORED_SCORES:
            reached = np.cumsum(weights)
            wanted = np.linspace(0, reached[-1], _STORED_SCORES + 1)[1:]
            places = np.searchsorted(reached, wanted - 1e-9)
            kept = np.minimum(places, len(scores) - 1)
            scores = scores[kept]
            genres = None if genres is None else genres[kept]
            weights = np.full(_STORED_SCORES, reached[-1] / _STORED_SCORES)
        return {
            "scores": scores.tolist(),
            "weights": weights.tolist(),
            "independent": self.independent,
            **({} if genres is None else {"genres": genres.tolist()}),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PredictionSets:
        """Read what `to_json` wrote."""
        genres = values.get("genres")
        return cls(
            np.asarray(values["scores"], np.float64),
            np.asarray(values["weights"], np.float64),
            bool(values.get("independent", False)),
            None if genres is None else np.asarray(genres, np.int64),
        )


def _quantile(scores: Array, weights: Array, level: float) -> float:
    """Return the smallest of rising scores that covers a share of the weight and one more, unknown score."""
    needed = level * (weights.sum() + 1)
    place = int(np.searchsorted(np.cumsum(weights), needed - 1e-9))
    return float(scores[place]) if place < len(scores) else float("inf")


def says_nothing(n_inside: int, n_genres: int) -> bool:
    """Say whether a set holds so many genres that it rules nearly none out.

    Examples
    --------
    >>> [says_nothing(n, 5) for n in (2, 3, 4, 5)]
    [False, False, True, True]
    """
    return n_genres > 2 and n_inside >= n_genres - max(1, n_genres // 6)


def _scores(
    probabilities: npt.NDArray[np.floating[Any]], *, independent: bool
) -> Array:
    """Return how badly each genre fits each query, shape (n_queries, n_genres)."""
    if independent:
        return 1 - np.asarray(probabilities, np.float64)
    return set_scores(probabilities)


@dataclass(frozen=True, kw_only=True)
class Familiarity:
    """The similarity below which a picture is unlike anything in the library.

    Parameters
    ----------
    threshold : float
        Cosine similarity, mean over the nearest `n_nearest` covers, below which
        a picture is unfamiliar.
    quantile : float
        Share of held-out covers of the library itself that fall below it.
    n_nearest : int
        Neighbours averaged.
    """

    threshold: float
    quantile: float = UNFAMILIAR_QUANTILE
    n_nearest: int = N_NEAREST

    @classmethod
    def fit(
        cls,
        similarities: npt.NDArray[np.float32],
        quantile: float = UNFAMILIAR_QUANTILE,
    ) -> Familiarity:
        """Take the quantile of held-out covers' closeness; see `closeness`."""
        near = closeness(similarities, N_NEAREST)
        near = near[np.isfinite(near)]
        threshold = float(np.quantile(near, quantile)) if len(near) else -1.0
        return cls(threshold=threshold, quantile=quantile)

    def is_unfamiliar(
        self, similarities: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.bool_]:
        """Say of each query whether it is unlike anything known, shape (n_queries,)."""
        near = closeness(similarities, self.n_nearest)
        return ~(near >= self.threshold)

    def to_json(self) -> dict[str, Any]:
        """Return the threshold as JSON values."""
        return {
            "threshold": self.threshold,
            "quantile": self.quantile,
            "n_nearest": self.n_nearest,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Familiarity:
        """Read what `to_json` wrote."""
        return cls(**values)


def closeness(similarities: npt.NDArray[np.float32], n_nearest: int) -> Array:
    """Return the mean similarity of each query to its nearest covers.

    Parameters
    ----------
    similarities : ndarray of float32, shape (n_queries, k)
        Nearest first, NaN in empty slots.
    n_nearest : int
        Slots averaged; fewer where fewer are filled.

    Returns
    -------
    ndarray of float64, shape (n_queries,)
        NaN where a query has no neighbour.
    """
    near = np.asarray(similarities[:, :n_nearest], np.float64)
    filled = np.isfinite(near)
    n = filled.sum(axis=1)
    total = np.where(filled, near, 0.0).sum(axis=1)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def widest_sure_set(n_genres: int) -> int:
    """Return how many genres a set may hold and still be called sure: half of them, 1 to 3."""
    return int(np.clip(n_genres // 2, 1, 3))


def give_verdicts(
    inside: npt.NDArray[np.bool_], unfamiliar: npt.NDArray[np.bool_]
) -> list[Verdict]:
    """Turn sets and familiarity into one word per query.

    Parameters
    ----------
    inside : ndarray of bool, shape (n_queries, n_genres)
        The prediction sets.
    unfamiliar : ndarray of bool, shape (n_queries,)
        Comes first: a set says nothing about a picture unlike the calibration covers.

    Returns
    -------
    list of Verdict
        ``unsure`` where the set is empty or wider than `widest_sure_set`.
    """
    sizes = inside.sum(axis=1)
    sure = (sizes > 0) & (sizes <= widest_sure_set(inside.shape[1]))
    return [
        Verdict.UNFAMILIAR if strange else Verdict.SURE if certain else Verdict.UNSURE
        for strange, certain in zip(unfamiliar, sure, strict=True)
    ]
