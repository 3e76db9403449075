"""Parts of the exported table, each read from the artefact that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.exports.table.parts import Part
from covers.stats.rows import RowsById

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from covers.catalogue.table import Catalogue
    from covers.workspace.paths import Workspace
    from covers.workspace.registry import File

Arrays = dict[str, Any]
Columns = dict[str, list[Any]]


def _read_embeddings(
    workspace: Workspace, catalogue: Catalogue
) -> tuple[Arrays, Columns]:
    """Return the vectors of all covers, shape (N, D); NaN where there is none."""
    from covers.model.embedding_table import read_embeddings

    table = read_embeddings(workspace, final=True)
    found = np.full((len(catalogue), table.embeddings.shape[1]), np.nan, np.float32)
    found[catalogue.rows_of(table.cover_ids)] = table.embeddings
    return {"embeddings": found}, {}


def _read_predictions(
    workspace: Workspace, catalogue: Catalogue
) -> tuple[Arrays, Columns]:
    """Return what network and vote say of each cover, as arrays and as columns."""
    from covers.evaluate.classify_covers import classify_covers

    classified = classify_covers(workspace)
    shape = (len(catalogue), len(classified.vocab))
    probabilities = np.full(shape, np.nan, np.float32)
    probabilities[catalogue.rows_of(classified.cover_ids)] = classified.probabilities
    columns = {
        "prediction": classified.likeliest,
        "certainty": classified.certainties.tolist(),
        "named": classified.listed(classified.named),
        "prediction_set": classified.listed(classified.inside),
        "verdict": classified.verdicts,
    }
    arrays = {"probabilities": probabilities, "prediction_vocab": classified.vocab}
    return arrays, _in_rows(catalogue, classified.cover_ids, columns)


def _read_map(workspace: Workspace, catalogue: Catalogue) -> tuple[Arrays, Columns]:
    """Return where each cover lies on the map."""
    from covers.workspace.registry import MAP_TABLE

    return {}, _read_fresh(workspace, catalogue, MAP_TABLE, {"x": "x", "y": "y"})


def _read_clusters(
    workspace: Workspace, catalogue: Catalogue
) -> tuple[Arrays, Columns]:
    """Return the cluster of each cover."""
    from covers.workspace.registry import CLUSTER_TABLE

    return {}, _read_fresh(workspace, catalogue, CLUSTER_TABLE, {"label": "cluster"})


def _read_fresh(
    workspace: Workspace, catalogue: Catalogue, file: File, names: Mapping[str, str]
) -> Columns:
    """Return columns of an artefact under new names; a stale one is refused."""
    from covers.index.embedded import fingerprints_at_hand
    from covers.workspace.read_artefacts import read_rows

    made_from = fingerprints_at_hand(workspace, catalogue)
    table, _ = read_rows(workspace, file, made_from=made_from)
    columns = {new: table.column(old).to_pylist() for old, new in names.items()}
    return _in_rows(catalogue, table.column("cover_id").to_pylist(), columns)


def _in_rows(
    catalogue: Catalogue, cover_ids: list[str], columns: Mapping[str, list[Any]]
) -> Columns:
    """Bring columns into the order of the catalogue, None where a cover is missing."""
    rows = RowsById(cover_ids).of(catalogue.cover_ids).tolist()
    return {
        name: [None if row < 0 else values[row] for row in rows]
        for name, values in columns.items()
    }


READ_PART: dict[Part, Callable[[Workspace, Catalogue], tuple[Arrays, Columns]]] = {
    Part.EMBEDDING: _read_embeddings,
    Part.PREDICTION: _read_predictions,
    Part.MAP: _read_map,
    Part.CLUSTER: _read_clusters,
}
