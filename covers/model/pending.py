"""Covers that a model has not embedded yet, and where their embeddings go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from covers.catalogue.table import read_catalogue
from covers.model.embedding_table import EMBEDDINGS_KIND, embeddings_parts
from covers.workspace.artefacts import Stamp

if TYPE_CHECKING:
    from covers.catalogue.table import Catalogue
    from covers.model.vector_parts import VectorParts
    from covers.workspace.paths import Workspace


@dataclass(frozen=True)
class Pending:
    """What is still to be embedded by a model, and where it goes.

    Parameters
    ----------
    catalogue : Catalogue
    rows : list of int
        Of the catalogue: covers without an embedding by the model.
    parts : VectorParts
        Where the batch files lie.
    stamp : Stamp
        Of new ones.
    """

    catalogue: Catalogue
    rows: list[int]
    parts: VectorParts
    stamp: Stamp

    @property
    def n_known(self) -> int:
        """Covers that have an embedding."""
        return len(self.catalogue) - len(self.rows)

    def path_of(self, cover_id: str) -> str:
        """Return the first path of a cover, as messages name it; its id where it has none."""
        row = int(self.catalogue.rows_of([cover_id])[0])
        locations = self.catalogue.table.column("locations")[row].as_py()
        return str(locations[0]["path"]) if locations else cover_id


def find_pending(workspace: Workspace, fingerprint: str) -> Pending:
    """Find the covers that have no embedding by a model yet.

    Raises
    ------
    DataError
        If there is no catalogue.
    """
    catalogue = read_catalogue(workspace)
    parts = embeddings_parts(workspace, fingerprint)
    known = set(parts.ids().to_pylist())
    new = [row for row, id_ in enumerate(catalogue.cover_ids) if id_ not in known]
    stamp = Stamp(kind=EMBEDDINGS_KIND, made_from={"model": fingerprint})
    return Pending(catalogue, new, parts, stamp)
