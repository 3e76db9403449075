"""Counts and measures as bars and dots with intervals, for report and dashboard alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from covers.render.charts.marks import (
    FAINT,
    MAIN,
    Plot,
    Row,
    bar,
    box,
    legend,
    rows,
    whisker,
)
from covers.render.charts.scales import Axis, number_axis
from covers.render.numbers import number, per_cent, reach_of, with_reach
from covers.render.palette import NOISE_COLOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_STRENGTHS = (1.0, 0.6, 0.35)
_MOST_YEAR_BARS = 40


def genre_bars(counts: Mapping[str, int], colours: Mapping[str, str]) -> str:
    """Return covers per genre as bars, in the order given."""
    axis = number_axis(0, max(counts.values(), default=1), "{:,.0f}".format, "covers")
    shown = [
        Row(
            name=name,
            marks=bar(axis.at(n), colours.get(name, NOISE_COLOUR)),
            value=f"{n:,}",
        )
        for name, n in counts.items()
    ]
    alt = "Covers per genre: " + ", ".join(f"{g} {n}" for g, n in counts.items())
    return rows(shown, axis, alt=alt)


def share_bars(shares: Mapping[str, float], *, title: str, alt: str) -> str:
    """Return shares, 0 to 1, as bars over an axis of per cent."""
    axis = number_axis(0, max(shares.values(), default=1), per_cent, title)
    shown = [
        Row(name=name, marks=bar(axis.at(share), MAIN), value=per_cent(share))
        for name, share in shares.items()
    ]
    return rows(shown, axis, alt=alt)


def year_bars(
    years: np.ndarray[Any, Any],
    genres: np.ndarray[Any, Any],
    vocab: Sequence[str],
    colours: Mapping[str, str],
) -> str:
    """Return covers per year as bars, stacked by the genre whose colour they have.

    Parameters
    ----------
    years : ndarray of float, shape (n_covers,)
        NaN where unknown; some year must be known.
    genres : ndarray of int, shape (n_covers,)
        Column of `vocab` of the genre whose colour each cover has, -1 without one.
    vocab : sequence of str
    colours : mapping of str to str
    """
    known = np.isfinite(years)
    low, high = int(years[known].min()), int(years[known].max())
    width = max(1, -(-(high - low + 1) // _MOST_YEAR_BARS))
    edges = np.arange(low, high + width + 1, width)
    counts = np.stack(
        [
            np.histogram(years[known & (genres == code)], edges)[0]
            for code in range(-1, len(vocab))
        ]
    )  # (G + 1, bins)
    ends = float(edges[0]), float(edges[-1])
    named = number_axis(*ends, "{:.0f}".format).ticks
    # A bin is as wide as its years, and its name stands below its middle.
    ticks = [(year + 0.5, text) for year, text in named if ends[0] <= year < ends[1]]
    y = number_axis(0, float(counts.sum(axis=0).max()), "{:,.0f}".format, "covers")
    parts = []
    wide = 100 / (len(edges) - 1)
    below = np.vstack([np.zeros(len(edges) - 1), counts.cumsum(axis=0)])
    for code, column in np.argwhere(counts).tolist():
        name = vocab[code - 1] if code else "no genre"
        first, last = int(edges[column]), int(edges[column + 1]) - 1
        when = f"{first}" if first == last else f"{first} to {last}"
        corner = wide * (column + 0.06), y.at(below[code, column])
        size = 0.88 * wide, y.at(counts[code, column])
        tip = f"{name}, {when}: {counts[code, column]:,}"
        parts.append(box(corner, size, colours.get(name, NOISE_COLOUR), tip))
    return str(
        Plot(
            x=Axis(low=ends[0], high=ends[1], ticks=ticks),
            y=y,
            marks="".join(parts),
            alt=f"Covers per year from {low} to {high}, coloured by genre",
            height_px=230,
        )
    )


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A measured value in a chart of rows.

    Parameters
    ----------
    name : str
    value : float
    ci95 : (float or None, float or None), optional
        Its 95 % interval; not drawn where it is not known.
    colour : str
    form : str, default=".3f"
        How its numbers are written.
    tip : str
        Explains it on hover; name, value and interval without one.
    strong : bool, default=False
        Written in bold.
    """

    name: str
    value: float
    ci95: Sequence[float | None] | None = None
    colour: str = FAINT
    form: str = ".3f"
    tip: str = ""
    strong: bool = False

    @property
    def reach(self) -> tuple[float, float]:
        """Both ends of the interval; the value itself where it is not known."""
        return reach_of(self.ci95, self.value)

    def said(self) -> str:
        """Return value and interval in words."""
        return with_reach(self.value, self.reach, self.form)


def dots(
    shown: Sequence[Dot],
    *,
    alt: str,
    title: str = "",
    mark: float | None = None,
    reach: float = 0.0,
) -> str:
    """Return values with their 95 % intervals over one axis that holds 0.

    Parameters
    ----------
    shown : sequence of Dot
        From the top; where they are written with their sign, so is the axis.
    alt : str
        What is shown, for those who do not see it; the values are read out as well.
    title : str
        Of the axis, with its unit.
    mark : float, optional
        A value that gets a dotted line: chance, or no difference.
    reach : float
        The axis holds this too: that of a figure beside it.
    """
    ends = [0.0, reach, *(end for dot in shown for end in dot.reach)]
    if mark is not None:
        ends.append(mark)
    has_signs = any(dot.form.startswith("+") for dot in shown)
    axis = number_axis(
        min(ends), max(ends), _signed if has_signs else "{:g}".format, title
    )
    lines = []
    for dot in shown:
        low, high = (axis.at(end) for end in dot.reach)
        lines.append(
            Row(
                name=dot.name,
                marks=whisker(axis.at(dot.value), low, high, dot.colour),
                value=number(dot.value, dot.form),
                tip=dot.tip or f"{dot.name}: {dot.said()}",
                strong=dot.strong,
            )
        )
    told = ", ".join(f"{dot.name} {number(dot.value, '.2f')}" for dot in shown)
    return rows(lines, axis, alt=f"{alt}: {told}", mark=mark)


def _signed(value: float) -> str:
    return f"{value:+g}" if value else "0"


def lift_dots(
    lifts: Iterable[tuple[str, float | None, Sequence[float | None], str]],
    colours: Mapping[str, str],
    *,
    reach: float = 0.0,
) -> str:
    """Return how many times as frequent genres are as in the library; the dotted line is 1.

    Parameters
    ----------
    lifts : iterable of (genre, times, 95 % interval, what is said on hover)
        Those without a value are left out.
    colours : mapping of str to str
    reach : float
        The axis goes as far as this, at least.
    """
    shown = [
        Dot(
            name=name,
            value=lift,
            ci95=ends,
            colour=colours.get(name, NOISE_COLOUR),
            form=".2f",
            tip=tip,
        )
        for name, lift, ends, tip in lifts
        if lift is not None
    ]
    title = "times as frequent as in the library"
    return dots(shown, alt=title.capitalize(), title=title, mark=1.0, reach=reach)


def distributions(
    by_method: Mapping[str, Mapping[str, float]],
    colours: Mapping[str, str],
    n_shown: int = 8,
) -> str:
    """Return what each method says of one cover: a bar per method, the likeliest genres on top.

    Parameters
    ----------
    by_method : mapping of str to mapping of str to float
        By what a method is called, the probability of each genre; the method that is
        relied on comes first, and the bars of the others are paler.
    colours : mapping of str to str
        Of each genre.
    n_shown : int, default=8
        So many genres at most.
    """
    strengths = dict(zip(by_method, _STRENGTHS, strict=False))
    best = next(iter(by_method.values()))
    genres = sorted(best, key=lambda name: -best[name])[:n_shown]
    top = max(said[name] for said in by_method.values() for name in genres)
    axis = number_axis(0, top, per_cent)
    shown = []
    for name in genres:
        colour = colours.get(name, NOISE_COLOUR)
        marks = "".join(
            bar(axis.at(by_method[method][name]), colour, strength=strength)
            for method, strength in strengths.items()
        )
        tips = [f"{m}: {per_cent(said[name], 1)}" for m, said in by_method.items()]
        tip = "\n".join([name, *tips])
        shown.append(Row(name=name, marks=marks, value=per_cent(best[name]), tip=tip))
    alt = "Probability of each genre: " + ", ".join(
        f"{name} {per_cent(best[name])}" for name in genres
    )
    key = legend([(name, FAINT, strength) for name, strength in strengths.items()])
    return key + rows(shown, axis, alt=alt)
