"""`VectorIndex`: vectors, ids and columns in a folder, searched by cosine.

Letters of shapes: N items, I ids given, D dimensions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.changes import updates
from indexer.changes.change import Change
from indexer.changes.plan import NewRows, Plan
from indexer.changes.transfer import read_export
from indexer.changes.writer import Writer, open_writer
from indexer.files import store as storage
from indexer.files.columns import as_table
from indexer.files.manifest import StructureRequest
from indexer.files.problems import VerifyReport
from indexer.ids import as_ids, refuse_repeated_ids
from indexer.reading import IndexReader
from indexer.repair import repair_folder

__all__ = ["VectorIndex"]


class VectorIndex(IndexReader):
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
        prefer: str = "fast",
        store: str = "float32",
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
            Any real dtype; stored with length one. ``(0, D)`` makes an empty index.
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
        prefer : {"fast", "small", "quick-search"}, default="fast"
            What ``"auto"`` chooses by among structures that reach the recall, by
            measuring on a sample: the quickest search of those that are built
            fast; the smallest; the quickest search, graphs too, whose build takes
            several times as long.
        store : {"float32", "float16"}, default="float32"
            How numbers are stored, also those added later. Half of the bytes move a
            similarity by up to 0.0005.
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
            key=structure,
            target_recall=target_recall,
            memory_mib=memory_mib,
            prefer=prefer,
            store=store,
        )
        if keep_generations < 0:
            message = f"keep_generations must not be negative, got {keep_generations}"
            raise ValueError(message)
        new = NewRows.check(ids, vectors, columns)
        storage.refuse_foreign_folder(folder)
        updates.make_index_folder(folder)
        with open_writer(
            folder, timeout_s=lock_timeout_s, replaces_damaged=True
        ) as writer:
            plan = Plan(
                operation="build",
                schema=new.columns.schema.remove_metadata(),
                dimension=new.vectors.shape[1],
                request=request,
                keep_generations=keep_generations,
                fingerprints=dict(fingerprints or {}),
                new=new,
                is_fresh=True,
            )
            return cls(writer.publish(plan), lock_timeout_s=lock_timeout_s)

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
        remove: Sequence[str] = (),
        fingerprints: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Change:
        """Add items, or replace those that are there; remove others in one step.

        Columns that are not given keep their values where the item exists.
        Other parameters and errors as in `add`.

        Parameters
        ----------
        remove : sequence of str, optional
            Items of the index that are gone afterwards.
        """
        new = self._new_rows(ids, vectors, columns)
        gone = list(dict.fromkeys(as_ids(remove, what="remove")))
        with self._writer() as writer:
            plan, change = updates.plan_update(writer, new, gone)
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
        prefer: str | None = None,
        dry_run: bool = False,
    ) -> Change:
        """Build the structure again from the stored vectors.

        Parameters
        ----------
        structure, target_recall, memory_mib, prefer
            As in `build`; what is not given stays as it was asked for.
        """
        with self._writer() as writer:
            request = writer.current.manifest.request
            given = {
                "key": structure,
                "target_recall": target_recall,
                "memory_mib": memory_mib,
                "prefer": prefer,
            }
            request = replace(
                request,
                **{key: value for key, value in given.items() if value is not None},
            )
            plan, change = updates.plan_rebuild(writer, request)
            return self._apply(writer, plan, change, None, dry_run=dry_run)

    def rollback(self, to: int | None = None, *, dry_run: bool = False) -> Change:
        """Make the content of an older generation current again.

        Parameters
        ----------
        to : int, optional
            A kept generation; by default the one that the current content was
            made from. So repeated rollbacks go further back, and one after a
            change undoes that change.

        Raises
        ------
        IndexHistoryError
            Lists the generations that are kept; a ValueError, too.
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
            manifest = storage.past_manifest(self.folder, past.generation)
            self._snapshot = writer.republish(manifest)
            return replace(change, generation=self.generation, is_published=True)

    def _new_rows(
        self,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        columns: pa.Table | Mapping[str, Sequence[Any]] | None,
    ) -> NewRows:
        matrix = np.asarray(vectors)
        if matrix.size == 0 and not len(ids):
            matrix = np.zeros((0, self.dimension), dtype=np.float32)
        return NewRows.check(ids, matrix, columns, dimension=self.dimension)

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
        return replace(change, generation=self.generation, is_published=True)

    @classmethod
    def from_files(
        cls,
        folder: str | Path,
        vectors: str | Path,
        items: str | Path,
        *,
        id_column: str = "id",
        **options: Any,
    ) -> Self:
        """Build an index of a .npy file and a Parquet file with as many rows.

        Parameters
        ----------
        folder, vectors, items : str or Path
        id_column : str, default="id"
            The column of `items` that holds the ids; the others are columns.
        **options
            As in `build`.

        Raises
        ------
        IndexMismatchError
            If a file cannot be read; see also `build`.
        """
        ids, matrix, columns = read_export(
            Path(vectors), Path(items), id_column=id_column
        )
        return cls.build(folder, ids, matrix, columns, **options)

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
