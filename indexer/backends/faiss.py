"""FAISS behind the small protocol of `indexer.backends.base`.

Letters of shapes: Q queries, N vectors, M candidates, D dimensions.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import faiss as _faiss
import numpy as np
import numpy.typing as npt

from indexer.backends.outline import check_outline
from indexer.errors import IndexDamagedError
from indexer.vectors import decoded

__all__ = ["FaissStructure", "n_threads", "nearest_rows", "products_at"]

faiss: Any = _faiss  # its type stubs lack most of what is used here

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_ADD_ROWS = 65_536
# Of k-means; more move the centres of lists without finding more.
_ITERATIONS = 8


class FaissStructure:
    """A FAISS index over unit vectors, searched by inner product.

    Make one with `train` or `from_bytes`. Effort is handed to each search, so
    threads may search one structure with different settings at once.
    """

    def __init__(self, index: Any, owner: Any = None) -> None:
        self._index = index
        self._owner = owner  # keeps the mapped bytes alive that `index` points into
        inner = faiss.downcast_index(index)
        self._is_transformed = isinstance(inner, faiss.IndexPreTransform)
        if self._is_transformed:
            inner = faiss.downcast_index(inner.index)
        self._inner = inner
        self._usual: tuple[tuple[Any, ...], Any] = ((), None)

    @classmethod
    def train(
        cls, key: str, vectors: npt.NDArray[Any], *, n_training: int, seed: int = 0
    ) -> Self:
        """Build the structure of factory key `key` over `vectors`.

        Parameters
        ----------
        key : str
            A FAISS factory key.
        vectors : ndarray of float32, float16 or int8, shape (N, D)
            Unit rows as they are stored; read block by block.
        n_training : int
            Rows that train quantisers; all when at least N.
        seed : int, default=0
            Chooses the training rows.

        Raises
        ------
        ValueError
            If FAISS refuses the key, or the key needs more vectors.
        """
        n, dimension = vectors.shape
        with _refuse_key(key, n):
            index = faiss.index_factory(dimension, key, faiss.METRIC_INNER_PRODUCT)
            if not index.is_trained:
                rows = np.arange(n)
                if n_training < n:
                    rng = np.random.default_rng(seed)
                    rows = np.sort(rng.choice(n, n_training, replace=False))
                _train_briefly(index)
                index.train(np.ascontiguousarray(decoded(vectors[rows])))
            _add(index, vectors)
        return cls(index)

    @classmethod
    def from_bytes(cls, data: Any, shape: tuple[int, int]) -> Self:
        """Open a structure in mapped bytes, without copying where FAISS can.

        Parameters
        ----------
        data : bytes-like
        shape : (int, int)
            N and D of the vectors that it is over.

        Raises
        ------
        IndexDamagedError
            If the bytes are not those of such a structure.
        """
        view = np.frombuffer(data, dtype=np.uint8)
        try:
            check_outline(data, shape)
            if hasattr(faiss, "ZeroCopyIOReader"):
                reader = faiss.ZeroCopyIOReader(faiss.swig_ptr(view), view.size)
                return cls(faiss.read_index(reader), owner=(view, reader))
            return cls(faiss.deserialize_index(view), owner=(view,))
        except (ValueError, RuntimeError, MemoryError) as error:
            message = f"FAISS cannot read the structure: {error}"
            raise IndexDamagedError(message) from error

    @property
    def _takes_selector(self) -> bool:
        """Whether FAISS can leave rows out; without, the caller searches exactly."""
        kinds = (
            faiss.IndexIVF,
            faiss.IndexHNSW,
            faiss.IndexScalarQuantizer,
            faiss.IndexFlat,
        )
        return isinstance(self._inner, kinds)

    @property
    def effort_names(self) -> tuple[str, ...]:
        """``nprobe`` of inverted lists, ``efSearch`` of a graph, or nothing."""
        if isinstance(self._inner, faiss.IndexIVF):
            return ("nprobe",)
        if isinstance(self._inner, faiss.IndexHNSW):
            return ("efSearch",)
        return ()

    @property
    def n_lists(self) -> int:
        """Number of inverted lists; 0 without any."""
        is_ivf = isinstance(self._inner, faiss.IndexIVF)
        return int(self._inner.nlist) if is_ivf else 0

    def search(
        self,
        queries: Float32s,
        n_candidates: int,
        *,
        effort: Mapping[str, int],
        allowed: npt.NDArray[np.bool_] | None = None,
    ) -> Rows:
        """Propose rows that are probably among the nearest.

        Parameters
        ----------
        queries : ndarray of float32, shape (Q, D)
        n_candidates : int
            M, at most N.
        effort : mapping
            ``nprobe`` or ``efSearch``.
        allowed : ndarray of bool, shape (N,), optional
            Rows that may be proposed.

        Returns
        -------
        ndarray of int64, shape (Q, M)
            ``-1`` where nothing more was found.
        """
        selector = None
        if allowed is not None:
            if not self._takes_selector:
                return np.full((len(queries), n_candidates), -1, dtype=np.int64)
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)
        parameters = self._parameters(effort, n_candidates, selector)
        _, rows = self._index.search(queries, n_candidates, params=parameters)
        found: Rows = rows
        return found

    def cell_fit(self, vectors: Float32s) -> float | None:
        """Mean similarity of vectors to the centre of the list that each belongs to.

        Parameters
        ----------
        vectors : ndarray of float32, shape (S, D)

        Returns
        -------
        float or None
            In [-1, 1]; None without inverted lists over the vectors themselves.
        """
        if self._is_transformed or not isinstance(self._inner, faiss.IndexIVF):
            return None
        quantiser = faiss.downcast_index(self._inner.quantizer)
        if quantiser.metric_type != faiss.METRIC_INNER_PRODUCT:
            return None
        products, _ = quantiser.search(np.ascontiguousarray(vectors), 1)
        return float(np.clip(products.mean(), -1, 1))

    def filled_with(self, vectors: npt.NDArray[Any], n_kept: int = 0) -> Self:
        """Copy the structure with other vectors in it, trained as it is.

        Parameters
        ----------
        vectors : ndarray of float32, float16 or int8, shape (N, D)
            Unit rows as they are stored; read block by block.
        n_kept : int, default=0
            How many of the first rows are those that it holds: all of them, or none.
        """
        # What lies in a mapped file cannot grow: a copy in memory does.
        index = faiss.deserialize_index(
            faiss.serialize_index(self._index)
            if self._owner is None
            else self._owner[0]
        )
        if n_kept != index.ntotal:
            n_kept = 0
        if not n_kept:
            index.reset()
        _add(index, vectors[n_kept:])
        return type(self)(index)

    def write(self, file: Any) -> None:
        """Write the structure to an open binary file."""
        failure: list[BaseException] = []

        def take(data: Any) -> int:
            # FAISS turns any exception into its own: keep ours to raise it below.
            if failure:
                return 0
            try:
                return int(file.write(data))
            except BaseException as error:  # noqa: BLE001
                failure.append(error)
                return 0

        try:
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(take))
        except RuntimeError:
            if not failure:
                raise
        if failure:
            raise failure[0]

    def _parameters(
        self, effort: Mapping[str, int], n_candidates: int, selector: Any
    ) -> Any:
        """Return the search parameters for FAISS, those of the last search where they are the same."""
        if selector is not None:
            return self._make_parameters(effort, n_candidates, selector)
        asked = (*effort.values(), n_candidates)
        known, parameters = self._usual
        if known != asked:
            parameters = self._make_parameters(effort, n_candidates, None)
            self._usual = asked, parameters
        return parameters

    def _make_parameters(
        self, effort: Mapping[str, int], n_candidates: int, selector: Any
    ) -> Any:
        if isinstance(self._inner, faiss.IndexIVF):
            nprobe = min(effort.get("nprobe", 1), self.n_lists)
            parameters = faiss.SearchParametersIVF(sel=selector, nprobe=nprobe)
        elif isinstance(self._inner, faiss.IndexHNSW):
            # A graph search keeps efSearch candidates, so fewer cannot be enough.
            width = max(
                min(effort.get("efSearch", 16), self._index.ntotal), n_candidates
            )
            parameters = faiss.SearchParametersHNSW(sel=selector, efSearch=width)
        elif selector is not None:
            parameters = faiss.SearchParameters(sel=selector)
        else:
            return None
        if self._is_transformed:
            return faiss.SearchParametersPreTransform(index_params=parameters)
        return parameters


def n_threads() -> int:
    """Return how many threads FAISS takes for a batch."""
    return int(faiss.omp_get_max_threads())


def nearest_rows(
    queries: Float32s, vectors: Float32s, n_candidates: int
) -> tuple[Rows, Float32s]:
    """Search vectors exactly where they lie.

    Parameters
    ----------
    queries : ndarray of float32, shape (Q, D)
    vectors : ndarray of float32, shape (N, D)
    n_candidates : int
        M, cut to N.

    Returns
    -------
    rows : ndarray of int64, shape (Q, M)
    products : ndarray of float32, shape (Q, M)
    """
    n_candidates = min(n_candidates, len(vectors))
    products, rows = faiss.knn(
        queries, vectors, n_candidates, metric=faiss.METRIC_INNER_PRODUCT
    )
    return rows, products


def products_at(queries: Float32s, vectors: Float32s, rows: Rows) -> Float32s:
    """Multiply each query with some vectors of its own, where these lie.

    Parameters
    ----------
    queries : ndarray of float32, shape (Q, D)
    vectors : ndarray of float32, shape (N, D)
    rows : ndarray of int64, shape (Q, M)
        Below N; negative where there is none.

    Returns
    -------
    ndarray of float32, shape (Q, M)
        ``-inf`` where there is no row.
    """
    n_queries, n_rows = rows.shape
    queries, vectors, rows = map(np.ascontiguousarray, (queries, vectors, rows))
    products = np.full((n_queries, n_rows), -np.inf, dtype=np.float32)
    # C++ goes where it is told to.
    if rows.size and int(rows.max()) >= len(vectors):
        message = f"row {rows.max()} is beyond {len(vectors)} vectors"
        raise ValueError(message)
    faiss.fvec_inner_products_by_idx(
        *map(faiss.swig_ptr, (products, queries, vectors, rows)),
        vectors.shape[1],
        n_queries,
        n_rows,
    )
    return products


def _add(index: Any, vectors: npt.NDArray[Any]) -> None:
    """Put stored vectors into a structure, block by block."""
    for start in range(0, len(vectors), _ADD_ROWS):
        index.add(np.ascontiguousarray(decoded(vectors[start : start + _ADD_ROWS])))


def _train_briefly(index: Any) -> None:
    """Set how long cells are trained, without FAISS's warnings about small samples."""
    inner = faiss.downcast_index(index)
    if isinstance(inner, faiss.IndexPreTransform):
        inner = faiss.downcast_index(inner.index)
    if isinstance(inner, faiss.IndexIVF):
        inner.cp.min_points_per_centroid = 1
        inner.cp.niter = _ITERATIONS
    if hasattr(inner, "pq"):
        inner.pq.cp.min_points_per_centroid = 1
        inner.pq.cp.niter = _ITERATIONS


@contextmanager
def _refuse_key(key: str, n: int) -> Iterator[None]:
    """Say in one sentence what FAISS says with a path into its sources."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).rpartition(": ")[2].strip()
        message = (
            f"FAISS cannot build structure {key!r} over {n} vectors ({reason}): "
            f"give 'auto', 'exact' or another factory key"
        )
        raise ValueError(message) from error
