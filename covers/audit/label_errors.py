"""Covers whose genre is doubtful: confident learning over out-of-fold predictions.

A classifier that never saw a cover, nor another of its group, says what genre
it looks like. Where that contradicts the label more than is usual for the
genre, the label deserves a look. How far such a list can be trusted depends on
the classifier, so `measure_flip_recovery` plants known errors and counts how
many of them come back. Letters: N covers, G genres.

References
----------
.. [1] Northcutt, C., Jiang, L., Chuang, I. (2021). "Confident Learning:
   Estimating Uncertainty in Dataset Labels". JAIR 70, 1373-1411.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covers.evaluate.baselines import fit_linear_probe
from covers.stats.folds import group_folds, iterate_folds
from covers.stats.membership import has_genre

Array = npt.NDArray[np.float64]

_N_FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class LabelErrors:
    """How well each label is supported.

    Parameters
    ----------
    quality : ndarray of float64, shape (n_covers,)
        Probability of the best supported genre that the cover has, over what
        covers of that genre get on average; 1 is typical, 0 is no support at
        all. NaN without a label.
    suggested : ndarray of int64, shape (n_covers,)
        The likeliest genre that the cover does not have; ``-1`` without a label.
    is_candidate : ndarray of bool, shape (n_covers,)
        Whether another genre is *confidently* the likeliest: at least as
        probable as it is on average for covers that do have it.
    thresholds : ndarray of float64, shape (n_genres,)
        That average of each genre.
    joint : ndarray of float64, shape (n_genres, n_genres)
        Estimated share of covers given genre i (row) that are of genre j
        (column); sums to one. A weak classifier puts far too much off the
        diagonal: read it as an upper bound of the label noise.
    """

    quality: Array
    suggested: npt.NDArray[np.int64]
    is_candidate: npt.NDArray[np.bool_]
    thresholds: Array
    joint: Array

    def ranking(self) -> npt.NDArray[np.int64]:
        """Return the rows of the candidates, most doubtful first."""
        rows = np.flatnonzero(self.is_candidate)
        order: npt.NDArray[np.int64] = rows[
            np.argsort(self.quality[rows], kind="stable")
        ]
        return order


def find_label_errors(
    probabilities: npt.NDArray[np.floating[Any]],
    membership: npt.NDArray[np.floating[Any]],
) -> LabelErrors:
    """Compare labels with out-of-fold predictions.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n_covers, n_genres)
        Rows sum to one; each predicted without having seen the cover.
    membership : ndarray of float, shape (n_covers, n_genres)
        1/m in each of a cover's m genres; rows of zeros are unlabelled.

    Returns
    -------
    LabelErrors

    Raises
    ------
    ValueError
        If the shapes differ, or a genre has no cover.
    """
    p = np.asarray(probabilities, np.float64)
    weights = np.asarray(membership, np.float64)
    if p.shape != weights.shape:
        message = f"probabilities {p.shape} and membership {weights.shape} must be of one shape"
        raise ValueError(message)
    totals = weights.sum(axis=0)  # (G,)
    if not (totals > 0).all():
        message = f"every genre needs a cover, genres {np.flatnonzero(totals == 0).tolist()} have none"
        raise ValueError(message)
    given = weights > 0  # (N, G)
    labelled = has_genre(weights)
    thresholds = (p * weights).sum(axis=0) / totals
    relative = p / np.maximum(thresholds, 1e-12)
    quality = np.where(given, relative, -np.inf).max(axis=1)
    quality[~labelled] = np.nan
    suggested = np.where(given, -np.inf, p).argmax(axis=1)
    suggested[~labelled | given.all(axis=1)] = -1
    # An average of equal numbers may come out a rounding error above them.
    confident = np.where(p >= thresholds - 1e-9, p, -np.inf)
    likeliest = confident.argmax(axis=1)
    is_confident = np.isfinite(confident.max(axis=1)) & labelled
    agrees = given[np.arange(len(p)), likeliest]
    return LabelErrors(
        quality=quality,
        suggested=suggested,
        is_candidate=is_confident & ~agrees,
        thresholds=thresholds,
        joint=_joint(weights, likeliest, is_confident, agrees),
    )


def _joint(
    weights: Array,
    likeliest: npt.NDArray[np.int64],
    is_confident: npt.NDArray[np.bool_],
    agrees: npt.NDArray[np.bool_],
) -> Array:
    """Estimate the joint distribution of given and true genre."""
    n_genres = weights.shape[1]
    counts = np.zeros((n_genres, n_genres))
    wrong = is_confident & ~agrees
    np.add.at(counts.T, likeliest[wrong], weights[wrong])
    right = is_confident & agrees
    np.add.at(counts, (likeliest[right], likeliest[right]), 1.0)
    rows = counts.sum(axis=1, keepdims=True)
    # A genre nobody is confident about keeps its labels.
    shares = np.where(rows > 0, counts / np.maximum(rows, 1e-12), np.eye(n_genres))
    joint: Array = shares * (weights.sum(axis=0) / weights.sum())[:, None]
    return joint


def predict_out_of_fold(
    features: npt.NDArray[np.float32],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    *,
    seed: int = 0,
    penalty: float | None = None,
) -> Array:
    """Predict every cover by a linear probe that saw no cover of its group.

    Parameters
    ----------
    features : ndarray of float32, shape (n_covers, n_features)
    membership : ndarray of float, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
    seed : int, default=0
        Of the folds.
    penalty : float, optional
        Of the probe; by default searched once, on all covers.

    Returns
    -------
    ndarray of float64, shape (n_covers, n_genres)

    Raises
    ------
    ValueError
        If there are fewer than two groups or two genres.
    """
    if len(np.unique(groups)) < 2:
        message = "predictions out of fold need covers of at least two groups"
        raise ValueError(message)
    if penalty is None:
        penalty = fit_linear_probe(features, membership, groups, seed=seed).penalty
    p = np.zeros(membership.shape)
    for outside, inside in iterate_folds(
        group_folds(groups, membership, n_folds=_N_FOLDS, seed=seed)
    ):
        probe = fit_linear_probe(
            features[outside], membership[outside], groups[outside], penalty=penalty
        )
        p[inside] = probe.predict(features[inside])
    return p


@dataclass(frozen=True, kw_only=True)
class Planting:
    """Which labels are made wrong on purpose, to see whether they are found.

    Parameters
    ----------
    share : float, default=0.05
        Share of labels to flip, in ``(0, 1)``.
    seed : int, default=0
        Decides which labels are flipped, and to what.

    Raises
    ------
    ValueError
        If `share` is not between 0 and 1.
    """

    share: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            message = f"share must be between 0 and 1, got {self.share}"
            raise ValueError(message)


@dataclass(frozen=True, kw_only=True)
class FlipRecovery:
    """How well planted label errors come back.

    Parameters
    ----------
    quality : ndarray of float64, shape (n,)
        Of each labelled cover, with the planted errors in place.
    flipped : ndarray of bool, shape (n,)
        Which labels were made wrong.
    is_candidate : ndarray of bool, shape (n,)
    """

    quality: Array
    flipped: npt.NDArray[np.bool_]
    is_candidate: npt.NDArray[np.bool_]

    @property
    def random_precision(self) -> float:
        """Share of planted errors: the precision of a list in random order."""
        return float(self.flipped.mean())

    @property
    def average_precision(self) -> float:
        """Area under the precision-recall curve; equals `random_precision` for a random order."""
        from sklearn.metrics import average_precision_score

        return float(average_precision_score(self.flipped, -self.quality))

    def at(self, share: float) -> tuple[float, float]:
        """Return precision and recall of the most doubtful `share` of all covers."""
        n_listed = max(1, round(share * len(self.flipped)))
        listed = np.argsort(self.quality, kind="stable")[:n_listed]
        found = int(self.flipped[listed].sum())
        return found / n_listed, found / max(1, int(self.flipped.sum()))

    def chance_of_error(self, quality: npt.NDArray[np.floating[Any]]) -> Array:
        """Translate qualities into the chance that the label is wrong.

        By isotonic regression on the planted errors: it holds where about as
        many labels are wrong by nature as were planted, and wrong at random.
        """
        from sklearn.isotonic import IsotonicRegression

        model = IsotonicRegression(increasing=False, out_of_bounds="clip")
        model.fit(self.quality, self.flipped.astype(np.float64))
        chance: Array = model.predict(np.asarray(quality, np.float64))
        return chance


def measure_flip_recovery(
    features: npt.NDArray[np.float32],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    planting: Planting | None = None,
    *,
    penalty: float | None = None,
) -> FlipRecovery:
    """Make a share of the labels wrong, at random, and look for them.

    A flipped cover gets one genre that it did not have, all others equally likely.

    Parameters
    ----------
    features, membership, groups
        As for `predict_out_of_fold`; unlabelled covers are left out.
    planting : Planting, optional
        Which labels are flipped.
    penalty : float, optional
        As for `predict_out_of_fold`.
    """
    how = planting or Planting()
    labelled = np.flatnonzero(has_genre(np.asarray(membership)))
    wrong = np.array(membership, np.float64)[labelled]
    rng = np.random.default_rng(how.seed)
    flipped = np.zeros(len(labelled), bool)
    n_flipped = max(1, round(how.share * len(labelled)))
    flipped[rng.choice(len(labelled), n_flipped, replace=False)] = True
    for row in np.flatnonzero(flipped):
        others = np.flatnonzero(wrong[row] == 0)
        wrong[row] = 0
        wrong[row, rng.choice(others)] = 1
    p = predict_out_of_fold(
        features[labelled], wrong, groups[labelled], seed=how.seed, penalty=penalty
    )
    found = find_label_errors(p, wrong)
    return FlipRecovery(
        quality=found.quality, flipped=flipped, is_candidate=found.is_candidate
    )
