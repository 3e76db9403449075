"""Probabilities that mean what they say.

A calibrator turns the distributions of a method into calibrated ones; it is
fitted on covers that the method has not seen. Which kind is used is decided by
log-loss on covers that the calibrator in turn has not seen (folds that keep
groups together). Letters: N covers, G genres.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.stats.metrics import SMALLEST_PROBABILITY, log_losses
from covers.stats.significance import is_certainly_lower

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Array = npt.NDArray[np.float64]

_GROUPS_FOR_STEPS = 10
_SLOPE_SPREAD = 0.5  # wider ones cost log-loss where there are ten artists
_MOST_COVERS = 4000  # more do not make a handful of parameters better, only slower


class CalibratorKind(StrEnum):
    """Ways of calibrating, simplest first."""

    NONE = "none"
    TEMPERATURE = "temperature"
    VECTOR = "vector"
    DIRICHLET = "dirichlet"
    ISOTONIC = "isotonic"


RULE = (CalibratorKind.TEMPERATURE, CalibratorKind.NONE)
"""Kinds that need no proof, see `choose_calibrator`."""

ORDER_PRESERVING = (CalibratorKind.NONE, CalibratorKind.TEMPERATURE)
"""Kinds that never change which genre is the likeliest."""


@dataclass(frozen=True, kw_only=True)
class Calibrator:
    """A fitted map from distributions to distributions.

    Parameters
    ----------
    kind : CalibratorKind
        ``temperature``: ``softmax(slope * log p)``; ``vector``: the same with a
        shift per genre; ``dirichlet``: a full matrix in place of the slope;
        ``isotonic``: a rising step function per genre, then normalised;
        ``none``: unchanged.
    matrix : ndarray of float64, shape (n_genres, n_genres)
        Applied to log-probabilities; diagonal but for ``dirichlet``.
    shift : ndarray of float64, shape (n_genres,)
    steps : tuple of (list of float, list of float)
        Knots of each genre's function; only for ``isotonic``.

    References
    ----------
    .. [1] Guo, C. et al. (2017). "On Calibration of Modern Neural Networks". ICML.
    .. [2] Kull, M. et al. (2019). "Beyond temperature scaling: Obtaining
       well-calibrated multiclass probabilities with Dirichlet calibration". NeurIPS.
    .. [3] Alexandari, A., Kundaje, A., Shrikumar, A. (2020). "Maximum likelihood
       with bias-corrected calibration is hard-to-beat at label shift adaptation". ICML.
    .. [4] Zadrozny, B., Elkan, C. (2002). "Transforming classifier scores into
       accurate multiclass probability estimates". KDD.
    """

    kind: CalibratorKind
    matrix: Array
    shift: Array
    steps: tuple[tuple[list[float], list[float]], ...] = ()

    def apply(self, probabilities: npt.NDArray[np.floating[Any]]) -> Array:
        """Calibrate distributions, shape (n_covers, n_genres)."""
        p = np.asarray(probabilities, np.float64)
        if self.kind == CalibratorKind.NONE:
            return p
        if self.kind == CalibratorKind.ISOTONIC:
            columns = [np.interp(p[:, j], x, y) for j, (x, y) in enumerate(self.steps)]
            stacked = np.maximum(np.column_stack(columns), SMALLEST_PROBABILITY)
            return np.asarray(stacked / stacked.sum(axis=1, keepdims=True))
        return softmax(log_probabilities(p) @ self.matrix.T + self.shift)

    def to_json(self) -> dict[str, Any]:
        """Return the calibrator as JSON values."""
        return {
            "kind": str(self.kind),
            "matrix": self.matrix.tolist(),
            "shift": self.shift.tolist(),
            "steps": [[list(x), list(y)] for x, y in self.steps],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibrator:
        """Read what `to_json` wrote."""
        return cls(
            kind=CalibratorKind(values["kind"]),
            matrix=np.asarray(values["matrix"], np.float64),
            shift=np.asarray(values["shift"], np.float64),
            steps=tuple((list(x), list(y)) for x, y in values["steps"]),
        )


def log_probabilities(p: npt.NDArray[np.floating[Any]]) -> Array:
    """Return logarithms, finite also for a probability of zero."""
    return np.log(np.maximum(np.asarray(p, np.float64), 1e-12))


def softmax(logits: npt.NDArray[np.floating[Any]]) -> Array:
    """Return ``exp(logits)`` with rows that sum to one, shape (n_covers, n_genres)."""
    z = np.asarray(logits, np.float64)
    z = np.exp(z - z.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(z / z.sum(axis=1, keepdims=True))


def fit_calibrator(
    kind: CalibratorKind,
    probabilities: npt.NDArray[np.floating[Any]],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64] | None = None,
) -> Calibrator:
    """Fit one kind of calibrator by log-loss.

    Parameters
    ----------
    kind : CalibratorKind
    probabilities : ndarray of float, shape (n_covers, n_genres)
        Of covers the method has not been trained on.
    membership : ndarray of float, shape (n_covers, n_genres)
        Their genres; no row of zeros.
    groups : ndarray of int64, shape (n_covers,), optional
        What counts as one observation against the priors; by default every
        cover. A genre of which the covers of one artist are missing by chance
        must not be ruled out.
    """
    n_genres = probabilities.shape[1]
    identity, zero = np.eye(n_genres), np.zeros(n_genres)
    target = np.asarray(membership, np.float64)
    if kind == CalibratorKind.NONE:
        return Calibrator(kind=kind, matrix=identity, shift=zero)
    if kind == CalibratorKind.ISOTONIC:
        steps = _fit_isotonic(np.asarray(probabilities, np.float64), target)
        return Calibrator(kind=kind, matrix=identity, shift=zero, steps=steps)
    basis, start, spread = _parameters(kind, n_genres)
    logs = log_probabilities(probabilities)
    n_covers = len(logs)
    n_groups = n_covers if groups is None else len(np.unique(groups))

    def loss(theta: Array) -> tuple[float, Array]:
        matrix, shift = _unpack(theta @ basis, n_genres)
        p = softmax(logs @ matrix.T + shift)
        gap = (p - target) / n_covers  # (N, G)
        pulled = (theta - start) / spread
        value = log_losses(p, target).mean() + (pulled**2).sum() / (2 * n_groups)
        full = np.concatenate([(gap.T @ logs).ravel(), gap.sum(axis=0)])
        return float(value), basis @ full + pulled / spread / n_groups

    matrix, shift = _unpack(minimise(loss, start) @ basis, n_genres)
    return Calibrator(kind=kind, matrix=matrix, shift=shift)


def _unpack(full: Array, n_genres: int) -> tuple[Array, Array]:
    """Cut all coefficients into matrix and shift."""
    return full[:-n_genres].reshape(n_genres, n_genres), full[-n_genres:]


def _parameters(kind: CalibratorKind, n_genres: int) -> tuple[Array, Array, Array]:
    """Return what each free parameter moves, where it starts, and how far it may go.

    The spread is that of a Gaussian prior worth one observation: it keeps few of
    them from bending many parameters.
    """
    identity = np.eye(n_genres)
    slope = np.concatenate([identity.ravel(), np.zeros(n_genres)])[None, :]
    shifts = np.hstack([np.zeros((n_genres, n_genres**2)), identity])
    if kind == CalibratorKind.TEMPERATURE:
        return slope, np.ones(1), np.full(1, _SLOPE_SPREAD)
    if kind == CalibratorKind.VECTOR:
        start = np.concatenate([np.ones(1), np.zeros(n_genres)])
        spread = np.where(start > 0, _SLOPE_SPREAD, 1.0)
        return np.vstack([slope, shifts]), start, spread
    start = np.concatenate([identity.ravel(), np.zeros(n_genres)])
    spread = np.concatenate(
        [np.where(identity > 0, 1.0, 0.15).ravel(), np.ones(n_genres)]
    )
    return np.eye(len(start)), start, spread


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep BLAS from starting threads for matrices of a few numbers.

    Measured on two busy cores: an evaluation of 600 covers takes 5 s of
    processor time with one thread and 50 s with two that wait for each other.
    """
    with _thread_pools().limit(limits=1, user_api="blas"):
        yield


@cache
def _thread_pools() -> Any:
    """Find the libraries that keep threads; once, because it takes milliseconds."""
    from threadpoolctl import (  # type: ignore[import-untyped,unused-ignore]
        ThreadpoolController,
    )

    return ThreadpoolController()


def minimise(
    loss: Callable[[Array], tuple[float, Array]],
    start: Array,
    bounds: Sequence[tuple[float | None, float | None]] | None = None,
) -> Array:
    """Minimise a smooth function that returns its value and gradient."""
    from scipy.optimize import minimize

    with one_thread():
        found = minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 300},
        )
    return np.asarray(found.x, np.float64)


def _fit_isotonic(
    p: Array, membership: Array
) -> tuple[tuple[list[float], list[float]], ...]:
    """Fit a rising function per genre, with one cover's worth of the base rate mixed in."""
    from sklearn.isotonic import IsotonicRegression

    steps = []
    for j in range(p.shape[1]):
        # The ends hold half a cover each, so that no probability becomes 0 or 1.
        x = np.r_[p[:, j], 0.0, 1.0]
        y = np.r_[membership[:, j], 0.0, 1.0]
        base = membership[:, j].mean()
        y[-2:] = 0.5 * base, 0.5 + 0.5 * base
        model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(x, y)
        steps.append((model.X_thresholds_.tolist(), model.y_thresholds_.tolist()))
    return tuple(steps)


def group_folds(
    groups: npt.NDArray[np.int64],
    membership: npt.NDArray[np.floating[Any]],
    *,
    n_folds: int = 5,
    seed: int = 0,
) -> npt.NDArray[np.int64]:
    """Deal covers into folds that keep groups together and genres balanced.

    Parameters
    ----------
    groups : ndarray of int64, shape (n_covers,)
    membership : ndarray of float, shape (n_covers, n_genres)
    n_folds : int, default=5
        Fewer are made where there are fewer groups.
    seed : int, default=0

    Returns
    -------
    ndarray of int64, shape (n_covers,)
        Fold of each cover, from 0.
    """
    distinct, members = np.unique(groups, return_inverse=True)
    n_folds = max(1, min(n_folds, len(distinct)))
    by_group = np.zeros((len(distinct), membership.shape[1] + 1))  # (U, G + 1)
    np.add.at(by_group, members, np.column_stack([membership, np.ones(len(groups))]))
    totals = np.maximum(by_group.sum(axis=0), 1e-9)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(distinct))
    order = order[np.argsort(-by_group[order, -1], kind="stable")]
    filled = np.zeros((n_folds, by_group.shape[1]))
    fold_of = np.empty(len(distinct), np.int64)
    for group in order:
        share = by_group[group] / totals
        # The fold that has least of what this group is made of.
        load = (filled / totals) @ share
        fold = int(np.lexsort((filled[:, -1], load.round(12)))[0])
        fold_of[group] = fold
        filled[fold] += by_group[group]
    return fold_of[members]


def iterate_folds(
    folds: npt.NDArray[np.int64],
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yield the rows outside and inside of each fold; everything twice where there is one fold."""
    for fold in range(int(folds.max()) + 1):
        inside = np.flatnonzero(folds == fold)
        outside = np.flatnonzero(folds != fold)
        yield (outside if len(outside) else inside), inside


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The calibrator that won, and by what.

    Parameters
    ----------
    calibrator : Calibrator
        Of the winning kind, fitted on all covers.
    log_losses : dict of str to float
        Cross-fitted log-loss of every kind that was tried.
    """

    calibrator: Calibrator
    log_losses: dict[str, float]


def choose_calibrator(
    probabilities: npt.NDArray[np.floating[Any]],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    *,
    kinds: Sequence[CalibratorKind] = tuple(CalibratorKind),
    n_folds: int = 5,
    seed: int = 0,
) -> Choice:
    """Choose the kind of calibrator by cross-fitted log-loss and fit it on all covers.

    A temperature is the rule, because it never changes which genre is the
    likeliest and takes one number. Another kind has to be certainly better, see
    `covers.stats.significance.is_certainly_lower`: on real covers the kinds with more numbers won by chance
    and then read fewer covers right.

    Parameters
    ----------
    probabilities, membership : ndarray of float, shape (n_covers, n_genres)
        Of covers the method has not been trained on.
    groups : ndarray of int64, shape (n_covers,)
        Kept together in the folds.
    kinds : sequence of CalibratorKind
        Candidates. The first of `RULE` among them needs no proof.
    n_folds, seed : int
        See `group_folds`.
    """
    p = np.asarray(probabilities, np.float64)
    target = np.asarray(membership, np.float64)
    if len(p) > _MOST_COVERS:
        kept = np.random.default_rng(seed).choice(len(p), _MOST_COVERS, replace=False)
        p, target, groups = p[kept], target[kept], groups[kept]
    kinds = [kind for kind in kinds if _is_supported(kind, target, groups)]
    folds = group_folds(groups, target, n_folds=n_folds, seed=seed)
    losses = {kind: np.empty(len(p)) for kind in kinds}
    for outside, inside in iterate_folds(folds):
        for kind in kinds:
            calibrator = fit_calibrator(
                kind, p[outside], target[outside], groups[outside]
            )
            losses[kind][inside] = log_losses(
                calibrator.apply(p[inside]), target[inside]
            )
    best = min(kinds, key=lambda kind: losses[kind].mean())
    rule = next((kind for kind in RULE if kind in kinds), best)
    if not is_certainly_lower(losses[best], losses[rule], groups, n_tried=len(kinds)):
        best = rule
    return Choice(
        calibrator=fit_calibrator(best, p, target, groups),
        log_losses={str(kind): float(lost.mean()) for kind, lost in losses.items()},
    )


def _is_supported(
    kind: CalibratorKind, membership: Array, groups: npt.NDArray[np.int64]
) -> bool:
    """Say whether there are enough groups of every genre for a function of its own."""
    if kind != CalibratorKind.ISOTONIC:
        return True
    counts = [len(np.unique(groups[column > 0])) for column in membership.T]
    return min(counts) >= _GROUPS_FOR_STEPS
