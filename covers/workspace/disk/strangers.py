"""Guards against a workspace from a stranger that leads to other files or blocks the reader.

A workspace may be read through a link, as when a person has moved a folder of it
to another disk. Nothing is written, removed or shown through one.
"""

from __future__ import annotations

import io
import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from covers.errors import DataError
from indexer.files.opening import parse_json

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

__all__ = [
    "is_plain_file",
    "is_plain_name",
    "is_whole_number",
    "open_regular",
    "parse_json",
    "read_text",
    "read_thumbnail_file",
    "refuse_link",
    "refuse_linked_lock",
    "refuse_no_thumbnail",
    "unlink_link",
]

_PLAIN = re.compile(r"[0-9A-Za-z_-]{1,128}")
_CONFIG = "covers.toml"
_DEEPEST = 7
_STEP = 1 << 20
_LARGEST_THUMBNAIL_PX = 2048
LARGEST_THUMBNAIL = 1 << 20
MOST_BYTES = 512 * 2**20
"""Bytes of the largest document or table of text that is read."""


def is_plain_name(name: object) -> bool:
    """Say whether a name, such as a cover id, can be part of a path without leading anywhere."""
    return isinstance(name, str) and _PLAIN.fullmatch(name) is not None


def is_plain_file(path: Path) -> bool:
    """Say whether a regular file lies there itself, in a folder that is no link."""
    with suppress(OSError, ValueError):
        return (
            stat.S_ISREG(path.lstat().st_mode)
            and not path.parent.is_symlink()
            and not path.parent.parent.is_symlink()
        )
    return False


def read_thumbnail_file(path: Path) -> bytes:
    """Return a thumbnail that has a file of its own in the workspace.

    Raises
    ------
    OSError
        If it is missing or something else, such as a link to any file of this machine.
    """
    if not is_plain_file(path):
        message = "no file of this workspace"
        raise OSError(message)
    content = read_bounded(path, LARGEST_THUMBNAIL)
    refuse_no_thumbnail(content)
    return content


def refuse_no_thumbnail(content: bytes) -> None:
    """Refuse what is no JPEG of at most a MiB and 2,048 pixels; it is not decoded.

    Raises
    ------
    OSError
        Says what is wrong.
    """
    from PIL import Image

    if len(content) > LARGEST_THUMBNAIL:
        message = "too large for a thumbnail: more than 1 MiB"
        raise OSError(message)
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            size = image.size
    except Image.DecompressionBombError as error:
        raise OSError(str(error)) from error
    if max(size) > _LARGEST_THUMBNAIL_PX:
        message = f"too large for a thumbnail: {size}"
        raise OSError(message)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; a pipe would keep whoever opens it waiting.

    Raises
    ------
    OSError
        If it is missing, may not be read, or is something else.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        message = "it is not a regular file"
        raise OSError(message)
    return os.fdopen(descriptor, "rb")


def read_bounded(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a file whole, unless it is too large to be what it should be; see `open_regular`.

    Raises
    ------
    OSError
        If it has more than `most` bytes, as a file of nothing but a hole may.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        # Python takes at once as much memory as it is asked to read.
        content = file.read(size + 1) if size <= most else b""
        while size < len(content) <= most and (more := file.read(_STEP)):
            content += more  # it grows, or does not tell its size
    if max(size, len(content)) > most:
        message = f"it is larger than {most >> 20:,} MiB"
        raise OSError(message)
    return content


def read_text(path: Path) -> str:
    """Read a text file in UTF-8; see `read_bounded`."""
    return read_bounded(path).decode("utf-8")


def refuse_link(folder: Path) -> None:
    """Refuse to write or remove in a folder that a workspace reaches through a link.

    The workspace itself may be a link or lie behind one: its owner named it.

    Raises
    ------
    DataError
        Naming the link.
    """
    links = []
    for _ in range(_DEEPEST):
        if (folder / _CONFIG).is_file():
            break
        if folder.is_symlink():
            links.append(folder)
        folder = folder.parent
    else:
        return
    for link in links:
        message = f"'{link}' is a link in a workspace, and nothing is written through it: put the folder that it leads to in its place"
        raise DataError(message)


def refuse_linked_lock(path: Path) -> None:
    """Refuse to lock by a link: locking may empty the file that it leads to.

    Raises
    ------
    DataError
        Naming it.
    """
    if path.is_symlink():
        message = f"'{path}' is a link and no lock file of this program: remove it and run again"
        raise DataError(message)


def unlink_link(path: Path) -> None:
    """Remove a link in the place of a file that is to be written in place."""
    if path.is_symlink():
        path.unlink()


def is_whole_number(value: Any, low: int, high: int) -> bool:
    """Say whether a value is a whole number within bounds."""
    return type(value) is int and low <= value <= high
