"""Axes, rows and plots as HTML, for `dashboard.charts`.

Plotly would do the same with 4.7 MB of JavaScript, whose loading alone takes longer
than everything else on a page. This is text: it follows the theme, keeps its size
of letters at every width, and explains its marks through ``data-tip`` like all that
`dashboard.pick` shows. Places are in per cent of the area that an axis spans.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from dashboard.markup import dot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_TICKS = 6
FAINT = "#8f8d87"


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A scale from a number to a place.

    Parameters
    ----------
    low, high : float
        What lies at 0 and at 100 per cent.
    ticks : sequence of (float, str)
        Places that are named.
    title : str
        What is measured, with its unit.
    log : bool, default=False
        Equal factors are equally far apart.
    """

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    title: str = ""
    log: bool = False

    def at(self, value: float) -> float:
        """Return the place of a value in per cent, kept within the axis."""
        low, high, value = (
            (math.log(max(v, 1e-9)) for v in (self.low, self.high, value))
            if self.log
            else (self.low, self.high, value)
        )
        share = (value - low) / (high - low) if high > low else 0.5
        return round(100 * min(max(share, 0.0), 1.0), 2)


def number_axis(
    low: float,
    high: float,
    name: Callable[[float], str] = "{:g}".format,
    title: str = "",
) -> Axis:
    """Return an axis with round ticks, begun and ended on one.

    Examples
    --------
    >>> [text for _, text in number_axis(0, 0.83).ticks]
    ['0', '0.2', '0.4', '0.6', '0.8', '1']
    """
    span = max(high - low, 1e-9)
    rough = span / (_MOST_TICKS - 1)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(m * unit for m in (1, 2, 2.5, 5, 10) if m * unit >= rough - 1e-12)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    places = [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]
    return Axis(
        low=places[0],
        high=places[-1],
        ticks=[(place, name(place)) for place in places],
        title=title,
    )


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a chart of rows.

    Parameters
    ----------
    name : str
    marks : str
        HTML in its track, made by `bar` or `whisker`.
    value : str
        Written behind it.
    tip : str
        Shown on hover.
    colour : str
        Of the dot before the name; none without.
    """

    name: str
    marks: str
    value: str = ""
    tip: str = ""
    colour: str = ""


def bar(end: float, colour: str, *, strength: float = 1.0) -> str:
    """Return a bar from 0 to `end` per cent."""
    return f'<i class="bar" style="width:{end}%;background:{colour};opacity:{strength}"></i>'


def whisker(place: float, low: float, high: float, colour: str) -> str:
    """Return a dot with the line of its interval, in per cent."""
    return (
        f'<i class="reach" style="left:{low}%;width:{max(high - low, 0):.2f}%"></i>'
        f'<i class="spot" style="left:{place}%;background:{colour}"></i>'
    )


def rows(
    shown: Sequence[Row], axis: Axis, *, alt: str, mark: float | None = None
) -> str:
    """Return rows over one axis.

    Parameters
    ----------
    shown : sequence of Row
        From the top.
    axis : Axis
        With ticks equally far apart.
    alt : str
        For those who do not see it.
    mark : float, optional
        A value that gets a line through all rows.
    """
    parts = []
    line = (
        f'<i class="mark" style="left:{axis.at(mark)}%"></i>'
        if mark is not None
        else ""
    )
    for row in shown:
        before = dot(row.colour) if row.colour else ""
        parts.append(
            f'<div class="row" data-tip="{escape(row.tip)}"><span class="who">{before}<span class="line">{escape(row.name)}</span></span>'
            f'<span class="track">{line}{row.marks}</span><span class="value">{escape(row.value)}</span></div>'
        )
    step = 100 / max(len(axis.ticks) - 1, 1)
    return (
        f'<div class="chart rows" role="img" aria-label="{escape(alt)}" style="--step:{step:.3f}%">{"".join(parts)}'
        f'<div class="row axis"><span></span>{_ticks(axis, "left")}<span></span></div>{_title(axis, "x")}</div>'
    )


def plot(
    x: Axis,
    y: Axis,
    marks: str,
    *,
    alt: str,
    height_px: int = 280,
    curves: str = "",
    grid: bool = True,
) -> str:
    """Return a drawing over two axes.

    Parameters
    ----------
    x, y : Axis
    marks : str
        SVG with places in per cent, made by `spot`, `line` or `box`.
    alt : str
        For those who do not see it.
    height_px : int, default=280
    curves : str
        SVG with places as numbers from 0 to 100, stretched to the area; made by `curve`.
    grid : bool, default=True
        Whether each tick of `y` has a line.
    """
    left = 7 * max((len(text) for _, text in y.ticks), default=0) + 8
    levels = [y.at(value) for value, _ in y.ticks] if grid else []
    lines = "".join(
        line((0, at), (100, at), "var(--st-border-color)", 1) for at in levels
    )
    return (
        f'<div class="chart plot" role="img" aria-label="{escape(alt)}" style="--left:{left}px;--high:{height_px}px">'
        f'{_title(y, "y")}<div class="area">{_ticks(y, "bottom")}<svg aria-hidden="true">{lines}'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{curves}</svg>{marks}</svg></div>'
        f"{_ticks(x, 'left')}{_title(x, 'x')}</div>"
    )


def spot(
    place: tuple[float, float], colour: str, tip: str = "", radius_px: float = 5
) -> str:
    """Return a dot, `place` from the left and from below in per cent."""
    x, y = place
    return f'<circle cx="{x}%" cy="{100 - y:.2f}%" r="{radius_px:.1f}" fill="{colour}"{_tip(tip)}/>'


def line(
    start: tuple[float, float], end: tuple[float, float], colour: str, width_px: float
) -> str:
    """Return a straight line between two places in per cent."""
    (x0, y0), (x1, y1) = start, end
    return (
        f'<line x1="{x0}%" y1="{100 - y0:.2f}%" x2="{x1}%" y2="{100 - y1:.2f}%" '
        f'style="stroke:{colour}" stroke-width="{width_px}"/>'
    )


def box(
    corner: tuple[float, float], size: tuple[float, float], colour: str, tip: str
) -> str:
    """Return a box by its lower left corner and its size in per cent."""
    (x, y), (wide, high) = corner, size
    return f'<rect x="{x:.2f}%" y="{100 - y - high:.2f}%" width="{wide:.2f}%" height="{high:.2f}%" fill="{colour}"{_tip(tip)}/>'


def curve(
    places: Sequence[tuple[float, float]], colour: str, *, dotted: bool = False
) -> str:
    """Return a line through places."""
    dashes = ' stroke-dasharray="2 5"' if dotted else ""
    return f'<path d="{_path(places)}" fill="none" stroke="{colour}" stroke-width="2.2" stroke-linejoin="round"{dashes} vector-effect="non-scaling-stroke"/>'


def band(
    below: Sequence[tuple[float, float]],
    above: Sequence[tuple[float, float]],
    colour: str,
) -> str:
    """Return the area between two lines."""
    return f'<path d="{_path([*above, *below[::-1]])}Z" fill="{colour}" opacity=".18"/>'


def legend(entries: Sequence[tuple[str, str, float]]) -> str:
    """Return names with their colours and how strong these are."""
    parts = [
        f'<span><i style="background:{colour};opacity:{strength}"></i>{escape(name)}</span>'
        for name, colour, strength in entries
    ]
    return f'<div class="legend">{"".join(parts)}</div>'


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.2f} {100 - y:.2f}" for x, y in places)


def _tip(text: str) -> str:
    return f' data-tip="{escape(text)}"' if text else ""


def _ticks(axis: Axis, side: str) -> str:
    parts = [
        f'<i style="{side}:{axis.at(value)}%">{escape(text)}</i>'
        for value, text in axis.ticks
    ]
    return f'<span class="ticks {side}">{"".join(parts)}</span>'


def _title(axis: Axis, way: str) -> str:
    return f'<div class="title {way}">{escape(axis.title)}</div>' if axis.title else ""
