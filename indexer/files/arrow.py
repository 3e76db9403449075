"""Arrow arrays to and from NumPy by their buffers.

`pyarrow.array` and ``to_numpy`` import pandas where it is installed, 0.5 s that
a search in a new process need not wait for.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["as_integers", "as_mask", "as_strings", "as_take_indices", "as_values"]

_FEW_STRINGS = 4096


def as_take_indices(rows: npt.NDArray[np.int64]) -> pa.Array:
    """See row numbers as an Arrow array, for ``take``."""
    rows = np.ascontiguousarray(rows, dtype=np.int64).ravel()
    return pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(rows)])


def as_values(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Make an Arrow array of `kind` of some Python or NumPy values.

    Raises
    ------
    pyarrow.ArrowException
        If they are no such values.
    """
    buffers: list[Any]
    if all(isinstance(value, str) for value in values):
        data = [value.encode() for value in values]
        offsets = np.cumsum([0, *map(len, data)], dtype=np.int32)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(data))]
        return pa.Array.from_buffers(pa.string(), len(data), buffers).cast(kind)
    if all(_is_whole_number(value) for value in values):
        numbers = np.array(values, dtype=np.int64)
        buffers = [None, pa.py_buffer(numbers)]
        return pa.Array.from_buffers(pa.int64(), len(values), buffers).cast(kind)
    return pa.array(values).cast(kind)


def as_strings(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Make a NumPy array of ``str`` of a column without nulls."""
    if len(column) > _FEW_STRINGS:
        many: npt.NDArray[np.object_] = column.to_numpy().astype(object, copy=False)
        return many
    few = np.empty(len(column), dtype=object)
    few[:] = column.to_pylist()
    return few


def as_mask(found: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Make a NumPy mask of Arrow's three-valued answer; null is no."""
    parts = [np.zeros(0, dtype=bool)]
    for chunk in found.chunks:
        valid, values = chunk.buffers()
        mask = _unpack(values, chunk)
        parts.append(mask if valid is None else mask & _unpack(valid, chunk))
    return np.concatenate(parts)


def as_integers(array: pa.Array) -> npt.NDArray[np.int64]:
    """See an Arrow array of int64 without nulls as NumPy."""
    values = np.frombuffer(array.buffers()[1], dtype=np.int64)
    return values[array.offset : array.offset + len(array)]


def _is_whole_number(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _unpack(buffer: Any, chunk: pa.Array) -> npt.NDArray[np.bool_]:
    bits = np.frombuffer(buffer, dtype=np.uint8)
    end = chunk.offset + len(chunk)
    unpacked = np.unpackbits(bits, count=end, bitorder="little")
    return unpacked[chunk.offset :].view(np.bool_)
