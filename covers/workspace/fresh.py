"""Values read from files, kept until one of the files is published anew."""

from __future__ import annotations

from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Value = TypeVar("Value")
Version = tuple[tuple[int, int, int], ...]


def version_of(paths: Sequence[Path]) -> Version:
    """Return what changes whenever one of some files is published anew: time, size and number."""
    found = []
    for path in paths:
        try:
            status = path.stat()
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        except OSError:
            found.append((0, 0, 0))
    return tuple(found)


class FreshValues:
    """Values by name, each read again when its files have changed; threads may share it."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Version, Any]] = {}
        self._locks: dict[str, RLock] = {}
        self._guard = Lock()

    def get(self, name: str, files: Sequence[Path], read: Callable[[], Value]) -> Value:
        """Return a value, read anew if one of `files` has changed since.

        Parameters
        ----------
        name : str
            What it is kept under.
        files : sequence of Path
            Those it is read from; they need not exist.
        read : callable
            Reads it; what it raises is not kept.
        """
        with self._guard:
            lock = self._locks.setdefault(name, RLock())
        with lock:
            version = version_of(files)
            kept = self._values.get(name)
            if kept is not None and kept[0] == version:
                value: Value = kept[1]
                return value
            value = read()
            self._values[name] = (version, value)
            return value
