"""What a table of PostgreSQL holds, looked at without searching: ids, columns, vectors.

Letters of shapes: N items, I ids given, D dimensions.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from indexer.filters import Where, check_where, is_list
from indexer.remote.about import About
from indexer.remote.postgres.about import names_of, read_about
from indexer.remote.postgres.columns import filter_sql, unpack_vectors
from indexer.remote.postgres.connections import Connections
from indexer.remote.postgres.searching import Session
from indexer.remote.remote_store import RemoteStore, Result, show_some
from indexer.remote.search_request import table_of
from indexer.result import Batch

__all__ = ["TableContents"]


class TableContents(RemoteStore):
    """What a store on PostgreSQL holds; `PostgresStore` is what to use."""

    def __init__(
        self, connections: Connections, about: About, *, lock_timeout_s: float = 10.0
    ) -> None:
        self._connections = connections
        self._about = about
        self._lock_timeout_s = lock_timeout_s

    def refresh(self) -> bool:
        """Look up the newest generation; say whether there was a newer one."""
        before = self._about.generation
        with self._one_state():
            return self._about.generation != before

    def close(self) -> None:
        """Close the connections that are idle; a later call opens new ones."""
        self._connections.close()

    def __contains__(self, item_id: object) -> bool:
        if not isinstance(item_id, str) or "\0" in item_id:
            return False
        with self._one_state() as session:
            return bool(session.rows("SELECT FROM {table} WHERE id = %s", [item_id]))

    @property
    def address(self) -> str:
        """Where it lies, as `indexer.open_store` takes it; never with a password."""
        return str(self._connections.address)

    def batches(
        self,
        batch_size: int = 16_384,
        *,
        with_vectors: bool = True,
        columns: Collection[str] | None = None,
    ) -> Iterator[Batch]:
        """Give all items of one generation, in the order in which they came."""
        if batch_size < 1:
            message = f"batch_size must be at least 1, got {batch_size}"
            raise ValueError(message)
        with self._one_state() as session:
            last, schema = -1, session.about.schema
            if columns is not None:
                schema = pa.schema([field for field in schema if field.name in columns])
            about = replace(session.about, schema=schema)
            while True:
                rows = session.rows(
                    "SELECT place, id, {vector}{names} FROM {table} WHERE place > %s ORDER BY place LIMIT %s",
                    [last, batch_size],
                    **_parts(schema, with_vectors=with_vectors),
                )
                if not rows:
                    return
                last = rows[-1][0]
                yield _batch(rows, about, with_vectors=with_vectors)

    def ids_beginning(self, start: str, most: int = 2) -> list[str]:
        """Give ids that begin with some text, at most so many."""
        if "\0" in start:
            return []
        with self._one_state() as session:
            query = "SELECT id FROM {table} WHERE id ^@ %s ORDER BY id LIMIT %s"
            return [row[0] for row in session.rows(query, [start, most])]

    def ids_where(self, where: Where) -> list[str]:
        """Give the ids of all items that a filter lets through."""
        with self._one_state() as session:
            schema = session.about.schema
            condition, values = filter_sql(check_where(where, schema), schema)
            query = "SELECT id FROM {table} WHERE {condition} ORDER BY place"
            return [row[0] for row in session.rows(query, values, condition=condition)]

    def distinct(self, column: str) -> set[Any]:
        """Give the values of a column, those inside its lists too, each once; no null."""
        from psycopg import sql

        with self._one_state() as session:
            schema = session.about.schema
            check_where({column: None}, schema)
            value = sql.SQL(
                "unnest({})" if is_list(schema.field(column).type) else "{}"
            )
            query = "SELECT DISTINCT {value} FROM {table}"
            rows = session.rows(query, value=value.format(sql.Identifier(column)))
            return {row[0] for row in rows if row[0] is not None}

    def has_values(self, column: str) -> bool:
        """Whether any item has a value in a column; not where there is no such column."""
        from psycopg import sql

        with self._one_state() as session:
            if column not in session.about.schema.names:
                return False
            query = "SELECT FROM {table} WHERE {column} IS NOT NULL LIMIT 1"
            return bool(session.rows(query, column=sql.Identifier(column)))

    def _read(self, do: Callable[[Session], Result]) -> Result:
        with self._one_state() as session:
            return do(session)

    @contextmanager
    def _one_state(self) -> Iterator[Session]:
        """Lend a session that sees one state."""
        names = names_of(self._connections.address)
        with (
            self._connections.translate_errors(),
            self._connections.use() as connection,
        ):
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                # Before the first look: a table that is being swapped is waited for.
                from psycopg import sql

                lock = sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE")
                connection.execute(lock.format(names.table))
                self._about = read_about(connection, self._connections.address)
                yield Session(connection, names, self._about)
            finally:
                if not connection.closed:
                    connection.execute("ROLLBACK")

    def _items(
        self, session: Session, names: Sequence[str], *, with_vectors: bool = True
    ) -> Batch:
        """Read some items, in the order of their ids."""
        rows = session.rows(
            "SELECT wanted.n, id, {vector}{names} FROM unnest(%s::text[]) WITH ORDINALITY AS wanted(one, n) "
            "JOIN {table} ON id = wanted.one ORDER BY wanted.n",
            [[name for name in names if "\0" not in name]],
            **_parts(session.about.schema, with_vectors=with_vectors),
        )
        if len(rows) != len(names):
            unknown = sorted(set(names) - {row[1] for row in rows})
            message = f"{len(unknown)} ids are not in store {self.address!r}: {show_some(unknown)}"
            raise ValueError(message)
        return _batch(rows, session.about, with_vectors=with_vectors)


def _parts(schema: pa.Schema, *, with_vectors: bool) -> dict[str, Any]:
    """Return what is read of each item beside its id, as SQL."""
    from psycopg import sql

    names = [sql.SQL(", ") + sql.Identifier(name) for name in schema.names]
    vector = sql.SQL("embedding" if with_vectors else "NULL")
    return {"vector": vector, "names": sql.SQL("").join(names)}


def _batch(rows: Sequence[Any], about: About, *, with_vectors: bool) -> Batch:
    """Make a batch of rows of a number, an id, a vector and the columns."""
    ids = np.empty(len(rows), dtype=object)
    ids[:] = [row[1] for row in rows]
    vectors = np.zeros((len(rows), 0), dtype=np.float32)
    if with_vectors:
        vectors = unpack_vectors([row[2] for row in rows], about.dimension)
    return Batch(ids, vectors, table_of([row[3:] for row in rows], about.schema))
