"""Exact search over the stored vectors themselves; no structure needed.

One product per block, then a selection that looks at the maxima of short runs
first. It needs no second copy of the vectors and no import of FAISS. A few
queries are multiplied one by one without threads: FAISS's own kernel where it
is imported anyway, NumPy's otherwise; threads gain nothing where memory is the
limit, and lose much on a busy machine. Many queries are one BLAS product.

Letters of shapes: Q queries, N vectors, M candidates, D dimensions.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["exact_candidates"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_BLOCK_ROWS = 32_768
_BLOCK_QUERIES = 256
_MANY_QUERIES = 4
_RUN = 32


def exact_candidates(
    queries: Float32s,
    vectors: Float32s,
    n_candidates: int,
    allowed: Mask | None = None,
) -> Rows:
    """Find the rows nearest to each query.

    Parameters
    ----------
    queries : ndarray of float32, shape (Q, D)
    vectors : ndarray of float32, shape (N, D)
        Unit rows, usually memory-mapped.
    n_candidates : int
        M; fewer columns come back when fewer rows may be found.
    allowed : ndarray of bool, shape (N,), optional
        What may be found; all by default.

    Returns
    -------
    ndarray of int64, shape (Q, min(M, rows that may be found))
        In no particular order; ``-1`` where no row was left.
    """
    few = None if allowed is None else np.flatnonzero(allowed)
    if few is not None and 2 * len(few) > len(vectors):
        few = None
    parts = []
    for start in range(0, len(queries), _BLOCK_QUERIES):
        block = queries[start : start + _BLOCK_QUERIES]
        parts.append(_search_block(block, vectors, n_candidates, allowed, few))
    return np.concatenate(parts) if len(parts) != 1 else parts[0]


def _search_block(
    queries: Float32s,
    vectors: Float32s,
    n_candidates: int,
    allowed: Mask | None,
    few: Rows | None,
) -> Rows:
    """Keep the best of every block of rows, then the best of those."""
    found_rows, found_similarities = [], []
    for block in _iterate_blocks(vectors, allowed, few):
        similarities = _products(queries, block.vectors)
        if block.forbidden is not None:
            similarities[:, block.forbidden] = -np.inf
        chosen = _select(similarities, n_candidates)
        best = np.take_along_axis(similarities, chosen, axis=1)
        rows = chosen + block.start if block.rows is None else block.rows[chosen]
        found_rows.append(np.where(np.isneginf(best), -1, rows))
        found_similarities.append(best)
    if not found_rows:
        return np.zeros((len(queries), 0), dtype=np.int64)
    if len(found_rows) == 1:
        return found_rows[0]
    rows = np.concatenate(found_rows, axis=1)
    chosen = _select(np.concatenate(found_similarities, axis=1), n_candidates)
    return np.take_along_axis(rows, chosen, axis=1)


@dataclass(frozen=True)
class _Block:
    """Vectors to multiply with; `rows` where they do not simply follow `start`."""

    vectors: Float32s
    start: int = 0
    rows: Rows | None = None
    forbidden: Mask | None = None


def _iterate_blocks(
    vectors: Float32s, allowed: Mask | None, few: Rows | None
) -> Iterator[_Block]:
    """Give the vectors that may be found, copied only where they are few."""
    if few is not None:
        for start in range(0, len(few), _BLOCK_ROWS):
            rows = few[start : start + _BLOCK_ROWS]
            yield _Block(vectors[rows], rows=rows)
        return
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = vectors[start : start + _BLOCK_ROWS]
        mask = None if allowed is None else allowed[start : start + _BLOCK_ROWS]
        yield _Block(block, start=start, forbidden=None if mask is None else ~mask)


def _products(queries: Float32s, vectors: Float32s) -> Float32s:
    """Inner products, shape (Q, N)."""
    if len(queries) >= _MANY_QUERIES:
        return queries @ vectors.T
    if "faiss" in sys.modules:
        from indexer.backends.faiss import inner_products

        return inner_products(queries, vectors)
    products: Float32s = np.einsum("nd,qd->qn", vectors, queries)
    return products


def _select(similarities: Float32s, n_candidates: int) -> Rows:
    """Pick the columns of the largest values of each row."""
    n_queries, n = similarities.shape
    if n_candidates >= n:
        return np.tile(np.arange(n, dtype=np.int64), (n_queries, 1))
    n_runs = n // _RUN
    if n_runs < 4 * n_candidates:
        chosen = np.argpartition(similarities, n - n_candidates, axis=1)
        return chosen[:, n - n_candidates :]
    # The M largest values lie in the M runs with the largest maxima, or in the
    # rest that fills no run. A run is every n_runs-th column: maxima over such
    # runs are computed for many runs at once.
    head = similarities[:, : n_runs * _RUN].reshape(n_queries, _RUN, n_runs)
    maxima = head.max(axis=1)
    runs = np.argpartition(maxima, n_runs - n_candidates, axis=1)
    runs = runs[:, n_runs - n_candidates :]
    offsets = n_runs * np.arange(_RUN)
    columns = (runs[:, :, np.newaxis] + offsets).reshape(n_queries, -1)
    if n_runs * _RUN < n:
        rest = np.arange(n_runs * _RUN, n)
        rest = np.broadcast_to(rest, (n_queries, len(rest)))
        columns = np.concatenate([columns, rest], axis=1)
    few = np.take_along_axis(similarities, columns, axis=1)
    chosen = np.argpartition(few, few.shape[1] - n_candidates, axis=1)
    chosen = chosen[:, few.shape[1] - n_candidates :]
    return np.take_along_axis(columns, chosen, axis=1)
