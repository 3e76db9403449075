"""What a source is, and what is known of a file below it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SourceKind(StrEnum):
    """What a source is."""

    FOLDERS = "folders"
    MANIFEST = "manifest"
    MUSIC = "music"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file below a source's root.

    Parameters
    ----------
    path : str
        POSIX path below the root.
    size : int
        Bytes.
    mtime_ns : int
        Time of the last change, in nanoseconds.
    """

    path: str
    size: int
    mtime_ns: int
