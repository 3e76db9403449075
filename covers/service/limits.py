"""What a request may cost: bodies that are read, and work that is waited for, both bounded."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

Value = TypeVar("Value")

RETRY_AFTER_S = 1
MOST_MEGAPIXELS = 40.0
LONGEST_UPLOAD_S = 30


class FullError(Exception):
    """There is more work than is let in."""


class TooLargeError(Exception):
    """A body is larger than it may be."""


class TooSlowError(Exception):
    """A body did not come in time."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much the service takes on.

    Parameters
    ----------
    n_workers : int, default=2
        Requests that are worked on at once, in threads.
    n_waiting : int, default=16
        Requests that wait for a worker; beyond these, 503.
    upload_mebibytes : int, default=16
        Of a picture.
    """

    n_workers: int = 2
    n_waiting: int = 16
    upload_mebibytes: int = 16

    @property
    def upload_bytes(self) -> int:
        """Bytes of a picture, at most."""
        return self.upload_mebibytes << 20


class Pool:
    """Threads that do the work of requests; who comes when it is full is sent away at once.

    A request has a place from before its body is read until it is answered, so
    that the bodies in memory are bounded, too.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits) -> None:
        self._threads = ThreadPoolExecutor(limits.n_workers, "covers-service")
        self._most = limits.n_workers + limits.n_waiting
        self.n_inside = 0

    async def __aenter__(self) -> Pool:
        """Take a place.

        Raises
        ------
        FullError
            If there is none.
        """
        if self.n_inside >= self._most:
            raise FullError
        self.n_inside += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self.n_inside -= 1

    async def do(self, work: Callable[[], Value]) -> Value:
        """Do some work in a thread; call it from inside ``async with``."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


async def read_body(request: Request, most: int) -> bytes:
    """Read the body of a request, never more than it may be.

    Raises
    ------
    TooLargeError, TooSlowError
        If it is larger, or does not come.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > most:
        raise TooLargeError
    parts: list[bytes] = []
    n_bytes = 0
    try:
        async with asyncio.timeout(LONGEST_UPLOAD_S):
            async for part in request.stream():
                n_bytes += len(part)
                if n_bytes > most:
                    raise TooLargeError
                parts.append(part)
    except TimeoutError as error:
        raise TooSlowError from error
    return b"".join(parts)
