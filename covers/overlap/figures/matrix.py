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
    colour_map,
    colour_ticks,
    hide_spines,
    new_frame,
    plate,
)
from covers.render.graph import spread
from covers.render.numbers import as_number, ends_of, note_on_parts, span
from covers.render.palette import genre_colours, text_colour
from covers.render.scales import UNCERTAIN_WIDTH, is_uncertain, scale_colours
from covers.workspace.reading import read_document
from covers.workspace.registry import OVERLAP_DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from covers.workspace.paths import Workspace

_MOST_NUMBERS, _MOST_INTERVALS = 16, 10
_MOST_NAMED = 40


def draw_overlap_figures(workspace: Workspace) -> list[Path]:
    """Draw matrix, tree and, where there is something to show, graph and trends of ``overlap.json``.

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
    found = read_document(workspace, OVERLAP_DOCUMENT)
    if len(found["genres"]) < 2:
        return []
    thumbnails = Thumbnails(workspace)
    frames = {
        "overlap-matrix": draw_matrix(found),
        "overlap-graph": draw_graph(found),
        "overlap-tree": draw_tree(found, thumbnails),
        "overlap-trends": draw_trends(found),
    }
    folder = workspace.analysis_folder / "figures"
    return [
        frame.save(folder / name) for name, frame in frames.items() if frame is not None
    ]


def draw_matrix(found: dict[str, Any]) -> Frame:
    """Draw the overlap of every pair, genres alike side by side, uncertain cells hatched."""
    order = genre_order(found)
    n = len(order)
    matrices = _matrices(found, order)
    overlap = matrices[0]
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
            + _why_white(found, overlap)
        ),
    )
    axes = frame.axes
    # A genre with itself is 1 by definition and would only outshine the rest.
    shown = np.ma.masked_invalid(np.where(np.eye(n) > 0, np.nan, overlap))
    image = axes.imshow(shown, cmap=colour_map(), vmin=0, vmax=1)
    _fill(axes, np.eye(n) > 0, color="#e8e8e8", linewidth=0)
    _hatch(axes, matrices)
    if n <= _MOST_NUMBERS:
        for row, column in np.argwhere(np.isfinite(overlap) & (np.eye(n) == 0)):
            numbers = tuple(float(m[row, column]) for m in matrices)
            _write(axes, (row, column), numbers, with_interval=n <= _MOST_INTERVALS)
    size = 10 if n <= 30 else max(3, 530 / n)
    axes.set_xticks(range(n), order, rotation=45, ha="right", fontsize=size)
    axes.set_yticks(range(n), order, fontsize=size)
    colour_ticks(axes, found["genres"])
    hide_spines(axes)
    bar = frame.figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("overlap coefficient")
    bar.outline.set_visible(False)
    return frame


def _why_white(found: Mapping[str, Any], overlap: np.ndarray) -> str:
    """Say why cells of the matrix are empty, if any are."""
    if np.isfinite(overlap).all():
        return ""
    nested = any(pair.get("contained") for pair in found["pairs"])
    return " White: too few covers" + (
        ", or one of the two genres contains the other." if nested else "."
    )


def _fill(axes: Any, cells: npt.NDArray[np.bool_], **style: Any) -> None:
    """Cover some cells of the matrix by one shape: thousands of single ones take minutes."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Shape

    if not cells.any():
        return
    corners = np.array(
        [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5)]
    )
    places = np.argwhere(cells)[:, ::-1]  # x is the column
    outline = (places[:, None] + corners).reshape(-1, 2)
    codes = [Shape.MOVETO, *[Shape.LINETO] * 3, Shape.CLOSEPOLY] * len(places)
    axes.add_patch(PathPatch(Shape(outline, codes), **style))


def _hatch(axes: Any, matrices: Sequence[np.ndarray]) -> None:
    """Hatch the cells that are uncertain, in an ink that can be seen on each."""
    overlap, low, high = matrices
    wide = np.isfinite(overlap) & ~(high - low <= UNCERTAIN_WIDTH)
    np.fill_diagonal(wide, val=False)
    inks = np.full(overlap.shape, "", dtype=object)
    inks[wide] = [text_colour(colour) for colour in scale_colours(overlap[wide])]
    for ink in sorted(set(inks[wide])):
        _fill(
            axes,
            wide & (inks == ink),
            fill=False,
            hatch="////",
            edgecolor=ink,
            alpha=0.35,
            linewidth=0,
        )


def _write(
    axes: Any,
    cell: tuple[int, int],
    numbers: tuple[float, ...],
    *,
    with_interval: bool,
) -> None:
    """Write overlap, and its interval where there is room, into the cell of a row and a column."""
    value, low, high = numbers
    colour = scale_colours(np.array([value]))[0]
    lines = [(f"{value:.2f}", 0.0, 10.0)]
    if with_interval:
        lines = [(lines[0][0], -0.1, 10.0), (span([low, high], ".2f"), 0.2, 6.5)]
    for text, down, size in lines:
        axes.text(
            cell[1],
            cell[0] + down,
            text,
            ha="center",
            va="center",
            color=text_colour(colour),
            fontsize=size,
            # Hatching must not run through digits.
            bbox=plate(colour, alpha=1) if is_uncertain(low, high) else None,
        )


def draw_graph(found: dict[str, Any]) -> Frame | None:
    """Draw genres as dots, the nearer the more they overlap, joined where they mix.

    Returns
    -------
    Frame or None
        None where no pair mixes certainly more than by chance: there is nothing to join.
    """
    order = genre_order(found)
    edges = [edge for edge in found["edges"] if {edge["a"], edge["b"]} <= set(order)]
    if not edges:
        return None
    places = place_by_overlap(found, order)
    position = dict(zip(order, places, strict=True))
    partners: dict[str, list[str]] = {genre: [] for genre in order}
    for edge in edges:
        partners[edge["a"]].append(edge["b"])
        partners[edge["b"]].append(edge["a"])
    named = order
    if len(order) > _MOST_NAMED:
        # Of many genres only those that mix most can be told by name.
        mixing = dict.fromkeys(g for edge in edges for g in (edge["a"], edge["b"]))
        named = list(mixing)[:_MOST_NAMED]
    counts = np.array([found["n_by_genre"][genre] for genre in order], float)
    frame = new_frame(
        width=8,
        height=7,
        title="Which genres mix",
        caption=(
            "A line: the two are each other's neighbours more often than with shuffled "
            f"genres (q ≤ 0.05), x how often; {len(edges):,} of {len(found['pairs']):,} pairs. "
            f"Near: much overlap. Size: number of covers, n = {found['n_covers']:,}."
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
    colours = genre_colours(found["genres"])
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
        _name(axes, genre, position[genre], others, reach_of[genre], size)
    axes.set_aspect("equal")
    axes.margins(0.2)
    axes.axis("off")
    return frame


def _join(
    axes: Any, edges: Sequence[dict[str, Any]], position: dict[str, np.ndarray]
) -> None:
    """Draw the lines between genres that mix, with how many times chance they do."""
    for edge in edges:
        ends = np.array([position[edge["a"]], position[edge["b"]]])
        width = 1.5 + 3 * min(edge["lift"] - 1, 2)
        axes.plot(*ends.T, color="#777777", linewidth=width, zorder=1)
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


def _name(
    axes: Any,
    genre: str,
    place: np.ndarray,
    partners: list[np.ndarray],
    reach_pt: float,
    size_pt: int,
) -> None:
    """Write a genre's name beside its dot, where no line leads."""
    x, y = _away(place, partners)
    axes.annotate(
        genre,
        place,
        xytext=(reach_pt * x, reach_pt * y),
        textcoords="offset points",
        ha="left" if x > 0.5 else "right" if x < -0.5 else "center",
        va="bottom" if y > 0.5 else "top" if y < -0.5 else "center",
        fontsize=size_pt,
        zorder=4,
        bbox=plate(),
    )


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


def genre_order(found: Mapping[str, Any]) -> list[str]:
    """Return all genres: those of the tree in its order, alike ones side by side, then the others.

    Where genres contain others, each broad genre comes first among its own, in the
    order of the tree.
    """
    inside = list(found["tree"]["order"])
    order = inside + [genre for genre in found["genres"] if genre not in inside]
    broad = found.get("broad", {})
    place: dict[str, int] = {}
    for genre in order:
        place.setdefault(broad.get(genre, genre), len(place))
    return sorted(
        order,
        key=lambda genre: (
            place[broad.get(genre, genre)],
            broad.get(genre, genre) != genre,
        ),
    )


def genre_groups(found: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return each broad genre with the genres below it, itself first, in the order of `genre_order`.

    A matrix of many genres shows the broad ones, and opens one at a time.

    Examples
    --------
    >>> found = {"genres": ["bebop", "jazz", "rock"], "tree": {"order": []},
    ...     "broad": {"bebop": "jazz", "jazz": "jazz", "rock": "rock"}}
    >>> genre_groups(found)
    [('jazz', ['jazz', 'bebop']), ('rock', ['rock'])]
    """
    broad = found.get("broad", {})
    groups: dict[str, list[str]] = {}
    for genre in genre_order(found):
        groups.setdefault(broad.get(genre, genre), []).append(genre)
    return list(groups.items())


def place_by_overlap(found: Mapping[str, Any], order: Sequence[str]) -> np.ndarray:
    """Place genres in the plane, the nearer the more they overlap; unknown overlaps count as none.

    Returns
    -------
    ndarray of float64, shape (n_genres, 2)
        In the given order.
    """
    return spread(1 - np.nan_to_num(_matrices(found, order)[0]))


def _matrices(
    found: Mapping[str, Any], order: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay the pairs out as overlap, low end and high end in the given order; NaN where one genre contains the other."""
    place = {genre: i for i, genre in enumerate(order)}
    matrices = [np.eye(len(order)) for _ in range(3)]
    for pair in found["pairs"]:
        if pair["a"] in place and pair["b"] in place:
            i, j = place[pair["a"]], place[pair["b"]]
            values = (as_number(pair["overlap"]), *ends_of(pair["overlap_ci95"]))
            if pair.get("contained"):
                values = (np.nan, np.nan, np.nan)
            for matrix, value in zip(matrices, values, strict=True):
                matrix[i, j] = matrix[j, i] = value
    return matrices[0], matrices[1], matrices[2]
