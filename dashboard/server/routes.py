"""The dashboard's own routes beside Streamlit's: pictures and map points.

Thumbnails are files that were made at scan; they are sent as they are and never
change, because their name is the hash of the cover. Only names of that form are
looked up, so no path can lead anywhere else.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import streamlit
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from covers.errors import CoversError
from covers.images.thumbnails import read_thumbnail
from dashboard import arguments, loaders
from dashboard.pages import PAGES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

_COVER_ID = re.compile(r"[0-9a-f]{32}")
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_RECORD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
    '<circle cx="32" cy="32" r="30" fill="#1f2328"/>'
    '<circle cx="32" cy="32" r="21" fill="none" stroke="#555" stroke-width="2"/>'
    '<circle cx="32" cy="32" r="11" fill="#e69f00"/><circle cx="32" cy="32" r="3" fill="#fff"/></svg>'
)
_MISSING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
    '<rect width="64" height="64" fill="#bdbdbd"/>'
    '<circle cx="32" cy="32" r="18" fill="none" stroke="#8a8a8a" stroke-width="2"/>'
    '<circle cx="32" cy="32" r="3" fill="#8a8a8a"/></svg>'
)


def make_routes() -> list[BaseRoute]:
    """Return the dashboard's own routes."""
    return [
        Route("/covers/thumbnail/{cover_id}.jpg", send_thumbnail),
        Route("/covers/about/{cover_id}.json", send_description),
        Route("/covers/map/{version}/{part}.bin", send_map_part),
        *(Route(f"/{page.path}" if page.path else "/", send_page) for page in PAGES),
    ]


async def send_page(_request: Request) -> HTMLResponse:
    """Send Streamlit's start page, with our looks, told where the server's root is.

    Left to itself the browser would look for the server below the page's own
    path first, and note two missing files in its console on every shared link. Told
    who may host it too, which is nobody else, it connects at once instead of asking
    for that first.
    """
    return HTMLResponse(start_page(), headers={"Cache-Control": "no-cache"})


@cache
def start_page() -> str:
    """Return Streamlit's ``index.html`` with our title and the root of the server."""
    text = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(
        encoding="utf-8"
    )
    root = (
        "<script>window.__streamlit={BACKEND_BASE_URL:location.origin+'/',"
        "HOST_CONFIG:{allowedOrigins:[location.origin],useExternalAuthToken:false}};"
        f"{_asset('steps.js')}</script>"
    )
    icon = "data:image/svg+xml," + quote(_RECORD)
    text = text.replace('href="./favicon.png"', f'href="{icon}"', 1)
    text = text.replace("<title>Streamlit</title>", "<title>Album covers</title>", 1)
    text = text.replace("<head>", f"<head>{root}", 1)
    # In the end, so that it comes after what Streamlit puts into the head as it draws.
    return text.replace("</body>", f"<style>{_asset('app.css')}</style></body>", 1)


def _asset(name: str) -> str:
    path = Path(__file__).parents[1] / "components" / "assets" / name
    return path.read_text(encoding="utf-8")


async def send_thumbnail(request: Request) -> Response:
    """Send the thumbnail of a cover, or a grey record where there is none."""
    cover_id = request.path_params["cover_id"]
    if _COVER_ID.fullmatch(cover_id):
        content = await run_in_threadpool(
            read_thumbnail, arguments.workspace(), cover_id
        )
        if content is not None:
            return Response(content, media_type="image/jpeg", headers=_FOREVER)
    return Response(
        _MISSING, media_type="image/svg+xml", headers={"Cache-Control": "no-store"}
    )


async def send_description(request: Request) -> Response:
    """Send what the map's hover card says of a cover."""
    cover_id = request.path_params["cover_id"]
    try:
        about = await run_in_threadpool(_describe, cover_id)
    except CoversError:
        about = None
    return JSONResponse(about or {}, headers={"Cache-Control": "no-cache"})


def _describe(cover_id: str) -> dict[str, str] | None:
    library = loaders.library()
    row = library.position.get(cover_id)
    return None if row is None else library.describe(row)


async def send_map_part(request: Request) -> Response:
    """Send one array of the map: ``points``, ``ids`` or the codes of a colouring."""
    part, version = request.path_params["part"], request.path_params["version"]
    try:
        content = await run_in_threadpool(loaders.map_part, version, part)
    except CoversError:
        content = None
    if content is None:
        # The map was made anew; the component asks for its page again.
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    return Response(content, media_type="application/octet-stream", headers=_FOREVER)
