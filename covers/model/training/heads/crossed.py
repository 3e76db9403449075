"""Predictions for labelled covers, each by a head that has not seen it.

The head is fitted once more without each fold of the train side, and answers for
it. A library keeps few artists aside; answers across folds say of all of them how
far a new one can be trusted. Letters: N covers, F statistics, D embedding
dimensions, G genres, K folds.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from covers.errors import DataError
from covers.model.embedding_table import frozen_parts
from covers.model.training.heads.fit import (
    N_FOLDS,
    HeadSettings,
    Probe,
    principal_axes,
)
from covers.stats.distributions import softmax
from covers.stats.folds import group_folds, iterate_folds
from covers.stats.rows import RowsById
from covers.stats.unit_vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from covers.model.card import ModelCard
    from covers.workspace.paths import Workspace

_LOG = logging.getLogger(__name__)

MOST_CROSSED = 20_000
"""Train covers above which the held-out covers are enough to say it all."""


@dataclass(frozen=True, kw_only=True)
class HeadFit:
    """How a head was fitted on a backbone's statistics.

    Parameters
    ----------
    class_balance : float
        0 weighs covers equally, 1 weighs genres equally.
    penalty : float
        That of the head which is asked in the end: a head that learned from fewer
        covers and chose another would be more or less certain than that one.
    seed : int
    n_axes : int
        Width of the embedding.
    mixes : bool, default=False
        Whether it learned from mixtures of covers too.
    """

    class_balance: float
    penalty: float
    seed: int
    n_axes: int
    mixes: bool = False


@dataclass(frozen=True, kw_only=True)
class CrossedPredictions:
    """Predictions for covers by heads that were fitted without their fold.

    Parameters
    ----------
    folds : ndarray of int64, shape (n_covers,)
        Fold of each cover; ``-1`` for one that every head has learned from.
    logits : ndarray of float32, shape (n_covers, n_genres)
        Zeros for a cover of no fold.
    embeddings : ndarray of float16, shape (n_covers, n_folds, embedding_dim)
        Of every cover by each fold's head, unit vectors: a cover of the fold is to be
        compared with the others under the same head.
    """

    folds: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]
    embeddings: npt.NDArray[np.float16]

    def as_columns(
        self, name: str, n_covers: int, rows: npt.NDArray[np.int64]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the predictions as columns of `EvaluationInputs` that begin with a name, filled in some of its rows."""
        folds = np.full(n_covers, -1, np.int64)
        p = np.zeros((n_covers, self.logits.shape[1]))
        embeddings = np.zeros((n_covers, *self.embeddings.shape[1:]), np.float16)
        folds[rows], embeddings[rows] = self.folds, self.embeddings
        p[rows] = softmax(self.logits.astype(np.float64))
        return {
            "crossed_folds": folds,
            f"{name}_p": p,
            f"{name}_embeddings": embeddings,
        }


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Covers with a genre that a model's heads may learn from.

    Parameters
    ----------
    cover_ids : sequence of str
    membership : ndarray of float, shape (n_covers, n_genres)
        1/m for each of a cover's m genres.
    groups : ndarray of int64, shape (n_covers,)
        Covers that stay in one fold.
    """

    cover_ids: Sequence[str]
    membership: npt.NDArray[np.floating[Any]]
    groups: npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class CrossedAnswers:
    """Predictions for train covers, each by a head that was fitted without their fold.

    Parameters
    ----------
    train : CrossedPredictions
        By heads that learned from the train side alone: what is fitted on them can be
        measured on held-out covers.
    all : CrossedPredictions
        By heads that learned from the held-out covers too, which come behind the
        train covers and are of no fold.
    """

    train: CrossedPredictions
    all: CrossedPredictions

    def as_columns(
        self, n_covers: int, train: npt.NDArray[np.int64], held: npt.NDArray[np.int64]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the predictions as columns of `EvaluationInputs`.

        Parameters
        ----------
        n_covers : int
        train, held : ndarray of int64
            Rows of the covers that were given to `read_crossed`.
        """
        everyone = np.concatenate([train, held])
        return {
            **self.train.as_columns("crossed", n_covers, train),
            **self.all.as_columns("across", n_covers, everyone),
        }


def predict_across_folds(
    statistics: npt.NDArray[np.float32],
    membership: npt.NDArray[np.floating[Any]],
    folds: npt.NDArray[np.int64],
    fit: HeadFit,
) -> CrossedPredictions:
    """Fit the head without each fold, and predict the covers of that fold.

    All of it is fitted anew: mean and spread of the statistics, axes, weights of the
    genres, metric and probe. Only the penalty is given.

    Parameters
    ----------
    statistics : ndarray of float32, shape (n_views * n_covers, n_features)
        By the untouched backbone; mirror images behind them, as the head itself was
        fitted.
    membership : ndarray of float, shape (n_covers, n_genres)
        1/m for each of a cover's m genres.
    folds : ndarray of int64, shape (n_covers,)
        See `deal_folds`; a cover of fold ``-1`` is learned from by every head.
    fit : HeadFit
        As the head itself was fitted.
    """
    shares = np.asarray(membership, np.float32)
    views = torch.from_numpy(np.asarray(statistics, np.float32)).view(
        -1, len(shares), statistics.shape[1]
    )  # (V, N, F)
    logits = np.zeros(shares.shape, np.float32)
    settings = HeadSettings(
        class_balance=fit.class_balance,
        multi_label=False,
        seed=fit.seed,
        mixes=fit.mixes,
    )
    embeddings = []
    for outside, inside in iterate_folds(folds):
        known = shares[outside]
        seen = views[:, torch.from_numpy(outside)].flatten(0, 1)
        axes = principal_axes(seen, fit.n_axes, fit.seed)
        probe = Probe(known, folds[outside], settings)
        metric, coefficients, offsets = probe.fit_twice(
            _project(seen, *axes), fit.penalty
        )
        unit = unit_rows(_project(views[0], *axes) @ metric)
        logits[inside] = unit[inside] @ coefficients.T + offsets
        embeddings.append(unit.astype(np.float16))
    return CrossedPredictions(
        folds=folds, logits=logits, embeddings=np.stack(embeddings, axis=1)
    )


def _project(
    values: Tensor, axes: Tensor, mean: Tensor, variance: Tensor
) -> npt.NDArray[np.float32]:
    """Return statistics (n, F) along principal axes, shape (n, D)."""
    standard = (values - mean) / torch.sqrt(variance + torch.nn.BatchNorm1d(1).eps)
    points: npt.NDArray[np.float32] = (standard @ axes.T).numpy()
    return points


def deal_folds(
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    seed: int,
) -> npt.NDArray[np.int64]:
    """Return the fold (n_covers,) in which each train cover is held out, groups together."""
    return group_folds(groups, membership, n_folds=N_FOLDS, seed=seed)


def join_crossed(parts: Sequence[CrossedPredictions]) -> CrossedPredictions:
    """Return the predictions of several networks as one: mean logits, joined unit vectors."""
    if len(parts) == 1:
        return parts[0]
    scale = len(parts) ** -0.5
    joined = np.concatenate([part.embeddings for part in parts], axis=2)
    return CrossedPredictions(
        folds=parts[0].folds,
        logits=np.mean([part.logits for part in parts], axis=0),
        embeddings=(joined * np.float16(scale)).astype(np.float16),
    )


def read_crossed(
    workspace: Workspace, card: ModelCard, train: LabelledRows, held: LabelledRows
) -> CrossedAnswers | None:
    """Answer across folds for the covers that a workspace's model was trained on.

    Parameters
    ----------
    workspace : Workspace
    card : ModelCard
        Of its model.
    train : LabelledRows
        The train side.
    held : LabelledRows
        The held-out side, another fold of the same covers.

    Returns
    -------
    CrossedAnswers or None
        None where the network was fine-tuned on these covers, genres are
        independent, the statistics are gone, or there are more than `MOST_CROSSED`.
    """
    fits = card.summary.get("head_fits")
    n_train = len(train.cover_ids)
    if not fits or card.multi_label or not 1 < n_train <= MOST_CROSSED:
        return None
    ids = [*train.cover_ids, *held.cover_ids]
    membership = np.concatenate([train.membership, held.membership])
    alone, together = [], []
    for one in fits:
        names = [str(one[name]) for name in ("fingerprint", "mirrored") if name in one]
        views = [_read_statistics(workspace, name, ids) for name in names]
        known = [view for view in views if view is not None]
        if len(known) < len(views):
            _LOG.warning(
                "only the held-out covers are measured: some others lack features of the "
                "untrained backbone, which need their pictures"
            )
            return None
        fit = HeadFit(
            class_balance=float(one["class_balance"]),
            penalty=float(one["penalty"]),
            seed=int(one["seed"]),
            n_axes=card.embedding_dim // len(fits),
            mixes=bool(one.get("mixes", False)),  # heads of before did not
        )
        folds = deal_folds(train.membership, train.groups, fit.seed)
        everyone = np.concatenate([folds, np.full(len(held.cover_ids), -1)])
        some = np.concatenate([view[:n_train] for view in known])
        alone.append(predict_across_folds(some, train.membership, folds, fit))
        together.append(
            predict_across_folds(np.concatenate(known), membership, everyone, fit)
        )
    return CrossedAnswers(train=join_crossed(alone), all=join_crossed(together))


def _read_statistics(
    workspace: Workspace, fingerprint: str, cover_ids: Sequence[str]
) -> npt.NDArray[np.float32] | None:
    """Return an untouched backbone's statistics of some covers; None where one is missing."""
    try:
        ids, (statistics,) = frozen_parts(workspace, fingerprint).read(
            ["statistics"], "covers evaluate"
        )
    except DataError:
        return None
    rows = RowsById(ids).of(cover_ids)
    return None if (rows < 0).any() else statistics[rows]
