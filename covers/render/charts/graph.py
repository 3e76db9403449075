"""The genres that mix, as dots joined by lines: where they stand, and an SVG in which lines can be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

_WIDE, _HIGH, _MARGIN = 760, 520, 70
_NEAREST = 0.3
_STEPS = 200


def spread(distances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Place points in the plane so that their distances are kept as well as can be.

    Parameters
    ----------
    distances : ndarray of float64, shape (n_points, n_points)
        Symmetric, such as one minus the overlap of two genres. Below 0.3 points are
        placed 0.3 apart, so that dots do not hide each other.

    Returns
    -------
    ndarray of float64, shape (n_points, 2)
        Classical scaling, then refined by stress majorisation; centred.
    """
    n = len(distances)
    if n < 2:
        return np.zeros((n, 2))
    centre = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-0.5 * centre @ distances**2 @ centre)
    positions: npt.NDArray[np.float64] = vectors[:, -2:] * np.sqrt(
        np.maximum(values[-2:], 1e-6)
    )
    wanted = np.maximum(distances, _NEAREST)
    for _ in range(_STEPS):
        gap = positions[:, None] - positions[None]
        now = np.maximum(np.linalg.norm(gap, axis=2), 1e-9)
        pull = (wanted / now)[:, :, None] * gap
        positions = (pull.sum(axis=1) - pull[np.arange(n), np.arange(n)]) / n
        positions -= positions.mean(axis=0)
    return positions


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A line of the graph: two genres that mix.

    Parameters
    ----------
    a, b : str
        Its genres.
    width : float
        In pixels: the thicker, the more they overlap.
    tip : str
        Explains it on hover, and is read aloud.
    pick : str
        What choosing it gives.
    """

    a: str
    b: str
    width: float
    tip: str
    pick: str


def graph(
    positions: Mapping[str, tuple[float, float]],
    sizes: Mapping[str, float],
    colours: Mapping[str, str],
    edges: Sequence[Edge],
) -> str:
    """Return a drawing of genres and the lines between them.

    Parameters
    ----------
    positions : mapping of str to (x, y)
        In the unit square.
    sizes : mapping of str to float
        Radius of each genre's dot in pixels.
    colours : mapping of str to str
        Of each genre.
    edges : sequence of Edge
        A line can be chosen, by keys too.
    """

    def at(name: str) -> tuple[float, float]:
        x, y = positions[name]
        return _MARGIN + x * (_WIDE - 2 * _MARGIN), 40 + y * (_HIGH - 80)

    parts = [
        f'<svg class="graph" viewBox="0 0 {_WIDE} {_HIGH}" role="group" aria-label="Genres that mix">'
    ]
    for edge in edges:
        (x0, y0), (x1, y1) = at(edge.a), at(edge.b)
        line = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
        parts.append(
            f'<g class="edge" tabindex="0" role="button" data-pick="{escape(edge.pick)}" aria-label="{escape(edge.tip)}">'
            f'<title>{escape(edge.tip)}</title><line class="hit" {line}/>'
            f'<line class="line" {line} stroke-width="{edge.width:.1f}" stroke-linecap="round"/></g>'
        )
    for name in positions:
        x, y = at(name)
        r = sizes[name]
        anchor = "end" if x > _WIDE - 130 else "start" if x < 130 else "middle"
        dx = {"end": r, "start": -r, "middle": 0}[anchor]
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{colours[name]}"/>'
            f'<text x="{x + dx:.1f}" y="{y - r - 6:.1f}" text-anchor="{anchor}">{escape(name)}</text>'
        )
    return "".join(parts) + "</svg>"
