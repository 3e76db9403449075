"""What a change does to the generation before it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.files.columns import as_table
from indexer.files.manifest import StructureRequest
from indexer.ids import as_ids, refuse_repeated_ids
from indexer.vectors import as_matrix, refuse_unusable_vectors

__all__ = ["NewRows", "Plan"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NewRows:
    """Rows that a change brings: usable vectors, scaled when they are written."""

    ids: list[str]
    vectors: npt.NDArray[Any]
    columns: pa.Table

    @classmethod
    def check(
        cls,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        columns: Any = None,
        *,
        dimension: int | None = None,
    ) -> Self:
        """Check ids, vectors and columns, each and against each other.

        Raises
        ------
        ValueError, TypeError
            Names the ids, vectors or columns that cannot be used.
        IndexMismatchError
            If the vectors have not `dimension` dimensions.
        """
        matrix = as_matrix(vectors, what="the vectors", dimension=dimension)
        names = as_ids(ids)
        if len(names) != len(matrix):
            message = f"there are {len(names)} ids but {len(matrix)} vectors"
            raise ValueError(message)
        refuse_repeated_ids(names)
        refuse_unusable_vectors(matrix, names, what="vectors")
        return cls(names, matrix, as_table(columns, len(names)))


@dataclass(kw_only=True)
class Plan:
    """What a change does to the generation before it.

    Attributes
    ----------
    operation : str
    schema : pyarrow.Schema
        Columns afterwards.
    dimension : int
    dead : dict of int to ndarray of int64
        Rows that become tombstones, by the position of their segment.
    items : dict of int to pyarrow.Table
        Ids and columns that replace those of a segment, by its position.
    new : NewRows, optional
    fingerprints : dict of str to str
        All of them, afterwards.
    request : StructureRequest
    keep_generations : int
    is_fresh : bool
        Forget the content of the generation before.
    merges_all : bool
        Write everything into one segment.
    restructures : bool
        Build all structures again.
    """

    operation: str
    schema: pa.Schema
    dimension: int
    request: StructureRequest
    keep_generations: int
    fingerprints: dict[str, str]
    dead: dict[int, Rows] = field(default_factory=dict)
    items: dict[int, pa.Table] = field(default_factory=dict)
    new: NewRows | None = None
    is_fresh: bool = False
    merges_all: bool = False
    restructures: bool = False
