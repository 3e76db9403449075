"""`VectorIndex`: vectors, ids and columns in a folder, searched by cosine.

Letters of shapes: N items, I ids given, D dimensions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.changes import updates
from indexer.changes.change import Change
from indexer.changes.plan import NewRows, Plan
from indexer.changes.writer import Writer, open_writer
from indexer.files import store as storage
from indexer.files.columns import as_table
from indexer.ids import as_ids, refuse_repeated_ids
from indexer.local.building import BuiltIndex
from indexer.result import Batch

__all__ = ["VectorIndex"]


class VectorIndex(BuiltIndex):
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

    def apply(
        self,
        *,
        upsert: Batch | None = None,
        remove: Sequence[str] = (),
        fingerprints: Mapping[str, str] | None = None,
    ) -> Change:
        """Put items, remove others and change fingerprints, in one step.

        Parameters
        ----------
        upsert : Batch, optional
            Added, or put in the place of items of the same ids.
        remove : sequence of str, optional
            Items of the index that are gone afterwards.
        fingerprints : mapping, optional
            Changed or added in the same step.

        Raises
        ------
        ValueError
            As `update`.
        """
        new = upsert or Batch(np.zeros(0, object), np.zeros((0, 0), np.float32), None)
        return self.update(
            new.ids.tolist(),
            new.vectors,
            new.columns,
            remove=remove,
            fingerprints=fingerprints,
        )

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
