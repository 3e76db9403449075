"""Neighbours of covers, with a cover's own group left out.

Analysis functions take neighbours as arrays, never an index. Letters: Q
queries, N reference covers, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from covers.arguments import array, checked, optional, whole
from covers.errors import WrongValueError

_CELLS = 2**24  # found neighbours that are held at once


@dataclass(frozen=True)
class Neighbours:
    """The k nearest reference covers of each query, nearest first.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_queries, k)
        Row of each neighbour among the references; ``-1`` marks an empty slot.
    similarities : ndarray of float32, shape (n_queries, k)
        Cosine similarities, in ``[-1, 1]``; NaN in empty slots.

    Examples
    --------
    >>> near = Neighbours(np.array([[4, 2]]), np.array([[0.9, 0.7]], np.float32))
    >>> near.nearest(1).rows.tolist()
    [[4]]
    """

    rows: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float32]

    @checked(k=whole(at_least=0))
    def nearest(self, k: int) -> Neighbours:
        """Keep the first `k` neighbours only."""
        return Neighbours(self.rows[:, :k], self.similarities[:, :k])


@checked(
    queries=array(2),
    references=array(2),
    k=whole(at_least=1),
    query_groups=optional(array(1)),
    reference_groups=optional(array(1)),
)
def find_neighbours(
    queries: npt.NDArray[np.float32],
    references: npt.NDArray[np.float32],
    *,
    k: int,
    query_groups: npt.NDArray[np.int64] | None = None,
    reference_groups: npt.NDArray[np.int64] | None = None,
) -> Neighbours:
    """Find the exact k nearest references of each query by cosine similarity.

    Parameters
    ----------
    queries : ndarray of float32, shape (n_queries, n_dimensions)
        L2-normalised.
    references : ndarray of float32, shape (n_references, n_dimensions)
        L2-normalised.
    k : int
        How many neighbours; slots stay empty where fewer are allowed.
    query_groups, reference_groups : ndarray of int64, optional
        When both are given, references of the query's own group (itself, its
        near-duplicates, its artist) are left out.

    Returns
    -------
    Neighbours
        Arrays of shape (n_queries, k).

    Raises
    ------
    WrongTypeError, WrongValueError
        If ``k < 1``, the dimensions differ, or groups do not belong to the rows.

    Examples
    --------
    >>> corners = np.eye(3, dtype=np.float32)
    >>> find_neighbours(corners[:1], corners, k=1).rows.tolist()
    [[0]]
    """
    if queries.shape[1] != references.shape[1]:
        message = f"queries {queries.shape} and references {references.shape} must be 2-d of one width"
        raise WrongValueError(message)
    _refuse_other_groups(queries, query_groups, references, reference_groups)
    rows = np.full((len(queries), k), -1, np.int64)  # (Q, k)
    similarities = np.full((len(queries), k), np.nan, np.float32)  # (Q, k)
    if not len(queries) or not len(references):
        return Neighbours(rows, similarities)
    import faiss

    references = np.ascontiguousarray(references, np.float32)
    # As many more as lie in the query's own group are found, then left out.
    own = (
        np.zeros(len(queries), np.int64)
        if query_groups is None or reference_groups is None
        else _count(query_groups, reference_groups)
    )
    order = np.argsort(own, kind="stable")
    needs = np.minimum(k + own[order], len(references))  # rising
    start = 0
    while start < len(queries):
        alike = int(np.searchsorted(needs, 2 * needs[start], side="right"))
        stop = min(start + max(1, _CELLS // int(needs[start])), alike)
        part = order[start:stop]
        values, best = faiss.knn(
            np.ascontiguousarray(queries[part], np.float32),
            references,
            int(needs[stop - 1]),
            metric=faiss.METRIC_INNER_PRODUCT,
        )
        if query_groups is not None and reference_groups is not None:
            inside = reference_groups[best] == query_groups[part, None]
            best[inside] = -1
            strangers_first = np.argsort(inside, axis=1, kind="stable")[:, :k]
            best = np.take_along_axis(best, strangers_first, axis=1)
            values = np.take_along_axis(values, strangers_first, axis=1)
        width = min(k, best.shape[1])
        rows[part, :width] = best[:, :width]
        similarities[part, :width] = values[:, :width]
        start = stop
    similarities[rows < 0] = np.nan
    return Neighbours(rows, similarities)


def _refuse_other_groups(
    queries: npt.NDArray[np.float32],
    query_groups: npt.NDArray[np.int64] | None,
    references: npt.NDArray[np.float32],
    reference_groups: npt.NDArray[np.int64] | None,
) -> None:
    """Refuse groups of one side alone, or of another number of rows."""
    if (query_groups is None) != (reference_groups is None):
        message = "query_groups and reference_groups go together: give both, or none"
        raise WrongValueError(message)
    for name, rows, groups in (
        ("query_groups", queries, query_groups),
        ("reference_groups", references, reference_groups),
    ):
        if groups is not None and len(groups) != len(rows):
            message = f"{name} must have one entry for each of {len(rows)} rows, got {len(groups)}"
            raise WrongValueError(message)


def find_own_neighbours(
    vectors: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int64],
    k: int,
    sampled: npt.NDArray[np.bool_] | None = None,
) -> Neighbours:
    """Find the neighbours of covers among the covers of other groups.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_covers, n_dimensions)
        L2-normalised.
    groups : ndarray of int64, shape (n_covers,)
    k : int
    sampled : ndarray of bool, shape (n_covers,), optional
        Look for the neighbours of these covers only; the slots of others stay empty.

    Returns
    -------
    Neighbours
        Arrays of shape (n_covers, k).
    """
    if sampled is None:
        sampled = np.ones(len(vectors), bool)
    near = find_neighbours(
        vectors[sampled],
        vectors,
        k=k,
        query_groups=groups[sampled],
        reference_groups=groups,
    )
    if sampled.all():
        return near
    rows = np.full((len(vectors), k), -1, np.int64)
    similarities = np.full((len(vectors), k), np.nan, np.float32)
    rows[sampled], similarities[sampled] = near.rows, near.similarities
    return Neighbours(rows, similarities)


def _count(
    wanted: npt.NDArray[np.int64], given: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return how often each entry of `wanted` is in `given`."""
    values, counts = np.unique(given, return_counts=True)
    place = np.searchsorted(values, wanted)
    place[place == len(values)] = 0
    return np.where(values[place] == wanted, counts[place], 0)
