"""The colours of a picture: counted in 4,096 codes, five leading ones, a histogram.

A code is 16 levels per channel. C is the number of codes that occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

N_PALETTE = 5
HISTOGRAM_BINS = 128
_N_CODES = 4096
_PALETTE_ROUNDS = 6


def count_codes(bands: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Count the pixels of each code.

    Parameters
    ----------
    bands : ndarray of uint8, shape (3, height, width)
        Red, green and blue.

    Returns
    -------
    ndarray of int64, shape (4096,)
    """
    red, green, blue = bands
    codes = red.astype(np.uint16) & 0xF0
    codes <<= 4
    codes |= green & 0xF0
    codes |= blue >> 4
    counts: npt.NDArray[np.int64] = np.bincount(codes.ravel(), minlength=_N_CODES)
    return counts


def colour_histogram(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return square roots of the shares of 8 hues x 4 saturations x 4 values, shape (128,)."""
    histogram = np.bincount(
        _code_colours().bins, weights=counts, minlength=HISTOGRAM_BINS
    )
    roots: npt.NDArray[np.float32] = np.sqrt(histogram / histogram.sum()).astype(
        np.float32
    )
    return roots


def leading_colours(counts: npt.NDArray[np.int64]) -> list[tuple[str, float]]:
    """Cluster a picture's colours into at most five, largest share first.

    Weighted k-means in CIELAB over the colour codes that occur, begun at the
    most frequent one and then at those both frequent and far from the chosen;
    six rounds, or as many as change anything.
    """
    codes = np.flatnonzero(counts > 0)
    weights = counts[codes].astype(np.float32)
    colours = _code_colours().features.take(codes, axis=0)  # (C, 8)
    terms = np.ascontiguousarray(colours[:, :4].T)  # (4, C)
    chosen = [int(weights.argmax())]
    nearest = np.full(len(codes), np.inf, np.float32)
    roots, squares = np.sqrt(weights), colours[:, 7].copy()
    while len(chosen) < min(N_PALETTE, len(codes)):
        apart = (_compare_with(colours[chosen[-1:], :3]) @ terms)[0] + squares
        np.minimum(nearest, apart, out=nearest)
        chosen.append(int((roots * nearest).argmax()))
    centres = colours[chosen, :3]  # (5, 3)
    # Summed with their weights, colours give sums and shares at once.
    weighted = colours * weights[:, None]  # (C, 8)
    sums, members = np.zeros((0, 8), np.float32), b""
    for _ in range(_PALETTE_ROUNDS):
        distances = _compare_with(centres) @ terms  # (5, C)
        is_nearest = distances == distances.min(axis=0)
        if np.count_nonzero(is_nearest) > len(codes):  # equally near: the first has it
            is_nearest[1:] &= ~np.logical_or.accumulate(is_nearest)[:-1]
        before, members = members, is_nearest.tobytes()
        if before == members:
            break
        sums = is_nearest.astype(np.float32) @ weighted  # (5, 8)
        sums = sums[sums[:, 3] > 0]
        centres = sums[:, :3] / sums[:, 3:4]
    shares = sums[:, 3]
    leading = np.rint(sums[:, 4:7] / shares[:, None]).astype(np.uint8)
    total = shares.sum()
    return [
        (f"#{leading[i].tobytes().hex()}", float(shares[i] / total))
        for i in np.argsort(-shares, kind="stable")
    ]


def _compare_with(centres: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return what to multiply ``(*lab, 1)`` with for ``|lab - centre|^2 - |lab|^2``, shape (K, 4)."""
    squares = (centres * centres).sum(axis=1, keepdims=True)
    return np.concatenate((-2 * centres, squares), axis=1)


@dataclass(frozen=True)
class _CodeColours:
    """What each of the 4,096 colour codes stands for."""

    features: npt.NDArray[np.float32]  # (4096, 8): CIELAB of D65, 1, RGB, |CIELAB|^2
    bins: npt.NDArray[np.int64]  # (4096,), bin of the histogram


@cache
def _code_colours() -> _CodeColours:
    """Work out the colour codes once."""
    side = np.arange(16) * 17.0  # 0 .. 255
    rgb = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = _srgb_to_lab(rgb)
    squares = (lab**2).sum(axis=1)
    features = np.column_stack([lab, np.ones(len(rgb)), rgb, squares])
    return _CodeColours(features.astype(np.float32), _hsv_bins(rgb))


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
