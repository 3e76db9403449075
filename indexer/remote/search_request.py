"""Searches of stores on servers: what is wanted, and the answer made of candidates.

Whatever proposed them, candidates are scored again here, so similarities are the
numbers of every other store.

Letters of shapes: Q queries, k neighbours, M candidates, D dimensions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.files.arrow import make_array
from indexer.files.columns import empty_table
from indexer.filters import Where, show_where
from indexer.remote.about import About
from indexer.result import SHORT, SearchResult
from indexer.vectors import cosine_similarities

__all__ = [
    "MEASURED_K",
    "Candidates",
    "SearchRequest",
    "cut",
    "doubts",
    "explain_short",
    "put_together",
    "similarities_to",
    "table_of",
]

Float32s = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]

MEASURED_K = 10
"""Neighbours by which recall is measured; more of them take more effort."""


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """A search: queries, k, filter, and the ids to leave out.

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
        """How many candidates to fetch, so that k are left without the excluded ones."""
        return self.k + max((len(some) for some in self.excluded), default=0)


@dataclass(frozen=True)
class Candidates:
    """What was proposed for one query: positions in the store, ids, similarities."""

    positions: Positions
    ids: npt.NDArray[np.object_]
    similarities: Float32s


def similarities_to(query: Float32s, vectors: Float32s) -> Float32s:
    """Score candidates, shape (M,)."""
    similarities: Float32s = cosine_similarities(query[np.newaxis], vectors)[0]
    return similarities


def cut(found: Candidates, excluded: Sequence[str], k: int) -> Candidates:
    """Leave out what is excluded, sort, ties by position, and keep k."""
    gone = set(excluded)
    stays = np.array([one not in gone for one in found.ids], dtype=bool)
    order = np.lexsort((found.positions, -found.similarities))
    order = order[stays[order]][:k]
    return Candidates(
        found.positions[order], found.ids[order], found.similarities[order]
    )


def put_together(
    about: About,
    best: Sequence[Candidates],
    k: int,
    notes: Sequence[str],
    read_rows: Callable[[list[int]], dict[int, Sequence[Any]]],
) -> SearchResult:
    """Join the answers of all queries, with the columns of the hits.

    Parameters
    ----------
    about : About
    best : sequence of Candidates
        As `cut` leaves them.
    k : int
    notes : sequence of str
    read_rows : callable
        Gives the columns of the items at some positions.
    """
    ids = np.full((len(best), k), None, dtype=object)
    similarities = np.full((len(best), k), np.nan, dtype=np.float32)
    positions = np.full((len(best), k), -1, dtype=np.int64)
    for number, one in enumerate(best):
        ids[number, : len(one.ids)] = one.ids
        similarities[number, : len(one.ids)] = one.similarities
        positions[number, : len(one.ids)] = one.positions
    schema = about.schema
    known: dict[int, Sequence[Any]] = {-1: [None] * len(schema.names)}
    if schema.names:
        known.update(read_rows(np.unique(positions[positions >= 0]).tolist()))
    order = positions.ravel().tolist()
    return SearchResult(
        ids=ids,
        similarities=similarities,
        generation=about.generation,
        notes=tuple(notes),
        read_columns=lambda: table_of(
            [known[position] if schema.names else () for position in order], schema
        ),
    )


def table_of(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Make an Arrow table of rows that hold the columns of `schema`, in its order."""
    if not schema.names:
        return empty_table(len(rows))
    values = zip(*rows, strict=True) if rows else ([] for _ in schema)
    columns = [
        make_array(list(column), field.type)
        for column, field in zip(values, schema, strict=True)
    ]
    return pa.table(columns, schema=schema)


def doubts(about: About, *, is_filtered: bool) -> list[str]:
    """Say why an approximate answer may be incomplete; nothing where it hardly is."""
    structure = about.structure
    if is_filtered:
        note = (
            f"more than {structure.exact_up_to:,} items match the filter: they were proposed, "
            "not all compared, and near ones may be missing; exact=True compares every match"
        )
        return [note]
    if structure.recall_low < structure.target_recall:
        note = (
            f"near items may be missing: searches found {structure.recall_at_k:.3f} of the "
            "true ten nearest when it was measured; exact=True compares every item"
        )
        return [note]
    return []


def explain_short(
    about: About, request: SearchRequest, best: Sequence[Candidates], n_allowed: int
) -> str:
    """Say why there are fewer than k answers."""
    n_short = sum(len(one.positions) < request.k for one in best)
    reason = f"the index holds {about.n_items} items"
    if request.where:
        reason += f", {n_allowed} match {show_where(request.where)} and may be found"
    elif n_allowed < about.n_items:
        reason += f", {n_allowed} may be found"
    return f"{n_short} of {len(best)} {SHORT}={request.k}: {reason}"
