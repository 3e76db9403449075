"""The map component.

Streamlit's charts cannot be used here: Plotly's WebGL scatter reports no zooming
to Python and cannot put pictures where dots were, and its message for 100,000
points is sent again whenever anything on the page changes. This component
fetches points, ids and colours once per state of the workspace as plain arrays,
draws on a canvas (no WebGL, so it also works where there is none), and tells
Python only what was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from dashboard.data.colouring import Colouring

_ASSETS = Path(__file__).with_name("assets")

_show = st.components.v2.component(
    "covers_map",
    html=(_ASSETS / "covermap.html").read_text(encoding="utf-8"),
    css=(_ASSETS / "covermap.css").read_text(encoding="utf-8"),
    js=(_ASSETS / "covermap.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Chosen:
    """What was chosen on the map.

    Parameters
    ----------
    outline : list of [x, y]
        Corners of the selected area; empty without one.
    hidden : list of int
        Codes of the colours that are switched off in the legend.
    opened : str or None
        Cover that was just clicked.
    """

    outline: list[list[float]]
    hidden: list[int]
    opened: str | None


def show(
    version: str,
    name: str,
    colouring: Colouring,
    *,
    label: str,
    outline: list[list[float]],
    marks: list[int],
    fly: list[int],
    height: int = 640,
) -> Chosen:
    """Show the map.

    Parameters
    ----------
    version : str
        As `dashboard.loaders.map_version` says.
    name : str
        Of the colouring.
    colouring : Colouring
    label : str
        For those who do not see the map.
    outline : list of [x, y]
        The area that is selected at first; must stay the same afterwards.
    marks : list of int
        Points with a ring around them.
    fly : list of int
        Points to bring into view.
    height : int, default=640
        At most, in pixels.
    """
    data: dict[str, Any] = {
        "version": version,
        "colour": name,
        "colours": colouring.colours,
        "legend": colouring.legend[:60],
        "scale": colouring.scale,
        "label": label,
        "outline": outline or None,
        "marks": marks,
        "fly": fly,
        "height": height,
    }
    result = _show(
        data=data,
        key="map",
        default={"selected": {"outline": outline, "hidden": []} if outline else None},
        on_selected_change=lambda: None,
        on_opened_change=lambda: None,
        on_outdated_change=lambda: None,
    )
    area = result.get("selected") or {}
    return Chosen(
        [[float(x), float(y)] for x, y in area.get("outline") or ()],
        [int(code) for code in area.get("hidden") or ()],
        result.get("opened"),
    )
