"""Columns and filters as PostgreSQL has them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.errors import IndexDamagedError
from indexer.files.arrow import as_values
from indexer.filters import Where, end_of_range, is_list

__all__ = ["filter_sql", "pack_vectors", "type_name", "unpack_vectors"]

Float32s = npt.NDArray[np.float32]

RESERVED = frozenset({"", "id", "place", "embedding"})
_OF_THE_SERVER = frozenset({"ctid", "cmax", "cmin", "tableoid", "xmax", "xmin"})
_LONGEST_NAME = 63
_HEADER = np.dtype([("dimension", ">i2"), ("unused", ">i2")])


def type_name(field: pa.Field) -> str:
    """Return the type of a column in PostgreSQL.

    Raises
    ------
    ValueError
        If it has none, or the name of the column cannot be used there.
    """
    n_bytes = len(field.name.encode())
    is_taken = field.name in RESERVED | _OF_THE_SERVER
    if is_taken or n_bytes > _LONGEST_NAME or set("%\0") & set(field.name):
        message = f"a store on PostgreSQL cannot have a column called {field.name!r}: rename it"
        raise ValueError(message)
    if is_list(field.type):
        return f"{_plain_type(field, field.type.value_type)}[]"
    return _plain_type(field, field.type)


def _plain_type(field: pa.Field, kind: pa.DataType) -> str:
    """Return the type of one value of a column."""
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind):
        return "text"
    if types.is_boolean(kind):
        return "bool"
    if types.is_integer(kind) and kind != pa.uint64():
        return "int8"
    if types.is_floating(kind):
        return "float8"
    if types.is_date(kind):
        return "date"
    if types.is_timestamp(kind):
        return "timestamp" if kind.tz is None else "timestamptz"
    message = f"column {field.name!r} holds {field.type}, which a store on PostgreSQL cannot keep: convert it to text or numbers"
    raise ValueError(message)


def pack_vectors(vectors: Float32s) -> Iterator[bytes]:
    """Give each row as pgvector takes it in binary: its length, zero, the numbers."""
    packed = np.empty(
        len(vectors),
        [("head", _HEADER), ("numbers", ">f4", (vectors.shape[1],))],
    )
    packed["head"]["dimension"] = vectors.shape[1]
    packed["head"]["unused"] = 0
    packed["numbers"] = vectors
    return (row.tobytes() for row in packed)


def unpack_vectors(given: Sequence[bytes], dimension: int) -> Float32s:
    """Read vectors as pgvector gives them in binary, shape (n, dimension).

    Raises
    ------
    IndexDamagedError
        If one has another length.
    """
    kind = np.dtype([("head", _HEADER), ("numbers", ">f4", (dimension,))])
    if any(len(one) != kind.itemsize for one in given):
        message = f"the store says that its vectors have {dimension} dimensions, and some have not: somebody else wrote to it; build it again"
        raise IndexDamagedError(message)
    packed = np.frombuffer(b"".join(given), kind)
    return packed["numbers"].astype(np.float32).reshape(len(given), dimension)


def filter_sql(where: Where, schema: pa.Schema) -> tuple[Any, list[Any]]:
    """Write a filter as a condition in SQL and its parameters; TRUE for none.

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
    from psycopg import sql

    parts: list[Any] = [sql.SQL("TRUE")]
    values: list[Any] = []
    for name, condition in where.items():
        field = schema.field(name)
        try:
            part, own = _condition(field, condition)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            message = (
                f"the filter on {name!r} does not fit: the column holds {field.type}, "
                f"the filter says {condition!r} ({error})"
            )
            raise ValueError(message) from error
        parts.append(part)
        values += own
    return sql.SQL(" AND ").join(parts), values


def _condition(field: pa.Field, condition: Any) -> tuple[Any, list[Any]]:
    """Write the condition of a filter on one column in SQL."""
    from psycopg import sql

    column = sql.Identifier(field.name)
    if condition is None:
        return sql.SQL("{} IS NULL").format(column), []
    if isinstance(condition, tuple):
        return _range(field, condition)
    values = condition if isinstance(condition, list) else [condition]
    wanted = [value for value in values if value is not None]
    kind = field.type.value_type if is_list(field.type) else field.type
    given = [
        value
        for value in as_values(wanted, kind).to_pylist()
        if not (isinstance(value, str) and "\0" in value)  # no text there holds it
    ]
    array = sql.SQL(type_name(pa.field(field.name, pa.list_(kind))))  # type: ignore[arg-type]
    if is_list(field.type):
        text, empty = "{} && %s::{}", "array_position({}, NULL) IS NOT NULL"
    else:
        text, empty = "{} = ANY(%s::{})", "{} IS NULL"
    part = sql.SQL(text).format(column, array)  # type: ignore[arg-type]
    if len(wanted) < len(values):
        null = sql.SQL(empty).format(column)  # type: ignore[arg-type]
        part = sql.SQL("({} OR {})").format(part, null)
    return part, [given]


def _range(field: pa.Field, ends: tuple[Any, Any]) -> tuple[Any, list[Any]]:
    """Write a closed range; an end that is None is open."""
    from psycopg import sql

    if is_list(field.type):
        message = "ranges are for plain columns; name the values"
        raise TypeError(message)
    column = sql.Identifier(field.name)
    parts = [sql.SQL("{} IS NOT NULL").format(column)]
    if pa.types.is_floating(field.type):  # here NaN lies above all numbers
        parts.append(sql.SQL("{} <> 'NaN'").format(column))
    values = []
    for end, sign in zip(ends, (">=", "<="), strict=True):
        if end is not None:
            parts.append(sql.SQL("{} {} %s").format(column, sql.SQL(sign)))  # type: ignore[arg-type]
            values.append(end_of_range(end, field.type).as_py())
    return sql.SQL("({})").format(sql.SQL(" AND ").join(parts)), values
