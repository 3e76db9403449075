"""Columns as fields of a Milvus collection, and back.

A field of Milvus holds no null: a row's field ``nulls`` names what is null in it,
``c_year`` for a value, ``c_tags[]`` for a list with a null inside, and ``c_tags[2]``
for where that was.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from indexer.files.arrow import make_array
from indexer.filters import is_list
from indexer.remote.search_request import table_of

__all__ = [
    "Row",
    "decode_rows",
    "encode_table",
    "field_name",
    "list_fields",
    "stored_type",
]

Row = dict[str, Any]
"""What the server holds of one item, by field."""

LONGEST_TEXT = 65_535  # bytes
LONGEST_LIST = 4096
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]{1,200}")
_NAMES = {
    pa.string(): "VARCHAR",
    pa.int64(): "INT64",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOL",
}
_EMPTY = {"VARCHAR": "", "INT64": 0, "DOUBLE": 0.0, "BOOL": False}


def field_name(schema: pa.Schema, name: str) -> str:
    """Return the field that holds a column."""
    if _PLAIN_NAME.fullmatch(name):
        return f"c_{name}"
    return f"column_{schema.get_field_index(name)}"


def list_fields(schema: pa.Schema) -> list[tuple[str, str, bool]]:
    """Return name, type and whether it is a list, of the fields that hold columns.

    Raises
    ------
    ValueError
        If a column has a type that cannot be kept.
    """
    return [
        (
            field_name(schema, field.name),
            _NAMES[_plain_type(field)],
            is_list(field.type),
        )
        for field in schema
        if field.type != pa.null()
    ]


def stored_type(field: pa.Field) -> pa.DataType:
    """Return the Arrow type of what is stored of a column."""
    kind = _plain_type(field)
    return pa.list_(kind) if is_list(field.type) else kind


def _plain_type(field: pa.Field) -> pa.DataType:
    kind = field.type.value_type if is_list(field.type) else field.type
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind):
        return pa.string()
    if types.is_boolean(kind):
        return pa.bool_()
    if types.is_date(kind) or types.is_timestamp(kind):
        return pa.int64()
    if types.is_integer(kind) and kind != pa.uint64():
        return pa.int64()
    if types.is_floating(kind):
        return pa.float64()
    message = f"column {field.name!r} holds {field.type}, which a store on Milvus cannot keep: convert it to text or numbers"
    raise ValueError(message)


def encode_table(table: pa.Table, schema: pa.Schema) -> Iterator[Row]:
    """Give the fields of each row of a table whose columns are those of `schema`, or some.

    `nulls` names only fields of the columns that the table has.
    """
    rows: list[Row] = [{"nulls": []} for _ in range(table.num_rows)]
    for column, field in zip(table.columns, table.schema, strict=True):
        if field.type == pa.null():
            continue
        name = field_name(schema, field.name)
        empty = [] if is_list(field.type) else _EMPTY[_NAMES[_plain_type(field)]]
        for row, value in zip(rows, _to_stored(column, field), strict=True):
            if value is None:
                row["nulls"].append(name)
                row[name] = empty
            elif isinstance(value, list) and None in value:
                at = [n for n, one in enumerate(value) if one is None]
                row["nulls"] += [f"{name}[]", *(f"{name}[{n}]" for n in at)]
                row[name] = [one for one in value if one is not None]
            else:
                row[name] = value
    return iter(rows)


def to_stored(values: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> list[Any]:
    """Return values, or lists of them, of some type as they are stored."""
    if pa.types.is_date32(kind) or kind == pa.list_(pa.date32()):
        values = values.cast(
            pa.int32() if kind == pa.date32() else pa.list_(pa.int32())
        )
    field = pa.field("x", kind)
    return list(values.cast(stored_type(field)).to_pylist())


def _to_stored(column: pa.ChunkedArray, field: pa.Field) -> list[Any]:
    kind = pa.list_(field.type.value_type) if is_list(field.type) else field.type
    return to_stored(column.cast(kind), kind)


def decode_rows(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Make an Arrow table of what was stored."""
    if not schema.names:
        return table_of([()] * len(rows), schema)
    return pa.table([_column(rows, schema, field) for field in schema], schema=schema)


def _column(rows: Sequence[Row], schema: pa.Schema, field: pa.Field) -> pa.Array:
    if field.type == pa.null():
        return pa.nulls(len(rows))
    name = field_name(schema, field.name)
    values = [_value(row, name) for row in rows]
    array = make_array(values, stored_type(field))
    kind, of_list = field.type, is_list(field.type)
    plain = kind.value_type if of_list else kind
    if pa.types.is_date32(plain):
        array = array.cast(pa.list_(pa.int32()) if of_list else pa.int32())
    return array.cast(kind)


def _value(row: Row, name: str) -> Any:
    nulls = row["nulls"]
    if name in nulls:
        return None
    value = row[name]
    if not isinstance(value, str | int | float):
        value = list(value)
        if f"{name}[]" in nulls:
            inside = re.compile(re.escape(name) + r"\[(\d+)\]")
            for at in sorted(int(m[1]) for m in map(inside.fullmatch, nulls) if m):
                value.insert(at, None)
    return value


def vectors_of(rows: Sequence[Row], dimension: int) -> Any:
    """Return the vectors of some rows: float32, shape (n, dimension)."""
    vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
    return vectors.reshape(len(rows), dimension)
