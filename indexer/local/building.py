"""Making an index: of arrays, of files, of what is left of a damaged one.

Letters of shapes: N items, D dimensions.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy.typing as npt
import pyarrow as pa

from indexer.changes import updates
from indexer.changes.plan import NewRows, Plan
from indexer.changes.transfer import read_export
from indexer.changes.writer import open_writer
from indexer.files import store as storage
from indexer.files.manifest import StructureRequest
from indexer.files.problems import VerifyReport
from indexer.local.reading import IndexReader
from indexer.local.repair import repair_folder

__all__ = ["BuiltIndex"]


class BuiltIndex(IndexReader):
    """An index that can be made anew; `indexer.VectorIndex` is what to use."""

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
        store : {"float32", "float16", "int8"}, default="float32"
            How numbers are stored, also those added later. Of 512 dimensions half of
            the bytes move a similarity by up to 0.0005, a quarter by up to 0.003.
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

    def replace(
        self,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        columns: pa.Table | Mapping[str, Sequence[Any]] | None = None,
        *,
        fingerprints: Mapping[str, str] | None = None,
    ) -> None:
        """Replace everything by other items, in one step; parameters as in `build`.

        What was asked of the structure stays as it was.
        """
        request = self._snapshot.manifest.request
        made = self.build(
            self.folder,
            ids,
            vectors,
            columns,
            fingerprints=fingerprints,
            structure=request.key,
            target_recall=request.target_recall,
            memory_mib=request.memory_mib,
            prefer=request.prefer,
            store=request.store,
            keep_generations=self._snapshot.manifest.keep_generations,
            lock_timeout_s=self._lock_timeout_s,
        )
        self._snapshot = made._snapshot

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
