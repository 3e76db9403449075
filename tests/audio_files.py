"""Tiny but real music files of every format, written byte by byte.

Each writer takes the same tags, so that one table of expectations serves all
formats. Keys of `tags`: title, artist, album_artist, album, year, genres (a
list), release_id, release_group_id, artist_id, album_artist_id, disc.
Pictures are pairs of a type number as in ID3 (3 front, 0 other, 8 artist) and
bytes.
"""

from __future__ import annotations

import base64
import struct
from typing import Any

Tags = dict[str, Any]
Pictures = tuple[tuple[int, bytes], ...]

_ID3_FRAMES = {
    "title": "TIT2",
    "artist": "TPE1",
    "album_artist": "TPE2",
    "album": "TALB",
    "year": "TDRC",
    "disc": "TPOS",
}
_ID3_CUSTOM = {
    "release_id": "MusicBrainz Album Id",
    "release_group_id": "MusicBrainz Release Group Id",
    "artist_id": "MusicBrainz Artist Id",
    "album_artist_id": "MusicBrainz Album Artist Id",
    "cue_sheet": "CUESHEET",
}
_VORBIS = {
    "title": "TITLE",
    "artist": "ARTIST",
    "album_artist": "ALBUMARTIST",
    "album": "ALBUM",
    "year": "DATE",
    "disc": "DISCNUMBER",
    "release_id": "MUSICBRAINZ_ALBUMID",
    "release_group_id": "MUSICBRAINZ_RELEASEGROUPID",
    "artist_id": "MUSICBRAINZ_ARTISTID",
    "album_artist_id": "MUSICBRAINZ_ALBUMARTISTID",
    "cue_sheet": "CUESHEET",
}
_ASF = {
    "album_artist": "WM/AlbumArtist",
    "album": "WM/AlbumTitle",
    "year": "WM/Year",
    "disc": "WM/PartOfSet",
    "release_id": "MusicBrainz/Album Id",
    "release_group_id": "MusicBrainz/Release Group Id",
    "artist_id": "MusicBrainz/Artist Id",
    "album_artist_id": "MusicBrainz/Album Artist Id",
}
_MP4 = {
    "title": b"\xa9nam",
    "artist": b"\xa9ART",
    "album_artist": b"aART",
    "album": b"\xa9alb",
    "year": b"\xa9day",
}


def id3(tags: Tags, pictures: Pictures = (), *, encoding: str = "utf-8") -> bytes:
    """Write an ID3v2.4 tag; `encoding` is ``utf-8``, ``utf-16`` or ``latin-1``."""
    mark = {"latin-1": b"\0", "utf-16": b"\x01", "utf-8": b"\x03"}[encoding]
    zero = b"\0\0" if encoding == "utf-16" else b"\0"

    def text(value: str) -> bytes:
        return value.encode(encoding)

    frames = b""
    for name, frame in _ID3_FRAMES.items():
        if name in tags:
            frames += _id3_frame(frame, mark + text(str(tags[name])))
    if tags.get("genres"):
        frames += _id3_frame("TCON", mark + zero.join(map(text, tags["genres"])))
    for name, description in _ID3_CUSTOM.items():
        if name in tags:
            value = text(description) + zero + text(tags[name])
            frames += _id3_frame("TXXX", mark + value)
    for number, data in pictures:
        head = b"\0image/jpeg\0" + bytes([number]) + b"\0"
        frames += _id3_frame("APIC", head + data)
    return b"ID3\x04\0\0" + _synchsafe(len(frames)) + frames


def mp3(tags: Tags, pictures: Pictures = (), **options: str) -> bytes:
    """Write an MP3 file: a tag and one silent frame."""
    return id3(tags, pictures, **options) + b"\xff\xfb\x90\x00" + bytes(413)


def unsynchronised_mp3(tags: Tags, pictures: Pictures = (), *, version: int) -> bytes:
    """Write an MP3 file as old writers did, with a zero after every 0xff."""
    body = id3(tags, pictures)[10:]
    frames = b""
    while body:
        size = 0
        for byte in body[4:8]:
            size = size << 7 | byte
        content = body[10 : 10 + size]
        hidden = content.replace(b"\xff", b"\xff\0")
        if version == 4:
            hidden = _synchsafe(len(content)) + hidden
            frames += body[:4] + _synchsafe(len(hidden)) + b"\0\x03" + hidden
        else:
            plain = body[:4] + struct.pack(">I", len(content)) + b"\0\0" + content
            frames += plain.replace(b"\xff", b"\xff\0")
        body = body[10 + size :]
    head = b"ID3" + bytes([version, 0, 0x80]) + _synchsafe(len(frames))
    return head + frames + b"\xff\xfb\x90\x00" + bytes(413)


def flac(tags: Tags, pictures: Pictures = ()) -> bytes:
    """Write a FLAC file without audio."""
    info = struct.pack(">HH", 4096, 4096) + bytes(6)
    info += ((44100 << 44) | (1 << 41) | (15 << 36)).to_bytes(8, "big") + bytes(16)
    blocks = [(0, info), (4, _vorbis_comment(tags))]
    blocks += [(6, _flac_picture(number, data)) for number, data in pictures]
    content = b"fLaC"
    for i, (number, block) in enumerate(blocks):
        last = 0x80 if i == len(blocks) - 1 else 0
        content += bytes([number | last]) + len(block).to_bytes(3, "big") + block
    return content


def ogg(tags: Tags, pictures: Pictures = ()) -> bytes:
    """Write an Ogg Vorbis file of its two first headers."""
    head = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 2, 44100, 0, 128000, 0, 0xB8, 1)
    comment = b"\x03vorbis" + _vorbis_comment(tags, pictures) + b"\x01"
    return _ogg_pages([head, comment])


def opus(tags: Tags, pictures: Pictures = ()) -> bytes:
    """Write an Opus file of its two headers."""
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, 2, 0, 48000, 0, 0)
    return _ogg_pages([head, b"OpusTags" + _vorbis_comment(tags, pictures)])


def m4a(tags: Tags, pictures: Pictures = ()) -> bytes:
    """Write an MP4 file of nothing but its tags; it knows front covers only."""
    items = b""
    for name, atom in _MP4.items():
        if name in tags:
            items += _atom(atom, _mp4_data(1, str(tags[name]).encode()))
    for genre in tags.get("genres", ()):
        items += _atom(b"\xa9gen", _mp4_data(1, genre.encode()))
    if "disc" in tags:
        items += _atom(b"disk", _mp4_data(0, struct.pack(">4H", 0, tags["disc"], 1, 0)))
    for name, description in _ID3_CUSTOM.items():
        if name in tags:
            items += _atom(
                b"----",
                _atom(b"mean", bytes(4) + b"com.apple.iTunes")
                + _atom(b"name", bytes(4) + description.encode())
                + _mp4_data(1, tags[name].encode()),
            )
    covers = b"".join(_mp4_data(13, data) for number, data in pictures if number == 3)
    if covers:
        items += _atom(b"covr", covers)
    meta = _atom(b"meta", bytes(4) + _atom(b"ilst", items))
    return _atom(b"ftyp", b"M4A \0\0\0\0M4A ") + _atom(b"moov", _atom(b"udta", meta))


def wma(tags: Tags, pictures: Pictures = ()) -> bytes:
    """Write a WMA file of nothing but its header."""
    title, artist = (_utf16(str(tags.get(name, ""))) for name in ("title", "artist"))
    plain = struct.pack("<5H", len(title), len(artist), 0, 0, 0) + title + artist
    attributes = [
        (_ASF[name], 0, _utf16(str(tags[name]))) for name in _ASF if name in tags
    ]
    attributes += [("WM/Genre", 0, _utf16(genre)) for genre in tags.get("genres", ())]
    library = []
    for number, data in pictures:
        value = (
            struct.pack("<BI", number, len(data)) + _utf16("image/jpeg") + _utf16("")
        )
        value += data
        is_large = len(value) > 0xFFFF
        (library if is_large else attributes).append(("WM/Picture", 1, value))
    extended = struct.pack("<H", len(attributes))
    for name, kind, value in attributes:
        written = _utf16(name)
        extended += struct.pack("<H", len(written)) + written
        extended += struct.pack("<HH", kind, len(value)) + value
    large = struct.pack("<H", len(library))
    for name, kind, value in library:
        written = _utf16(name)
        large += struct.pack("<HHHHI", 0, 0, len(written), kind, len(value))
        large += written + value
    large = _asf_object("941C23449894D149A1411D134E457054", large)
    extension = bytes(16) + struct.pack("<HI", 6, len(large)) + large
    objects = _asf_object("3326B2758E66CF11A6D900AA0062CE6C", plain)
    objects += _asf_object("40A4D0D207E3D21197F000A0C95EA850", extended)
    objects += _asf_object("B503BF5F2EA9CF118EE300C00C205365", extension)
    head = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
    return head + struct.pack("<QIBB", 30 + len(objects), 2, 1, 2) + objects


def wav(tags: Tags, pictures: Pictures = ()) -> bytes:
    """Write a WAV file with an ID3 chunk."""
    chunks = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    tag = id3(tags, pictures)
    chunks += b"id3 " + struct.pack("<I", len(tag)) + tag + bytes(len(tag) % 2)
    chunks += b"data" + struct.pack("<I", 8) + bytes(8)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def aiff(tags: Tags, pictures: Pictures = ()) -> bytes:
    """Write an AIFF file with an ID3 chunk."""
    rate = struct.pack(">HQ", 0x3FFF + 15, 44100 << 48)
    chunks = b"COMM" + struct.pack(">IhLh", 18, 1, 0, 16) + rate
    tag = id3(tags, pictures)
    chunks += b"ID3 " + struct.pack(">I", len(tag)) + tag + bytes(len(tag) % 2)
    return b"FORM" + struct.pack(">I", 4 + len(chunks)) + b"AIFF" + chunks


_APE_PICTURES = {
    3: "Cover Art (Front)",
    0: "Cover Art (Other)",
    8: "Cover Art (Artist)",
}


def ape(tags: Tags, pictures: Pictures = (), *, old_tag: bytes = b"") -> bytes:
    """Write a file of some sound and an APE tag; `old_tag` stands behind it."""
    texts = {
        name.title(): str(tags[name])
        for name in ("title", "artist", "album", "year")
        if name in tags
    }
    if "album_artist" in tags:
        texts["Album Artist"] = tags["album_artist"]
    if tags.get("genres"):
        texts["Genre"] = "\0".join(tags["genres"])
    for name, key in _VORBIS.items():
        if (name.endswith("_id") or name == "cue_sheet") and name in tags:
            texts[key] = tags[name]
    items = [(name, 0, text.encode()) for name, text in texts.items()]
    items += [
        (_APE_PICTURES[number], 2, b"cover.jpg\0" + data) for number, data in pictures
    ]
    body = b"".join(
        struct.pack("<II", len(value), flags) + name.encode() + b"\0" + value
        for name, flags, value in items
    )
    footer = b"APETAGEX" + struct.pack("<4I", 2000, len(body) + 32, len(items), 0)
    return b"MAC sound" * 9 + body + footer + bytes(8) + old_tag


def dsf(tags: Tags, pictures: Pictures = ()) -> bytes:
    """Write a DSF file of its head and an ID3 tag at the end."""
    tag = id3(tags, pictures)
    return b"DSD " + struct.pack("<QQQ", 28, 128 + len(tag), 128) + bytes(100) + tag


WRITERS = {
    "mp3": mp3,
    "flac": flac,
    "ogg": ogg,
    "opus": opus,
    "m4a": m4a,
    "wma": wma,
    "wav": wav,
    "aiff": aiff,
}


def _synchsafe(number: int) -> bytes:
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def _id3_frame(name: str, content: bytes) -> bytes:
    return name.encode() + _synchsafe(len(content)) + b"\0\0" + content


def _flac_picture(number: int, data: bytes) -> bytes:
    mime = b"image/jpeg"
    return (
        struct.pack(">II", number, len(mime))
        + mime
        + struct.pack(">6I", 0, 0, 0, 24, 0, len(data))
        + data
    )


def _vorbis_comment(tags: Tags, pictures: Pictures = ()) -> bytes:
    pairs = [f"{_VORBIS[name]}={tags[name]}" for name in _VORBIS if name in tags]
    pairs += [f"GENRE={genre}" for genre in tags.get("genres", ())]
    for number, data in pictures:
        block = base64.b64encode(_flac_picture(number, data)).decode()
        pairs.append(f"METADATA_BLOCK_PICTURE={block}")
    content = struct.pack("<I", 4) + b"test" + struct.pack("<I", len(pairs))
    for pair in pairs:
        written = pair.encode()
        content += struct.pack("<I", len(written)) + written
    return content


def _ogg_pages(packets: list[bytes]) -> bytes:
    """Lay packets into pages, at most 255 segments each."""
    content = b""
    sequence = 0
    for packet in packets:
        sizes = [255] * (len(packet) // 255) + [len(packet) % 255]
        offset = 0
        for start in range(0, len(sizes), 255):
            part = sizes[start : start + 255]
            data = packet[offset : offset + sum(part)]
            offset += len(data)
            flags = 1 if start else (2 if sequence == 0 else 0)
            content += b"OggS" + struct.pack("<BBqIII", 0, flags, 0, 1, sequence, 0)
            content += bytes([len(part)]) + bytes(part) + data
            sequence += 1
    return content


def _atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def _mp4_data(kind: int, content: bytes) -> bytes:
    return _atom(b"data", struct.pack(">II", kind, 0) + content)


def _utf16(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le")


def _asf_object(guid: str, content: bytes) -> bytes:
    return bytes.fromhex(guid) + struct.pack("<Q", 24 + len(content)) + content
