"""One writer at a time, and a name for who it is."""

import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer import disk
from indexer.errors import IndexBusyError

__all__ = ["LOCK_FILES", "hold_writer_lock"]

_LOCK = "writer.lock"
_TURN = "writer.turn"
_OWNER = "writer.json"
LOCK_FILES = frozenset({_LOCK, _TURN, _OWNER})
_POLL_S = 0.02

_log = logging.getLogger(__name__)


@contextmanager
def hold_writer_lock(folder: Path, *, timeout_s: float) -> Iterator[None]:
    """Be the only writer of `folder` inside the block.

    The operating system holds the lock and lets go of it when the process
    dies, however it dies; the owner file beside it only says who is at work.
    A second lock is held while waiting for the first, so that a writer that
    writes again and again lets the one that waits go first.

    Parameters
    ----------
    folder : Path
        Exists.
    timeout_s : float
        How long to wait for another writer; 0 tries once.

    Raises
    ------
    IndexBusyError
        Says which process has been writing, and for how long.
    IndexWriteError
        If the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    turn, lock = FileLock(folder / _TURN), FileLock(folder / _LOCK)
    end_s = time.monotonic() + timeout_s
    with disk.translate_write_errors(folder):
        try:
            with turn.acquire(timeout=timeout_s, poll_interval=_POLL_S):
                left_s = max(0.0, end_s - time.monotonic())
                lock.acquire(timeout=left_s, poll_interval=_POLL_S)
        except Timeout as error:
            message = (
                f"index {str(folder)!r} is being written by {_describe_owner(folder)}: "
                f"wait until it is done, or end that process"
            )
            raise IndexBusyError(message) from error
    owner = folder / _OWNER
    try:
        if owner.exists():
            _log.warning(
                "taking over the lock of %s, which died", _describe_owner(folder)
            )
        with disk.translate_write_errors(folder):
            disk.write_text(owner, _describe_self())
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _describe_self() -> str:
    return json.dumps(
        {"pid": os.getpid(), "host": socket.gethostname(), "started": time.time()}
    )


def _describe_owner(folder: Path) -> str:
    """Say who holds the lock, as far as it can be known."""
    try:
        owner = json.loads((folder / _OWNER).read_text(encoding="utf-8"))
        age_s = max(0.0, time.time() - float(owner["started"]))
        return f"process {owner['pid']} on {owner['host']!r} for {age_s:.0f} s"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that has just begun"
