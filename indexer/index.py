"""`VectorIndex`: vectors, ids and columns in a folder, searched by cosine.

Letters of shapes: Q queries, k neighbours, N items, I ids given, D dimensions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer import store, updates
from indexer.change import Change
from indexer.columns import as_table
from indexer.errors import IndexMismatchError
from indexer.filters import Where, check_where
from indexer.ids import as_ids, refuse_repeated_ids
from indexer.manifest import StructureRequest
from indexer.repair import repair_folder
from indexer.search import SearchResult, search_snapshot
from indexer.snapshot import Snapshot, open_snapshot
from indexer.structure import RecallMeasure
from indexer.vectors import as_matrix, refuse_unusable_vectors, unit_rows
from indexer.verification import VerifyReport, measure_index_recall, verify_folder
from indexer.writer import NewRows, Plan, Writer, open_writer

__all__ = ["VectorIndex"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_NO_ROWS: Rows = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class _Batch:
    """Items with their place in the index."""

    ids: npt.NDArray[np.object_]
    vectors: Float32s
    columns: pa.Table


class VectorIndex:
    """Vectors with ids and columns, verified, incremental and safe from crashes.

    Make one with `build` or `open`. An object answers from one generation until
    it changes the index itself or `refresh` is called; threads may share it.
    Every change is published in one step: whoever reads meanwhile, also in
    other processes, sees the old state or the new one.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from indexer import VectorIndex
    >>> folder = tempfile.mkdtemp()
    >>> index = VectorIndex.build(
    ...     folder, ["a", "b", "c"], np.eye(3), {"genre": ["Rock", "Pop", "Rock"]}
    ... )
    >>> index.search(np.array([1, 0.5, 0]), k=2).ids.tolist()
    [['a', 'b']]
    >>> index.search(np.array([1, 0.5, 0]), k=1, where={"genre": "Pop"}).ids.tolist()
    [['b']]
    >>> index.remove(["a"]).n_items
    2
    """

    def __init__(self, snapshot: Snapshot, *, lock_timeout_s: float = 10.0) -> None:
        self._snapshot = snapshot
        self._lock_timeout_s = lock_timeout_s

    # Making and opening

    @classmethod
    def build(
        cls,
        folder: str | Path,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        columns: pa.Table | Mapping[str, Sequence[Any]] | None = None,
        *,
        fingerprints: Mapping[str, str] | None = None,
        structure: str = "auto",
        target_recall: float = 0.99,
        memory_mib: int | None = None,
        keep_generations: int = 2,
        lock_timeout_s: float = 10.0,
    ) -> Self:
        """Make an index, or replace the content of one.

        Parameters
        ----------
        folder : str or Path
            New, empty, or an index: then this is its next generation, and the
            older ones stay for `rollback`.
        ids : sequence of str, length N
            Each once.
        vectors : array-like, shape (N, D)
            Any real dtype; stored as float32 of length one. ``(0, D)`` makes
            an empty index.
        columns : pyarrow.Table, mapping or data frame, optional
            N rows, not called ``id``.
        fingerprints : mapping of str to str, optional
            What the vectors were made with, compared by `open`.
        structure : str, default="auto"
            ``"auto"`` chooses by size, ``"exact"`` searches exactly, anything
            else is a FAISS factory key such as ``"IVF1024,SQ8"``.
        target_recall : float, default=0.99
            Share of the true ten nearest that searches must find, in (0, 1].
            Towards 1 searches cost more.
        memory_mib : int, optional
            Upper bound of the structure chosen by ``"auto"``, in MiB.
        keep_generations : int, default=2
            Older generations that stay for `rollback`; 0 keeps none.
        lock_timeout_s : float, default=10
            How long to wait for another writer.

        Returns
        -------
        VectorIndex

        Raises
        ------
        ValueError, TypeError
            Ids that repeat or are no strings; vectors without a direction; numbers of
            rows that differ; a structure that FAISS refuses.
        IndexMismatchError
            If the folder holds files that are no index.
        IndexBusyError
            If another process keeps writing.
        IndexWriteError
            If the disk refuses; what was there before is whole.
        """
        folder = Path(folder)
        request = StructureRequest(
            key=structure, target_recall=target_recall, memory_mib=memory_mib
        )
        _check_request(request, keep_generations)
        matrix = as_matrix(vectors, what="the vectors")
        new = _as_new_rows(ids, matrix, columns)
        store.refuse_foreign_folder(folder)
        updates.make_index_folder(folder)
        with open_writer(
            folder, timeout_s=lock_timeout_s, replaces_damaged=True
        ) as writer:
            plan = Plan(
                operation="build",
                schema=new.columns.schema.remove_metadata(),
                dimension=matrix.shape[1],
                request=request,
                keep_generations=keep_generations,
                fingerprints=dict(fingerprints or {}),
                new=new,
                is_fresh=True,
            )
            return cls(writer.publish(plan), lock_timeout_s=lock_timeout_s)

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

    # What it holds

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

    def iterate(self, batch_size: int = 16_384) -> Iterator[_Batch]:
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
            yield _Batch(
                snapshot.ids_at(places),
                snapshot.vectors_at(places),
                snapshot.columns_at(places),
            )

    # Searching

    def search(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        where: Where | None = None,
        exclude_ids: Sequence[str] | Sequence[Sequence[str]] | None = None,
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
        exclude_ids : sequence of str, or one such sequence per query, optional
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
        names = [f"query {number}" for number in range(len(matrix))]
        refuse_unusable_vectors(matrix, names, what="queries")
        hidden, excluded = _resolve_excluded(snapshot, exclude_ids, len(matrix))
        return search_snapshot(
            snapshot,
            unit_rows(matrix),
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
        exclude_ids: Sequence[str] | Sequence[Sequence[str]] | None = None,
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

    # Changing

    def add(
        self,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        columns: pa.Table | Mapping[str, Sequence[Any]] | None = None,
        *,
        fingerprints: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Change:
        """Add items whose ids are new.

        Parameters
        ----------
        ids, vectors, columns
            As in `build`; columns that are not given are null, new ones are
            null for the items that are there.
        fingerprints : mapping, optional
            Changed or added in the same step.
        dry_run : bool, default=False
            Check and count, write nothing.

        Raises
        ------
        ValueError
            Names ids that are in the index already; see also `build`.
        """
        new = self._new_rows(ids, vectors, columns)
        with self._writer() as writer:
            plan, change = updates.plan_add(writer, new)
            return self._apply(writer, plan, change, fingerprints, dry_run=dry_run)

    def update(
        self,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        columns: pa.Table | Mapping[str, Sequence[Any]] | None = None,
        *,
        fingerprints: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Change:
        """Add items, or replace those that are there.

        Columns that are not given keep their values where the item exists.
        Parameters and errors as in `add`.
        """
        new = self._new_rows(ids, vectors, columns)
        with self._writer() as writer:
            plan, change = updates.plan_update(writer, new)
            return self._apply(writer, plan, change, fingerprints, dry_run=dry_run)

    def update_columns(
        self,
        ids: Sequence[str],
        columns: pa.Table | Mapping[str, Sequence[Any]],
        *,
        fingerprints: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Change:
        """Change or add columns of items, whose vectors stay as they are.

        Raises
        ------
        ValueError
            Names ids that are not in the index; see also `build`.
        """
        names = as_ids(ids)
        refuse_repeated_ids(names)
        table = as_table(columns, len(names))
        with self._writer() as writer:
            plan, change = updates.plan_update_columns(writer, names, table)
            return self._apply(writer, plan, change, fingerprints, dry_run=dry_run)

    def remove(
        self,
        ids: Sequence[str],
        *,
        missing: str = "raise",
        fingerprints: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Change:
        """Remove items.

        Parameters
        ----------
        ids : sequence of str
        missing : {"raise", "ignore"}, default="raise"
            What to do about ids that are not in the index.

        Raises
        ------
        ValueError
            Names ids that are not in the index; nothing is removed then.
        """
        if missing not in {"raise", "ignore"}:
            message = f"missing must be 'raise' or 'ignore', got {missing!r}"
            raise ValueError(message)
        names = list(dict.fromkeys(as_ids(ids)))
        with self._writer() as writer:
            plan, change = updates.plan_remove(
                writer, names, ignores_missing=missing == "ignore"
            )
            return self._apply(writer, plan, change, fingerprints, dry_run=dry_run)

    def compact(self, *, dry_run: bool = False) -> Change:
        """Merge all segments into one without tombstones."""
        with self._writer() as writer:
            plan, change = updates.plan_compact(writer)
            return self._apply(writer, plan, change, None, dry_run=dry_run)

    def rebuild(
        self,
        structure: str | None = None,
        *,
        target_recall: float | None = None,
        memory_mib: int | None = None,
        dry_run: bool = False,
    ) -> Change:
        """Build the structure again from the stored vectors.

        Parameters
        ----------
        structure, target_recall, memory_mib
            As in `build`; what is not given stays as it was asked for.
        """
        with self._writer() as writer:
            request = writer.current.manifest.request
            given = {
                "key": structure,
                "target_recall": target_recall,
                "memory_mib": memory_mib,
            }
            request = replace(
                request,
                **{key: value for key, value in given.items() if value is not None},
            )
            _check_request(request, 0)
            plan, change = updates.plan_rebuild(writer, request)
            return self._apply(writer, plan, change, None, dry_run=dry_run)

    def rollback(self, to: int | None = None, *, dry_run: bool = False) -> Change:
        """Make the content of an older generation current again.

        Parameters
        ----------
        to : int, optional
            A kept generation; the one before the current content by default.

        Raises
        ------
        ValueError
            Lists the generations that are kept.
        """
        with self._writer() as writer:
            past = updates.choose_past(writer.current.manifest, to)
            change = Change(
                generation=writer.current.manifest.generation,
                n_items=past.n_items,
                is_dry_run=dry_run,
            )
            if dry_run:
                return change
            manifest = store.past_manifest(self.folder, past.generation)
            self._snapshot = writer.republish(manifest)
            return replace(change, generation=self.generation)

    def _new_rows(
        self,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        columns: pa.Table | Mapping[str, Sequence[Any]] | None,
    ) -> NewRows:
        matrix = np.asarray(vectors)
        if matrix.size == 0 and not len(ids):
            matrix = np.zeros((0, self.dimension), dtype=np.float32)
        matrix = as_matrix(matrix, what="the vectors", dimension=self.dimension)
        return _as_new_rows(ids, matrix, columns)

    def _writer(self) -> Any:
        return open_writer(
            self.folder, timeout_s=self._lock_timeout_s, previous=self._snapshot
        )

    def _apply(
        self,
        writer: Writer,
        plan: Plan | None,
        change: Change,
        fingerprints: Mapping[str, str] | None,
        *,
        dry_run: bool,
    ) -> Change:
        """Publish a plan unless there is nothing to do."""
        current = writer.current
        if dry_run:
            return replace(change, is_dry_run=True)
        known = current.manifest.fingerprints
        wanted = {**known, **(fingerprints or {})}
        if plan is None and wanted == known:
            self._snapshot = current
            return change
        plan = plan or writer.plan("fingerprints")
        plan.fingerprints = wanted
        self._snapshot = writer.publish(plan)
        return replace(change, generation=self.generation)

    # Looking after it

    def info(self) -> dict[str, Any]:
        """Say what the index holds, as plain values that go into JSON."""
        return updates.describe(self._snapshot)

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

    @staticmethod
    def repair(folder: str | Path, *, lock_timeout_s: float = 10.0) -> VerifyReport:
        """Mend what `verify` finds, as far as it can be mended.

        A damaged structure or lookup is made again from vectors and ids; where
        those are damaged, the newest older generation that is whole becomes
        current.

        Raises
        ------
        IndexDamagedError
            If no generation is whole.
        """
        return repair_folder(Path(folder), lock_timeout_s=lock_timeout_s)


def _as_new_rows(ids: Sequence[str], matrix: npt.NDArray[Any], columns: Any) -> NewRows:
    """Check ids, vectors and columns against each other."""
    names = as_ids(ids)
    if len(names) != len(matrix):
        message = f"there are {len(names)} ids but {len(matrix)} vectors"
        raise ValueError(message)
    refuse_repeated_ids(names)
    refuse_unusable_vectors(matrix, names, what="vectors")
    return NewRows(names, matrix, as_table(columns, len(names)))


def _check_request(request: StructureRequest, keep_generations: int) -> None:
    if not 0 < request.target_recall <= 1:
        message = f"target_recall must lie in (0, 1], got {request.target_recall}"
        raise ValueError(message)
    if request.memory_mib is not None and request.memory_mib < 1:
        message = f"memory_mib must be at least 1, got {request.memory_mib}"
        raise ValueError(message)
    if keep_generations < 0:
        message = f"keep_generations must not be negative, got {keep_generations}"
        raise ValueError(message)


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
    exclude_ids: Sequence[str] | Sequence[Sequence[str]] | None,
    n_queries: int,
) -> tuple[Rows, list[Rows]]:
    """Find the places to leave out: for all queries, or for each."""
    if exclude_ids is None or len(exclude_ids) == 0:
        return _NO_ROWS, []
    if isinstance(exclude_ids, str) or isinstance(exclude_ids[0], str):
        places = snapshot.find(as_ids(exclude_ids, what="exclude_ids"))
        return np.unique(places[places >= 0]), []
    if len(exclude_ids) != n_queries:
        message = (
            f"exclude_ids holds {len(exclude_ids)} sequences for {n_queries} queries: "
            f"give one sequence of ids for all, or one per query"
        )
        raise ValueError(message)
    each = [as_ids(some, what="exclude_ids") for some in exclude_ids]
    places = snapshot.find([name for some in each for name in some])
    ends = np.cumsum([len(some) for some in each])
    split = np.split(places, ends[:-1])
    return _NO_ROWS, [some[some >= 0] for some in split]
