"""A secret token that callers must send, compared in constant time."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_PATHS = ("/v1/health",)


class TokenGate:
    """ASGI middleware that asks for ``Authorization: Bearer TOKEN``.

    Parameters
    ----------
    app : ASGI application
    token : str
        Empty asks for none.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self._token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it carries the token."""
        from starlette.datastructures import Headers
        from starlette.responses import JSONResponse

        is_open = scope["type"] != "http" or scope["path"] in OPEN_PATHS
        if self._token and not is_open and not self._knows(Headers(scope=scope)):
            refused = JSONResponse(
                {"detail": "a token is needed: Authorization: Bearer TOKEN"},
                401,
                {"WWW-Authenticate": "Bearer"},
            )
            await refused(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _knows(self, headers: object) -> bool:
        values = headers.getlist("authorization")  # type: ignore[attr-defined]
        if len(values) != 1:
            return False
        scheme, _, given = values[0].partition(" ")
        # latin-1, as headers come: any byte can be compared.
        same = hmac.compare_digest(given.strip().encode("latin-1"), self._token)
        return same and scheme.lower() == "bearer"
