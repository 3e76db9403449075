"""The only module that writes: new files with checksums, durable renames.

Everything that can fail for want of space goes through `write_bytes`,
`make_durable`, `make_folder` and `swap`, so that a test can make each of them
fail.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

from indexer.errors import IndexWriteError
from indexer.files.manifest import FileEntry

__all__ = [
    "HashedFile",
    "make_durable",
    "make_folder",
    "swap",
    "translate_write_errors",
    "write_bytes",
    "write_text",
]

_BUFFER_BYTES = 1 << 20


def write_bytes(file: BinaryIO, data: Any) -> None:
    """Write all of `data` to an unbuffered file."""
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]


def make_durable(path: Path) -> None:
    """Ask the disk to keep a file or the entries of a folder (``fsync``)."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a folder; its renames are journalled
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Create one folder."""
    path.mkdir()


def swap(source: Path, target: Path) -> None:
    """Rename `source` to `target` in one step."""
    source.replace(target)


def write_text(path: Path, text: str) -> None:
    """Write a small text file durably; what lay there is removed, not written to.

    A link in its place would lead the writing to another file.
    """
    path.unlink(missing_ok=True)
    with path.open("xb", buffering=0) as file:
        write_bytes(file, text.encode())
    make_durable(path)


@contextmanager
def translate_write_errors(folder: Path) -> Iterator[None]:
    """Turn an `OSError` of a write into an `IndexWriteError` that says what holds."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.filename is not None:
            reason += f" ({error.filename!r})"
        message = (
            f"cannot write to index {str(folder)!r}: {reason}; what was published "
            f"before is whole, make room or correct the rights and run again"
        )
        raise IndexWriteError(message) from error


class HashedFile:
    """A new file whose bytes are counted and hashed on their way to the disk.

    Parameters
    ----------
    path : Path
        Where to write; must not exist.
    name : str
        The path that the manifest will name, relative to the index.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._digest = hashlib.sha256()
        self._n_bytes = 0
        self._mtime_ns: int | None = None
        self._buffer = bytearray()
        self._file: Any = path.open("xb", buffering=0)

    @property
    def closed(self) -> bool:
        """Whether the file takes no more bytes."""
        return bool(self._file.closed)

    @property
    def entry(self) -> FileEntry:
        """Name, size, checksum and, once closed, time of what was written."""
        return FileEntry(
            self._name, self._n_bytes, self._digest.hexdigest(), self._mtime_ns
        )

    def write(self, data: Any) -> int:
        """Take bytes; large ones go to the disk at once."""
        view = memoryview(data).cast("B")
        self._digest.update(view)
        self._n_bytes += len(view)
        if len(self._buffer) + len(view) > _BUFFER_BYTES:
            self.flush()
        if len(view) > _BUFFER_BYTES:
            write_bytes(self._file, view)
        else:
            self._buffer += view
        return len(view)

    def tell(self) -> int:
        """Count the bytes taken so far."""
        return self._n_bytes

    def flush(self) -> None:
        """Hand the buffered bytes to the system."""
        pending, self._buffer = self._buffer, bytearray()
        if pending:
            write_bytes(self._file, pending)

    def close(self) -> None:
        """Close without promising that the bytes are on the disk."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.flush()
                make_durable(self._path)
        finally:
            self._file.close()
        if kind is None:
            self._mtime_ns = self._path.stat().st_mtime_ns
