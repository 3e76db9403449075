"""What the service answers where it cannot: a status and a line for each kind of error."""

import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from covers.errors import (
    BrokenImageError,
    CoversError,
    WrongTypeError,
    WrongValueError,
)
from covers.service.handler import BadFilterError, NoSuchCoverError, WordlessError
from covers.service.limits import (
    RETRY_AFTER_S,
    FullError,
    TooLargeError,
    TooSlowError,
)
from indexer.errors import IndexerError

_LOG = logging.getLogger(__name__)


class NotMeasuredError(Exception):
    """An analysis was not made yet."""


def explain_errors(app: FastAPI) -> None:
    """Turn what can be explained into an answer; paths of this machine are only logged."""
    busy = {"Retry-After": str(RETRY_AFTER_S)}
    plain = {
        NoSuchCoverError: (
            404,
            "no cover has this id, or several do: give more digits",
        ),
        NotMeasuredError: (404, "this was not measured yet"),
        WordlessError: (404, "no index of this library knows words"),
        TooLargeError: (413, "the picture is too large"),
        TooSlowError: (408, "the picture did not come in time"),
        ClientDisconnect: (400, "the picture did not come whole"),  # nobody reads it
    }

    def answer(code: int, detail: str, headers: Any = None) -> JSONResponse:
        return JSONResponse({"detail": detail}, code, headers)

    def add(kind: type[Exception], make: Callable[[Exception], JSONResponse]) -> None:
        async def handle(_: Request, error: Exception) -> JSONResponse:
            return make(error)

        app.add_exception_handler(kind, handle)

    for kind, (code, detail) in plain.items():
        add(kind, lambda _, code=code, detail=detail: answer(code, detail))  # type: ignore[misc]
    add(FullError, lambda _: answer(503, "busy: try again later", busy))
    add(BrokenImageError, lambda e: answer(415, str(e).removeprefix("'picture 1': ")))
    for kind in (BadFilterError, WrongTypeError, WrongValueError):
        add(kind, lambda e: answer(400, str(e)))

    async def name_methods(request: Request, error: Exception) -> Response:
        """Let a wrong method be answered with all the right ones of its address."""
        assert isinstance(error, HTTPException)
        found = await http_exception_handler(request, error)
        if error.status_code == 405:
            found.headers["Allow"] = ", ".join(_methods_of(app, request))
        return found

    app.add_exception_handler(HTTPException, name_methods)

    def not_ready(error: Exception) -> JSONResponse:
        _LOG.error("the library is not ready: %s", error)
        return answer(503, "the library is not ready: see the server's log", busy)

    add(CoversError, not_ready)
    add(IndexerError, not_ready)


def _methods_of(app: FastAPI, request: Request) -> list[str]:
    """Return the methods of all routes that a request's address fits."""
    methods: set[str] = set()
    for route in app.routes:
        if isinstance(route, Route) and route.path_regex.match(request.url.path):
            methods |= route.methods or set()
    return sorted(methods)
