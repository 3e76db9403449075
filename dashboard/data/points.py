"""Where covers lie on the map of a page, and what its regions are called. Letters: P points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.cluster.map.regions import lay_down

if TYPE_CHECKING:
    from covers.cluster.map.cover_map import CoverMap
    from dashboard.data.library import Library

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MapPoints:
    """Where covers lie on the map, in random order so that no genre hides another.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_points,)
        Row of each point in the library.
    points : ndarray of float32, shape (n_points, 2)
        All but a few lie within -1 to 1 from left to right and about -0.6 to 0.6
        from bottom to top, the longer way of the map lying down.
    positions : ndarray of float64, shape (n_points, 2)
        Where they lie on the map as it was made.
    """

    rows: Rows
    points: npt.NDArray[np.float32]
    positions: npt.NDArray[np.float64]

    @classmethod
    def of(cls, found: CoverMap, library: Library) -> MapPoints:
        """Align the map with the library."""
        rows = library.rows.of(found.cover_ids)
        points = found.positions.astype(np.float64)
        kept = np.flatnonzero((rows >= 0) & np.isfinite(points).all(axis=1))
        kept = np.random.default_rng(0).permutation(kept)
        laid = lay_down(points[kept]).astype(np.float32)
        return cls(rows[kept], laid, points[kept])

    @cached_property
    def point_of(self) -> dict[int, int]:
        """Point of each row of the library that is on the map."""
        return {row: point for point, row in enumerate(self.rows.tolist())}

    def points_of(self, rows: npt.NDArray[Any]) -> list[int]:
        """Return the points of those of `rows` that are on the map."""
        place = self.point_of
        return [place[row] for row in rows.tolist() if row in place]

    def inside(self, outline: list[list[float]]) -> Rows:
        """Return the rows of the covers within an outline, those nearest its middle first.

        Parameters
        ----------
        outline : list of [x, y]
            Corners of a polygon in the map's own coordinates; even-odd rule.
        """
        corners = np.asarray(outline, np.float64).reshape(-1, 2)
        if len(corners) < 3:
            return np.zeros(0, np.int64)
        low, high = corners.min(axis=0), corners.max(axis=0)
        near = ((self.points >= low) & (self.points <= high)).all(axis=1)
        candidates = np.flatnonzero(near)
        x, y = self.points[candidates].T.astype(np.float64)
        odd = np.zeros(len(candidates), bool)
        for (x0, y0), (x1, y1) in zip(
            corners, np.roll(corners, -1, axis=0), strict=True
        ):
            if y0 == y1:
                continue
            crosses = (y0 > y) != (y1 > y)
            odd ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
        chosen = candidates[odd]
        if not len(chosen):
            return np.zeros(0, np.int64)
        middle = self.points[chosen].mean(axis=0)
        distance = np.linalg.norm(self.points[chosen] - middle, axis=1)
        return np.asarray(self.rows[chosen[np.argsort(distance, kind="stable")]])
