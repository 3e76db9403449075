"""Ctrl-C, or the signal to end, that a library swallowed is raised again at the next step of the work.

pyarrow, for one, imports pandas on its first conversion and drops whatever goes
wrong with that, an interrupt included; a long computation would then go on.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_pressed = threading.Event()
_SAME_S = 1.0


@contextmanager
def restored_signals() -> Iterator[None]:
    """Restore the handlers of Ctrl-C and SIGTERM afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


@contextmanager
def watch_for_interrupts() -> Iterator[None]:
    """Remember Ctrl-C while something runs, so that `stop_if_interrupted` sees it.

    SIGTERM, by which systems end a program, is taken like it, so that it ends with a
    line and tidies up. A second one within a second is the same one, so that the line
    is written. Nothing changes where Ctrl-C is ignored or handled by somebody else, as in a
    background job or a server.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    first = math.inf

    def remember(number: int, frame: Any) -> None:
        nonlocal first
        now = time.monotonic()
        if _pressed.is_set() and now - first < _SAME_S:
            return
        first = now
        _pressed.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, remember)
    ends = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ends:
        signal.signal(signal.SIGTERM, remember)
    try:
        yield
    finally:
        # Whoever interrupts again shall not cut off the line that says so.
        was_pressed = _pressed.is_set()
        ignore, default = signal.SIG_IGN, signal.default_int_handler
        signal.signal(signal.SIGINT, ignore if was_pressed else default)
        if ends:
            signal.signal(signal.SIGTERM, ignore if was_pressed else signal.SIG_DFL)
        _pressed.clear()


def stop_if_interrupted() -> None:
    """Raise the interrupt of a Ctrl-C, if it was swallowed on its way.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C was pressed and nobody has dealt with it.
    """
    if _pressed.is_set():
        raise KeyboardInterrupt


def was_interrupted() -> bool:
    """Say whether Ctrl-C was pressed and not handled yet."""
    return _pressed.is_set()


def go_on() -> None:
    """Forget an interrupt that was dealt with, so that what follows is finished."""
    _pressed.clear()
