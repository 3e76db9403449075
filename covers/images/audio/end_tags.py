"""Tags behind the sound: APE, ID3 with a footer, the first version of ID3, lyrics between them.

References
----------
.. [1] Hydrogenaudio Knowledgebase. "APEv2 specification".
.. [2] ID3v1, ID3v2.4.0 (structure), Lyrics3 v2.00, id3.org.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from covers.images.audio.ape_tags import read_ape
from covers.images.audio.id3 import read_id3
from covers.images.audio.raw_tags import RawTags
from covers.workspace.disk.text_encodings import decode_text

if TYPE_CHECKING:
    from typing import BinaryIO

_MAX_TAGS = 16
_ID3V1 = 128
_ID3V1_MORE = 227
_MAX_LYRICS1 = 5100
_MAX_ZEROS = 4096
_FOOTER_OF_ID3 = 10
_APE_FOOTER = 32
_TEXTS = {"title": (3, 33), "artist": (33, 63), "album": (63, 93), "year": (93, 97)}


def read_end(file: BinaryIO, start: int = 0) -> list[RawTags]:
    """Read the tags at the end of a file, the richest first.

    Parameters
    ----------
    file : BinaryIO
        A file that may hold sound and tags in any order.
    start : int, default=0
        Where the tags at its beginning end.
    """
    end = file.seek(0, io.SEEK_END)
    found: list[RawTags] = []
    oldest: list[RawTags] = []
    for _ in range(_MAX_TAGS):
        step = _take_last(file, start, end)
        if step is None:
            break
        tag, end, is_old = step
        (oldest if is_old else found).append(tag)
    return [tag for tag in (*found, *oldest) if tag != RawTags()]


def _take_last(
    file: BinaryIO, start: int, end: int
) -> tuple[RawTags, int, bool] | None:
    """Return the tag that ends here, where it begins, and whether it is of the first version."""
    place = max(start, end - _MAX_LYRICS1 - 9)
    file.seek(place)
    tail = file.read(max(0, end - place))
    if tail[-_ID3V1:].startswith(b"TAG") and len(tail) >= _ID3V1:
        has_more = tail[-_ID3V1 - _ID3V1_MORE :].startswith(b"TAG+")
        begin = end - _ID3V1 - (_ID3V1_MORE if has_more else 0)
        return _read_first_version(tail[-_ID3V1:]), begin, True
    ape = read_ape(file, end)
    if ape is not None:
        return *ape, False
    if tail[-_FOOTER_OF_ID3:].startswith(b"3DI"):
        size = 0
        for byte in tail[-4:]:
            size = size << 7 | byte & 0x7F
        begin = end - size - 2 * _FOOTER_OF_ID3
        if begin >= start:
            file.seek(begin)
            tag = read_id3(file)
            if tag is not None:
                return tag[0], begin, False
    lyrics = _length_of_lyrics(tail)
    if lyrics:
        return RawTags(), end - lyrics, True
    zeros = _count_zeros(tail)
    return (RawTags(), end - zeros, True) if zeros else None


def _count_zeros(tail: bytes) -> int:
    """Return how many zero bytes at the end belong to no tag; a tag may end in zeros, too."""
    length = len(tail.rstrip(b"\0"))
    if not 0 < len(tail) - length <= _MAX_ZEROS:
        return 0
    for mark, size in ((b"APETAGEX", _APE_FOOTER), (b"TAG", _ID3V1)):
        begin = tail.rfind(mark, max(0, length - size), length)
        if begin >= 0 and begin + size <= len(tail):
            length = max(length, begin + size)
    return len(tail) - length


def _length_of_lyrics(tail: bytes) -> int:
    """Return how many bytes at the end are lyrics."""
    digits = tail[-15:-9]
    if tail.endswith(b"LYRICS200") and digits.isdigit():
        return int(digits) + 15
    if tail.endswith(b"LYRICSEND"):
        begin = tail.rfind(b"LYRICSBEGIN")
        return len(tail) - begin if begin >= 0 else 0
    return 0


def _read_first_version(tag: bytes) -> RawTags:
    """Read the 128 bytes of the first version of ID3."""
    tags = RawTags()
    for name, (first, last) in _TEXTS.items():
        tags.add(name, [decode_text(tag[first:last].partition(b"\0")[0])])
    tags.add("genre", [f"({tag[127]})"] if tag[127] != 0xFF else [])
    return tags
