"""Parts of music files: what follows a tag, and the pictures of WMA."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_ASF_MAGIC = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
_ASF_CONTENT = bytes.fromhex("40A4D0D207E3D21197F000A0C95EA850")
_ASF_EXTENSION = bytes.fromhex("B503BF5F2EA9CF118EE300C00C205365")
_ASF_LIBRARY = bytes.fromhex("941C23449894D149A1411D134E457054")
_ASF_METADATA = bytes.fromhex("EACBF8C5AF5B77488467AA8C44FA4CCA")
_MAX_ASF_HEADER = 64 * 2**20
_MAX_ATTRIBUTES = 4096


class Tail(io.RawIOBase):
    """A file from somewhere on, as if it began there.

    Parameters
    ----------
    file : BinaryIO
        The whole file.
    start : int
        Where it is to begin.
    """

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file = file
        self._start = start
        file.seek(start)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that the position can be moved."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position; offsets count from where the music begins."""
        if whence == io.SEEK_SET:
            offset += self._start
        return self._file.seek(offset, whence) - self._start

    def tell(self) -> int:
        """Return the position, counted from where the music begins."""
        return self._file.tell() - self._start

    def read(self, size: int = -1) -> bytes:
        """Read bytes, all that are left if `size` is negative."""
        return self._file.read(size)


def refuse_many_attributes(file: BinaryIO) -> None:
    """Refuse an ASF file of so many attributes that reading them would not end.

    Raises
    ------
    ValueError
        If there are more than any player writes.
    """
    file.seek(0)
    n_attributes = 0
    for _, content in _walk_asf(_read_asf(file)):
        n_attributes += int.from_bytes(content[:2], "little")
    if n_attributes > _MAX_ATTRIBUTES:
        message = f"{n_attributes:,} attributes, the limit is {_MAX_ATTRIBUTES:,}"
        raise ValueError(message)


def read_asf_pictures(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield type number and bytes of each WM/Picture of an ASF file, none of another."""
    try:
        for guid, content in _walk_asf(_read_asf(file)):
            yield from _asf_attributes(content, is_library=guid != _ASF_CONTENT)
    except (struct.error, IndexError):
        return


def _read_asf(file: BinaryIO) -> bytes:
    """Read the header of an ASF file; empty of another."""
    head = file.read(30)
    if not head.startswith(_ASF_MAGIC) or len(head) < 30:
        return b""
    (size,) = struct.unpack_from("<Q", head, 16)
    return file.read(max(0, min(size, _MAX_ASF_HEADER) - 30))


def _walk_asf(body: bytes, *, is_inner: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Yield the objects of an ASF header that hold attributes: name and content."""
    offset = 0
    while offset + 24 <= len(body):
        guid = body[offset : offset + 16]
        (size,) = struct.unpack_from("<Q", body, offset + 16)
        if size < 24:
            return
        content = body[offset + 24 : offset + size]
        if guid == _ASF_EXTENSION and not is_inner:
            yield from _walk_asf(content[22:], is_inner=True)
        elif guid in (_ASF_CONTENT, _ASF_LIBRARY, _ASF_METADATA):
            yield guid, content
        offset += size


def _asf_attributes(content: bytes, *, is_library: bool) -> Iterator[tuple[int, bytes]]:
    """Yield the pictures among the attributes of one object."""
    (count,) = struct.unpack_from("<H", content)
    offset = 2
    for _ in range(count):
        if is_library:
            name_size, _, size = struct.unpack_from("<HHI", content, offset + 4)
            name_at = offset + 12
            value_at = name_at + name_size
        else:
            (name_size,) = struct.unpack_from("<H", content, offset)
            name_at = offset + 2
            _, size = struct.unpack_from("<HH", content, name_at + name_size)
            value_at = name_at + name_size + 4
        name = content[name_at : name_at + name_size].decode("utf-16-le", "replace")
        if name.rstrip("\0") == "WM/Picture":
            value = content[value_at : value_at + size]
            (n_bytes,) = struct.unpack_from("<I", value, 1)
            start = _after_text(value, _after_text(value, 5))
            # Some state no length, or a wrong one: the value ends with the picture.
            is_stated = 0 < n_bytes <= len(value) - start
            yield value[0], value[start : start + n_bytes if is_stated else None]
        offset = value_at + size


def _after_text(value: bytes, start: int) -> int:
    """Return where a zero-terminated UTF-16 text ends."""
    for i in range(start, len(value) - 1, 2):
        if value[i] == 0 and value[i + 1] == 0:
            return i + 2
    message = "no end of text"
    raise IndexError(message)
