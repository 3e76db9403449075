"""`PostgresStore`: vectors, ids and columns in a table of PostgreSQL with pgvector.

Letters of shapes: Q queries, k neighbours, N items, I ids given, D dimensions.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from indexer.changes.change import Change
from indexer.changes.plan import NewRows
from indexer.errors import IndexHistoryError
from indexer.files.columns import as_table
from indexer.files.problems import VerifyReport
from indexer.filters import Where
from indexer.ids import as_ids, refuse_repeated_ids
from indexer.remote.about import EXACT_UP_TO, Structure, read_about
from indexer.remote.address import read_address
from indexer.remote.postgres.checking import check_table, describe_table
from indexer.remote.postgres.connections import Connections
from indexer.remote.postgres.contents import TableContents
from indexer.remote.postgres.searching import Asked, search_table
from indexer.remote.postgres.writing import (
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


class PostgresStore(TableContents):
    """Vectors with ids and columns in a table of PostgreSQL; threads may share it.

    Made by `build` or `open`. Every search sees one published state, whole, and
    always the newest. What it can do is described by `indexer.VectorStore`.
    """

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

    def __repr__(self) -> str:
        return (
            f"<PostgresStore {self.address!r}, generation {self.generation}: "
            f"{len(self)} items of {self.dimension} dimensions>"
        )

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
