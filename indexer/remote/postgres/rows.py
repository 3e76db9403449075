"""Rows on their way into a table of PostgreSQL."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from indexer.filters import is_list
from indexer.remote.postgres.columns import pack_vectors, type_name
from indexer.vectors import iterate_unit_rows

__all__ = ["declared_type", "refuse_nul", "stage_rows", "write_rows"]

_BLOCK_ROWS = 4096


def write_rows(
    connection: Any,
    table: Any,
    ids: Sequence[str],
    vectors: npt.NDArray[Any] | None,
    columns: pa.Table,
) -> None:
    """Stream rows into a table by a binary COPY; raises as `refuse_nul` does."""
    from psycopg import sql

    refuse_nul(ids, columns)

    schema = columns.schema
    names = ["id", *(["embedding"] if vectors is not None else []), *schema.names]
    kinds = ["text", *(["bytea"] if vectors is not None else [])]
    kinds += [type_name(field) for field in schema]
    text = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)")
    query = text.format(table, sql.SQL(", ").join(map(sql.Identifier, names)))
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        copy.set_types(kinds)
        for row in _rows(ids, vectors, columns):
            copy.write_row(row)


def refuse_nul(ids: Sequence[str], columns: pa.Table) -> None:
    """Refuse ids and columns with a NUL, which no text of PostgreSQL holds, by a ValueError."""
    where = [f"an id: {one!r:.100}" for one in ids if "\0" in one]
    for field, column in zip(columns.schema, columns.columns, strict=True):
        values = column.combine_chunks()
        values = values.flatten() if is_list(field.type) else values
        is_text = pa.types.is_string(values.type) or pa.types.is_large_string(
            values.type
        )
        if is_text and pc.any(pc.match_substring(values, "\0")).as_py():
            where.append(f"column {field.name!r}")
    if where:
        message = (
            f"no text on PostgreSQL holds the character NUL: take it out of {where[0]}"
        )
        raise ValueError(message)


def _rows(
    ids: Sequence[str], vectors: npt.NDArray[Any] | None, columns: pa.Table
) -> Iterable[tuple[Any, ...]]:
    """Give id, packed vector and values of each item, a block at a time."""
    for start in range(0, len(ids), _BLOCK_ROWS):
        some = slice(start, start + _BLOCK_ROWS)
        block = columns.slice(start, _BLOCK_ROWS)
        n_rows = len(ids[some])
        values = zip(*(c.to_pylist() for c in block.columns), strict=True)
        rows = values if columns.num_columns else iter([()] * n_rows)
        if vectors is None:
            yield from ((one, *row) for one, row in zip(ids[some], rows, strict=True))
            continue
        (scaled,) = iterate_unit_rows(vectors[some])
        for one, vector, row in zip(ids[some], pack_vectors(scaled), rows, strict=True):
            yield (one, vector, *row)


def stage_rows(connection: Any, schema: pa.Schema, *, with_vectors: int | None) -> None:
    """Make a table for rows on their way in, gone when the transaction ends."""
    from psycopg import sql

    columns: list[Any] = [sql.SQL("number bigserial"), sql.SQL("id text")]
    if with_vectors is not None:
        columns.append(
            sql.SQL("embedding vector({})").format(sql.Literal(with_vectors))
        )
    columns += [
        sql.SQL("{} {}").format(sql.Identifier(f.name), declared_type(f))
        for f in schema
    ]
    text = sql.SQL("CREATE TEMPORARY TABLE incoming ({}) ON COMMIT DROP")
    connection.execute(text.format(sql.SQL(", ").join(columns)))


def declared_type(field: pa.Field) -> Any:
    """Return the type of a column as it is declared: text is compared by its bytes."""
    from psycopg import sql

    name = type_name(field)
    return sql.SQL(name + (' COLLATE "C"' if name.startswith("text") else ""))  # type: ignore[arg-type]
