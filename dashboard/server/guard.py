"""Which requests the server accepts: those of its own pages on this machine.

A name that an attacker lets point to 127.0.0.1 (DNS rebinding) comes with
another ``Host``; a page of another site or of another port comes with another
``Origin``. Both are refused before anything is looked up. What is sent says
that it may not be framed, guessed at, or load anything from elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.host_guard import HostGuard

if TYPE_CHECKING:
    from starlette.types import ASGIApp

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


class Guard(HostGuard):
    """ASGI middleware that refuses strangers and marks what is sent."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, _HEADERS)
