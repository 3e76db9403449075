"""The script that Streamlit runs for every visitor: navigation, then one page."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import loaders
from dashboard.layout import bar, frame
from dashboard.pages import PAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.pages import PageEntry


def _run(entry: PageEntry) -> Callable[[], None]:
    """Return a page's function; its module is loaded when it is first shown."""

    def page() -> None:
        frame.go_on()
        view = importlib.import_module(f"dashboard.views.{entry.view}")
        frame.guard(view.show)

    page.__name__ = entry.view
    return page


st.set_page_config(page_title="Album covers", layout="wide")
pages = {
    entry.view: st.Page(
        _run(entry), title=entry.title, url_path=entry.path, default=not entry.path
    )
    for entry in PAGES
}
st.session_state["pages"] = pages
page = st.navigation(list(pages.values()), position="hidden")
# Links of our own, because those of Streamlit would forget what is selected.
with st.container(horizontal=True, key="nav", gap="small"):
    for entry in PAGES:
        st.page_link(
            pages[entry.view], label=entry.title, query_params=bar.link_parameters()
        )
page.run()
loaders.get_ready()
