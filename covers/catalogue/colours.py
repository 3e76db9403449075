"""The colours of a picture: counted in 4,096 codes, five leading ones, a histogram.

A code is 16 levels per channel. C is the number of codes that occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

N_PALETTE = 5
HISTOGRAM_BINS = 128
_N_CODES = 4096
_PALETTE_ROUNDS = 6


def count_codes(bands: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.int64]:
    """Count the pixels of each code.

    Parameters
    ----------
    bands : sequence of ndarray of uint8, shape (height, width)
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
    codes = np.flatnonzero(counts)
    weights = counts[codes].astype(np.float64)
    features = _code_colours().features[:, codes]  # (8, C)
    lab, squares = features[:3], features[7]
    chosen = [int(weights.argmax())]
    roots = np.sqrt(weights)
    nearest = np.full(len(codes), np.inf)
    while len(chosen) < min(N_PALETTE, len(codes)):
        last = chosen[-1]
        np.minimum(
            nearest, squares - (2 * lab[:, last]) @ lab + squares[last], out=nearest
        )
        chosen.append(int((roots * nearest).argmax()))
    centres = lab[:, chosen].T  # (5, 3)
    # Summed with their weights, colours give sums and shares at once.
    summed = (features[:7] * weights).T  # (C, 7)
    sums, is_nearest = np.zeros((0, 7)), np.zeros(0, bool)
    for _ in range(_PALETTE_ROUNDS):
        distances = (centres**2).sum(axis=1)[:, None] - (2 * centres) @ lab  # (5, C)
        before, is_nearest = is_nearest, distances == distances.min(axis=0)
        if np.count_nonzero(is_nearest) > len(codes):  # equally near: the first has it
            is_nearest[1:] &= ~np.logical_or.accumulate(is_nearest)[:-1]
        if np.array_equal(before, is_nearest):
            break
        sums = is_nearest.astype(np.float64) @ summed  # (5, 7)
        sums = sums[sums[:, -1] > 0]
        centres = sums[:, :3] / sums[:, -1:]
    shares = sums[:, -1]
    colours = np.rint(sums[:, 3:6] / shares[:, None])
    order = np.argsort(-shares, kind="stable")
    return [
        (
            "#{:02x}{:02x}{:02x}".format(*colours[i].astype(int).tolist()),
            float(shares[i] / weights.sum()),
        )
        for i in order
    ]


@dataclass(frozen=True)
class _CodeColours:
    """What each of the 4,096 colour codes stands for."""

    features: npt.NDArray[np.float64]  # (8, 4096): CIELAB of D65, RGB, 1, |CIELAB|^2
    bins: npt.NDArray[np.int64]  # (4096,), bin of the histogram


@cache
def _code_colours() -> _CodeColours:
    """Work out the colour codes once."""
    side = np.arange(16) * 17.0  # 0 .. 255
    rgb = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = _srgb_to_lab(rgb).T
    features = np.vstack([lab, rgb.T, np.ones(len(rgb)), (lab**2).sum(axis=0)])
    return _CodeColours(features, _hsv_bins(rgb))


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
