"""Converting pixels of any mode to RGB of 8 bits, a few rows at a time where a picture is large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt
    from PIL import ImageFile

_STRIP_PIXELS = 1 << 22
_WITH_ALPHA = frozenset({"RGBA", "RGBa", "LA", "La", "PA"})


def to_rgb(image: ImageFile.ImageFile) -> Image.Image:
    """Convert any mode to RGB, transparency on white, leaving the file's metadata behind.

    Large pictures are converted by strips of rows, so that what is needed
    beside source and result stays small.
    """
    convert = _converter(image)
    if convert is None:
        # The commonest mode is not copied: a copy costs a third of decoding a small JPEG.
        rgb: Image.Image = image if image.mode == "RGB" else image.convert("RGB")
        rgb.info = {}
        return rgb
    if image.width * image.height <= _STRIP_PIXELS:
        return convert(image)
    rgb = Image.new("RGB", image.size)
    for top, bottom in _strips(image):
        strip = image.crop((0, top, image.width, bottom))
        strip.info = image.info
        rgb.paste(convert(strip), (0, top))
    return rgb


def _converter(
    image: ImageFile.ImageFile,
) -> Callable[[Image.Image], Image.Image] | None:
    """Return what makes RGB of a strip of `image`; None where Pillow's own way will do."""
    if image.mode.startswith(("I", "F")):
        low, high = _range_of_grey(image)
        return lambda strip: _scale_grey(strip, low, high).convert("RGB")
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        # Pillow takes every CMYK JPEG for one of Adobe's, which store ink inverted.
        return lambda strip: ImageChops.invert(strip).convert("RGB")
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        return _lay_on_white
    return None


def _strips(image: Image.Image) -> Iterator[tuple[int, int]]:
    """Yield the first and last rows of strips of a picture."""
    n_rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, n_rows):
        yield top, min(top + n_rows, image.height)


def _lay_on_white(strip: Image.Image) -> Image.Image:
    """Lay transparent pixels on white."""
    white = Image.new("RGBA", strip.size, (255, 255, 255, 255))
    white.alpha_composite(strip.convert("RGBA"))
    return white.convert("RGB")


def _range_of_grey(image: Image.Image) -> tuple[float, float]:
    """Return what stands for black and white in grey of 16 or 32 bits or floating point."""
    if image.mode.startswith("I;16"):
        return 0.0, 65535.0
    low, high = np.inf, -np.inf
    for top, bottom in _strips(image):
        grey = _as_grey(image.crop((0, top, image.width, bottom)))
        low, high = min(low, float(grey.min())), max(high, float(grey.max()))
    if low >= 0 and high <= 1 and image.mode == "F":
        return 0.0, 1.0
    if low >= 0 and high <= 255:
        return 0.0, 255.0
    if low >= 0 and high <= 65535:
        return 0.0, 65535.0
    return low, high


def _scale_grey(strip: Image.Image, low: float, high: float) -> Image.Image:
    """Scale grey to 8 bits."""
    scaled = np.round((_as_grey(strip) - low) * (255 / max(high - low, 1e-12)))
    return Image.fromarray(scaled.clip(0, 255).astype(np.uint8))


def _as_grey(strip: Image.Image) -> npt.NDArray[np.float64]:
    """Return grey values, what is no number as 0, shape (height, width)."""
    grey = np.asarray(strip).astype(np.float64)
    return np.nan_to_num(grey, nan=0.0, posinf=0.0, neginf=0.0, copy=False)
