"""The frame of an Arrow file, checked before Arrow's own C++ reads it.

Arrow believes much of what a file says of itself, and takes memory for it. This
looks at where messages, batches and buffers lie, and how many rows they claim:
all inside the file, none over another, uncompressed, as an index writes them.
What the buffers hold is for `pyarrow.Table.validate` to check.
"""

import struct
from typing import Any

__all__ = ["check_frame", "check_schema"]

_MAGIC = b"ARROW1"
_START = _MAGIC + b"\0\0"
_MARK = 0xFFFFFFFF
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_DEEPEST = 64
# Rows that a batch is written with, and bytes that Arrow keeps in one chunk.
_BATCH_ROWS_LOG2 = 20
_CHUNK_BYTES_LOG2 = 30


def check_frame(data: Any, n_rows: int) -> None:
    """Check the frame of an Arrow file.

    Parameters
    ----------
    data : bytes-like
        The file.
    n_rows : int
        Rows that it should hold.

    Raises
    ------
    ValueError
        Says what is wrong.
    """
    view = memoryview(data)
    n_bytes = len(view)
    _require(n_bytes >= 32 and view[:8] == _START, "it does not begin as an Arrow file")
    _require(view[-6:] == _MAGIC, "it does not end as an Arrow file")
    length = _Bytes(view).read("<i", n_bytes - 10)
    start = n_bytes - 10 - length
    _require(length > 0 and start >= 8, "its footer lies outside")
    footer = _Bytes(view[start : n_bytes - 10]).root()
    _check_fields(footer.table(1))
    most = 2 + (n_rows >> _BATCH_ROWS_LOG2) + (n_bytes >> _CHUNK_BYTES_LOG2)
    batches = footer.vector(3, 24)
    _require(len(batches) <= most, f"it has {len(batches)} batches")
    blocks = sorted(
        [(*_block_at(footer, offset), _DICTIONARY) for offset in footer.vector(2, 24)]
        + [(*_block_at(footer, offset), _BATCH) for offset in batches]
    )
    free, total = 8, 0
    for offset, n_meta, n_body, kind in blocks:
        _require(free <= offset and n_meta >= 16 and n_body >= 0, "its batches overlap")
        free = offset + n_meta + n_body
        _require(free <= start, "a batch lies outside")
        message = view[offset : offset + n_meta]
        n_found = _check_batch(message, n_body, kind, n_bytes)
        total += n_found if kind == _BATCH else 0
    _require(total == n_rows, f"it has {total} rows, the manifest says {n_rows}")


def check_schema(data: bytes) -> None:
    """Check the frame of a schema that was serialised on its own.

    Raises
    ------
    ValueError
        Says what is wrong.
    """
    kind, header, _ = _message(memoryview(data))
    _require(kind == _SCHEMA, "it is no schema")
    _check_fields(header)


class _Bytes:
    """Numbers in bytes; an offset outside is a `ValueError`."""

    def __init__(self, view: memoryview) -> None:
        self.view = view

    def __len__(self) -> int:
        return len(self.view)

    def read(self, form: str, offset: int) -> int:
        if not 0 <= offset <= len(self.view) - struct.calcsize(form):
            message = "its description leads outside itself"
            raise ValueError(message)
        return int(struct.unpack_from(form, self.view, offset)[0])

    def root(self) -> "_Table":
        return _Table(self, self.read("<I", 0))


class _Table:
    """A table of the flatbuffers that Arrow describes its files with."""

    def __init__(self, data: _Bytes, offset: int) -> None:
        self.data = data
        self._offset = offset
        self._slots = offset - data.read("<i", offset)
        self._n_slots = (data.read("<H", self._slots) - 4) // 2

    def offset_of(self, slot: int) -> int | None:
        """Where a field lies; None where it is left out."""
        if slot >= self._n_slots:
            return None
        step = self.data.read("<H", self._slots + 4 + 2 * slot)
        return self._offset + step if step else None

    def number(self, slot: int, form: str) -> int:
        offset = self.offset_of(slot)
        return 0 if offset is None else self.data.read(form, offset)

    def table(self, slot: int) -> "_Table":
        offset = self.offset_of(slot)
        _require(offset is not None, "its description lacks a part")
        return self._follow(offset or 0)

    def tables(self, slot: int) -> "list[_Table]":
        return [self._follow(offset) for offset in self.vector(slot, 4)]

    def vector(self, slot: int, width: int) -> range:
        """Offsets of the members of a vector."""
        offset = self.offset_of(slot)
        if offset is None:
            return range(0)
        start = offset + self.data.read("<I", offset)
        end = start + 4 + width * self.data.read("<I", start)
        _require(end <= len(self.data), "its description leads outside itself")
        return range(start + 4, end, width)

    def _follow(self, offset: int) -> "_Table":
        return _Table(self.data, offset + self.data.read("<I", offset))


def _block_at(footer: _Table, offset: int) -> tuple[int, int, int]:
    """Read where a message begins, and how long it and its body are."""
    read = footer.data.read
    return read("<q", offset), read("<i", offset + 8), read("<q", offset + 16)


def _message(view: memoryview) -> tuple[int, _Table, int]:
    """Open a message: its kind, what it describes, the length of its body."""
    data = _Bytes(view)
    length = data.read("<i", 4)
    is_framed = data.read("<I", 0) == _MARK and 0 < length <= len(view) - 8
    _require(is_framed, "a message has no frame")
    message = _Bytes(view[8 : 8 + length]).root()
    return message.number(1, "<B"), message.table(2), message.number(3, "<q")


def _check_batch(view: memoryview, n_body: int, kind: int, n_bytes: int) -> int:
    """Check one batch; give its rows."""
    found, batch, n_said = _message(view)
    _require(found == kind and n_said == n_body, "a batch is not what was announced")
    if kind == _DICTIONARY:
        batch = batch.table(1)
    _require(batch.offset_of(3) is None, "a batch is compressed")
    read = batch.data.read
    for offset in batch.vector(2, 16):
        first, length = read("<q", offset), read("<q", offset + 8)
        is_inside = first >= 0 and length >= 0 and first + length <= n_body
        _require(is_inside, "a buffer lies outside its batch")
    # Only values that are all null take no room, as in lists of them.
    most = 64 * n_bytes + (1 << 16)
    for offset in batch.vector(1, 16):
        _require(0 <= read("<q", offset) <= most, "a column is longer than its bytes")
    n_rows = batch.number(0, "<q")
    _require(0 < n_rows <= most or kind == _DICTIONARY, f"a batch has {n_rows} rows")
    return n_rows


def _check_fields(schema: _Table) -> None:
    """Check that a schema is little-endian, no deeper and no wider than its bytes."""
    _require(schema.number(0, "<h") == 0, "its bytes are the other way round")
    left = len(schema.data) // 8
    level = schema.tables(1)
    for _ in range(_DEEPEST):
        left -= len(level)
        _require(left >= 0, "its columns repeat")
        level = [child for field in level for child in field.tables(5)]
        if not level:
            return
    _require(not level, "its columns are nested too deep")


def _require(is_right: bool, what: str) -> None:
    if not is_right:
        raise ValueError(what)
