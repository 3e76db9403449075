"""A round of `faults`: a command that runs in a process of its own, and when something is to happen to it."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

PATIENCE_S = 400


class Run:
    """A command of the program, forked from a process that has imported everything.

    Parameters
    ----------
    args : sequence of str
    base : Path
        Its log goes there.
    before : callable
        Called in the new process before the command.
    """

    _numbers = itertools.count()

    def __init__(
        self, args: tuple[str, ...], base: Path, *before: Callable[[], object]
    ) -> None:
        self.log = base / f"log-{next(self._numbers)}.txt"
        self.pid = os.fork()
        if self.pid == 0:
            self._work(args, base, before)

    def _work(
        self,
        args: tuple[str, ...],
        base: Path,
        before: tuple[Callable[[], object], ...],
    ) -> None:
        """Do the command in the new process; never returns."""
        from covers.cli import main

        status = 70
        try:
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.chdir(base)
            for step in before:
                step()
            try:
                main([*args, "-w", "workspace"], prog_name="covers")
            except SystemExit as end:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                status = end.code if isinstance(end.code, int) else int(bool(end.code))
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:  # noqa: BLE001
            os.write(2, traceback.format_exc().encode("utf-8", "replace"))
        finally:
            os._exit(status)

    def is_running(self) -> bool:
        """Say whether it has not ended yet, without waiting."""
        with suppress(OSError):
            return (
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                is None
            )
        return False

    def send(self, number: int) -> None:
        """Send a signal to it and all it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def children(self) -> list[int]:
        """Return the processes that it has started."""
        found: list[int] = []
        for path in Path(f"/proc/{self.pid}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, path.read_text().split())
        return found

    def wait(self) -> tuple[int | None, str]:
        """Wait for its end; return the exit status, negative for a signal, None if it hung, and its log."""
        end = time.monotonic() + PATIENCE_S
        while self.is_running() and time.monotonic() < end:
            time.sleep(0.005)
        hung = self.is_running()
        if hung:
            self.send(signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.send(signal.SIGKILL)  # what it left running
        said = self.log.read_text(errors="replace") if self.log.exists() else ""
        return None if hung else status, said


@dataclass
class Round:
    """One fault: a folder with a library and a workspace, and when it is to happen.

    Parameters
    ----------
    base : Path
    stage : str
        The first stage that is due.
    seconds : float
        How long that takes undisturbed.
    growth : int
        By how many bytes the workspace grows in it.
    rng : random.Random
    """

    base: Path
    stage: str
    seconds: float
    growth: int
    rng: random.Random
    notes: list[str] = field(default_factory=list)

    @property
    def workspace(self) -> Path:
        return self.base / "workspace"

    def start(self, *before: Callable[[], object]) -> Run:
        """Start the whole job."""
        args = ("run", "library/manifest.csv") if self.stage == "scan" else ("run",)
        return Run(args, self.base, *before)

    def wait_a_while(self, run: Run) -> None:
        """Wait for an instant of the stage."""
        end = time.monotonic() + self.rng.uniform(0, 1.3 * self.seconds)
        while run.is_running() and time.monotonic() < end:
            time.sleep(0.002)


Outcome = tuple[int | None, str]
