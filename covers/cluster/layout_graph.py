"""Nearest neighbours that clusters and map are made from; stored where finding them takes long.

Overlap does not share them: it leaves a cover's own group out, mostly counts the
held-out covers alone, and looks at all dimensions. Letters: N covers, K neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.cluster.projection import (
    MOST_COMPONENTS,
    exact_neighbours,
    principal_components,
)
from covers.cluster.sampled import MOST_FITTED
from covers.errors import DataError
from covers.workspace.artefacts import Stamp, fingerprint, write_table
from covers.workspace.disk.strangers import is_whole_number
from covers.workspace.read_artefacts import read_rows
from covers.workspace.registry import LAYOUT_GRAPH
from indexer.files.arrow import as_numbers, make_array

if TYPE_CHECKING:
    import pyarrow as pa

    from covers.cluster.projection import Graph
    from covers.index.embedded import EmbeddedCovers
    from covers.workspace.paths import Workspace

STORED_FROM = 20_000
"""Neighbours of fewer covers are found faster than a file would be read."""
_MOST_NEIGHBOURS = 1000
_LEAST = 30  # what clusters take by default; the map takes fewer


def layout_graph(
    workspace: Workspace, covers: EmbeddedCovers, n_neighbors: int
) -> Graph | None:
    """Return the neighbours of a workspace's covers for a layout.

    Parameters
    ----------
    workspace : Workspace
        Its ``analysis/layout-graph.parquet`` is read, or written.
    covers : EmbeddedCovers
        All of its embedded covers.
    n_neighbors : int
        At least as many come back.

    Returns
    -------
    Graph or None
        None for fewer than 20,000 covers, and for more than 100,000, of which
        a sample is laid out.
    """
    if not STORED_FROM <= len(covers) <= MOST_FITTED:
        return None
    made_from = {
        "model": covers.made_from["model"],
        "covers": fingerprint(covers.cover_ids),
    }
    stored = _stored(workspace, made_from, len(covers))
    if stored is not None and stored[0].shape[1] >= n_neighbors:
        return stored
    import pyarrow as pa

    k = max(_LEAST, n_neighbors)
    graph = exact_neighbours(principal_components(covers.embeddings), k)
    columns = [
        pa.FixedSizeListArray.from_arrays(make_array(np.ravel(values)), k)
        for values in graph
    ]
    write_table(
        workspace.path(LAYOUT_GRAPH),
        pa.table(columns, schema=_schema(k)),
        Stamp(
            kind=LAYOUT_GRAPH.kind,
            made_from=made_from,
            parameters={"k": k, "n_components": MOST_COMPONENTS},
        ),
    )
    return graph


def _stored(
    workspace: Workspace, made_from: dict[str, str], n_covers: int
) -> Graph | None:
    """Return the graph on disk; None where there is none of these covers, or it is damaged.

    Compiled code goes by its rows without looking, so none may lead out of the covers.
    """
    try:
        table, stamp = read_rows(workspace, LAYOUT_GRAPH)
    except DataError:
        return None
    k: Any = stamp.parameters.get("k")
    if (
        stamp.made_from != made_from
        or stamp.parameters.get("n_components") != MOST_COMPONENTS
        or not is_whole_number(k, 1, _MOST_NEIGHBOURS)
        or not table.schema.equals(_schema(k))
        or table.num_rows != n_covers
        or any(column.null_count for column in table.columns)
    ):
        return None
    # Copied: UMAP writes into what it is given.
    rows, distances = (
        as_numbers(table.column(name).combine_chunks().flatten()).copy()
        for name in ("rows", "distances")
    )
    if len(rows) != n_covers * k or len(distances) != n_covers * k:
        return None
    if rows.min() < 0 or rows.max() >= n_covers or not np.isfinite(distances).all():
        return None
    return rows.reshape(-1, k), distances.reshape(-1, k)


def _schema(k: int) -> pa.Schema:
    """Return the columns of the table."""
    import pyarrow as pa

    kinds = {"rows": pa.int32(), "distances": pa.float32()}
    return pa.schema({name: pa.list_(kind, k) for name, kind in kinds.items()})
