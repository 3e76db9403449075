"""APE tags, at the end or the beginning of Monkey's Audio, WavPack, Musepack and other files; DSF's tag.

References
----------
.. [1] Hydrogenaudio Knowledgebase. "APEv2 specification".
.. [2] Sony Corporation. "DSF File Format Specification", version 1.01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.images.audio.id3 import read_id3
from covers.images.audio.picture_start import find_start
from covers.images.audio.raw_tags import RawTags
from covers.images.formats import find_format
from covers.workspace.disk.text_encodings import decode_text

if TYPE_CHECKING:
    from typing import BinaryIO

_FOOTER = 32
_MARK = b"APETAGEX"
_MAX_TAG = 64 * 2**20
_MAX_ITEMS = 10_000
_WRONG_SIZE = "APE tag damaged: its size cannot be"
_FIELDS = {
    "album artist": "albumartist",
    "year": "year",
    "date": "year",
    "disc": "disc",
    "discnumber": "disc",
    "media": "",
}
_PICTURES = {
    "cover art (front)": 3,
    "cover art (back)": 4,
    "cover art (other)": 0,
    "cover art (artist)": 8,
    "cover art (lead)": 7,
    "cover art (media)": 6,
    "cover art (leaflet)": 5,
    "cover art (illustration)": 18,
}


def read_ape(file: BinaryIO, end: int) -> tuple[RawTags, int] | None:
    """Read the APE tag that ends somewhere in a file; also return where it begins.

    None where no such tag ends there.
    """
    start = end - _FOOTER
    if start < 0:
        return None
    file.seek(start)
    footer = file.read(_FOOTER)
    if not footer.startswith(_MARK):
        return None
    size = int.from_bytes(footer[12:16], "little") - _FOOTER
    if not 0 <= size <= min(start, _MAX_TAG):
        return RawTags(problems=[_WRONG_SIZE]), start
    tags = _read_body(file, start - size, footer)
    begin = start - size - _FOOTER
    file.seek(max(0, begin))
    has_header = begin >= 0 and file.read(len(_MARK)) == _MARK
    return tags, begin if has_header else start - size


def read_ape_start(file: BinaryIO) -> tuple[RawTags, int] | None:
    """Read the APE tag that begins where the file stands, and how long it is; None without one."""
    start = file.tell()
    header = file.read(_FOOTER)
    if not header.startswith(_MARK) or len(header) < _FOOTER:
        return None
    size = int.from_bytes(header[12:16], "little")
    if not 0 <= size - _FOOTER <= _MAX_TAG:
        return RawTags(problems=[_WRONG_SIZE]), _FOOTER
    return _read_body(file, start + _FOOTER, header), _FOOTER + size


def _read_body(file: BinaryIO, start: int, frame: bytes) -> RawTags:
    """Read the items of a tag whose header or footer says how many there are."""
    size = int.from_bytes(frame[12:16], "little") - _FOOTER
    count = int.from_bytes(frame[16:20], "little")
    file.seek(start)
    tags = RawTags()
    _read_items(file.read(size), min(count, _MAX_ITEMS), tags)
    return tags


def read_dsf(file: BinaryIO) -> RawTags | None:
    """Read the ID3 tag that a DSF file points to; None of another file, or without one."""
    file.seek(0)
    head = file.read(28)
    at = int.from_bytes(head[20:28], "little")
    if not head.startswith(b"DSD ") or not 28 <= at < 2**62:
        return None
    file.seek(at)
    tag = read_id3(file)
    return None if tag is None else tag[0]


def _read_items(body: bytes, count: int, tags: RawTags) -> None:
    """Read the items of a tag: size, flags, name, value."""
    offset = 0
    for _ in range(count):
        size = int.from_bytes(body[offset : offset + 4], "little")
        is_text = not body[offset + 4 : offset + 5] or body[offset + 4] & 6 == 0
        name_end = body.find(b"\0", offset + 8, offset + 8 + 256)
        if name_end < 0 or name_end + 1 + size > len(body):
            tags.problems.append("APE tag damaged: an item is longer than the tag")
            return
        name = body[offset + 8 : name_end].decode("latin-1").lower()
        value = body[name_end + 1 : name_end + 1 + size]
        offset = name_end + 1 + size
        if name in _PICTURES:
            # A file name stands before the picture, though some leave it out.
            is_bare = find_format(value[:256]) is not None
            data = value if is_bare else value.partition(b"\0")[2]
            if find_format(data[:256]) is None:
                data = value[find_start(value) or len(value) - len(data) :]
            tags.add_picture(_PICTURES[name], data)
        elif is_text and _FIELDS.get(name, name):
            texts = decode_text(value[: 2**16]).split("\0")
            tags.add(_FIELDS.get(name, name), texts)
