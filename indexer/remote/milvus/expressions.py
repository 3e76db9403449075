"""Filters as Milvus has them: expressions, written as text."""

import json
import math
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from indexer.files.arrow import as_values, make_array
from indexer.filters import Where, end_of_range, is_list
from indexer.remote.milvus.fields import field_name, stored_type, to_stored

__all__ = ["NOTHING", "all_of", "filter_expression", "one_of"]

NOTHING = "place == -9"
"""No row is there."""


def all_of(*parts: str) -> str:
    """Join expressions by *and*; empty ones let everything through."""
    return " and ".join(f"({part})" for part in parts if part)


def one_of(field: str, values: Iterable[Any]) -> str:
    """Write that a field has one of some values."""
    return f"{field} in [{', '.join(map(_literal, values))}]"


def filter_expression(where: Where, schema: pa.Schema) -> str:
    """Write a filter as an expression; empty for none.

    Parameters
    ----------
    where : mapping
        Checked by `indexer.filters.check_where`.
    schema : pyarrow.Schema

    Raises
    ------
    ValueError
        If a value cannot be compared with the type of its column.
    """
    parts = []
    for name, condition in where.items():
        field = schema.field(name)
        try:
            parts.append(_condition(field, field_name(schema, name), condition))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            message = (
                f"the filter on {name!r} does not fit: the column holds {field.type}, "
                f"the filter says {condition!r} ({error})"
            )
            raise ValueError(message) from error
    return all_of(*parts)


def _is_null(name: str) -> str:
    return f'array_contains(nulls, "{name}")'


def _condition(field: pa.Field, name: str, condition: Any) -> str:
    """Write the condition of a filter on one column as an expression of Milvus."""
    is_empty = field.type == pa.null()
    if condition is None:
        return "" if is_empty else _is_null(name)
    if isinstance(condition, tuple):
        if is_list(field.type):
            message = "ranges are for plain columns; name the values"
            raise TypeError(message)
        return NOTHING if is_empty else _range(field, name, condition)
    values = condition if isinstance(condition, list) else [condition]
    wanted = [value for value in values if value is not None]
    has_null = len(wanted) < len(values)
    if is_empty:
        return "" if has_null else NOTHING
    kind = field.type.value_type if is_list(field.type) else field.type
    given = [one for one in to_stored(as_values(wanted, kind), kind) if one == one]
    if is_list(field.type):
        listed = ", ".join(map(_literal, given))
        part = f"array_contains_any({name}, [{listed}])" if given else NOTHING
        return f"({part}) or {_is_null(name + '[]')}" if has_null else part
    part = f"{one_of(name, given)} and not {_is_null(name)}" if given else NOTHING
    return f"({part}) or {_is_null(name)}" if has_null else part


def _range(field: pa.Field, name: str, ends: tuple[Any, Any]) -> str:
    """Write a closed range; an end that is None is open."""
    parts = [f"not {_is_null(name)}"]
    for end, sign in zip(ends, (">=", "<="), strict=True):
        if end is None:
            continue
        scalar = end_of_range(end, field.type)
        (value,) = to_stored(make_array([scalar.as_py()], scalar.type), scalar.type)
        if isinstance(value, float) and not math.isfinite(value):
            if math.isnan(value) or (value > 0) == (sign == ">="):
                return NOTHING
            continue
        if isinstance(value, float) and stored_type(field) == pa.int64():
            value = math.ceil(value) if sign == ">=" else math.floor(value)
        parts.append(f"{name} {sign} {_literal(value)}")
    return all_of(*parts)


def _literal(value: Any) -> str:
    """Write a value of a field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
