"""How a measure runs along an axis: lines with their 95 % intervals, for report and dashboard alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from covers.render.charts.marks import (
    FAINT,
    MAIN,
    Plot,
    as_picture,
    band,
    curve,
    key_line,
    legend,
    line,
    spot,
)
from covers.render.charts.scales import Axis, number_axis
from covers.render.numbers import as_number, per_cent, reach_of, with_reach
from covers.render.palette import colour_sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def reliability(
    points: Sequence[tuple[float, float, float]], *, height_px: int = 280
) -> str:
    """Return how often predictions of some certainty are right; on the dotted line, as often as stated.

    Parameters
    ----------
    points : sequence of (certainty, rate, n)
        Of each bin; a larger dot holds more covers. Grey lines are
        95 % intervals (normal approximation).
    height_px : int, default=280
    """
    x = number_axis(0, 1, per_cent, title="stated certainty")
    y = number_axis(0, 1, per_cent, title="how often right")
    most = max((n for _, _, n in points), default=1)
    marks = [line((0, 0), (100, 100), FAINT, 2, dotted=True)]
    marks.append(curve([(x.at(c), y.at(rate)) for c, rate, _ in points], MAIN))
    for certainty, rate, n in points:
        reach = 1.96 * np.sqrt(max(rate * (1 - rate), 0.02) / n)
        at = x.at(certainty)
        tip = f"certainty {certainty:.2f}: right {rate:.2f}, n = {n:,.0f}"
        marks += [
            line((at, y.at(rate - reach)), (at, y.at(rate + reach)), FAINT, 1.5),
            spot((at, y.at(rate)), MAIN, tip, 4 + 4.5 * n / most),
        ]
    alt = "How often predictions are right by their certainty: " + ", ".join(
        f"{certainty:.2f} {rate:.2f}" for certainty, rate, _ in points
    )
    return str(Plot(x=x, y=y, marks="".join(marks), alt=alt, height_px=height_px))


Point = tuple[float, float, "Sequence[float | None] | None"]
"""Where it stands, its value, and the 95 % interval of that, where it is known."""


def coverage_accuracy(points: Sequence[Point], title: str = "accuracy") -> str:
    """Return the accuracy if only the most certain share of the covers is answered, with its 95 % band."""
    x = number_axis(0, 1, per_cent, "share of covers answered")
    return _banded(x, points, title, lambda at: f"{per_cent(at)} answered")


def learning_curve(points: Sequence[Point], title: str = "macro-F1") -> str:
    """Return a measure over the number of covers to learn from, with its 95 % band.

    Equal factors are equally far apart.
    """
    sizes = [float(size) for size, _, _ in points]
    x = Axis(
        low=min(sizes, default=1),
        high=max(sizes, default=2),
        ticks=[(size, f"{size:,.0f}") for size in sizes],
        title="covers to learn from",
        log=True,
    )
    return _banded(x, points, title, lambda at: f"{at:,.0f} covers")


def _banded(
    x: Axis,
    points: Sequence[Point],
    title: str,
    name: Callable[[float], str],
) -> str:
    """Return a line with its 95 % band; `name` tells where a point stands."""
    reach = [reach_of(ci95, value) for _, value, ci95 in points]
    y = number_axis(
        min((low for low, _ in reach), default=0),
        max((high for _, high in reach), default=1),
        title=title,
    )
    ends, below, above, spots, told = [], [], [], [], []
    for (at, value, _), (low, high) in zip(points, reach, strict=True):
        left = x.at(at)
        ends.append((left, y.at(value)))
        below.append((left, y.at(low)))
        above.append((left, y.at(high)))
        tip = f"{name(at)}: {title} {with_reach(value, (low, high), '.3f')}"
        spots.append(spot(ends[-1], MAIN, tip, 4.5))
        told.append(f"{name(at)}: {title} {value:.3f}")
    marks = [band(below, above, MAIN), curve(ends, MAIN), *spots]
    return str(Plot(x=x, y=y, marks="".join(marks), alt=", ".join(told)))


def decade_lines(
    decades: Sequence[str],
    lines: Mapping[str, Sequence[tuple[float, float, float] | None]],
    colours: Mapping[str, str],
    title: str,
) -> str:
    """Return one line per pair of genres over the decades, with 95 % intervals.

    Parameters
    ----------
    decades : sequence of str
    lines : mapping of str to sequence of (value, low, high) or None
        One entry per decade, None where it was not measured.
    colours : mapping of str to str
        Of each line.
    title : str
        What is measured.
    """
    n = len(decades)
    x = Axis(low=-0.5, high=n - 0.5, ticks=list(enumerate(decades)))
    top = max((p[2] for points in lines.values() for p in points if p), default=1)
    y = number_axis(0, top, title=title)
    curves, marks, told = [], [], []
    for number, (name, points) in enumerate(lines.items()):
        # Side by side, so that the intervals of one decade do not lie on each other.
        aside = 0.06 * (number - (len(lines) - 1) / 2)
        known = [(i, p) for i, p in enumerate(points) if p is not None]
        ends = [(x.at(i + aside), y.at(p[0])) for i, p in known]
        curves.append(curve(ends, colours[name]))
        for (at, high), (i, (value, *reach)) in zip(ends, known, strict=True):
            said = with_reach(value, (reach[0], reach[1]), ".2f")
            ends = [(at, y.at(end)) for end in reach]
            marks.append(line(ends[0], ends[1], colours[name], 1.4))
            tip = f"{name}, {decades[i]}\n{title} {said}"
            marks.append(spot((at, high), colours[name], tip, 4.5))
        told.append(
            f"{name}: " + ", ".join(f"{decades[i]} {p[0]:.2f}" for i, p in known)
        )
    drawn = Plot(
        x=x, y=y, marks="".join([*curves, *marks]), alt="; ".join(told), height_px=300
    )
    return f"{legend([(name, colours[name], 1.0) for name in lines])}{drawn}"


def training_history(history: Sequence[Mapping[str, object]]) -> str:
    """Return loss and scores of each epoch as an SVG file: first the head alone, then all layers.

    Parameters
    ----------
    history : sequence of mapping
        ``phase`` (``"probe"`` while the head alone was trained), ``train_loss``,
        ``tuning_loss``, ``accuracy`` and ``macro_f1`` of each epoch. Loss is cross-entropy
        in nats; scores are shares of the tuning covers, which are never trained on.
    """
    n_probe = sum(row["phase"] == "probe" for row in history)
    blue, orange = colour_sequence(6)[0], colour_sequence(6)[5]
    panels = (
        (
            "Loss: lower is better",
            {
                "train_loss": ("training covers", FAINT),
                "tuning_loss": ("tuning covers", blue),
            },
        ),
        (
            "Scores on the tuning covers",
            {"accuracy": ("accuracy", blue), "macro_f1": ("macro-F1", orange)},
        ),
    )
    drawn = [
        (title, key_line(list(lines.values())), _epochs(history, lines, n_probe))
        for title, lines in panels
    ]
    return as_picture(drawn, width_px=400)


def _epochs(
    history: Sequence[Mapping[str, object]],
    lines: Mapping[str, tuple[str, str]],
    n_probe: int,
) -> Plot:
    """Return some columns of a training, epoch by epoch."""
    n = len(history)
    values = {
        name: [
            (i + 1, v)
            for i, v in enumerate(as_number(row[name]) for row in history)
            if math.isfinite(v)
        ]
        for name in lines
    }
    every = max(1, -(-n // 8))
    x = Axis(
        low=0.5,
        high=n + 0.5,
        ticks=[(epoch, f"{epoch}") for epoch in range(1, n + 1, every)],
        title="epoch; left of the dotted line the head alone"
        if 0 < n_probe < n
        else "epoch",
    )
    y = number_axis(
        0, max((v for known in values.values() for _, v in known), default=1)
    )
    marks, told = [], []
    if 0 < n_probe < n:
        at = x.at(n_probe + 0.5)
        marks.append(line((at, 0), (at, 100), FAINT, 1, dotted=True))
    for name, (said, colour) in lines.items():
        ends = [(x.at(epoch), y.at(v)) for epoch, v in values[name]]
        marks += [curve(ends, colour), *(spot(p, colour, "", 3) for p in ends)]
        told.append(f"{said} " + ", ".join(f"{v:.3f}" for _, v in values[name]))
    return Plot(
        x=x, y=y, marks="".join(marks), alt="; ".join(told) + ".", height_px=220
    )
