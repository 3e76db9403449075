"""Figures of the overlap that can be put on a slide: matrix and graph, and all of them.

Every figure says its n and how to read it; a genre has its colour of
`covers.render.palette` everywhere. Written as SVG and PNG. Letters: G genres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.overlap.figures_tree import draw_tree
from covers.overlap.figures_trends import draw_trends
from covers.render.frame import (
    Frame,
    Thumbnails,
    as_number,
    colour_ticks,
    hide_spines,
    new_frame,
    plate,
)
from covers.render.palette import SEQUENTIAL_SCALE, genre_colours, text_colour

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from covers.workspace.paths import Workspace

UNCERTAIN_WIDTH = 0.3
"""Overlaps whose 95 per cent interval is wider than this are hatched."""
_MOST_NUMBERS, _MOST_INTERVALS = 16, 10
_MOST_NAMED = 40
_NEAREST_DOTS = 0.3


def draw_overlap_figures(workspace: Workspace) -> list[Path]:
    """Draw matrix, graph, tree and, if measured, trends of ``overlap.json``.

    They go into ``analysis/figures``.

    Returns
    -------
    list of Path
        The SVG files; a PNG lies beside each. Empty for fewer than two genres.

    Raises
    ------
    DataError
        If there is no ``overlap.json``.
    """
    from covers.overlap.stage import read_overlap

    found = read_overlap(workspace)
    if len(found["genres"]) < 2:
        return []
    folder = workspace.analysis_folder / "figures"
    thumbnails = Thumbnails(workspace)
    paths = [
        draw_matrix(found).save(folder / "overlap-matrix"),
        draw_graph(found).save(folder / "overlap-graph"),
    ]
    if len(found["tree"]["order"]) > 1:
        paths.append(draw_tree(found, thumbnails).save(folder / "overlap-tree"))
    trends = draw_trends(found)
    if trends is not None:
        paths.append(trends.save(folder / "overlap-trends"))
    return paths


def draw_matrix(found: dict[str, Any]) -> Frame:
    """Draw the overlap of every pair, genres alike side by side, uncertain cells hatched."""
    order = _order(found)
    n = len(order)
    overlap, low, high = _matrices(found, order)
    side = float(np.clip((0.72 if n <= _MOST_INTERVALS else 0.55) * n + 1.5, 5, 14))
    frame = new_frame(
        width=side + 2.2,
        height=side + 0.8,
        title="How much genres overlap",
        caption=(
            f"0: told apart at sight; 1: no difference at all. n = {found['n_covers']:,} "
            f"covers in {found['n_groups']:,} groups, bootstrap over groups. "
            + ("Small: 95 % interval. " if n <= _MOST_INTERVALS else "")
            + f"Hatched: it is wider than {UNCERTAIN_WIDTH}."
            + ("" if np.isfinite(overlap).all() else " White: too few covers.")
        ),
    )
    axes = frame.axes
    # A genre with itself is 1 by definition and would only outshine the rest.
    shown = np.ma.masked_invalid(np.where(np.eye(n) > 0, np.nan, overlap))
    image = axes.imshow(shown, cmap=SEQUENTIAL_SCALE, vmin=0, vmax=1)
    from matplotlib.patches import Rectangle

    for row in range(n):
        for column in range(n):
            value = overlap[row, column]
            if row == column:
                axes.add_patch(
                    Rectangle((row - 0.5, row - 0.5), 1, 1, color="#e8e8e8", lw=0)
                )
            if row == column or not np.isfinite(value):
                continue
            wide = high[row, column] - low[row, column] > UNCERTAIN_WIDTH
            if not wide and n > _MOST_NUMBERS:
                continue
            ink = text_colour(_hex(image.cmap(value)))
            if wide:
                axes.add_patch(
                    Rectangle(
                        (column - 0.5, row - 0.5),
                        1,
                        1,
                        fill=False,
                        hatch="////",
                        edgecolor=ink,
                        linewidth=0,
                        alpha=0.35,
                    )
                )
            if n <= _MOST_NUMBERS:
                behind = plate(_hex(image.cmap(value))) if wide else None
                small = n <= _MOST_INTERVALS
                axes.text(
                    column,
                    row - (0.1 if small else 0),
                    f"{value:.2f}",
                    ha="center",
                    va="center",
                    color=ink,
                    fontsize=10,
                    bbox=behind,
                )
                if small:
                    axes.text(
                        column,
                        row + 0.2,
                        f"{low[row, column]:.2f} to {high[row, column]:.2f}",
                        ha="center",
                        va="center",
                        color=ink,
                        fontsize=6.5,
                        bbox=behind,
                    )
    size = 10 if n <= 30 else max(3, 300 / n)
    axes.set_xticks(range(n), order, rotation=45, ha="right", fontsize=size)
    axes.set_yticks(range(n), order, fontsize=size)
    colour_ticks(axes, found["genres"])
    hide_spines(axes)
    bar = frame.figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("overlap coefficient")
    bar.outline.set_visible(False)
    return frame


def draw_graph(found: dict[str, Any]) -> Frame:
    """Draw genres as dots, the nearer the more they overlap, joined where they mix."""
    order = _order(found)
    overlap, _, _ = _matrices(found, order)
    places = _spread(1 - np.where(np.isfinite(overlap), overlap, 0.0))
    edges = [edge for edge in found["edges"] if {edge["a"], edge["b"]} <= set(order)]
    named = list(order)
    if len(order) > _MOST_NAMED:
        # Of many genres only those that mix most can be told by name.
        mixing = dict.fromkeys(g for edge in edges for g in (edge["a"], edge["b"]))
        named = list(mixing)[:_MOST_NAMED]
    frame = new_frame(
        width=8,
        height=7,
        title="Which genres mix",
        caption=(
            "A line: the two are each other's neighbours more often than with shuffled "
            f"genres (q ≤ 0.05), x how often; {len(edges):,} of {len(found['pairs']):,} pairs. "
            f"Near: much overlap. Size: number of covers, n = {found['n_covers']:,}."
            + (
                f" Named: {len(named)} of {len(order)} genres, those that mix most."
                if len(named) < len(order)
                else ""
            )
        ),
    )
    axes = frame.axes
    position = {genre: places[i] for i, genre in enumerate(order)}
    partners: dict[str, list[str]] = {genre: [] for genre in order}
    for edge in edges:
        partners[edge["a"]].append(edge["b"])
        partners[edge["b"]].append(edge["a"])
        ends = np.array([position[edge["a"]], position[edge["b"]]])
        axes.plot(
            *ends.T,
            color="#777777",
            linewidth=1.5 + 3 * min(edge["lift"] - 1, 2),
            zorder=1,
        )
        if len(edges) <= _MOST_NUMBERS:
            axes.annotate(
                f"x{edge['lift']:.1f}",
                ends.mean(axis=0),
                ha="center",
                va="center",
                fontsize=8.5,
                color="#333333",
                zorder=3,
                bbox=plate(),
            )
    colours = genre_colours(found["genres"])
    counts = np.array([found["n_by_genre"][genre] for genre in order], float)
    sizes = 80 + 700 * counts / max(counts.max(initial=1), 1)
    sizes *= min(1, _MOST_NAMED / len(order))
    axes.scatter(
        places[:, 0],
        places[:, 1],
        s=sizes,
        c=[colours[genre] for genre in order],
        edgecolors="white",
        linewidths=1.5,
        zorder=2,
    )
    reach_of = dict(zip(order, np.sqrt(sizes) / 2 + 4, strict=True))
    for genre in named:
        x, y = _away(position[genre], [position[other] for other in partners[genre]])
        axes.annotate(
            genre,
            position[genre],
            xytext=(reach_of[genre] * x, reach_of[genre] * y),
            textcoords="offset points",
            ha="left" if x > 0.5 else "right" if x < -0.5 else "center",
            va="bottom" if y > 0.5 else "top" if y < -0.5 else "center",
            fontsize=11 if len(order) <= _MOST_NAMED else 7,
            zorder=4,
            bbox=plate(),
        )
    if not edges:
        axes.text(
            0.5,
            0.02,
            "no pair mixes more than by chance",
            transform=axes.transAxes,
            ha="center",
            color="#777777",
        )
    axes.set_aspect("equal")
    axes.margins(0.2)
    axes.axis("off")
    return frame


def _away(place: np.ndarray, partners: list[np.ndarray]) -> tuple[float, float]:
    """Return the direction from a dot in which no line leads, outward where there is none."""
    angles = np.arange(8) * np.pi / 4
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    outward = place / max(float(np.linalg.norm(place)), 1e-9)
    cost = -0.3 * directions @ outward
    for other in partners:
        toward = (other - place) / max(float(np.linalg.norm(other - place)), 1e-9)
        cost = np.maximum(cost, directions @ toward - 0.3 * directions @ outward)
    x, y = directions[int(cost.argmin())]
    return float(x), float(y)


def _hex(colour: Sequence[float]) -> str:
    """Return a colour of 0..1 parts as ``#rrggbb``."""
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour[:3])


def _order(found: dict[str, Any]) -> list[str]:
    """Return all genres: those of the tree in its order, then the others."""
    inside = list(found["tree"]["order"])
    return inside + [genre for genre in found["genres"] if genre not in inside]


def _matrices(
    found: dict[str, Any], order: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay the pairs out as overlap, low end and high end in the given order."""
    place = {genre: i for i, genre in enumerate(order)}
    matrices = [np.eye(len(order)) for _ in range(3)]
    for pair in found["pairs"]:
        i, j = place[pair["a"]], place[pair["b"]]
        values = (pair["overlap"], *pair["overlap_ci95"])
        for matrix, value in zip(matrices, values, strict=True):
            matrix[i, j] = matrix[j, i] = as_number(value)
    return matrices[0], matrices[1], matrices[2]


def _spread(distances: np.ndarray) -> np.ndarray:
    """Place points in the plane so that distances are kept (classical scaling, refined)."""
    n = len(distances)
    if n == 1:
        return np.zeros((1, 2))
    centre = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-0.5 * centre @ distances**2 @ centre)
    places: np.ndarray = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 1e-6))
    # Dots of genres alike must not hide each other.
    wanted = np.maximum(distances, _NEAREST_DOTS)
    for _ in range(200):
        gap = places[:, None] - places[None]
        now = np.maximum(np.linalg.norm(gap, axis=2), 1e-9)
        pull = (wanted / now)[:, :, None] * gap
        places = (pull.sum(axis=1) - pull[np.arange(n), np.arange(n)]) / n
        places -= places.mean(axis=0)
    return places
