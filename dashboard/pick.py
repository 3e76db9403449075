"""A component that shows our own HTML, in which things can be chosen.

Streamlit's images cannot be clicked and its charts cannot be reached by keyboard.
Galleries, matrices, the genre graph and cards are therefore plain HTML, made by
`dashboard.markup` with everything escaped; choosing one element reruns the page
with its ``data-pick``. No build step, nothing fetched but thumbnails.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_ASSETS = Path(__file__).with_name("assets")

_show = st.components.v2.component(
    "covers_pick",
    css=(_ASSETS / "pick.css").read_text(encoding="utf-8"),
    js=(_ASSETS / "pick.js").read_text(encoding="utf-8"),
)


def show(html: str, *, key: str) -> str | None:
    """Show HTML of ours and return what was just chosen in it, if anything.

    Parameters
    ----------
    html : str
        Made by `dashboard.markup`; never text from a file as it is.
    key : str
        Of the element, one per page.

    Returns
    -------
    str or None
        The ``data-pick`` of the chosen element, in the one rerun that follows.
    """
    result = _show(data={"html": html}, key=key, on_picked_change=lambda: None)
    picked = result.get("picked")
    return None if picked is None else str(picked)
