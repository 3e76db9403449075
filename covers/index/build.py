"""Building an index of all covers from their embeddings and the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.errors import ConfigError, WrongValueError
from covers.index.embedder_card import embedder_fingerprints
from covers.index.open import index_address
from covers.model.card import read_card, statistics_of
from covers.model.embedders.embed_covers import embed_covers
from covers.model.embedding_table import delete_old_embeddings, read_embeddings
from covers.workspace.settings import write_settings
from indexer import build_store
from indexer.files.arrow import as_take_indices
from indexer.remote.address import is_remote

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from covers.catalogue.table import Catalogue
    from covers.model.embed import EmbedReport
    from covers.model.pixels import Progress
    from covers.workspace.paths import Workspace
    from indexer import VectorStore

_NOT_INDEXED = ("cover_id", "locations", "artists", "raw_genres")


def index_columns(catalogue: Catalogue, rows: Sequence[int]) -> pa.Table:
    """Return what the index knows of some covers: everything to filter on and to show."""
    names = [name for name in catalogue.table.column_names if name not in _NOT_INDEXED]
    return catalogue.table.select(names).take(
        as_take_indices(np.asarray(rows, np.int64))
    )


@dataclass(frozen=True, kw_only=True)
class Structure:
    """How the vectors of an index are stored and searched.

    Parameters
    ----------
    structure, prefer : str
        As in `indexer.VectorIndex.build`.
    store : {"float32", "float16", "int8"}, optional
        How numbers are stored; the workspace remembers it, and it is meant without it.
    """

    structure: str = "auto"
    prefer: str = "fast"
    store: str | None = None


def build_index(
    workspace: Workspace,
    how: Structure | None = None,
    *,
    device: str = "auto",
    progress: Progress | None = None,
) -> tuple[VectorStore, EmbedReport]:
    """Build the index anew from workspace and sources, embedding what is missing.

    Parameters
    ----------
    workspace : Workspace
    how : Structure, optional
    device : str, default="auto"
    progress : callable, optional

    Returns
    -------
    index : VectorStore
        The new generation.
    report : EmbedReport
        What had to be embedded, and what could not be.

    Raises
    ------
    WrongValueError
        If FAISS cannot build the structure.
    """
    address = index_address(workspace)
    how = how or Structure()
    options = {"structure": how.structure}
    if is_remote(address):
        is_plain = how.prefer == "fast" and not how.store
        if not is_plain or how.structure not in ("auto", "exact"):
            message = (
                f"'{address}' chooses by itself how it stores and searches: give '--structure auto' or "
                "'--structure exact', and neither '--prefer' nor '--store'"
            )
            raise ConfigError(message)
    else:
        options["prefer"] = how.prefer
        options["store"] = how.store or workspace.settings.index.store
    report = embed_covers(workspace, device=device, progress=progress)
    catalogue = read_catalogue(workspace)
    table = read_embeddings(workspace, final=True)
    columns = index_columns(catalogue, catalogue.rows_of(table.cover_ids).tolist())
    try:
        index = build_store(
            address,
            table.cover_ids,
            table.embeddings,
            columns,
            fingerprints=catalogue_fingerprints(catalogue, table.fingerprint),
            **options,
        )
    except ValueError as error:
        if how.structure in ("auto", "exact"):
            raise
        raise WrongValueError(str(error)) from error
    if how.store not in (None, workspace.settings.index.store):
        write_settings(workspace.root, {"index": {"store": how.store}})
    _forget_old_embeddings(workspace, table.fingerprint)
    return index, report


def catalogue_fingerprints(catalogue: Catalogue, model: str) -> dict[str, str]:
    """Return the fingerprints of what an index of some covers by some model is made from."""
    return {"model": model, "catalogue": catalogue.fingerprint()}


def _forget_old_embeddings(workspace: Workspace, fingerprint: str) -> None:
    """Remove the embeddings of earlier models once the index no longer needs them."""
    card = read_card(workspace.model_folder)
    needed = [*statistics_of(card), *embedder_fingerprints(workspace)]
    keep = [fingerprint, *(f"frozen-{one}" for one in needed)]
    delete_old_embeddings(workspace, keep=keep)
