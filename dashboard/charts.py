"""Tables → figures as HTML, without Streamlit. Fonts and backgrounds come from the page's theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.classify.answers import BOTH, NETWORK, VOTE
from covers.render.palette import NOISE_COLOUR
from dashboard.plots import (
    FAINT,
    Axis,
    Row,
    band,
    bar,
    box,
    curve,
    legend,
    line,
    number_axis,
    plot,
    rows,
    spot,
    whisker,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAIN = "#0072b2"
_TRAINED = {"cnn", "vote", "blend"}
_STYLES = {BOTH: ("both", 1.0), VOTE: ("vote", 0.6), NETWORK: ("network", 0.35)}


def genre_bars(counts: Mapping[str, int], colours: Mapping[str, str]) -> str:
    """Return covers per genre, the largest on top."""
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


def year_bars(
    years: np.ndarray[Any, Any],
    genres: np.ndarray[Any, Any],
    vocab: Sequence[str],
    colours: Mapping[str, str],
) -> str:
    """Return covers per year, stacked by first genre; some year must be known."""
    known = np.isfinite(years)
    low, high = int(years[known].min()), int(years[known].max())
    width = max(1, -(-(high - low + 1) // 40))
    edges = np.arange(low, high + width + 1, width)
    counts = np.stack(
        [
            np.histogram(years[known & (genres == code)], edges)[0]
            for code in range(-1, len(vocab))
        ]
    )  # (G + 1, bins)
    ends = float(edges[0]), float(edges[-1])
    inside = [(year, text) for year, text in _years(*ends) if ends[0] <= year < ends[1]]
    # A bin is as wide as its years, and its name stands below its middle.
    x = Axis(
        low=ends[0], high=ends[1], ticks=[(year + 0.5, text) for year, text in inside]
    )
    y = number_axis(0, float(counts.sum(axis=0).max()), "{:,.0f}".format, "covers")
    parts = []
    wide = 100 / (len(edges) - 1)
    below = np.vstack([np.zeros(len(edges) - 1), counts.cumsum(axis=0)])
    for code, place in np.argwhere(counts).tolist():
        name = vocab[code - 1] if code else "no genre"
        first, last = int(edges[place]), int(edges[place + 1]) - 1
        when = f"{first}" if first == last else f"{first} to {last}"
        corner = wide * (place + 0.06), y.at(below[code, place])
        size = 0.88 * wide, y.at(counts[code, place])
        tip = f"{name}, {when}: {counts[code, place]:,}"
        parts.append(box(corner, size, colours.get(name, NOISE_COLOUR), tip))
    alt = f"Covers per year from {low} to {high}, coloured by genre"
    return plot(x, y, "".join(parts), alt=alt, height_px=230)


def _years(low: float, high: float) -> Sequence[tuple[float, str]]:
    return number_axis(low, high, "{:.0f}".format).ticks


def method_dots(
    methods: Mapping[str, Mapping[str, Any]],
    names: Mapping[str, str],
    measure: str,
    title: str,
) -> str:
    """Return one figure of every method with its 95 % interval."""
    known = {name: one for name, one in methods.items() if measure in one}
    values = {name: float(one[measure]) for name, one in known.items()}
    reach = {
        name: _ends(one.get("ci95", {}).get(measure), values[name])
        for name, one in known.items()
    }
    axis = number_axis(0, max((high for _, high in reach.values()), default=1))
    shown = []
    for name, value in values.items():
        low, high = reach[name]
        said = names.get(name, name)
        colour = MAIN if name in _TRAINED else FAINT
        tip = f"{said}: {value:.3f}" + (
            f" ({low:.3f} to {high:.3f})" if low < high else ""
        )
        marks = whisker(axis.at(value), axis.at(low), axis.at(high), colour)
        shown.append(Row(name=said, marks=marks, value=f"{value:.3f}", tip=tip))
    alt = f"{title} of each method: " + ", ".join(
        f"{names.get(name, name)} {value:.2f}" for name, value in values.items()
    )
    return rows(shown, axis, alt=alt)


def reliability(points: Sequence[Mapping[str, float]]) -> str:
    """Return how often predictions of some certainty are right, with 95 % intervals."""
    x = number_axis(0, 1, title="stated certainty")
    y = number_axis(0, 1, title="how often right")
    most = max((point["n"] for point in points), default=1)
    marks = []
    for point in points:
        rate, n = point["rate"], point["n"]
        reach = 1.96 * np.sqrt(max(rate * (1 - rate), 0.02) / n)
        at = x.at(point["certainty"])
        tip = f"certainty {point['certainty']:.2f}: right {rate:.2f}, n = {n:,.0f}"
        marks += [
            line((at, y.at(rate - reach)), (at, y.at(rate + reach)), FAINT, 1.5),
            spot((at, y.at(rate)), MAIN, tip, 4 + 4.5 * n / most),
        ]
    places = [(x.at(point["certainty"]), y.at(point["rate"])) for point in points]
    curves = curve([(0, 0), (100, 100)], FAINT, dotted=True) + curve(places, MAIN)
    alt = "How often predictions are right by their certainty: " + ", ".join(
        f"{p['certainty']:.2f} {p['rate']:.2f}" for p in points
    )
    return plot(x, y, "".join(marks), alt=alt, curves=curves)


def coverage_accuracy(points: Sequence[Mapping[str, Any]]) -> str:
    """Return the accuracy if only the most certain share of the covers is answered."""
    x = number_axis(0, 1, _per_cent, "share of covers answered")
    return _banded(
        x,
        [(p["share"], p["accuracy"], p.get("ci95")) for p in points],
        "accuracy",
        lambda at: f"{_per_cent(at)} answered",
    )


def learning_curve(points: Sequence[Mapping[str, Any]]) -> str:
    """Return macro-F1 over the number of covers to learn from, factors equally far apart."""
    sizes = [float(p["n_references"]) for p in points]
    x = Axis(
        low=min(sizes, default=1),
        high=max(sizes, default=2),
        ticks=[(size, f"{size:,.0f}") for size in sizes],
        title="covers to learn from",
        log=True,
    )
    return _banded(
        x,
        [(float(p["n_references"]), p["macro_f1"], p.get("ci95")) for p in points],
        "macro-F1",
        lambda at: f"{at:,.0f} covers",
    )


def _banded(
    x: Axis,
    points: Sequence[tuple[float, float, Any]],
    title: str,
    name: Callable[[float], str],
) -> str:
    """Return a line with its 95 % band; `name` tells where a point stands."""
    reach = [_ends(ci95, value) for _, value, ci95 in points]
    y = number_axis(
        min((low for low, _ in reach), default=0),
        max((high for _, high in reach), default=1),
        title=title,
    )
    places, below, above, marks, told = [], [], [], [], []
    for (at, value, _), (low, high) in zip(points, reach, strict=True):
        left = x.at(at)
        places.append((left, y.at(value)))
        below.append((left, y.at(low)))
        above.append((left, y.at(high)))
        said = f"{name(at)}: {title} {value:.3f}"
        ends = f" ({low:.3f} to {high:.3f})" if low < high else ""
        marks.append(spot(places[-1], MAIN, said + ends, 4.5))
        told.append(said)
    curves = band(below, above, MAIN) + curve(places, MAIN) if places else ""
    return plot(x, y, "".join(marks), alt=", ".join(told), curves=curves)


def distributions(
    by_method: Mapping[str, Mapping[str, float]],
    colours: Mapping[str, str],
    n_shown: int = 8,
) -> str:
    """Return what each method says of one cover, the likeliest genres on top."""
    methods = [name for name in _STYLES if name in by_method]
    best = by_method[methods[0]]
    names = sorted(best, key=lambda name: -best[name])[:n_shown]
    top = max(by_method[method][name] for method in methods for name in names)
    axis = number_axis(0, top, _per_cent)
    shown = []
    for name in names:
        tip = "\n".join(
            f"{_STYLES[m][0]}: {100 * by_method[m][name]:.1f} %" for m in methods
        )
        marks = "".join(
            bar(
                axis.at(by_method[m][name]),
                colours.get(name, NOISE_COLOUR),
                strength=_STYLES[m][1],
            )
            for m in methods
        )
        value = f"{100 * best[name]:.0f} %"
        shown.append(Row(name=name, marks=marks, value=value, tip=f"{name}\n{tip}"))
    alt = "Probability of each genre: " + ", ".join(
        f"{name} {100 * best[name]:.0f} %" for name in names
    )
    key = legend([(_STYLES[m][0], FAINT, _STYLES[m][1]) for m in methods])
    return key + rows(shown, axis, alt=alt)


def lift_dots(
    lifts: Sequence[tuple[str, float, tuple[float, float], str]],
    colours: Mapping[str, str],
) -> str:
    """Return how many times over-represented genres are: name, lift, interval, tip; 1 is as everywhere."""
    top = max((max(high, lift) for _, lift, (_, high), _ in lifts), default=1)
    axis = number_axis(0, max(top, 1.0), title="times as frequent as in the library")
    shown = [
        Row(
            name=name,
            marks=whisker(
                axis.at(lift),
                axis.at(low),
                axis.at(high),
                colours.get(name, NOISE_COLOUR),
            ),
            value=f"{lift:.2f}",
            tip=tip,
        )
        for name, lift, (low, high), tip in lifts
    ]
    alt = "Times as frequent as in the library: " + ", ".join(
        f"{name} {lift:.2f}" for name, lift, _, _ in lifts
    )
    return rows(shown, axis, alt=alt, mark=1.0)


def dendrogram(
    order: Sequence[str],
    branches: Sequence[Mapping[str, Any]],
    colours: Mapping[str, str],
) -> str:
    """Return the family tree of genres with the bootstrap support of each branch."""
    highest = max((float(branch["height"]) for branch in branches), default=1)
    x = number_axis(0, highest, title="1 − overlap")  # noqa: RUF001
    n = len(order)
    y = Axis(
        low=-0.5, high=n - 0.5, ticks=[(n - 1 - i, g) for i, g in enumerate(order)]
    )
    place = {frozenset([name]): (0.0, float(n - 1 - i)) for i, name in enumerate(order)}
    inside = {name: frozenset([name]) for name in order}
    lines, marks, told = [], [], []
    for branch in branches:
        members = frozenset(branch["genres"])
        parts = list({inside[name] for name in members if name in inside})
        if len(parts) < 2:
            continue
        height = float(branch["height"])
        spots = [place[part] for part in parts]
        ends = [at for _, at in spots]
        top = x.at(height)
        lines += [
            line((x.at(start), y.at(at)), (top, y.at(at)), FAINT, 1.8)
            for start, at in spots
        ]
        lines.append(line((top, y.at(min(ends))), (top, y.at(max(ends))), FAINT, 1.8))
        place[members] = height, sum(ends) / len(ends)
        inside |= dict.fromkeys(members, members)
        names = ", ".join(sorted(members))
        support = branch.get("support")
        said = f"{100 * float(support):.0f} %" if support is not None else ""
        often = f"\nin {said} of the resamples" if said else ""
        tip = f"{names}\noverlap {1 - height:.2f}{often}"
        marks += [spot((top, y.at(place[members][1])), MAIN, tip, 4.5)]
        told.append(f"{names} {said}")
        if said:
            at = 100 - y.at(place[members][1])
            aside = 'dx="-7" text-anchor="end"' if top > 80 else 'dx="7"'
            marks.append(
                f'<text x="{top}%" y="{at:.2f}%" dy="-6" {aside}>{said}</text>'
            )
    leaves = [
        spot((0, y.at(n - 1 - i)), colours.get(name, NOISE_COLOUR), "", 5.5)
        for i, name in enumerate(order)
    ]
    alt = "Family tree of genres: " + "; ".join(told)
    drawn = "".join([*lines, *marks, *leaves])
    return plot(x, y, drawn, alt=alt, height_px=28 * n, grid=False)


def decade_lines(
    decades: Sequence[str],
    lines: Mapping[str, Sequence[tuple[float, float, float] | None]],
    colours: Mapping[str, str],
    title: str,
) -> str:
    """Return one line per pair of genres over the decades, with 95 % intervals."""
    n = len(decades)
    x = Axis(low=-0.5, high=n - 0.5, ticks=list(enumerate(decades)))
    top = max((p[2] for points in lines.values() for p in points if p), default=1)
    y = number_axis(0, top, title=title)
    curves, marks, told = [], [], []
    for number, (name, points) in enumerate(lines.items()):
        # Side by side, so that the intervals of one decade do not lie on each other.
        aside = 0.06 * (number - (len(lines) - 1) / 2)
        known = [(i, p) for i, p in enumerate(points) if p is not None]
        places = [(x.at(i + aside), y.at(p[0])) for i, p in known]
        curves.append(curve(places, colours[name]))
        for (at, high), (i, (value, low, upper)) in zip(places, known, strict=True):
            tip = (
                f"{name}, {decades[i]}\n{title} {value:.2f} ({low:.2f} to {upper:.2f})"
            )
            marks.append(line((at, y.at(low)), (at, y.at(upper)), colours[name], 1.4))
            marks.append(spot((at, high), colours[name], tip, 4.5))
        told.append(
            f"{name}: " + ", ".join(f"{decades[i]} {p[0]:.2f}" for i, p in known)
        )
    key = legend([(name, colours[name], 1.0) for name in lines])
    drawn = plot(
        x, y, "".join(marks), alt="; ".join(told), curves="".join(curves), height_px=300
    )
    return key + drawn


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _ends(ci95: Sequence[float | None] | None, value: float) -> tuple[float, float]:
    """Return an interval, of no width where there is none."""
    if not ci95 or ci95[0] is None or ci95[1] is None:
        return value, value
    return float(ci95[0]), float(ci95[1])
