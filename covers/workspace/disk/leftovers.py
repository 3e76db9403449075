"""Temporary files of killed processes: how they are named, and how they are removed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import zlib
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DRAFT = ".draft-"
_NAME = re.compile(r"\.(?:draft-|.*\.)([0-9a-f]{8})-(\d{1,10})-[^.]*(?:\.tmp)?")


@cache
def _machine() -> str:
    """Name this machine, or container: numbers of processes mean nothing on another."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def whose() -> str:
    """Return the part of a temporary name that identifies the writing process."""
    return f"{_machine()}-{os.getpid()}-"


def is_left(name: str) -> bool:
    """Say whether a name is that of something temporary whose process is gone."""
    match = _NAME.fullmatch(name)
    if match is None or match[1] != _machine():
        return False
    return not _is_alive(int(match[2]))


def sweep_leftovers(root: Path) -> None:
    """Remove from a workspace what processes of this machine began to write before they ended.

    No link is followed, and what cannot be removed stays.
    """
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            if not name.startswith(".") or not is_left(name):
                continue
            path = os.path.join(folder, name)  # noqa: PTH118  strings, 100,000 times
            with suppress(OSError):
                if name.startswith(DRAFT):
                    if not os.path.islink(path):  # noqa: PTH114
                        shutil.rmtree(path)
                else:
                    os.unlink(path)  # noqa: PTH108


def _is_alive(number: int) -> bool:
    """Say whether a process runs."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
