"""Tables → Plotly figures, without Streamlit. Fonts and backgrounds come from the page's theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from covers.palette import NOISE_COLOUR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAIN, OTHER, FAINT = "#0072b2", "#d55e00", "#8f8d87"


def genre_bars(counts: Mapping[str, int], colours: Mapping[str, str]) -> go.Figure:
    """Return covers per genre, the largest on top."""
    names = list(counts)[::-1]
    values = [counts[name] for name in names]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=names,
            orientation="h",
            marker_color=[colours.get(name, NOISE_COLOUR) for name in names],
            text=[f"{value:,}" for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,} covers<extra></extra>",
        )
    )
    return _finish(figure, height=26 * len(names) + 50, x_title="covers", bars=True)


def year_bars(
    years: np.ndarray[Any, Any],
    genres: np.ndarray[Any, Any],
    vocab: Sequence[str],
    colours: Mapping[str, str],
) -> go.Figure:
    """Return covers per year, stacked by first genre."""
    figure = go.Figure()
    known = np.isfinite(years)
    if known.any():
        low, high = int(years[known].min()), int(years[known].max())
        width = max(1, -(-(high - low + 1) // 40))
        edges = np.arange(low, high + width + 1, width)
        for code in range(-1, len(vocab)):
            values, _ = np.histogram(years[known & (genres == code)], edges)
            if values.sum():
                name = vocab[code] if code >= 0 else "no genre"
                figure.add_bar(
                    x=edges[:-1] + (width - 1) / 2,
                    y=values,
                    width=0.9 * width,
                    name=name,
                    marker_color=colours.get(name, NOISE_COLOUR),
                    hovertemplate=f"{name}, %{{x:.0f}}: %{{y}}<extra></extra>",
                )
    figure.update_layout(barmode="stack", showlegend=False)
    return _finish(figure, height=250, y_title="covers", bars=True)


def method_dots(
    methods: Mapping[str, Mapping[str, Any]], names: Mapping[str, str], figure_of: str
) -> go.Figure:
    """Return one figure of every method with its 95 % interval."""
    shown = [name for name in methods if figure_of in methods[name]][::-1]
    values = [float(methods[name][figure_of]) for name in shown]
    ends = [methods[name].get("ci95", {}).get(figure_of) for name in shown]
    above = [
        e[1] - v if e and e[1] is not None else 0
        for e, v in zip(ends, values, strict=True)
    ]
    below = [
        v - e[0] if e and e[0] is not None else 0
        for e, v in zip(ends, values, strict=True)
    ]
    trained = {"cnn", "vote", "blend"}
    figure = go.Figure(
        go.Scatter(
            x=values,
            y=[names.get(name, name) for name in shown],
            mode="markers",
            marker={
                "size": 11,
                "color": [MAIN if name in trained else FAINT for name in shown],
            },
            error_x={
                "type": "data",
                "array": above,
                "arrayminus": below,
                "thickness": 1.6,
                "width": 0,
                "color": FAINT,
            },
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    figure.update_xaxes(rangemode="tozero", nticks=6)
    return _finish(figure, height=34 * len(shown) + 60, x_title="", bars=False)


def reliability(points: Sequence[Mapping[str, float]]) -> go.Figure:
    """Return how often predictions of some certainty are right."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": FAINT, "dash": "dot"},
        hoverinfo="skip",
    )
    n = [point["n"] for point in points]
    figure.add_scatter(
        x=[point["certainty"] for point in points],
        y=[point["rate"] for point in points],
        mode="lines+markers",
        line={"color": MAIN},
        marker={"size": [7 + 9 * (v / max(n)) for v in n]},
        error_y={
            "type": "data",
            "array": [
                1.96 * np.sqrt(max(p["rate"] * (1 - p["rate"]), 0.02) / p["n"])
                for p in points
            ],
            "thickness": 1.2,
            "width": 0,
            "color": FAINT,
        },
        customdata=n,
        hovertemplate="certainty %{x:.2f}, right %{y:.2f}, %{customdata} covers<extra></extra>",
    )
    figure.update_xaxes(range=[0, 1.02])
    figure.update_yaxes(range=[0, 1.02])
    figure.update_layout(showlegend=False)
    return _finish(
        figure, height=330, x_title="stated certainty", y_title="how often right"
    )


def banded_line(
    x: Sequence[float],
    y: Sequence[float],
    ends: Sequence[Sequence[float] | None],
    *,
    x_title: str,
    y_title: str,
    hover: str,
    log_x: bool = False,
) -> go.Figure:
    """Return a line with its 95 % band."""
    figure = go.Figure()
    known = [(a, e) for a, e in zip(x, ends, strict=True) if e and e[0] is not None]
    if known:
        figure.add_scatter(
            x=[a for a, _ in known] + [a for a, _ in known][::-1],
            y=[e[1] for _, e in known] + [e[0] for _, e in known][::-1],
            mode="lines",
            fill="toself",
            fillcolor="rgba(0,114,178,.16)",
            line={"width": 0},
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=list(x),
        y=list(y),
        mode="lines+markers",
        line={"color": MAIN},
        hovertemplate=hover,
    )
    figure.update_layout(showlegend=False)
    if log_x:
        figure.update_xaxes(
            type="log", tickvals=list(x), ticktext=[f"{v:,.0f}" for v in x]
        )
    return _finish(figure, height=330, x_title=x_title, y_title=y_title)


def distributions(
    by_method: Mapping[str, Mapping[str, float]],
    colours: Mapping[str, str],
    n_shown: int = 8,
) -> go.Figure:
    """Return what each method says of one cover, the likeliest genres on top."""
    last = list(by_method)[-1]
    names = sorted(by_method[last], key=lambda name: -by_method[last][name])[:n_shown][
        ::-1
    ]
    styles = {"cnn": ("network", 0.35), "vote": ("vote", 0.6), "blend": ("both", 1.0)}
    figure = go.Figure()
    for method, values in by_method.items():
        label, opacity = styles[method]
        figure.add_bar(
            x=[values.get(name, 0.0) for name in names],
            y=names,
            orientation="h",
            name=label,
            marker={
                "color": [colours.get(name, NOISE_COLOUR) for name in names],
                "opacity": opacity,
            },
            hovertemplate=f"{label}: %{{y}} %{{x:.0%}}<extra></extra>",
        )
    figure.update_layout(
        barmode="group", showlegend=False, bargap=0.28, bargroupgap=0.06
    )
    figure.update_xaxes(tickformat=".0%", range=[0, None])
    return _finish(figure, height=44 * len(names) + 50, bars=True)


def lift_dots(
    names: Sequence[str],
    lifts: Sequence[float],
    ends: Sequence[tuple[float, float]],
    colours: Mapping[str, str],
    hovers: Sequence[str],
) -> go.Figure:
    """Return how many times over-represented each genre is, with intervals; 1 is as everywhere."""
    shown = list(range(len(names)))[::-1]
    figure = go.Figure(
        go.Scatter(
            x=[lifts[i] for i in shown],
            y=[names[i] for i in shown],
            mode="markers",
            marker={
                "size": 11,
                "color": [colours.get(names[i], NOISE_COLOUR) for i in shown],
            },
            error_x={
                "type": "data",
                "array": [ends[i][1] - lifts[i] for i in shown],
                "arrayminus": [lifts[i] - ends[i][0] for i in shown],
                "thickness": 1.6,
                "width": 0,
                "color": FAINT,
            },
            customdata=[hovers[i] for i in shown],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    figure.add_vline(x=1, line_dash="dot", line_color=FAINT)
    figure.update_xaxes(rangemode="tozero")
    return _finish(
        figure,
        height=30 * len(names) + 60,
        x_title="times as frequent as in the library",
    )


def dendrogram(
    order: Sequence[str],
    branches: Sequence[Mapping[str, Any]],
    colours: Mapping[str, str],
) -> go.Figure:
    """Return the family tree of genres with the bootstrap support of each branch."""
    place = {frozenset([name]): (0.0, float(i)) for i, name in enumerate(order)}
    inside = {name: frozenset([name]) for name in order}
    figure = go.Figure()
    marks: list[tuple[float, float, str, str]] = []
    for branch in branches:
        members = frozenset(branch["genres"])
        parts = list({inside[name] for name in members if name in inside})
        if len(parts) < 2:
            continue
        height = float(branch["height"])
        spots = [place[part] for part in parts]
        low, high = min(y for _, y in spots), max(y for _, y in spots)
        for x, y in spots:
            figure.add_scatter(
                x=[x, height],
                y=[y, y],
                mode="lines",
                line={"color": FAINT, "width": 1.8},
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=[height, height],
            y=[low, high],
            mode="lines",
            line={"color": FAINT, "width": 1.8},
            hoverinfo="skip",
        )
        middle = sum(y for _, y in spots) / len(spots)
        place[members] = (height, middle)
        for name in members:
            inside[name] = members
        support = branch.get("support")
        said = f"{100 * float(support):.0f} %" if support is not None else ""
        marks.append((height, middle, said, ", ".join(sorted(members))))
    figure.add_scatter(
        x=[m[0] for m in marks],
        y=[m[1] for m in marks],
        mode="markers+text",
        text=[m[2] for m in marks],
        textposition="top right",
        marker={"size": 7, "color": MAIN},
        customdata=[m[3] for m in marks],
        hovertemplate="%{customdata}<br>1 - overlap %{x:.2f}, support %{text}<extra></extra>",
    )
    figure.add_scatter(
        x=[0] * len(order),
        y=list(range(len(order))),
        mode="markers",
        marker={
            "size": 11,
            "color": [colours.get(name, NOISE_COLOUR) for name in order],
        },
        hoverinfo="skip",
    )
    figure.update_yaxes(tickvals=list(range(len(order))), ticktext=list(order))
    figure.update_layout(showlegend=False)
    return _finish(figure, height=30 * len(order) + 70, x_title="1 - overlap")


def decade_lines(
    decades: Sequence[str],
    lines: Mapping[str, Sequence[tuple[float, float, float] | None]],
    colours: Mapping[str, str],
    y_title: str,
) -> go.Figure:
    """Return one line per pair of genres over the decades, with intervals."""
    figure = go.Figure()
    for name, points in lines.items():
        known = [(d, p) for d, p in zip(decades, points, strict=True) if p is not None]
        figure.add_scatter(
            x=[d for d, _ in known],
            y=[p[0] for _, p in known],
            name=name,
            mode="lines+markers",
            line={"color": colours[name]},
            error_y={
                "type": "data",
                "array": [p[2] - p[0] for _, p in known],
                "arrayminus": [p[0] - p[1] for _, p in known],
                "thickness": 1.2,
                "width": 0,
            },
            hovertemplate=f"{name}, %{{x}}: %{{y:.2f}}<extra></extra>",
        )
    figure.update_layout(legend={"orientation": "h", "y": -0.18})
    return _finish(figure, height=340, y_title=y_title)


def _finish(
    figure: go.Figure,
    *,
    height: int,
    x_title: str = "",
    y_title: str = "",
    bars: bool = False,
) -> go.Figure:
    """Give a figure the common margins, axes and titles."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 26, "t": 8, "b": 8},
        dragmode=False,
        hoverlabel={"font_size": 13},
    )
    if bars:
        figure.update_traces(selector={"type": "bar"}, marker_line_width=0)
    figure.update_xaxes(title=x_title, automargin=True, zeroline=False)
    figure.update_yaxes(title=y_title, automargin=True, zeroline=False)
    return figure
