"""Working under a limit of memory (``ulimit -v``), where libraries crash instead of saying so.

Compiled code that gets no memory often ends the whole process without a word, or with
one that nobody understands. So, where there is such a limit and only there, the command
is done by a child process, and its parent says what happened.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from typing import Any

import click

_CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE")
_FORWARDED = ("SIGTERM", "SIGHUP")


def memory_limit() -> int | None:
    """Return how many bytes this process may address; None where that is not limited."""
    try:
        import resource
    except ImportError:  # Windows has none
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def watch_limited() -> None:
    """Go on in a child process if memory is limited; this one waits for it and never returns."""
    limit = memory_limit()
    if limit is None or not hasattr(os, "fork"):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    ended, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ended)
        # Not where a library leaves by itself, as libgomp and OpenBLAS do.
        atexit.register(os.write, end, b"by Python")
        return
    os.close(end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child gets it, too
    for name in _FORWARDED:
        signal.signal(getattr(signal, name), lambda number, _: _send(child, number))
    sys.exit(_status_of(child, limit, ended))


def _status_of(child: int, limit: int, ended: int) -> int:
    """Wait for the child; return its exit status, after a line where a library has ended it."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.set_blocking(ended, False)
    try:
        was_left = status > 0 and not os.read(ended, 1)
    except BlockingIOError:  # a process of the child's lives on and could write
        was_left = True
    if status >= 0 and not was_left:
        return status
    if was_left or -status in {getattr(signal, name) for name in _CRASHES}:
        click.echo(
            f"Error: a library crashed for want of memory: 'ulimit -v' allows {limit / 1e9:.1f} GB, "
            "and networks, clusters and maps need 3 to 6; raise it and run the same command again",
            err=True,
        )
        return 1
    return 128 - status


def _send(child: int, number: Any) -> None:
    """Pass a signal on."""
    os.kill(child, number)
