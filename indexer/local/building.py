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
from indexer.files.problems import VerifyReport
from indexer.local.build_settings import BuildSettings
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
        **settings: Any,
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
        **settings
            Of `BuildSettings`: ``structure``, ``target_recall``, ``memory_mib``,
            ``prefer``, ``store``, ``keep_generations``, ``lock_timeout_s``.

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
        how = BuildSettings(**settings)
        new = NewRows.check(ids, vectors, columns)
        storage.refuse_foreign_folder(folder)
        updates.make_index_folder(folder)
        with open_writer(
            folder, timeout_s=how.lock_timeout_s, replaces_damaged=True
        ) as writer:
            plan = Plan(
                operation="build",
                schema=new.columns.schema.remove_metadata(),
                dimension=new.vectors.shape[1],
                request=how.request(),
                keep_generations=how.keep_generations,
                fingerprints=dict(fingerprints or {}),
                new=new,
                is_fresh=True,
            )
            return cls(writer.publish(plan), lock_timeout_s=how.lock_timeout_s)

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
        **settings: Any,
    ) -> Self:
        """Build an index of a .npy file and a Parquet file with as many rows.

        Parameters
        ----------
        folder, vectors, items : str or Path
        id_column : str, default="id"
            The column of `items` that holds the ids; the others are columns.
        **settings
            As in `build`.

        Raises
        ------
        IndexMismatchError
            If a file cannot be read; see also `build`.
        """
        ids, matrix, columns = read_export(
            Path(vectors), Path(items), id_column=id_column
        )
        return cls.build(folder, ids, matrix, columns, **settings)

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
