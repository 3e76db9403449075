"""Music files in chunks: WAV and what is like it for long recordings, AIFF, DSDIFF.

References
----------
.. [1] EBU Tech 3306: RF64. ITU-R BS.2088: BW64. Sony: "Wave 64".
.. [2] Electronic Arts: "EA IFF 85". Apple: AIFF-C. Philips: DSDIFF 1.5.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from covers.images.audio.id3 import read_id3
from covers.images.audio.raw_tags import RawTags
from covers.workspace.disk.text_encodings import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_MAX_ID3 = 64 * 2**20
_MAX_CHUNKS = 1000
_MAX_TEXT = 2**17
_UNKNOWN_SIZE = 2**32 - 1
_WAVE64 = bytes.fromhex("2E91CF11A5D628DB04C10000")
_VERSION = re.compile(rb"ID3[\2-\4]")
_SUMMARY = bytes.fromhex("BC945F925A52D21186DC00C04F8EDB8A")
_INFO = {
    "INAM": "title",
    "TITL": "title",
    "IART": "artist",
    "IPRD": "album",
    "ICRD": "year",
    "YEAR": "year",
    "IGNR": "genre",
    "GENR": "genre",
}
_TEXTS = {b"NAME": "title", b"AUTH": "artist", b"DITI": "title", b"DIAR": "artist"}


class _Layout(NamedTuple):
    """How the chunks of a file are written.

    Parameters
    ----------
    order : str
        Of the bytes of a size.
    n_name, n_size : int
        Bytes of a name and of a size.
    start : int
        Where the first chunk begins.
    align : int
        What chunks are filled up to a multiple of.
    counts_head : bool
        Whether a size counts the name and itself.
    """

    order: Literal["little", "big"] = "little"
    n_name: int = 4
    n_size: int = 4
    start: int = 12
    align: int = 2
    counts_head: bool = False


_LAYOUTS = {
    (b"RIFF", b"WAVE"): _Layout(),
    (b"RIFF", b"RMP3"): _Layout(),
    (b"RF64", b"WAVE"): _Layout(),
    (b"BW64", b"WAVE"): _Layout(),
    (b"RIFX", b"WAVE"): _Layout("big"),
    (b"FORM", b"AIFF"): _Layout("big"),
    (b"FORM", b"AIFC"): _Layout("big"),
}
_LAYOUT_OF_WAVE64 = _Layout("little", 16, 8, 40, 8, counts_head=True)
_LAYOUT_OF_DSDIFF = _Layout("big", 4, 8, 16)


class _Chunk(NamedTuple):
    """A chunk: its name, and where its content is."""

    name: bytes
    start: int
    size: int


def read_chunks(file: BinaryIO) -> RawTags | None:
    """Read a file in chunks: its ID3 tags, then its own texts; None of another file."""
    layout = _find_layout(file)
    if layout is None:
        return None
    tags, own = RawTags(), RawTags()
    for chunk in _walk(file, layout):
        if _VERSION.fullmatch(chunk.name[:4]):  # a tag that is no chunk
            file.seek(chunk.start - layout.n_name - layout.n_size)
            bare = read_id3(file)
            tags.fill(bare[0] if bare else RawTags())
            break
        file.seek(chunk.start)
        if file.read(4)[:3] == b"ID3":  # whatever the chunk is called
            file.seek(chunk.start)
            tag = read_id3(io.BytesIO(file.read(min(chunk.size, _MAX_ID3))))
            tags.fill(tag[0] if tag else RawTags())
            continue
        file.seek(chunk.start)
        if chunk.name[:4] in _TEXTS and layout.order == "big":
            text = decode_text(file.read(min(chunk.size, _MAX_TEXT)))
            own.add(_TEXTS[chunk.name[:4]], text.split("\0"))
        elif chunk.name in (b"LIST", b"list") and file.read(4) == b"INFO":
            _read_info(file.read(min(chunk.size - 4, _MAX_TEXT)), layout, own)
        elif chunk.name == _SUMMARY:
            _read_info(file.read(min(chunk.size, _MAX_TEXT))[4:], layout, own, "utf-16")
    tags.fill(own)
    return tags


def _find_layout(file: BinaryIO) -> _Layout | None:
    """Tell by its first bytes how a file is laid out."""
    file.seek(0)
    head = file.read(16)
    if head == b"riff" + _WAVE64:
        return _LAYOUT_OF_WAVE64
    if head.startswith(b"FRM8") and head[12:] == b"DSD ":
        return _LAYOUT_OF_DSDIFF
    return _LAYOUTS.get((head[:4], head[8:12]))


def _walk(file: BinaryIO, layout: _Layout) -> Iterator[_Chunk]:
    """Yield the chunks of a file, those after an odd one wherever they begin."""
    end = file.seek(0, io.SEEK_END)
    offset, size_of_sound = layout.start, 0
    for _ in range(_MAX_CHUNKS):
        chunk = _look(file, layout, offset) if offset < end else None
        if chunk is None:
            return
        size = chunk.size
        if chunk.name == b"ds64":
            size_of_sound = int.from_bytes(file.read(16)[8:], "little")
        elif size == _UNKNOWN_SIZE and chunk.name == b"data":
            size = size_of_sound or end - chunk.start
        yield chunk._replace(size=min(size, end - chunk.start))
        bare = chunk.start + size
        offset = bare + -size % layout.align
        # Some leave out the byte that makes an odd chunk even.
        if offset != bare and _fits(file, layout, bare, end):
            file.seek(bare)
            if file.read(1) != b"\0" and not _fits(file, layout, offset, end):
                offset = bare


def _look(file: BinaryIO, layout: _Layout, offset: int) -> _Chunk | None:
    """Return the chunk that begins somewhere, None where none can."""
    n_head = layout.n_name + layout.n_size
    file.seek(offset)
    head = file.read(n_head)
    size = int.from_bytes(head[layout.n_name :], layout.order)
    size -= n_head if layout.counts_head else 0
    if len(head) < n_head or size < 0:
        return None
    return _Chunk(head[: layout.n_name], offset + n_head, size)


def _fits(file: BinaryIO, layout: _Layout, offset: int, end: int) -> bool:
    """Say whether a chunk may begin here: a name in letters, and a size that can be."""
    chunk = _look(file, layout, offset) if offset < end else None
    if chunk is None or not all(32 <= byte < 127 for byte in chunk.name):
        return False
    return chunk.start + chunk.size <= end or chunk.size == _UNKNOWN_SIZE


def _read_info(
    content: bytes, layout: _Layout, tags: RawTags, encoding: str | None = None
) -> None:
    """Read a list of short texts: name, size, text."""
    offset = 0
    while offset + 8 <= len(content):
        name = content[offset : offset + 4].decode("latin-1")
        size = int.from_bytes(content[offset + 4 : offset + 8], layout.order)
        text = content[offset + 8 : offset + 8 + size]
        if name in _INFO:
            said = (
                text.decode("utf-16-le", "replace") if encoding else decode_text(text)
            )
            tags.add(_INFO[name], [said.partition("\0")[0]])
        offset += 8 + size
        is_odd = encoding is None and size % 2
        if is_odd and not content[offset : offset + 1].isalpha():
            offset += 1
