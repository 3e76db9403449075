"""Columns of tables as arrays, without pandas: pyarrow's own way imports it, which takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from typing import Any

_KINDS = {
    pa.float32(): np.float32,
    pa.float64(): np.float64,
    pa.int32(): np.int32,
    pa.int64(): np.int64,
}


def numbers(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.float64]:
    """Return a column of numbers; NaN where one is not known.

    Examples
    --------
    >>> numbers(pa.chunked_array([[1.0, None], [3.0]])).tolist()
    [1.0, nan, 3.0]
    """
    array: Any = column
    if isinstance(column, pa.ChunkedArray):
        array = column.combine_chunks()
    kind = _KINDS.get(array.type)
    if array.null_count or kind is None or not len(array):
        return np.asarray(array.to_pylist(), np.float64)
    content = np.frombuffer(array.buffers()[1], kind)
    return content[array.offset : array.offset + len(array)].astype(np.float64)
