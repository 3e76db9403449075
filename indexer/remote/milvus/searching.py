"""Search of a collection of Milvus, in one generation.

The matches of a filter are counted first. Where they are few, or everything is to be
compared, all lists of vectors (IVF) are looked through, and so every match; among
many only as many lists as the measured recall needs, in proportion to k, or four
times as many with a filter. An answer that comes out short of what there is, is searched again in all.

Letters of shapes: Q queries, k neighbours, D dimensions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.backends.exact import exact_candidates
from indexer.filters import check_where
from indexer.remote.milvus.about import MilvusAbout
from indexer.remote.milvus.client import Client, CollectionGoneError
from indexer.remote.milvus.expressions import all_of, filter_expression, one_of
from indexer.remote.milvus.fields import Row, decode_rows, list_fields, vectors_of
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

__all__ = ["ALL_LISTS", "Session", "search_collection"]

Float32s = npt.NDArray[np.float32]

ALL_LISTS = 65_536
"""More lists than any collection has."""
MOST_ROWS = 16_384
"""So many rows a server gives at once."""
_SLACK = 4
_FILTERED_TIMES = 4
_ROWS_AT_ONCE = 2000
_HITS_AT_ONCE = 50_000
_PAGE = 4096
_CATCHING_UP = (
    "the server is still sorting in a large change, and near items may be missing until "
    "it is done; ask again in a minute"
)


@dataclass(frozen=True)
class Session:
    """A server, and the generation that is looked at.

    Attributes
    ----------
    client : Client
    about : MilvusAbout
    """

    client: Client
    about: MilvusAbout

    @property
    def alive(self) -> str:
        """Which rows are of the generation, as an expression."""
        generation = self.about.generation
        return f"born <= {generation} and died > {generation}"

    @property
    def columns(self) -> list[str]:
        """The fields that hold the columns of an item."""
        return ["nulls", *(name for name, *_ in list_fields(self.about.schema))]

    def count(self, expression: str) -> int:
        """Count rows, of any generation."""
        (row,) = self.query(expression, ["count(*)"])
        return int(row["count(*)"])

    def query(self, expression: str, fields: Sequence[str], **more: Any) -> list[Row]:
        """Give rows, of any generation."""
        found = self.client.read(
            "query",
            self.about.collection,
            filter=expression,
            output_fields=list(fields),
            consistency_level="Eventually",
            **more,
        )
        return list(found)

    def rows_with(
        self, field: str, values: Sequence[Any], fields: Sequence[str], within: str
    ) -> Iterator[Row]:
        """Give the rows whose field has one of some values."""
        for start in range(0, len(values), _ROWS_AT_ONCE):
            some = values[start : start + _ROWS_AT_ONCE]
            yield from self.query(all_of(one_of(field, some), within), fields)

    def pages(
        self, expression: str, fields: Sequence[str], *, size: int = _PAGE
    ) -> Iterator[list[Row]]:
        """Give the rows of the generation, by their positions, some at a time."""
        return self.scan(all_of(self.alive, expression), fields, size=size)

    def scan(
        self, expression: str, fields: Sequence[str], *, size: int = _PAGE
    ) -> Iterator[list[Row]]:
        """Give rows of any generation, by their positions, some at a time."""
        size = min(size, MOST_ROWS)
        for start in range(0, self.about.next_position, size):
            window = f"place >= {start} and place < {start + size}"
            rows = self.query(all_of(window, expression), ["place", *fields])
            if rows:
                yield sorted(rows, key=lambda row: int(row["place"]))

    def columns_at(self, positions: Sequence[int]) -> dict[int, Sequence[Any]]:
        """Give the columns of the items at some positions."""
        rows = list(
            self.rows_with("place", positions, ["place", *self.columns], self.alive)
        )
        if len(rows) < len(positions):
            message = "items went while they were read: try again"
            raise CollectionGoneError(message)
        table = decode_rows(rows, self.about.schema)
        values = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return {row["place"]: one for row, one in zip(rows, values, strict=True)}


def search_collection(session: Session, request: SearchRequest) -> SearchResult:
    """Find the k nearest items of each query.

    Raises
    ------
    ValueError
        If more neighbours are asked for than a server gives.
    """
    about, notes = session.about, list[str]()
    where = check_where(request.where, about.schema)
    hidden = f"not ({one_of('id', request.hidden)})" if request.hidden else ""
    allowed = all_of(session.alive, filter_expression(where, about.schema), hidden)
    is_filtered = bool(where or request.hidden)
    n_allowed = session.count(allowed) if is_filtered else about.n_items
    structure = about.structure
    is_exact = (
        request.exact or not structure.has_graph or n_allowed <= structure.exact_up_to
    )
    n_wanted = _wanted(request, n_allowed)
    n_lists = ALL_LISTS
    if not is_exact:
        times = max(1, n_wanted / MEASURED_K) * (_FILTERED_TIMES if where else 1)
        n_lists = min(ALL_LISTS, round(structure.effort * times))
        notes += doubts(about, is_filtered=len(where) > 0)
    if about.is_catching_up and n_allowed <= MOST_ROWS:
        found = _compare(session, request.queries, n_wanted, allowed)
    else:
        found = _propose(session, request.queries, n_wanted, (allowed, n_lists))
        notes += [_CATCHING_UP] if about.is_catching_up else []
    best = [
        cut(one, request.excluded[number] if request.excluded else (), request.k)
        for number, one in enumerate(found)
    ]
    if any(len(one.positions) < request.k for one in best):
        notes.append(explain_short(about, request, best, n_allowed))
    return put_together(about, best, request.k, notes, session.columns_at)


def _wanted(request: SearchRequest, n_allowed: int) -> int:
    """Return how many candidates of each query are asked for."""
    n_wanted = min(request.n_wanted + _SLACK, n_allowed)
    if n_wanted > MOST_ROWS:
        n_wanted = min(request.n_wanted, n_allowed)
    if n_wanted > MOST_ROWS:
        message = f"a server of Milvus gives {MOST_ROWS:,} neighbours of a query at most, {n_wanted:,} are asked for, those left out included: ask for fewer"
        raise ValueError(message)
    return n_wanted


def _propose(
    session: Session, queries: Float32s, n_wanted: int, how: tuple[str, int]
) -> list[Candidates]:
    """Propose candidates for each query, and score them."""
    positions = _positions(session, queries, n_wanted, how)
    short = [n for n, some in enumerate(positions) if len(some) < n_wanted]
    if short and how[1] < ALL_LISTS:
        again = _positions(session, queries[short], n_wanted, (how[0], ALL_LISTS))
        for number, some in zip(short, again, strict=True):
            positions[number] = some
    known = sorted({position for some in positions for position in some})
    rows = {
        row["place"]: row
        for row in session.rows_with(
            "place", known, ["place", "id", "embedding"], session.alive
        )
    }
    if len(rows) < len(known):
        message = (
            f"{len(known) - len(rows)} items went while they were searched: try again"
        )
        raise CollectionGoneError(message)
    return [
        _scored([rows[position] for position in some], query)
        for some, query in zip(positions, queries, strict=True)
    ]


def _compare(
    session: Session, queries: Float32s, n_wanted: int, allowed: str
) -> list[Candidates]:
    """Fetch every match, and compare here."""
    pages = session.scan(allowed, ["id", "embedding"])
    rows = [row for page in pages for row in page]
    if not rows:
        return [_scored([], query) for query in queries]
    vectors = vectors_of(rows, queries.shape[1])
    picked, _ = exact_candidates(queries, vectors, min(n_wanted, len(rows)))
    return [
        _scored([rows[one] for one in some], query)
        for query, some in zip(queries, picked, strict=True)
    ]


def _positions(
    session: Session, queries: Float32s, n_wanted: int, how: tuple[str, int]
) -> list[list[int]]:
    """Ask the server for the positions nearest to each query."""
    allowed, n_lists = how
    if n_wanted == 0:
        return [[] for _ in queries]
    positions = list[list[int]]()
    step = max(1, _HITS_AT_ONCE // n_wanted)
    for start in range(0, len(queries), step):
        found = session.client.read(
            "search",
            session.about.collection,
            data=list(queries[start : start + step]),
            filter=allowed,
            limit=n_wanted,
            output_fields=["place"],
            search_params={"metric_type": "IP", "params": {"nprobe": n_lists}},
            consistency_level="Eventually",
        )
        positions += [[int(hit["entity"]["place"]) for hit in hits] for hits in found]
    return positions


def _scored(rows: Sequence[Row], query: Float32s) -> Candidates:
    ids = np.empty(len(rows), dtype=object)
    ids[:] = [row["id"] for row in rows]
    positions = np.array([row["place"] for row in rows], dtype=np.int64)
    vectors = vectors_of(rows, len(query))
    return Candidates(positions, ids, similarities_to(query, vectors))
