"""Who may talk to the server: pages of its own, on this machine, and nobody else.

A name that an attacker lets point to 127.0.0.1 (DNS rebinding) comes with
another ``Host``; a page of another site or of another port comes with another
``Origin``. Both are refused before anything is looked up. What is sent says
that it may not be framed, guessed at, or load anything from elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Streamlit's page starts with a script of its own and compiles its messages.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """ASGI middleware that refuses strangers and marks what is sent."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it comes from the dashboard's own pages."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        reason = refusal(Headers(scope=scope), scope["server"][1])
        if reason and scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        elif reason:
            await PlainTextResponse(reason, status_code=403)(scope, receive, send)
        else:
            await self.app(scope, receive, _marked(send))


def refusal(headers: Headers, port: int | None) -> str:
    """Say why a request is refused; empty where it is not.

    Parameters
    ----------
    headers : Headers
        Of the request.
    port : int or None
        That the server listens on.

    Examples
    --------
    >>> refusal(Headers({"host": "localhost:8501"}), 8501)
    ''
    >>> refusal(Headers({"host": "evil.example:8501"}), 8501)
    'this server answers to 127.0.0.1 and localhost only'
    """
    own = {f"{name}:{port}" for name in _OWN_NAMES}
    if headers.getlist("host") != [headers.get("host")] or headers["host"] not in own:
        return "this server answers to 127.0.0.1 and localhost only"
    origin = headers.get("origin")
    if origin is not None and origin not in {f"http://{name}" for name in own}:
        return "this server answers to its own pages only"
    return ""


def _marked(send: Send) -> Send:
    """Add the protective headers to each answer."""

    async def send_marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
        await send(message)

    return send_marked
