"""A segment: rows that were written together, mapped from its files.

Letters of shapes: N rows of the segment, D dimensions, I ids asked for.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.backends import StructureBackend, load_backend
from indexer.errors import IndexDamagedError
from indexer.files.columns import ID_COLUMN
from indexer.files.items import Items
from indexer.files.manifest import FileEntry, SegmentEntry
from indexer.files.opening import MappedFile
from indexer.files.store import GenerationWriter
from indexer.ids import hash_ids
from indexer.vectors import STORES, encoded

__all__ = [
    "NewSegment",
    "Segment",
    "write_dead",
    "write_items",
    "write_lookup",
    "write_segment",
]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_ITEMS_PER_BATCH = 1 << 20
# What is written before the vectors, whatever release of NumPy writes it.
_HEADER_BYTES = 256
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '(<f[24]|\|i1)', 'fortran_order': False, "
    rb"'shape': \(([0-9]{1,19}), ([0-9]{1,19})\), \} *\n",
    re.DOTALL,
)


class Segment:
    """The mapped files of one segment, each parsed when it is first needed.

    Parameters
    ----------
    folder : Path
        The index.
    entry : SegmentEntry
    dimension : int
    known : dict of str to MappedFile
        Files that are mapped already; new ones are added.

    Attributes
    ----------
    vectors : ndarray of float32, float16 or int8, shape (N, D)
        All rows, also dead ones, memory-mapped as they are stored: `decoded` reads
        them.

    Raises
    ------
    IndexDamagedError
        If a file is missing, or its size or header is wrong.
    """

    def __init__(
        self,
        folder: Path,
        entry: SegmentEntry,
        dimension: int,
        known: dict[str, MappedFile],
    ) -> None:
        self.entry = entry
        self._folder = folder
        self.files: dict[str, MappedFile] = {}
        for file in entry.files:
            mapped = known.get(file.path)
            if mapped is None or mapped.entry != file:
                mapped = MappedFile(folder, file)
            known[file.path] = self.files[file.path] = mapped
        self.files[entry.lookup.path].expect(is_scattered=True)
        if entry.structure is not None:
            self.expect(is_scattered=True)
        self.vectors = self._map_vectors(dimension)
        self._items = Items(self.files[entry.items.path], len(self), self._repair)

    def __len__(self) -> int:
        return self.entry.n_rows

    @property
    def items(self) -> pa.Table:
        """Ids and columns of all rows, memory-mapped."""
        return self._items.table

    def columns_for(
        self, schema: pa.Schema, names: Collection[str] | None = None
    ) -> pa.Table:
        """Give the columns without the ids, of types that an index has.

        Parameters
        ----------
        schema : pyarrow.Schema
            Of the index; a column may also be all null.
        names : collection of str, optional
            Those that are wanted, as far as they exist; others are not looked at.

        Raises
        ------
        IndexDamagedError
            If a column is damaged or of another type.
        """
        table = self._items.columns if names is None else self._items.select(names)
        for field in table.schema:
            place = schema.get_field_index(field.name)
            kind = schema.field(place).type if place >= 0 else field.type
            if field.type not in (kind, pa.null()):
                what = f"{field.name!r} holds {field.type}, the manifest says {kind}"
                raise self._damaged(self.entry.items, what)
        return table

    @cached_property
    def dead(self) -> Rows:
        """Sorted rows that are tombstones."""
        if self.entry.dead is None:
            return np.zeros(0, dtype=np.int64)
        mapped = self.files[self.entry.dead.path]
        rows = np.frombuffer(mapped.data, dtype="<i8").astype(np.int64, copy=False)
        ends = rows[[0, -1]].tolist()
        if ends[0] < 0 or ends[1] >= len(self) or (rows[1:] <= rows[:-1]).any():
            what = "it does not hold rows of the segment, sorted"
            raise self._damaged(mapped.entry, what)
        return rows

    @cached_property
    def alive(self) -> npt.NDArray[np.bool_] | None:
        """Mask of the rows that are not dead; None when all are alive."""
        if not self.entry.n_dead:
            return None
        mask = np.ones(len(self), dtype=bool)
        mask[self.dead] = False
        return mask

    @cached_property
    def live_rows(self) -> Rows:
        """Sorted rows that are not dead."""
        if self.alive is None:
            return np.arange(len(self), dtype=np.int64)
        return np.flatnonzero(self.alive)

    @cached_property
    def structure(self) -> StructureBackend | None:
        """The FAISS structure; None without one, or when its file is damaged.

        A wrong byte could end the process, so the checksum is compared before
        FAISS sees it, unless nobody has written to the file since it was made:
        half a gigabyte need not be read for every first search. Whoever
        searches says that the answer came without it.
        """
        if self.entry.structure is None:
            return None
        mapped = self.files[self.entry.structure.file.path]
        if not (mapped.is_untouched or mapped.is_whole()):
            return None
        try:
            return load_backend(mapped.data, self.vectors.shape)
        except IndexDamagedError:
            return None

    @property
    def lost_structure(self) -> str | None:
        """Path of a structure that should be there but is damaged."""
        if self.entry.structure is not None and self.structure is None:
            return self.entry.structure.file.path
        return None

    def expect(self, *, is_scattered: bool) -> None:
        """Tell the system whether few vectors will be read, or many; see `MappedFile.expect`."""
        self.files[self.entry.vectors.path].expect(is_scattered=is_scattered)

    def refuse_damaged(self, *parts: FileEntry) -> None:
        """Compare checksums before bytes are copied under a new checksum.

        Raises
        ------
        IndexDamagedError
            Names the file.
        """
        for part in parts:
            if not self.files[part.path].is_whole():
                raise self._damaged(part, "its checksum is wrong")

    def ids_at(self, rows: Rows) -> npt.NDArray[np.object_]:
        """Ids of some rows: str, shape of `rows`."""
        return self._items.ids_at(rows)

    def find(self, ids: Sequence[str], hashes: npt.NDArray[np.uint64]) -> Rows:
        """Find the live row of each id.

        Parameters
        ----------
        ids : sequence of str, length I
        hashes : ndarray of uint64, shape (I,)
            Their `hash_ids`.

        Returns
        -------
        ndarray of int64, shape (I,)
            ``-1`` where the id is not alive in this segment.
        """
        sorted_hashes, order = self._lookup
        found = np.full(len(ids), -1, dtype=np.int64)
        first = np.searchsorted(sorted_hashes, hashes, side="left")
        last = np.searchsorted(sorted_hashes, hashes, side="right")
        lengths = last - first
        if not lengths.any():
            return found
        self._refuse_disordered(hashes, lengths)
        # Two ids may share a hash, so each candidate is compared as a string.
        asked = np.repeat(np.arange(len(ids)), lengths)
        starts = np.repeat(first - np.r_[0, np.cumsum(lengths)[:-1]], lengths)
        rows = order[starts + np.arange(len(asked))]
        if rows.min() < 0 or rows.max() >= len(self):
            raise self._damaged(self.entry.lookup, "it leads to no row of the segment")
        if self.alive is not None:
            asked, rows = asked[self.alive[rows]], rows[self.alive[rows]]
        names = self.ids_at(rows)
        for position, row, name in zip(
            asked.tolist(), rows.tolist(), names.tolist(), strict=True
        ):
            if ids[position] == name:
                found[position] = row
        return found

    def has_lookup_of(self, hashes: npt.NDArray[np.uint64]) -> bool:
        """Whether the lookup is that of ids with these hashes."""
        sorted_hashes, rows = self._lookup
        is_order = np.array_equal(np.sort(rows), np.arange(len(self)))
        return is_order and np.array_equal(sorted_hashes, hashes[rows])

    @cached_property
    def _lookup(self) -> tuple[npt.NDArray[np.uint64], Rows]:
        """Sorted hashes of the ids and the row of each."""
        mapped = self.files[self.entry.lookup.path]
        n = len(self)
        hashes = np.frombuffer(mapped.data, dtype="<u8", count=n)
        rows = np.frombuffer(mapped.data, dtype="<i8", count=n, offset=8 * n)
        return hashes.astype(np.uint64, copy=False), rows.astype(np.int64, copy=False)

    def _refuse_disordered(self, hashes: npt.NDArray[np.uint64], lengths: Rows) -> None:
        """Refuse a lookup of which more was found than a sorted one holds."""
        is_sorted = lengths.min() >= 0
        if is_sorted and lengths.sum() > len(self):  # ids may be asked for twice
            _, positions = np.unique(hashes, return_index=True)
            is_sorted = lengths[positions].sum() <= len(self)
        if not is_sorted:
            raise self._damaged(self.entry.lookup, "it is not sorted")

    def _map_vectors(self, dimension: int) -> npt.NDArray[Any]:
        """See the mapped .npy file as a matrix, if it is the one that is written."""
        mapped = self.files[self.entry.vectors.path]
        shape = (len(self), dimension)
        kind = np.dtype(STORES[self.entry.store])
        start = npy_header(mapped.data[:_HEADER_BYTES], shape, kind.str)
        n_bytes = kind.itemsize * len(self) * dimension
        if start is None or start + n_bytes != len(mapped.data):
            what = (
                f"it does not hold {self.entry.store} of shape {shape}, as the "
                f"manifest says"
            )
            raise self._damaged(mapped.entry, what)
        return np.frombuffer(mapped.data, dtype=kind, offset=start).reshape(shape)

    def _damaged(self, entry: FileEntry, what: str) -> IndexDamagedError:
        return IndexDamagedError(f"{entry.path!r} is damaged: {what}; {self._repair}")

    @property
    def _repair(self) -> str:
        return f"run 'python -m indexer verify {self._folder} --repair'"


@dataclass(frozen=True, kw_only=True)
class NewSegment:
    """What a new segment is made of; N items of D dimensions.

    Attributes
    ----------
    vectors : iterable of ndarray of float32, float16 or int8
        Blocks of unit rows as they are stored or new, `shape` together.
    shape : (int, int)
        N and D.
    items : pyarrow.Table of N rows
        The ids, then the columns.
    store : {"float32", "float16", "int8"}, default="float32"
        How the numbers are stored.
    """

    vectors: Iterable[npt.NDArray[Any]]
    shape: tuple[int, int]
    items: pa.Table
    store: str = "float32"


def write_segment(
    writer: GenerationWriter,
    name: str,
    new: NewSegment,
) -> SegmentEntry:
    """Write the vectors, items and lookup of a new segment.

    Parameters
    ----------
    writer : GenerationWriter
    name : str
        First part of the file names.
    new : NewSegment
    """
    kind = np.dtype(STORES[new.store])
    with writer.new_file(f"{name}.vectors.npy") as file:
        header = {"descr": kind.str, "fortran_order": False, "shape": new.shape}
        np.lib.format.write_array_header_1_0(file, header)  # type: ignore[arg-type]
        for block in new.vectors:
            file.write(encoded(block, new.store).data)
    vectors_entry = file.entry
    items_entry = write_items(writer, name, new.items)
    hashes = hash_ids(_iterate_strings(new.items.column(ID_COLUMN)))
    return SegmentEntry(
        name=name,
        n_rows=new.shape[0],
        vectors=vectors_entry,
        items=items_entry,
        lookup=write_lookup(writer, name, hashes),
        store=new.store,
    )


def write_lookup(
    writer: GenerationWriter, name: str, hashes: npt.NDArray[np.uint64]
) -> FileEntry:
    """Write the sorted hashes of the ids and the row of each."""
    order = np.argsort(hashes, kind="stable")
    with writer.new_file(f"{name}.lookup.bin") as file:
        file.write(hashes[order].astype("<u8").data)
        file.write(order.astype("<i8").data)
    return file.entry


def write_items(writer: GenerationWriter, name: str, items: pa.Table) -> FileEntry:
    """Write ids and columns as an uncompressed Arrow file, which can be mapped."""
    with writer.new_file(f"{name}.items.arrow") as file:
        with pa.ipc.new_file(file, items.schema) as sink:
            sink.write_table(items.combine_chunks(), max_chunksize=_ITEMS_PER_BATCH)
        file.flush()
    return file.entry


def write_dead(writer: GenerationWriter, name: str, rows: Rows) -> FileEntry:
    """Write the sorted tombstones of a segment."""
    with writer.new_file(f"{name}.dead.bin") as file:
        file.write(np.sort(rows).astype("<i8").data)
    return file.entry


def npy_header(data: bytes, shape: tuple[int, int], kind: str = "<f4") -> int | None:
    """Give where the numbers of an .npy file begin, if it holds `kind` of `shape`."""
    match = _HEADER.match(data)
    if match is None or match[2] != kind.encode():
        return None
    if tuple(map(int, match.groups()[2:])) != shape:
        return None
    start = 10 + int.from_bytes(match[1], "little")
    return start if start == match.end() else None


def _iterate_strings(column: Any) -> Iterator[str]:
    for chunk in column.chunks:
        yield from chunk.to_pylist()
