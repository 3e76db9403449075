"""Vorbis comments, the tags of FLAC and Ogg files (Vorbis, Opus, Speex, FLAC in Ogg).

tinytag loses all pictures of a file where one has a type that nobody has
defined, knows no ``COVERART``, and compares repeated values with all before
them, so that a comment of a megabyte takes minutes. This reader takes the
bounds from `covers.images.audio.raw_tags` instead.

References
----------
.. [1] Xiph.Org Foundation. "Ogg Vorbis I format specification: comment field
   and header specification".
.. [2] RFC 9639: Free Lossless Audio Codec (FLAC), sec. 8. RFC 3533: the Ogg
   encapsulation format.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
from typing import TYPE_CHECKING

from covers.images.audio.picture_start import find_start
from covers.images.audio.raw_tags import RawTags
from covers.images.formats import find_format
from covers.workspace.disk.text_encodings import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_FRONT = 3
_FULL_BLOCK = 2**24
"""Bytes from which on a block of FLAC cannot say how long it is."""
_CUE_HEAD = 396
"""Bytes of a cue sheet block up to the number of its tracks."""
_MAX_COMMENTS = 10_000
_MAX_BLOCKS = 1000
_MAX_PACKET = 64 * 2**20
_MAX_PICTURE = 64 * 2**20
_FIELDS = {
    "date": "year",
    "artists": "artist",
    "author": "artist",
    "album artist": "albumartist",
    "album_artist": "albumartist",
    "discnumber": "disc",
}
_OF_ADDRESSES = bytes.maketrans(b"-_", b"+/")
"""From the letters of base64 in web addresses to the usual ones."""
_CUT_SHORT = "tags cannot be read: file truncated or damaged"
_DAMAGED = "a picture in it is truncated or damaged"


def read_vorbis(file: BinaryIO) -> RawTags | None:
    """Read a FLAC or Ogg file; None of another file."""
    file.seek(0)
    head = file.read(4)
    tags = RawTags()
    try:
        if head == b"fLaC":
            _read_flac(file, tags)
        elif head == b"OggS":
            file.seek(0)
            _read_ogg(file, tags)
        else:
            return None
    except (struct.error, EOFError):
        tags.problems.append(_CUT_SHORT)
    return tags


def _read_flac(file: BinaryIO, tags: RawTags) -> None:
    """Read the metadata blocks of a FLAC file."""
    for _ in range(_MAX_BLOCKS):
        head = _take(file, 4)
        start, size = file.tell(), int.from_bytes(head[1:])
        kind = head[0] & 0x7F
        if kind == 4:
            _read_comments(file, tags)
            size = max(size, file.tell() - start)
        elif kind == 5:
            tags.n_tracks = _count_tracks(file.read(min(size, _CUE_HEAD)))
        elif kind == 6:
            n_before = len(tags.pictures)
            _try_picture(file, tags)
            taken = file.tell() - start
            if taken >= _FULL_BLOCK:
                size = taken
            elif taken > size or len(tags.pictures) == n_before:
                del tags.pictures[n_before:]
                file.seek(start)
                _rescue_picture(file.read(size), tags)
        file.seek(start + size)
        if head[0] & 0x80:
            return


def _count_tracks(block: bytes) -> int | None:
    """Return the tracks that a block with a cue sheet counts; the end of the disc is none."""
    return max(0, block[_CUE_HEAD - 1] - 1) or None if len(block) == _CUE_HEAD else None


def _read_ogg(file: BinaryIO, tags: RawTags) -> None:
    """Read the comments of the first stream, and its pictures where it is FLAC."""
    packets = _read_packets(file)
    first = next(packets, b"")
    if first.startswith(b"\x7fFLAC"):
        for packet in packets:
            block = io.BytesIO(packet[4:])
            if packet and packet[0] & 0x7F == 4:
                _read_comments(block, tags)
            elif packet and packet[0] & 0x7F == 6:
                _try_picture(block, tags)
            if not packet or packet[0] & 0x80:
                return
        return
    second = next(packets, None)
    if second is None:
        raise EOFError
    start = next(
        (len(mark) for mark in (b"\x03vorbis", b"OpusTags") if second.startswith(mark)),
        0,
    )
    _read_comments(io.BytesIO(second[start:]), tags)


def _read_packets(file: BinaryIO) -> Iterator[bytes]:
    """Yield the first packets of the first stream of an Ogg file."""
    stream, packet = None, bytearray()
    for _ in range(_MAX_PACKET // 255):
        head = file.read(27)
        if len(head) < 27 or not head.startswith(b"OggS"):
            return
        sizes = file.read(head[26])
        body = file.read(sum(sizes))
        stream = head[14:18] if stream is None else stream
        if head[14:18] != stream:
            continue
        offset = 0
        for size in sizes:
            packet += body[offset : offset + size]
            offset += size
            if size < 255:
                yield bytes(packet)
                packet.clear()
        if len(packet) > _MAX_PACKET:
            return


def _read_comments(block: BinaryIO, tags: RawTags) -> None:
    """Read comments: a count, then texts such as ``GENRE=Jazz``."""
    block.seek(_read_number(block, "<I"), io.SEEK_CUR)  # who wrote them
    for _ in range(min(_read_number(block, "<I"), _MAX_COMMENTS)):
        text = _take(block, _read_number(block, "<I"))
        name, equals, value = text.partition(b"=")
        key = name.decode("utf-8", "replace").lower().strip()
        if not equals:
            continue
        if key in {"metadata_block_picture", "coverart"}:
            _read_base64(value, tags, is_block=key != "coverart")
        else:
            values = decode_text(value[: 2**16].rstrip(b"\0")).split("\0")
            tags.add(_FIELDS.get(key, key), values)


def _read_base64(value: bytes, tags: RawTags, *, is_block: bool) -> None:
    """Read a picture that is written as text: as a block, or bare, whatever its name says."""
    if value[:5].lower() == b"data:":
        value = value.partition(b",")[2]
    try:
        data = base64.b64decode(value.translate(_OF_ADDRESSES) + b"==")
    except binascii.Error:
        tags.problems.append(_DAMAGED)
        return
    if find_format(data[:256]) is None and (is_block or data[:3] == bytes(3)):
        _try_picture(io.BytesIO(data), tags)
    else:
        tags.add_picture(_FRONT, data)


def _try_picture(block: BinaryIO, tags: RawTags) -> None:
    """Read a picture block; note it where it is damaged, and stay where it begins."""
    start = block.tell()
    try:
        _read_picture(block, tags)
    except (struct.error, EOFError):
        tags.problems.append(_DAMAGED)
        block.seek(start)


def _rescue_picture(block: bytes, tags: RawTags) -> None:
    """Take the picture in a whole block whose lengths are wrong, if one begins in it."""
    start = find_start(block, 4)
    if start is None:
        if _DAMAGED not in tags.problems:
            tags.problems.append(_DAMAGED)
        return
    tags.problems[:] = [problem for problem in tags.problems if problem != _DAMAGED]
    tags.add_picture(int.from_bytes(block[:4]), block[start:])


def _read_picture(block: BinaryIO, tags: RawTags) -> None:
    """Read a picture block: type, MIME type, description, four measures, bytes."""
    kind = _read_number(block, ">I")
    for skipped in (0, 16):
        block.seek(_read_number(block, ">I") + skipped, io.SEEK_CUR)
    data = _take(block, _read_number(block, ">I"))
    if not data:
        raise EOFError
    tags.add_picture(kind, data)


def _read_number(block: BinaryIO, spelling: str) -> int:
    """Read a number of four bytes."""
    return int(struct.unpack(spelling, block.read(4))[0])


def _take(block: BinaryIO, size: int) -> bytes:
    """Read so many bytes.

    Raises
    ------
    EOFError
        If there are fewer.
    """
    data = block.read(min(size, _MAX_PICTURE))
    if len(data) < size:
        raise EOFError
    return data
