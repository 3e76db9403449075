"""Checks and normalisation of vectors, and the one definition of similarity.

Letters of shapes: Q queries, M candidates, N vectors, D dimensions.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.errors import IndexMismatchError

__all__ = [
    "INT8_PEAK",
    "STORES",
    "as_matrix",
    "cosine_similarities",
    "decoded",
    "encoded",
    "iterate_unit_rows",
    "refuse_unusable_vectors",
    "score_rows",
    "unit_queries",
    "unit_rows",
]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

# How numbers may be stored, and their type on disk.
STORES = {"float32": "<f4", "float16": "<f2", "int8": "|i1"}
INT8_PEAK = 127

_BLOCK_ROWS = 16_384
# Copied and scored together; small enough to stay in a processor's cache.
_SCORED_NUMBERS = 1 << 18
_UNIT_TOLERANCE = 1e-6
_N_SHOWN = 5


def as_matrix(
    vectors: Any, *, what: str, dimension: int | None = None
) -> npt.NDArray[Any]:
    """See `vectors` as a matrix of numbers; one vector becomes one row.

    Parameters
    ----------
    vectors : array-like, shape (N, D) or (D,)
        Any real dtype; nothing is copied when it already is an array.
    what : str
        What the rows are, for messages.
    dimension : int, optional
        The D that is expected.

    Returns
    -------
    ndarray, shape (N, D)

    Raises
    ------
    ValueError
        If it is not a matrix of real numbers, or D is zero.
    IndexMismatchError
        If D is not `dimension`.
    """
    matrix = np.asarray(vectors)
    if matrix.ndim == 1 and matrix.size:
        matrix = matrix[np.newaxis]
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        message = (
            f"{what} must be a matrix of numbers, shape (n, dimension): "
            f"got shape {matrix.shape} of {matrix.dtype}"
        )
        raise ValueError(message)
    if dimension is not None and matrix.shape[1] != dimension:
        message = (
            f"{what} have {matrix.shape[1]} dimensions, the index has {dimension}: "
            f"use the model that made the index, or build a new index"
        )
        raise IndexMismatchError(message)
    if matrix.shape[1] == 0:
        message = f"{what} have no dimensions: got shape {matrix.shape}"
        raise ValueError(message)
    return matrix


def refuse_unusable_vectors(
    vectors: npt.NDArray[Any], names: Sequence[str], *, what: str
) -> None:
    """Refuse vectors that have no direction: NaN, infinite or zero.

    Parameters
    ----------
    vectors : ndarray, shape (N, D)
    names : sequence of str
        One name per row, for the message.
    what : str
        What the rows are, for messages.

    Raises
    ------
    ValueError
        Names the first unusable rows and says how many there are.
    """
    unusable: list[int] = []
    for start in range(0, len(vectors), _BLOCK_ROWS):
        norms = _norms(vectors[start : start + _BLOCK_ROWS])
        bad = ~np.isfinite(norms) | (norms == 0)
        unusable.extend((np.flatnonzero(bad) + start).tolist())
    if unusable:
        shown = ", ".join(repr(names[row]) for row in unusable[:_N_SHOWN])
        more = ", …" if len(unusable) > _N_SHOWN else ""
        message = (
            f"{len(unusable)} of {len(vectors)} {what} are zero, NaN or infinite and "
            f"have no direction: {shown}{more}; leave them out or compute them again"
        )
        raise ValueError(message)


def unit_queries(queries: npt.NDArray[Any]) -> Float32s:
    """Scale queries to length one, or refuse those without a direction.

    Raises
    ------
    ValueError
        Names the first unusable queries by their number.
    """
    if queries.dtype == np.float32:
        off = np.vecdot(queries, queries) - 1
        # Half the tolerance of `_scale`, as these are squares; NaN is not below it.
        worst = abs(off[0]) if len(off) == 1 else np.abs(off).max(initial=0)
        if worst <= _UNIT_TOLERANCE:
            return np.ascontiguousarray(queries)
    norms = _norms(queries)
    if not ((norms > 0) & (norms < np.inf)).all():
        names = [f"query {number}" for number in range(len(queries))]
        refuse_unusable_vectors(queries, names, what="queries")
    return _scale(queries, norms)


def unit_rows(vectors: npt.NDArray[Any]) -> Float32s:
    """Scale each row to length one, as float32; rows of length one stay bit by bit.

    Parameters
    ----------
    vectors : ndarray, shape (N, D)
        Usable in the sense of `refuse_unusable_vectors`.

    Returns
    -------
    ndarray of float32, shape (N, D), C-contiguous
    """
    return _scale(vectors, _norms(vectors))


def _scale(vectors: npt.NDArray[Any], norms: npt.NDArray[np.float64]) -> Float32s:
    """Divide by the norms, except where these are one."""
    off = np.abs(norms - 1) > _UNIT_TOLERANCE
    if vectors.dtype == np.float32 and not off.any():
        return np.ascontiguousarray(vectors)
    norms[~off] = 1
    return np.ascontiguousarray(vectors / norms[:, np.newaxis], dtype=np.float32)


def iterate_unit_rows(vectors: npt.NDArray[Any]) -> Iterator[Float32s]:
    """Give `unit_rows` of `vectors` block by block, so that no second copy exists."""
    for start in range(0, len(vectors), _BLOCK_ROWS):
        yield unit_rows(vectors[start : start + _BLOCK_ROWS])


def decoded(vectors: npt.NDArray[Any]) -> Float32s:
    """Read stored vectors as float32 of length one.

    Vectors stored as float32 are given as they are. Those of float16 are scaled
    again, as rounding has changed their length by up to a thousandth; those of int8
    have been stretched, each until its largest number was 127.

    Parameters
    ----------
    vectors : ndarray of float32, float16 or int8, shape (…, D)

    Returns
    -------
    ndarray of float32, shape (…, D)
    """
    if vectors.dtype == np.float32:
        return vectors
    numbers: Float32s = vectors.astype(np.float32)
    with np.errstate(all="ignore"):  # of zero length only in a damaged file
        numbers /= np.sqrt(np.vecdot(numbers, numbers))[..., np.newaxis]
    return numbers


def encoded(vectors: npt.NDArray[Any], store: str) -> npt.NDArray[Any]:
    """Write vectors as they are stored; those that are stored so stay bit by bit.

    Parameters
    ----------
    vectors : ndarray of float32, float16 or int8, shape (N, D)
        Unit rows, or rows as they are stored.
    store : {"float32", "float16", "int8"}

    Returns
    -------
    ndarray, shape (N, D), C-contiguous
    """
    kind = np.dtype(STORES[store])
    if vectors.dtype == kind:
        return np.ascontiguousarray(vectors)
    numbers = decoded(vectors)
    if kind == np.int8:
        peaks = np.abs(numbers).max(axis=1, keepdims=True)
        numbers = np.rint(numbers * (INT8_PEAK / peaks))
    return np.ascontiguousarray(numbers, dtype=kind)


def cosine_similarities(queries: Float32s, candidates: Float32s) -> Float32s:
    """Compute the similarities that the index reports.

    Every answer, whatever structure found it, gets its number here: one dot
    product per pair over float32 vectors of length one, which does not depend
    on what else is in the batch.

    Parameters
    ----------
    queries : ndarray of float32, shape (Q, D)
    candidates : ndarray of float32, shape (Q, M, D), or (M, D) the same for all

    Returns
    -------
    ndarray of float32, shape (Q, M), in [-1, 1]
    """
    similarities: Float32s = np.vecdot(candidates, queries[:, np.newaxis])
    np.maximum(similarities, -1, out=similarities)
    return np.minimum(similarities, 1, out=similarities)


def score_rows(queries: Float32s, vectors: npt.NDArray[Any], rows: Rows) -> Float32s:
    """Give the similarity of each query to some rows of its own.

    Parameters
    ----------
    queries : ndarray of float32, shape (Q, D)
    vectors : ndarray of float32, float16 or int8, shape (N, D)
        As they are stored.
    rows : ndarray of int64, shape (Q, M)
        Negative where there is none.

    Returns
    -------
    ndarray of float32, shape (Q, M)
        ``-inf`` where there is no row.
    """
    (n_queries, n_rows), dimension = rows.shape, queries.shape[1]
    step = max(1, _SCORED_NUMBERS // max(1, n_rows * dimension))
    room = np.empty((min(step, n_queries), n_rows, dimension), dtype=vectors.dtype)
    similarities = np.empty((n_queries, n_rows), dtype=np.float32)
    for start in range(0, n_queries, step):
        some = slice(start, start + step)
        candidates = room[: len(rows[some])]
        # Into the same memory again and again: fresh pages cost more than copies.
        np.take(vectors, rows[some], axis=0, out=candidates, mode="clip")
        similarities[some] = cosine_similarities(queries[some], decoded(candidates))
    similarities[rows < 0] = -np.inf
    return similarities


def _norms(block: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Euclidean length of each row; float64 only where float32 could not hold it."""
    if block.dtype != np.float32:
        block = block.astype(np.float64, copy=False)
    with np.errstate(all="ignore"):
        squares = np.vecdot(block, block).astype(np.float64)
        doubtful = ~((squares >= 1e-20) & (squares < np.inf))
        if doubtful.any():
            rows = block[doubtful].astype(np.float64)
            peaks = np.abs(rows).max(axis=1, keepdims=True)
            scaled = rows / np.where(peaks > 0, peaks, 1)
            squares[doubtful] = (peaks[:, 0] ** 2) * (scaled**2).sum(axis=1)
    norms: npt.NDArray[np.float64] = np.sqrt(squares)
    return norms
