"""Small charts as inline SVG, coloured by the page's own variables."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH = 640
_LEFT = 178
_RIGHT = 60


@dataclass(frozen=True, kw_only=True)
class IntervalRow:
    """One line of an interval chart: a dot, its interval, and what it is."""

    label: str
    value: float
    low: float
    high: float
    strong: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a line chart.

    Parameters
    ----------
    points : sequence of (float, float)
        In units of the axes.
    band : sequence of (float, float, float), optional
        x, low, high of a shaded interval.
    dots : bool
        Mark the points.
    dashed : bool
        Draw it as a reference line.
    """

    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    dots: bool = True
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis: its ends, its ticks with their labels, its title."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    title: str

    def place(self, value: float, start: float, stop: float) -> float:
        """Return where a value lies between two pixels."""
        span = self.high - self.low
        share = (value - self.low) / span if span else 0.5
        return start + min(max(share, 0.0), 1.0) * (stop - start)


def share_axis(title: str, *, step: float = 0.2) -> Axis:
    """Return an axis from 0 to 100 %."""
    n = round(1 / step)
    ticks = [(i / n, f"{100 * i / n:.0f} %") for i in range(n + 1)]
    return Axis(low=0.0, high=1.0, ticks=ticks, title=title)


def interval_chart(
    rows: Sequence[IntervalRow],
    axis: Axis,
    *,
    description: str,
    reference: float | None = None,
) -> str:
    """Draw values with their intervals, one row each.

    Parameters
    ----------
    rows : sequence of IntervalRow
    axis : Axis
    description : str
        What a reader who cannot see the chart is told.
    reference : float, optional
        Where a vertical line marks chance, or no difference.
    """
    height = 28 * len(rows) + 44
    bottom = height - 36
    parts = [_frame(_WIDTH, height, description)]
    for value, label in axis.ticks:
        x = axis.place(value, _LEFT, _WIDTH - _RIGHT)
        parts.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom}"/>'
        )
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{escape(label)}</text>'
        )
    parts.append(
        f'<text class="tick" x="{_WIDTH - _RIGHT}" y="{height - 4}" text-anchor="end">{escape(axis.title)}</text>'
    )
    if reference is not None:
        x = axis.place(reference, _LEFT, _WIDTH - _RIGHT)
        parts.append(
            f'<line class="reference" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom}"/>'
        )
    for number, row in enumerate(rows):
        y = 18 + 28 * number
        low, value, high = (
            axis.place(end, _LEFT, _WIDTH - _RIGHT)
            for end in (row.low, row.value, row.high)
        )
        weight = " strong" if row.strong else ""
        parts.append(
            f'<text class="label{weight}" x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(row.label)}</text>'
            f'<line class="interval{weight}" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>'
            f'<circle class="dot{weight}" cx="{value:.1f}" cy="{y}" r="5"/>'
            f'<text class="value{weight}" x="{_WIDTH - _RIGHT + 8}" y="{y + 4}">{row.value:.3f}</text>'
        )
    parts.append("</svg>")
    return "".join(parts)


def line_chart(
    lines: Sequence[Line],
    x: Axis,
    y: Axis,
    *,
    description: str,
    width: int = 420,
    height: int = 280,
) -> str:
    """Draw lines over two axes.

    Parameters
    ----------
    lines : sequence of Line
    x, y : Axis
    description : str
        What a reader who cannot see the chart is told.
    width, height : int
        In pixels of the drawing, which scales with the page.
    """
    left, right, top, bottom = 52, width - 24, 24, height - 42
    parts = [_frame(width, height, description)]
    for value, label in y.ticks:
        at = y.place(value, bottom, top)
        parts.append(
            f'<line class="grid" x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text class="tick" x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{escape(label)}</text>'
        )
    for value, label in x.ticks:
        at = x.place(value, left, right)
        parts.append(
            f'<text class="tick" x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{escape(label)}</text>'
        )
    parts.append(
        f'<text class="tick" x="{right}" y="{height - 6}" text-anchor="end">{escape(x.title)}</text>'
        f'<text class="tick" x="4" y="12">{escape(y.title)}</text>'
    )
    for line in lines:
        if line.band:
            upper = [
                (x.place(p, left, right), y.place(h, bottom, top))
                for p, _, h in line.band
            ]
            lower = [
                (x.place(p, left, right), y.place(b, bottom, top))
                for p, b, _ in line.band
            ]
            outline = " ".join(
                f"{a:.1f},{b:.1f}" for a, b in [*upper, *reversed(lower)]
            )
            parts.append(f'<polygon class="band" points="{outline}"/>')
        places = [
            (x.place(a, left, right), y.place(b, bottom, top)) for a, b in line.points
        ]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        style = "reference" if line.dashed else "line"
        parts.append(f'<polyline class="{style}" points="{path}"/>')
        if line.dots and not line.dashed:
            parts.extend(
                f'<circle class="dot" cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>'
                for a, b in places
            )
    parts.append("</svg>")
    return "".join(parts)


def bar(share: float, colour: str) -> str:
    """Draw a share as a small bar; `colour` is ``#rrggbb``."""
    wide = 100 * min(max(share, 0.0), 1.0)
    return f'<span class="bar"><span style="width:{wide:.1f}%;background:{escape(colour)}"></span></span>'


def _frame(width: int, height: int, description: str) -> str:
    """Open an SVG element that scales and can be read aloud."""
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" style="max-width:{width}px">'
        f"<title>{escape(description)}</title>"
    )
