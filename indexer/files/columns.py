"""Columns beside the vectors: from whatever was given to one Arrow schema."""

import base64
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from indexer.files.arrow import make_table
from indexer.files.framing import check_schema

__all__ = [
    "ID_COLUMN",
    "align_table",
    "as_table",
    "decode_schema",
    "distinct_values",
    "encode_schema",
    "merge_schemas",
    "override_columns",
]

ID_COLUMN = "id"


def as_table(columns: Any, n_rows: int) -> pa.Table:
    """Make an Arrow table of the columns that came with `n_rows` ids.

    Parameters
    ----------
    columns : pyarrow.Table, mapping of str to sequence, data frame or None
        Anything with the Arrow stream protocol is taken as it is.
    n_rows : int
        Rows it must have.

    Returns
    -------
    pyarrow.Table
        Without dictionary encoding, whose codes differ from file to file.

    Raises
    ------
    ValueError
        If a column is no column, has another length, or is called ``id``.
    """
    if columns is None:
        return empty_table(n_rows)
    try:
        if isinstance(columns, Mapping):
            table = make_table({n: _plain(values) for n, values in columns.items()})
        else:
            table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    except (pa.ArrowException, TypeError, ValueError) as error:
        message = (
            f"the columns cannot be read as a table: {error}; give a mapping of names "
            f"to sequences of one type and one length, or a pyarrow.Table"
        )
        raise ValueError(message) from error
    if table.num_columns == 0:
        return empty_table(n_rows)
    if table.num_rows != n_rows:
        message = f"the columns have {table.num_rows} rows, but there are {n_rows} ids"
        raise ValueError(message)
    if ID_COLUMN in table.column_names:
        message = f"a column is called {ID_COLUMN!r}: ids are given apart, rename it"
        raise ValueError(message)
    if len(set(table.column_names)) != table.num_columns:
        message = f"column names repeat: {table.column_names}"
        raise ValueError(message)
    fields = [
        pa.field(field.name, _undictionaried(field.type)) for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def empty_table(n_rows: int) -> pa.Table:
    """Make a table of `n_rows` rows and no columns."""
    return pa.table({ID_COLUMN: pa.nulls(n_rows)}).drop_columns([ID_COLUMN])


def merge_schemas(known: pa.Schema, given: pa.Schema) -> pa.Schema:
    """Add the columns that are new; a known column keeps its type."""
    fields = {field.name: field for field in known}
    for field in given:
        if field.name not in fields or fields[field.name].type == pa.null():
            fields[field.name] = field
    return pa.schema(list(fields.values()))


def align_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Give `table` the columns and types of `schema`; what it lacks is null.

    Raises
    ------
    ValueError
        If values do not fit the type that the column has in the index.
    """
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(pa.chunked_array([pa.nulls(table.num_rows, field.type)]))
            continue
        try:
            columns.append(table.column(field.name).cast(field.type))
        except pa.ArrowException as error:
            message = (
                f"column {field.name!r} holds {field.type} in the index, the given "
                f"values do not fit: {error}; convert them, or use another column name"
            )
            raise ValueError(message) from error
    if not columns:
        return empty_table(table.num_rows)
    return pa.table(columns, schema=schema)


def override_columns(old: pa.Table, given: pa.Table) -> pa.Table:
    """Replace or add the columns of `given` in `old`; both have the same rows."""
    for position, field in enumerate(given.schema):
        column = given.column(position)
        if field.name in old.column_names:
            where = old.column_names.index(field.name)
            old = old.set_column(where, field, column)
        else:
            old = old.append_column(field, column)
    return old


def distinct_values(column: pa.ChunkedArray) -> set[Any]:
    """Give the values of a column, those inside its lists too, each once; no null."""
    import pyarrow.compute as pc

    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = pc.list_flatten(column)
    return {value for value in pc.unique(column).to_pylist() if value is not None}


def encode_schema(schema: pa.Schema) -> str:
    """Write a schema as base64 text for the manifest."""
    data = schema.remove_metadata().serialize().to_pybytes()
    return base64.b64encode(data).decode()


def decode_schema(text: str) -> pa.Schema:
    """Read what `encode_schema` wrote.

    Raises
    ------
    ValueError, OSError, pyarrow.ArrowException
        If it is something else.
    """
    data = base64.b64decode(text, validate=True)
    check_schema(data)
    schema = pa.ipc.read_schema(pa.py_buffer(data))
    names = schema.names
    if len(set(names)) < len(names) or ID_COLUMN in names:
        message = f"its columns are {names!r:.200}"
        raise ValueError(message)
    return schema


def _plain(values: Any) -> Any:
    """Let Arrow see sets and tuples inside a sequence as lists."""
    if isinstance(values, pa.Array | pa.ChunkedArray) or hasattr(values, "dtype"):
        return values
    return [
        list(value) if isinstance(value, set | frozenset | tuple) else value
        for value in values
    ]


def _undictionaried(kind: pa.DataType) -> pa.DataType:
    """See through dictionary encoding, also inside lists."""
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_list(kind):
        return pa.list_(_undictionaried(kind.value_type))
    return kind
