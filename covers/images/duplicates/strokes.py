"""Whether one stroke of a letter differs between two pictures that lie over each other.

GOLD and COLD differ in a bar of a few pixels, and agree everywhere else. So what is
left of one picture when the other is taken away is looked at where it is strongest,
as a share of the ink around it. Of a copy little is left: what packing and scaling
leave along edges is dark on one side and light on the other, and goes away when it
is blurred by the width of a stroke.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from covers.images.duplicates.alignment import (
    Layer,
    aligned,
    aligned_views,
    are_of_one_shape,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = npt.NDArray[np.float32]

_SIDES_PX = (128, 256)
_MARGIN_SHARE = 8
_STROKE_PX = 1.2
_AROUND_PX = 25
_LEAST_INK = 24.0  # grey levels; fainter ink around counts as so strong
_WEAKEST_SHARE = 0.15
_EDGE_PX = 4
_N_STRONGEST = 4
_BLURS_PX = (0.0, 0.7, 1.2, 1.8)
_USUAL = 3
"""So many times what is left in the middle is the noise of packing and scaling."""
_MOST_GAIN = 2
_TINY = 1e-6
_MOST_LEFT = 0.31  # of copies at JPEG quality 15 up to 0.29, of GOLD and COLD 0.35


@dataclass(frozen=True, eq=False)
class FineInk:
    """The ink of a cover in about as many pixels as its thumbnail has.

    Parameters
    ----------
    side : int
        Of the squares that it is laid on.
    flat, flat_inside : ndarray of float32, shape (height, width)
        All of it, and without borders: the very same where it has none.
    flat_box : ndarray of float32, shape (height, width)
        The part that ink fills.
    """

    side: int
    flat: Floats
    flat_inside: Floats
    flat_box: Floats

    @cached_property
    def whole(self) -> Layer:
        """All of it, on a common square."""
        return _on_square(self.flat, self.side)

    @cached_property
    def inside(self) -> Layer:
        """The same without borders; `whole` itself where it has none."""
        is_whole = self.flat_inside is self.flat
        return self.whole if is_whole else _on_square(self.flat_inside, self.side)

    @cached_property
    def box(self) -> Layer:
        """The part that ink fills, with a margin."""
        margins = [(side // _MARGIN_SHARE,) * 2 for side in self.flat_box.shape]
        return _on_square(np.pad(self.flat_box, margins), self.side)


def have_same_strokes(first: FineInk, second: FineInk) -> bool:
    """Say whether all strokes of two covers are the same, laid over each other in any way."""
    return any(_is_nothing_left(one, other) for one, other in _overlays(first, second))


def common_side(*flats: Floats) -> int:
    """Return the side of the square on which pictures are compared: that of the smallest."""
    smallest = min(max(flat.shape) for flat in flats)
    return int(min(max(smallest, _SIDES_PX[0]), _SIDES_PX[1]))


def _on_square(flat: Floats, side: int) -> Layer:
    square = Image.fromarray(flat).resize((side, side), Image.Resampling.BICUBIC)
    return Layer(np.asarray(square, np.float32))


def _overlays(first: FineInk, second: FineInk) -> Iterator[tuple[Floats, Floats]]:
    """Yield the ways to lay one over the other, the cheap ones first."""
    yield first.inside.values, second.inside.values
    if are_of_one_shape(first.flat_box, second.flat_box):
        yield from aligned(first.box, second.box)
    yield from aligned_views(first, second)


def _is_nothing_left(first: Floats, second: Floats) -> bool:
    """Say whether less than a stroke is left of one when the other is taken away."""
    return any(_left(a, b) <= _MOST_LEFT for a, b in _equally_sharp(first, second))


def _equally_sharp(first: Floats, second: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Yield the two equally strong, the sharper of them blurred as the other may be."""
    from scipy.ndimage import gaussian_filter, laplace

    is_first = np.abs(laplace(first)).mean() > np.abs(laplace(second)).mean()
    for radius in _BLURS_PX:
        a = gaussian_filter(first, radius) if is_first and radius else first
        b = second if is_first or not radius else gaussian_filter(second, radius)
        faint, strong = (a, b) if (a * a).sum() <= (b * b).sum() else (b, a)
        gain = float((a * b).sum()) / max(float((strong * strong).sum()), _TINY)
        yield faint, max(gain, 1 / _MOST_GAIN) * strong


def _left(first: Floats, second: Floats) -> float:
    """Return how strong the strongest difference is beside the ink around it, less what is usual.

    0 for the same picture, about 0.5 where a letter has another stroke, 1 where ink
    is missing.
    """
    from scipy.ndimage import gaussian_filter, maximum_filter

    left = gaussian_filter(first - second, _STROKE_PX)
    left -= gaussian_filter(left, 4 * _STROKE_PX)
    ink = np.maximum(
        np.abs(gaussian_filter(first, _STROKE_PX)),
        np.abs(gaussian_filter(second, _STROKE_PX)),
    )
    around = maximum_filter(ink, _AROUND_PX)
    floor = max(_LEAST_INK, _WEAKEST_SHARE * float(ink.max()))
    inner = np.s_[_EDGE_PX:-_EDGE_PX, _EDGE_PX:-_EDGE_PX]
    share = (np.abs(left) / np.maximum(around, floor))[inner].ravel()
    is_inked = (around > floor)[inner].ravel()
    middle = float(np.median(share[is_inked])) if is_inked.any() else 0.0
    strongest = np.partition(share, -_N_STRONGEST)[-_N_STRONGEST:]
    return float(strongest.mean()) - _USUAL * middle
