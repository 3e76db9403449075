"""Bringing an index up to its catalogue: new covers are embedded and added, those gone removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.index.build import catalogue_fingerprints, index_columns
from covers.index.open import open_index
from covers.model.card import read_card
from covers.model.embed import EmbedReport
from covers.model.embedders.embed_covers import embed_covers
from covers.model.embedding_table import read_embeddings
from covers.render.short_repr import ShortRepr
from covers.stats.rows import RowsById
from covers.workspace.disk.read_only import ReadOnly
from indexer import Batch
from indexer.files.arrow import as_take_indices

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from covers.catalogue.table import Catalogue
    from covers.model.pixels import Progress
    from covers.workspace.paths import Workspace
    from indexer import VectorStore


@dataclass(frozen=True, repr=False)
class UpdateReport(ReadOnly, ShortRepr):
    """What an update of the index did.

    Parameters
    ----------
    added, changed, moved, removed, unchanged : int
        Covers: new ones; pictures replaced at the same place; same picture at
        another place or with other labels; gone; as they were.
    failed : tuple of dict
        ``path`` and ``reason`` of pictures that could not be embedded.
    generation : int
        Of the index, afterwards.
    """

    added: int
    changed: int
    moved: int
    removed: int
    unchanged: int
    failed: tuple[dict[str, str], ...] = ()
    generation: int = 0


@dataclass(frozen=True, kw_only=True)
class _Difference:
    """Covers in which a catalogue differs from its index: new, changed or gone.

    Parameters
    ----------
    new, gone : list of str
        Covers that only the catalogue has, and that only the index has.
    relabelled : list of int
        Rows of the catalogue whose columns differ from the index.
    n_replaced : int
        New covers that lie where one of those gone lay.
    """

    new: list[str]
    gone: list[str]
    relabelled: list[int]
    n_replaced: int

    @classmethod
    def between(cls, catalogue: Catalogue, index: VectorStore) -> _Difference:
        """Compare a catalogue with its index, some items at a time."""
        known = RowsById(catalogue.cover_ids)
        is_indexed = np.zeros(len(catalogue), bool)
        relabelled, gone = list[int](), list[str]()
        freed = set[tuple[str, str]]()
        for batch in index.batches(_AT_ONCE, with_vectors=False):
            rows = known.of(batch.ids.tolist())
            lost, kept = np.flatnonzero(rows < 0), np.flatnonzero(rows >= 0)
            gone += batch.ids[lost].tolist()
            freed.update(_files_of(batch.columns.take(as_take_indices(lost))))
            is_indexed[rows[kept]] = True
            relabelled += _changed_rows(
                catalogue, rows[kept], batch.columns.take(as_take_indices(kept))
            )
        missing = np.flatnonzero(~is_indexed)
        lie = _files_of(catalogue.table.take(as_take_indices(missing)))
        return cls(
            new=[catalogue.cover_ids[row] for row in missing],
            gone=sorted(gone),
            relabelled=sorted(relabelled),
            n_replaced=sum(file in freed for file in lie),
        )


_FILE = ("source", "path")
_AT_ONCE = 50_000


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
    difference = _Difference.between(catalogue, index)
    report = EmbedReport(0, 0, {})
    if difference.new and not dry_run:
        report = embed_covers(workspace, device=device, progress=progress)
    if not dry_run:
        made_from = catalogue_fingerprints(catalogue, fingerprint)
        _publish(workspace, catalogue, index, difference, made_from)
    n_new, n_relabelled = len(difference.new), len(difference.relabelled)
    n_replaced = difference.n_replaced
    return UpdateReport(
        added=n_new - n_replaced - len(report.failed),
        changed=n_replaced,
        moved=n_relabelled,
        removed=len(difference.gone) - n_replaced,
        unchanged=len(catalogue) - n_new - n_relabelled,
        failed=tuple(
            {"path": p, "reason": reason} for p, reason in report.failed.items()
        ),
        generation=index.generation,
    )


def _publish(
    workspace: Workspace,
    catalogue: Catalogue,
    index: VectorStore,
    difference: _Difference,
    made_from: dict[str, str],
) -> None:
    """Write what differs as one generation, so that one rollback undoes it."""
    moved = [catalogue.cover_ids[row] for row in difference.relabelled]
    if not difference.new and not difference.gone:
        columns = index_columns(catalogue, difference.relabelled) if moved else {}
        index.update_columns(moved, columns, fingerprints=made_from)
        return
    ids, vectors = moved, index.reconstruct(moved)
    if difference.new:
        table = read_embeddings(workspace, difference.new, final=True)
        ids = [*table.cover_ids, *moved]
        vectors = np.concatenate([table.embeddings, vectors])
    if not (ids or difference.gone) and index.fingerprints == made_from:
        return  # the new ones cannot be read, still
    columns = index_columns(catalogue, catalogue.rows_of(ids).tolist())
    index.apply(
        upsert=Batch(np.array(ids, object), vectors, columns),
        remove=difference.gone,
        fingerprints=made_from,
    )


def _files_of(table: pa.Table) -> list[tuple[str, str]]:
    """Return source and path of each cover."""
    return list(zip(*(table.column(name).to_pylist() for name in _FILE), strict=True))


def _changed_rows(
    catalogue: Catalogue, rows: npt.NDArray[np.int64], theirs: pa.Table
) -> list[int]:
    """Return those rows of the catalogue whose columns differ from the index."""
    ours = index_columns(catalogue, rows.tolist())
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
