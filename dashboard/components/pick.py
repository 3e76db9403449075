"""A component that shows our own HTML, in which things can be chosen.

Streamlit's images cannot be clicked and its charts cannot be reached by keyboard.
Galleries, matrices, the genre graph, cards and charts are therefore plain HTML, made
by `covers.render` with everything escaped; choosing one element
reruns the page with its ``data-pick``, and what is said in a ``title`` is shown at once,
also to those who walk through a chart with the arrow keys. No build step, nothing
fetched but thumbnails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from covers.render.charts.marks import asset, chart_style

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_show = st.components.v2.component(
    "covers_pick",
    css=asset("page.css") + chart_style(),
    js=asset("page.js"),
)


def show(
    html: str,
    *,
    key: str,
    chosen: Collection[str] = (),
    then: Callable[[str], None] | None = None,
) -> None:
    """Show HTML of ours.

    Parameters
    ----------
    html : str
        Made by `dashboard.layout.markup` or `covers.render`; never text from a file as it is.
    key : str
        Of the element, one per page.
    chosen : collection of str
        The ``data-pick`` of the elements that are marked.
    then : callable, optional
        Called with the ``data-pick`` of what was chosen, before anything is drawn, so
        that one run shows all that follows from it.
    """

    def take() -> None:
        picked = st.session_state[key].get("picked")
        if then is not None and picked is not None:
            then(str(picked))

    # In a list, because Streamlit would load pandas to look for tables in a dictionary.
    data = [{"html": html, "chosen": list(chosen)}]
    _show(data=data, key=key, on_picked_change=take)


def keep_in_address(name: str) -> Callable[[str], None]:
    """Return what writes a choice into the address, for `show`."""

    def keep(picked: str) -> None:
        st.query_params[name] = picked

    return keep
