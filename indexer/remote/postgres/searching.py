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
from indexer.filters import Where, check_where
from indexer.remote.about import About, Names
from indexer.remote.postgres.columns import filter_sql, table_of, unpack_vectors
from indexer.result import SearchResult
from indexer.vectors import cosine_similarities

__all__ = ["Asked", "Session", "search_table"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_SLACK = 4
_MOST_EFFORT = 1000
_MEASURED_K = 10
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


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a search asks for.

    Attributes
    ----------
    queries : ndarray of float32, shape (Q, D)
        Unit rows.
    k : int
    where : mapping
    hidden : sequence of str
        Ids that no query may find.
    excluded : sequence of sequence of str
        Ids that one query may not find: for each query, or empty.
    exact : bool
    """

    queries: Float32s
    k: int
    where: Where
    hidden: Sequence[str] = ()
    excluded: Sequence[Sequence[str]] = ()
    exact: bool = False

    @property
    def n_wanted(self) -> int:
        """Candidates that leave k when those excluded are gone."""
        return self.k + max((len(some) for some in self.excluded), default=0)


@dataclass(frozen=True)
class _Candidates:
    """What was proposed for one query: places in the table, ids, similarities."""

    places: Rows
    ids: npt.NDArray[np.object_]
    similarities: Float32s


def search_table(session: Session, asked: Asked) -> SearchResult:
    """Find the k nearest items of each query."""
    about, notes = session.about, list[str]()
    where = check_where(asked.where, about.schema)
    condition, values = filter_sql(where, about.schema)
    if asked.hidden:
        from psycopg import sql

        condition = sql.SQL("{} AND id <> ALL(%s::text[])").format(condition)
        values = [*values, list(asked.hidden)]
    filtered = _Filtered(session, condition, values)
    limit = about.structure.exact_up_to
    n_matching = filtered.count(limit) if where else about.n_items
    is_exact = asked.exact or not about.structure.has_graph or n_matching <= limit
    if is_exact:
        found = filtered.exact(asked.queries, asked.n_wanted, n_matching)
    else:
        found = filtered.by_graph(asked.queries, asked.n_wanted, len(where) > 0)
        notes += _doubts(about, is_filtered=len(where) > 0)
    best = [
        _cut(one, asked.excluded[number] if asked.excluded else (), asked.k)
        for number, one in enumerate(found)
    ]
    if any(len(one.places) < asked.k for one in best):
        notes.append(_explain_short(filtered, asked, where, best))
    return _result(session, best, asked.k, notes)


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
    ) -> list[_Candidates]:
        """Compare every match."""
        n_bytes = 4 * n_matching * queries.shape[1]
        if len(queries) >= _MANY_QUERIES and n_bytes <= _FETCHED_BYTES:
            return self._fetched(queries, n_wanted)
        # An operator inside a sum is not looked up in a graph.
        return [self._nearest("({distance}) + 0", q, n_wanted) for q in queries]

    def by_graph(
        self, queries: Float32s, n_wanted: int, is_filtered: bool
    ) -> list[_Candidates]:
        """Let the graph propose; what comes out short is searched exactly."""
        effort = self.session.about.structure.effort * max(1, n_wanted / _MEASURED_K)
        effort = _MOST_EFFORT if is_filtered else min(_MOST_EFFORT, round(effort))
        set_effort(self.session.connection, effort)
        found = [self._nearest("{distance}", query, n_wanted) for query in queries]
        return [
            one
            if len(one.places) >= n_wanted
            else self._nearest("({distance}) + 0", query, n_wanted)
            for one, query in zip(found, queries, strict=True)
        ]

    def _nearest(self, order: str, query: Float32s, n_wanted: int) -> _Candidates:
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

    def _fetched(self, queries: Float32s, n_wanted: int) -> list[_Candidates]:
        """Fetch every match once, and compare here."""
        rows = self.session.rows(
            "SELECT place, id, embedding FROM {table} WHERE {condition}",
            self.values,
            condition=self.condition,
        )
        places, ids, vectors = _columns(rows, queries.shape[1])
        if not len(rows):
            return [_scored(rows, query) for query in queries]
        picked, _ = exact_candidates(
            queries, vectors, min(n_wanted + _SLACK, len(rows))
        )
        return [
            _Candidates(places[some], ids[some], _similarities(query, vectors[some]))
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
    """Part rows of place, id and embedding."""
    places = np.array([row[0] for row in rows], dtype=np.int64)
    ids = np.empty(len(rows), dtype=object)
    ids[:] = [row[1] for row in rows]
    return places, ids, unpack_vectors([row[2] for row in rows], dimension)


def _similarities(query: Float32s, vectors: Float32s) -> Float32s:
    similarities: Float32s = cosine_similarities(query[np.newaxis], vectors)[0]
    return similarities


def _scored(rows: Sequence[Any], query: Float32s) -> _Candidates:
    places, ids, vectors = _columns(rows, len(query))
    return _Candidates(places, ids, _similarities(query, vectors))


def _cut(found: _Candidates, excluded: Sequence[str], k: int) -> _Candidates:
    """Leave out what is excluded, sort, ties by place, and keep k."""
    gone = set(excluded)
    stays = np.array([one not in gone for one in found.ids], dtype=bool)
    order = np.lexsort((found.places, -found.similarities))
    order = order[stays[order]][:k]
    return _Candidates(found.places[order], found.ids[order], found.similarities[order])


def _result(
    session: Session, best: Sequence[_Candidates], k: int, notes: Sequence[str]
) -> SearchResult:
    """Put the answers of all queries together, with the columns of the hits."""
    from psycopg import sql

    ids = np.full((len(best), k), None, dtype=object)
    similarities = np.full((len(best), k), np.nan, dtype=np.float32)
    places = np.full((len(best), k), -1, dtype=np.int64)
    for number, one in enumerate(best):
        ids[number, : len(one.ids)] = one.ids
        similarities[number, : len(one.ids)] = one.similarities
        places[number, : len(one.ids)] = one.places
    schema = session.about.schema
    known: dict[int, Sequence[Any]] = {-1: [None] * len(schema.names)}
    if schema.names:
        names = sql.SQL(", ").join(map(sql.Identifier, schema.names))
        wanted = np.unique(places[places >= 0]).tolist()
        rows = session.rows(
            "SELECT place, {names} FROM {table} WHERE place = ANY(%s::int8[])",
            [wanted],
            names=names,
        )
        known.update((row[0], row[1:]) for row in rows)
    order = places.ravel().tolist()
    return SearchResult(
        ids=ids,
        similarities=similarities,
        generation=session.about.generation,
        notes=tuple(notes),
        read_columns=lambda: table_of(
            [known[place] if schema.names else () for place in order], schema
        ),
    )


def _doubts(about: About, *, is_filtered: bool) -> list[str]:
    """Say when an answer may be incomplete."""
    structure = about.structure
    if is_filtered:
        note = (
            f"more than {structure.exact_up_to:,} items match the filter: a graph proposed "
            "them, and near ones may be missing; exact=True compares every match"
        )
        return [note]
    if structure.recall_low < structure.target_recall:
        note = (
            f"near items may be missing: searches found {structure.recall_at_k:.3f} of the "
            "true ten nearest when it was measured; exact=True compares every item"
        )
        return [note]
    return []


def _explain_short(
    filtered: _Filtered, asked: Asked, where: Where, best: Sequence[_Candidates]
) -> str:
    """Say why there are fewer than k answers."""
    n_short = sum(len(one.places) < asked.k for one in best)
    n_items, n_allowed = filtered.session.about.n_items, filtered.count()
    reason = f"the index holds {n_items} items"
    if where:
        reason += f", {n_allowed} match {dict(where)!r} and may be found"
    elif n_allowed < n_items:
        reason += f", {n_allowed} may be found"
    return f"{n_short} of {len(best)} answers are shorter than k={asked.k}: {reason}"
