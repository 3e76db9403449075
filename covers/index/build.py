"""From embeddings and catalogue to the index, and back to what changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.errors import StaleError
from covers.index.open import open_index
from covers.model.card import read_card
from covers.model.embed import (
    EmbedReport,
    delete_old_embeddings,
    embed_workspace,
    read_embeddings,
)
from covers.stats.rows import RowsById
from covers.workspace.registry import INDEX
from indexer import VectorIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from covers.catalogue.table import Catalogue
    from covers.model.pixels import Progress
    from covers.workspace.paths import Workspace

MIN_COSINE = 0.995  # 16-bit arithmetic in another batch stays above 0.999
_NOT_INDEXED = ("cover_id", "locations", "artists", "raw_genres")


@dataclass(frozen=True)
class UpdateReport:
    """What an update of the index did.

    Parameters
    ----------
    added, changed, moved, removed, unchanged : int
        Covers: new ones; pictures replaced at the same place; same picture at
        another place or with other labels; gone; as they were.
    failed : list of dict
        ``path`` and ``reason`` of pictures that could not be embedded.
    generation : int
        Of the index, afterwards.
    """

    added: int
    changed: int
    moved: int
    removed: int
    unchanged: int
    failed: list[dict[str, str]] = field(default_factory=list)
    generation: int = 0


def index_columns(catalogue: Catalogue, rows: Sequence[int]) -> pa.Table:
    """Return what the index knows of some covers: everything to filter on and to show."""
    names = [name for name in catalogue.table.column_names if name not in _NOT_INDEXED]
    return catalogue.table.select(names).take(np.asarray(rows, np.int64))


def build_index(
    workspace: Workspace,
    *,
    structure: str = "auto",
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
    report = embed_workspace(workspace, device=device, progress=progress)
    catalogue = read_catalogue(workspace)
    table = read_embeddings(workspace)
    index = VectorIndex.build(
        workspace.index_folder,
        table.cover_ids,
        table.embeddings,
        index_columns(catalogue, catalogue.rows_of(table.cover_ids).tolist()),
        fingerprints=_fingerprints(catalogue, table.fingerprint),
        structure=structure,
    )
    _forget_old_embeddings(workspace, table.fingerprint)
    return index, report


def update_index(
    workspace: Workspace,
    *,
    device: str = "auto",
    dry_run: bool = False,
    progress: Progress | None = None,
) -> UpdateReport:
    """Bring the index up to the catalogue: embed only what is new, drop what is gone.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue, a model and an index of that model.
    device : str, default="auto"
        Where the network runs.
    dry_run : bool, default=False
        Count only: nothing is embedded or written.
    progress : callable, optional
        Called with covers done and covers in all.

    Raises
    ------
    StaleError
        If the index is of another model: it has to be rebuilt.
    """
    index = open_index(workspace)
    catalogue = read_catalogue(workspace)
    fingerprint = read_card(workspace.model_folder).fingerprint
    wanted, present = catalogue.cover_ids, set(index.ids)
    new = [cover_id for cover_id in wanted if cover_id not in present]
    gone = sorted(present.difference(wanted))
    relabelled = _changed_rows(catalogue, index)
    report = EmbedReport(0, 0, {})
    if new and not dry_run:
        report = embed_workspace(workspace, device=device, progress=progress)
    places = dict(
        zip(
            index.ids,
            zip(
                *(index.columns.column(n).to_pylist() for n in ("source", "path")),
                strict=True,
            ),
            strict=True,
        )
    )
    old_places = {places[cover_id] for cover_id in gone}
    own = dict(
        zip(
            wanted,
            zip(catalogue.column("source"), catalogue.column("path"), strict=True),
            strict=True,
        )
    )
    n_replaced = sum(own[cover_id] in old_places for cover_id in new)
    counts = {
        "added": len(new) - n_replaced - len(report.failed),
        "changed": n_replaced,
        "moved": len(relabelled),
        "removed": len(gone) - n_replaced,
        "unchanged": len(wanted) - len(new) - len(relabelled),
    }
    failed = [
        {"path": path, "reason": reason} for path, reason in report.failed.items()
    ]
    if dry_run:
        return UpdateReport(**counts, failed=failed, generation=index.generation)
    fingerprints = _fingerprints(catalogue, fingerprint)
    moved = [wanted[row] for row in relabelled]
    if new or gone:
        # All in one generation, so that one rollback undoes it.
        ids, vectors = moved, index.reconstruct(moved)
        if new:
            table = read_embeddings(workspace, new)
            ids = table.cover_ids + moved
            vectors = np.concatenate([table.embeddings, vectors])
        index.update(
            ids,
            vectors,
            index_columns(catalogue, catalogue.rows_of(ids).tolist()),
            remove=gone,
            fingerprints=fingerprints,
        )
    else:
        columns = index_columns(catalogue, relabelled) if moved else {}
        index.update_columns(moved, columns, fingerprints=fingerprints)
    return UpdateReport(**counts, failed=failed, generation=index.generation)


def _fingerprints(catalogue: Catalogue, model: str) -> dict[str, str]:
    return {"model": model, "catalogue": catalogue.fingerprint()}


def _changed_rows(catalogue: Catalogue, index: VectorIndex) -> list[int]:
    """Return the catalogue's rows whose columns differ from the index."""
    ids = index.ids
    position = RowsById(ids).position
    rows = np.asarray(
        [row for row, c in enumerate(catalogue.cover_ids) if c in position], np.int64
    )
    ours = index_columns(catalogue, rows.tolist())
    places = [position[catalogue.cover_ids[row]] for row in rows]
    theirs = index.columns.take(np.asarray(places, np.int64))
    differs = np.zeros(len(rows), bool)
    for name in ours.column_names:
        if name not in theirs.column_names:
            differs[:] = True
            break
        mine, its = ours.column(name), theirs.column(name)
        if mine.equals(its):
            continue
        pairs = zip(mine.to_pylist(), its.to_pylist(), strict=True)
        differs |= np.asarray([a != b for a, b in pairs], bool)
    return [int(row) for row in rows[differs]]


def _forget_old_embeddings(workspace: Workspace, fingerprint: str) -> None:
    """Remove the embeddings of earlier models once the index no longer needs them."""
    card: dict[str, Any] = read_card(workspace.model_folder).summary
    frozen = card.get("frozen", {}).get("fingerprint", "")
    delete_old_embeddings(workspace, keep=[fingerprint, f"frozen-{frozen}"])


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
    from covers.errors import DataError, ModelError
    from indexer.verification import verify_folder

    rebuild = INDEX.repair(workspace.root, "index rebuild")
    report = verify_folder(workspace.index_folder).to_dict()
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
    absent = sorted(set(index.ids).symmetric_difference(catalogue.cover_ids))
    failed = set(catalogue.cover_ids).difference(index.ids)
    for cover_id in absent[:20]:
        what = (
            "in the catalogue, not in the index"
            if cover_id in failed
            else "in the index, not in the catalogue"
        )
        problems.append(
            {
                "id": cover_id,
                "what": what,
                "repair": INDEX.repair(workspace.root),
            }
        )
    n_compared, differing = _compare_pictures(
        workspace, index, catalogue, n_pictures, seed, device
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


def _compare_pictures(
    workspace: Workspace,
    index: VectorIndex,
    catalogue: Catalogue,
    n: int,
    seed: int,
    device: str,
) -> tuple[int, list[tuple[str, float]]]:
    """Embed a sample of pictures again; return how many, and those whose vector is another."""
    from covers.errors import DataError
    from covers.model.embed import cover_files
    from covers.model.pixels import read_pixels
    from covers.model.weights import SavedModel

    present = set(index.ids)
    rows = [
        row for row, cover_id in enumerate(catalogue.cover_ids) if cover_id in present
    ]
    chosen = np.random.default_rng(seed).permutation(len(rows))[:n]
    if not len(chosen):
        return 0, []
    model = SavedModel.open(workspace.model_folder, device)
    ids, pixels = [], []
    for file in cover_files(catalogue, [rows[i] for i in chosen]):
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
