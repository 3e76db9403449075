"""What a source is, and what is known of a file below it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from covers.workspace.settings import Source


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
        Time of the last change, in nanoseconds; of a file on a server, a number
        made of its ETag.
    """

    path: str
    size: int
    mtime_ns: int


def is_mounted(root: Path, source: Source) -> bool:
    """Say whether a source can be reached today; a server counts as reachable until it fails.

    An empty folder counts as not mounted: that is what a mount point looks
    like without its disk.
    """
    if "://" in source.path:
        return True
    path = root / source.path
    if source.kind == "manifest":
        return path.is_file()
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
