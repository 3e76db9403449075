"""Search of a table of PostgreSQL, within one transaction: one state, whole.

The matches of a filter are counted first. Few are compared one by one; among many
a graph (HNSW) proposes candidates, scanned on and on until enough of them pass the
filter. Whatever proposed them, candidates are scored again here, so similarities
are the numbers of every other store. An answer that comes out short of what there
is, is searched again exactly.

Letters of shapes: Q queries, k neighbours, M candidates, D dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.backends.exact import exact_candidates
from indexer.filters import check_where
from indexer.remote.about import About
from indexer.remote.postgres.about import Names
from indexer.remote.postgres.columns import filter_sql, unpack_vectors
from indexer.remote.search_request import (
    MEASURED_K,
    Candidates,
    SearchRequest,
    cut,
    doubts,
    explain_short,
    put_together,
    similarities_to,
)
from indexer.result import SearchResult

__all__ = ["MOST_FULL", "MOST_HALF", "Session", "search_table"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_SLACK = 4
_MOST_EFFORT = 1000
# From so many queries on, all matches are fetched once where they fit into this.
_MANY_QUERIES = 8
_FETCHED_BYTES = 256 << 20


@dataclass(frozen=True)
class Session:
    """A connection within a transaction, and what the store says of itself there.

    Attributes
    ----------
    connection : psycopg.Connection
    names : Names
    about : About
    """

    connection: Any
    names: Names
    about: About

    def rows(self, query: str, values: Sequence[Any] = (), **parts: Any) -> list[Any]:
        """Ask for rows, in binary; ``{table}`` stands for the table."""
        from psycopg import sql

        with self.connection.cursor(binary=True) as cursor:
            text = sql.SQL(query).format(table=self.names.table, **parts)  # type: ignore[arg-type]
            cursor.execute(text, values)
            found: list[Any] = cursor.fetchall()
            return found

    def columns_at(self, positions: Sequence[int]) -> dict[int, Sequence[Any]]:
        """Give the columns of the items at some positions."""
        from psycopg import sql

        names = map(sql.Identifier, self.about.schema.names)
        rows = self.rows(
            "SELECT place, {names} FROM {table} WHERE place = ANY(%s::int8[])",
            [positions],
            names=sql.SQL(", ").join(names),
        )
        return {row[0]: row[1:] for row in rows}


def search_table(session: Session, request: SearchRequest) -> SearchResult:
    """Find the k nearest items of each query."""
    about, notes = session.about, list[str]()
    where = check_where(request.where, about.schema)
    condition, values = filter_sql(where, about.schema)
    if request.hidden:
        from psycopg import sql

        condition = sql.SQL("{} AND id <> ALL(%s::text[])").format(condition)
        values = [*values, [one for one in request.hidden if "\0" not in one]]
    filtered = _Filtered(session, condition, values)
    limit = about.structure.exact_up_to
    n_matching = filtered.count(limit) if where else about.n_items
    is_exact = request.exact or not about.structure.has_graph or n_matching <= limit
    if is_exact:
        found = filtered.exact(request.queries, request.n_wanted, n_matching)
    else:
        found = filtered.by_graph(request.queries, request.n_wanted, len(where) > 0)
        notes += doubts(about, is_filtered=len(where) > 0)
    best = [
        cut(one, request.excluded[number] if request.excluded else (), request.k)
        for number, one in enumerate(found)
    ]
    if any(len(one.positions) < request.k for one in best):
        notes.append(explain_short(about, request, best, filtered.count()))
    return put_together(about, best, request.k, notes, session.columns_at)


@dataclass(frozen=True)
class _Filtered:
    """The part of a table that a condition lets through."""

    session: Session
    condition: Any
    values: list[Any]

    def count(self, most: int | None = None) -> int:
        """Count matches; one more than `most` stands for all that are more."""
        inner = "SELECT FROM {table} WHERE {condition}"
        if most is not None:
            inner += f" LIMIT {most + 1}"
        query = f"SELECT count(*) FROM ({inner}) AS matching"
        ((n,),) = self.session.rows(query, self.values, condition=self.condition)
        return int(n)

    def exact(
        self, queries: Float32s, n_wanted: int, n_matching: int
    ) -> list[Candidates]:
        """Compare every match."""
        n_bytes = 4 * n_matching * queries.shape[1]
        if len(queries) >= _MANY_QUERIES and n_bytes <= _FETCHED_BYTES:
            return self._fetched(queries, n_wanted)
        # An operator inside a sum is not looked up in a graph.
        return [self._nearest("({distance}) + 0", q, n_wanted) for q in queries]

    def by_graph(
        self, queries: Float32s, n_wanted: int, is_filtered: bool
    ) -> list[Candidates]:
        """Let the graph propose; what comes out short is searched exactly."""
        effort = self.session.about.structure.effort * max(1, n_wanted / MEASURED_K)
        effort = _MOST_EFFORT if is_filtered else min(_MOST_EFFORT, round(effort))
        set_effort(self.session.connection, effort)
        found = [self._nearest("{distance}", query, n_wanted) for query in queries]
        return [
            one
            if len(one.positions) >= n_wanted
            else self._nearest("({distance}) + 0", query, n_wanted)
            for one, query in zip(found, queries, strict=True)
        ]

    def _nearest(self, order: str, query: Float32s, n_wanted: int) -> Candidates:
        from psycopg import sql

        text = "[" + ",".join(map(str, query.tolist())) + "]"
        distance = graph_distance(query.shape[0])
        rows = self.session.rows(
            "SELECT place, id, embedding FROM {table} WHERE {condition} "
            "ORDER BY {order} LIMIT %s",
            [*self.values, text, n_wanted + _SLACK],
            condition=self.condition,
            order=sql.SQL(order).format(distance=distance),  # type: ignore[arg-type]
        )
        return _scored(rows, query)

    def _fetched(self, queries: Float32s, n_wanted: int) -> list[Candidates]:
        """Fetch every match once, and compare here."""
        rows = self.session.rows(
            "SELECT place, id, embedding FROM {table} WHERE {condition}",
            self.values,
            condition=self.condition,
        )
        positions, ids, vectors = _columns(rows, queries.shape[1])
        if not len(rows):
            return [_scored(rows, query) for query in queries]
        picked, _ = exact_candidates(
            queries, vectors, min(n_wanted + _SLACK, len(rows))
        )
        return [
            Candidates(
                positions[some], ids[some], similarities_to(query, vectors[some])
            )
            for query, some in zip(queries, picked, strict=True)
        ]


def graph_distance(dimension: int) -> Any:
    """Return the distance that a graph is made by, as SQL with one parameter."""
    from psycopg import sql

    if dimension <= MOST_FULL:
        return sql.SQL("embedding <#> %s::vector")
    size = sql.Literal(dimension)
    text = "(embedding::halfvec({})) <#> (%s::halfvec({}))"
    return sql.SQL(text).format(size, size)  # type: ignore[arg-type]


MOST_FULL, MOST_HALF = 2000, 4000
"""Dimensions up to which pgvector makes graphs of float32, and of float16."""


def set_effort(connection: Any, effort: int) -> None:
    """Say how far graphs are searched, until the transaction ends."""
    connection.execute(
        f"SET LOCAL hnsw.ef_search = {int(effort)}; "
        "SET LOCAL hnsw.iterative_scan = 'relaxed_order'; "
        "SET LOCAL hnsw.max_scan_tuples = 2000000"
    )


def _columns(
    rows: Sequence[Any], dimension: int
) -> tuple[Rows, npt.NDArray[np.object_], Float32s]:
    """Split rows of position, id and embedding into three arrays."""
    positions = np.array([row[0] for row in rows], dtype=np.int64)
    ids = np.empty(len(rows), dtype=object)
    ids[:] = [row[1] for row in rows]
    return positions, ids, unpack_vectors([row[2] for row in rows], dimension)


def _scored(rows: Sequence[Any], query: Float32s) -> Candidates:
    positions, ids, vectors = _columns(rows, len(query))
    return Candidates(positions, ids, similarities_to(query, vectors))
