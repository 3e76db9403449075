"""What tinytag leaves undone in music files: WMA pictures and unsynchronised ID3 tags."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ASF_MAGIC = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
_ASF_CONTENT = bytes.fromhex("40A4D0D207E3D21197F000A0C95EA850")
_ASF_EXTENSION = bytes.fromhex("B503BF5F2EA9CF118EE300C00C205365")
_ASF_LIBRARY = bytes.fromhex("941C23449894D149A1411D134E457054")
_MAX_ASF_HEADER = 64 * 2**20


def undo_unsynchronisation(path: Path) -> BinaryIO | None:
    """Return an ID3v2 tag without the zero bytes that hide false frame starts.

    Old writers put a zero after every 0xff, which tinytag leaves in pictures.

    Returns
    -------
    file or None
        None where the tag is not written that way.

    References
    ----------
    .. [1] ID3 tag version 2.4.0, "Main Structure", sec. 6.1.
    """
    with path.open("rb") as file:
        head = file.read(10)
        if len(head) < 10 or not head.startswith(b"ID3") or not head[5] & 0x80:
            return None
        body = file.read(_from_synchsafe(head[6:10]))
    if head[3] < 4:
        body = body.replace(b"\xff\0", b"\xff")
    else:
        body = b"".join(_plain_frames(body))
    size = bytes((len(body) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    flags = bytes([head[5] & 0x7F])
    return io.BytesIO(head[:5] + flags + size + body + bytes(4))


def _plain_frames(body: bytes) -> Iterator[bytes]:
    """Yield the frames of an ID3v2.4 tag, each undone by its own flags."""
    offset = 0
    while offset + 10 <= len(body) and body[offset]:
        size = _from_synchsafe(body[offset + 4 : offset + 8])
        flags = body[offset + 9]
        content = body[offset + 10 : offset + 10 + size]
        offset += 10 + size
        if flags & 0x02:
            content = content.replace(b"\xff\0", b"\xff")
        if flags & 0x01:
            content = content[4:]
        new_size = bytes((len(content) >> shift) & 0x7F for shift in (21, 14, 7, 0))
        start = offset - 10 - size
        yield body[start : start + 4] + new_size + b"\0\0" + content


def _from_synchsafe(number: bytes) -> int:
    """Read an integer of seven bits per byte."""
    value = 0
    for byte in number:
        value = value << 7 | byte & 0x7F
    return value


def read_asf_pictures(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield type number and bytes of each WM/Picture of an ASF file, none of another."""
    with path.open("rb") as file:
        head = file.read(30)
        if not head.startswith(_ASF_MAGIC) or len(head) < 30:
            return
        (size,) = struct.unpack_from("<Q", head, 16)
        body = file.read(min(size, _MAX_ASF_HEADER) - 30)
    try:
        yield from _walk_asf(body)
    except (struct.error, IndexError):
        return


def _walk_asf(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Go through the objects of an ASF header."""
    offset = 0
    while offset + 24 <= len(body):
        guid = body[offset : offset + 16]
        (size,) = struct.unpack_from("<Q", body, offset + 16)
        if size < 24:
            return
        content = body[offset + 24 : offset + size]
        if guid == _ASF_EXTENSION:
            yield from _walk_asf(content[22:])
        elif guid in (_ASF_CONTENT, _ASF_LIBRARY):
            yield from _asf_attributes(content, is_library=guid == _ASF_LIBRARY)
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
            yield value[0], value[start : start + n_bytes]
        offset = value_at + size


def _after_text(value: bytes, start: int) -> int:
    """Return where a zero-terminated UTF-16 text ends."""
    for i in range(start, len(value) - 1, 2):
        if value[i] == 0 and value[i + 1] == 0:
            return i + 2
    message = "no end of text"
    raise IndexError(message)
