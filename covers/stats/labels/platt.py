"""Platt scaling: from the log-odds of several sources to one calibrated probability per label.

Letters: N covers, G labels, S sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covers.stats.folds import group_folds, iterate_folds

Array = npt.NDArray[np.float64]

_SMALLEST = 1e-6
# By log-loss on train blocks of a real collection. What each label is allowed of its
# own scrambles rankings of covers that were left out: the fit without a label's best
# covers thinks less of the label.
SLOPE_SPREAD = 0.03
_OFFSET_SPREAD, _OFFSET_SPREAD_KNOWN = 0.5, 0.05
_STEPS = 30
_ROUNDS = 3
_HALVINGS = 40

FLOORS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""What `choose_thresholds` may take, in shares of the threshold that is best over all names."""
_FLOOR_FOLDS = 5
_MOST_FOR_FLOOR = 3000


def log_odds(*probabilities: npt.NDArray[np.floating[Any]]) -> Array:
    """Return the log-odds of probabilities, shape (n_covers, n_labels, n_sources)."""
    p = np.stack(probabilities, axis=2).astype(np.float64)
    p = np.clip(p, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(p / (1 - p)))


@dataclass(frozen=True, kw_only=True)
class Platt:
    """A logistic function of log-odds for each label.

    Parameters
    ----------
    weights : ndarray of float64, shape (n_labels, n_sources)
    offsets : ndarray of float64, shape (n_labels,)

    References
    ----------
    .. [1] Platt, J. (1999). "Probabilistic Outputs for Support Vector Machines".
       Advances in Large Margin Classifiers.
    """

    weights: Array
    offsets: Array

    def apply(self, odds: Array) -> Array:
        """Return calibrated probabilities, shape (n_covers, n_labels)."""
        from scipy.special import expit

        return np.asarray(expit((odds * self.weights).sum(axis=2) + self.offsets))

    @classmethod
    def fit(
        cls,
        odds: Array,
        has: npt.NDArray[np.bool_],
        known: npt.NDArray[np.bool_] | None = None,
    ) -> Platt:
        """Fit all labels: first what they have in common, then each around it.

        The slopes of all labels together say how far the sources can be
        believed. Each label then gets slopes and an offset of its own, drawn
        towards the common ones by a Gaussian prior: a label of two covers
        stays there, one of two hundred goes where its covers are. The cost
        grows with the number of labels and no faster.

        Parameters
        ----------
        odds : ndarray of float64, shape (n_covers, n_labels, n_sources)
            Of covers that no source has been trained on.
        has : ndarray of bool, shape (n_covers, n_labels)
        known : ndarray of bool, shape (n_others, n_labels), optional
            Labels of further covers, such as those that the sources learned from:
            they say how frequent each label is, and only many covers say otherwise.
            Without them the rate of a rare label is mostly luck; and where covers
            are asked that were left out of the fit, it is lower the more of them
            have the label.
        """
        n_covers, n_labels, n_sources = odds.shape
        # Around each label's own mean, so that the offset is about its base rate.
        centre = odds.mean(axis=0)  # (G, S)
        x = np.concatenate(
            [odds - centre, np.ones((n_covers, n_labels, 1))], axis=2
        ).transpose(1, 0, 2)  # (G, N, S + 1)
        y = has.T.astype(np.float64)
        count, n_counted, shift = y.sum(axis=1), n_covers, _OFFSET_SPREAD
        if known is not None:
            shift = _OFFSET_SPREAD_KNOWN
            count, n_counted = known.sum(axis=0).astype(np.float64), len(known)
        rate = (count + 0.5) / (n_counted + 1)
        spread = np.array([*[SLOPE_SPREAD] * n_sources, shift])
        common = np.array([*[1 / max(n_sources, 1)] * n_sources, 0.0])
        start = common.copy()
        for _ in range(_ROUNDS):
            base = _offsets_for(rate, x[:, :, :-1] @ common[:-1])
            common = _newton(
                x.reshape(1, -1, n_sources + 1),
                y.reshape(1, -1),
                np.repeat(base, n_covers)[None],
                start,
                np.full(n_sources + 1, 1.0),
            )[0]
        base = _offsets_for(rate, x[:, :, :-1] @ common[:-1])
        theta = _newton(x, y, base[:, None], common, spread)
        offsets = base + theta[:, -1] - (theta[:, :-1] * centre).sum(axis=1)
        return cls(weights=theta[:, :-1], offsets=offsets)


def _offsets_for(rate: Array, odds: Array) -> Array:
    """Return what is added to the odds of each label so that its probabilities have the rate for their mean.

    Not the log-odds of the rate: on average probabilities lie nearer one half than that of
    the average odds.

    Parameters
    ----------
    rate : ndarray of float64, shape (n_labels,)
        Between 0 and 1, exclusive.
    odds : ndarray of float64, shape (n_labels, n_covers)
    """
    from scipy.special import expit

    low = np.log(rate / (1 - rate)) - odds.max(axis=1)
    high = np.log(rate / (1 - rate)) - odds.min(axis=1)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_high = expit(odds + middle[:, None]).mean(axis=1) > rate
        low, high = np.where(is_high, low, middle), np.where(is_high, middle, high)
    found: Array = (low + high) / 2
    return found


def _newton(x: Array, y: Array, base: Array, prior: Array, spread: Array) -> Array:
    """Return the penalised maximum for each problem, shape (n_problems, n_parameters).

    Parameters
    ----------
    x : ndarray of float64, shape (n_problems, n_covers, n_parameters)
    y, base : ndarray of float64, shape (n_problems, n_covers)
        Whether each has the label; log-odds that are added.
    prior, spread : ndarray of float64, shape (n_parameters,)
        Mean and standard deviation of the parameters.
    """
    from scipy.special import expit

    theta = np.tile(prior, (len(x), 1))

    def loss(t: Array) -> Array:
        z = np.einsum("gnp,gp->gn", x, t) + base
        fit = (np.logaddexp(0, z) - y * z).sum(axis=1)
        return np.asarray(fit + (((t - prior) / spread) ** 2).sum(axis=1) / 2)

    now = loss(theta)
    for _ in range(_STEPS):
        p = expit(np.einsum("gnp,gp->gn", x, theta) + base)
        slope = np.einsum("gnp,gn->gp", x, p - y) + (theta - prior) / spread**2
        bend = np.einsum("gnp,gn,gnq->gpq", x, p * (1 - p), x, optimize=True)
        bend += np.diag(spread**-2.0)
        step = np.linalg.solve(bend, slope[:, :, None])[:, :, 0]
        # Halved where a whole step would overshoot.
        scale = np.ones(len(x))
        then = loss(theta - step)
        while (worse := then > now + 1e-9 * np.abs(now)).any() and scale.min() > 1e-6:
            scale = np.where(worse, scale / 2, scale)
            then = loss(theta - scale[:, None] * step)
        theta = theta - scale[:, None] * step
        if np.abs(scale[:, None] * step).max() < 1e-6:
            break
        now = then
    return theta


def best_thresholds(
    p: Array, has: npt.NDArray[np.bool_], *, trust: float = 20
) -> Array:
    """Return for each label the probability from which on naming it gives the best F1.

    Parameters
    ----------
    p : ndarray of float64, shape (n_covers, n_labels)
        Calibrated.
    has : ndarray of bool, shape (n_covers, n_labels)
    trust : float, default=20
        A label is judged by its covers as far as it has many, and by what its
        probabilities promise as far as it has fewer than this: the best of all
        thresholds for three covers is mostly luck. 0 believes the covers alone.

    Returns
    -------
    ndarray of float64, shape (n_labels,)
        Half-way to the next lower probability, so that a hair's breadth does not decide.

    Examples
    --------
    >>> p, has = np.array([[0.9], [0.4], [0.2]]), np.array([[True], [True], [False]])
    >>> best_thresholds(p, has, trust=0).round(2)
    array([0.3])
    """
    n_has = has.sum(axis=0)  # (G,)
    own = n_has / np.maximum(n_has + trust, 1e-12)
    believed = own * has + (1 - own) * p  # (N, G)
    order = np.argsort(-p, axis=0, kind="stable")
    ranked = np.take_along_axis(p, order, axis=0)
    hits = np.cumsum(np.take_along_axis(believed, order, axis=0), axis=0)
    n_named = np.arange(1, len(p) + 1)[:, None]
    f1 = 2 * hits / (n_named + believed.sum(axis=0))
    f1[:-1][ranked[:-1] == ranked[1:]] = -1  # equal probabilities go together
    best = f1.argmax(axis=0)
    columns = np.arange(p.shape[1])
    below = np.where(
        best + 1 < len(p), ranked[np.minimum(best + 1, len(p) - 1), columns], 0.0
    )
    found: Array = np.maximum((ranked[best, columns] + below) / 2, _SMALLEST)
    return found


def choose_thresholds(
    p: Array, has: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64]
) -> Array:
    """Return for each label the probability from which on it is named.

    That of the best F1 of the label, but never below a share of the one that is
    best over the names of all labels together: where little can be told, the best
    F1 of a rare label names nearly everything. Which of `FLOORS` that share is, is
    decided by the names of folds that the thresholds were not fitted on: the one with
    the best micro-F1.

    Parameters
    ----------
    p : ndarray of float64, shape (n_covers, n_labels)
        Calibrated.
    has : ndarray of bool, shape (n_covers, n_labels)
    groups : ndarray of int64, shape (n_covers,)
        Kept together in the folds.

    Returns
    -------
    ndarray of float64, shape (n_labels,)
    """
    own, shared = best_thresholds(p, has), _shared_threshold(p, has)
    found: Array = np.maximum(own, choose_floor(p, has, groups) * shared)
    return found


def choose_floor(
    p: Array, has: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64]
) -> float:
    """Return which of `FLOORS` names best on folds that thresholds were not fitted on; the higher of equals."""
    if len(p) > _MOST_FOR_FLOOR:
        kept = np.random.default_rng(0).permutation(len(p))[:_MOST_FOR_FLOOR]
        p, has, groups = p[kept], has[kept], groups[kept]
    folds = group_folds(groups, has.astype(np.float64), n_folds=_FLOOR_FOLDS)
    hits, n_named = np.zeros(len(FLOORS)), np.zeros(len(FLOORS))
    for outside, inside in iterate_folds(folds):
        own = best_thresholds(p[outside], has[outside])
        shared = _shared_threshold(p[outside], has[outside])
        for place, floor in enumerate(FLOORS):
            named = p[inside] >= np.maximum(own, floor * shared)
            hits[place] += np.count_nonzero(named & has[inside])
            n_named[place] += np.count_nonzero(named)
    f1 = 2 * hits / np.maximum(n_named + np.count_nonzero(has), 1)
    return FLOORS[int(np.flatnonzero(f1 >= f1.max() - 1e-12)[-1])]


def _shared_threshold(p: Array, has: npt.NDArray[np.bool_]) -> float:
    """Return the probability from which on naming has the best F1 over the names of all labels."""
    return float(best_thresholds(p.reshape(-1, 1), has.reshape(-1, 1))[0])
