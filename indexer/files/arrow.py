"""Arrow arrays to and from Python and NumPy by their buffers.

`pyarrow.array`, `pyarrow.scalar` and ``to_numpy`` import pandas where it is
installed: 0.5 s that a search in a new process need not wait for. Hiding pandas
from pyarrow is no way out: it looks once, and would then misread what others in
the same process give it.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = [
    "as_dictionary",
    "as_integers",
    "as_mask",
    "as_numbers",
    "as_strings",
    "as_take_indices",
    "as_values",
    "make_array",
    "make_table",
]

_MANY = 200_000
"""More values than these are made faster by pyarrow itself, pandas or not."""


class _OtherError(Exception):
    """Raised for a value that is left to pyarrow itself."""


def make_array(values: Any, kind: pa.DataType | None = None) -> pa.Array:
    """Make the array that ``pyarrow.array(values, kind)`` makes, without pandas.

    Parameters
    ----------
    values : ndarray or sequence
        None is null.
    kind : pyarrow.DataType, optional
        By default that of the array, or of the first value.

    Raises
    ------
    pyarrow.ArrowException, TypeError, OverflowError
        As `pyarrow.array` does.

    Examples
    --------
    >>> make_array(["a", None]).to_pylist(), make_array(np.arange(2.0)).type
    (['a', None], DataType(double))
    """
    if isinstance(values, np.ndarray):
        if values.ndim == 1 and values.dtype.kind in "iufb" and values.dtype.isnative:
            return _of_numpy(values, kind)
        values = values.tolist() if values.dtype.kind in "OU" else values
    if isinstance(values, list | tuple) and len(values) <= _MANY:
        try:
            return _of_python(values, kind or _guess(values))
        except _OtherError:
            pass
    return pa.array(values, kind)


def _of_numpy(values: npt.NDArray[Any], kind: pa.DataType | None) -> pa.Array:
    """Make an array of a column of numbers, or of yes and no."""
    own = pa.from_numpy_dtype(values.dtype)
    if values.dtype.kind == "b":
        packed = pa.py_buffer(np.packbits(values, bitorder="little"))
    else:
        packed = pa.py_buffer(np.ascontiguousarray(values))
    made = pa.Array.from_buffers(own, len(values), [None, packed])
    return made if kind in (None, own) else made.cast(kind)


def _guess(values: Sequence[Any]) -> pa.DataType:
    """Return the type of the first value, for plain ones."""
    first = next((value for value in values if value is not None), None)
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    if type(first) not in kinds:
        raise _OtherError
    return kinds[type(first)]


def _of_python(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Make an array of Python values, level by level."""
    is_known = np.fromiter((v is not None for v in values), bool, len(values))
    validity = None
    if not is_known.all():
        validity = pa.py_buffer(np.packbits(is_known, bitorder="little"))
    types = pa.types
    if types.is_string(kind) or types.is_binary(kind):
        buffers = _text(values, str if types.is_string(kind) else bytes)
        return pa.Array.from_buffers(kind, len(values), [validity, *buffers])
    if types.is_list(kind):
        offsets = _offsets(values, list | tuple | np.ndarray)
        children = [_inside([v for v in values if v is not None], kind.value_type)]
        parts = [validity, offsets]
    elif types.is_struct(kind):
        names = [kind.field(at).name for at in range(kind.num_fields)]
        children = [
            _of_python(_field(values, name, set(names)), kind.field(name).type)
            for name in names
        ]
        parts = [validity]
    else:
        return _plain(values, kind, validity)
    return pa.Array.from_buffers(kind, len(values), parts, children=children)


def _inside(lists: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Make an array of all that stands in some lists."""
    if lists and all(isinstance(one, np.ndarray) for one in lists):
        return make_array(np.concatenate(lists), kind)
    return _of_python(list(chain.from_iterable(lists)), kind)


def _text(values: Sequence[Any], of: type) -> list[pa.Buffer]:
    """Return where each text begins, and all of them in a row."""
    if any(value is not None and not isinstance(value, of) for value in values):
        raise _OtherError
    encode: Callable[[Any], bytes] = str.encode if of is str else bytes
    try:
        data = [b"" if value is None else encode(value) for value in values]
    except UnicodeEncodeError as error:
        raise _OtherError from error
    return [_offsets(data, bytes), pa.py_buffer(b"".join(data))]


def _offsets(values: Sequence[Any], of: Any) -> pa.Buffer:
    """Return where each value begins if all stand in a row."""
    if any(value is not None and not isinstance(value, of) for value in values):
        raise _OtherError
    ends = np.cumsum([0, *(0 if v is None else len(v) for v in values)], dtype=np.int64)
    if ends[-1] > np.iinfo(np.int32).max:
        raise _OtherError
    return pa.py_buffer(ends.astype(np.int32))


def _field(values: Sequence[Any], name: str, names: set[str]) -> list[Any]:
    """Return one field of many mappings."""
    for value in values:
        if value is not None and not (isinstance(value, dict) and names >= set(value)):
            raise _OtherError
    return [None if value is None else value.get(name) for value in values]


def _plain(
    values: Sequence[Any], kind: pa.DataType, validity: pa.Buffer | None
) -> pa.Array:
    """Make an array of numbers, or of yes and no."""
    of: Any
    if pa.types.is_boolean(kind):
        of, dtype = bool | np.bool_, np.dtype(bool)
    elif pa.types.is_integer(kind):
        of, dtype = int | np.integer, np.dtype(kind.to_pandas_dtype())
    elif pa.types.is_float32(kind) or pa.types.is_float64(kind):
        of, dtype = float | np.floating, np.dtype(kind.to_pandas_dtype())
    else:
        raise _OtherError
    is_flag = dtype.kind == "b"
    for value in values:
        if value is not None and (
            not isinstance(value, of) or isinstance(value, bool | np.bool_) != is_flag
        ):
            raise _OtherError
    try:
        numbers = np.array([0 if value is None else value for value in values], dtype)
    except OverflowError as error:
        raise _OtherError from error
    bits: Any = np.packbits(numbers, bitorder="little") if is_flag else numbers
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(bits)])


def make_table(columns: Mapping[str, Any], schema: pa.Schema | None = None) -> pa.Table:
    """Make the table that ``pyarrow.table(columns, schema)`` makes, without pandas.

    Parameters
    ----------
    columns : mapping of str to Arrow array, ndarray or sequence
    schema : pyarrow.Schema, optional
        Types of the columns, in their order; by default those of the values.
    """
    names = list(columns) if schema is None else schema.names
    made = [
        values
        if isinstance(values, pa.Array | pa.ChunkedArray)
        else make_array(values, None if schema is None else schema.field(name).type)
        for name, values in ((name, columns[name]) for name in names)
    ]
    return pa.table(made, schema=schema, names=None if schema else names)


def as_numbers(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[Any]:
    """Make a NumPy array of a column of numbers or of yes and no, or of the numbers in its lists.

    A number that is not known is NaN; then whole numbers become floats.
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = [_numbers_in(chunk) for chunk in chunks]
    if not parts:
        return np.zeros(0, np.dtype(column.type.to_pandas_dtype()))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _numbers_in(chunk: pa.Array) -> npt.NDArray[Any]:
    """Return one chunk of a column."""
    types = pa.types
    if not len(chunk):
        return np.zeros(0, np.dtype(chunk.type.to_pandas_dtype()))
    if types.is_boolean(chunk.type) and not chunk.null_count:
        return _unpack(chunk.buffers()[1], chunk)
    if not (types.is_integer(chunk.type) or types.is_floating(chunk.type)):
        return np.asarray(chunk.to_pylist())
    dtype = np.dtype(chunk.type.to_pandas_dtype())
    values = np.frombuffer(chunk.buffers()[1], dtype)
    values = values[chunk.offset : chunk.offset + len(chunk)]
    if not chunk.null_count:
        return values
    known = _unpack(chunk.buffers()[0], chunk)
    is_float = dtype.kind == "f"
    return np.where(known, values if is_float else values.astype(np.float64), np.nan)


def as_dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Make one array of a column: its distinct values in their order, and which each is."""
    coded = column.combine_chunks().dictionary_encode()
    # Texts of more than 2 GB stay in several pieces.
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.unify_dictionaries().combine_chunks()
    return coded


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
        return make_array(list(values), pa.string()).cast(kind)
    if all(_is_whole_number(value) for value in values):
        numbers = np.array(values, dtype=np.int64)
        buffers = [None, pa.py_buffer(numbers)]
        return pa.Array.from_buffers(pa.int64(), len(values), buffers).cast(kind)
    return make_array(list(values)).cast(kind)


def as_strings(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Make a NumPy array of ``str`` of a column without nulls."""
    if len(column) > _MANY:
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
