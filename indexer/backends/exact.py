"""Exact search over the stored vectors themselves; no structure needed.

A few queries are multiplied vector by vector without threads, which gain nothing
where memory is the limit. A batch is one BLAS product per block, then a selection
that looks at the maxima of short runs first. A large batch over many vectors is
left to FAISS, whose selection is then the faster one; on a hundred queries it is
several times slower. None of them needs a second copy of the vectors. Products
round differently by the shape of a batch, so they only propose: what a batch found
is scored again, vector by vector.

Letters of shapes: Q queries, N vectors, M candidates, D dimensions.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from indexer.vectors import cosine_similarities, decoded, score_rows

__all__ = ["exact_candidates", "take_columns"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_BLOCK_ROWS = 32_768
_BLOCK_QUERIES = 256
_MANY_QUERIES = 4
_LARGE_BATCH = 512
_LARGE_ROWS = 8192
_LEAST_RUN = 4
_FEW_PRODUCTS = 4096


def exact_candidates(
    queries: Float32s,
    vectors: npt.NDArray[Any],
    n_candidates: int,
    allowed: Mask | None = None,
) -> tuple[Rows, Float32s]:
    """Find the rows nearest to each query.

    Parameters
    ----------
    queries : ndarray of float32, shape (Q, D)
    vectors : ndarray of float32, float16 or int8, shape (N, D)
        Unit rows as they are stored, usually memory-mapped.
    n_candidates : int
        M; fewer columns come back when fewer rows may be found. The last few may
        not be the nearest where similarities differ by a rounding only.
    allowed : ndarray of bool, shape (N,), optional
        What may be found; all by default.

    Returns
    -------
    rows : ndarray of int64, shape (Q, min(M, rows that may be found))
        In no particular order.
    similarities : ndarray of float32, of the same shape
        As of `indexer.vectors.cosine_similarities`.
    """
    few = None if allowed is None else np.flatnonzero(allowed)
    n_allowed = len(vectors) if few is None else len(few)
    n_candidates = min(n_candidates, n_allowed)
    if not n_candidates or not len(queries):
        rows = np.zeros((len(queries), n_candidates), dtype=np.int64)
        return rows, np.zeros(rows.shape, dtype=np.float32)
    if len(queries) >= _LARGE_BATCH and n_allowed >= _LARGE_ROWS:
        rows = _search_large(queries, vectors, n_candidates, few)
        return rows, score_rows(queries, vectors, rows)
    if few is not None and 2 * len(few) > len(vectors):
        few = None
    if len(queries) < _MANY_QUERIES:
        return _search_block(queries, vectors, n_candidates, allowed, few)
    blocks = [
        queries[start : start + _BLOCK_QUERIES]
        for start in range(0, len(queries), _BLOCK_QUERIES)
    ]
    found = [_search_block(b, vectors, n_candidates, allowed, few)[0] for b in blocks]
    rows = np.concatenate(found)
    return rows, score_rows(queries, vectors, rows)


def _search_large(
    queries: Float32s, vectors: npt.NDArray[Any], n_candidates: int, few: Rows | None
) -> Rows:
    """Let FAISS search the vectors as they lie, or copies of those allowed."""
    from indexer.backends.faiss import nearest_rows

    if few is None and vectors.dtype == np.float32:
        return nearest_rows(queries, vectors, n_candidates)[0]
    found = []
    for block in _iterate_blocks(vectors, None, few):
        rows, products = nearest_rows(queries, block.vectors, n_candidates)
        found.append((block.rows_at(rows), products))
    return _best_of(found, n_candidates)[0]


def _search_block(
    queries: Float32s,
    vectors: npt.NDArray[Any],
    n_candidates: int,
    allowed: Mask | None,
    few: Rows | None,
) -> tuple[Rows, Float32s]:
    """Keep the best of every block of rows, then the best of those, with products."""
    found = []
    for block in _iterate_blocks(vectors, allowed, few):
        products = _products(queries, block.vectors)
        if block.forbidden is not None:
            products[:, block.forbidden] = -np.inf
        chosen = _select(products, n_candidates)
        found.append((block.rows_at(chosen), take_columns(products, chosen)))
    return _best_of(found, n_candidates)


def _best_of(
    found: list[tuple[Rows, Float32s]], n_candidates: int
) -> tuple[Rows, Float32s]:
    """Choose among the best of several blocks by their products."""
    if len(found) == 1:
        return found[0]
    rows = np.concatenate([rows for rows, _ in found], axis=1)
    products = np.concatenate([products for _, products in found], axis=1)
    best = _select(products, n_candidates)
    return take_columns(rows, best), take_columns(products, best)


def take_columns(values: npt.NDArray[Any], chosen: Rows) -> npt.NDArray[Any]:
    """Give the chosen columns of each row."""
    if len(values) == 1:  # the same, without the cost of many axes
        return values[:, chosen[0]]
    return np.take_along_axis(values, chosen, axis=1)


class _Block(NamedTuple):
    """Vectors to multiply with; `rows` where they do not simply follow `start`."""

    vectors: Float32s
    start: int = 0
    rows: Rows | None = None
    forbidden: Rows | None = None

    def rows_at(self, chosen: Rows) -> Rows:
        """Rows of the whole for positions in the block."""
        if self.rows is not None:
            return self.rows[chosen]
        return chosen + self.start if self.start else chosen


def _iterate_blocks(
    vectors: npt.NDArray[Any], allowed: Mask | None, few: Rows | None
) -> Iterator[_Block]:
    """Give the vectors that may be found, copied only where they are few."""
    if few is not None:
        for start in range(0, len(few), _BLOCK_ROWS):
            rows = few[start : start + _BLOCK_ROWS]
            yield _Block(decoded(vectors[rows]), rows=rows)
        return
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = decoded(vectors[start : start + _BLOCK_ROWS])
        forbidden = None
        if allowed is not None:
            forbidden = np.flatnonzero(~allowed[start : start + _BLOCK_ROWS])
        yield _Block(block, start=start, forbidden=forbidden)


def _products(queries: Float32s, vectors: Float32s) -> Float32s:
    """Inner products, shape (Q, N); of a few queries the similarities themselves."""
    if len(queries) >= _MANY_QUERIES:
        return queries @ vectors.T
    return cosine_similarities(queries, vectors)


def _select(similarities: Float32s, n_candidates: int) -> Rows:
    """Pick the columns of the largest values of each row."""
    n_queries, n = similarities.shape
    if n_candidates >= n:
        return np.tile(np.arange(n, dtype=np.int64), (n_queries, 1))
    length = math.isqrt(n // n_candidates)
    if length < _LEAST_RUN or similarities.size <= _FEW_PRODUCTS:
        chosen = np.argpartition(similarities, n - n_candidates, axis=1)
        return chosen[:, n - n_candidates :]
    # The M largest values lie in the M runs with the largest maxima, or in the
    # rest that fills no run. A run is every n_runs-th column: maxima over such
    # runs are computed for many runs at once.
    n_runs = n // length
    head = similarities[:, : n_runs * length].reshape(n_queries, length, n_runs)
    maxima = head.max(axis=1)
    runs = np.argpartition(maxima, n_runs - n_candidates, axis=1)
    runs = runs[:, n_runs - n_candidates :]
    offsets = n_runs * np.arange(length)
    columns = (runs[:, :, np.newaxis] + offsets).reshape(n_queries, -1)
    if n_runs * length < n:
        rest = np.arange(n_runs * length, n)
        rest = np.broadcast_to(rest, (n_queries, len(rest)))
        columns = np.concatenate([columns, rest], axis=1)
    few = take_columns(similarities, columns)
    chosen = np.argpartition(few, few.shape[1] - n_candidates, axis=1)
    chosen = chosen[:, few.shape[1] - n_candidates :]
    return take_columns(columns, chosen)
