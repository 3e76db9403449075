"""Endings of pictures and of music files; which format a picture has is told by its first bytes, never by its name."""

from __future__ import annotations

EXTENSIONS = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".gif",
        ".webp",
        ".bmp",
        ".tif",
        ".tiff",
        ".avif",
    }
)
"""Endings of names that promise a picture; the content decides what it is."""
UNREAD_EXTENSIONS = frozenset(
    {
        ".heic",
        ".heif",
        ".jxl",
        ".jp2",
        ".j2k",
        ".jpx",
        ".svg",
        ".psd",
        ".ico",
        ".tga",
        ".xcf",
        ".pdf",
        ".eps",
    }
)
"""Endings of pictures in formats that are not read."""
FORMAT_NAMES = "JPEG, PNG, GIF, WebP, BMP, TIFF or AVIF"

_STARTS = {
    b"\xff\xd8": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
# A file of ISO boxes names in its first box what it is and what it can be read
# as; cameras and encoders write "mif1" (a picture) or "msf1" (a sequence) first.
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_UNREAD_STARTS = {
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"8BPS": "Photoshop",
    b"\0\0\1\0": "ICO",
}
_OTHER_FILES = {
    b"<!doctype html": "an HTML page",
    b"<html": "an HTML page",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML document",
    b"%pdf": "a PDF document",
    b"%!ps": "a PostScript document",
    b"pk\x03\x04": "a ZIP archive",
    b"id3": "an MP3 file",
    b"flac": "a FLAC file",
    b"{": "JSON text",
}


def find_format(head: bytes) -> str | None:
    r"""Return the format of a picture by its first bytes; None where it is none that is read.

    Parameters
    ----------
    head : bytes
        The first 256 bytes, or more.

    Examples
    --------
    >>> find_format(b"\xff\xd8\xff\xe0"), find_format(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif")
    ('JPEG', 'AVIF')
    """
    if head.startswith(b"RIFF"):
        return "WEBP" if head[8:12] == b"WEBP" else None
    if _find_brands(head) & _AVIF_BRANDS:
        return "AVIF"
    return next(
        (name for start, name in _STARTS.items() if head.startswith(start)), None
    )


def describe_stranger(content: bytes) -> str:
    """Say what a file is that is no picture, or one in a format that is not read."""
    unread = next(
        (name for start, name in _UNREAD_STARTS.items() if content.startswith(start)),
        "HEIC" if _find_brands(content) & _HEIC_BRANDS else None,
    )
    if unread:
        return f"a picture in the format {unread}, which is not read: save it as {FORMAT_NAMES}"
    head = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, name in _OTHER_FILES.items():
        if head.startswith(start):
            return f"not a picture but {name}"
    if not content.strip(b"\0"):
        return "not a picture: nothing but zero bytes"
    return f"not a picture in a known format ({FORMAT_NAMES}): it starts with {_read_out(content[:8])}"


def _read_out(start: bytes) -> str:
    """Return bytes as text where they are some, else as hexadecimal numbers.

    Examples
    --------
    >>> _read_out(b"hello wo"), _read_out(bytes([0, 255]))
    ("'hello wo'", 'the bytes 00 ff')
    """
    if start.isascii() and start.decode("ascii").isprintable():
        return f"'{start.decode('ascii')}'"
    return f"the bytes {start.hex(' ')}"


def _find_brands(head: bytes) -> set[bytes]:
    """Return the brands of a file of ISO boxes, none of another file."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4]), 256)
    return {head[8:12], *(head[i : i + 4] for i in range(16, end, 4))}


AUDIO_EXTENSIONS = frozenset(
    {
        ".mp3",
        ".mp1",
        ".mpga",
        ".aac",
        ".ape",
        ".dsf",
        ".mp+",
        ".mpc",
        ".mpp",
        ".ofr",
        ".tak",
        ".tta",
        ".wv",
        ".mp2",
        ".flac",
        ".ogg",
        ".oga",
        ".opus",
        ".spx",
        ".m4a",
        ".m4b",
        ".m4p",
        ".m4r",
        ".3ga",
        ".aax",
        ".mp4",
        ".wma",
        ".asf",
        ".wav",
        ".wave",
        ".w64",
        ".rf64",
        ".bw64",
        ".aiff",
        ".aif",
        ".aifc",
        ".dff",
    }
)
"""Endings of music files whose tags are read."""
UNREAD_AUDIO_EXTENSIONS = frozenset(
    {
        ".aa",
        ".aa3",
        ".ac3",
        ".amr",
        ".au",
        ".caf",
        ".dts",
        ".eac3",
        ".it",
        ".kar",
        ".la",
        ".mid",
        ".midi",
        ".mka",
        ".mlp",
        ".mod",
        ".nsf",
        ".ofs",
        ".oma",
        ".ra",
        ".rka",
        ".s3m",
        ".shn",
        ".sid",
        ".snd",
        ".spc",
        ".thd",
        ".vgm",
        ".vgz",
        ".voc",
        ".weba",
        ".xm",
    }
)
"""Endings of music files that are known as such, without their tags."""
