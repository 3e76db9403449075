"""The reading half of `VectorIndex`: opening, looking, searching.

Letters of shapes: Q queries, k neighbours, N items, I ids given, D dimensions.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.changes import updates
from indexer.changes.transfer import export_snapshot
from indexer.errors import IndexMismatchError
from indexer.files.problems import VerifyReport
from indexer.files.snapshot import Snapshot, open_snapshot
from indexer.filters import Where, check_where
from indexer.ids import as_ids
from indexer.search import SearchResult, search_snapshot
from indexer.structures import RecallMeasure
from indexer.vectors import as_matrix, unit_queries
from indexer.verification import measure_index_recall, verify_folder

__all__ = ["Batch", "IndexReader"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_NO_ROWS: Rows = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Batch:
    """Some items, in the order of their rows.

    Attributes
    ----------
    ids : ndarray of str
    vectors : ndarray of float32, shape (I, D)
    columns : pyarrow.Table
    """

    ids: npt.NDArray[np.object_]
    vectors: Float32s
    columns: pa.Table


class IndexReader:
    """What can be asked of an index; `indexer.VectorIndex` is what to use."""

    def __init__(self, snapshot: Snapshot, *, lock_timeout_s: float = 10.0) -> None:
        self._snapshot = snapshot
        self._lock_timeout_s = lock_timeout_s

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        expect: Mapping[str, str] | None = None,
        lock_timeout_s: float = 10.0,
    ) -> Self:
        """Open the current generation; nothing is read that is not needed yet.

        Parameters
        ----------
        folder : str or Path
            May be read-only.
        expect : mapping of str to str, optional
            Fingerprints that the index must have.
        lock_timeout_s : float, default=10
            How long changes wait for another writer.

        Raises
        ------
        IndexNotFoundError
            If there is no index.
        IndexMismatchError
            If a fingerprint differs, or a newer release wrote the index.
        IndexDamagedError
            If a file is missing or has another size; `verify` looks closer.
        """
        index = cls(open_snapshot(Path(folder)), lock_timeout_s=lock_timeout_s)
        index.refuse_mismatch(expect)
        return index

    def refuse_mismatch(self, expect: Mapping[str, str] | None) -> None:
        """Refuse fingerprints that differ from those of the index.

        Raises
        ------
        IndexMismatchError
            Shows both values.
        """
        for name, value in (expect or {}).items():
            actual = self.fingerprints.get(name)
            if actual != value:
                message = (
                    f"index {str(self.folder)!r} was built with {name} {actual!r}, "
                    f"expected {value!r}: use what it was built with, or build it again"
                )
                raise IndexMismatchError(message)

    def refresh(self) -> bool:
        """Move to the newest generation; say whether there was a newer one."""
        before = self._snapshot
        self._snapshot = open_snapshot(before.folder, before)
        return self._snapshot is not before

    def __len__(self) -> int:
        return len(self._snapshot)

    def __contains__(self, item_id: object) -> bool:
        return isinstance(item_id, str) and bool(self._snapshot.find([item_id])[0] >= 0)

    def __repr__(self) -> str:
        return (
            f"<VectorIndex {str(self.folder)!r}, generation {self.generation}: "
            f"{len(self)} items of {self.dimension} dimensions>"
        )

    @property
    def folder(self) -> Path:
        """Where the index lies."""
        return self._snapshot.folder

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
        `compact`; otherwise a copy, made once. `iterate` needs no copy.
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

    def iterate(self, batch_size: int = 16_384) -> Iterator[Batch]:
        """Give all items in batches with `ids`, `vectors` and `columns`.

        Parameters
        ----------
        batch_size : int, default=16384
            Items per batch; the last may hold fewer.
        """
        if batch_size < 1:
            message = f"batch_size must be at least 1, got {batch_size}"
            raise ValueError(message)
        snapshot = self._snapshot
        for start in range(0, len(snapshot), batch_size):
            rows = np.arange(start, min(start + batch_size, len(snapshot)))
            places = snapshot.places_of(rows)
            yield Batch(
                snapshot.ids_at(places),
                snapshot.vectors_at(places),
                snapshot.columns_at(places),
            )

    def search(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        where: Where | None = None,
        exclude_ids: Collection[str] | Sequence[Collection[str]] | None = None,
        exact: bool = False,
    ) -> SearchResult:
        """Find the k most similar items of each query.

        Parameters
        ----------
        queries : array-like, shape (Q, D) or (D,)
            Of any length but zero.
        k : int, default=10
            May exceed the number of items; the answer is then short and
            `SearchResult.notes` says why.
        where : mapping, optional
            Filter on columns, see `indexer.filters`.
        exclude_ids : collection of str, or one such collection per query, optional
            Items that may not be found; unknown ids are ignored.
        exact : bool, default=False
            Leave the approximate structure aside.

        Returns
        -------
        SearchResult

        Raises
        ------
        ValueError
            If ``k < 1``, a query has no direction, or a column does not exist.
        IndexMismatchError
            If the queries have another dimension.
        """
        snapshot = self._snapshot
        matrix = as_matrix(
            queries, what="the queries", dimension=snapshot.manifest.dimension
        )
        hidden, excluded = _resolve_excluded(snapshot, exclude_ids, len(matrix))
        return search_snapshot(
            snapshot,
            unit_queries(matrix),
            _check_k(k),
            where=check_where(where, snapshot.schema),
            hidden=hidden,
            excluded=excluded,
            is_exact=exact,
        )

    def neighbours_of(
        self,
        ids: Sequence[str],
        k: int = 10,
        *,
        where: Where | None = None,
        exclude_ids: Collection[str] | Sequence[Collection[str]] | None = None,
        exact: bool = False,
    ) -> SearchResult:
        """Find the k most similar items of each item, itself left out.

        Parameters
        ----------
        ids : sequence of str, length Q
            Items of the index.
        k, where, exclude_ids, exact
            As in `search`.

        Raises
        ------
        ValueError
            As in `search`, and for ids that are not in the index.
        """
        snapshot = self._snapshot
        names = as_ids(ids)
        places = updates.places_of(snapshot, names)
        hidden, excluded = _resolve_excluded(snapshot, exclude_ids, len(names))
        own = places[:, np.newaxis]
        if excluded:
            pairs = zip(own, excluded, strict=True)
            excluded = [np.concatenate(pair) for pair in pairs]
        else:
            excluded = list(own)
        return search_snapshot(
            snapshot,
            snapshot.vectors_at(places),
            _check_k(k),
            where=check_where(where, snapshot.schema),
            hidden=hidden,
            excluded=excluded,
            is_exact=exact,
        )

    def info(self) -> dict[str, Any]:
        """Say what the index holds, as plain values that go into JSON."""
        return updates.describe(self._snapshot)

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

    def verify(self, *, n_sampled: int = 256) -> VerifyReport:
        """Check every file and what it holds, on disk and in the newest generation.

        Parameters
        ----------
        n_sampled : int, default=256
            Items that are searched for, to check self-retrieval and recall.

        Returns
        -------
        VerifyReport
        """
        return verify_folder(self.folder, n_sampled=n_sampled)

    def measure_recall(
        self, k: int = 10, *, n_sampled: int = 256, seed: int = 0
    ) -> RecallMeasure:
        """Measure how many of the true neighbours searches find.

        Parameters
        ----------
        k : int, default=10
        n_sampled : int, default=256
            Stored items that are searched for, themselves left out.
        seed : int, default=0
            Chooses them.
        """
        return measure_index_recall(
            self._snapshot, k=_check_k(k), n_sampled=n_sampled, seed=seed
        )


def _check_k(k: int) -> int:
    if isinstance(k, bool) or not isinstance(k, int | np.integer):
        message = f"k must be a whole number, got {k!r}"
        raise TypeError(message)
    if k < 1:
        message = f"k must be at least 1, got {k}"
        raise ValueError(message)
    return int(k)


def _resolve_excluded(
    snapshot: Snapshot,
    exclude_ids: Collection[str] | Sequence[Collection[str]] | None,
    n_queries: int,
) -> tuple[Rows, list[Rows]]:
    """Find the places to leave out: for all queries, or for each."""
    if exclude_ids is None:
        return _NO_ROWS, []
    if isinstance(exclude_ids, str):
        message = f"exclude_ids must be a collection of ids, got {exclude_ids!r}"
        raise TypeError(message)
    given = list(exclude_ids)
    if not given:
        return _NO_ROWS, []
    if isinstance(given[0], str):
        places = snapshot.find(as_ids(given, what="exclude_ids"))
        return np.unique(places[places >= 0]), []
    if len(given) != n_queries:
        message = (
            f"exclude_ids holds {len(given)} sequences for {n_queries} queries: "
            f"give one sequence of ids for all, or one per query"
        )
        raise ValueError(message)
    each = [as_ids(some, what="exclude_ids") for some in given]
    places = snapshot.find([name for some in each for name in some])
    ends = np.cumsum([len(some) for some in each])
    split = np.split(places, ends[:-1])
    return _NO_ROWS, [some[some >= 0] for some in split]
