"""Figure of the family tree of genres, with typical covers at its leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.render.charts.tree import Joint, joints
from covers.render.frame import (
    Frame,
    Spot,
    Thumbnails,
    add_thumbnail,
    colour_ticks,
    hide_spines,
    new_frame,
    plate,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from covers.overlap.measured import Measured

_MOST_WITH_COVERS, _N_AT_LEAF = 12, 4
_MOST_LABELLED, _LEAST_SUPPORT = 40, 0.2
_COVER_INCHES, _GAP_INCHES, _LETTER_INCHES = 0.62, 0.06, 0.1


def draw_tree(found: Measured, thumbnails: Thumbnails | None = None) -> Frame | None:
    """Draw the family tree of genres, with typical covers at its leaves.

    Returns
    -------
    Frame or None
        None where fewer than two genres could be measured.
    """
    order = found.tree.order
    n = len(order)
    if n < 2:
        return None
    # Of many genres hardly any branch is found again: noughts would hide the names.
    least = 0.0 if n <= _MOST_LABELLED else _LEAST_SUPPORT
    with_covers = thumbnails is not None and n <= _MOST_WITH_COVERS
    frame = new_frame(
        width=9.5 if with_covers else 8,
        height=float(np.clip(0.8 * n + 1.6, 3.5, 16)),
        title="Genres by likeness",
        caption=(
            "Joined further left: less overlap (average linkage on 1 - overlap). Number: "
            "in how many of 100 resamples the same genres form a branch"
            + (f", from {100 * least:.0f} on. " if least else ". ")
            + f"n = {found.n_covers:,} covers."
            + (
                " Of two genres side by side one may contain the other: then they share covers."
                if any(pair.contained for pair in found.pairs)
                else ""
            )
            + (" Right: typical covers of each genre." if with_covers else "")
        ),
    )
    axes = frame.axes
    inner = joints(
        order, [(b.genres, b.height, b.support) for b in found.tree.branches]
    )
    top = max((joint.height for joint in inner), default=1.0) or 1.0
    for joint in inner:
        _draw_branch(axes, joint)
        is_known = len(joint.genres) < n and np.isfinite(joint.support)
        if is_known and joint.support >= least:
            _write_support(axes, joint, top)
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_xlim(top * 1.05, 0)
    axes.yaxis.tick_right()
    axes.set_yticks(
        range(n), order, fontsize=11 if n <= _MOST_LABELLED else max(3, 500 / n)
    )
    axes.tick_params(axis="y", length=0)
    colour_ticks(axes, found.genres)
    axes.set_xlabel("1 - overlap")
    hide_spines(axes, "top", "left", "right")
    if with_covers and thumbnails is not None:
        _add_covers(frame, order, found.prototypes, thumbnails)
    return frame


def _draw_branch(axes: Any, joint: Joint) -> None:
    """Draw the lines that meet where genres or branches are joined."""
    for height, row in joint.parts:
        axes.plot([height, joint.height], [row, row], color="#444444")
    rows = [row for _, row in joint.parts]
    axes.plot([joint.height] * 2, [rows[0], rows[-1]], color="#444444")


def _write_support(axes: Any, joint: Joint, top: float) -> None:
    """Write beside a branch in how many resamples it was found again."""
    # Near the names there is room on the other side only.
    has_room = joint.height > 0.06 * top
    axes.text(
        joint.height - 0.01 * top if has_room else joint.height + 0.01 * top,
        joint.row,
        f"{100 * joint.support:.0f}",
        fontsize=9,
        ha="left" if has_room else "right",
        va="center",
        color="#444444",
        bbox=plate(),
    )


def _add_covers(
    frame: Frame,
    order: Sequence[str],
    prototypes: Mapping[str, Sequence[str]],
    thumbnails: Thumbnails,
) -> None:
    """Add typical covers right of each genre's name."""
    beside = 0.2 + _LETTER_INCHES * max(len(genre) for genre in order)
    step = _COVER_INCHES + _GAP_INCHES
    for i, genre in enumerate(order):
        for j, cover_id in enumerate(prototypes[genre][:_N_AT_LEAF]):
            add_thumbnail(
                frame.axes,
                thumbnails.picture(cover_id),
                Spot(0, i, beside + (j + 0.5) * step),
                inches=_COVER_INCHES,
            )
    # The names have room already, beside them the covers need it.
    frame.room_right = (0.45 + _N_AT_LEAF * step) / frame.width
