"""Nearest neighbours that clusters and map are made from; stored where finding them takes long.

Overlap does not share them: it leaves a cover's own group out, mostly counts the
held-out covers alone, and looks at all dimensions. Letters: N covers, K neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from covers.cluster.projection import (
    MOST_COMPONENTS,
    exact_neighbours,
    principal_components,
)
from covers.cluster.sampled import MOST_FITTED
from covers.errors import DataError
from covers.workspace.artefacts import Stamp, fingerprint, write_table
from covers.workspace.read_artefacts import read_rows
from covers.workspace.registry import LAYOUT_GRAPH
from indexer.files.arrow import as_numbers, make_array

if TYPE_CHECKING:
    from covers.cluster.projection import Graph
    from covers.index.embedded import EmbeddedCovers
    from covers.workspace.paths import Workspace

STORED_FROM = 20_000
"""Neighbours of fewer covers are found faster than a file would be read."""
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
    try:
        table, stamp = read_rows(workspace, LAYOUT_GRAPH)
    except DataError:
        pass
    else:
        k = stamp.parameters["k"]
        if (
            stamp.made_from == made_from
            and stamp.parameters.get("n_components") == MOST_COMPONENTS
            and k >= n_neighbors
        ):
            # Copied: UMAP writes into what it is given.
            rows, distances = (
                as_numbers(table.column(name).combine_chunks().flatten()).copy()
                for name in ("rows", "distances")
            )
            return rows.reshape(-1, k), distances.reshape(-1, k)
    import pyarrow as pa

    k = max(_LEAST, n_neighbors)
    graph = exact_neighbours(principal_components(covers.embeddings), k)
    columns = {
        name: pa.FixedSizeListArray.from_arrays(make_array(np.ravel(values)), k)
        for name, values in zip(("rows", "distances"), graph, strict=True)
    }
    write_table(
        workspace.path(LAYOUT_GRAPH),
        pa.table(columns),
        Stamp(
            kind=LAYOUT_GRAPH.kind,
            made_from=made_from,
            parameters={"k": k, "n_components": MOST_COMPONENTS},
        ),
    )
    return graph
