"""Figure of the overlap of every pair, uncertain cells hatched.

Letters: G genres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.overlap.figures.order import genre_order, pair_matrices
from covers.render.charts.scales import UNCERTAIN_WIDTH, is_uncertain, scale_colours
from covers.render.frame import (
    Frame,
    colour_map,
    colour_ticks,
    hide_spines,
    new_frame,
    plate,
)
from covers.render.numbers import span
from covers.render.palette import text_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from covers.overlap.measured import Measured


_MOST_NUMBERS, _MOST_INTERVALS, _MOST_ASLANT = 16, 10, 30


def draw_matrix(found: Measured) -> Frame:
    """Draw the overlap of every pair, genres alike side by side, uncertain cells hatched."""
    order = genre_order(found)
    n = len(order)
    matrices = pair_matrices(found, order)
    overlap = matrices[0]
    side = float(np.clip((0.72 if n <= _MOST_INTERVALS else 0.55) * n + 1.5, 5, 14))
    frame = new_frame(
        width=side + 2.2,
        height=side + 0.8,
        title="How much genres overlap",
        caption=(
            f"0: told apart at sight; 1: no difference at all. n = {found.n_covers:,} "
            f"covers in {found.n_groups:,} groups, bootstrap over groups. "
            + ("Small: 95 % interval. " if n <= _MOST_INTERVALS else "")
            + f"Hatched: the 95 % interval is wider than {UNCERTAIN_WIDTH}."
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
    # Aslant, names of narrow columns would cover each other.
    turn = {"rotation": 45, "ha": "right"} if n <= _MOST_ASLANT else {"rotation": 90}
    size = min(10, 530 / n)
    axes.set_xticks(range(n), order, fontsize=size, **turn)
    axes.set_yticks(range(n), order, fontsize=size)
    colour_ticks(axes, found.genres)
    hide_spines(axes)
    bar = frame.figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("overlap coefficient")
    bar.outline.set_visible(False)
    return frame


def _why_white(found: Measured, overlap: np.ndarray) -> str:
    """Say why cells of the matrix are empty, if any are."""
    if np.isfinite(overlap).all():
        return ""
    nested = any(pair.contained for pair in found.pairs)
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
