"""The writer's lock of an index: one writer at a time, whose process is named to others."""

import json
import logging
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from indexer.errors import IndexBusyError, IndexerError, IndexWriteError
from indexer.files import disk
from indexer.files.names import LOCK_FILES, OWNER
from indexer.files.opening import parse_json, read_small

__all__ = ["hold_writer_lock"]

_LOCK, _TURN = LOCK_FILES
_OWNER_BYTES = 4096
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
        If the folder cannot be written, or a lock file is a link.
    """
    from filelock import FileLock, Timeout

    for name in LOCK_FILES:
        _refuse_other_file(folder, name)
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
    owner = folder / OWNER
    try:
        if os.path.lexists(owner):
            _log.warning(
                "taking over the lock of %s, which died", _describe_owner(folder)
            )
        with disk.translate_write_errors(folder):
            disk.write_text(owner, _describe_self())
        yield
    finally:
        with suppress(OSError):  # where a folder lies in its place
            owner.unlink(missing_ok=True)
        lock.release()


def _refuse_other_file(folder: Path, name: str) -> None:
    """Refuse to lock by what is no lock file: locking may empty what it leads to."""
    try:
        found = (folder / name).lstat()
    except OSError:
        return
    is_shared = found.st_nlink > 1 and found.st_size > 0
    if stat.S_ISREG(found.st_mode) and not is_shared:
        return
    message = (
        f"cannot write to index {str(folder)!r}: {name!r} in it is no lock file but "
        f"leads elsewhere; remove it ({str(folder / name)!r}) and run again"
    )
    raise IndexWriteError(message)


def _describe_self() -> str:
    return json.dumps(
        {"pid": os.getpid(), "host": socket.gethostname(), "started": time.time()}
    )


def _describe_owner(folder: Path) -> str:
    """Say who holds the lock, as far as it can be known."""
    try:
        owner = parse_json(read_small(folder, OWNER, _OWNER_BYTES))
        pid, age_s = int(owner["pid"]), max(0.0, time.time() - float(owner["started"]))
        return f"process {pid} on {str(owner['host'])!r} for {age_s:.0f} s"
    except (OSError, IndexerError, ValueError, KeyError, TypeError, OverflowError):
        return "a process that has just begun"
