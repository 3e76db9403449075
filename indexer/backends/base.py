"""What a structure over one segment must do; see `indexer.backends.faiss`."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["StructureBackend"]


class StructureBackend(Protocol):
    """Finds rows that are probably near; knows nothing of ids or tombstones."""

    @property
    def effort_names(self) -> tuple[str, ...]:
        """What can be raised to find more: ``nprobe``, ``efSearch`` or nothing."""

    @property
    def n_lists(self) -> int:
        """Number of inverted lists; 0 without any."""

    def search(
        self,
        queries: npt.NDArray[np.float32],
        n_candidates: int,
        *,
        effort: Mapping[str, int],
        allowed: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.int64]:
        """Propose rows, shape (Q, n_candidates), ``-1`` where none was found."""

    def write(self, file: Any) -> None:
        """Write the structure to an open binary file."""
