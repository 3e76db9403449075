"""Ids and columns of a segment: an Arrow file that is checked before it is used.

Arrow trusts what it maps: an offset that leads outside ends the process. So the
frame is checked before Arrow opens the file, a column as a whole before it is
first used, and a single id where it is read.

Letters of shapes: I rows asked for.
"""

import threading
from bisect import bisect_right
from collections.abc import Collection
from functools import cached_property
from itertools import accumulate
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.errors import IndexDamagedError
from indexer.files.arrow import as_strings, as_take_indices
from indexer.files.columns import ID_COLUMN
from indexer.files.framing import check_frame
from indexer.files.opening import MappedFile

__all__ = ["Items"]

Rows = npt.NDArray[np.int64]

# One by one, a few ids are read faster than pyarrow.compute is imported.
_FEW_IDS = 64


class Items:
    """The ids and columns in one mapped file, parsed when they are asked for.

    Parameters
    ----------
    mapped : MappedFile
    n_rows : int
        Rows that it should hold.
    repair : str
        What to do about damage, for messages.
    """

    def __init__(self, mapped: MappedFile, n_rows: int, repair: str) -> None:
        self._mapped = mapped
        self._n_rows = n_rows
        self._repair = repair
        self._lock = threading.Lock()
        self._checked: set[str] = set()

    @property
    def table(self) -> pa.Table:
        """Ids and columns, memory-mapped.

        Raises
        ------
        IndexDamagedError
            If the file is not what an index writes.
        """
        self._check(self._unchecked.column_names)
        return self._unchecked

    @cached_property
    def columns(self) -> pa.Table:
        """The columns without the ids; see also `table`."""
        return self.table.drop_columns([ID_COLUMN])

    def select(self, names: Collection[str]) -> pa.Table:
        """Give some columns, as far as they exist; see also `table`."""
        found = [name for name in self._unchecked.column_names if name in names]
        self._check(found)
        return self._unchecked.select(found)

    def ids_at(self, rows: Rows) -> npt.NDArray[np.object_]:
        """Ids of some rows, all of them valid: str, shape of `rows`."""
        if rows.size > _FEW_IDS:
            self._check([ID_COLUMN])
            column = self._unchecked.column(ID_COLUMN)
            return as_strings(column.take(as_take_indices(rows))).reshape(rows.shape)
        self._mapped.expect(is_scattered=True)
        few = np.empty(rows.size, dtype=object)
        few[:] = [self._read_id(row) for row in rows.ravel().tolist()]
        return few.reshape(rows.shape)

    @cached_property
    def _unchecked(self) -> pa.Table:
        """The table, its frame checked, but not yet what its columns hold."""
        self._mapped.expect(is_scattered=True)
        try:
            check_frame(self._mapped.data, self._n_rows)
            with pa.ipc.open_file(pa.py_buffer(self._mapped.data)) as reader:
                table = reader.read_all()
            table.validate()
            names = table.column_names
        except (pa.ArrowException, OSError, ValueError) as error:
            self._refuse(str(error), error)
        if len(set(names)) < len(names) or ID_COLUMN not in names:
            self._refuse(f"its columns are {names!r:.200}")
        kind = table.schema.field(ID_COLUMN).type
        if kind != pa.string():
            self._refuse(f"its ids are {kind}")
        if table.num_rows != self._n_rows:
            what = f"it has {table.num_rows} rows, the manifest says {self._n_rows}"
            self._refuse(what)
        return table

    def _check(self, names: Collection[str]) -> None:
        """Check all values of some columns, once."""
        with self._lock:
            for name in names:
                if name in self._checked:
                    continue
                self._mapped.expect(is_scattered=False)
                column = self._unchecked.column(name)
                try:
                    column.validate(full=True)
                except pa.ArrowException as error:
                    self._refuse(f"column {name!r}: {error}", error)
                if name == ID_COLUMN and column.null_count:
                    self._refuse("an id is missing")
                self._checked.add(name)

    @cached_property
    def _id_buffers(self) -> tuple[list[int], list[tuple[memoryview, memoryview]]]:
        """Where each chunk of ids begins, its offsets and its letters."""
        chunks = self._unchecked.column(ID_COLUMN).chunks
        starts = [0, *accumulate(map(len, chunks))][:-1]
        parts = []
        for chunk in chunks:
            _, offsets, letters = chunk.buffers()
            whole = len(offsets) // 4 * 4
            numbers = memoryview(offsets)[:whole].cast("B").cast("i")[chunk.offset :]
            parts.append((numbers, memoryview(letters or b"")))
        return starts, parts

    def _read_id(self, row: int) -> str:
        starts, parts = self._id_buffers
        number = bisect_right(starts, row) - 1
        offsets, letters = parts[number]
        place = row - starts[number]
        start, end = offsets[place], offsets[place + 1]
        if not 0 <= start <= end <= len(letters):
            self._refuse(f"the id of row {row} lies outside")
        try:
            return str(letters[start:end], "utf-8")
        except ValueError as error:
            self._refuse(f"the id of row {row}: {error}", error)

    def _refuse(self, what: str, error: Exception | None = None) -> NoReturn:
        what = " ".join(what.split())  # Arrow's reasons may have several lines
        path = self._mapped.entry.path
        message = f"{path!r} is damaged: {what:.300}; {self._repair}"
        raise IndexDamagedError(message) from error
