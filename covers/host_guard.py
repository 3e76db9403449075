"""Which requests a server on this machine accepts: those of its own pages and of programs here.

A name that an attacker lets point to 127.0.0.1 (DNS rebinding) comes with
another ``Host``; a page of another site or of another port comes with another
``Origin``. Both are refused before anything is looked up. The dashboard and the
HTTP service share this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.datastructures import Headers
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")


class HostGuard:
    """ASGI middleware that refuses strangers and marks what is sent.

    Parameters
    ----------
    app : ASGI application
    marks : mapping of str to str
        Headers of every answer.
    hosts : collection of str
        More values of ``Host`` that are answered, such as ``"covers.example"``.
    """

    def __init__(
        self, app: ASGIApp, marks: Mapping[str, str], hosts: Collection[str] = ()
    ) -> None:
        self.app, self.marks, self.hosts = app, marks, tuple(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it comes from this machine's own pages and programs."""
        from starlette.datastructures import Headers

        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        reason = refusal(Headers(scope=scope), scope["server"][1], self.hosts)
        if reason and scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        elif reason:
            await self.refused(reason)(scope, receive, self._marked(send))
        else:
            await self.app(scope, receive, self._marked(send))

    def refused(self, reason: str) -> Response:
        """Return the response to a request that is refused."""
        from starlette.responses import PlainTextResponse

        return PlainTextResponse(reason, status_code=403)

    def _marked(self, send: Send) -> Send:
        """Add the protective headers to each answer."""
        from starlette.datastructures import MutableHeaders

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.marks.items():
                    headers[name] = value
            await send(message)

        return send_marked


def refusal(headers: Headers, port: int | None, hosts: Collection[str] = ()) -> str:
    """Say why a request is refused; empty where it is not.

    Parameters
    ----------
    headers : Headers
        Of the request.
    port : int or None
        That the server listens on.
    hosts : collection of str
        Further names that it answers to.

    Examples
    --------
    >>> from starlette.datastructures import Headers
    >>> refusal(Headers({"host": "localhost:8501"}), 8501)
    ''
    >>> refusal(Headers({"host": "evil.example:8501"}), 8501)
    'this server answers to 127.0.0.1 and localhost only'
    """
    # Names mean the same in capitals and in small letters.
    more = {name.lower() for name in hosts}
    own = {f"{name}:{port}" for name in OWN_NAMES} | more
    asked = [name.lower() for name in headers.getlist("host")]
    if len(asked) != 1 or asked[0] not in own:
        names = " and ".join((OWN_NAMES[0], OWN_NAMES[1], *hosts))
        return f"this server answers to {names} only"
    allowed = {f"http://{name}" for name in own} | {f"https://{name}" for name in more}
    if any(origin.lower() not in allowed for origin in headers.getlist("origin")):
        return "this server answers to its own pages only"
    return ""
