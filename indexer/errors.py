"""Everything `indexer` raises on purpose.

::

    IndexerError
    ├─ IndexNotFoundError     there is no index in the folder
    ├─ IndexDamagedError      a checksum, a count or a format is wrong
    ├─ IndexMismatchError     made by another model, metric or dimension
    ├─ IndexBusyError         another writer holds the lock
    ├─ IndexReadError         the system refuses to read a file, or it is a link
    ├─ IndexWriteError        the disk refused a write; the old state is whole
    └─ IndexHistoryError      there is no such older generation; a ValueError, too

Caller bugs (a wrong shape, ``k < 1``) are plain `ValueError` or `TypeError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "IndexBusyError",
    "IndexDamagedError",
    "IndexHistoryError",
    "IndexMismatchError",
    "IndexNotFoundError",
    "IndexReadError",
    "IndexWriteError",
    "IndexerError",
    "refuse_other_fingerprints",
]


class IndexerError(Exception):
    """Root of every error that `indexer` raises on purpose."""


class IndexNotFoundError(IndexerError):
    """The folder holds no index."""


class IndexDamagedError(IndexerError):
    """A checksum, a count or a format on disk is wrong."""


class IndexMismatchError(IndexerError):
    """The index was made by another model, metric or dimension."""


class IndexBusyError(IndexerError):
    """Another process is writing to the index."""


class IndexReadError(IndexerError):
    """A file of the index is there, but is a link or the system refuses to read it."""


class IndexWriteError(IndexerError):
    """The disk is full or refuses to be written; what was published is whole."""


class IndexHistoryError(IndexerError, ValueError):
    """There is no such older generation to go back to."""


def refuse_other_fingerprints(
    what: str, fingerprints: Mapping[str, str], expect: Mapping[str, str] | None
) -> None:
    """Refuse an index that was built with something else than is expected.

    Parameters
    ----------
    what : str
        Kind and name of the index, for the message.
    fingerprints, expect : mapping of str to str
        What it was built with, and what it should have been.

    Raises
    ------
    IndexMismatchError
        Shows both values.
    """
    for name, value in (expect or {}).items():
        actual = fingerprints.get(name)
        if actual != value:
            message = (
                f"{what} was built with {name} {actual!r}, "
                f"expected {value!r}: use what it was built with, or build it again"
            )
            raise IndexMismatchError(message)
