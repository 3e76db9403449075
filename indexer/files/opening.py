"""Opening files of an index: regular files inside its folder, no link followed.

The folder itself is what its user named, and may lie behind links. What is in
it may come from a stranger: a link could lead to any file of this machine, and
a pipe keeps whoever opens it waiting.
"""

import errno
import hashlib
import json
import mmap
import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from indexer.errors import IndexDamagedError, IndexReadError
from indexer.files.manifest import FileEntry

__all__ = [
    "MappedFile",
    "is_real_file",
    "is_real_folder",
    "open_inside",
    "parse_json",
    "read_small",
    "translate_read_errors",
]

# A pipe is opened without waiting for its other end; then it is no regular file.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _FLAGS
_SCATTERED = getattr(mmap, "MADV_RANDOM", None)
_HAS_DIR_FD = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


def is_real_folder(path: Path) -> bool:
    """Whether a folder lies there itself, not a link to one."""
    with suppress(OSError):
        return stat.S_ISDIR(path.lstat().st_mode)
    return False


def is_real_file(path: Path) -> bool:
    """Whether a regular file lies there itself, in a folder that is no link."""
    with suppress(OSError):
        return is_real_folder(path.parent) and stat.S_ISREG(path.lstat().st_mode)
    return False


class _Translating:
    """The context that `translate_read_errors` returns; a generator would take longer."""

    __slots__ = ("_folder", "_path")

    def __init__(self, folder: Path, path: str) -> None:
        self._folder, self._path = folder, path

    def __enter__(self) -> None:
        """Do nothing yet."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Translate an error."""
        if isinstance(error, OSError):
            _raise_translated(error, self._folder, self._path)


def translate_read_errors(folder: Path, path: str = "") -> _Translating:
    """Return a context that turns an `OSError` of a read, but for what is missing, into `IndexReadError`."""
    return _Translating(folder, path)


def _raise_translated(error: OSError, folder: Path, path: str) -> None:
    """Raise what `translate_read_errors` makes of an error, if it makes anything of it."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return
    message = (
        f"cannot read {str(folder / path)!r}: {error.strerror or error}; nothing is "
        f"lost by that: let this user read the folder and its files, and run again"
    )
    raise IndexReadError(message) from error


class _Opened:
    """An open file of the index; see `open_inside`."""

    __slots__ = ("_descriptor", "_folder", "_path")

    def __init__(self, folder: Path, path: str) -> None:
        self._folder, self._path = folder, path

    def __enter__(self) -> int:
        """Open the file."""
        folder, path = self._folder, self._path
        try:
            self._descriptor = _open(folder, path)
        except OSError as error:
            _refuse_link(folder, path)
            if error.errno == errno.ENXIO:  # a socket
                _refuse_other(folder, path)
            _raise_translated(error, folder, path)
            raise
        try:
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                _refuse_other(folder, path)
        except BaseException:
            os.close(self._descriptor)
            raise
        return self._descriptor

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        os.close(self._descriptor)
        if isinstance(error, OSError):
            _raise_translated(error, self._folder, self._path)


def open_inside(folder: Path, path: str) -> _Opened:
    """Open a file of the index for reading, as a context that yields its descriptor.

    Parameters
    ----------
    folder : Path
        The index; may be a link or lie behind one.
    path : str
        A name in it, or of a folder in it and a name: of the forms of
        `indexer.files.names`.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If it is not there.
    IndexReadError
        If it or its folder is a link, or the system refuses to read it.
    IndexDamagedError
        If it is no regular file.
    """
    return _Opened(folder, path)


def read_small(folder: Path, path: str, most: int) -> bytes:
    """Read a whole file of the index that has no reason to be large.

    Raises
    ------
    IndexDamagedError
        If it is larger than `most` bytes, or no regular file; see also
        `open_inside`.
    """
    with open_inside(folder, path) as descriptor:
        n_bytes = os.fstat(descriptor).st_size
        if n_bytes > most:
            message = (
                f"{path!r} of index {str(folder)!r} is damaged: it has {n_bytes} bytes, "
                f"at most {most} are written; {_repair(folder)}"
            )
            raise IndexDamagedError(message)
        parts = []
        while n_bytes > 0 and (part := os.read(descriptor, n_bytes)):
            parts.append(part)
            n_bytes -= len(part)
        return b"".join(parts)


def parse_json(data: bytes | str) -> Any:
    """Parse JSON of a stranger; whatever is wrong with it is a `ValueError`."""
    try:
        return json.loads(data)
    except RecursionError as error:
        message = "it is nested too deep"
        raise ValueError(message) from error


class MappedFile:
    """A file of the index, mapped into memory and never parsed as a whole.

    Parameters
    ----------
    folder : Path
    entry : FileEntry
        The size is checked at once, the checksum on demand.

    Attributes
    ----------
    is_untouched : bool
        Whether its time of modification is the one at which it was made; also
        no for a copy that did not keep the time.

    Raises
    ------
    IndexDamagedError
        If the file is missing, no regular file, or has another size.
    IndexReadError
        If the system refuses to read it, or it is a link.
    """

    def __init__(self, folder: Path, entry: FileEntry) -> None:
        self.entry = entry
        self._is_scattered = False
        try:
            with open_inside(folder, entry.path) as descriptor:
                found = os.fstat(descriptor)
                if found.st_size != entry.n_bytes:
                    message = (
                        f"index {str(folder)!r} is damaged: {entry.path!r} has "
                        f"{found.st_size} bytes instead of {entry.n_bytes}; "
                        f"{_repair(folder)}"
                    )
                    raise IndexDamagedError(message)
                self.is_untouched = found.st_mtime_ns == entry.mtime_ns
                self.data = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        except (FileNotFoundError, NotADirectoryError) as error:
            message = (
                f"index {str(folder)!r} is damaged: {entry.path!r} is missing; "
                f"{_repair(folder)}"
            )
            raise IndexDamagedError(message) from error

    def expect(self, *, is_scattered: bool) -> None:
        """Tell the system how it will be read: single pages, or a large part of it.

        The system reads 32 pages for each that is asked for, unless it knows that
        the others are not needed.
        """
        if is_scattered != self._is_scattered and _SCATTERED is not None:
            advice = _SCATTERED if is_scattered else mmap.MADV_NORMAL
            with suppress(OSError):  # advice, no more
                self.data.madvise(advice)
        self._is_scattered = is_scattered

    def is_whole(self) -> bool:
        """Compare the bytes with the checksum of the manifest."""
        self.expect(is_scattered=False)
        return hashlib.sha256(self.data).hexdigest() == self.entry.sha256


def _open(folder: Path, path: str) -> int:
    """Open without following the last two names, as far as the system can."""
    parent, _, name = path.rpartition("/")
    if not _HAS_DIR_FD:
        _refuse_link(folder, path)
        return os.open(folder / path, _FLAGS)
    if not parent:
        return os.open(folder / name, _FLAGS)
    inner = os.open(folder / parent, _FOLDER_FLAGS)
    try:
        return os.open(name, _FLAGS, dir_fd=inner)
    finally:
        os.close(inner)


def _refuse_link(folder: Path, path: str) -> None:
    parent, _, _ = path.rpartition("/")
    for part in filter(None, (parent, path)):
        if (folder / part).is_symlink():
            message = (
                f"{part!r} of index {str(folder)!r} is a link, which is not followed; "
                f"nothing is lost by that: put what it leads to in its place"
            )
            raise IndexReadError(message)


def _refuse_other(folder: Path, path: str) -> None:
    message = (
        f"{path!r} of index {str(folder)!r} is damaged: it is no regular file; "
        f"{_repair(folder)}"
    )
    raise IndexDamagedError(message)


def _repair(folder: Path) -> str:
    return f"run 'python -m indexer verify {folder} --repair'"
