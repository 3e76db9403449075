"""A verified, crash-safe vector index: vectors, ids and columns in a folder.

Start with `VectorIndex`; ``docs/reference/vector-index.md`` explains the files on disk and what
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
    from indexer.search import SearchResult

__all__ = [
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
    "VerifyReport",
]

_HOMES = {
    "Change": "indexer.changes.change",
    "Problem": "indexer.files.problems",
    "SearchResult": "indexer.search",
    "VectorIndex": "indexer.index",
    "VerifyReport": "indexer.files.problems",
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
