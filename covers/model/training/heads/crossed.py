"""Predictions for train covers, each by a head that has not seen it.

The head is fitted once more without each fold of the train side, and answers for
it. A library keeps few artists aside; answers across folds say of all of them how
far a new one can be trusted. Letters: N covers, F statistics, D embedding
dimensions, G genres, K folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from covers.errors import DataError
from covers.model.embedding_table import frozen_parts
from covers.model.training.heads.fit import Probe, genre_weights, principal_axes
from covers.stats.distributions import softmax
from covers.stats.folds import iterate_folds
from covers.stats.rows import RowsById
from covers.stats.unit_vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.model.card import ModelCard
    from covers.workspace.paths import Workspace

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
    """

    class_balance: float
    penalty: float
    seed: int
    n_axes: int


@dataclass(frozen=True, kw_only=True)
class CrossedPredictions:
    """Predictions for train covers by heads that were fitted without their fold.

    Parameters
    ----------
    folds : ndarray of int64, shape (n_covers,)
        Fold of each cover.
    logits : ndarray of float32, shape (n_covers, n_genres)
    embeddings : ndarray of float16, shape (n_covers, n_folds, embedding_dim)
        Of every cover by each fold's head, unit vectors: a cover of the fold is to be
        compared with the others under the same head.
    """

    folds: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]
    embeddings: npt.NDArray[np.float16]

    def as_columns(
        self, n_covers: int, rows: npt.NDArray[np.int64]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the predictions as columns of `EvaluationInputs`, filled in some of its rows."""
        folds = np.full(n_covers, -1, np.int64)
        p = np.zeros((n_covers, self.logits.shape[1]))
        embeddings = np.zeros((n_covers, *self.embeddings.shape[1:]), np.float16)
        folds[rows], embeddings[rows] = self.folds, self.embeddings
        p[rows] = softmax(self.logits.astype(np.float64))
        return {
            "crossed_folds": folds,
            "crossed_p": p,
            "crossed_embeddings": embeddings,
        }


def predict_across_folds(
    statistics: npt.NDArray[np.float32],
    membership: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int64],
    fit: HeadFit,
) -> CrossedPredictions:
    """Fit the head without each fold, and predict the covers of that fold.

    Parameters
    ----------
    statistics : ndarray of float32, shape (n_views * n_covers, n_features)
        Of the train side, by the untouched backbone; mirror images behind them, as the
        head itself was fitted.
    membership : ndarray of float32, shape (n_covers, n_genres)
        1/m for each of a cover's m genres.
    groups : ndarray of int64, shape (n_covers,)
        Covers that stay in one fold.
    fit : HeadFit
        As the head itself was fitted.
    """
    values = torch.from_numpy(np.asarray(statistics, np.float32))
    axes, mean, variance = principal_axes(values, fit.n_axes, fit.seed)
    standard = (values - mean) / torch.sqrt(variance + torch.nn.BatchNorm1d(1).eps)
    points = (standard @ axes.T).numpy()  # (N, D)
    weights = genre_weights(membership, fit.class_balance)
    probe = Probe(membership, weights, groups, multi_label=False, seed=fit.seed)
    folds = probe.folds()
    logits = np.zeros(membership.shape, np.float32)
    embeddings = []
    for outside, inside in iterate_folds(folds):
        metric, coefficients, offsets = probe.fit_twice(points, fit.penalty, outside)
        unit = unit_rows(points[: len(membership)] @ metric)
        logits[inside] = unit[inside] @ coefficients.T + offsets
        embeddings.append(unit.astype(np.float16))
    return CrossedPredictions(
        folds=folds, logits=logits, embeddings=np.stack(embeddings, axis=1)
    )


def join_crossed(parts: Sequence[CrossedPredictions]) -> CrossedPredictions:
    """Return the predictions of several networks as one: mean logits, joined unit vectors."""
    scale = len(parts) ** -0.5
    joined = np.concatenate([part.embeddings for part in parts], axis=2)
    return CrossedPredictions(
        folds=parts[0].folds,
        logits=np.mean([part.logits for part in parts], axis=0),
        embeddings=(joined * np.float16(scale)).astype(np.float16),
    )


def read_crossed(
    workspace: Workspace,
    card: ModelCard,
    cover_ids: Sequence[str],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
) -> CrossedPredictions | None:
    """Answer across folds for the covers that a workspace's model was trained on.

    Parameters
    ----------
    workspace : Workspace
    card : ModelCard
        Of its model.
    cover_ids : sequence of str
        The train side.
    membership : ndarray of float, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)

    Returns
    -------
    CrossedPredictions or None
        None where the network was fine-tuned on these covers, genres are
        independent, the statistics are gone, or there are more than `MOST_CROSSED`.
    """
    fits = card.summary.get("head_fits")
    if not fits or card.multi_label or not 1 < len(cover_ids) <= MOST_CROSSED:
        return None
    found = []
    for one in fits:
        names = [str(one[name]) for name in ("fingerprint", "mirrored") if name in one]
        views = [_read_statistics(workspace, name, cover_ids) for name in names]
        known = [view for view in views if view is not None]
        if len(known) < len(views):
            return None
        fit = HeadFit(
            class_balance=float(one["class_balance"]),
            penalty=float(one["penalty"]),
            seed=int(one["seed"]),
            n_axes=card.embedding_dim // len(fits),
        )
        found.append(
            predict_across_folds(
                np.concatenate(known), np.asarray(membership, np.float32), groups, fit
            )
        )
    return found[0] if len(found) == 1 else join_crossed(found)


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
