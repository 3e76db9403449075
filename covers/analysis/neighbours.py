"""Neighbours of covers, with a cover's own group left out.

Analysis functions take neighbours as arrays, never an index. Letters: Q
queries, N reference covers, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Neighbours:
    """The k nearest reference covers of each query, nearest first.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_queries, k)
        Row of each neighbour among the references; ``-1`` marks an empty slot.
    similarities : ndarray of float32, shape (n_queries, k)
        Cosine similarities, in ``[-1, 1]``; NaN in empty slots.
    """

    rows: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float32]

    def nearest(self, k: int) -> Neighbours:
        """Keep the first `k` neighbours only."""
        return Neighbours(self.rows[:, :k], self.similarities[:, :k])


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
    ValueError
        If ``k < 1`` or the dimensions differ.
    """
    if k < 1:
        message = f"k must be at least 1, got {k}"
        raise ValueError(message)
    if (
        queries.ndim != 2
        or references.ndim != 2
        or queries.shape[1] != references.shape[1]
    ):
        message = f"queries {queries.shape} and references {references.shape} must be 2-d of one width"
        raise ValueError(message)
    n_queries, n_references = len(queries), len(references)
    rows = np.full((n_queries, k), -1, np.int64)  # (Q, k)
    similarities = np.full((n_queries, k), np.nan, np.float32)  # (Q, k)
    block = max(1, min(2048, 2**27 // max(1, n_references)))
    for start in range(0, n_queries if n_references else 0, block):
        stop = min(start + block, n_queries)
        scores = queries[start:stop] @ references.T  # (b, N)
        if query_groups is not None and reference_groups is not None:
            scores[
                query_groups[start:stop, None] == reference_groups[None, :]
            ] = -np.inf
        kept = min(k, n_references)
        best = np.argpartition(-scores, kept - 1, axis=1)[:, :kept]
        values = np.take_along_axis(scores, best, axis=1)
        order = np.lexsort((best, -values), axis=1)
        best = np.take_along_axis(best, order, axis=1)
        values = np.take_along_axis(values, order, axis=1)
        allowed = np.isfinite(values)
        rows[start:stop, :kept] = np.where(allowed, best, -1)
        similarities[start:stop, :kept] = np.where(allowed, values, np.nan)
    return Neighbours(rows, similarities)
