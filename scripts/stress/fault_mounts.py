"""File systems that the faults of `fault_kinds` lay over folders; needs root on Linux."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NEW_NAMESPACE, _REMOUNT, _READ_ONLY, _BIND = 0x20000, 32, 1, 4096
_PRIVATE = 1 << 18 | 1 << 14
_LIBC = ctypes.CDLL(None, use_errno=True)


class SkippedError(Exception):
    """This machine cannot do a fault; the message says why."""


def need_root() -> None:
    """Say that this machine cannot mount, if so."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        message = "needs root, to mount"
        raise SkippedError(message)


def mount_memory(folder: Path, size: str) -> None:
    """Mount a file system in memory."""
    need_root()
    command("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)


def command(*args: object) -> None:
    """Run a command of the system, or say why it cannot."""
    ended = subprocess.run([*map(str, args)], capture_output=True, check=False)
    if ended.returncode:
        raise SkippedError(ended.stderr.decode(errors="replace").strip())


def _own_namespace() -> None:
    """Give this process mounts of its own."""
    if _LIBC.unshare(_NEW_NAMESPACE):
        raise OSError(ctypes.get_errno(), "unshare")
    _mount(None, b"/", None, _PRIVATE, None)


def cover_by_nothing(folder: str) -> None:
    """Lay an empty file system that cannot be written over a folder."""
    _own_namespace()
    _mount(b"tmpfs", folder.encode(), b"tmpfs", _READ_ONLY, None)


def make_read_only(folder: Path) -> None:
    """Let nothing be written into a folder by this process."""
    _own_namespace()
    where = str(folder).encode()
    _mount(where, where, None, _BIND, None)
    _mount(None, where, None, _REMOUNT | _BIND | _READ_ONLY, None)


def _mount(*args: object) -> None:
    if _LIBC.mount(*args):
        raise OSError(ctypes.get_errno(), f"mount {args}")
