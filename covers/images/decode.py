"""Turning the bytes of a cover into pixels, whatever the file is like.

A picture file is untrusted input. Only a few formats are tried, chosen by the
first bytes and never by the name; the size in the header is checked before a
pixel is decoded; nothing here changes Pillow's process-wide settings. Every
failure is a `BrokenImageError` whose message is a plain reason, without the
path: the caller knows that.
"""

from __future__ import annotations

import io
import os
import stat
import threading
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from covers.errors import UNREAD, BrokenImageError
from covers.images.formats import describe_stranger, find_format
from covers.images.limits import refuse_costly, refuse_filled, without_texts
from covers.images.to_rgb import to_rgb
from covers.workspace.remote import RemotePath

if TYPE_CHECKING:
    from covers.workspace.remote import AnyPath

MAX_MEGAPIXELS = 100.0
MAX_MEBIBYTES = 256
HEAVY_PIXELS = 1 << 24
_QUICK_FORMATS = {"JPEG", "PNG", "GIF", "WEBP", "BMP"}
_QUICK_BYTES = 1 << 20
_QUICK_PIXELS = 1 << 23
_EMPTY = "empty file (0 bytes)"
_FREE: AbstractContextManager[object] = nullcontext()
_ONE_HEAVY: AbstractContextManager[object] = threading.Lock()
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}
_ORIENTATION = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """A decoded picture and what its file says.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB, upright; possibly smaller than the file's picture, see `read_picture`.
    width, height : int
        Size in pixels of the whole picture, upright.
    format : str
        Such as ``"JPEG"``, from the content.
    """

    image: Image.Image
    width: int
    height: int
    format: str


def read_bytes(path: AnyPath, *, max_mebibytes: int = MAX_MEBIBYTES) -> bytes:
    """Read a picture file whole, refusing what cannot be one.

    Raises
    ------
    BrokenImageError
        If it is missing, not a regular file (a pipe would block for ever),
        not readable, empty, or larger than `max_mebibytes`.
    """
    try:
        if isinstance(path, RemotePath):
            return _read_remote(path, max_mebibytes)
        # Non-blocking, so that a named pipe is recognised instead of waited for.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                message = "not a regular file"
                raise BrokenImageError(message)
            if status.st_size == 0:
                raise BrokenImageError(_EMPTY)
            if status.st_size > max_mebibytes * 2**20:
                message = f"too large: {status.st_size / 2**20:,.0f} MiB, the limit is {max_mebibytes} MiB"
                raise BrokenImageError(message)
            return file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"{UNREAD}{reason}"
        raise BrokenImageError(message) from error


def _read_remote(path: RemotePath, max_mebibytes: int) -> bytes:
    """Read a picture over the network, no more of it than is allowed."""
    content = path.read(max_mebibytes * 2**20)
    if not content:
        raise BrokenImageError(_EMPTY)
    if len(content) > max_mebibytes * 2**20:
        message = f"too large: the limit is {max_mebibytes} MiB"
        raise BrokenImageError(message)
    return content


def read_picture(
    data: bytes | Path,
    *,
    size_px: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    heavy: AbstractContextManager[object] = _ONE_HEAVY,
) -> Picture:
    """Decode a picture to upright RGB and say how large its file has it.

    EXIF orientation is applied; CMYK is converted with the polarity its file
    states; palettes are resolved; 16-bit and floating grey is scaled to 8 bits;
    transparency lies on white; of an animation the first frame is taken.

    Parameters
    ----------
    data : bytes or Path
        The content of a picture file, or where it lies.
    size_px : int, optional
        Decode no larger than needed for a short side of at least `size_px`:
        JPEG by its own cheap scaled decoding, others by whole-number reduction.
        A smaller picture is not enlarged.
    max_megapixels : float, default=100
        Refuse a picture of more pixels than this, by its header.
    heavy : context manager, optional
        Entered while a picture of more than `HEAVY_PIXELS` is decoded: a lock of all
        that read side by side, so that one such picture is in memory at a time. By
        default the lock of this process.

    Raises
    ------
    BrokenImageError
        If the picture cannot be decoded whole, or costs too much, see
        `covers.images.limits`; the message is the reason.
    ValueError
        If ``size_px < 1``.
    """
    if size_px is not None and size_px < 1:
        message = f"size_px must be at least 1, got {size_px}"
        raise ValueError(message)
    content = read_bytes(data) if isinstance(data, Path) else data
    with warnings.catch_warnings():
        # Damaged EXIF data and the like; whether that is an error is decided here.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        return _decode(content, size_px, max_megapixels, heavy)


def decode(
    data: bytes | Path,
    *,
    size_px: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Image.Image:
    """Decode a picture to an upright RGB image; see `read_picture`."""
    return read_picture(data, size_px=size_px, max_megapixels=max_megapixels).image


def read_short_side(path: Path) -> int:
    """Return the short side of a picture by its header, in pixels; 0 where it cannot be read."""
    try:
        return min(_open(read_bytes(path)).size)
    except BrokenImageError:
        return 0


def read_size(content: bytes) -> tuple[int, int]:
    """Return width and height of a picture by its header; no pixel is decoded.

    Raises
    ------
    BrokenImageError
        If it is no picture in a known format.
    """
    width, height = _open(content).size
    return width, height


def refuse_stranger(head: bytes) -> None:
    """Refuse a file by its first 512 bytes, so that the rest need not be read.

    Raises
    ------
    BrokenImageError
        If they do not begin a picture in a known format.
    """
    if not head:
        raise BrokenImageError(_EMPTY)
    if find_format(head) is None:
        raise BrokenImageError(describe_stranger(head))


def is_quick(content: bytes) -> bool:
    """Say whether a picture is decoded in a second at most, whatever is in its file.

    It is small, of a common format, and its header says no more than the file can hold.
    """
    format_name = find_format(content)
    if format_name is None:
        return True  # refused at once
    if format_name not in _QUICK_FORMATS or len(content) > _QUICK_BYTES:
        return False
    try:
        width, height = read_size(content)
    except BrokenImageError:
        return True
    if format_name == "JPEG":
        n_scans = content.count(b"\xff\xda")
        return width * height * max(n_scans, 4) <= 4 * _QUICK_PIXELS
    return width * height <= _QUICK_PIXELS


def _decode(
    content: bytes,
    size_px: int | None,
    max_megapixels: float,
    heavy: AbstractContextManager[object],
) -> Picture:
    """Decode the content of a picture file."""
    image = _open(content)
    width, height = image.size
    format_name = image.format or ""
    refuse_costly(content, format_name, image.size, max_megapixels)
    if size_px is not None and isinstance(image, JpegImagePlugin.JpegImageFile):
        image.draft("", (size_px, size_px))
    try:
        with heavy if image.width * image.height > HEAVY_PIXELS else _FREE:
            image.load()
            orientation = _orientation(image)
            rgb = to_rgb(image)
            if orientation in _TRANSPOSE:
                rgb = rgb.transpose(_TRANSPOSE[orientation])
            if size_px is not None and min(rgb.size) >= 2 * size_px:
                rgb = rgb.reduce(min(rgb.size) // size_px)
            del image  # before the next large one is let in
    except MemoryError as error:
        message = f"too large: no memory for {width:,} x {height:,} pixels"
        raise BrokenImageError(message) from error
    except Exception as error:
        raise BrokenImageError(_explain(error)) from error
    if orientation >= 5:
        width, height = height, width
    return Picture(rgb, width, height, format_name)


def _open(content: bytes) -> ImageFile.ImageFile:
    """Read a picture's header with the reader of the format that its first bytes name.

    The classes are called directly: ``Image.open`` would also try EPS, which
    starts Ghostscript, and would warn or refuse by a process-wide limit.
    """
    if not content:
        raise BrokenImageError(_EMPTY)
    format_name = find_format(content)
    if format_name is None:
        raise BrokenImageError(describe_stranger(content))
    if format_name == "JPEG":
        refuse_filled(content)
    elif format_name == "PNG":
        content = without_texts(content)
    try:
        return _READERS[format_name](io.BytesIO(content))
    except Exception as error:
        message = f"header damaged: {_explain(error)}"
        raise BrokenImageError(message) from error


def _explain(error: Exception) -> str:
    """Put a decoder's error into plain words."""
    text = str(error) or type(error).__name__
    lowered = text.lower()
    if "truncated" in lowered or isinstance(error, EOFError):
        return "truncated: the file ends before its picture does"
    if "broken data stream" in lowered or "decoder error" in lowered:
        return f"picture data damaged: {text}"
    return text


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where there is none or it cannot be read."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
        return orientation if orientation in _TRANSPOSE else 1
    except Exception:  # noqa: BLE001  damaged EXIF data never costs a good picture
        return 1
