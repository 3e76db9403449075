"""What stores answer with: the nearest items of a search, and items as they are stored.

Letters of shapes: Q queries, k neighbours, I items, D dimensions.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Batch", "SearchResult"]

Float32s = npt.NDArray[np.float32]

SHORT = "answers are shorter than k"
"""What each note says that explains why there are fewer than k answers."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Some items of a store.

    Attributes
    ----------
    ids : ndarray of str
    vectors : ndarray of float32, shape (I, D)
        ``(I, 0)`` where they were not asked for.
    columns : pyarrow.Table
    """

    ids: npt.NDArray[np.object_]
    vectors: Float32s
    columns: pa.Table

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchResult:
    """The nearest items of each query, best first.

    Attributes
    ----------
    ids : ndarray of object, shape (Q, k)
        ``str``, or None in an empty slot.
    similarities : ndarray of float32, shape (Q, k)
        Cosine similarity in [-1, 1]; NaN in an empty slot.
    generation : int
        The generation that answered.
    notes : tuple of str
        Why an answer is shorter than k, whether it may be incomplete, and anything
        else worth knowing; empty when there is nothing to say.
    """

    ids: npt.NDArray[np.object_]
    similarities: Float32s
    generation: int
    notes: tuple[str, ...] = ()
    read_columns: Callable[[], pa.Table] = field(repr=False)

    @cached_property
    def columns(self) -> pa.Table:
        """Columns of the hits: Q x k rows, query by query; null in an empty slot."""
        return self.read_columns()

    def hits(self, query: int = 0) -> Batch:
        """Give ids and columns of what one query found, without vectors and empty slots."""
        found = self.ids[query]
        n_found = sum(one is not None for one in found)
        start = query * self.ids.shape[1]
        return Batch(
            found[:n_found],
            np.zeros((n_found, 0), dtype=np.float32),
            self.columns.slice(start, n_found),
        )
