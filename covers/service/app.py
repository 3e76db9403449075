"""The routes of the service: each parses, calls the request handler, and sends what it answers."""
# No "from __future__ import annotations": FastAPI reads the types of parameters.

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer

from covers.errors import DataError
from covers.host_guard import HostGuard
from covers.library.library import Library
from covers.service import answers
from covers.service.connections import HeadGate
from covers.service.handler import RequestHandler
from covers.service.limits import FullError, Limits, Pool, Uploads
from covers.service.metrics import Meter
from covers.service.problems import NotMeasuredError, explain_errors
from covers.service.token import TokenGate

Value = TypeVar("Value")

_LOG = logging.getLogger(__name__)
_MARKS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PICTURES = ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The bytes of one picture file.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in _PICTURES
        },
    }
}
CoverId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{4,32}$",
        description="Id of a cover, or its first digits.",
        examples=[answers.EXAMPLE_ID],
    ),
]
Id = Annotated[
    str,
    Query(
        alias="id",
        pattern="^[0-9a-f]{4,32}$",
        description="Id of a cover of the library, or its first digits.",
        examples=[answers.EXAMPLE_ID],
    ),
]
K = Annotated[int, Query(ge=1, le=200, description="How many covers.")]
Words = Annotated[
    str,
    Query(
        alias="q",
        min_length=1,
        max_length=300,
        pattern=r"\S",
        description="Words; they need an index that knows words.",
        examples=["a black-and-white portrait"],
    ),
]
Level = Annotated[
    float, Query(gt=0, lt=1, description="How often the set shall hold the truth.")
]
Where = Annotated[
    list[str],
    Query(
        max_length=20,
        description="Only covers with this value: COLUMN=VALUE or COLUMN=LOW..HIGH.",
        examples=[["genre=Jazz", "year=1960..1979"]],
    ),
]
_Problems = dict[int | str, dict[str, Any]]


def _problems(*codes: int) -> _Problems:
    """Describe answers that say what is wrong."""
    said = {
        400: "The filter is none.",
        401: "The token is missing.",
        403: "Another host or origin asks.",
        404: "There is no such cover, or nothing was measured yet.",
        408: "The picture did not come in time.",
        413: "The picture is too large.",
        415: "The bytes are no picture.",
        431: "The head of the request is too large.",
        503: "Busy, or the library is not ready: try again later.",
    }
    return {
        code: {"model": answers.ProblemAnswer, "description": said[code]}
        for code in codes
    }


def make_app(
    library: Library,
    *,
    limits: Limits | None = None,
    token: str = "",
    hosts: tuple[str, ...] = (),
) -> FastAPI:
    """Make the service of a library.

    Parameters
    ----------
    library : Library
    limits : Limits, optional
    token : str, default=""
        What callers must send as ``Authorization: Bearer TOKEN``; empty asks for none.
    hosts : tuple of str
        Names beside this machine's own that it answers to.
    """
    used = limits or Limits()
    handler, pool, meter = RequestHandler(library), Pool(used), Meter()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        pool.close()

    app = FastAPI(
        title="album-covers",
        summary="Which covers look alike, and which genres they look like.",
        version="1",
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,  # their pages would load scripts from elsewhere
        lifespan=lifespan,
        responses=_problems(403, 431, *([401] if token else [])),
        # Only said here, for whoever makes a client; `TokenGate` asks for it.
        dependencies=[Depends(HTTPBearer(auto_error=False))] if token else [],
    )
    explain_errors(app)
    _add_pictures(app, handler, pool, used)
    _add_covers(app, handler, pool)
    _add_library(app, handler, pool, meter)
    app.add_middleware(TokenGate, token=token)
    app.add_middleware(HeadGate)
    app.add_middleware(ServiceGuard, marks=_MARKS, hosts=hosts)
    app.add_middleware(meter.middleware, pool=pool)
    return app


class ServiceGuard(HostGuard):
    """Refuses strangers as the service says everything that is wrong."""

    def refused(self, reason: str) -> JSONResponse:
        """Return the response to a request that is refused."""
        return JSONResponse({"detail": reason}, 403)


def _add_pictures(
    app: FastAPI, handler: RequestHandler, pool: Pool, limits: Limits
) -> None:
    """Add the routes that take an uploaded picture."""
    uploads = Uploads(limits)

    async def read(request: Request) -> bytes:
        if pool.is_full:  # before it is sent in vain
            raise FullError
        return await uploads.read(request)

    @app.post(
        "/v1/search",
        response_model=answers.SearchAnswer,
        responses=_problems(400, 408, 413, 415, 503),
        openapi_extra=_UPLOAD,
        summary="Find the covers most like a picture",
    )
    async def search_picture(request: Request, k: K = 10, where: Where = []) -> Any:  # noqa: B006
        content = await read(request)
        async with pool:
            return await pool.do(lambda: handler.search_picture(content, k, where))

    @app.post(
        "/v1/classify",
        response_model=answers.ClassifyAnswer,
        responses=_problems(408, 413, 415, 503),
        openapi_extra=_UPLOAD,
        summary="Say which genres a picture looks like",
    )
    async def classify_picture(request: Request, level: Level = 0.9) -> Any:
        content = await read(request)
        async with pool:
            return await pool.do(lambda: handler.classify_picture(content, level))


def _add_covers(app: FastAPI, handler: RequestHandler, pool: Pool) -> None:
    """Add the routes about one cover of the library."""

    @app.get(
        "/v1/search",
        response_model=answers.SearchAnswer,
        responses=_problems(400, 404, 503),
        summary="Find the covers most like one of the library",
    )
    async def search_cover(cover_id: Id, k: K = 10, where: Where = []) -> Any:  # noqa: B006
        async with pool:
            return await pool.do(lambda: handler.search_cover(cover_id, k, where))

    @app.get(
        "/v1/search/text",
        response_model=answers.SearchAnswer,
        responses=_problems(400, 404, 503),
        summary="Find the covers that words describe",
    )
    async def search_words(words: Words, k: K = 10, where: Where = []) -> Any:  # noqa: B006
        async with pool:
            return await pool.do(lambda: handler.search_words(words, k, where))

    @app.get(
        "/v1/classify",
        response_model=answers.ClassifyAnswer,
        responses=_problems(404, 503),
        summary="Say which genres a cover of the library looks like",
    )
    async def classify_cover(cover_id: Id, level: Level = 0.9) -> Any:
        async with pool:
            return await pool.do(lambda: handler.classify_cover(cover_id, level))

    @app.get(
        "/v1/covers/{cover_id}",
        response_model=answers.CoverAnswer,
        responses=_problems(404, 503),
        summary="Show a cover and those most like it",
    )
    async def show_cover(cover_id: CoverId, k: K = 10) -> Any:
        async with pool:
            return await pool.do(lambda: handler.cover(cover_id, k))

    @app.get(
        "/v1/covers/{cover_id}/thumbnail",
        response_class=Response,
        responses={
            200: {"content": {"image/jpeg": {}}, "description": "At most 256 px."},
            **_problems(404, 503),
        },
        summary="Show the thumbnail of a cover",
    )
    async def show_thumbnail(cover_id: CoverId) -> Response:
        async with pool:
            content = await pool.do(lambda: handler.thumbnail(cover_id))
        return Response(content, media_type="image/jpeg")


def _add_library(
    app: FastAPI, handler: RequestHandler, pool: Pool, meter: Meter
) -> None:
    """Add the routes about the library as a whole."""

    @app.get(
        "/v1/overlap",
        response_model=answers.OverlapAnswer,
        responses=_problems(404, 503),
        summary="Say which genres look alike, as last measured",
    )
    async def show_overlap() -> Any:
        async with pool:
            return await pool.do(_measured(handler, handler.overlap))

    @app.get(
        "/v1/clusters",
        response_model=answers.ClustersAnswer,
        responses=_problems(404, 503),
        summary="Show the kinds of covers, as last found",
    )
    async def show_clusters() -> Any:
        async with pool:
            return await pool.do(_measured(handler, handler.clusters))

    @app.get(
        "/v1/health",
        response_model=answers.HealthAnswer,
        responses=_problems(503),
        summary="Say whether requests can be answered",
    )
    async def show_health() -> Any:
        # Without a place in the pool: a busy service is healthy.
        return await pool.do(handler.health)

    @app.get(
        "/v1/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}, "description": "Prometheus."}},
        summary="Count requests, times and refusals for Prometheus",
    )
    async def show_metrics() -> Response:
        content, kind = meter.show()
        return Response(content, headers={"Content-Type": kind})


def _measured(
    handler: RequestHandler, read: Callable[[], Value]
) -> Callable[[], Value]:
    """Return what reads an analysis, and says so where it was never made."""

    def ask() -> Value:
        try:
            return read()
        except DataError as error:
            handler.health()  # raises where the whole library is not ready
            _LOG.info("%s", error)
            raise NotMeasuredError from error

    return ask
