"""The map of a page: laid into its frame, its regions named. Letters: P points, G genres."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDE, _STRETCH = 1.6, 1.45
"""A frame's usual width over its height, and by how much the map may be stretched to fill it."""
_OUTSIDE = 0.5
"""Per cent of the points at each side that may lie outside of what is fitted into the frame."""
_GAP = 0.06
"""Empty strips across the map are made at most so wide, as a share of all of it."""
_LEVELS = ((1, 24), (2, 96), (3, 400))
"""Zoom levels below that of the clusters, and into how many parts each cuts the map."""
_FEWEST = 12
_TELLING = 1.25
"""A genre must be so many times as frequent in a part as on the whole map to name it."""


@dataclass(frozen=True, kw_only=True)
class Region:
    """A name and its place on the map of a page.

    Parameters
    ----------
    x, y : float
        In the frame of the page, see `lay_down`.
    text : str
    level : int
        0 is for the whole map, 3 for close by.
    n : int
        Covers there.
    """

    x: float
    y: float
    text: str
    level: int
    n: int


def lay_down(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turn a map so that its longer way lies down, and fit it into a wide frame.

    The directions of a map mean nothing, so it may be turned; far distances mean
    little, so it may be stretched a little, and empty strips across it are narrowed.

    Parameters
    ----------
    points : ndarray of float64, shape (n_points, 2)
    """
    if len(points) < 3:
        return np.clip(points - points.mean(axis=0) if len(points) else points, -1, 1)
    middle = np.median(points, axis=0)
    centred = points - middle
    values, axes = np.linalg.eigh(np.cov(centred.T))
    turned = centred @ axes[:, np.argsort(-values)]
    # The heavier tails to the right and to the top, so that it always comes out the same.
    turned *= np.where((turned**3).sum(axis=0) < 0, -1, 1)
    turned = np.column_stack([_close_gaps(turned[:, axis]) for axis in (0, 1)])
    low, high = np.percentile(turned, [_OUTSIDE, 100 - _OUTSIDE], axis=0)
    spans = np.maximum(high - low, 1e-9)
    turned -= (low + high) / 2
    stretch = np.clip(spans[0] / spans[1] / _WIDE, 1 / _STRETCH, _STRETCH)
    turned[:, 1] *= stretch
    spans[1] *= stretch
    fitted: npt.NDArray[np.float64] = turned * (2 / max(spans[0], _WIDE * spans[1]))
    return fitted


def _close_gaps(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Move points along one axis together where nothing lies between them for long."""
    order = np.argsort(values)
    steps = np.diff(values[order])
    excess = np.maximum(steps - _GAP * np.ptp(values), 0)
    closed = values.copy()
    closed[order[1:]] -= np.cumsum(excess)
    return closed


def name_regions(
    points: npt.NDArray[np.float32],
    membership: npt.NDArray[np.float64],
    vocab: Sequence[str],
    labels: npt.NDArray[np.int64] | None,
    names: Mapping[int, str],
) -> list[Region]:
    """Return names with their positions: clusters first, then parts by their leading genre.

    Parameters
    ----------
    points : ndarray of float32, shape (n_points, 2)
    membership : ndarray of float64, shape (n_points, n_genres)
        As in `covers.catalogue.cover_set.CoverSet`.
    vocab : sequence of str
        The genres.
    labels : ndarray of int64, shape (n_points,), or None
        Cluster of each point; None where there are no clusters.
    names : mapping of int to str
        Of the clusters.
    """
    regions = [] if labels is None else _clusters(points, labels, names)
    has_clusters = bool(regions)
    overall = membership.mean(axis=0)
    for level, n_parts in _LEVELS:
        for part in _cut(points, n_parts):
            if len(part) < _FEWEST:
                continue
            share = membership[part].mean(axis=0)
            lift = share / np.maximum(overall, 1e-9)
            telling = np.where(lift >= _TELLING, share, 0)
            if not telling.any():
                continue
            genre = int(telling.argmax())
            # Where that genre is, not where the part is.
            own = part[membership[part, genre] > 0]
            x, y = np.median(points[own], axis=0)
            text = f"{vocab[genre]} {100 * share[genre]:.0f} %"
            regions.append(_region(x, y, text, level, len(part)))
    if has_clusters:
        return regions
    return [*(replace(one, level=0) for one in regions if one.level == 1), *regions]


def place_words(
    words: Sequence[tuple[float, float, str, int]],
    positions: npt.NDArray[np.float64],
    points: npt.NDArray[np.float32],
) -> list[Region]:
    """Return parts of the map that words describe, as `name_regions` returns them.

    They are for the first level below that of the clusters, the largest first.

    Parameters
    ----------
    words : sequence of (x, y, text, n_covers)
        Places on the map as it was made.
    positions : ndarray of float64, shape (n_points, 2)
        Where the covers lie on it.
    points : ndarray of float32, shape (n_points, 2)
        The same, laid into the frame of the page by `lay_down`.
    """
    if not len(words) or len(points) < 3:
        return []

    # The nearest cover takes them along, wherever it was laid.
    found = []
    for x, y, text, n in words:
        nearest = np.square(positions - (x, y)).sum(axis=1).argmin()
        at_x, at_y = points[nearest].tolist()
        found.append(_region(at_x, at_y, text, 1, n))
    return sorted(found, key=lambda region: -region.n)


def _clusters(
    points: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    names: Mapping[int, str],
) -> list[Region]:
    """Return the names of the clusters, the largest first."""
    sizes = {number: int((labels == number).sum()) for number in names}
    regions = []
    for number in sorted(sizes, key=lambda one: -sizes[one]):
        if sizes[number] < _FEWEST:
            continue
        x, y = np.median(points[labels == number], axis=0)
        regions.append(_region(x, y, names[number], 0, sizes[number]))
    return regions


def _region(x: float, y: float, text: str, level: int, n: int) -> Region:
    return Region(
        x=round(float(x), 4), y=round(float(y), 4), text=text, level=level, n=n
    )


def _cut(points: npt.NDArray[np.float32], n_parts: int) -> list[npt.NDArray[np.int64]]:
    """Cut points into about equally many, always across the longer way."""
    parts = [np.arange(len(points))]
    while len(parts) < n_parts and max(map(len, parts)) > 2 * _FEWEST:
        cut = []
        for part in parts:
            if len(part) <= 2 * _FEWEST:
                cut.append(part)
                continue
            spread = np.ptp(points[part], axis=0)
            order = part[np.argsort(points[part, int(spread.argmax())], kind="stable")]
            cut += [order[: len(order) // 2], order[len(order) // 2 :]]
        parts = cut
    return parts
