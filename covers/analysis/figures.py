"""Figures of the overlap that can be put on a slide: matrix, graph, family tree.

Every figure says its n and how to read it; a genre has its colour of
`covers.palette` everywhere. Written as SVG and PNG. Letters: G genres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.analysis.figures_frame import (
    Frame,
    Thumbnails,
    add_thumbnail,
    as_number,
    new_frame,
)
from covers.palette import SEQUENTIAL_SCALE, genre_colours, text_colour

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from covers.workspace import Workspace

UNCERTAIN_WIDTH = 0.3
"""Overlaps whose 95 per cent interval is wider than this are hatched."""
_MOST_NUMBERS, _MOST_COVERS_AT_LEAVES = 16, 12
_N_AT_LEAF = 4


def draw_overlap_figures(workspace: Workspace) -> list[Path]:
    """Draw matrix, graph and tree of ``overlap.json`` into ``analysis/figures``.

    Returns
    -------
    list of Path
        The SVG files; a PNG lies beside each. Empty for fewer than two genres.

    Raises
    ------
    DataError
        If there is no ``overlap.json``.
    """
    from covers.analysis.overlap_workspace import read_overlap

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
    return paths


def draw_matrix(found: dict[str, Any]) -> Frame:
    """Draw the overlap of every pair, genres alike side by side, uncertain cells hatched."""
    order = _order(found)
    n = len(order)
    overlap, low, high = _matrices(found, order)
    side = float(np.clip(0.55 * n + 1.5, 5, 14))
    frame = new_frame(
        width=side + 2.2,
        height=side + 0.8,
        title="How much genres overlap",
        caption=(
            f"0: told apart at sight; 1: no difference at all. n = {found['n_covers']} "
            f"covers in {found['n_groups']} groups, bootstrap over groups. Hatched: the "
            f"95 % interval is wider than {UNCERTAIN_WIDTH}. Empty: too few covers."
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
            if row == column or not np.isfinite(value):
                continue
            wide = high[row, column] - low[row, column] > UNCERTAIN_WIDTH
            if not wide and n > _MOST_NUMBERS:
                continue
            ink = _ink_on(image.cmap(value))
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
                axes.text(
                    column,
                    row,
                    f"{value:.2f}",
                    ha="center",
                    va="center",
                    color=ink,
                    fontsize=9,
                )
    size = 10 if n <= 30 else max(3, 300 / n)
    axes.set_xticks(range(n), order, rotation=45, ha="right", fontsize=size)
    axes.set_yticks(range(n), order, fontsize=size)
    _colour_ticks(axes, found["genres"])
    for spine in axes.spines.values():
        spine.set_visible(False)
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
    frame = new_frame(
        width=8,
        height=7,
        title="Which genres mix",
        caption=(
            "A line: the two are each other's neighbours more often than with shuffled "
            f"genres (q ≤ 0.05), wider the more often; {len(edges)} of "
            f"{len(found['pairs'])} pairs. Near: much overlap. Size: number of covers, "
            f"n = {found['n_covers']}."
        ),
    )
    axes = frame.axes
    position = {genre: places[i] for i, genre in enumerate(order)}
    for edge in edges:
        (x0, y0), (x1, y1) = position[edge["a"]], position[edge["b"]]
        axes.plot(
            [x0, x1],
            [y0, y1],
            color="#555555",
            alpha=0.6,
            linewidth=1 + 3 * min(edge["lift"] - 1, 2),
            zorder=1,
        )
    colours = genre_colours(found["genres"])
    counts = np.array([found["n_by_genre"][genre] for genre in order], float)
    sizes = 150 + 1200 * counts / max(counts.max(initial=1), 1)
    axes.scatter(
        places[:, 0],
        places[:, 1],
        s=sizes,
        c=[colours[genre] for genre in order],
        edgecolors="white",
        linewidths=1.5,
        zorder=2,
    )
    for genre, size in zip(order, sizes, strict=True):
        axes.annotate(
            genre,
            position[genre],
            xytext=(0, -(np.sqrt(size) / 2 + 4)),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=10 if len(order) <= 40 else 6,
            zorder=3,
        )
    axes.set_aspect("equal")
    axes.margins(0.15)
    axes.axis("off")
    return frame


def draw_tree(found: dict[str, Any], thumbnails: Thumbnails | None = None) -> Frame:
    """Draw the family tree of genres, with typical covers at its leaves."""
    order = found["tree"]["order"]
    n = len(order)
    with_covers = thumbnails is not None and n <= _MOST_COVERS_AT_LEAVES
    frame = new_frame(
        width=9.5 if with_covers else 8,
        height=float(np.clip(0.8 * n + 1.6, 3.5, 16)),
        title="Genres by likeness",
        caption=(
            "Joined further left: less overlap (average linkage on 1 - overlap). Number: "
            "in how many of 100 resamples the same genres form a branch. "
            f"n = {found['n_covers']} covers."
            + (" Right: typical covers of each genre." if with_covers else "")
        ),
    )
    axes = frame.axes
    height_of = {frozenset([genre]): 0.0 for genre in order}
    row_of: dict[frozenset[str], float] = {
        frozenset([genre]): float(i) for i, genre in enumerate(order)
    }
    top = max((b["height"] for b in found["tree"]["branches"]), default=1.0) or 1.0
    for branch in found["tree"]["branches"]:
        leaves = frozenset(branch["genres"])
        parts = _children(leaves, row_of)
        height = branch["height"]
        rows = [row_of[part] for part in parts]
        for part in parts:
            axes.plot([height_of[part], height], [row_of[part]] * 2, color="#444444")
        axes.plot([height, height], [min(rows), max(rows)], color="#444444")
        row_of[leaves], height_of[leaves] = float(np.mean(rows)), height
        support = branch["support"]
        if len(leaves) < n and support is not None:
            axes.text(
                height + 0.01 * top,
                row_of[leaves] - 0.12,
                f"{100 * support:.0f}",
                fontsize=8,
                ha="right",
                color="#444444",
            )
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_xlim(top * 1.05, 0)
    axes.yaxis.tick_right()
    axes.set_yticks(range(n), order, fontsize=11 if n <= 40 else 5)
    axes.tick_params(axis="y", length=0)
    _colour_ticks(axes, found["genres"])
    axes.set_xlabel("1 - overlap")
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    if with_covers and thumbnails is not None:
        longest = max(len(genre) for genre in order)
        first = 1.05 + 0.02 * longest
        step = 0.62 / frame.width
        for i, genre in enumerate(order):
            for j, cover_id in enumerate(found["prototypes"][genre][:_N_AT_LEAF]):
                add_thumbnail(
                    axes,
                    thumbnails.picture(cover_id),
                    (first + (j + 0.5) * 1.75 * step, 1 - (i + 0.5) / n),
                    inches=0.62,
                    in_axes=True,
                )
        frame.room_right = 0.40
    return frame


def _ink_on(background: Sequence[float]) -> str:
    """Return black or white, whichever reads better on a colour of 0..1 parts."""
    return text_colour(
        "#" + "".join(f"{round(255 * part):02x}" for part in background[:3])
    )


def _children(
    leaves: frozenset[str], known: dict[frozenset[str], float]
) -> list[frozenset[str]]:
    """Return the two largest known branches that make up `leaves`."""
    inside = sorted((part for part in known if part < leaves), key=len, reverse=True)
    for part in inside:
        rest = leaves - part
        if rest in known:
            return [part, rest]
    return inside[:1]


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
    wanted = np.maximum(
        distances, 0.15
    )  # dots of genres alike must not hide each other
    for _ in range(200):
        gap = places[:, None] - places[None]
        now = np.maximum(np.linalg.norm(gap, axis=2), 1e-9)
        pull = (wanted / now)[:, :, None] * gap
        places = (pull.sum(axis=1) - pull[np.arange(n), np.arange(n)]) / n
        places -= places.mean(axis=0)
    return places


def _colour_ticks(axes: Any, genres: Sequence[str]) -> None:
    """Put a dot of its colour before each genre's name."""
    colours = genre_colours(genres)
    for label in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        if label.get_text() in colours:
            colour = colours[label.get_text()]
            label.set_bbox(
                {
                    "boxstyle": "round,pad=0.15",
                    "facecolor": colour,
                    "edgecolor": "none",
                }
            )
            label.set_color(text_colour(colour))
