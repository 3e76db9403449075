"""The map component.

Streamlit's charts cannot be used here: Plotly's WebGL scatter reports no zooming
to Python and cannot put pictures where dots were, and its message for 100,000
points is sent again whenever anything on the page changes. This component
fetches points, ids and colours once per state of the workspace as plain arrays,
draws on a canvas (no WebGL, so it also works where there is none), and tells
Python only what was chosen.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from covers.render.charts.marks import asset

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.cluster.map.regions import Region
    from dashboard.data.colouring import Colouring

_show = st.components.v2.component(
    "covers_map",
    html=asset("covermap.html"),
    css=asset("covermap.css"),
    js=asset("covermap.js"),
)


@dataclass(frozen=True, kw_only=True)
class View:
    """What the map shows besides the points.

    Parameters
    ----------
    name : str
        Of the colouring.
    colouring : Colouring
    label : str
        For those who do not see the map.
    outline : list of [x, y]
        The area that is selected.
    hidden : list of int
        Codes of the colours that are switched off in the legend.
    marks : list of int
        Points with a ring around them.
    chosen : str
        One bit per point, base64, least significant bit first: those that are
        selected, the others are paler; empty where nothing is.
    fly : list of int
        Points to bring into view.
    regions : list of Region
        Names on the map: ``x, y, text, level, n``.
    """

    name: str
    colouring: Colouring
    label: str
    outline: list[list[float]] = field(default_factory=list)
    hidden: list[int] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    chosen: str = ""
    fly: list[int] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Actions:
    """What is called when somebody does something on the map.

    Parameters
    ----------
    on_area : callable
        Called with the corners of an area that was just selected, none where it
        was cleared, and the colours that are switched off.
    on_open : callable
        Called with the id of a cover that was just clicked.
    on_legend : callable
        Called with the colours that are switched off.
    """

    on_area: Callable[[list[list[float]], list[int]], None]
    on_open: Callable[[str], None]
    on_legend: Callable[[list[int]], None]


def show(
    version: str,
    view: View,
    actions: Actions,
    *,
    height: int = 640,
) -> None:
    """Show the map.

    Parameters
    ----------
    version : str
        As `dashboard.loaders.map_version` says.
    view : View
    actions : Actions
    height : int, default=640
        At most, in pixels.
    """

    def take_area() -> None:
        area = st.session_state["map"].get("selected")
        if area is None:
            return
        corners = [[float(x), float(y)] for x, y in area.get("outline") or ()]
        actions.on_area(corners, [int(code) for code in area.get("hidden") or ()])

    def take_cover() -> None:
        opened = st.session_state["map"].get("opened")
        if opened:
            actions.on_open(str(opened))

    def take_legend() -> None:
        off = st.session_state["map"].get("legend")
        if off is not None:
            actions.on_legend([int(code) for code in off])

    scale = view.colouring.scale
    data = {
        "version": version,
        "colour": view.name,
        "colours": view.colouring.colours,
        "legend": [asdict(one) for one in view.colouring.legend[:60]],
        "scale": scale and asdict(scale),
        "label": view.label,
        "outline": view.outline or None,
        "hidden": view.hidden,
        "marks": view.marks,
        "chosen": view.chosen,
        "fly": view.fly,
        "regions": [asdict(one) for one in view.regions],
        "keep_place": True,
        "height": height,
        # What stands above the map; with a selection its bar does too.
        "above": 400 if view.chosen else 330,
    }
    _show(
        data=[data],  # in a list, as in `dashboard.components.pick`
        key="map",
        on_selected_change=take_area,
        on_opened_change=take_cover,
        on_legend_change=take_legend,
        on_outdated_change=lambda: None,
    )
