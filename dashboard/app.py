"""The server: Streamlit's own app, with routes for thumbnails and map points beside it.

``covers dashboard`` starts it as ``streamlit run app.py -- WORKSPACE``.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from covers.cli.dashboard import UNTIL_STDIN_ENDS
from dashboard.server.guard import Guard
from dashboard.server.logs import make_logs_safe
from dashboard.server.routes import make_routes

_log = logging.getLogger(__name__)
_PATIENCE_S = 5

make_logs_safe()


def end_with_stdin() -> None:
    """End the server when its standard input ends: whoever started it is gone, even if killed."""
    # Not through sys.stdin: a thread that waits in it holds a lock that ending needs.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE_S)
    os._exit(1)


if os.environ.pop(UNTIL_STDIN_ENDS, ""):
    threading.Thread(target=end_with_stdin, daemon=True).start()


def note_error(error: Exception) -> bool:
    """Log an error that no page expected, and show it without a traceback."""
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
    middleware=[Middleware(Guard)],
    on_script_error=note_error,
)
