"""Rows of a table as JSON text, made column by column."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from indexer.files.arrow import as_numbers, make_array

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROWS_AT_ONCE = 50_000


def json_rows(
    table: pa.Table, names: Sequence[str], order: pa.Array
) -> Iterator[bytes]:
    """Yield some thousand rows at a time as JSON lists, with a comma between them.

    Parameters
    ----------
    table : pyarrow.Table
    names : sequence of str
        The columns.
    order : pyarrow.Array of int
        Its rows, in the order in which they are written.
    """
    some = table.select(names)
    for start in range(0, len(order), _ROWS_AT_ONCE):
        block = some.take(order.slice(start, _ROWS_AT_ONCE))
        cells = [_cells(column.combine_chunks()) for column in block.columns]
        inside = pc.binary_join_element_wise(*cells, _text(","))
        rows = _in_brackets(inside)
        yield pc.binary_join(_lists([len(rows)], rows), _text(","))[0].as_py().encode()


def _cells(values: pa.Array) -> pa.Array:
    """Return each value as JSON."""
    types = pa.types
    if types.is_string(values.type):
        coded = values.dictionary_encode()
        texts = make_array(list(map(_json, coded.dictionary.to_pylist())), pa.string())
        return texts.take(coded.indices).fill_null(_text("null"))
    if types.is_integer(values.type):
        return values.cast(pa.string()).fill_null(_text("null"))
    if types.is_list(values.type) and types.is_string(values.type.value_type):
        lists = _lists(_lengths(values), _cells(values.flatten()))
        texts = _in_brackets(pc.binary_join(lists, _text(",")))
        return pc.if_else(values.is_valid(), texts, _text("null"))
    return make_array(list(map(_json, values.to_pylist())), pa.string())


def _text(value: str) -> pa.Scalar:
    """Make an Arrow text; of one that is Python's, pyarrow would make it with pandas."""
    return make_array([value], pa.string())[0]


def _in_brackets(texts: pa.Array) -> pa.Array:
    """Put each text in brackets."""
    return pc.binary_join_element_wise(_text("["), texts, _text("]"), _text(""))


def _lengths(values: pa.ListArray) -> npt.NDArray[np.int64]:
    """Return how many there are in each list, none in one that is null."""
    lengths = np.nan_to_num(as_numbers(values.value_lengths()))
    result: npt.NDArray[np.int64] = lengths.astype(np.int64)
    return result


def _lists(
    sizes: Sequence[int] | npt.NDArray[np.int64], values: pa.Array
) -> pa.ListArray:
    """Put values into lists of some sizes, one after the other."""
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.ListArray.from_arrays(make_array(starts), values)


def _json(value: Any) -> str:
    """Write one value as JSON, as text where it is of no kind that JSON has."""
    if not (value is None or isinstance(value, (str, int, float, bool, list))):
        value = str(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
