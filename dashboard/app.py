"""The server: Streamlit's own app, with routes for thumbnails and map points beside it.

``covers dashboard`` starts it as ``streamlit run app.py -- WORKSPACE``.
"""

from __future__ import annotations

import logging
from pathlib import Path

from streamlit.starlette import App

from dashboard.routes import make_routes

_log = logging.getLogger(__name__)


def note_error(error: Exception) -> bool:
    """Log what no view expected, and tell the reader without a traceback."""
    import streamlit as st

    _log.error("a view failed", exc_info=error)
    st.error(
        "Something went wrong that should not have. The terminal that runs the "
        "dashboard says what; the other pages still work.",
        icon=":material/error:",
    )
    return True


app = App(
    Path(__file__).with_name("main.py"),
    routes=make_routes(),
    on_script_error=note_error,
)
