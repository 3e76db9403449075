"""Figure of how overlap moves over decades, or between sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.render.frame import Frame, hide_spines, new_frame
from covers.render.numbers import reach_of
from covers.render.palette import colour_sequence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from covers.overlap.measured import Measured

_MOST_PAIRS = 6
_CERTAIN = 0.05
_FEWEST_PARTS = 2


def draw_trends(found: Measured) -> Frame | None:
    """Draw the overlap of the pairs that overlap most, part by part, with intervals.

    Parameters
    ----------
    found : Measured

    Returns
    -------
    Frame or None
        None where no pair is known in two parts.
    """
    parts = found.parts
    lines = pair_lines(parts)
    if not lines:
        return None
    whole = {(p.a, p.b): p.overlap for p in found.pairs}
    changed = [(c.a, c.b) for c in found.changes if c.q <= _CERTAIN]
    apart = {(p.a, p.b) for p in found.pairs if p.contained}
    shown = [pair for pair in changed if pair in lines]
    shown += sorted(
        set(lines) - set(shown) - apart,
        key=lambda pair: (-np.nan_to_num(whole.get(pair, 0.0)), pair),
    )
    shown = shown[:_MOST_PAIRS]
    if not shown:
        return None
    names = [n for n in parts if any(n in lines[pair] for pair in shown)]
    by_year = found.by == "year"
    frame = new_frame(
        width=9.5,
        height=5.6,
        title="How overlap moves over time" if by_year else "Overlap by source",
        caption=(
            f"Each {'decade' if by_year else 'source'} measured by itself; bars are 95 % "
            f"intervals, bootstrap over groups. {_say_changes(found)}{len(shown)} of {len(whole):,} pairs: those "
            "that certainly changed, then those that overlap most in the whole; parts with too few groups are left out. "
            f"n = {sum(parts[name].n_covers for name in names):,} covers."
        ),
    )
    axes = frame.axes
    _draw_lines(axes, lines, shown, names, is_joined=by_year)
    axes.set_xticks(
        range(len(names)), [f"{n}\nn = {parts[n].n_covers:,}" for n in names]
    )
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(0, 1)
    axes.set_ylabel("overlap coefficient")
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    hide_spines(axes, "top", "right", "left")
    axes.tick_params(axis="y", length=0)
    frame.figure.legend(
        loc="upper right",
        bbox_to_anchor=(0.995, 1 - 0.5 / frame.height),
        frameon=False,
        fontsize=9,
    )
    frame.room_right = 0.23
    return frame


def _draw_lines(
    axes: Any,
    lines: dict[tuple[str, str], dict[str, tuple[float, float, float]]],
    shown: list[tuple[str, str]],
    names: list[str],
    *,
    is_joined: bool,
) -> None:
    """Draw each pair's overlap with its intervals, a little beside the others."""
    for number, (pair, colour) in enumerate(
        zip(shown, colour_sequence(len(shown)), strict=True)
    ):
        places = [i for i, name in enumerate(names) if name in lines[pair]]
        values = np.array([lines[pair][names[i]] for i in places])  # (n, 3)
        aside = (number - (len(shown) - 1) / 2) * 0.07
        axes.errorbar(
            np.array(places) + aside,
            values[:, 0],
            yerr=[values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]],
            color=colour,
            linewidth=2 if is_joined else 0,
            elinewidth=1.3,
            capsize=2,
            marker="o",
            markersize=5,
            label=f"{pair[0]} - {pair[1]}",
        )


def _say_changes(found: Measured) -> str:
    """Say how many pairs certainly changed."""
    changes = found.changes
    if not changes:
        return ""
    n_certain = sum(change.q <= _CERTAIN for change in changes)
    return f"{n_certain or 'None'} of {len(changes):,} pairs tested certainly changed (q ≤ {_CERTAIN:g}). "


def pair_lines(
    parts: Mapping[str, Measured],
) -> dict[tuple[str, str], dict[str, tuple[float, float, float]]]:
    """Return overlap, low and high end of each pair in the parts where it is known.

    Parameters
    ----------
    parts : dict of str to Measured
        Decades or sources.

    Returns
    -------
    dict of (genre, genre) to dict of str to (float, float, float)
        Pairs known in at least two parts only: one point is no trend.
    """
    lines: dict[tuple[str, str], dict[str, tuple[float, float, float]]] = {}
    for name, part in parts.items():
        for pair in part.pairs:
            value = pair.overlap
            if np.isfinite(value):
                line = lines.setdefault((pair.a, pair.b), {})
                line[name] = (value, *reach_of(pair.overlap_ci95, value))
    return {pair: line for pair, line in lines.items() if len(line) >= _FEWEST_PARTS}
