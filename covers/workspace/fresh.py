"""Values read from files, kept until one of the files is published anew."""

from __future__ import annotations

from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from covers.workspace.registry import File

Value = TypeVar("Value")
Version = tuple[tuple[int, int, int], ...]


def version_of(root: Path, files: Iterable[File]) -> Version:
    """Return what changes whenever one of some files of a workspace is published anew."""
    found = []
    for file in files:
        try:
            status = file.below(root).stat()
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        except OSError:
            found.append((0, 0, 0))
    return tuple(found)


class FreshValues:
    """Values by name, each read again when its files have changed; threads may share it.

    Parameters
    ----------
    root : Path
        The workspace.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._values: dict[str, tuple[tuple[Version, object], Any]] = {}
        self._locks: dict[str, RLock] = {}
        self._guard = Lock()

    def get(
        self,
        name: str,
        files: Iterable[File],
        read: Callable[[], Value],
        *,
        also: object = None,
    ) -> Value:
        """Return a value, read anew if one of `files` has changed since.

        Parameters
        ----------
        name : str
            What it is kept under.
        files : iterable of File
            Those it is read from; they need not exist.
        read : callable
            Reads it; what it raises is not kept.
        also : optional
            What else it is read from, compared by ``==``, such as the generation of
            an index on a server.
        """
        with self._guard:
            lock = self._locks.setdefault(name, RLock())
        with lock:
            version = (version_of(self._root, files), also)
            kept = self._values.get(name)
            if kept is not None and kept[0] == version:
                value: Value = kept[1]
                return value
            value = read()
            self._values[name] = (version, value)
            return value
