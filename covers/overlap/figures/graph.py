"""Figure of genres as dots, the nearer the more they overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.overlap.figures.order import genre_order, pair_matrices
from covers.render.charts.graph import spread
from covers.render.frame import (
    Frame,
    new_frame,
    plate,
)
from covers.render.numbers import note_on_parts
from covers.render.palette import genre_colours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.overlap.measured import Edge, Measured


_MOST_NUMBERS, _MOST_NAMED = 16, 40


def draw_graph(found: Measured) -> Frame | None:
    """Draw genres as dots, the nearer the more they overlap, joined where they mix.

    Returns
    -------
    Frame or None
        None where no pair mixes certainly more than by chance: there is nothing to join.
    """
    order = genre_order(found)
    edges = [edge for edge in found.edges if {edge.a, edge.b} <= set(order)]
    if not edges:
        return None
    places = lay_out_by_overlap(found, order)
    position = dict(zip(order, places, strict=True))
    partners: dict[str, list[str]] = {genre: [] for genre in order}
    for edge in edges:
        partners[edge.a].append(edge.b)
        partners[edge.b].append(edge.a)
    named = order
    if len(order) > _MOST_NAMED:
        # Of many genres only those that mix most can be told by name.
        mixing = dict.fromkeys(g for edge in edges for g in (edge.a, edge.b))
        named = list(mixing)[:_MOST_NAMED]
    counts = np.array([found.n_by_genre[genre] for genre in order], float)
    how_often = "x how often" if len(edges) <= _MOST_NUMBERS else "wider: more often"
    frame = new_frame(
        width=8,
        height=7,
        title="Which genres mix",
        caption=(
            "A line: the two are each other's neighbours more often than with shuffled "
            f"genres (q ≤ 0.05), {how_often}; {len(edges):,} of {len(found.pairs):,} pairs. "
            f"Near: much overlap. Size: number of covers, n = {found.n_covers:,}."
            + note_on_parts(counts)
            + (
                f" Named: {len(named)} of {len(order)} genres, those that mix most."
                if len(named) < len(order)
                else ""
            )
        ),
    )
    axes = frame.axes
    _join(axes, edges, position)
    colours = genre_colours(found.genres)
    sizes = 80 + 700 * counts / max(counts.max(initial=1), 1)
    sizes *= min(1, _MOST_NAMED / len(order))
    axes.scatter(
        *places.T,
        s=sizes,
        c=[colours[genre] for genre in order],
        edgecolors="white",
        linewidths=1.5,
        zorder=2,
    )
    reach_of = dict(zip(order, np.sqrt(sizes) / 2 + 4, strict=True))
    for genre in named:
        others = [position[other] for other in partners[genre]]
        size = 11 if len(order) <= _MOST_NAMED else 7
        away = _away(position[genre], others)
        _name(axes, genre, position[genre], away * reach_of[genre], size)
    axes.set_aspect("equal")
    axes.margins(0.2)
    axes.axis("off")
    return frame


def _join(axes: Any, edges: Sequence[Edge], position: dict[str, np.ndarray]) -> None:
    """Draw the lines between genres that mix, with how many times chance they do."""
    for edge in edges:
        ends = np.array([position[edge.a], position[edge.b]])
        width = 1.5 + 3 * min(edge.lift - 1, 2)
        axes.plot(*ends.T, color="#777777", linewidth=width, zorder=1)
        if len(edges) <= _MOST_NUMBERS:
            axes.annotate(
                f"x{edge.lift:.1f}",
                ends.mean(axis=0),
                ha="center",
                va="center",
                fontsize=8.5,
                color="#333333",
                zorder=3,
                bbox=plate(),
            )


def _name(
    axes: Any,
    genre: str,
    dot: np.ndarray,
    offset_pt: np.ndarray,
    size_pt: int,
) -> None:
    """Write a genre's name beside its dot, so many points right of it and above it."""
    x, y = offset_pt / np.linalg.norm(offset_pt)
    axes.annotate(
        genre,
        dot,
        xytext=tuple(offset_pt),
        textcoords="offset points",
        ha="left" if x > 0.5 else "right" if x < -0.5 else "center",
        va="bottom" if y > 0.5 else "top" if y < -0.5 else "center",
        fontsize=size_pt,
        zorder=4,
        bbox=plate(),
    )


def _away(dot: np.ndarray, partners: list[np.ndarray]) -> np.ndarray:
    """Return the direction, a unit vector, from a dot in which no line leads, outward where there is none."""
    angles = np.arange(8) * np.pi / 4
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    outward = dot / max(float(np.linalg.norm(dot)), 1e-9)
    cost = -0.3 * directions @ outward
    for other in partners:
        toward = (other - dot) / max(float(np.linalg.norm(other - dot)), 1e-9)
        cost = np.maximum(cost, directions @ toward - 0.3 * directions @ outward)
    found: np.ndarray = directions[int(cost.argmin())]
    return found


def lay_out_by_overlap(found: Measured, order: Sequence[str]) -> np.ndarray:
    """Place genres in the plane, the nearer the more they overlap; unknown overlaps count as none.

    Returns
    -------
    ndarray of float64, shape (n_genres, 2)
        In the given order.
    """
    return spread(1 - np.nan_to_num(pair_matrices(found, order)[0]))
