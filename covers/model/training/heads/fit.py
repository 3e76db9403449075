"""The head's closed-form start: principal axes, a linear probe, and a metric learned from it.

Fine-tuning starts from here rather than from random numbers [1]_, and where
there is little to fine-tune on, this is most of what a cover gives away.
Letters: N covers, F statistics, D embedding dimensions, G genres.

References
----------
.. [1] Kumar, A., Raghunathan, A., Jones, R., Ma, T., Liang, P. (2022). "Fine-Tuning
   can Distort Pretrained Features and Underperform Out-of-Distribution". ICLR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from covers.stats.folds import group_folds, iterate_folds
from covers.stats.labels.logistic import Logistic, fit_logistic
from covers.stats.unit_vectors import unit_rows

if TYPE_CHECKING:
    from torch import Tensor

    from covers.model.network.head import Head

Floats = npt.NDArray[np.float32]

PENALTIES = (0.1, 0.3, 1.0, 3.0)
"""Inverse strengths of regularisation to choose from, by grouped cross-validation."""

N_FOLDS = 4
"""Folds of groups over which the penalty is chosen."""

MOST_MIXED = 1_000
"""Train covers above which a head learns enough from the covers alone, without mixtures."""

_SLOPES = (0.6, 0.8, 1.0, 1.25)
"""Inverse temperatures to compare losses at: calibration comes later."""

_MOST_DRAWS = 30

_MOST_SEARCHED = 50
"""Independent genres, the most frequent ones, by which the penalty is chosen."""

WHITENING = 0.75
"""How far the principal axes are made equally long: 0 leaves them, 1 whitens."""

METRIC_STRENGTH = 1.0
"""How much longer the most telling direction becomes: 0 leaves what looks alike
together, towards 8 only genre counts. Both were measured on two real collections
with grouped folds, see docs/method/training.md."""


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """How a head is fitted.

    Parameters
    ----------
    class_balance : float
        0 weighs covers equally, 1 weighs genres equally.
    multi_label : bool
        Independent genres instead of membership that sums to one.
    seed : int
        Seed of the randomised decomposition and the folds.
    penalty : float, optional
        Of both fits, where cross-validation would be misled: a backbone that was
        tuned on these covers tells them apart better than others.
    mixes : bool, default=False
        Whether mixtures of covers are learned from too, see `Mixtures`.
    """

    class_balance: float
    multi_label: bool
    seed: int
    penalty: float | None = None
    mixes: bool = False


def learns_from_mixtures(n_covers: int, *, multi_label: bool) -> bool:
    """Say whether a head on a pretrained backbone learns from mixtures of so many covers too."""
    return not multi_label and n_covers <= MOST_MIXED


def start_head(
    head: Head,
    statistics: Tensor,
    membership: Tensor,
    groups: npt.NDArray[np.int64],
    settings: HeadSettings,
) -> float:
    """Fit the head in closed form to the statistics of covers and their genres.

    They are standardised, projected onto their principal axes and partly
    whitened: neighbours are already those of the untouched backbone. A linear
    probe on the unit embeddings then says which directions tell genres apart;
    these are lengthened, and the probe is fitted again as the classifier, where
    asked for on mixtures of covers too. The penalty of both fits is the one with
    which all of this answers best for the covers as they are; mirror images and
    mixtures are only learned from.

    Parameters
    ----------
    head : Head
        Changed in place.
    statistics : Tensor of float32, shape (n_views * n_covers, n_features)
        Of the train side; behind them, in the same order, those of mirror images,
        where there are any.
    membership : Tensor of float32, shape (n_covers, n_genres)
        1/m for each of a cover's m genres, or 1 for each when `multi_label`.
    groups : ndarray of int64, shape (n_covers,)
        Covers that must stay on one side when the penalty is chosen.
    settings : HeadSettings

    Returns
    -------
    float
        The penalty, out of `PENALTIES` unless given.
    """
    seed, multi_label = settings.seed, settings.multi_label
    axes, mean, variance = principal_axes(statistics, head.project.out_features, seed)
    norm = head.standardise
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    standard = (statistics - mean) / torch.sqrt(variance + norm.eps)  # (N, F)
    points = (standard @ axes.T).numpy()  # (N, D)
    probe = Probe(membership.numpy(), groups, settings)
    penalty = settings.penalty
    if penalty is None:
        choose = probe.choose_penalty_of_many if multi_label else probe.choose_penalty
        penalty = choose(points)
    metric, coefficients, offsets = probe.fit_twice(points, penalty)
    scale = float(head.scale.detach())
    with torch.no_grad():
        head.project.weight.copy_(torch.from_numpy(metric).T @ axes)
        head.project.bias.zero_()
        head.classify.weight.copy_(torch.from_numpy(coefficients / scale))
        head.classify.bias.copy_(torch.from_numpy(offsets))
    return penalty


def principal_axes(
    statistics: Tensor, n_axes: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return whitening principal axes (D, F) of the standardised statistics, and mean and variance (F,).

    Axes beyond the rank of the statistics are zero.
    """
    variance, mean = torch.var_mean(statistics, dim=0)
    variance = variance.clamp_min(1e-6)
    standard = (statistics - mean) / variance.sqrt()  # (N, F)
    n_kept = min(n_axes, len(standard) - 1, standard.shape[1])
    torch.manual_seed(seed)
    _, spread, directions = torch.pca_lowrank(standard, q=n_kept, center=False, niter=4)
    scales = (spread / len(standard) ** 0.5).clamp_min(1e-3)
    axes = torch.zeros(n_axes, standard.shape[1])
    axes[:n_kept] = (directions / scales**WHITENING).T
    return axes, mean, variance


def genre_weights(membership: Floats, strength: float) -> Floats:
    """Return the weight of each genre, shape (G,)."""
    counts = np.maximum(membership.sum(axis=0), 1.0)
    return np.asarray((counts.mean() / counts) ** strength, np.float32)


def _lengthen(coefficients: Floats) -> Floats:
    """Return the metric (D, D) that stretches the directions a probe (G, D) uses."""
    centred = coefficients - coefficients.mean(axis=0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    stretch = METRIC_STRENGTH * spread / max(float(spread[0]), 1e-12)
    metric = np.eye(coefficients.shape[1]) + (directions.T * stretch) @ directions
    return np.asarray(metric, np.float32)


@dataclass(frozen=True)
class Mixtures:
    """Mixtures of each cover with another of its genre: what could lie between two artists.

    Parameters
    ----------
    partners : ndarray of int64, shape (n_covers,)
        With which each is mixed: of another group, or itself where its genre has none.
    shares : ndarray of float32, shape (n_covers, 1)
        How much of each is its own.
    """

    partners: npt.NDArray[np.int64]
    shares: Floats

    @classmethod
    def draw(
        cls, membership: Floats, groups: npt.NDArray[np.int64], seed: int
    ) -> Mixtures:
        """Draw a partner and a share, even between 0 and 1, for each cover."""
        rng = np.random.default_rng(seed)
        genres = membership.argmax(axis=1)
        partners = np.arange(len(groups))
        for genre in np.unique(genres):
            members = np.flatnonzero(genres == genre)
            lacking = members
            for _ in range(_MOST_DRAWS):
                partners[lacking] = rng.choice(members, len(lacking))
                lacking = lacking[groups[partners[lacking]] == groups[lacking]]
            partners[lacking] = lacking
        return cls(partners, rng.random((len(groups), 1), np.float32))

    def of(self, values: Floats) -> Floats:
        """Mix the covers' values (n_covers, ...), which are points or membership."""
        return self.shares * values + (1 - self.shares) * values[self.partners]


class Probe:
    """Logistic regression against membership of genres.

    Points (n_views * n_covers, D) may hold several views of the covers, one block
    after the other: all are fitted on, each counting as its share of a cover, and
    the first is asked about. Where its settings say `mixes`, it fits the second time on mixtures of
    covers too, each counting as much as a cover.
    """

    def __init__(
        self,
        membership: Floats,
        groups: npt.NDArray[np.int64],
        settings: HeadSettings,
    ) -> None:
        self.membership, self.groups, self.settings = membership, groups, settings
        self.weights = genre_weights(membership, settings.class_balance)

    def fit(
        self, points: Floats, penalty: float, rows: npt.NDArray[np.int64] | None = None
    ) -> tuple[Floats, Floats]:
        """Return coefficients (G, D) and offsets (G,)."""
        rows, covers_of = self._views(len(points), rows)
        pull = penalty * len(self.membership) / len(points)
        return self._solve(points[rows], self.membership[covers_of], pull)

    def _fit_mixed(
        self, points: Floats, penalty: float, covers: npt.NDArray[np.int64] | None
    ) -> tuple[Floats, Floats]:
        """Return coefficients (G, D) and offsets (G,) by covers, and as many mixtures of them."""
        covers = np.arange(len(self.membership)) if covers is None else covers
        rows, covers_of = self._views(len(points), covers)
        membership = self.membership[covers]
        mixtures = Mixtures.draw(membership, self.groups[covers], self.settings.seed)
        known = points[rows].reshape(-1, len(covers), points.shape[1])  # (V, n, D)
        mixed = np.concatenate([mixtures.of(view) for view in known])
        both = np.concatenate([points[rows], mixed])
        shares = np.tile(mixtures.of(membership), (len(known), 1))
        pull = penalty / (2 * len(known))
        return self._solve(
            unit_rows(both),
            np.concatenate([self.membership[covers_of], shares]),
            pull,
        )

    def _solve(
        self, points: Floats, membership: Floats, penalty: float
    ) -> tuple[Floats, Floats]:
        """Return coefficients (G, D) and offsets (G,) by points (n, D) of known membership (n, G)."""
        if self.settings.multi_label:
            found = fit_logistic(points, membership > 0, penalty=penalty)
            return (
                found.coefficients.astype(np.float32),
                found.offsets.astype(np.float32),
            )
        covers, genres = np.nonzero(membership)
        weight = membership[covers, genres] * self.weights[genres]
        model = _regression(penalty)
        model.fit(points[covers], genres, sample_weight=weight)
        n_genres = membership.shape[1]
        coefficients = np.zeros((n_genres, points.shape[1]), np.float32)
        offsets = np.full(n_genres, -10.0, np.float32)
        if len(model.classes_) == 2:
            coefficients[model.classes_] = (
                np.concatenate([-model.coef_, model.coef_]) / 2
            )
            offsets[model.classes_] = (
                np.concatenate([-model.intercept_, model.intercept_]) / 2
            )
        else:
            coefficients[model.classes_] = model.coef_
            offsets[model.classes_] = model.intercept_
        return coefficients, offsets

    def _views(
        self, n_points: int, covers: npt.NDArray[np.int64] | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the points of all views of some (by default all) covers, and the cover of each."""
        n = len(self.membership)
        covers = np.arange(n) if covers is None else covers
        starts = np.arange(0, n_points, n)
        return (starts[:, None] + covers).ravel(), np.tile(covers, len(starts))

    def fit_twice(
        self, points: Floats, penalty: float, rows: npt.NDArray[np.int64] | None = None
    ) -> tuple[Floats, Floats, Floats]:
        """Return the metric (D, D) learned by a first fit, and what a second finds in it."""
        first, _ = self.fit(unit_rows(points), penalty, rows)
        metric = _lengthen(first)
        if self.settings.mixes:
            return metric, *self._fit_mixed(points @ metric, penalty, rows)
        return metric, *self.fit(unit_rows(points @ metric), penalty, rows)

    def folds(self) -> npt.NDArray[np.int64]:
        """Return the fold (n_covers,) in which each cover is held out."""
        return group_folds(
            self.groups, self.membership, n_folds=N_FOLDS, seed=self.settings.seed
        )

    def choose_penalty(self, points: Floats) -> float:
        """Choose the penalty with the lowest log-loss on held-out groups."""
        losses = dict.fromkeys(PENALTIES, 0.0)
        for train, test in iterate_folds(self.folds()):
            for penalty in PENALTIES:
                metric, coefficients, offsets = self.fit_twice(points, penalty, train)
                logits = unit_rows(points[test] @ metric) @ coefficients.T + offsets
                losses[penalty] += min(
                    self._loss(slope * logits, self.membership[test])
                    for slope in _SLOPES
                )
        return min(PENALTIES, key=lambda penalty: losses[penalty])

    def choose_penalty_of_many(self, points: Floats) -> float:
        """Choose the penalty for independent genres, each fit begun where that of a stiffer one ended.

        Goes by the most frequent genres: as many as 300 would take as many times as
        long and say the same.
        """
        frequent = np.argsort(-self.membership.sum(axis=0), kind="stable")[
            :_MOST_SEARCHED
        ]
        has = self.membership[:, frequent] > 0
        folds = list(iterate_folds(self.folds()))
        begun: list[tuple[Logistic | None, Logistic | None]] = [(None, None)] * len(
            folds
        )
        best, lowest = PENALTIES[0], np.inf
        for penalty in PENALTIES:
            loss = 0.0
            for fold, (train, test) in enumerate(folds):
                rows, covers_of = self._views(len(points), train)
                known, pull = has[covers_of], penalty * len(has) / len(points)
                unit, (first, second) = unit_rows(points[rows]), begun[fold]
                first = fit_logistic(unit, known, penalty=pull, start=first)
                metric = _lengthen(first.coefficients.astype(np.float32))
                second = fit_logistic(
                    unit_rows(points[rows] @ metric), known, penalty=pull, start=second
                )
                begun[fold] = (first, second)
                logits = second.log_odds(unit_rows(points[test] @ metric)).astype(
                    np.float32
                )
                own = has[test].astype(np.float32)
                loss += min(self._loss(slope * logits, own) for slope in _SLOPES)
            if loss > lowest:
                break  # looser ones only take longer: the loss has one valley
            best, lowest = penalty, loss
        return best

    def _loss(self, logits: Floats, membership: Floats) -> float:
        from scipy.special import log_expit, log_softmax

        if self.settings.multi_label:
            return float(
                -np.where(membership > 0, log_expit(logits), log_expit(-logits)).mean()
                * len(membership)
            )
        return float(-(membership * self.weights * log_softmax(logits, axis=1)).sum())


def _regression(penalty: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=penalty, max_iter=500)
