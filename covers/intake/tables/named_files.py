"""The files that a manifest names: looked at one by one in a folder, or listed by a server."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from covers.intake.tables.near_names import NearNames
from covers.workspace.remote import look_at_many
from covers.workspace.source_files import FileEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from covers.workspace.remote import AnyPath


class NamedFiles:
    """Files below a folder, by the path that a table names them by.

    Parameters
    ----------
    root : Path or RemotePath
        The folder.
    listed : mapping of str to FileEntry or OSError, optional
        What a server said of them; a folder of this machine is asked each time.

    Attributes
    ----------
    near : NearNames
        Looks for names that are spelled otherwise.
    """

    def __init__(
        self, root: AnyPath, listed: Mapping[str, FileEntry | OSError] | None = None
    ) -> None:
        self.near = NearNames(root, listed)
        self._listed = listed
        self._start = f"{root}{os.sep}"

    @classmethod
    def below(cls, root: AnyPath, paths: Iterable[str]) -> NamedFiles:
        """Ask what is needed of the files that a table names.

        Raises
        ------
        OSError, DataError
            If a server cannot be asked.
        """
        if isinstance(root, Path):
            return cls(root)
        if root.scheme.startswith("http"):
            return cls(root, dict(look_at_many(root, dict.fromkeys(paths))))
        return cls(root, {entry.path: entry for entry in root.files()})

    def look(self, path: str) -> FileEntry:
        """Return what is known of a file, without its content.

        Raises
        ------
        OSError, ValueError
            If it is not there.
        """
        if self._listed is None:
            status = os.stat(self._start + path)  # noqa: PTH116  strings, 100,000 times
            return FileEntry(path, status.st_size, status.st_mtime_ns)
        entry = self._listed.get(path)
        if entry is None or isinstance(entry, FileNotFoundError):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if isinstance(entry, OSError):
            raise entry
        return entry
