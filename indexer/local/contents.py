"""What an index holds, looked at without searching: ids, columns, vectors.

Letters of shapes: N items, I ids given, D dimensions.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.changes import updates
from indexer.changes.transfer import export_snapshot
from indexer.files.arrow import as_take_indices
from indexer.files.columns import distinct_values
from indexer.files.snapshot import Snapshot
from indexer.filters import Where, check_where
from indexer.ids import as_ids
from indexer.local.selection import select
from indexer.result import Batch

__all__ = ["IndexContents"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_NO_ROWS: Rows = np.zeros(0, dtype=np.int64)


class IndexContents:
    """What an index holds; `indexer.VectorIndex` is what to use."""

    def __init__(self, snapshot: Snapshot, *, lock_timeout_s: float = 10.0) -> None:
        self._snapshot = snapshot
        self._lock_timeout_s = lock_timeout_s

    def __len__(self) -> int:
        return len(self._snapshot)

    def __contains__(self, item_id: object) -> bool:
        return isinstance(item_id, str) and bool(self._snapshot.find([item_id])[0] >= 0)

    @property
    def folder(self) -> Path:
        """Where the index lies."""
        return self._snapshot.folder

    @property
    def address(self) -> str:
        """Where the index lies, as `indexer.open_store` takes it."""
        return str(self.folder)

    @property
    def generation(self) -> int:
        """The generation that answers; it grows with every published change."""
        return self._snapshot.manifest.generation

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._snapshot.manifest.dimension

    @property
    def fingerprints(self) -> dict[str, str]:
        """What the vectors were made with."""
        return dict(self._snapshot.manifest.fingerprints)

    @property
    def ids(self) -> npt.NDArray[np.object_]:
        """Ids of all items: str, shape (N,). Read on first use."""
        return self._snapshot.ids

    @property
    def columns(self) -> pa.Table:
        """Columns of all items, N rows in the order of `ids`."""
        return self._snapshot.columns

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return self._snapshot.schema

    @property
    def vectors(self) -> Float32s:
        """Unit vectors of all items: float32, shape (N, D), read-only.

        Memory-mapped when they lie in one piece, as after `build` or
        `compact`; otherwise a copy, made once. `batches` needs no copy.
        """
        return self._snapshot.vectors

    def rows_of(self, ids: Sequence[str]) -> Rows:
        """Row of each id: int64, shape (I,); ``-1`` where it is not in the index."""
        snapshot = self._snapshot
        return snapshot.rows_of(snapshot.find(as_ids(ids)))

    def reconstruct(self, ids: Sequence[str]) -> Float32s:
        """Give the stored unit vectors: float32, shape (I, D).

        Raises
        ------
        ValueError
            Names ids that are not in the index.
        """
        snapshot = self._snapshot
        return snapshot.vectors_at(updates.places_of(snapshot, as_ids(ids)))

    def get(self, ids: Sequence[str], *, with_vectors: bool = True) -> Batch:
        """Give ids, vectors and columns of some items, in the order asked for.

        Parameters
        ----------
        ids : sequence of str
        with_vectors : bool, default=True

        Raises
        ------
        ValueError
            Names ids that are not in the index.
        """
        snapshot = self._snapshot
        places = updates.places_of(snapshot, as_ids(ids))
        return _batch_of(snapshot, places, with_vectors=with_vectors)

    def batches(
        self,
        batch_size: int = 16_384,
        *,
        with_vectors: bool = True,
        columns: Collection[str] | None = None,
    ) -> Iterator[Batch]:
        """Give all items in batches with `ids`, `vectors` and `columns`.

        Parameters
        ----------
        batch_size : int, default=16384
            Items per batch; the last may hold fewer.
        with_vectors : bool, default=True
        columns : collection of str, optional
            Only these columns, as far as they exist.
        """
        if batch_size < 1:
            message = f"batch_size must be at least 1, got {batch_size}"
            raise ValueError(message)
        snapshot = self._snapshot
        for segment in snapshot.segments:
            segment.expect(is_scattered=False)
        for start in range(0, len(snapshot), batch_size):
            rows = np.arange(start, min(start + batch_size, len(snapshot)))
            places = snapshot.places_of(rows)
            yield _batch_of(
                snapshot, places, with_vectors=with_vectors, columns=columns
            )

    def ids_beginning(self, start: str, most: int = 2) -> list[str]:
        """Give ids that begin with some text, at most so many, in the order of their rows."""
        found = (str(one) for one in self._snapshot.ids if str(one).startswith(start))
        return list(islice(found, most))

    def ids_where(self, where: Where) -> list[str]:
        """Give the ids of all items that a filter lets through.

        Raises
        ------
        ValueError
            If a column does not exist, or a value does not fit it.
        """
        snapshot = self._snapshot
        selection = select(snapshot, check_where(where, snapshot.schema), _NO_ROWS)
        return [
            str(one) for part in selection.parts for one in snapshot.ids_at(part.places)
        ]

    def distinct(self, column: str) -> set[Any]:
        """Give the values of a column, those inside its lists too, each once; no null.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        return distinct_values(self._column(column))

    def has_values(self, column: str) -> bool:
        """Whether any item has a value in a column; not where there is no such column."""
        if column not in self._snapshot.schema.names:
            return False
        found = self._column(column)
        return bool(found.null_count < len(found))

    def _column(self, column: str) -> pa.ChunkedArray:
        """Read one column of all items, and no other."""
        snapshot = self._snapshot
        check_where({column: None}, snapshot.schema)
        kind = snapshot.schema.field(column).type
        chunks = []
        for segment in snapshot.segments:
            table = segment.columns_for(snapshot.schema, [column])
            if column not in table.column_names:
                chunks.append(pa.nulls(len(segment.live_rows), kind))
                continue
            values = table.column(column).cast(kind)
            if segment.alive is not None:
                values = values.take(as_take_indices(segment.live_rows))
            chunks += values.chunks
        return pa.chunked_array(chunks, kind)

    def export(
        self, folder: str | Path, *, overwrite: bool = False, dry_run: bool = False
    ) -> None:
        """Write all items to ``vectors.npy`` and ``items.parquet`` in `folder`.

        Parameters
        ----------
        folder : str or Path
            Made when it does not exist.
        overwrite : bool, default=False
            Replace an earlier export.
        dry_run : bool, default=False
            Check, and write nothing.

        Raises
        ------
        IndexWriteError
            If they exist and `overwrite` is not given, or the disk refuses.
        """
        export_snapshot(
            self._snapshot, Path(folder), overwrite=overwrite, dry_run=dry_run
        )


def _batch_of(
    snapshot: Snapshot,
    places: Rows,
    *,
    with_vectors: bool,
    columns: Collection[str] | None = None,
) -> Batch:
    """Read the items at some positions."""
    vectors = np.zeros((len(places), 0), dtype=np.float32)
    if with_vectors:
        vectors = snapshot.vectors_at(places)
    table = snapshot.columns_at(places, columns)
    return Batch(snapshot.ids_at(places), vectors, table)
