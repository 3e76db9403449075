"""One generation, opened: segments side by side, tombstones looked through.

A *place* is a position over all segments, dead rows included; a *row* counts
live items only and is what callers see. Letters of shapes: I ids or rows.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.errors import IndexDamagedError
from indexer.files import store
from indexer.files.arrow import as_take_indices
from indexer.files.checking import inconsistencies
from indexer.files.columns import align_table, decode_schema, empty_table
from indexer.files.manifest import Manifest
from indexer.files.names import manifest_path
from indexer.files.segment import Segment
from indexer.ids import hash_ids
from indexer.vectors import decoded

if TYPE_CHECKING:
    from indexer.files.opening import MappedFile

__all__ = ["Snapshot", "numbers_in", "open_snapshot"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


class Snapshot:
    """An immutable view of one generation; threads may share it.

    Parameters
    ----------
    folder : Path
    manifest : Manifest
    previous : Snapshot, optional
        An opened generation whose files and structures are used again.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, previous: "Snapshot | None" = None
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.lock = threading.RLock()
        self.selections: OrderedDict[str, Any] = OrderedDict()
        self.everything: Any = None
        for path, what in inconsistencies(manifest):
            message = (
                f"index {str(folder)!r} is damaged: {path!r}: {what}; "
                f"run 'python -m indexer verify {folder} --repair'"
            )
            raise IndexDamagedError(message)
        known: dict[str, MappedFile] = {}
        ready: dict[str, Segment] = {}
        for segment in previous.segments if previous else ():
            known.update(segment.files)
            if segment.entry.structure and "structure" in vars(segment):
                ready[segment.entry.structure.file.path] = segment
        self.segments: list[Segment] = []
        for entry in manifest.segments:
            segment = Segment(folder, entry, manifest.dimension, known)
            if entry.structure and entry.structure.file.path in ready:
                source = ready[entry.structure.file.path]
                vars(segment)["structure"] = source.structure
            self.segments.append(segment)
        lengths = [len(segment) for segment in self.segments]
        self.starts: Rows = np.cumsum([0, *lengths], dtype=np.int64)

    def __len__(self) -> int:
        return self.manifest.n_items

    @cached_property
    def schema(self) -> pa.Schema:
        """Arrow schema of the columns."""
        try:
            return decode_schema(self.manifest.schema)
        except (pa.ArrowException, OSError, ValueError) as error:
            path = manifest_path(self.manifest.generation)
            message = (
                f"{path!r} is damaged: its schema cannot be read ({error!s:.200}); "
                f"run 'python -m indexer verify {self.folder} --repair'"
            )
            raise IndexDamagedError(message) from error

    @cached_property
    def dead_places(self) -> Rows:
        """Sorted places of all tombstones."""
        pairs = zip(self.segments, self.starts, strict=False)
        dead = [segment.dead + start for segment, start in pairs]
        return np.concatenate(dead) if dead else np.zeros(0, dtype=np.int64)

    @cached_property
    def ids(self) -> npt.NDArray[np.object_]:
        """Ids of all live items, in the order of the rows."""
        with self.lock:
            parts = [segment.ids_at(segment.live_rows) for segment in self.segments]
            return np.concatenate([np.zeros(0, dtype=object), *parts])

    @cached_property
    def columns(self) -> pa.Table:
        """Columns of all live items, in the order of the rows."""
        with self.lock:
            parts = []
            for segment in self.segments:
                table = segment.columns_for(self.schema)
                if segment.alive is not None:
                    table = table.take(as_take_indices(segment.live_rows))
                parts.append(align_table(table, self.schema))
            if not self.schema.names:
                return empty_table(len(self))
            return pa.concat_tables(
                [pa.Table.from_batches([], schema=self.schema), *parts]
            )

    @cached_property
    def vectors(self) -> Float32s:
        """Vectors of all live items; memory-mapped when they lie in one piece."""
        for segment in self.segments:
            segment.expect(is_scattered=False)
        with self.lock:
            if len(self.segments) == 1 and self.segments[0].alive is None:
                return decoded(self.segments[0].vectors)
            vectors = np.empty((len(self), self.manifest.dimension), dtype=np.float32)
            start = 0
            for segment in self.segments:
                rows = segment.live_rows
                vectors[start : start + len(rows)] = decoded(segment.vectors[rows])
                start += len(rows)
            vectors.flags.writeable = False
            return vectors

    def find(self, ids: Sequence[str]) -> Rows:
        """Place of each id; ``-1`` where it is not in the index."""
        places = np.full(len(ids), -1, dtype=np.int64)
        if not len(ids):
            return places
        hashes = hash_ids(ids)
        for segment, start in zip(self.segments, self.starts, strict=False):
            rows = segment.find(ids, hashes)
            places = np.where(rows >= 0, rows + start, places)
        return places

    def rows_of(self, places: Rows) -> Rows:
        """Row of each place of a live item; negative places stay as they are."""
        if not len(self.dead_places):
            return places
        return places - np.searchsorted(self.dead_places, places)

    def places_of(self, rows: Rows) -> Rows:
        """Place of each row; negative rows stay as they are."""
        if not len(self.dead_places):
            return rows
        n_live_before = self.dead_places - np.arange(len(self.dead_places))
        places: Rows = rows + np.searchsorted(n_live_before, rows, side="right")
        return np.where(rows < 0, rows, places)

    def segment_of(self, places: Rows) -> npt.NDArray[np.intp]:
        """Which segment each place lies in."""
        return np.searchsorted(self.starts, places, side="right") - 1

    def ids_at(self, places: Rows) -> npt.NDArray[np.object_]:
        """Ids at some places; None where the place is negative."""
        if len(self.segments) == 1 and places.size and places.min() >= 0:
            return self.segments[0].ids_at(places)
        ids = np.full(places.shape, None, dtype=object)
        owners = np.where(places < 0, -1, self.segment_of(places))
        for number in numbers_in(owners[owners >= 0]):
            here = owners == number
            rows = places[here] - self.starts[number]
            ids[here] = self.segments[number].ids_at(rows)
        return ids

    def columns_at(
        self, places: Rows, names: Collection[str] | None = None
    ) -> pa.Table:
        """Columns at some places, all or only some; null where the place is negative."""
        schema = self.schema
        if names is not None:
            schema = pa.schema([field for field in schema if field.name in names])
        owners = np.where(places < 0, -1, self.segment_of(places))
        tables, order = [pa.Table.from_batches([], schema=schema)], []
        for number in numbers_in(owners):
            here = np.flatnonzero(owners == number)
            order.append(here)
            if number < 0:
                table = empty_table(len(here))
            else:
                rows = as_take_indices(places[here] - self.starts[number])
                table = self.segments[number].columns_for(self.schema, names)
                table = (
                    table.take(rows) if table.num_columns else empty_table(len(here))
                )
            tables.append(align_table(table, schema))
        if not schema.names:
            return empty_table(len(places))
        back = np.argsort(np.concatenate([np.zeros(0, np.int64), *order]))
        return pa.concat_tables(tables).take(as_take_indices(back))

    def vectors_at(self, places: Rows) -> Float32s:
        """Copy the vectors at some places, all of them valid: shape (…, D)."""
        dimension = self.manifest.dimension
        if len(self.segments) == 1:
            return decoded(self.segments[0].vectors[places])
        vectors = np.empty((*places.shape, dimension), dtype=np.float32)
        owners = self.segment_of(places)
        for number in numbers_in(owners):
            here = owners == number
            rows = places[here] - self.starts[number]
            vectors[here] = decoded(self.segments[number].vectors[rows])
        return vectors


def numbers_in(owners: npt.NDArray[np.intp]) -> list[int]:
    """Return the numbers of segments that occur, lowest first; -1 is none.

    The first ``np.unique`` of a process loads masked arrays, which takes longer than
    a small update.
    """
    counts = np.bincount(owners.ravel() + 1)
    return (np.flatnonzero(counts) - 1).tolist()


def open_snapshot(folder: Path, previous: Snapshot | None = None) -> Snapshot:
    """Open the current generation, without a lock.

    A writer may replace the generation and collect its files between reading
    ``CURRENT`` and mapping them; then the newer one is opened.

    Raises
    ------
    IndexNotFoundError, IndexDamagedError, IndexMismatchError
    """
    generation = store.current_generation(folder)
    while True:
        if previous is not None and previous.manifest.generation == generation:
            return previous
        try:
            manifest = store.past_manifest(folder, generation)
            return Snapshot(folder, manifest, previous)
        except IndexDamagedError:
            newer = store.current_generation(folder)
            if newer == generation:
                raise
            generation = newer
