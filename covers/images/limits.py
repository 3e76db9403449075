"""What a picture file may cost, judged by its header and structure before a pixel is decoded."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from covers.errors import BrokenImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_OBLONG = 50
"""The long side of a picture is at most this many times its short side."""

MOST_SCANS = 100
MOST_SCANNED_MEGAPIXELS = 1000
"""Scans of a JPEG times its megapixels: each scan goes over the whole picture."""

MOST_EXIF_SEGMENTS = 64
_WEBP_SHARE = 0.6
"""Of the pixels of other formats: its decoder holds a picture four times."""
_PIXELS_PER_JPEG_BIT = 64  # a block of 8 x 8 pixels takes a bit at the very least
_BITS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # samples per pixel by PNG colour type
_PNG_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})
_FILL = b"\xff" * 65536
_EMPTY_MARKERS = b"\xff\0" * 32768
_PASSES = (
    # of Adam7: first column and row, steps
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def refuse_filled(content: bytes) -> None:
    """Refuse a JPEG whose header is filled up with bytes that are skipped one by one.

    Raises
    ------
    BrokenImageError
        The message is the reason.
    """
    end = content.find(b"\xff\xda")
    head = content if end < 0 else content[:end]
    if _FILL in head or _EMPTY_MARKERS in head:
        message = "header damaged: long runs of fill bytes"
        raise BrokenImageError(message)


def refuse_costly(
    content: bytes, format_name: str, size: tuple[int, int], max_megapixels: float
) -> None:
    """Refuse a picture that is too large, too oblong, incomplete, or made to cost time.

    Parameters
    ----------
    content : bytes
        Of the whole file.
    format_name : str
        Such as ``"PNG"``.
    size : tuple of int
        Width and height that the header states.
    max_megapixels : float

    Raises
    ------
    BrokenImageError
        The message is the reason.
    """
    width, height = size
    if width < 1 or height < 1:
        message = f"header damaged: {width} x {height} pixels"
        raise BrokenImageError(message)
    stated = f"{width:,} x {height:,} pixels"
    most = max_megapixels * (_WEBP_SHARE if format_name == "WEBP" else 1)
    if width * height > most * 1e6:
        message = (
            f"too large: {stated} are {width * height / 1e6:,.0f} "
            f"megapixels, the limit is {most:g}"
        )
        raise BrokenImageError(message)
    if max(size) > MOST_OBLONG * min(size):
        message = f"too oblong for a cover: {stated}"
        raise BrokenImageError(message)
    if format_name == "JPEG":
        _refuse_costly_jpeg(content, width * height / 1e6, stated)
    elif format_name == "PNG" and not _is_whole_png(content):
        message = f"truncated: its data do not fill {stated}"
        raise BrokenImageError(message)


def _refuse_costly_jpeg(content: bytes, megapixels: float, stated: str) -> None:
    """Refuse too many scans or Exif segments, and too few data."""
    n_scans = content.count(b"\xff\xda")  # never inside the data of a scan
    if n_scans > MOST_SCANS or n_scans * megapixels > MOST_SCANNED_MEGAPIXELS:
        message = f"too costly: {n_scans:,} scans of {stated}"
        raise BrokenImageError(message)
    n_exif = content.count(b"\xff\xe1") and len(
        re.findall(b"\xff\xe1..Exif\x00\x00", content, re.DOTALL)
    )
    if n_exif > MOST_EXIF_SEGMENTS:
        message = (
            f"too costly: {n_exif:,} Exif segments, the limit is {MOST_EXIF_SEGMENTS}"
        )
        raise BrokenImageError(message)
    if len(content) * 8 * _PIXELS_PER_JPEG_BIT < megapixels * 1e6:
        message = f"truncated: {len(content):,} bytes cannot hold {stated}"
        raise BrokenImageError(message)


def _is_whole_png(content: bytes) -> bool:
    """Say whether the compressed data of a PNG are as long as its size asks for."""
    try:
        wanted = _png_bytes(content)
    except (IndexError, KeyError):
        return True  # the decoder says what is wrong with the header
    stream = zlib.decompressobj()
    got = 0
    try:
        for chunk in _png_data(content):
            data = chunk
            while data and got < wanted and not stream.eof:
                got += len(stream.decompress(data, 1 << 20))
                data = stream.unconsumed_tail
            if got >= wanted or stream.eof:
                break
        while got < wanted and not stream.eof:
            more = stream.decompress(b"", 1 << 20)
            if not more:
                break
            got += len(more)
    except zlib.error:
        return True  # damaged: the decoder says so
    return got >= wanted


def without_texts(content: bytes) -> bytes:
    """Return a PNG without its texts and its profile of colours, which nobody looks at.

    A decoder refuses the whole picture where one of them is large once it is unpacked.
    """
    if not any(name in content for name in _PNG_TEXTS):
        return content
    kept, at = [content[:8]], 8
    for name, start, end in _png_chunks(content):
        if name not in _PNG_TEXTS:
            kept.append(content[start:end])
        at = end
    kept.append(content[at:])
    return b"".join(kept)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each chunk, where it begins, and where it ends."""
    at = 8
    while at + 8 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4])
        yield content[at + 4 : at + 8], at, min(end, len(content))
        at = end


def _png_data(content: bytes) -> Iterator[bytes]:
    """Yield the contents of the IDAT chunks."""
    for name, start, end in _png_chunks(content):
        if name == b"IDAT":
            yield content[
                start + 8 : min(
                    end, start + 8 + int.from_bytes(content[start : start + 4])
                )
            ]
        elif name == b"IEND":
            return


def _png_bytes(content: bytes) -> int:
    """Return how many bytes the rows of a PNG are, with their filter types."""
    width, height = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    depth, colour, is_interlaced = content[24], content[25], content[28]
    bits = depth * _BITS[colour]
    passes = _PASSES if is_interlaced else ((0, 0, 1, 1),)
    total = 0
    for column, row, step_x, step_y in passes:
        n_columns = max(0, -(-(width - column) // step_x))
        n_rows = max(0, -(-(height - row) // step_y))
        if n_columns and n_rows:
            total += n_rows * (1 + (n_columns * bits + 7) // 8)
    return total
