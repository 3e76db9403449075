"""Plain sleeves: whether two agree where their ink is.

A white sleeve with one line of text is white nearly everywhere, and so is every
other one: as whole pictures they agree, whatever they say. So the background is
taken away, one colour or a smooth run of colours, and what is left of the two is
compared small part by small part, in their thumbnails, where letters can be told
apart. Letters: V views, W windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from covers.images.duplicates.alignment import (
    Layer,
    aligned_views,
    are_of_one_shape,
)
from covers.images.duplicates.strokes import (
    FineInk,
    common_side,
    have_same_strokes,
)
from covers.images.measures import inner_box

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = npt.NDArray[np.float32]

_LEAST_INK = 8.0  # grey levels from the background, of 255, in a cell
_LEAST_MARK = 24.0  # the same in a pixel of a thumbnail
_ROUNDS = 6
_SIDE_PX = 128
_SURE = 0.95  # an agreement that needs no further look
_HOPELESS = 0.5  # a median for which letters need not be compared
_LIES_OVER = 0.9
_OTHER_WORDS = 0.6  # agreement of parts below which letters differ for certain
_IS_THE_SAME = 0.985  # a median of ink that was copied, not drawn anew
_OTHER_WORDS_SURELY = 0.88
_PART_BELOW_MOST = 0.1  # of copies at 90 px 0.03, of BIRD and KING 0.13
_LEAST_LETTERS = 0.75  # of copies at 90 px 0.81, of KING and RING 0.6
_WORST_SHARE = 0.03
_FEWEST_WINDOWS = 5
_FIT_SIDE = 32
_GRID_PX = 96
_WINDOW_PX = 13
_WEAKEST_SHARE = 0.1
_TILE_PX = 16
_LETTER_PX = 7
_LEAST_TILE = 50  # of its pixels have ink
_LEAST_TILES = 3
_LEAST_ENERGY = 30.0  # variance of ink in a window, of 255²
_LEAST_NOISE = 4.0
_SMOOTH = Image.Resampling.BILINEAR


def ink_cells(signatures: npt.NDArray[np.uint8]) -> Floats:
    """Return how far each cell of small grey copies is from their smooth background.

    Parameters
    ----------
    signatures : ndarray of uint8, shape (n_views, 256)

    Returns
    -------
    ndarray of float32, shape (n_views, 256)
        Zero where a cell is background, else the difference in grey levels.
    """
    residuals = _without_background(signatures.astype(np.float32), _surfaces(16))
    return np.where(np.abs(residuals) > _LEAST_INK, residuals, 0).astype(np.float32)


def coarse_agreement(first: Floats, second: Floats) -> Floats:
    """Return the correlation of `ink_cells` over the cells where either has ink.

    Parameters
    ----------
    first, second : ndarray of float32, shape (n_pairs, 256)

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
        1 where the ink is the same in all these cells; 0 without ink.
    """
    inked = (first != 0) | (second != 0)
    n = np.maximum(inked.sum(axis=1, keepdims=True), 1)
    a = np.where(inked, first - first.sum(axis=1, keepdims=True) / n, 0)
    b = np.where(inked, second - second.sum(axis=1, keepdims=True) / n, 0)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    products = np.einsum("ij,ij->i", a, b)
    agreement: Floats = np.divide(
        products, lengths, out=np.zeros_like(products), where=lengths > 0
    )
    return agreement


@dataclass(frozen=True)
class Ink:
    """What a picture shows on its smooth background.

    Parameters
    ----------
    whole : Layer
        All of it, on a common square of 128 pixels.
    inside : Layer
        The same without borders; `whole` itself where it has none.
    box : ndarray of float32, shape (height, width)
        The part that ink fills, as large as it is; empty where there is none.
    flat, flat_inside : ndarray of float32, shape (height, width)
        What `whole` and `inside` were made of, as large as they are.
    """

    whole: Layer
    inside: Layer
    box: Floats
    flat: Floats
    flat_inside: Floats

    def fine(self, side: int) -> FineInk:
        """Return the same on squares of so many pixels."""
        return FineInk(side, self.flat, self.flat_inside, self.box)

    @classmethod
    def of(cls, image: Image.Image) -> Ink:
        """Take the ink of a thumbnail, or of a larger picture."""
        bands = np.stack([np.asarray(band) for band in image.convert("RGB").split()])
        light, inner = image.convert("F"), inner_box(bands)
        flat = flat_inside = _flatten(light.crop(inner))
        whole = inside = _on_square(flat_inside)
        if tuple(inner) != (0, 0, *light.size):
            flat = _flatten(light)
            whole = _on_square(flat)
        return cls(whole, inside, _box(flat_inside), flat, flat_inside)


def _flatten(light: Image.Image) -> Floats:
    """Take the smooth background of a picture away."""
    small = light.resize((_FIT_SIDE, _FIT_SIDE), Image.Resampling.BOX)
    values = np.asarray(small, np.float32).reshape(1, -1)
    ink = _without_background(values, _surfaces(_FIT_SIDE))
    behind = Image.fromarray((values - ink).reshape(_FIT_SIDE, _FIT_SIDE))
    flat = np.asarray(light, np.float32) - np.asarray(behind.resize(light.size))
    return np.asarray(flat, np.float32)


def _on_square(flat: Floats) -> Layer:
    square = Image.fromarray(flat).resize((_SIDE_PX, _SIDE_PX))
    return Layer(np.asarray(square, np.float32))


@dataclass(frozen=True)
class InkAgreement:
    """How well two pictures agree where their ink is; 1 for copies.

    Parameters
    ----------
    whole : float
        The tenth percentile, over windows with ink, of the local correlation:
        below 0 to about 0.7 for other words in the same place.
    parts : float
        The mean of the three tiles with ink that agree least, weak ink counted like
        strong: other words below a large mark that is the same.
    most : float, default=0
        The median over windows: a large mark that is the same, whatever the words.
    letters : float, default=1
        The mean of the 3 % of letter-sized windows with strong ink that agree least:
        one letter that differs in words that are the same otherwise.
    """

    whole: float
    parts: float
    most: float = 0.0
    letters: float = 1.0

    def is_other_words(self) -> bool:
        """Say whether most of the ink lies over each other, and small parts differ."""
        least = _OTHER_WORDS_SURELY if self.most >= _IS_THE_SAME else _OTHER_WORDS
        return self.most >= _LIES_OVER and self.parts < least

    def reaches(self, least_whole: float, least_parts: float) -> bool:
        """Say whether two designs agree: enough ink in both, no part that agrees less than the rest, no other letter."""
        least = max(least_parts, self.most - _PART_BELOW_MOST)
        agrees = self.whole >= least_whole and self.parts >= least
        return agrees and self.letters >= _LEAST_LETTERS


def ink_agreement(first: Ink, second: Ink) -> InkAgreement:
    """Compare two pictures where their ink is.

    They are laid over each other as a whole, moved and scaled a little or not, without
    their borders, and by the box that their ink fills: which undoes crops and borders.
    The best of these counts.
    """
    best = InkAgreement(-1.0, -1.0)
    for a, b in _overlays(first, second):
        found = _compare(a, b)
        best = max(best, found, key=lambda one: (min(one.whole, one.parts), one.most))
        if best.reaches(_SURE, _SURE):
            break
    return best


def _overlays(first: Ink, second: Ink) -> Iterator[tuple[Floats, Floats]]:
    """Yield the ways to lay one picture over the other, the cheap ones first."""
    yield first.inside.values, second.inside.values
    yield from _boxed(first.box, second.box)
    yield from aligned_views(first, second)


def same_strokes(first: Ink, second: Ink) -> bool:
    """Say whether no stroke of a letter differs; see `covers.images.duplicates.strokes`."""
    side = common_side(first.flat, second.flat)
    return have_same_strokes(first.fine(side), second.fine(side))


@cache
def _surfaces(side: int) -> Floats:
    """Return six smooth surfaces on a square: level, slopes, curvatures."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    parts = (np.ones_like(x), x, y, x * x, x * y, y * y)
    return np.stack(parts, axis=-1).reshape(-1, 6).astype(np.float32)


def _without_background(values: Floats, surfaces: Floats) -> Floats:
    """Take away the smooth surface that most of each row's values lie on."""
    squares = np.einsum("ij,ik->ijk", surfaces, surfaces).reshape(len(surfaces), 36)
    residuals = values - np.median(values, axis=1, keepdims=True)
    for _ in range(_ROUNDS):
        weights = 1 / (1 + (residuals / _LEAST_INK) ** 2)
        normal = (weights @ squares).reshape(-1, 6, 6) + 1e-3 * np.eye(6)
        right = (weights * values) @ surfaces
        fitted = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
        residuals = values - fitted @ surfaces.T
    result: Floats = residuals.astype(np.float32)
    return result


def _boxed(first: Floats, second: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Yield two boxes of ink on a common grid, if they are of one shape."""
    if not are_of_one_shape(first, second):
        return
    height, width = first.shape
    scale = _GRID_PX / max(height, width)
    size = [max(_WINDOW_PX, round(side * scale)) for side in (width, height)]
    a, b = (
        np.asarray(Image.fromarray(box).resize((size[0], size[1]), _SMOOTH))
        for box in (first, second)
    )
    yield a, b


def _box(ink: Floats) -> Floats:
    """Cut a picture to the box that its ink fills."""
    strength = np.abs(ink)
    marks = strength > max(_LEAST_MARK, 0.25 * float(np.percentile(strength, 99.8)))
    rows = np.flatnonzero(marks.sum(axis=1) >= 2)
    columns = np.flatnonzero(marks.sum(axis=0) >= 2)
    if not len(rows) or not len(columns):
        return ink[:0]
    return np.ascontiguousarray(
        ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    )


def _compare(first: Floats, second: Floats) -> InkAgreement:
    """Compare two pictures of ink that lie over each other, window by window."""
    local, energy = _correlate(first, second, smooth=1.0, window=_WINDOW_PX, noise=0.02)
    most = float(energy.max(initial=0))
    if most < 1:
        return InkAgreement(-1.0, -1.0)
    strong = local[energy > 0.1 * most]
    whole, median = np.quantile(strong, [_WEAKEST_SHARE, 0.5]).tolist()
    if median < _HOPELESS:
        return InkAgreement(whole, -1.0, median)
    local, energy = _correlate(first, second, smooth=0.7, window=_LETTER_PX, noise=3e-3)
    inked = energy > max(0.02 * float(energy.max()), _LEAST_ENERGY)
    parts, letters = _least_tiles(local, inked), _least_letters(local, energy)
    return InkAgreement(whole, parts, median, letters)


def _correlate(
    first: Floats, second: Floats, *, smooth: float, window: int, noise: float
) -> tuple[Floats, Floats]:
    """Return the correlation of each window of two pictures, and how much ink it holds.

    Parameters
    ----------
    first, second : ndarray of float32, shape (height, width)
    smooth : float
        Radius of a blur before, in pixels.
    window : int
        Side in pixels.
    noise : float
        Share of the greatest variance that counts as none.
    """
    from scipy.ndimage import gaussian_filter, uniform_filter

    a, b = gaussian_filter(first, smooth), gaussian_filter(second, smooth)

    def mean(values: Floats) -> Floats:
        return np.asarray(uniform_filter(values, window, mode="constant"), np.float32)

    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    energy = np.maximum(variance_a, variance_b)
    none = max(noise * float(energy.max(initial=0)), _LEAST_NOISE)
    product = np.maximum(variance_a * variance_b, 0)
    shared = mean(a * b) - mean_a * mean_b
    return np.asarray(shared / np.sqrt(product + none**2), np.float32), energy


def _least_letters(local: Floats, energy: Floats) -> float:
    """Return the mean of the windows with strong ink that agree least."""
    strong = np.sort(local[energy > _WEAKEST_SHARE * float(energy.max())])
    n = max(_FEWEST_WINDOWS, round(_WORST_SHARE * len(strong)))
    return float(strong[:n].mean()) if len(strong) else 1.0


def _least_tiles(local: Floats, inked: npt.NDArray[np.bool_]) -> float:
    """Return the mean of the three least medians of overlapping tiles that hold ink."""
    medians = []
    for top in range(0, local.shape[0], _TILE_PX // 2):
        for left in range(0, local.shape[1], _TILE_PX // 2):
            tile = np.s_[top : top + _TILE_PX, left : left + _TILE_PX]
            values = local[tile][inked[tile]]
            if len(values) >= _LEAST_TILE:
                medians.append(float(np.median(values)))
    return float(np.mean(sorted(medians)[:_LEAST_TILES])) if medians else 1.0
