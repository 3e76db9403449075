"""`PostgresStore`: vectors, ids and columns in a table of PostgreSQL with pgvector.

Letters of shapes: Q queries, k neighbours, N items, I ids given, D dimensions.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.changes.change import Change
from indexer.changes.plan import NewRows
from indexer.errors import IndexHistoryError, IndexMismatchError
from indexer.files.columns import as_table
from indexer.files.problems import VerifyReport
from indexer.filters import Where, check_where, is_list
from indexer.ids import as_ids, refuse_repeated_ids
from indexer.remote.about import EXACT_UP_TO, About, Structure, names_of, read_about
from indexer.remote.address import read_address
from indexer.remote.checking import check_table, describe_table
from indexer.remote.columns import filter_sql, table_of, unpack_vectors
from indexer.remote.connections import Connections
from indexer.remote.searching import Asked, Session, search_table
from indexer.remote.writing import (
    Applied,
    Counts,
    apply_change,
    lock_store,
    put_columns,
    replace_table,
)
from indexer.result import Batch, SearchResult
from indexer.searches import check_k, split_excluded
from indexer.vectors import as_matrix, unit_queries

__all__ = ["PostgresStore"]

Float32s = npt.NDArray[np.float32]


class PostgresStore:
    """Vectors with ids and columns in a table of PostgreSQL; threads may share it.

    Made by `build` or `open`. Every search sees one published state, whole, and
    always the newest. What it can do is described by `indexer.VectorStore`.
    """

    def __init__(
        self, connections: Connections, about: About, *, lock_timeout_s: float = 10.0
    ) -> None:
        self._connections = connections
        self._about = about
        self._lock_timeout_s = lock_timeout_s

    @classmethod
    def open(cls, address: str) -> Self:
        """Open a store; raises as `indexer.open_store` does."""
        where = read_address(address)
        connections = Connections(where)
        with (
            connections.use() as connection,
            connections.translate_errors(),
        ):
            about = read_about(connection, where)
        return cls(connections, about)

    @classmethod
    def build(
        cls,
        address: str,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        columns: Any = None,
        *,
        fingerprints: Mapping[str, str] | None = None,
        structure: str = "auto",
        target_recall: float = 0.99,
        exact_up_to: int = EXACT_UP_TO,
        lock_timeout_s: float = 10.0,
    ) -> Self:
        """Make a store, or replace the content of one, in one step.

        Parameters
        ----------
        address : str
            ``"postgresql://host/database?table=covers"``; the table is made.
        ids, vectors, columns, fingerprints
            As `indexer.VectorIndex.build` takes them.
        structure : {"auto", "exact"}, default="auto"
            A graph (HNSW) above `exact_up_to` items, or never one.
        target_recall : float, default=0.99
            Share of the true ten nearest that searches by the graph must find.
        exact_up_to : int, default=65000
            Up to so many matches of a filter every one is compared.
        lock_timeout_s : float, default=10
            How long to wait for another writer.

        Raises
        ------
        ValueError, TypeError
            As `indexer.VectorIndex.build`; a column that PostgreSQL cannot keep.
        IndexMismatchError
            If the table is there and is no store.
        IndexReadError, IndexWriteError, IndexBusyError
            If the server cannot be reached or refuses, or another process writes.
        """
        if structure not in ("auto", "exact"):
            message = (
                f"structure must be 'auto' or 'exact' on PostgreSQL, got {structure!r}"
            )
            raise ValueError(message)
        where = read_address(address)
        asked = Structure(
            kind=structure, exact_up_to=exact_up_to, target_recall=target_recall
        )
        new = NewRows.check(ids, vectors, columns)
        connections = Connections(where)
        with _writing(connections, lock_timeout_s) as connection:
            if not connection.execute(
                "SELECT FROM pg_extension WHERE extname = 'vector'"
            ).fetchone():
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            about = replace_table(connection, where, new, fingerprints or {}, asked)
        return cls(connections, about, lock_timeout_s=lock_timeout_s)

    def refuse_mismatch(self, expect: Mapping[str, str] | None) -> None:
        """Refuse fingerprints that differ from those of the store.

        Raises
        ------
        IndexMismatchError
            Shows both values.
        """
        for name, value in (expect or {}).items():
            actual = self.fingerprints.get(name)
            if actual != value:
                message = (
                    f"store {self.address!r} was built with {name} {actual!r}, "
                    f"expected {value!r}: use what it was built with, or build it again"
                )
                raise IndexMismatchError(message)

    def refresh(self) -> bool:
        """Look up the newest generation; say whether there was a newer one."""
        before = self._about.generation
        with self._reading():
            return self._about.generation != before

    def close(self) -> None:
        """Close the connections that are idle; a later call opens new ones."""
        self._connections.close()

    def __len__(self) -> int:
        return self._about.n_items

    def __contains__(self, item_id: object) -> bool:
        if not isinstance(item_id, str) or "\0" in item_id:
            return False
        with self._reading() as session:
            return bool(session.rows("SELECT FROM {table} WHERE id = %s", [item_id]))

    def __repr__(self) -> str:
        return (
            f"<PostgresStore {self.address!r}, generation {self.generation}: "
            f"{len(self)} items of {self.dimension} dimensions>"
        )

    @property
    def address(self) -> str:
        """Where it lies, as `indexer.open_store` takes it; never with a password."""
        return str(self._connections.address)

    @property
    def generation(self) -> int:
        """The generation that answered last; it grows with every published change."""
        return self._about.generation

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._about.dimension

    @property
    def fingerprints(self) -> dict[str, str]:
        """What the vectors were made with."""
        return dict(self._about.fingerprints)

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return self._about.schema

    def search(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        where: Where | None = None,
        exclude_ids: Collection[str] | Sequence[Collection[str]] | None = None,
        exact: bool = False,
    ) -> SearchResult:
        """Find the k most similar items of each query, see `VectorIndex.search`."""
        with self._reading() as session:
            dimension = session.about.dimension
            matrix = as_matrix(queries, what="the queries", dimension=dimension)
            hidden, excluded = split_excluded(exclude_ids, len(matrix))
            asked = Asked(
                queries=unit_queries(matrix),
                k=check_k(k),
                where=where or {},
                hidden=hidden,
                excluded=excluded,
                exact=exact,
            )
            return search_table(session, asked)

    def neighbours_of(
        self,
        ids: Sequence[str],
        k: int = 10,
        *,
        where: Where | None = None,
        exclude_ids: Collection[str] | Sequence[Collection[str]] | None = None,
        exact: bool = False,
    ) -> SearchResult:
        """Find the k most similar items of each item, itself left out."""
        names = as_ids(ids)
        hidden, excluded = split_excluded(exclude_ids, len(names))
        more = excluded or [[]] * len(names)
        with self._reading() as session:
            asked = Asked(
                queries=self._items(session, names).vectors,
                k=check_k(k),
                where=where or {},
                hidden=hidden,
                excluded=[[one, *some] for one, some in zip(names, more, strict=True)],
                exact=exact,
            )
            return search_table(session, asked)

    def get(self, ids: Sequence[str], *, with_vectors: bool = True) -> Batch:
        """Give some items, in the order asked for.

        Raises
        ------
        ValueError
            Names ids that are not in the store.
        """
        with self._reading() as session:
            return self._items(session, as_ids(ids), with_vectors=with_vectors)

    def reconstruct(self, ids: Sequence[str]) -> Float32s:
        """Give the unit vectors of some items: float32, shape (I, D)."""
        return self.get(ids).vectors

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
        with self._reading() as session:
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
        with self._reading() as session:
            query = "SELECT id FROM {table} WHERE id ^@ %s ORDER BY id LIMIT %s"
            return [row[0] for row in session.rows(query, [start, most])]

    def ids_where(self, where: Where) -> list[str]:
        """Give the ids of all items that a filter lets through."""
        with self._reading() as session:
            schema = session.about.schema
            condition, values = filter_sql(check_where(where, schema), schema)
            query = "SELECT id FROM {table} WHERE {condition} ORDER BY place"
            return [row[0] for row in session.rows(query, values, condition=condition)]

    def distinct(self, column: str) -> set[Any]:
        """Give the values of a column, those inside its lists too, each once; no null."""
        from psycopg import sql

        with self._reading() as session:
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

        with self._reading() as session:
            if column not in session.about.schema.names:
                return False
            query = "SELECT FROM {table} WHERE {column} IS NOT NULL LIMIT 1"
            return bool(session.rows(query, column=sql.Identifier(column)))

    def replace(
        self,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        columns: Any = None,
        *,
        fingerprints: Mapping[str, str] | None = None,
    ) -> None:
        """Replace everything by other items, in one step."""
        new = NewRows.check(ids, vectors, columns)
        with self._writing() as connection:
            where, structure = self._connections.address, self._about.structure
            self._about = replace_table(
                connection, where, new, fingerprints or {}, structure
            )

    def apply(
        self,
        *,
        upsert: Batch | None = None,
        remove: Sequence[str] = (),
        fingerprints: Mapping[str, str] | None = None,
    ) -> Change:
        """Put items, remove others and change fingerprints, in one transaction."""
        new = None
        if upsert is not None and len(upsert):
            new = NewRows.check(
                upsert.ids.tolist(),
                upsert.vectors,
                upsert.columns,
                dimension=self.dimension,
            )
        gone = list(dict.fromkeys(as_ids(remove, what="remove")))
        change = Applied(new, gone, fingerprints or {})
        with self._writing() as connection:
            counts = apply_change(connection, self._connections.address, change)
        return self._publish(counts)

    def update_columns(
        self,
        ids: Sequence[str],
        columns: Any,
        *,
        fingerprints: Mapping[str, str] | None = None,
    ) -> Change:
        """Change columns of items, whose vectors stay as they are."""
        names = as_ids(ids)
        refuse_repeated_ids(names)
        table = as_table(columns, len(names))
        with self._writing() as connection:
            where = self._connections.address
            counts = put_columns(connection, where, names, table, fingerprints or {})
        return self._publish(counts)

    def rollback(self, to: int | None = None, *, dry_run: bool = False) -> Change:
        """Refuse: a table keeps no older generations.

        Raises
        ------
        IndexHistoryError
            Says what to do.
        """
        message = (
            f"store {self.address!r} keeps no older generations to go back to{'' if to is None else f', so not {to}'}: "
            "build it again from what it was made of, or restore a backup of the database (pg_dump, "
            "or point-in-time recovery)"
        )
        raise IndexHistoryError(message)

    def verify(self, *, n_sampled: int = 64) -> VerifyReport:
        """Check counts, lengths of vectors, and searches against exact ones."""
        with self._reading() as session:
            return check_table(session, n_sampled)

    def info(self) -> dict[str, Any]:
        """Say what the store holds, as plain values that go into JSON."""
        with self._reading() as session:
            return describe_table(session)

    def _publish(self, counts: Counts) -> Change:
        self._about = counts.about
        return Change(
            generation=counts.about.generation,
            n_items=counts.about.n_items,
            added=counts.added,
            updated=counts.updated,
            removed=counts.removed,
            is_published=True,
        )

    @contextmanager
    def _reading(self) -> Iterator[Session]:
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

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        with _writing(self._connections, self._lock_timeout_s) as connection:
            yield connection

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
            shown = ", ".join(map(repr, unknown[:5])) + (
                ", …" if len(unknown) > 5 else ""
            )
            message = f"{len(unknown)} ids are not in store {self.address!r}: {shown}"
            raise ValueError(message)
        return _batch(rows, session.about, with_vectors=with_vectors)


@contextmanager
def _writing(connections: Connections, timeout_s: float) -> Iterator[Any]:
    """Lend a connection within a transaction that holds the writer lock."""
    with (
        connections.translate_errors(is_write=True),
        connections.use() as connection,
        connection.transaction(),
    ):
        lock_store(connection, connections.address, timeout_s)
        yield connection


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
