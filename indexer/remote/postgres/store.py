"""`PostgresStore`: vectors, ids and columns in a table of PostgreSQL with pgvector."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import pyarrow as pa

from indexer.changes.change import Change
from indexer.changes.plan import NewRows
from indexer.errors import IndexHistoryError, IndexWriteError
from indexer.files.problems import VerifyReport
from indexer.remote.about import About, Options
from indexer.remote.address import PostgresAddress
from indexer.remote.postgres.about import read_about
from indexer.remote.postgres.checking import check_table, describe_table
from indexer.remote.postgres.connections import Connections, told
from indexer.remote.postgres.contents import TableContents
from indexer.remote.postgres.searching import Session, search_table
from indexer.remote.postgres.writing import (
    apply_change,
    lock_store,
    put_columns,
    replace_table,
)
from indexer.remote.remote_store import Applied, Counts
from indexer.remote.search_request import SearchRequest
from indexer.result import SearchResult

__all__ = ["PostgresStore"]


class PostgresStore(TableContents):
    """Vectors with ids and columns in a table of PostgreSQL; threads may share it.

    Made by `build` or `open`. Every search sees one published state, whole, and
    always the newest. What it can do is described by `indexer.VectorStore`.
    """

    @classmethod
    def open(cls, where: PostgresAddress) -> Self:
        """Open a store; raises as `indexer.open_store` does."""
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
        where: PostgresAddress,
        new: NewRows,
        fingerprints: Mapping[str, str],
        options: Options,
    ) -> Self:
        """Make a store, or replace the content of one, in one step.

        Raises
        ------
        ValueError
            If a column cannot be kept by PostgreSQL.
        IndexMismatchError
            If the table is there and is no store.
        IndexReadError, IndexWriteError, IndexBusyError
            If the server cannot be reached or refuses, or another process writes.
        """
        connections = Connections(where)
        with _writing(connections, options.lock_timeout_s) as connection:
            if not connection.execute(
                "SELECT FROM pg_extension WHERE extname = 'vector'"
            ).fetchone():
                _create_extension(connection, where)
            about = replace_table(connection, where, new, fingerprints, options.begin())
        return cls(connections, about, lock_timeout_s=options.lock_timeout_s)

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

    def _find(self, session: Session, request: SearchRequest) -> SearchResult:
        return search_table(session, request)

    def _check(self, session: Session, n_sampled: int) -> VerifyReport:
        return check_table(session, n_sampled)

    def _describe(self, session: Session) -> dict[str, Any]:
        return describe_table(session)

    def _replace(self, new: NewRows, fingerprints: Mapping[str, str]) -> About:
        where, structure = self._connections.address, self._about.structure
        with self._writing() as connection:
            return replace_table(connection, where, new, fingerprints, structure)

    def _apply(self, change: Applied) -> Counts:
        with self._writing() as connection:
            return apply_change(connection, self._connections.address, change)

    def _put_columns(
        self, ids: Sequence[str], given: pa.Table, fingerprints: Mapping[str, str]
    ) -> Counts:
        where = self._connections.address
        with self._writing() as connection:
            return put_columns(connection, where, ids, given, fingerprints)

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        with _writing(self._connections, self._lock_timeout_s) as connection:
            yield connection


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


def _create_extension(connection: Any, where: PostgresAddress) -> None:
    """Make pgvector usable in a database, where the server lets this user."""
    import psycopg

    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except psycopg.Error as error:
        message = (
            f"the database of store {str(where)!r} has no pgvector, and this user may not add it: "
            f"let the server's administrator install it and run 'CREATE EXTENSION vector' there ({told(error)})"
        )
        raise IndexWriteError(message) from error
