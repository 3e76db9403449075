"""The script that Streamlit runs for every visitor: navigation, then one page."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.layout import bar, frame
from dashboard.pages import PAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.pages import PageEntry

_STYLE = """<style>
[data-testid="stHeader"] { background: transparent; pointer-events: none; height: 2.2rem; min-height: 0; }
[data-testid="stHeader"] * { pointer-events: auto; }
.st-key-nav { flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none; margin: 0 -0.7rem 0.4rem; gap: 0.15rem; }
.st-key-nav > div { flex: none; width: auto; }
.st-key-nav p { white-space: nowrap; font-size: 0.95rem; }
.st-key-selection-bar { background: light-dark(rgb(244 243 240 / .96), rgb(31 34 39 / .96)); padding: 0.35rem 0.9rem; }
@media (min-width: 641px) { div:has(> .st-key-selection-place) { position: sticky; top: 0.4rem; z-index: 90; } }
[data-tag] { background: color-mix(in srgb, currentColor 14%, transparent) !important; }
[data-tag], [data-tag] * { color: inherit !important; }
[data-testid="stBaseButton-primary"]:enabled, [data-testid="stBaseButton-primary"]:enabled * { color: light-dark(#fff, #10141a) !important; }
.stMainBlockContainer { max-width: 1240px; padding-top: 0.6rem; padding-left: 2rem; padding-right: 2rem; }
.stMainBlockContainer h1 { letter-spacing: -0.02em; padding: 0; }
.stMainBlockContainer h2, .stMainBlockContainer h3 { letter-spacing: -0.01em; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: .78; }
[data-testid="stCaptionContainer"] p { max-width: 110ch; }
.stElementContainer:has(h3) + .stElementContainer [data-testid="stCaptionContainer"] { margin-top: -0.7rem; }
[data-testid="stHeaderActionElements"] { display: none; }
[data-testid="stFileChip"] > [role="alert"] { position: static; width: auto; height: auto; margin: 0 0.4rem; clip: auto; clip-path: none; overflow: visible; white-space: normal; font-size: 0.85rem; }
.stFileChip[aria-invalid="true"] { max-width: none; }
.st-key-pair-mark { height: 0; min-height: 0; margin-bottom: -1rem; }
.stButtonGroup [role="radiogroup"], .stButtonGroup [role]:has(> [data-variant="pills"]) { flex-wrap: wrap; row-gap: 4px; overflow: visible; mask-image: none; }
@media (max-width: 640px) {
  .st-key-nav { flex-wrap: wrap; row-gap: 0; margin-bottom: 0; overflow: visible; }
  .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; }
  .stHorizontalBlock { gap: 1rem; }
  .st-key-filters > div > .stHorizontalBlock { gap: 0.6rem; }
  .st-key-filters > div > .stHorizontalBlock > .stColumn + .stColumn { min-width: 9rem; flex: 1 1 9rem; }
  .st-key-sides > div > .stHorizontalBlock > .stColumn { min-width: 9rem; flex: 1 1 9rem; }
  .st-key-map-page:has(.st-key-opened, .st-key-selection-shares, .st-key-found) > div:last-child > .stHorizontalBlock > .stColumn:last-child,
  .st-key-evidence > div > .stHorizontalBlock > .stColumn:last-child { order: -1; }
  .stButtonGroup [role="radiogroup"] button, .stButtonGroup [role="radiogroup"] label { border-radius: 8px; margin: 0 4px 0 0; }
  .st-key-colour [role="radio"] { padding: 0 0.4rem; }
  .st-key-colour [role="radio"] p { font-size: 0.8rem; }
  .stButtonGroup [role="radio"][aria-checked="false"] { border-left-color: light-dark(#dedcd6, #363a41) !important; }
}
</style>"""


def _run(entry: PageEntry) -> Callable[[], None]:
    """Return a page's function; its module is loaded when it is first shown."""

    def page() -> None:
        frame.go_on()
        view = importlib.import_module(f"dashboard.views.{entry.view}")
        frame.guard(view.show)

    page.__name__ = entry.view
    return page


st.set_page_config(page_title="Album covers", layout="wide")
st.html(_STYLE)
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
