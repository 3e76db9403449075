"""Locks: one scan and one training of a workspace at a time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from covers.errors import DataError
from covers.workspace.disk.leftovers import sweep_leftovers
from covers.workspace.disk.publish import translate_disk_errors
from covers.workspace.disk.strangers import refuse_linked_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def lock_workspace(root: Path) -> Iterator[None]:
    """Keep other scans out; a workspace that stays empty is removed again."""
    lock = root / ".scan.lock"
    try:
        root.mkdir(parents=True, exist_ok=True)
        refuse_linked_lock(lock)
        with FileLock(lock, timeout=0):
            sweep_leftovers(root)
            yield
    except Timeout as error:
        message = f"another scan of '{root}' is running: wait for it, or end it first"
        raise DataError(message) from error
    except OSError as error:
        message = (
            f"cannot write to the workspace '{root}' ({error.strerror or error}): make room or mend its "
            "permissions and run the same command again, or name another folder with -w; "
            "what is in it stays as it was"
        )
        raise DataError(message) from error
    finally:
        _remove_empty(root, lock)


@contextlib.contextmanager
def lock_training(root: Path) -> Iterator[None]:
    """Keep other trainings out: they share the cache of decoded covers and the checkpoint.

    Raises
    ------
    DataError
        If another training of the workspace is running, or nothing can be written there.
    """
    refuse_linked_lock(root / ".train.lock")
    lock = FileLock(root / ".train.lock", timeout=0)
    try:
        with translate_disk_errors(root):
            lock.acquire()
    except Timeout as error:
        message = (
            f"another training of '{root}' is running: wait for it, or end it first"
        )
        raise DataError(message) from error
    try:
        yield
    finally:
        lock.release()


def _remove_empty(root: Path, lock: Path) -> None:
    """Remove a workspace that holds nothing but its lock."""
    with contextlib.suppress(OSError):
        if {path.name for path in root.iterdir()} <= {lock.name}:
            lock.unlink(missing_ok=True)
            root.rmdir()
