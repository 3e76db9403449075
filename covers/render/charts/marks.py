"""Marks and frames of charts: rows over one axis, and drawings over two, as HTML and SVG.

Places are in per cent of the area that an axis spans, so a chart fills whatever width it
is given while its letters keep their size. Colours of text and lines are those of the
page: ``--ink``, ``--paper``, ``--rule``, ``--shade`` and ``--main`` (the one colour for
what a chart is about). All text is escaped here. A mark explains itself in its
``title``; no script is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.render.charts.scales import Axis

MAIN, FAINT = "var(--main)", "#8f8d87"
"""Colour of what a chart is about, and of what it is compared with."""

_PRINTED = {
    "var(--ink)": "#1c1b1a",
    "var(--paper)": "#ffffff",
    "var(--rule)": "#dedad3",
    "var(--main)": "#0072b2",
}
_TITLE_PX, _TICKS_PX, _RIGHT_PX = 26, 26, 14


def chart_style() -> str:
    """Return the style sheet that all charts, matrices and tables need."""
    return files("covers.render").joinpath("charts.css").read_text(encoding="utf-8")


def asset(name: str) -> str:
    """Return a file of the pages' own parts: ``page.css``, ``page.js``, ``covermap.js`` and so on."""
    return files("covers.render").joinpath("assets", name).read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a chart of rows.

    Parameters
    ----------
    name : str
        Written before it.
    marks : str
        HTML in its track, made by `bar` or `whisker`.
    value : str
        Written behind it.
    tip : str
        Explains it on hover.
    strong : bool, default=False
        Written in bold.
    """

    name: str
    marks: str
    value: str = ""
    tip: str = ""
    strong: bool = False


def bar(end: float, colour: str, *, strength: float = 1.0) -> str:
    """Return a bar from 0 to `end` per cent, `strength` (0 to 1) opaque: its length is the value."""
    return f'<i class="bar" style="width:{end}%;background:{colour};opacity:{strength}"></i>'


def whisker(value: float, low: float, high: float, colour: str) -> str:
    """Return a dot at a value and the line of its 95 % interval, all in per cent."""
    return (
        f'<i class="reach" style="left:{low}%;width:{max(high - low, 0):.2f}%"></i>'
        f'<i class="spot" style="left:{value}%;background:{colour}"></i>'
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
        What the chart says, for those who do not see it.
    mark : float, optional
        A value that gets a dotted line through all rows, such as chance.
    """
    line = (
        f'<i class="mark" style="left:{axis.at(mark)}%"></i>'
        if mark is not None
        else ""
    )
    parts = [
        f'<div class="row {"strong" * row.strong}" title="{escape(row.tip)}"><span class="who">{escape(row.name)}</span>'
        f'<span class="track">{line}{row.marks}</span><span class="value">{escape(row.value)}</span></div>'
        for row in shown
    ]
    ticks = "".join(
        f'<i style="left:{axis.at(value)}%">{escape(text)}</i>'
        for value, text in axis.ticks
    )
    title = f'<div class="title">{escape(axis.title)}</div>' if axis.title else ""
    step = 100 / max(len(axis.ticks) - 1, 1)
    return (
        f'<div class="chart rows" role="img" aria-label="{escape(alt)}" style="--step:{step:.3f}%">{"".join(parts)}'
        f'<div class="row axis"><span></span><span class="ticks">{ticks}</span><span></span></div>{title}</div>'
    )


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A drawing over two axes; as text it is an SVG element for a page.

    Parameters
    ----------
    x, y : Axis
    marks : str
        SVG with points in per cent, made by `spot`, `line`, `curve`, `band` or `box`.
    alt : str
        What the drawing says, for those who do not see it.
    height_px : int, default=280
        Of the area between the axes.
    grid : bool, default=True
        Whether each tick of `y` has a line.
    """

    x: Axis
    y: Axis
    marks: str
    alt: str
    height_px: int = 280
    grid: bool = True

    @property
    def margins_px(self) -> tuple[int, int, int, int]:
        """Room for ticks and titles: top, right, bottom, left."""
        left = 7 * max((len(text) for _, text in self.y.ticks), default=0) + 10
        top = _TITLE_PX if self.y.title else 6
        return top, _RIGHT_PX, _TICKS_PX + (20 if self.x.title else 0), left

    def __str__(self) -> str:
        margins = " ".join(f"{px}px" for px in self.margins_px)
        return (
            f'<svg class="chart plot" role="img" aria-label="{escape(self.alt)}" '
            f'style="height:{self.height_px + sum(self.margins_px[::2])}px;padding:{margins}">{self._inside()}</svg>'
        )

    def drawn_at(self, left: int, top: int, width: int) -> str:
        """Return the drawing at a point of a picture, `width` px wide with its margins."""
        above, right, _, before = self.margins_px
        return (
            f'<svg class="plot" x="{left + before}" y="{top + above}" width="{width - before - right}" '
            f'height="{self.height_px}" overflow="visible">{self._inside()}</svg>'
        )

    def _inside(self) -> str:
        left = self.margins_px[3]
        levels = [self.y.at(value) for value, _ in self.y.ticks] if self.grid else []
        parts = [line((0, at), (100, at), "var(--rule)", 1) for at in levels]
        parts += [
            f'<text class="tick" x="0" dx="-8" y="{100 - self.y.at(value):.2f}%" dy="4" text-anchor="end">{escape(text)}</text>'
            for value, text in self.y.ticks
        ]
        parts += [
            f'<text class="tick" x="{self.x.at(value)}%" y="100%" dy="19" text-anchor="middle">{escape(text)}</text>'
            for value, text in self.x.ticks
        ]
        if self.y.title:
            parts.append(
                f'<text class="tick" dx="{-left}" dy="-13">{escape(self.y.title)}</text>'
            )
        if self.x.title:
            parts.append(
                f'<text class="tick" x="50%" y="100%" dy="38" text-anchor="middle">{escape(self.x.title)}</text>'
            )
        return "".join([*parts, self.marks])


def spot(
    point: tuple[float, float], colour: str, tip: str = "", radius_px: float = 5
) -> str:
    """Return a dot at a value, `point` from the left and from below in per cent."""
    x, y = point
    return f'<circle cx="{x}%" cy="{100 - y:.2f}%" r="{radius_px:.1f}" style="fill:{colour}">{_tip(tip)}</circle>'


def line(
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    width_px: float,
    *,
    dotted: bool = False,
) -> str:
    """Return a straight line between two points in per cent; a dotted one is for comparison."""
    (x0, y0), (x1, y1) = start, end
    dashes = ' stroke-dasharray="2 5"' if dotted else ""
    return (
        f'<line x1="{x0}%" y1="{100 - y0:.2f}%" x2="{x1}%" y2="{100 - y1:.2f}%" '
        f'style="stroke:{colour}" stroke-width="{width_px}" stroke-linecap="round"{dashes}/>'
    )


def curve(
    points: Sequence[tuple[float, float]], colour: str, *, dotted: bool = False
) -> str:
    """Return a curve through points in per cent."""
    return "".join(
        line(start, end, colour, 2.2, dotted=dotted) for start, end in pairwise(points)
    )


def band(
    below: Sequence[tuple[float, float]],
    above: Sequence[tuple[float, float]],
    colour: str,
) -> str:
    """Return the area between two lines in per cent: the 95 % intervals along a curve."""
    outline = " ".join(f"{x:.2f},{100 - y:.2f}" for x, y in [*above, *below[::-1]])
    return (
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%">'
        f'<polygon points="{outline}" style="fill:{colour}" opacity=".18"/></svg>'
    )


def box(
    corner: tuple[float, float], size: tuple[float, float], colour: str, tip: str
) -> str:
    """Return a box by its lower left corner and its size in per cent: its height is the value."""
    (x, y), (wide, high) = corner, size
    return (
        f'<rect x="{x:.2f}%" y="{100 - y - high:.2f}%" width="{wide:.2f}%" height="{high:.2f}%" '
        f'style="fill:{colour}">{_tip(tip)}</rect>'
    )


def word(point: tuple[float, float], text: str) -> str:
    """Return a text just left of a point in per cent."""
    x, y = point
    return f'<text x="{x}%" y="{100 - y:.2f}%" dx="-8" dy="4" text-anchor="end">{escape(text)}</text>'


def legend(entries: Sequence[tuple[str, str, float]]) -> str:
    """Return names with their colours and how strong these are, 0 to 1."""
    parts = [
        f'<span><i style="background:{colour};opacity:{strength}"></i>{escape(name)}</span>'
        for name, colour, strength in entries
    ]
    return f'<div class="legend">{"".join(parts)}</div>'


def as_picture(plots: Sequence[tuple[str, str, Plot]], *, width_px: int) -> str:
    """Return drawings side by side as one SVG file that needs no page around it.

    Parameters
    ----------
    plots : sequence of (title, key, Plot)
        Of the same height; `key` is SVG below the title, made by `key_line`.
    width_px : int
        Of each.
    """
    top = 46
    height = top + max(p.height_px + sum(p.margins_px[::2]) for _, _, p in plots) + 8
    wide = width_px * len(plots)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{height}" viewBox="0 0 {wide} {height}" role="img">'
            f"<title>{escape('; '.join(title for title, _, _ in plots))}</title>"
            f"<desc>{escape(' '.join(plot.alt for _, _, plot in plots))}</desc>"
            "<style>text{font:12px system-ui,sans-serif;fill:var(--ink)}.head{font-size:15px;font-weight:600}</style>"
            '<rect width="100%" height="100%" fill="#fff"/>'
        )
    ]
    for number, (title, key, plot) in enumerate(plots):
        left = number * width_px
        parts.append(
            f'<text class="head" x="{left + 12}" y="22">{escape(title)}</text>'
            f'<svg x="{left + 12}" y="40" overflow="visible">{key}</svg>{plot.drawn_at(left + 12, top, width_px - 24)}'
        )
    text = "".join([*parts, "</svg>\n"])
    for variable, colour in _PRINTED.items():
        text = text.replace(variable, colour)
    return text


def key_line(entries: Sequence[tuple[str, str]]) -> str:
    """Return names with their colours as SVG in one line."""
    parts, x = [], 0.0
    for name, colour in entries:
        parts.append(
            f'<rect x="{x:.0f}" y="-6" width="14" height="5" style="fill:{colour}"/>'
            f'<text x="{x + 19:.0f}">{escape(name)}</text>'
        )
        x += 19 + 7.2 * len(name) + 16
    return "".join(parts)


def _tip(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""
