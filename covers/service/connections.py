"""Connections that cost: those that send nothing, send for ever, read nothing, or come in thousands.

uvicorn bounds what it waits for between two requests only. Here the head of a
request must come in time, an answer must be taken in time, and of too many
connections the one that has been idle longest is closed.
"""

from __future__ import annotations

import errno
import os
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from covers.errors import ConfigError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

MOST_CONNECTIONS = 256
LONGEST_HEAD_S = 10.0
LONGEST_PAUSE_S = 20.0
_MOST_HEAD_BYTES = 16 << 10
_BACKLOG = 64
_KEEP_ALIVE_S = 10
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class BoundedProtocol(H11Protocol):
    """One connection of HTTP/1.1, closed when it costs more than it may.

    Parameters
    ----------
    args, kwargs
        As uvicorn gives them.
    most : int, default=256
        Connections that are open at once.
    head_s : float, default=10
        For a request line and its headers, from the first byte that is waited for.
    pause_s : float, default=20
        For which a client may leave its answer unread.
    """

    def __init__(
        self,
        *args: Any,
        most: int = MOST_CONNECTIONS,
        head_s: float = LONGEST_HEAD_S,
        pause_s: float = LONGEST_PAUSE_S,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._most, self._head_s, self._pause_s = most, head_s, pause_s
        self._head: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self.idle_since = self.loop.time()

    @property
    def is_idle(self) -> bool:
        """Whether no request of this connection is being answered."""
        cycle: Any = self.cycle  # None before the first request
        return cycle is None or bool(cycle.response_complete)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, and close the one that is idle longest if there are too many."""
        super().connection_made(transport)
        self._expect_head()
        if len(self.connections) > self._most:
            idle = [
                one
                for one in self.connections
                if isinstance(one, BoundedProtocol) and one.is_idle and one is not self
            ]
            min(idle, key=lambda one: one.idle_since, default=self).give_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was waited for."""
        self._forget_head()
        self._forget_pause()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Answer what has come; a request that has not come whole is waited for once."""
        super().handle_events()
        if self.is_idle and self.conn.our_state is not h11.CLOSED:
            self._expect_head()
        else:
            self._forget_head()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that sent no request in time, or does not read its answer."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(self._pause_s, self.transport.abort)

    def pause_writing(self) -> None:
        """Wait for a client that does not read its answer, but not for ever."""
        super().pause_writing()
        self._forget_pause()
        self._pause = self.loop.call_later(self._pause_s, self.give_up)

    def resume_writing(self) -> None:
        """Go on: it reads."""
        self._forget_pause()
        super().resume_writing()

    def give_up(self) -> None:
        """Close the connection at once, whatever is still to be sent."""
        self.transport.abort()

    def _expect_head(self) -> None:
        # Not begun anew with each byte: then one byte a second would hold it for ever.
        if self._head is None:
            self._head = self.loop.call_later(self._head_s, self.give_up)

    def _forget_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _forget_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None


class HeadGate:
    """ASGI middleware that refuses a head of a request that is too large.

    h11 bounds only what has not come whole: a head that came in one go passes it.

    Parameters
    ----------
    app : ASGI application
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if its head is no larger than it may be."""
        from starlette.responses import JSONResponse

        if scope["type"] == "http" and _head_bytes(scope) > _MOST_HEAD_BYTES:
            refused = JSONResponse(
                {"detail": "the head of the request is too large"}, 431
            )
            await refused(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _head_bytes(scope: Scope) -> int:
    """Return the bytes of a request's address and headers, each with what parts it from the next."""
    headers = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    return headers + len(scope["raw_path"]) + len(scope["query_string"])


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on all addresses of a name, before the address is printed.

    Raises
    ------
    ConfigError
        If that is not possible.
    """
    sockets: list[socket.socket] = []
    reason = "it has no address"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for family, address in dict.fromkeys((one[0], one[4]) for one in found):
            try:
                sockets.append(socket.create_server(address, family=family))  # type: ignore[arg-type]
            except OSError as error:
                # A machine may lack the one kind of address and have the other.
                if error.errno not in _NOT_HERE:
                    raise
                reason = os.strerror(error.errno)
    except (OSError, UnicodeError) as error:
        while sockets:
            sockets.pop().close()
        reason = getattr(error, "strerror", None) or str(error)
    if not sockets:
        message = f"cannot listen on {host!r}, port {port} ({reason}): name an address of this machine with '--host' and a free '--port', or leave both out"
        raise ConfigError(message)
    return sockets


def server_settings(**bounds: Any) -> dict[str, Any]:
    """Return the settings of uvicorn that bound what strangers may cost.

    Parameters
    ----------
    bounds
        ``most``, ``head_s``, ``pause_s`` of `BoundedProtocol`.
    """
    protocol: Callable[..., BoundedProtocol] = partial(BoundedProtocol, **bounds)
    return {
        "http": protocol,
        "ws": "none",
        "h11_max_incomplete_event_size": _MOST_HEAD_BYTES,
        "backlog": _BACKLOG,  # accepted in one go, before any of them is counted
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": _KEEP_ALIVE_S,
        "timeout_graceful_shutdown": _KEEP_ALIVE_S,
    }
