"""ID3 tags as real software writes them: what tinytag reads wrongly or not at all.

Taggers disagree about the standard: which sizes are in seven bits a byte, what
is unsynchronised and what only says so, where an extended header ends, whether
UTF-16 has its mark. This reader tries what is usual, keeps what fits together,
and stays within fixed bounds of memory and time. The maintained reader that knows
as much, mutagen, is GPL-2.0-or-later: as a requirement it would decide the licence
of everything that is shipped with this project, and as an extra the same file
would give another cover on each machine.

References
----------
.. [1] ID3v2.2.0, ID3v2.3.0 and ID3v2.4.0 (structure and frames), id3.org.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

from covers.images.audio.picture_start import find_start
from covers.images.audio.raw_tags import MAX_VALUES, RawTags
from covers.images.formats import find_format
from covers.workspace.disk.text_encodings import decode_short, guess_together

if TYPE_CHECKING:
    from typing import BinaryIO

MAX_TAG_BYTES = 64 * 2**20
"""The part of a tag that is read, and what its packed frames may unpack to."""
MAX_FRAMES = 10_000
MAX_TEXT_BYTES = 2**16

_HEAD = 10
_NAMES_OF_22 = {
    "TT2": "TIT2",
    "TP1": "TPE1",
    "TP2": "TPE2",
    "TAL": "TALB",
    "TYE": "TYER",
    "TOR": "TORY",
    "TCO": "TCON",
    "TPA": "TPOS",
    "TCP": "TCMP",
    "TXX": "TXXX",
    "PIC": "APIC",
}
_FIELDS = {
    "TIT2": "title",
    "TPE1": "artist",
    "TPE2": "albumartist",
    "TALB": "album",
    "TDRC": "year",
    "TYER": "year",
    "TDRL": "releasedate",
    "TDOR": "originaldate",
    "TORY": "originaldate",
    "TCON": "genre",
    "TPOS": "disc",
    "TCMP": "compilation",
}
_CUSTOM_FIELDS = {"artists": "artist", "album artist": "albumartist"}
_NAME = re.compile(rb"[A-Z][A-Z0-9]{2}[A-Z0-9 \0]")
_NAME_OF_22 = re.compile(rb"[A-Z][A-Z0-9]{2}")
_FALSE_SYNC = re.compile(rb"\xff[\xe0-\xff]")


class _Frame(NamedTuple):
    """A frame as it stands in the tag."""

    name: str
    flags: int
    content: bytes


def read_id3(file: BinaryIO) -> tuple[RawTags, int] | None:
    """Read the ID3v2 tag that begins where the file stands.

    Returns
    -------
    (RawTags, int) or None
        What it says, and the bytes that it takes in the file; None where no
        tag begins.
    """
    head = file.read(_HEAD)
    if len(head) < _HEAD or not head.startswith(b"ID3"):
        return None
    version, flags = head[3], head[5]
    declared = _synchsafe(head[6:10])
    size = _HEAD + declared + (_HEAD if version == 4 and flags & 0x10 else 0)
    if version not in (2, 3, 4):
        return RawTags(problems=[f"ID3 tag of the unknown version 2.{version}"]), size
    if version == 2 and flags & 0x40:
        return RawTags(problems=["ID3v2.2 tag packed in a way nobody defined"]), size
    body = file.read(min(declared, MAX_TAG_BYTES))
    is_hidden = bool(flags & 0x80)
    frames, is_whole = _walk(body, version, flags)
    if version == 2 and not is_whole and (later := _walk(body, 3, 0))[1]:
        version, (frames, is_whole) = 3, later  # frames of 2.3 in a tag that says 2.2
    plain = _undo(body) if is_hidden else body
    if plain != body:
        # Unsynchronised as a whole, with the sizes from before; or frame by frame.
        of_plain = _walk(plain, version, flags)
        ranks = (is_whole, len(frames)), (of_plain[1], len(of_plain[0]))
        if ranks[1] > ranks[0] or (ranks[1] == ranks[0] and version < 4):
            (frames, is_whole), is_hidden = of_plain, False
    problem = _judge(declared, body, frames, is_whole=is_whole)
    tag = RawTags(problems=[problem] if problem else [])
    budget = MAX_TAG_BYTES
    unpacked: list[tuple[str, bytes]] = []
    for frame in frames:
        content = _unpack(frame, version, budget, is_hidden=is_hidden)
        budget -= max(0, len(content) - len(frame.content))
        unpacked.append((frame.name, content))
    guess = guess_together(
        content[1:MAX_TEXT_BYTES]
        for name, content in unpacked
        if name.startswith("T") and content[:1] not in (b"\1", b"\2")
    )
    for name, content in unpacked:
        _take(tag, name, content, guess, is_22=version == 2)
    return tag, size


def _judge(
    declared: int, body: bytes, frames: list[_Frame], *, is_whole: bool
) -> str | None:
    """Say what is wrong with a tag; None where all of it was read."""
    if declared > MAX_TAG_BYTES:
        return f"ID3 tag of {declared / 2**20:,.0f} MiB: only the first {MAX_TAG_BYTES // 2**20} MiB are read"
    if len(frames) >= MAX_FRAMES:
        return f"ID3 tag of more than {MAX_FRAMES:,} frames: the rest is left out"
    if len(body) < declared:
        return "ID3 tag cut short: file truncated or damaged"
    if not is_whole and not frames:
        return "ID3 tag damaged: no frame in it can be read"
    return None


def _synchsafe(number: bytes) -> int:
    """Read an integer of seven bits per byte."""
    value = 0
    for byte in number:
        value = value << 7 | byte & 0x7F
    return value


def _undo(content: bytes) -> bytes:
    """Take out the zeros that hide false frame starts, unless one is not hidden.

    Many taggers set the flag and hide nothing: then a false start stands there.
    """
    if _FALSE_SYNC.search(content):
        return content
    return content.replace(b"\xff\0", b"\xff")


def _walk(body: bytes, version: int, flags: int) -> tuple[list[_Frame], bool]:
    """Split a tag into frames; also say whether they fill it up to its padding."""
    head = 6 if version == 2 else _HEAD
    padding = len(body.rstrip(b"\0"))
    offset = _find_first(body, version, flags)
    frames: list[_Frame] = []
    while offset < padding and len(frames) < MAX_FRAMES:
        if not _is_frame(body, offset, version):
            return frames, False
        size = _frame_size(body, offset, version, padding)
        start = offset + head
        name = body[offset : offset + (3 if version == 2 else 4)].rstrip(b" \0")
        frame_flags = 0 if version == 2 else int.from_bytes(body[start - 2 : start])
        # The last one may be cut: half a picture is known for what it is later.
        content = body[start : start + size]
        frames.append(_Frame(name.decode("ascii"), frame_flags, content))
        offset = start + size
    return frames, offset <= len(body)


def _find_first(body: bytes, version: int, flags: int) -> int:
    """Return where the first frame begins, behind an extended header."""
    if version == 2 or not flags & 0x40:
        return 0
    plain, safe = int.from_bytes(body[:4]), _synchsafe(body[:4])
    # Version 2.3 leaves the four bytes of the size out of it, 2.4 counts them.
    ends = (4 + plain, safe) if version == 3 else (safe, 4 + plain)
    for end in (*ends, plain, 4 + safe, 0):
        if _is_frame(body, end, version):
            return end
    return min(ends[0], len(body))


def _is_frame(body: bytes, offset: int, version: int) -> bool:
    """Say whether a frame may begin here."""
    if version == 2:
        return offset + 6 <= len(body) and bool(_NAME_OF_22.match(body, offset))
    return offset + _HEAD <= len(body) and bool(_NAME.match(body, offset))


def _frame_size(body: bytes, offset: int, version: int, padding: int) -> int:
    """Return the size of a frame, by which spelling the next one is found.

    Version 2.4 has seven bits per byte, but iTunes wrote plain numbers; in 2.3 it
    is the other way round.
    """
    if version == 2:
        return int.from_bytes(body[offset + 3 : offset + 6])
    number = body[offset + 4 : offset + 8]
    plain, safe = int.from_bytes(number), _synchsafe(number)
    if any(byte & 0x80 for byte in number):
        return plain
    start = offset + _HEAD
    order = (safe, plain) if version == 4 else (plain, safe)
    for size in order:
        end = start + size
        if padding <= end <= len(body) or _is_frame(body, end, version):
            return size
    return next((size for size in order if start + size <= len(body)), order[0])


def _unpack(frame: _Frame, version: int, budget: int, *, is_hidden: bool) -> bytes:
    """Return the content of a frame without what its flags added; empty if it is locked."""
    content, flags = frame.content, frame.flags
    if version == 4:
        if is_hidden or flags & 0x02:
            content = _undo(content)
        is_packed, is_locked, is_grouped = flags & 0x08, flags & 0x04, flags & 0x40
        if is_grouped:
            content = content[1:]
        stated = _synchsafe(content[:4])
        is_stated = stated == len(content) - 4
        is_bare = is_packed and _is_zlib(content) and not _is_zlib(content[4:])
        if is_stated or (
            flags & 0x09 and not is_bare and (is_packed or stated <= len(content))
        ):
            content = content[4:]
    else:
        if is_hidden:
            content = _undo(content)
        is_packed, is_locked, is_grouped = flags & 0x80, flags & 0x40, flags & 0x20
        content = content[(4 if is_packed else 0) + (1 if is_grouped else 0) :]
    if is_locked:
        return b""
    if is_packed:
        try:
            return zlib.decompressobj().decompress(content, max(1, budget))
        except zlib.error:
            return b""
    return content


def _is_zlib(content: bytes) -> bool:
    """Say whether packed bytes may begin here."""
    return content[:1] == b"\x78" and int.from_bytes(content[:2]) % 31 == 0


def _take(tag: RawTags, name: str, content: bytes, guess: str, *, is_22: bool) -> None:
    """Add what one frame says to the tag, its texts in an encoding that was guessed where need be."""
    is_22 |= name == "PIC"  # some wrote it into later versions as it was
    if len(name) == 3:
        name = _NAMES_OF_22.get(name, name)
    if not content:
        return
    if name == "APIC":
        picture = _find_picture(content, is_22=is_22)
        if picture is not None:
            tag.add_picture(*picture)
    elif name == "TXXX":
        description, *values = _decode_texts(content, guess)
        key = description.strip().lower()
        if key:
            tag.add(_CUSTOM_FIELDS.get(key, key), values)
    elif name in _FIELDS:
        tag.add(_FIELDS[name], _decode_texts(content, guess))


def _decode_texts(content: bytes, guess: str) -> list[str]:
    """Decode the zero-separated texts of a frame by its first byte; at least one.

    What should be Latin-1 is in truth often UTF-8, or in the encoding of the
    country where it was written.
    """
    encoding, text = content[0], content[1:MAX_TEXT_BYTES]
    if encoding in (1, 2):
        return _cut(_decode_utf16(text, is_marked=encoding == 1))
    if encoding >= 32:  # no such encoding: the first letter of a text without one
        text = content[:MAX_TEXT_BYTES]
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _cut(_decode_utf16(text, is_marked=True))
    return [decode_short(part, guess) for part in text.split(b"\0")[:MAX_VALUES]]


def _cut(decoded: str) -> list[str]:
    return decoded.split("\0")[:MAX_VALUES]


def _decode_utf16(text: bytes, *, is_marked: bool) -> str:
    """Decode UTF-16 with a byte-order mark for each text, for the first, or for none."""
    text = text[: len(text) // 2 * 2]
    if text.startswith(b"\xff\xfe"):
        order = "le"
    elif text.startswith(b"\xfe\xff") or not is_marked:
        order = "be"
    else:
        order = _guess_order(text)
    decoded = text.decode(f"utf-16-{order}", "replace")
    if "\ufffe" in decoded:
        # A later text has the other byte order, and a mark that says so.
        parts = decoded.split("\0")[:MAX_VALUES]
        decoded = "\0".join(
            part.encode("utf-16-le", "replace").decode("utf-16-be", "replace")
            if part.startswith("\ufffe")
            else part
            for part in parts
        )
    return decoded.replace("\ufeff", "")


def _guess_order(text: bytes) -> str:
    """Guess the byte order of UTF-16: high bytes vary less than low ones."""
    if any(text[i : i + 2] == b"\xfe\xff" for i in range(0, min(len(text), 512), 2)):
        return "be"
    first, second = text[::2], text[1::2]
    by_variety = len(set(first)) - len(set(second))
    by_zeros = second.count(0) - first.count(0)
    return "be" if (by_variety or by_zeros) < 0 else "le"


def _find_picture(content: bytes, *, is_22: bool) -> tuple[int, bytes] | None:
    """Return type and bytes of a picture frame; None where there are no bytes.

    A picture is looked for near where it should begin: taggers end the
    description with too few zeros, or too many.
    """
    type_at = 4 if is_22 else content.find(b"\0", 1) + 1
    if type_at < 1 or type_at + 2 > len(content):
        return None
    is_wide = content[0] in (1, 2)
    start = type_at + 1
    end = content.find(b"\0\0" if is_wide else b"\0", start)
    while is_wide and end >= 0 and (end - start) % 2:
        end = content.find(b"\0\0", end + 1)
    stated = start if end < 0 else end + (2 if is_wide else 1)
    # Some end it as a narrow text, or have none.
    places = (stated, content.find(b"\0", start) + 1, start)
    for place in places:
        if place and find_format(content[place : place + 256]):
            stated = place
            break
    else:
        found = find_start(content, start)
        stated = stated if found is None else found
    data = content[stated:]
    if data.startswith(b"\xff\xd8\xff\0"):
        data = _undo(data)  # hidden, though no flag says so
    return (content[type_at], data) if data else None
