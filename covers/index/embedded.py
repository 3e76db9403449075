"""The embedded covers of a workspace: catalogue rows with their vectors.

Letters: N covers, G genres, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.catalogue.cover_set import OF_ALL, CoverSet
from covers.catalogue.table import read_catalogue
from covers.workspace.artefacts import fingerprint
from covers.workspace.registry import BASELINE_FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from covers.catalogue.table import Catalogue
    from covers.model.card import ModelCard
    from covers.model.vector_parts import VectorParts
    from covers.workspace.paths import Workspace


@dataclass(frozen=True, kw_only=True)
class EmbeddedCovers(CoverSet):
    """Covers with their vectors and what the catalogue says of them.

    Parameters
    ----------
    cover_ids, vocab, membership, groups, splits
        As in `CoverSet`.
    embeddings : ndarray of float32, shape (n_covers, n_dimensions)
        L2-normalised.
    logits : ndarray of float32, shape (n_covers, n_genres)
        The network's, uncalibrated; minus infinity for genres it does not know.
    years : ndarray of float64, shape (n_covers,)
        NaN where unknown.
    sources : list of str
    grouped_by : str
        What the groups are, in words.
    made_from : dict of str to str
        Fingerprints for the stamp of what is made from these covers.
    """

    cover_ids: list[str]
    embeddings: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    years: npt.NDArray[np.float64]
    sources: list[str]
    grouped_by: str = field(metadata=OF_ALL)
    made_from: dict[str, str] = field(metadata=OF_ALL)

    @classmethod
    def read(cls, workspace: Workspace) -> EmbeddedCovers:
        """Read the covers of a workspace that have an embedding by its model.

        Raises
        ------
        ModelError, DataError
            If there is no model, no catalogue, or no embedding by this model.
        """
        from covers.model.card import read_card
        from covers.model.embedding_table import read_embeddings

        catalogue = read_catalogue(workspace)
        model_vocab = read_card(workspace.model_folder).vocab
        table = read_embeddings(workspace)
        rows = catalogue.rows_of(table.cover_ids)
        years = np.array(
            [np.nan if y is None else float(y) for y in catalogue.column("year")],
            np.float64,
        )
        sources = [source or "" for source in catalogue.column("source")]
        return cls(
            **table.columns(),
            embeddings=table.embeddings,
            logits=_in_order(table.logits, model_vocab, catalogue.vocab),
            years=years[rows],
            sources=[sources[row] for row in rows],
            grouped_by=catalogue.grouped_by,
            made_from=name_ingredients(workspace, catalogue, table.fingerprint),
        )


def fingerprints_at_hand(
    workspace: Workspace, catalogue: Catalogue | None = None
) -> dict[str, str]:
    """Return the fingerprints of catalogue and model: as results made from them have in their stamps.

    Parameters
    ----------
    workspace : Workspace
    catalogue : Catalogue, optional
        Its own, where that is read already.

    Raises
    ------
    ModelError, DataError
        If there is no model or no catalogue.
    """
    from covers.model.card import read_card

    model = read_card(workspace.model_folder).fingerprint
    known = read_catalogue(workspace) if catalogue is None else catalogue
    return name_ingredients(workspace, known, model)


def name_ingredients(
    workspace: Workspace, catalogue: Catalogue, model: str
) -> dict[str, str]:
    """Return the fingerprints of catalogue, model and embeddings, for a stamp.

    The embeddings are named only where some covers lack one: what is made from
    the others is stale as soon as they are embedded.

    Parameters
    ----------
    workspace : Workspace
    catalogue : Catalogue
    model : str
        Its fingerprint.
    """
    from covers.model.embedding_table import embeddings_parts

    found = {"catalogue": catalogue.label_fingerprint(), "model": model}
    ids = catalogue.table.column("cover_id")
    lacking = _name_lacking(ids, embeddings_parts(workspace, model))
    if lacking is not None:
        found["embeddings"] = lacking
    return found


def name_baseline_features(
    workspace: Workspace, catalogue: Catalogue, card: ModelCard
) -> dict[str, str]:
    """Return the fingerprint of the untrained backbone's features where some covers lack them, or those that a head was fitted on; else nothing."""
    from covers.model.card import baseline_of, learned_from
    from covers.model.embedding_table import frozen_parts

    backbone = baseline_of(card)
    if not backbone:
        return {}
    parts = frozen_parts(workspace, backbone)
    if not len(parts.ids()):  # put away since, or of a version that did not keep them
        return {}
    lacking = _name_lacking(catalogue.table.column("cover_id"), parts)
    for one in learned_from(card):
        known = frozen_parts(workspace, one)
        if one == backbone or not len(known.ids()):
            continue
        also = _name_lacking(catalogue.labelled_ids, known)
        lacking = lacking if also is None else fingerprint(lacking or "", also)
    return {} if lacking is None else {BASELINE_FEATURES: lacking}


def _name_lacking(ids: pa.Array | pa.ChunkedArray, parts: VectorParts) -> str | None:
    """Return a fingerprint of the covers that have no vector; None where all have one."""
    import pyarrow.compute as pc

    lacking = ids.filter(pc.invert(pc.is_in(ids, value_set=parts.ids()))).to_pylist()
    return fingerprint("without", *sorted(lacking)) if lacking else None


def _in_order(
    logits: npt.NDArray[np.float32], have: Sequence[str], want: Sequence[str]
) -> npt.NDArray[np.float32]:
    """Bring the columns of `logits` from one vocabulary into another."""
    ordered = np.full((len(logits), len(want)), -np.inf, np.float32)
    position = {genre: column for column, genre in enumerate(have)}
    for column, genre in enumerate(want):
        if genre in position:
            ordered[:, column] = logits[:, position[genre]]
    return ordered
