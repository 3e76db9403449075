"""Checking that an index is whole, and that pictures still give its vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.errors import DataError, ModelError, StaleError
from covers.index.open import index_address, open_index
from covers.model.card import read_card
from covers.model.network.embedder_names import FILE
from covers.stats.rows import RowsById
from covers.workspace.registry import INDEX
from indexer import open_store
from indexer.local.verification import verify_folder
from indexer.remote.address import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from covers.catalogue.table import Catalogue
    from covers.workspace.paths import Workspace
    from indexer import VectorStore

MIN_COSINE = 0.995  # 16-bit arithmetic in another batch stays above 0.999
MANY = 20
"""No more covers than this are named; one command repairs them all."""


def verify_index(
    workspace: Workspace, *, n_pictures: int = 16, seed: int = 0, device: str = "auto"
) -> dict[str, Any]:
    """Check the index, and that pictures embedded again still give its vectors.

    Parameters
    ----------
    workspace : Workspace
        With an index; pictures are compared when its model and sources are at hand.
    n_pictures : int, default=16
        How many covers to embed again.
    seed : int, default=0
        Chooses them.
    device : str, default="auto"
        Where the network runs.

    Returns
    -------
    dict
        As ``VectorIndex.verify`` reports it, with ``pictures_compared`` and
        covers' own problems: another model, a catalogue that went on, vectors
        that no longer come out of the pictures.
    """
    rebuild = INDEX.repair(workspace.root, "index rebuild")
    address = index_address(workspace)
    if is_remote(address):
        report = open_store(address).verify().to_dict()
    else:  # also one that is too damaged to be opened
        report = verify_folder(Path(address)).to_dict()
    report["pictures_compared"] = 0
    if not report["ok"]:
        return report
    problems: list[dict[str, Any]] = report["problems"]
    try:
        index = open_index(workspace)
        catalogue = read_catalogue(workspace)
    except (StaleError, ModelError, DataError) as error:
        problems.append({"file": "index", "what": str(error), "repair": rebuild})
        return {**report, "ok": False}
    known = RowsById(catalogue.cover_ids)
    is_indexed = np.zeros(len(catalogue), bool)
    strangers = list[str]()
    for batch in index.batches(with_vectors=False, columns=()):
        at = known.of(batch.ids.tolist())
        is_indexed[at[at >= 0]] = True
        strangers = sorted([*strangers, *batch.ids[at < 0].tolist()])[:MANY]
    missing = [catalogue.cover_ids[row] for row in np.flatnonzero(~is_indexed)]
    problems += _membership_problems(workspace, missing, strangers)
    rows = np.flatnonzero(is_indexed).tolist()
    some = np.random.default_rng(seed).permutation(len(rows))[:n_pictures]
    n_compared, differing = _compare_pictures(
        workspace, index, catalogue, [rows[i] for i in some], device
    )
    problems += [
        {
            "id": cover_id,
            "what": f"embedded again it is at cosine {cosine:.4f} of its vector",
            "repair": rebuild,
        }
        for cover_id, cosine in differing
    ]
    return {**report, "ok": not problems, "pictures_compared": n_compared}


def _membership_problems(
    workspace: Workspace, missing: Iterable[str], strangers: Iterable[str]
) -> list[dict[str, Any]]:
    """Name covers that only the catalogue or only the index has, the first few."""
    not_indexed = set(missing)
    apart = sorted(not_indexed.union(strangers))
    update = INDEX.repair(workspace.root)
    words = {
        True: "in the catalogue, not in the index",
        False: "in the index, not in the catalogue",
    }
    return [
        {"id": cover_id, "what": words[cover_id in not_indexed], "repair": update}
        for cover_id in apart[:MANY]
    ]


def _compare_pictures(
    workspace: Workspace,
    index: VectorStore,
    catalogue: Catalogue,
    rows: Sequence[int],
    device: str,
) -> tuple[int, list[tuple[str, float]]]:
    """Embed the pictures of some rows again; return how many, and those whose vector is another."""
    card = read_card(workspace.model_folder)
    if not rows or card.arch.startswith(FILE):  # no picture was embedded
        return 0, []
    from covers.model.embed import cover_files
    from covers.model.pixels import read_pixels
    from covers.model.weights import SavedModel

    model = SavedModel.open(workspace.model_folder, device)
    ids, pixels = [], []
    for file in cover_files(catalogue, rows):
        try:
            pixels.append(read_pixels(workspace, file, model.image_size))
            ids.append(file.cover_id)
        except DataError:
            continue  # the source is not at hand; the index is not at fault
    if not ids:
        return 0, []
    cosines = (model.embed(np.stack(pixels)).embeddings * index.reconstruct(ids)).sum(
        axis=1
    )
    return len(ids), [
        (c, float(cosine))
        for c, cosine in zip(ids, cosines, strict=True)
        if cosine < MIN_COSINE
    ]
