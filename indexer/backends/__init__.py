"""Structures that find candidates; `StructureBackend` is what each must do."""

from typing import Any

from indexer.backends.base import StructureBackend

__all__ = ["StructureBackend", "load_backend"]


def load_backend(data: Any, shape: tuple[int, int]) -> StructureBackend:
    """Open a structure over vectors of `shape` from its mapped bytes.

    Raises
    ------
    IndexDamagedError
        If the bytes are not those of such a structure.
    """
    from indexer.backends.faiss import FaissStructure

    return FaissStructure.from_bytes(data, shape)
