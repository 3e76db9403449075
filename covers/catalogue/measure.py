"""What is measured on every picture as it is taken in: hashes, light, colours.

All measures are taken from one small copy of at most 128 px, so that they cost
less than a millisecond and mean the same for covers of any size. Light is
counted in 4,081 levels: percentiles, means and deviations are then read off a
histogram, without sorting pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from covers.catalogue.colours import (
    HISTOGRAM_BINS,
    colour_histogram,
    count_codes,
    leading_colours,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZE_PX = 128
SIGNATURE_SIDE = 16

KIND = "picture measures"
SCHEMA = pa.schema(
    [
        pa.field("cover_id", pa.string(), nullable=False),
        pa.field("phash", pa.string()),
        pa.field("phash_inner", pa.string()),
        pa.field("signature", pa.binary(SIGNATURE_SIDE**2)),
        pa.field("signature_inner", pa.binary(SIGNATURE_SIDE**2)),
        pa.field("brightness", pa.float32()),
        pa.field("saturation", pa.float32()),
        pa.field("contrast", pa.float32()),
        pa.field("sharpness", pa.float32()),
        pa.field("palette", pa.list_(pa.string())),
        pa.field("palette_share", pa.list_(pa.float32())),
        pa.field("colour_histogram", pa.list_(pa.float32(), HISTOGRAM_BINS)),
    ]
)
"""Columns of ``pictures.parquet``: one row per cover; see `PictureMeasures` for units."""

# Luma weights of ITU-R BT.601 in 16 bits, as Pillow's own conversion to grey uses them.
_RED, _GREEN, _BLUE = np.uint32(19595), np.uint32(38470), np.uint32(7471)
_WHITE = 255 * 16  # luma of white
_TRIM_TOLERANCE = 16
_TRIM_ROUNDS = 3
_TRIM_LEAST_SHARE = 0.3
_TRIM_STRAY = 0.02  # share of a line's pixels that may differ in a border


@dataclass(frozen=True)
class PictureMeasures:
    """What is known of one picture without any model.

    Parameters
    ----------
    phash : str
        Perceptual hash of the whole picture, 64 bits as 16 hex digits.
    phash_inner : str
        The same with one-coloured borders trimmed; equal to `phash` where there are none.
    signature : bytes
        The whole picture as 16 x 16 grey values, row by row; confirms what the
        hashes suggest.
    signature_inner : bytes
        The same of the trimmed picture.
    brightness : float
        Mean luma (BT.601), 0 black to 1 white.
    saturation : float
        Mean saturation (HSV), 0 grey to 1; near-black pixels count as grey.
    contrast : float
        Standard deviation of the luma, 0 one-coloured to 0.5 half black, half white.
    sharpness : float
        Steepest steps between neighbouring pixels (99.5th percentile, at 128 px)
        as a share of the luma range, 0 to about 1; a Gaussian blur of sigma s
        pixels brings it to about ``0.4 / s``. 0 for a blank picture.
    palette : tuple of str
        At most five leading colours as ``"#rrggbb"``, the largest share first.
    palette_share : tuple of float
        Share of the picture each of them stands for; sums to one.
    colour_histogram : ndarray of float32, shape (128,)
        Square roots of the shares of 8 hues x 4 saturations x 4 values (HSV),
        hence of L2 norm one: the dot product of two of them is the
        Bhattacharyya coefficient, 0 no colour in common to 1 the same colours.
    """

    phash: str
    phash_inner: str
    signature: bytes
    signature_inner: bytes
    brightness: float
    saturation: float
    contrast: float
    sharpness: float
    palette: tuple[str, ...]
    palette_share: tuple[float, ...]
    colour_histogram: npt.NDArray[np.float32]


def measure_picture(image: Image.Image) -> PictureMeasures:
    """Measure a decoded picture.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB, at least 1 x 1 pixel.

    Raises
    ------
    ValueError
        If the mode is not RGB.
    """
    if image.mode != "RGB":
        message = f"image must be of mode RGB, got {image.mode!r}: decode it with covers.catalogue.pictures"
        raise ValueError(message)
    small = _shrink(image)
    pixels = np.asarray(small)  # (height, width, 3) uint8
    bands = [np.asarray(band) for band in small.split()]  # each (height, width)
    luma = _luma(bands)
    light = np.bincount(luma.ravel(), minlength=_WHITE + 1)  # (4081,)
    counts = count_codes(bands)  # (4096,)
    palette = leading_colours(counts)
    grey = small.convert("L")
    box = inner_box(pixels)
    whole_hash, whole_signature = _perceptual_hash(luma), _signature(grey)
    inner_hash, inner_signature = whole_hash, whole_signature
    if box != (0, 0, *small.size):
        left, top, right, bottom = box
        inner_hash = _perceptual_hash(luma[top:bottom, left:right])
        inner_signature = _signature(grey.crop(box))
    brightness, contrast = _mean_and_deviation(light)
    return PictureMeasures(
        phash=whole_hash,
        phash_inner=inner_hash,
        signature=whole_signature,
        signature_inner=inner_signature,
        brightness=brightness,
        saturation=_saturation(bands),
        contrast=contrast,
        sharpness=_sharpness(luma, light),
        palette=tuple(colour for colour, _ in palette),
        palette_share=tuple(share for _, share in palette),
        colour_histogram=colour_histogram(counts),
    )


def measures_table(
    cover_ids: Sequence[str], measures: Sequence[PictureMeasures]
) -> pa.Table:
    """Put the measures of covers into a table of `SCHEMA`."""
    columns = {
        name: [getattr(item, name) for item in measures]
        for name in SCHEMA.names
        if name not in {"cover_id", "colour_histogram"}
    }
    histograms = np.concatenate(
        [item.colour_histogram for item in measures] or [np.zeros(0, np.float32)]
    )
    columns["cover_id"] = list(cover_ids)
    columns["colour_histogram"] = pa.FixedSizeListArray.from_arrays(
        pa.array(histograms, pa.float32()), HISTOGRAM_BINS
    )
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def inner_box(pixels: npt.NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a picture without one-coloured borders.

    Several nested borders are cut off.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    tuple of int
        The whole picture where less than 30 % of its width or height would be
        left, as for a blank cover.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = whole = (0, 0, width, height)
    for _ in range(_TRIM_ROUNDS):
        box = _inside(pixels[top:bottom, left:right])
        if box == (0, 0, right - left, bottom - top):
            break
        left, top, right, bottom = (
            left + box[0],
            top + box[1],
            left + box[2],
            top + box[3],
        )
        if (
            bottom - top < _TRIM_LEAST_SHARE * height
            or right - left < _TRIM_LEAST_SHARE * width
        ):
            return whole
    return left, top, right, bottom


def _inside(pixels: npt.NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of what is not of the edges' colour."""
    height, width = pixels.shape[:2]
    edges = np.concatenate(
        [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    )  # (2w + 2h, 3)
    ordered = np.sort(edges.T, axis=1, kind="stable").astype(np.float32)
    middle = width + height
    colour = (ordered[:, middle - 1] + ordered[:, middle]) / 2  # the median
    low = np.clip(colour - _TRIM_TOLERANCE, 0, 255).astype(np.uint8)
    high = np.clip(colour + _TRIM_TOLERANCE, 0, 255).astype(np.uint8)
    starts = [0, width, 2 * width, 2 * width + height]
    strays = np.add.reduceat(_differing(edges, low, high), starts, dtype=np.int64)
    if (strays > _TRIM_STRAY * np.array([width, width, height, height])).all():
        return 0, 0, width, height  # no border, as on most covers
    differs = _differing(pixels, low, high)
    rows = np.flatnonzero(differs.mean(axis=1) > _TRIM_STRAY)
    columns = np.flatnonzero(differs.mean(axis=0) > _TRIM_STRAY)
    if not len(rows) or not len(columns):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _differing(
    pixels: npt.NDArray[np.uint8],
    low: npt.NDArray[np.uint8],
    high: npt.NDArray[np.uint8],
) -> npt.NDArray[np.bool_]:
    """Say which pixels are outside a range of colours, shape ``pixels.shape[:-1]``."""
    outside = (pixels < low) | (pixels > high)
    differing: npt.NDArray[np.bool_] = (
        outside[..., 0] | outside[..., 1] | outside[..., 2]
    )
    return differing


def _shrink(image: Image.Image) -> Image.Image:
    """Scale down to a long side of at most 128 px."""
    longest = max(image.size)
    if longest <= SIZE_PX:
        return image
    size = tuple(max(1, round(side * SIZE_PX / longest)) for side in image.size)
    return image.resize((size[0], size[1]), Image.Resampling.BILINEAR, reducing_gap=2.0)


def _luma(bands: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint32]:
    """Return the luma of each pixel, 0 to 4,080."""
    red, green, blue = bands
    luma: npt.NDArray[np.uint32] = red * _RED + green * _GREEN + blue * _BLUE
    luma >>= 12
    return luma


@cache
def _cosines() -> npt.NDArray[np.float32]:
    """Return the nine slowest waves of the orthonormal DCT-II of 32 values, shape (9, 32)."""
    waves = np.cos(np.pi / 32 * np.arange(9)[:, None] * (np.arange(32) + 0.5))
    waves *= np.sqrt(2 / 32)
    waves[0] /= np.sqrt(2)
    return waves.astype(np.float32)


def _perceptual_hash(luma: npt.NDArray[np.uint32]) -> str:
    """Hash the signs of the 64 lowest frequencies but the mean.

    The 32 x 32 discrete cosine transform of the classic pHash; each of 8 x 8
    coefficients is compared with their median, the constant one left out.
    """
    grey = Image.fromarray(luma.astype(np.float32) / _WHITE)
    small = np.asarray(grey.resize((32, 32), Image.Resampling.BOX))
    low = (_cosines() @ small @ _cosines().T).ravel()[1:65]
    return np.packbits(low > np.median(low)).tobytes().hex()


def _signature(grey: Image.Image) -> bytes:
    """Shrink to 16 x 16 grey values."""
    return grey.resize((SIGNATURE_SIDE, SIGNATURE_SIDE), Image.Resampling.BOX).tobytes()


def _saturation(bands: Sequence[npt.NDArray[np.uint8]]) -> float:
    """Return the mean saturation, 0 to 1."""
    red, green, blue = bands
    highest = np.maximum(np.maximum(red, green), blue)
    chroma = highest - np.minimum(np.minimum(red, green), blue)
    shares = np.divide(chroma, np.maximum(highest, 1), dtype=np.float32)
    shares *= highest >= 16
    return float(shares.mean())


def _mean_and_deviation(counts: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return mean and standard deviation of lumas counted by level, as shares of white."""
    levels = np.arange(len(counts)) / _WHITE
    mean = counts @ levels / counts.sum()
    return float(mean), float(np.sqrt(counts @ (levels - mean) ** 2 / counts.sum()))


def _sharpness(luma: npt.NDArray[np.uint32], light: npt.NDArray[np.int64]) -> float:
    """Return the steepest steps as a share of the luma range."""
    span = _percentile(light, 99) - _percentile(light, 1)
    signed = luma.astype(np.int16)
    steps = [np.abs(np.diff(signed, axis=axis)).ravel() for axis in (0, 1)]
    counts = np.bincount(np.concatenate(steps), minlength=1)
    if span < 2 / 255 * _WHITE or not counts.sum():
        return 0.0
    return float(_percentile(counts, 99.5) / span)


def _percentile(counts: npt.NDArray[np.int64], percent: float) -> float:
    """Return a percentile of values counted by level, in levels, as NumPy interpolates it."""
    up_to = counts.cumsum()
    rank = percent / 100 * (up_to[-1] - 1)
    below = int(rank)
    first, second = np.searchsorted(
        up_to, (below, min(below + 1, up_to[-1] - 1)), "right"
    )
    return float(first + (rank - below) * (second - first))
