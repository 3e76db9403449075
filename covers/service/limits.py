"""Limits of a request: bytes of its body, and how many requests may wait."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

Value = TypeVar("Value")

RETRY_AFTER_S = 1
MOST_MEGAPIXELS = 40.0
LONGEST_UPLOAD_S = 30
SHORTEST_UPLOAD_S = 5
"""That every upload has, however many others come."""


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
    n_uploading : int, default=16
        Pictures that are on their way at once.
    upload_mebibytes : int, default=16
        Of a picture.
    """

    n_workers: int = 2
    n_waiting: int = 16
    n_uploading: int = 16
    upload_mebibytes: int = 16

    @property
    def upload_bytes(self) -> int:
        """Bytes of a picture, at most."""
        return self.upload_mebibytes << 20


class Pool:
    """Threads that do the work of requests; a request that comes when all are busy is refused at once.

    A request has a place from when it can be worked on until it is answered. A
    picture that is still on its way has none, so that whoever sends slowly keeps
    nobody else from being answered.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits) -> None:
        self._threads = ThreadPoolExecutor(limits.n_workers, "covers-service")
        self._most = limits.n_workers + limits.n_waiting
        self.n_inside = 0

    async def __aenter__(self) -> Pool:
        """Wait for a free slot.

        Raises
        ------
        FullError
            If there is none.
        """
        if self.is_full:
            raise FullError
        self.n_inside += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self.n_inside -= 1

    @property
    def is_full(self) -> bool:
        """Whether no slot is free."""
        return self.n_inside >= self._most

    async def do(self, work: Callable[[], Value]) -> Value:
        """Do some work in a thread; call it from inside ``async with``."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass
class Uploads:
    """Pictures on their way, a bounded number of bounded size.

    Where there are too many, the one that has taken longest is given up, if it had
    `SHORTEST_UPLOAD_S`; else who comes is sent away.

    Parameters
    ----------
    limits : Limits
    """

    limits: Limits
    _deadlines: dict[asyncio.Timeout, float] = field(default_factory=dict)

    async def read(self, request: Request) -> bytes:
        """Read the body of a request, never more than it may be.

        Raises
        ------
        TooLargeError, TooSlowError
            If it is larger, or does not come.
        FullError
            If there are too many.
        """
        most = self.limits.upload_bytes
        stated = request.headers.get("content-length", "")
        if stated.isdecimal() and int(stated) > most:
            raise TooLargeError
        now = asyncio.get_running_loop().time()
        self._make_room(now)
        deadline = asyncio.timeout_at(now + LONGEST_UPLOAD_S)
        self._deadlines[deadline] = now
        parts: list[bytes] = []
        n_bytes = 0
        try:
            async with deadline:
                async for part in request.stream():
                    n_bytes += len(part)
                    if n_bytes > most:
                        raise TooLargeError
                    parts.append(part)
        except TimeoutError as error:
            raise TooSlowError from error
        finally:
            self._deadlines.pop(deadline, None)
        return b"".join(parts)

    def _make_room(self, now: float) -> None:
        """Give up the upload that has taken longest, if there is no room for another."""
        if len(self._deadlines) < self.limits.n_uploading:
            return
        oldest = min(self._deadlines, key=self._deadlines.__getitem__)
        if now - self._deadlines[oldest] < SHORTEST_UPLOAD_S:
            raise FullError
        del self._deadlines[oldest]
        if not oldest.expired():
            oldest.reschedule(now)
