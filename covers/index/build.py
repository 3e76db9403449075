"""Building an index of all covers from their embeddings and the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.index.embedder_card import kept_fingerprints
from covers.model.card import read_card
from covers.model.embedders.embed_covers import embed_covers
from covers.model.embedding_table import delete_old_embeddings, read_embeddings
from indexer import VectorIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from covers.catalogue.table import Catalogue
    from covers.model.embed import EmbedReport
    from covers.model.pixels import Progress
    from covers.workspace.paths import Workspace

_NOT_INDEXED = ("cover_id", "locations", "artists", "raw_genres")


def index_columns(catalogue: Catalogue, rows: Sequence[int]) -> pa.Table:
    """Return what the index knows of some covers: everything to filter on and to show."""
    names = [name for name in catalogue.table.column_names if name not in _NOT_INDEXED]
    return catalogue.table.select(names).take(np.asarray(rows, np.int64))


def build_index(
    workspace: Workspace,
    *,
    structure: str = "auto",
    prefer: str = "fast",
    device: str = "auto",
    progress: Progress | None = None,
) -> tuple[VectorIndex, EmbedReport]:
    """Build the index anew from workspace and sources, embedding what is missing.

    Returns
    -------
    index : VectorIndex
        The new generation.
    report : EmbedReport
        What had to be embedded, and what could not be.
    """
    report = embed_covers(workspace, device=device, progress=progress)
    catalogue = read_catalogue(workspace)
    table = read_embeddings(workspace, final=True)
    index = VectorIndex.build(
        workspace.index_folder,
        table.cover_ids,
        table.embeddings,
        index_columns(catalogue, catalogue.rows_of(table.cover_ids).tolist()),
        fingerprints=catalogue_fingerprints(catalogue, table.fingerprint),
        structure=structure,
        prefer=prefer,
    )
    _forget_old_embeddings(workspace, table.fingerprint)
    return index, report


def catalogue_fingerprints(catalogue: Catalogue, model: str) -> dict[str, str]:
    """Return the fingerprints of what an index of some covers by some model is made from."""
    return {"model": model, "catalogue": catalogue.fingerprint()}


def _forget_old_embeddings(workspace: Workspace, fingerprint: str) -> None:
    """Remove the embeddings of earlier models once the index no longer needs them."""
    card: dict[str, Any] = read_card(workspace.model_folder).summary
    frozen = card.get("frozen", {}).get("fingerprint", "")
    others = (f"frozen-{other}" for other in kept_fingerprints(workspace))
    keep = [fingerprint, f"frozen-{frozen}", *others]
    delete_old_embeddings(workspace, keep=keep)
