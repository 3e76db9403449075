"""What is measured on every picture as it is taken in: hashes, light, colours.

All measures are taken from one small copy of at most 128 px, so that they cost
about two milliseconds and mean the same for covers of any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZE_PX = 128
N_PALETTE = 5
HISTOGRAM_BINS = 128
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

# Luma weights of ITU-R BT.601, as Pillow's own conversion to grey uses them.
_LUMA: npt.NDArray[np.float32] = np.array([0.299, 0.587, 0.114], np.float32)
_PALETTE_ROUNDS = 6
_TRIM_TOLERANCE = 16
_TRIM_ROUNDS = 3
_TRIM_LEAST_SHARE = 0.3


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
    luma = _luma(pixels)
    inner = trim_borders(pixels)
    counts = _count_codes(pixels)  # (4096,)
    histogram = np.bincount(
        _code_colours().bins, weights=counts, minlength=HISTOGRAM_BINS
    )
    palette = _palette(counts)
    whole_hash = _perceptual_hash(luma)
    return PictureMeasures(
        phash=whole_hash,
        phash_inner=whole_hash
        if inner.shape == pixels.shape
        else _perceptual_hash(_luma(inner)),
        signature=_signature(pixels),
        signature_inner=_signature(inner),
        brightness=float(luma.mean()),
        saturation=_saturation(pixels),
        contrast=float(luma.std()),
        sharpness=_sharpness(luma),
        palette=tuple(colour for colour, _ in palette),
        palette_share=tuple(share for _, share in palette),
        colour_histogram=np.sqrt(histogram / histogram.sum()).astype(np.float32),
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


def trim_borders(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Cut off one-coloured borders, several nested ones too.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of uint8
        A view without the border; the whole picture where less than 30 % of
        its width or height would be left, as for a blank cover.
    """
    inner = pixels
    for _ in range(_TRIM_ROUNDS):
        box = _inside(inner)
        if box == (0, inner.shape[0], 0, inner.shape[1]):
            break
        inner = inner[box[0] : box[1], box[2] : box[3]]
        if (
            inner.shape[0] < _TRIM_LEAST_SHARE * pixels.shape[0]
            or inner.shape[1] < _TRIM_LEAST_SHARE * pixels.shape[1]
        ):
            return pixels
    return inner


def _inside(pixels: npt.NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return top, bottom, left, right of what is not of the edges' colour."""
    edges = np.concatenate(
        [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    )  # (2w + 2h, 3)
    colour = np.median(edges, axis=0)
    low = np.clip(colour - _TRIM_TOLERANCE, 0, 255).astype(np.uint8)
    high = np.clip(colour + _TRIM_TOLERANCE, 0, 255).astype(np.uint8)
    outside = (pixels < low) | (pixels > high)  # (height, width, 3)
    differs = outside[..., 0] | outside[..., 1] | outside[..., 2]
    rows = np.flatnonzero(differs.mean(axis=1) > 0.02)
    columns = np.flatnonzero(differs.mean(axis=0) > 0.02)
    if not len(rows) or not len(columns):
        return 0, 0, 0, 0
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _shrink(image: Image.Image) -> Image.Image:
    """Scale down to a long side of at most 128 px."""
    longest = max(image.size)
    if longest <= SIZE_PX:
        return image
    size = tuple(max(1, round(side * SIZE_PX / longest)) for side in image.size)
    return image.resize((size[0], size[1]), Image.Resampling.BILINEAR, reducing_gap=2.0)


def _luma(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the luma of each pixel, 0 to 1."""
    luma: npt.NDArray[np.float32] = pixels @ (_LUMA / np.float32(255))
    return luma


def _perceptual_hash(luma: npt.NDArray[np.float32]) -> str:
    """Hash the signs of the 64 lowest frequencies but the mean.

    The 32 x 32 discrete cosine transform of the classic pHash; each of 8 x 8
    coefficients is compared with their median, the constant one left out.
    """
    from scipy.fft import dct  # slow to import; not needed where nothing is new

    grey = Image.fromarray(luma).resize((32, 32), Image.Resampling.BOX)
    frequencies = dct(dct(np.asarray(grey), axis=0, norm="ortho"), axis=1, norm="ortho")
    low = frequencies[:9, :9].ravel()[1:65]
    return np.packbits(low > np.median(low)).tobytes().hex()


def _signature(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Shrink to 16 x 16 grey values."""
    grey = Image.fromarray(np.ascontiguousarray(pixels)).convert("L")
    return grey.resize((SIGNATURE_SIDE, SIGNATURE_SIDE), Image.Resampling.BOX).tobytes()


def _saturation(pixels: npt.NDArray[np.uint8]) -> float:
    """Return the mean saturation, 0 to 1."""
    red, green, blue = np.moveaxis(pixels, 2, 0)
    highest = np.maximum(np.maximum(red, green), blue)
    chroma = highest - np.minimum(np.minimum(red, green), blue)
    return float(np.where(highest < 16, 0, chroma / np.maximum(highest, 1)).mean())


def _sharpness(luma: npt.NDArray[np.float32]) -> float:
    """Return the steepest steps as a share of the luma range."""
    low, high = np.percentile(luma, (1, 99))
    steps = np.concatenate(
        [np.abs(np.diff(luma, axis=axis)).ravel() for axis in (0, 1)]
    )
    if high - low < 2 / 255 or not len(steps):
        return 0.0
    return float(np.percentile(steps, 99.5) / (high - low))


def _palette(counts: npt.NDArray[np.int64]) -> list[tuple[str, float]]:
    """Cluster a picture's colours into at most five, largest share first.

    Weighted k-means in CIELAB over the colour codes that occur, begun at the
    most frequent one and then at those both frequent and far from the chosen.
    """
    codes = np.flatnonzero(counts)
    weights = counts[codes].astype(np.float64)
    lab = _code_colours().lab[codes]  # (C, 3)
    chosen = [int(weights.argmax())]
    nearest = ((lab - lab[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < min(N_PALETTE, len(codes)):
        chosen.append(int((np.sqrt(weights) * nearest).argmax()))
        nearest = np.minimum(nearest, ((lab - lab[chosen[-1]]) ** 2).sum(axis=1))
    centres = lab[chosen]  # (5, 3)
    assigned, shares = np.zeros((0, len(codes))), np.zeros(0)
    for _ in range(_PALETTE_ROUNDS):
        distances = (centres**2).sum(axis=1) - 2 * lab @ centres.T  # (C, 5)
        assigned = np.eye(len(centres))[distances.argmin(axis=1)].T * weights  # (5, C)
        shares = assigned.sum(axis=1)
        kept = shares > 0
        assigned, shares = assigned[kept], shares[kept]
        centres = assigned @ lab / shares[:, None]
    colours = np.rint(assigned @ _code_colours().rgb[codes] / shares[:, None])
    order = np.argsort(-shares, kind="stable")
    return [
        (
            "#{:02x}{:02x}{:02x}".format(*colours[i].astype(int).tolist()),
            float(shares[i] / weights.sum()),
        )
        for i in order
    ]


def _count_codes(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Count the pixels of each of 4,096 colours, 16 levels per channel, shape (4096,)."""
    red, green, blue = np.moveaxis(pixels >> 4, 2, 0).astype(np.int64)
    counts = np.bincount((red * 256 + green * 16 + blue).ravel(), minlength=4096)
    return counts.astype(np.int64)


@dataclass(frozen=True)
class _CodeColours:
    """What each of the 4,096 colour codes stands for."""

    rgb: npt.NDArray[np.float64]  # (4096, 3), 0 .. 255
    lab: npt.NDArray[np.float64]  # (4096, 3), CIELAB of D65
    bins: npt.NDArray[np.int64]  # (4096,), bin of the histogram


@cache
def _code_colours() -> _CodeColours:
    """Work out the colour codes once."""
    side = np.arange(16) * 17.0  # 0 .. 255
    rgb = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    return _CodeColours(rgb, _srgb_to_lab(rgb), _hsv_bins(rgb))


def _srgb_to_lab(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert sRGB in 0 .. 255 to CIELAB (IEC 61966-2-1, white point D65)."""
    encoded = rgb / 255
    linear = np.where(
        encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
    )
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    scaled = linear @ to_xyz.T / to_xyz.sum(axis=1)
    x, y, z = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def _hsv_bins(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the bin, of 8 hues x 4 saturations x 4 values, of each colour."""
    red, green, blue = rgb.T
    highest = rgb.max(axis=1)
    chroma = highest - rgb.min(axis=1)
    divisor = np.where(chroma == 0, 1, chroma)
    hue = np.select(
        [chroma == 0, highest == red, highest == green],
        [0 * chroma, ((green - blue) / divisor) % 6, (blue - red) / divisor + 2],
        (red - green) / divisor + 4,
    )  # 0 .. 6
    saturation = chroma / np.maximum(highest, 1)
    hue_bin = np.minimum((hue / 6 * 8).astype(np.int64), 7)
    saturation_bin = np.minimum((saturation * 4).astype(np.int64), 3)
    value_bin = np.minimum((highest / 256 * 4).astype(np.int64), 3)
    bins: npt.NDArray[np.int64] = hue_bin * 16 + saturation_bin * 4 + value_bin
    return bins
