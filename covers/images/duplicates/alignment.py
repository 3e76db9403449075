"""Laying one picture over another that was cropped a little: scale and shift are found.

Letters: S side of a square picture in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex64]

_SEARCH_PX = 64
_SCALES = np.exp(np.linspace(-0.18, 0.18, 25))
_MOST_MOVED = 0.12  # of the side
_REFINEMENTS = 4
_BLUR_PX = 1.5
_LEAST_SIDE_PX = 96
_LEAST_STEP_PX = 0.05
_EDGE_PX = 8
_TINY = 1e-6
_MOST_STRETCH = 0.12  # of the logarithm of width over height
_SMOOTH = Image.Resampling.BILINEAR


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture to lay over others, with what is computed of it once.

    Parameters
    ----------
    values : ndarray of float32, shape (S, S)
        Differences from the background, about 0 where there is nothing.
    """

    values: Floats

    @cached_property
    def blurred(self) -> Floats:
        """The picture, softened as `_refine` compares it."""
        from scipy.ndimage import gaussian_filter

        return np.asarray(gaussian_filter(self.values, _BLUR_PX), np.float32)

    @cached_property
    def spectrum(self) -> Spectra:
        """Return the spectrum of a small copy of length 1."""
        small = self._small
        return _spectra(small / max(float(np.linalg.norm(small)), _TINY))

    @cached_property
    def scaled(self) -> Spectra:
        """Return the conjugate spectra of small copies at all scales, each of length 1."""
        moved = np.stack([_move(self._small, _about_middle(s)) for s in _SCALES])
        lengths = np.linalg.norm(moved, axis=(1, 2), keepdims=True)
        return np.conj(_spectra(moved / np.maximum(lengths, _TINY)))

    @property
    def _small(self) -> Floats:
        size = (_SEARCH_PX, _SEARCH_PX)
        image = Image.fromarray(self.values).resize(size, Image.Resampling.BOX)
        return np.asarray(image, np.float32)


class Views(Protocol):
    """A cover as a whole, and without its border; the very same layer where it has none."""

    @property
    def whole(self) -> Layer:
        """All of it."""

    @property
    def inside(self) -> Layer:
        """Without borders."""


def aligned_views(first: Views, second: Views) -> Iterator[tuple[Floats, Floats]]:
    """Yield two covers laid over each other as wholes, then with and without their borders."""
    yield from aligned(first.whole, second.whole)
    is_bordered = first.inside is not first.whole, second.inside is not second.whole
    if any(is_bordered):
        yield from aligned(first.inside, second.inside)
    if is_bordered[1]:
        yield from aligned(first.whole, second.inside)
    if is_bordered[0]:
        yield from aligned(first.inside, second.whole)


def are_of_one_shape(first: Floats, second: Floats) -> bool:
    """Say whether two pictures are about equally wide for their height."""
    if min(*first.shape, *second.shape) < 2:
        return False
    shapes = [np.log(one.shape[1] / one.shape[0]) for one in (first, second)]
    return bool(abs(shapes[0] - shapes[1]) <= _MOST_STRETCH)


def aligned(first: Layer, second: Layer) -> Iterator[tuple[Floats, Floats]]:
    """Yield the parts of two pictures that show the same, on one grid, if there are any.

    The second is scaled by up to 20 %, width and height apart, and moved by up to an
    eighth of the side, so that it agrees best with the first.
    """
    transform, side = _search(first, second), first.values.shape[0]
    for _ in range(_REFINEMENTS):
        last, transform = transform, _refine(first.blurred, second.values, transform)
        if np.abs(transform[:, 1] - last[:, 1]).max() < _LEAST_STEP_PX:
            break
    (scale_x, move_x), (scale_y, move_y) = transform
    if not all(0.8 < scale < 1.25 for scale in (scale_x, scale_y)):
        return
    columns = _covered(scale_x, move_x, side)
    rows = _covered(scale_y, move_y, side)
    if min(columns[1] - columns[0], rows[1] - rows[0]) < _LEAST_SIDE_PX:
        return
    moved = _move(second.values, transform)
    part = np.s_[rows[0] : rows[1], columns[0] : columns[1]]
    yield np.ascontiguousarray(first.values[part]), np.ascontiguousarray(moved[part])


def _covered(scale: float, move: float, side: int) -> tuple[int, int]:
    """Return the range of pixels of the first that the second reaches."""
    ends = ((0 - move) / scale, (side - 1 - move) / scale)
    return max(0, int(np.ceil(min(ends)))), min(side, int(np.floor(max(ends))) + 1)


def _move(picture: Floats, transform: Floats) -> Floats:
    """Sample a picture at ``scale * pixel + move``, pixels counted from 0."""
    (scale_x, move_x), (scale_y, move_y) = transform
    # Pillow counts from the corners of pixels.
    shift = (move_x + 0.5 - 0.5 * scale_x, move_y + 0.5 - 0.5 * scale_y)
    how = (scale_x, 0, shift[0], 0, scale_y, shift[1])
    size = (picture.shape[1], picture.shape[0])
    image = Image.fromarray(picture)
    moved = image.transform(size, Image.Transform.AFFINE, how, resample=_SMOOTH)
    return np.asarray(moved, np.float32)


def _about_middle(scale: float) -> Floats:
    """Return the transform of a small copy that is scaled and not moved."""
    middle = (_SEARCH_PX - 1) / 2 * (1 - scale)
    return np.array([[scale, middle], [scale, middle]], np.float32)


def _spectra(pictures: Floats) -> Spectra:
    return np.asarray(np.fft.rfft2(pictures), np.complex64)


def _search(first: Layer, second: Layer) -> Floats:
    """Find scale and move by the best correlation over all shifts, for each scale."""
    side, small = first.values.shape[0], _SEARCH_PX
    reach = round(_MOST_MOVED * small)
    near = np.r_[0 : reach + 1, -reach:0]
    peaks = np.fft.irfft2(first.spectrum * second.scaled, s=(small, small))
    peaks = peaks[:, near[:, None], near]
    if not peaks.any():
        return np.array([[1.0, 0.0], [1.0, 0.0]], np.float32)
    which, row, column = np.unravel_index(int(peaks.argmax()), peaks.shape)
    steps = _about_middle(float(_SCALES[which]))
    # Moved by d, the second must be sampled d before.
    steps[:, 1] -= steps[:, 0] * near[[column, row]]
    ratio = side / small
    steps[:, 1] = steps[:, 1] * ratio + (ratio - 1) / 2 * (1 - steps[:, 0])
    return steps


@cache
def _pixels(side: int) -> Floats:
    """Return row and column of each pixel off the edges, shape (2, pixels)."""
    inside = range(_EDGE_PX, side - _EDGE_PX)
    return np.stack(
        [each.ravel() for each in np.meshgrid(inside, inside, indexing="ij")]
    ).astype(np.float32)


def _refine(blurred: Floats, second: Floats, transform: Floats) -> Floats:
    """Do one step of least squares on scale and move in both directions (Lucas and Kanade, 1981).

    The first picture comes blurred. Where nothing of the second is left to move, the
    transform stays as it is.
    """
    from scipy.ndimage import gaussian_filter

    b = gaussian_filter(_move(second, transform), _BLUR_PX)
    inside = np.s_[_EDGE_PX:-_EDGE_PX, _EDGE_PX:-_EDGE_PX]
    slope_y, slope_x = (slope[inside].ravel() for slope in np.gradient(b))
    y, x = _pixels(b.shape[0])
    system = np.stack([slope_x * x, slope_x, slope_y * y, slope_y]).astype(np.float64)
    wanted = (blurred - b)[inside].ravel()
    normal = system @ system.T
    if not np.trace(normal) > 0:
        return transform
    normal += 1e-6 * np.trace(normal) * np.diag([1e-3, 1, 1e-3, 1])
    step = np.linalg.solve(normal, system @ wanted).reshape(2, 2)
    # The step is in pixels of the first; those of the second are `scale` as large.
    new = transform.copy()
    new[:, 0] = transform[:, 0] * (1 + step[:, 0])
    new[:, 1] = transform[:, 1] + transform[:, 0] * step[:, 1]
    return new.astype(np.float32)
