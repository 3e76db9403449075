"""Progress on stderr, on a terminal only."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from covers.workspace.interrupts import stop_if_interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar with rate and time left while something is done.

    Parameters
    ----------
    label : str
        What is being done.

    Yields
    ------
    callable
        To be called with what is done and the total.
    """
    with progress_bars() as stage:
        yield lambda done, total: stage(label, done, total)


@contextmanager
def progress_bars() -> Iterator[Callable[[str, float, float], None]]:
    """Show a bar for each stage that reports; see `progress_bar`.

    Yields
    ------
    callable
        To be called with the stage's name, what is done, and the total.
    """
    from rich.progress import (
        BarColumn,
        Progress,
        TaskID,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    from covers.cli.terminal.console import SafeConsole

    columns = (
        TextColumn("{task.description:<18}", markup=False),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
    )
    console = SafeConsole(stderr=True)
    with Progress(
        *columns, console=console, disable=not sys.stderr.isatty(), transient=True
    ) as progress:
        tasks: dict[str, TaskID] = {}

        def report(name: str, done: float, total: float) -> None:
            stop_if_interrupted()
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=done, total=total)

        yield report
