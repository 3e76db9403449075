"""The server's log: control characters in names are shown, not executed."""

from __future__ import annotations

import logging
import sys
from typing import IO, Any

from indexer.terminal import SafeStream


def make_logs_safe() -> None:
    """Let everything that this process prints or logs show control characters as escapes.

    Handlers that Streamlit made before keep the stream they have: they get a safe one.
    """
    safe: dict[int, SafeStream] = {}

    def wrap(stream: IO[str]) -> Any:
        if isinstance(stream, SafeStream):
            return stream
        return safe.setdefault(id(stream), SafeStream(stream))

    raw = {id(sys.stdout), id(sys.stderr), id(sys.__stdout__), id(sys.__stderr__)}
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and id(handler.stream) in raw:
                handler.setStream(wrap(handler.stream))
    sys.stdout, sys.stderr = wrap(sys.stdout), wrap(sys.stderr)
