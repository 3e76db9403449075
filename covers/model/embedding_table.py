"""Covers with their vectors, as they lie on disk: by the trained network and by its untouched backbone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.catalogue.cover_set import OF_ALL, Columns, CoverSet, columns_of
from covers.catalogue.table import read_catalogue
from covers.errors import DataError
from covers.model.card import read_card
from covers.model.vector_parts import VectorParts
from covers.stats.rows import RowsById
from covers.stats.unit_vectors import unit_rows
from covers.workspace.disk.strangers import refuse_link
from covers.workspace.registry import EMBEDDINGS, FROZEN_WEIGHTS, MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from covers.catalogue.table import Catalogue
    from covers.workspace.paths import Workspace

EMBEDDINGS_KIND = "embeddings"
FROZEN_KIND = "frozen features"
_PARTS_FOLDER = re.compile(r"(frozen-)?[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class EmbeddingTable(CoverSet):
    """Covers with their vectors, and with what the network says of each.

    Parameters
    ----------
    cover_ids, vocab, membership, groups, splits
        As in `CoverSet`, by the catalogue.
    embeddings : ndarray of float32, shape (n_covers, embedding_dim)
        L2-normalised.
    logits : ndarray of float32, shape (n_covers, n_genres)
        Uncalibrated, in the order of the model's own genres, which need not be
        `vocab`; width 0 for the untouched backbone.
    fingerprint : str
        Of the model that made them.
    """

    cover_ids: list[str]
    embeddings: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    fingerprint: str = field(metadata=OF_ALL)


def embeddings_parts(workspace: Workspace, fingerprint: str) -> VectorParts:
    """Return where a model's embeddings lie."""
    return VectorParts(workspace.embeddings_folder / fingerprint, EMBEDDINGS_KIND)


def frozen_parts(workspace: Workspace, fingerprint: str) -> VectorParts:
    """Return where an untouched backbone's features lie."""
    return VectorParts(
        workspace.embeddings_folder / f"frozen-{fingerprint}", FROZEN_KIND
    )


def read_embeddings(
    workspace: Workspace,
    cover_ids: Sequence[str] | None = None,
    *,
    final: bool = False,
) -> EmbeddingTable:
    """Read the embeddings of some covers, by default those of the catalogue, in their order.

    Covers that could not be embedded, or are not in the catalogue, are left out.

    Parameters
    ----------
    workspace : Workspace
        With a model and embeddings.
    cover_ids : sequence of str, optional
    final : bool, default=False
        The embeddings that pictures from outside are compared with, by the head
        that was fitted on all labelled covers; not to be measured on any. Logits
        are those of the held-out fit either way.

    Raises
    ------
    ModelError, DataError
        If there is no model, no catalogue, or no embedding by this model.
    """
    card = read_card(workspace.model_folder)
    fingerprint = card.fingerprint
    parts = embeddings_parts(workspace, fingerprint)
    column = "final" if final and card.summary.get("final") else "embedding"
    ids, (embeddings, logits) = parts.read(
        [column, "logits"], EMBEDDINGS.repair(workspace.root), among=cover_ids
    )
    catalogue = read_catalogue(workspace)
    wanted = catalogue.cover_ids if cover_ids is None else cover_ids
    columns, rows = _embedded_columns(catalogue, ids, wanted)
    return EmbeddingTable(
        **columns,
        embeddings=embeddings[rows],
        logits=logits[rows],
        fingerprint=fingerprint,
    )


def read_frozen(workspace: Workspace) -> EmbeddingTable:
    """Read the untouched backbone's features of the covers in the catalogue, in its order.

    The features are the channel means of its deepest feature map, or the vector
    of a network that is used as published, L2-normalised: what a search without
    any training would use.

    Raises
    ------
    ModelError, DataError
        If there is no model, no catalogue, or the features were never made.
    """
    card = read_card(workspace.model_folder)
    fingerprint = str(card.summary.get("frozen", {}).get("fingerprint", ""))
    if not fingerprint:
        message = (
            "the model does not say which backbone it started from: "
            f"run '{MODEL.repair(workspace.root)}'"
        )
        raise DataError(message)
    frozen = card.summary["frozen"]
    width = int(frozen["deepest_channels"])
    first, last = frozen.get("columns", (-2 * width, -width))
    parts = frozen_parts(workspace, fingerprint)
    ids, (statistics,) = parts.read(["statistics"], EMBEDDINGS.repair(workspace.root))
    catalogue = read_catalogue(workspace)
    columns, rows = _embedded_columns(catalogue, ids, catalogue.cover_ids)
    return EmbeddingTable(
        **columns,
        embeddings=unit_rows(statistics[rows, first:last]),
        logits=np.zeros((len(rows), 0), np.float32),
        fingerprint=fingerprint,
    )


def _embedded_columns(
    catalogue: Catalogue, ids: Sequence[str], wanted: Sequence[str]
) -> tuple[Columns, npt.NDArray[np.int64]]:
    """Return what the catalogue says of the wanted covers among `ids`, and their rows in `ids`."""
    rows = RowsById(ids).of(wanted)
    in_catalogue = RowsById(catalogue.cover_ids).of(wanted)
    known = (rows >= 0) & (in_catalogue >= 0)
    return columns_of(catalogue, in_catalogue[known]), rows[known]


def delete_old_embeddings(workspace: Workspace, keep: Sequence[str]) -> None:
    """Remove embeddings of all models but those in `keep`, and frozen features that are not used."""
    refuse_link(workspace.embeddings_folder)
    for folder in workspace.embeddings_folder.glob("*"):
        if _PARTS_FOLDER.fullmatch(folder.name) and folder.name not in keep:
            VectorParts(folder, EMBEDDINGS_KIND).delete()


def frozen_weights_path(workspace: Workspace) -> Path:
    """Return where the untouched backbone's weights are kept for the baselines."""
    return workspace.path(FROZEN_WEIGHTS)
