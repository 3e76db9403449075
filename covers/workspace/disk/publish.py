"""Publishing a file: readers see the old whole or the new whole, whenever the power goes."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import get_ident
from typing import IO, TYPE_CHECKING, Any

from covers.errors import DataError
from covers.workspace.disk.leftovers import whose
from covers.workspace.disk.strangers import refuse_link

if TYPE_CHECKING:
    from collections.abc import Iterator

_DISK_ERRORS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
}


_DRAFT_OF = re.compile(r"([^/\\]+)[/\\]\.draft-[^/\\]+[/\\]\1")
"""A folder, the draft of an artefact in it, and in that the same folder again."""


@contextmanager
def translate_disk_errors(path: Path) -> Iterator[None]:
    """Say in one line that a disk is full, or that a place cannot be written.

    Raises
    ------
    DataError
        Instead of an `OSError` of that kind.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        shown = _DRAFT_OF.sub(r"\1", str(path))
        message = (
            f"cannot write '{shown}' ({error.strerror}): make room or mend its permissions "
            "and run the same command again; what is there stays as it was"
        )
        raise DataError(message) from error


@contextmanager
def publish(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Write a file so that readers see the old whole or the new whole.

    The bytes go to a temporary file in the same folder, are flushed to disk
    and renamed over `path`; on any error the old file stays and the temporary
    one is removed.

    Parameters
    ----------
    path : Path
        The file to publish; its folder is made when missing.
    mode : {"w", "wb"}, default="w"
        Text (UTF-8) or bytes.

    Raises
    ------
    DataError
        If the disk is full or may not be written.
    """
    with translate_disk_errors(path), _published(path, mode) as file:
        yield file


@contextmanager
def _published(path: Path, mode: str) -> Iterator[IO[Any]]:
    """Publish a file; see `publish`."""
    refuse_link(path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}.{whose()}", suffix=".tmp"
    )
    temporary = Path(name)
    try:
        encoding = None if "b" in mode else "utf-8"
        with os.fdopen(
            handle, mode, encoding=encoding, newline=None if "b" in mode else ""
        ) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def publish_unflushed(path: Path, content: bytes) -> None:
    """Publish one of very many small files, leaving out what takes longest.

    Readers see the old whole or the new whole, but nothing is flushed: the
    caller does that for all at once (``os.sync``) before anything relies on them.
    """
    _refuse_link_once(path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = f"{path.parent}{os.sep}.{path.name}.{whose()}{get_ident()}.tmp"
    try:
        with open(temporary, "wb") as file:  # noqa: PTH123  strings, 100,000 times
            file.write(content)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@lru_cache(4096)
def _refuse_link_once(folder: Path) -> None:
    refuse_link(folder)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
