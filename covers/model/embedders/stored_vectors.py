"""Vectors from a file inside a workspace: kept like the features of an untouched network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.catalogue.table import read_catalogue
from covers.errors import DataError, ModelError
from covers.model.embed import EmbedReport
from covers.model.embedders.vectors_file import CoverVectors, read_vectors
from covers.model.embedding_table import (
    EMBEDDINGS_KIND,
    FROZEN_KIND,
    embeddings_parts,
    frozen_parts,
)
from covers.model.network.embedder_names import FILE, vectors_path
from covers.stats.rows import RowsById
from covers.workspace.artefacts import Stamp
from covers.workspace.registry import MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from covers.model.weights import SavedModel
    from covers.workspace.paths import Workspace

_SAME = 1e-4


def store_vectors(workspace: Workspace, path: Path) -> tuple[str, CoverVectors]:
    """Read a file of vectors and keep those of the catalogue's covers in the workspace.

    Returns
    -------
    fingerprint : str
    found : CoverVectors

    Raises
    ------
    DataError
        If the file cannot be used.
    """
    found = read_vectors(path, workspace, read_catalogue(workspace))
    fingerprint = found.fingerprint
    parts = frozen_parts(workspace, fingerprint)
    if not len(parts.ids()):
        stamp = Stamp(kind=FROZEN_KIND, made_from={"backbone": fingerprint})
        parts.append(found.cover_ids, {"statistics": found.vectors}, stamp)
    return fingerprint, found


def add_vectors(
    workspace: Workspace, fingerprint: str
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Take the vectors of covers that came later from the file that the workspace remembers.

    Returns
    -------
    cover_ids : list of str
    vectors : ndarray of float32, shape (n_covers, n_dimensions)
        All that are kept by now.

    Raises
    ------
    DataError
        If the file cannot be used.
    ModelError
        If the vectors of covers that were there before are others now.
    """
    parts = frozen_parts(workspace, fingerprint)
    known, (vectors,) = parts.read(["statistics"], MODEL.repair(workspace.root))
    catalogue = read_catalogue(workspace)
    if set(known).issuperset(catalogue.cover_ids):
        return known, vectors
    path = remembered_file(workspace)
    found = read_vectors(path, workspace, catalogue)
    rows = RowsById(known).of(found.cover_ids)
    old = rows >= 0
    if found.vectors.shape[1] != vectors.shape[1] or (
        np.abs(found.vectors[old] - vectors[rows[old]]).max(initial=0) > _SAME
    ):
        message = (
            f"the vectors in '{path}' are others than the model was trained with: "
            f"run '{MODEL.repair(workspace.root)}'"
        )
        raise ModelError(message)
    if old.all():
        return known, vectors
    ids = [one for one, is_old in zip(found.cover_ids, old, strict=True) if not is_old]  # fmt: skip
    new = found.vectors[~old]
    stamp = Stamp(kind=FROZEN_KIND, made_from={"backbone": fingerprint})
    parts.append(ids, {"statistics": new}, stamp)
    return known + ids, np.concatenate([vectors, new])


def remembered_file(workspace: Workspace) -> Path:
    """Return the file of vectors that a workspace remembers.

    Raises
    ------
    DataError
        If it remembers none.
    """
    arch = str(workspace.settings.train.get("arch", ""))
    if not arch.startswith(FILE):
        message = (
            f"the workspace does not say which file its vectors come from: run "
            f"'{MODEL.repair(workspace.root, 'train --embedder file:VECTORS')}'"
        )
        raise DataError(message)
    return workspace.root / vectors_path(arch)


def embed_stored(workspace: Workspace, model: SavedModel) -> EmbedReport:
    """Embed the covers of a workspace whose vectors come from a file.

    Returns
    -------
    EmbedReport
        Covers that the file does not name are in ``failed``.
    """
    import torch

    fingerprint = str(model.card.summary["frozen"]["fingerprint"])
    ids, vectors = add_vectors(workspace, fingerprint)
    catalogue = read_catalogue(workspace)
    parts = embeddings_parts(workspace, model.fingerprint)
    done = set(parts.ids().to_pylist())
    rows = RowsById(ids).of(catalogue.cover_ids)
    first = catalogue.column("path")
    failed = {
        str(first[i]): "the file of vectors does not name it"
        for i in np.flatnonzero(rows < 0)
    }
    new = [
        (cover_id, row)
        for cover_id, row in zip(catalogue.cover_ids, rows, strict=True)
        if row >= 0 and cover_id not in done
    ]
    if new:
        statistics = torch.from_numpy(vectors[[row for _, row in new]])
        arrays = model.apply_heads(statistics.to(model.device))
        stamp = Stamp(kind=EMBEDDINGS_KIND, made_from={"model": model.fingerprint})
        parts.append([cover_id for cover_id, _ in new], arrays, stamp)
    return EmbedReport(len(new), len(catalogue) - len(new) - len(failed), failed)
