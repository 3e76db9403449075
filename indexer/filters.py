"""Filters on columns: equality, sets, ranges, and what a list contains.

==============================  ===========================================
``{"genre": "Rock"}``           the value is ``"Rock"``
``{"genre": ["Rock", "Pop"]}``  the value is one of a list, set or array
``{"year": (1970, 1979)}``      a tuple is a closed range; ``None`` opens an end
``{"label": None}``             there is no value
``{"tags": "live"}``            a list column contains ``"live"``
``{"tags": ["live", "demo"]}``  a list column contains one of them
==============================  ===========================================

Several columns are joined by *and*. An item without a value never matches
anything but ``None``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.files.arrow import as_integers, as_mask, as_values

__all__ = [
    "Where",
    "check_where",
    "end_of_range",
    "is_list",
    "match_rows",
    "parse_where",
    "show_where",
]

Where = Mapping[str, Any]
Mask = npt.NDArray[np.bool_]
_MOST_SHOWN = 300


def check_where(where: Where | None, schema: pa.Schema) -> Where:
    """Refuse a filter on columns that do not exist, or of an unknown form.

    Returns
    -------
    mapping
        The same filter with every set of values as a list of Python values.

    Raises
    ------
    ValueError
        Names the columns that exist.
    TypeError
        If `where` is no mapping.
    """
    if where is None:
        return {}
    if not isinstance(where, Mapping):
        message = f"where must map columns to values, got {where!r}"
        raise TypeError(message)
    for name, condition in where.items():
        if schema.get_field_index(name) < 0:
            known = ", ".join(map(repr, schema.names)) or "none"
            message = f"unknown column {name!r} in the filter: the columns are {known}"
            raise ValueError(message)
        if isinstance(condition, tuple) and len(condition) != 2:
            message = (
                f"the filter on {name!r} is a tuple of {len(condition)}: a range has "
                f"two ends, (low, high); give a list for a set of values"
            )
            raise ValueError(message)
    return {name: _plain(condition) for name, condition in where.items()}


def _plain(condition: Any) -> Any:
    """Make a list of a set, an array or another collection of values."""
    if isinstance(condition, tuple | str | bytes) or not isinstance(
        condition, Iterable
    ):
        return condition
    if hasattr(condition, "to_pylist"):
        return condition.to_pylist()
    values = condition.tolist() if isinstance(condition, np.ndarray) else condition
    return list(values)


def parse_where(schema: pa.Schema, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Read a filter off a command line, by the types of its columns.

    Parameters
    ----------
    schema : pyarrow.Schema
    pairs : iterable of (str, str)
        A column, an unknown one is left to `check_where`, and a value or a
        range: ``1970..1979``, ``1970..`` or ``..1979``. The values of a column
        that is named again are joined by *or*.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If a text is no value of its column's type, or a range is repeated.
    """
    where: dict[str, Any] = {}
    for name, text in pairs:
        parsed = _parse_condition(schema, name, text)
        if name not in where:
            where[name] = parsed
            continue
        known = where[name] if isinstance(where[name], list) else [where[name]]
        if any(isinstance(value, tuple) for value in (*known, parsed)):
            message = f"{name}={text}: a range cannot be repeated"
            raise ValueError(message)
        where[name] = [*known, parsed]
    return where


def _parse_condition(schema: pa.Schema, name: str, text: str) -> Any:
    """Read one value or range."""
    if name not in schema.names:
        return text
    kind = schema.field(name).type
    kind = kind.value_type if is_list(kind) else kind
    low, dots, high = text.partition("..")
    try:
        if dots:
            ends = (low or None, high or None)
            return tuple(end and _parse_value(end, kind) for end in ends)
        return _parse_value(text, kind)
    except pa.ArrowException as error:
        message = f"column {name!r} holds {_in_words(kind)}, which {text!r} is not"
        raise ValueError(message) from error


def _in_words(kind: pa.DataType) -> str:
    """Say what a column holds, with an example of a range where it has an order."""
    if pa.types.is_integer(kind):
        return "whole numbers (a range is 1960..1979)"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "numbers (a range is 0.5..1)"
    if pa.types.is_boolean(kind):
        return "'true' or 'false'"
    return str(kind)


def _parse_value(text: str, kind: pa.DataType) -> Any:
    return as_values([text], pa.string()).cast(kind)[0].as_py()


def match_rows(table: pa.Table, where: Where, schema: pa.Schema) -> Mask:
    """Say which rows of `table` satisfy every condition.

    Parameters
    ----------
    table : pyarrow.Table of N rows
        May lack columns of `schema`; they count as null.
    where : mapping
        Checked by `check_where`.
    schema : pyarrow.Schema
        The types that the columns have in the index.

    Returns
    -------
    ndarray of bool, shape (N,)

    Raises
    ------
    ValueError
        If a value cannot be compared with the type of its column.
    """
    mask = np.ones(table.num_rows, dtype=bool)
    for name, condition in where.items():
        kind = schema.field(name).type
        if name in table.column_names:
            column = table.column(name)
            column = column if column.type == kind else column.cast(kind)
        else:
            column = pa.chunked_array([pa.nulls(table.num_rows, kind)])
        try:
            mask &= _match(column, condition)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            message = (
                f"the filter on {name!r} does not fit: the column holds {kind}, "
                f"the filter says {condition!r} ({error})"
            )
            raise ValueError(message) from error
    return mask


def _match(column: pa.ChunkedArray, condition: Any) -> Mask:
    import pyarrow.compute as pc

    if condition is None:
        return as_mask(pc.is_null(column))
    if is_list(column.type):
        parts = [_match_lists(chunk, condition) for chunk in column.chunks]
        return np.concatenate([np.zeros(0, dtype=bool), *parts])
    return _match_plain(column, condition)


def _match_lists(lists: pa.Array, condition: Any) -> Mask:
    """Say which lists hold a matching value."""
    import pyarrow.compute as pc

    if isinstance(condition, tuple):
        message = "ranges are for plain columns; name the values"
        raise TypeError(message)
    hits = _match_plain(pa.chunked_array([pc.list_flatten(lists)]), condition)
    mask = np.zeros(len(lists), dtype=bool)
    mask[as_integers(pc.list_parent_indices(lists))[hits]] = True
    return mask


def _match_plain(column: pa.ChunkedArray, condition: Any) -> Mask:
    import pyarrow.compute as pc

    if isinstance(condition, tuple):
        low, high = condition
        mask = as_mask(pc.is_valid(column))
        if low is not None:
            mask &= as_mask(pc.greater_equal(column, end_of_range(low, column.type)))
        if high is not None:
            mask &= as_mask(pc.less_equal(column, end_of_range(high, column.type)))
        return mask
    values = [condition]
    if isinstance(condition, Iterable) and not isinstance(condition, str | bytes):
        values = list(condition)
    wanted = [value for value in values if value is not None]
    if pa.types.is_floating(column.type) and any(value == 0 for value in wanted):
        wanted_too = [0.0, -0.0]  # `is_in` tells them apart
    else:
        wanted_too = []
    given = as_values([*wanted, *wanted_too], column.type)
    if len(given) == 1 and not pa.types.is_floating(column.type):
        mask = as_mask(pc.equal(column, given[0]))  # many times faster than `is_in`
    else:
        mask = as_mask(pc.is_in(column, value_set=given))
    if len(wanted) < len(values):
        mask |= as_mask(pc.is_null(column))
    return mask


def end_of_range(value: Any, kind: pa.DataType) -> pa.Scalar:
    """Make an end of a range; 1969.5 is a fair one for whole numbers."""
    if isinstance(value, float | np.floating) and pa.types.is_integer(kind):
        kind = pa.float64()
    return as_values([value], kind)[0]


def show_where(where: Where) -> str:
    """Show a filter in a message, a long one by its beginning."""
    text = repr(dict(where))
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def is_list(kind: pa.DataType) -> bool:
    """Whether a column of this type holds lists."""
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    )
