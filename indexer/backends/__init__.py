"""Structures that find candidates; `StructureBackend` is what each must do."""

from typing import Any

from indexer.backends.base import StructureBackend

__all__ = ["StructureBackend", "load_backend"]


def load_backend(data: Any) -> StructureBackend:
    """Open a structure from its mapped bytes, whose checksum was compared."""
    from indexer.backends.faiss import FaissStructure

    return FaissStructure.from_bytes(data)
