"""What every result must be compared with: chance, frequency, simple features.

Letters: N references, Q queries, F features, G genres.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covers.classify.voting import SEED_RECIPE, label_shares, vote_with
from covers.stats.folds import group_folds, iterate_folds
from covers.stats.labels.figures import label_losses
from covers.stats.labels.logistic import Logistic, fit_logistic
from covers.stats.metrics import log_losses
from covers.stats.minimise import one_thread
from covers.stats.neighbours import Neighbours, find_neighbours

Array = npt.NDArray[np.float64]

PENALTIES = (0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
_MOST_COVERS = 4000
_MOST_SEARCHED = 50


def guess_uniformly(n_queries: int, n_genres: int) -> Array:
    """Return chance: every genre is as likely, shape (n_queries, n_genres)."""
    return np.full((n_queries, n_genres), 1 / n_genres)


def guess_frequency(n_queries: int, membership: npt.NDArray[np.floating[Any]]) -> Array:
    """Return the genres' shares among the references for every query, shape (n_queries, n_genres)."""
    base = np.asarray(membership, np.float64).sum(axis=0)
    return np.tile(base / base.sum(), (n_queries, 1))


def find_by_features(
    features: npt.NDArray[np.float32],
    queries: npt.NDArray[np.int64],
    references: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64] | None,
) -> Neighbours:
    """Find the five nearest references of some covers by features that nobody trained.

    Parameters
    ----------
    features : ndarray of float32, shape (n_covers, n_features)
        L2-normalised: colour histograms, or features of the untrained backbone.
    queries, references : ndarray of int64
        Rows of `features`.
    groups : ndarray of int64, shape (n_covers,), or None
        References of a query's own group are left out; None leaves nothing out.

    Returns
    -------
    Neighbours
        Rows into `references`.
    """
    return find_neighbours(
        features[queries],
        features[references],
        k=SEED_RECIPE.k,
        query_groups=None if groups is None else groups[queries],
        reference_groups=None if groups is None else groups[references],
    )


def vote_plainly(near: Neighbours, membership: npt.NDArray[np.floating[Any]]) -> Array:
    """Let five neighbours vote nearly equally, shape (n_queries, n_genres).

    This is the plain recipe (frozen features, k = 5) that a trained network
    has to beat; nothing is tuned.
    """
    return vote_with(SEED_RECIPE, near, membership)


def share_plainly(near: Neighbours, membership: npt.NDArray[np.floating[Any]]) -> Array:
    """Return the share of five neighbours that has each genre, for independent genres."""
    return label_shares(SEED_RECIPE, near, membership)


@dataclass(frozen=True, kw_only=True)
class LabelProbe:
    """A logistic regression on frozen features for each independent genre.

    Parameters
    ----------
    model : Logistic
    centre : ndarray of float32, shape (n_features,)
    scale : float
        Features are centred and divided by this before the model sees them.
    penalty : float
        scikit-learn's ``C``: small is stiff, large is loose.
    """

    model: Logistic
    centre: npt.NDArray[np.float32]
    scale: float
    penalty: float

    def predict(self, features: npt.NDArray[np.float32]) -> Array:
        """Return the probability of each genre by itself, shape (n_queries, n_genres)."""
        from scipy.special import expit

        scaled = (features - self.centre) / self.scale
        return np.asarray(expit(self.model.log_odds(scaled)))


def fit_label_probe(
    features: npt.NDArray[np.float32],
    has: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64],
    *,
    penalty: float | None = None,
    seed: int = 0,
) -> LabelProbe:
    """Fit a linear probe of independent genres; its penalty by log-loss over three folds.

    Parameters
    ----------
    features : ndarray of float32, shape (n_references, n_features)
    has : ndarray of bool, shape (n_references, n_genres)
    groups : ndarray of int64, shape (n_references,)
        Kept together in the folds.
    penalty : float, optional
        Take this one of `PENALTIES` instead of searching. The search goes by
        the `_MOST_SEARCHED` most frequent genres.
    seed : int, default=0
        Of the folds.
    """
    centre = features.mean(axis=0)
    scale = float((features - centre).std()) or 1.0
    points = (features - centre) / scale
    if penalty is None:
        frequent = np.argsort(-has.sum(axis=0), kind="stable")[:_MOST_SEARCHED]
        penalty = _choose_label_penalty(points, has[:, frequent], groups, seed)
    return LabelProbe(
        model=fit_logistic(points, has, penalty=penalty),
        centre=centre,
        scale=scale,
        penalty=penalty,
    )


def _choose_label_penalty(
    points: npt.NDArray[np.float32],
    has: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64],
    seed: int,
) -> float:
    """Return the penalty with the lowest cross-fitted log-loss."""
    from scipy.special import expit

    if len(points) > _MOST_COVERS:
        rng = np.random.default_rng(seed)
        kept = rng.choice(len(points), _MOST_COVERS, replace=False)
        points, has, groups = points[kept], has[kept], groups[kept]
    folds = list(
        iterate_folds(group_folds(groups, has.astype(float), n_folds=3, seed=seed))
    )
    models: list[Logistic | None] = [None] * len(folds)
    best, lowest = PENALTIES[0], np.inf
    for penalty in PENALTIES:
        loss = 0.0
        for fold, (outside, inside) in enumerate(folds):
            model = fit_logistic(
                points[outside], has[outside], penalty=penalty, start=models[fold]
            )
            p = expit(model.log_odds(points[inside]))
            loss += float(label_losses(p, has[inside]).sum())
            models[fold] = model
        if loss > lowest:
            break  # looser ones only take longer: the loss has one valley
        best, lowest = penalty, loss
    return best


@dataclass(frozen=True, kw_only=True)
class LinearProbe:
    """A multinomial logistic regression on frozen features.

    Parameters
    ----------
    model : sklearn.linear_model.LogisticRegression
    centre : ndarray of float32, shape (n_features,)
    scale : float
        Features are centred and divided by this before the model sees them.
    penalty : float
        scikit-learn's ``C``: small is stiff, large is loose.
    n_genres : int
    """

    model: Any
    centre: npt.NDArray[np.float32]
    scale: float
    penalty: float
    n_genres: int

    def predict(self, features: npt.NDArray[np.float32]) -> Array:
        """Return distributions over genres, shape (n_queries, n_genres)."""
        p = np.zeros((len(features), self.n_genres))
        scaled = (features - self.centre) / self.scale
        p[:, self.model.classes_] = self.model.predict_proba(scaled)
        return p


def fit_linear_probe(
    features: npt.NDArray[np.float32],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    *,
    penalty: float | None = None,
    seed: int = 0,
) -> LinearProbe:
    """Fit a linear probe; its penalty by log-loss over three folds that keep groups together.

    Parameters
    ----------
    features : ndarray of float32, shape (n_references, n_features)
    membership : ndarray of float, shape (n_references, n_genres)
        A cover of m genres is m examples of weight 1/m.
    groups : ndarray of int64, shape (n_references,)
    penalty : float, optional
        Take this one of `PENALTIES` instead of searching.
    seed : int, default=0
        Of the folds.
    """
    if penalty is None:
        penalty = _choose_penalty(features, membership, groups, seed)
    return _fit(features, membership, penalty)


def _choose_penalty(
    features: npt.NDArray[np.float32],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    seed: int,
) -> float:
    """Return the penalty with the lowest cross-fitted log-loss."""
    if len(features) > _MOST_COVERS:
        rng = np.random.default_rng(seed)
        kept = rng.choice(len(features), _MOST_COVERS, replace=False)
        features, membership, groups = features[kept], membership[kept], groups[kept]
    m = np.asarray(membership, np.float64)
    folds = group_folds(groups, m, n_folds=3, seed=seed)
    best, lowest = PENALTIES[0], np.inf
    for penalty in PENALTIES:
        loss = 0.0
        for outside, inside in iterate_folds(folds):
            p = _fit(features[outside], m[outside], penalty).predict(features[inside])
            loss += float(log_losses(p, m[inside]).sum())
        if loss > lowest:
            break  # looser ones only take longer: the loss has one valley
        best, lowest = penalty, loss
    return best


def _fit(
    features: npt.NDArray[np.float32],
    membership: npt.NDArray[np.floating[Any]],
    penalty: float,
) -> LinearProbe:
    """Fit with a given penalty."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    centre = features.mean(axis=0)
    scale = float((features - centre).std()) or 1.0
    cover, genre = np.nonzero(membership)
    if len(np.unique(genre)) < 2:
        message = "a linear probe needs covers of at least two genres"
        raise ValueError(message)
    model = LogisticRegression(C=penalty, max_iter=300, tol=1e-3)
    with one_thread(), warnings.catch_warnings():
        # A loosely penalised probe may stop early; the search then prefers a stiffer one.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(
            ((features - centre) / scale)[cover],
            genre,
            sample_weight=np.asarray(membership, np.float64)[cover, genre],
        )
    return LinearProbe(
        model=model,
        centre=centre,
        scale=scale,
        penalty=penalty,
        n_genres=membership.shape[1],
    )
