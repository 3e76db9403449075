"""How much memory a parquet file takes once it is read, told before it is.

A text that repeats is written once, so that a file of a megabyte may hold a thousand
million letters. What a file says of its sizes counts such a text once, too.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any

from indexer.parquet_files import opened_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import pyarrow.parquet as pq

# How much larger than its file a table may be: texts that repeat pack well.
_MOST_UNPACKED = 300
_ROOM_UNPACKED = 64 << 20
_MOST_ROWS = 64
_PREFIXED = "DELTA_BYTE_ARRAY"
"""An encoding of texts by what they have in common with the one before."""
_FEW_ROWS = 64
_OFFSET = 4
_TEXTS = "BYTE_ARRAY"
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}
# Encodings that write each value out; of others, one may stand for very many.
_WRITTEN_OUT = frozenset(
    {"PLAIN", "RLE", "BIT_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "BYTE_STREAM_SPLIT"}
)


def refuse_swollen(source: IO[bytes], file: pq.ParquetFile) -> None:
    """Refuse a parquet file that holds far more than a file of its size has reason to.

    Parameters
    ----------
    source : file
        The file itself, on this machine or in memory.
    file : pyarrow.parquet.ParquetFile
        The same, opened.

    Raises
    ------
    ValueError
        If its rows, its values or its unpacked columns are hundreds of times its size.
    pyarrow.ArrowException, OSError
        If it is damaged.
    """
    n_bytes, metadata = source.seek(0, io.SEEK_END), file.metadata
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    n_rows = sum(group.num_rows for group in groups)
    if n_rows != metadata.num_rows or not 0 <= n_rows <= _MOST_ROWS * n_bytes:
        message = f"it says it has {metadata.num_rows:,} rows in {n_bytes:,} bytes"
        raise ValueError(message)
    most = _MOST_UNPACKED * n_bytes + _ROOM_UNPACKED
    _refuse_above(most, sum(group.total_byte_size for group in groups))
    known = repeating = 0
    listed: set[str] = set()
    prefixed: set[str] = set()
    for group in groups:
        for number in range(group.num_columns):
            chunk = group.column(number)
            n_values, size = chunk.num_values, chunk.total_uncompressed_size
            known += _bytes_written_out(chunk, metadata.schema.column(number).length)
            _refuse_above(most, min(n_values, size, known))
            if _may_repeat(chunk):
                repeating += n_values * size
                is_prefixed = _PREFIXED in chunk.encodings
                (prefixed if is_prefixed else listed).add(chunk.path_in_schema)
    _refuse_above(most, known)
    if known + repeating > most:
        known += _count_listed(source, metadata, sorted(listed - prefixed))
        _refuse_above(most, known)
        for n_bytes in _count_some(file, sorted(prefixed)):
            known += n_bytes
            _refuse_above(most, known)


def _may_repeat(chunk: Any) -> bool:
    """Say whether a text of a part of a column may be written once and stand there often."""
    is_text = chunk.physical_type == _TEXTS
    return is_text and not _WRITTEN_OUT.issuperset(chunk.encodings)


def _bytes_written_out(chunk: Any, length: int) -> int:
    """Return what a part of a column takes, its texts counted as a number each."""
    if chunk.physical_type == _TEXTS:
        size = 0 if _may_repeat(chunk) else chunk.total_uncompressed_size
        return int(_OFFSET * chunk.num_values + size)
    return int(chunk.num_values * _WIDTHS.get(chunk.physical_type, max(1, length)))


def _refuse_above(most: int, n_unpacked: int) -> None:
    if not 0 <= n_unpacked <= most:
        message = f"it unpacks to {n_unpacked:,} bytes or more"
        raise ValueError(message)


def _count_some(file: pq.ParquetFile, columns: list[str]) -> Iterator[int]:
    """Yield the bytes of columns, read a few rows at a time."""
    if columns:
        for batch in file.iter_batches(_FEW_ROWS, columns=columns):
            yield batch.nbytes


def _count_listed(source: IO[bytes], metadata: Any, columns: list[str]) -> int:
    """Return the bytes of columns of texts: each text is read once, and how often it stands there."""
    total = 0
    with opened_parquet(source, metadata=metadata, read_dictionary=columns) as file:
        for group in range(metadata.num_row_groups if columns else 0):
            table = file.read_row_group(group, columns)
            table.validate(full=True)
            for column in table.columns:
                total += sum(map(_count_letters, column.chunks))
    return total


def _count_letters(array: pa.Array) -> int:
    """Return the bytes of all texts in an array, within its lists, too."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from indexer.files.arrow import as_numbers

    if isinstance(array, pa.DictionaryArray):
        lengths = np.nan_to_num(as_numbers(pc.binary_length(array.dictionary)))
        which = as_numbers(array.indices.drop_null())
        often = np.bincount(which, minlength=len(lengths)).astype(np.float64)
        return int(often @ lengths.astype(np.float64))
    if isinstance(array, pa.StructArray):
        return sum(map(_count_letters, array.flatten()))
    if isinstance(array, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        return _count_letters(array.flatten())
    return int(array.nbytes)
