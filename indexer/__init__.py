"""A verified, crash-safe vector index: vectors, ids and columns in a folder.

Start with `VectorIndex`, or with `open_store` for one on a server; ``docs/reference/vector-index.md`` explains the files on disk and what
is guaranteed about them. Nothing heavy is imported before it is needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from indexer.errors import (
    IndexBusyError,
    IndexDamagedError,
    IndexerError,
    IndexHistoryError,
    IndexMismatchError,
    IndexNotFoundError,
    IndexReadError,
    IndexWriteError,
)

if TYPE_CHECKING:
    from indexer.changes.change import Change
    from indexer.files.problems import Problem, VerifyReport
    from indexer.index import VectorIndex
    from indexer.result import Batch, SearchResult
    from indexer.store import VectorStore, build_store, open_store

__all__ = [
    "Batch",
    "Change",
    "IndexBusyError",
    "IndexDamagedError",
    "IndexHistoryError",
    "IndexMismatchError",
    "IndexNotFoundError",
    "IndexReadError",
    "IndexWriteError",
    "IndexerError",
    "Problem",
    "SearchResult",
    "VectorIndex",
    "VectorStore",
    "VerifyReport",
    "build_store",
    "open_store",
]

_HOMES = {
    "Batch": "indexer.result",
    "Change": "indexer.changes.change",
    "Problem": "indexer.files.problems",
    "SearchResult": "indexer.result",
    "VectorIndex": "indexer.index",
    "VectorStore": "indexer.store",
    "VerifyReport": "indexer.files.problems",
    "build_store": "indexer.store",
    "open_store": "indexer.store",
}


def __getattr__(name: str) -> Any:
    """Import a public class when it is first asked for."""
    if name not in _HOMES:
        message = f"module 'indexer' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names without importing their homes."""
    return list(__all__)
