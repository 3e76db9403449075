"""Tags of MP4 files (M4A, audio books), as iTunes, QuickTime and phones write them.

tinytag knows iTunes' own spelling only, names genre numbers wrongly and compares
each value with all before it. This reader also takes what QuickTime leaves out
(the version of an atom), texts in UTF-16, tags by key, and those of phones.

References
----------
.. [1] Apple Inc. "QuickTime File Format": atoms, user data, metadata.
.. [2] 3GPP TS 26.244: asset information.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from covers.images.audio.genre_numbers import NAMES
from covers.images.audio.id3 import read_id3
from covers.images.audio.raw_tags import RawTags
from covers.images.formats import find_format
from covers.workspace.disk.text_encodings import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_FIRST_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})
_MAX_ATOMS = 10_000
_MAX_TAG_BYTES = 64 * 2**20
_MAX_TEXT_BYTES = 2**16
_FRONT = 3
_FIELDS = {
    b"\xa9nam": "title",
    b"\xa9ART": "artist",
    b"\xa9alb": "album",
    b"\xa9day": "year",
    b"\xa9gen": "genre",
    b"aART": "albumartist",
    b"cpil": "compilation",
    b"disk": "disc",
    b"gnre": "genre",
}
_OF_PHONES = {
    b"titl": "title",
    b"perf": "artist",
    b"auth": "artist",
    b"albm": "album",
    b"gnre": "genre",
    b"yrrc": "year",
}
_BY_KEY = {
    "artists": "artist",
    "author": "artist",
    "album artist": "albumartist",
    "album_artist": "albumartist",
    "date": "year",
    "creationdate": "year",
    "discnumber": "disc",
}
_ENCODINGS = {2: "utf-16-be", 3: "shift_jis", 5: "utf-16-be"}
"""Of a text by its type number; UTF-8 by any other."""
_NUMBERS = frozenset({0, 21, 22})


class _Atom(NamedTuple):
    """A named part of a file, where its content is, and whether its end is missing."""

    name: bytes
    start: int
    end: int
    is_cut: bool


def read_mp4(file: BinaryIO) -> RawTags | None:
    """Read an MP4 file; None of another file."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    is_mp4 = file.read(8)[4:] in _FIRST_ATOMS
    tags = RawTags()
    top = list(_atoms(file, 0, size))
    is_mp4 |= len(top) == _MAX_ATOMS or any(atom.name == b"moov" for atom in top)
    if not is_mp4:
        return None
    for moov in top:
        if moov.is_cut and moov.name == b"moov":
            tags.problems.append("tags cannot be read: file truncated or damaged")
        if moov.name != b"moov":
            continue
        later = RawTags()
        for atom in _atoms(file, moov.start, moov.end):
            if atom.name == b"udta":
                _read_user_data(file, atom, tags, later)
            elif atom.name == b"meta":
                _read_meta(file, atom, later)
        tags.fill(later)
    return tags


def _atoms(file: BinaryIO, start: int, end: int) -> Iterator[_Atom]:
    """Yield the atoms between two offsets of a file; the last one may be cut."""
    for _ in range(_MAX_ATOMS):
        if end - start < 8:
            return
        file.seek(start)
        head = file.read(16)
        size, content = int.from_bytes(head[:4]), start + 8
        if size == 1:
            size, content = int.from_bytes(head[8:]), start + 16
        elif size == 0:
            size = end - start  # the last one, as long as the file
        if size < content - start:
            return
        last = min(start + size, end)
        yield _Atom(head[4:8], min(content, last), last, start + size > end)
        start += size


def _read(file: BinaryIO, atom: _Atom, most: int = _MAX_TAG_BYTES) -> bytes:
    """Read what an atom holds, or the first bytes of it."""
    file.seek(atom.start)
    return file.read(min(atom.end - atom.start, most))


def _read_user_data(file: BinaryIO, udta: _Atom, tags: RawTags, later: RawTags) -> None:
    """Read user data: iTunes' tags first, then QuickTime's own."""
    for atom in _atoms(file, udta.start, udta.end):
        if atom.name == b"meta":
            _read_meta(file, atom, tags)
            continue
        content = _read(file, atom, _MAX_TEXT_BYTES)
        if atom.name in _OF_PHONES and content[:4] == bytes(4):
            is_year = atom.name == b"yrrc"
            text = (
                str(int.from_bytes(content[4:6])) if is_year else _marked(content[6:])
            )
            later.add(_OF_PHONES[atom.name], [text.split("\0")[0]])
        elif atom.name in _FIELDS and atom.name[:1] == b"\xa9":
            later.add(_FIELDS[atom.name], _quicktime_texts(content))


def _read_meta(file: BinaryIO, meta: _Atom, tags: RawTags) -> None:
    """Read an atom of tags; QuickTime leaves out the four bytes of its version."""
    versions = (4, 0) if _read(file, meta, 8)[4:] != b"hdlr" else (0, 4)
    for skipped in versions:
        inner = list(_atoms(file, meta.start + skipped, meta.end))
        if any(atom.name in {b"ilst", b"ID32"} for atom in inner):
            break
    else:
        return
    keys: list[str] = []
    for atom in inner:
        if atom.name == b"keys":
            keys = list(_keys(_read(file, atom)))
        elif atom.name == b"ID32":
            tag = read_id3(io.BytesIO(_read(file, atom)[6:]))
            tags.fill(tag[0] if tag else RawTags())
    for atom in inner:
        if atom.name == b"ilst":
            content = _read(file, atom)
            if atom.is_cut or len(content) < atom.end - atom.start:
                tags.problems.append("its tags are too long or cut short")
            _read_items(content, keys, tags)


def _keys(content: bytes) -> Iterator[str]:
    """Yield the names that items are numbered by, such as ``com.apple.quicktime.title``."""
    offset = 8
    for _ in range(_MAX_ATOMS):
        size = int.from_bytes(content[offset : offset + 4])
        if size < 8 or offset + size > len(content):
            return
        name = content[offset + 8 : offset + min(size, 264)].decode("utf-8", "replace")
        yield name.removeprefix("com.apple.quicktime.").lower()
        offset += size


def _read_items(content: bytes, keys: list[str], tags: RawTags) -> None:
    """Read the items of a list of tags."""
    file = io.BytesIO(content)
    for item in _atoms(file, 0, len(content)):
        number = int.from_bytes(item.name)
        name = _FIELDS.get(item.name, "")
        if 0 < number <= len(keys):
            name = _BY_KEY.get(keys[number - 1], keys[number - 1])
        parts = list(_atoms(file, item.start, item.end))
        for part in parts:
            if part.name == b"name" and item.name == b"----":
                written = _read(file, part, 264)[4:].decode("utf-8", "replace").lower()
                name = _BY_KEY.get(written, written)
        if item.name == b"covr" and find_format(_read(file, item, 256)):
            tags.add_picture(_FRONT, _read(file, item))  # not wrapped as it should be
            continue
        for part in parts:
            if part.name != b"data":
                continue
            if item.name == b"covr" or name == "artwork":
                tags.add_picture(_FRONT, _read(file, part)[8:])
            elif name:
                value = _read(file, part, _MAX_TEXT_BYTES)
                kind = int.from_bytes(value[1:4])
                tags.add(name, _value(item.name, kind, value[8:]))


def _value(name: bytes, kind: int, content: bytes) -> list[str]:
    """Return what an item says: a number where the name or the type says so, or texts."""
    if name == b"gnre" and kind in _NUMBERS:
        number = int.from_bytes(content)
        return [f"({number - 1})"] if 0 < number <= len(NAMES) else []
    if name == b"disk" and kind in _NUMBERS:
        return [str(int.from_bytes(content[2:4]))]
    if kind in _NUMBERS - {0} or (name == b"cpil" and kind == 0):
        return [str(int.from_bytes(content[:8]))]
    return _decode(content, _ENCODINGS.get(kind, "utf-8")).split("\0")


def _decode(content: bytes, encoding: str) -> str:
    """Decode a text in the encoding of its type, unless a mark says otherwise."""
    if encoding == "utf-8" or content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _marked(content)
    return content.decode(encoding, "replace")


def _marked(content: bytes) -> str:
    """Decode UTF-16 where a mark says so, UTF-8, or, failing that, what it looks like."""
    return decode_text(content)


def _quicktime_texts(content: bytes) -> list[str]:
    """Return texts of user data: each with its length and a code of its language."""
    texts: list[str] = []
    offset = 0
    while len(texts) < 16 and offset + 4 <= len(content):
        size = int.from_bytes(content[offset : offset + 2])
        language = int.from_bytes(content[offset + 2 : offset + 4])
        text = content[offset + 4 : offset + 4 + size]
        is_of_old = language < 0x400 and not text.isascii()
        try:
            texts.append(text.decode("utf-8"))
        except UnicodeDecodeError:
            texts.append(
                text.decode("mac-roman", "replace") if is_of_old else _marked(text)
            )
        offset += 4 + size
    return texts
