"""The faults of `faults`: each starts ``covers run`` on a workspace and does something to it."""

from __future__ import annotations

import ctypes
import itertools
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
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
_YEAR_S = 365 * 86400
_NEW_NAMESPACE, _REMOUNT, _READ_ONLY, _BIND = 0x20000, 32, 1, 4096
_PRIVATE = 1 << 18 | 1 << 14
_LIBC = ctypes.CDLL(None, use_errno=True)


class SkippedError(Exception):
    """This machine cannot do a fault; the message says why."""


class Run:
    """A command of the program, forked from a process that has imported everything.

    Parameters
    ----------
    args : sequence of str
    place : Path
        Its log goes there.
    before : callable
        Called in the new process before the command.
    """

    _numbers = itertools.count()

    def __init__(
        self, args: tuple[str, ...], place: Path, *before: Callable[[], object]
    ) -> None:
        self.log = place / f"log-{next(self._numbers)}.txt"
        self.pid = os.fork()
        if self.pid == 0:
            self._work(args, place, before)

    def _work(
        self,
        args: tuple[str, ...],
        place: Path,
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
            os.chdir(place)
            for step in before:
                step()
            try:
                main([*args, "-w", "workspace"], prog_name="covers")
            except SystemExit as end:
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
    """One fault: a place with a library and a workspace, and when it is to happen.

    Parameters
    ----------
    place : Path
    stage : str
        The first stage that is due.
    seconds : float
        How long that takes undisturbed.
    growth : int
        By how many bytes the workspace grows in it.
    rng : random.Random
    """

    place: Path
    stage: str
    seconds: float
    growth: int
    rng: random.Random
    notes: list[str] = field(default_factory=list)

    @property
    def workspace(self) -> Path:
        return self.place / "workspace"

    def start(self, *before: Callable[[], object]) -> Run:
        """Start the whole job."""
        args = ("run", "library/manifest.csv") if self.stage == "scan" else ("run",)
        return Run(args, self.place, *before)

    def wait_a_while(self, run: Run) -> None:
        """Wait for an instant of the stage."""
        end = time.monotonic() + self.rng.uniform(0, 1.3 * self.seconds)
        while run.is_running() and time.monotonic() < end:
            time.sleep(0.002)


Outcome = tuple[int | None, str]


def kill(this: Round) -> list[Outcome]:
    run = this.start()
    this.wait_a_while(run)
    run.send(signal.SIGKILL)
    return [run.wait()]


def kill_at_a_rename(this: Round) -> list[Outcome]:
    """Kill it right before or after something is published."""
    return [this.start(_die_at(this.rng.randrange(14), this.rng.random() < 0.5)).wait()]


def interrupt(this: Round) -> list[Outcome]:
    run = this.start()
    this.wait_a_while(run)
    run.send(signal.SIGINT)
    return [run.wait()]


def interrupt_twice(this: Round) -> list[Outcome]:
    run = this.start()
    this.wait_a_while(run)
    run.send(signal.SIGINT)
    time.sleep(this.rng.uniform(0, 0.05))
    run.send(signal.SIGINT)
    return [run.wait()]


def terminate(this: Round) -> list[Outcome]:
    run = this.start()
    this.wait_a_while(run)
    run.send(signal.SIGTERM)
    return [run.wait()]


def disk_full(this: Round) -> list[Outcome]:
    """Let the job run in a file system that is full soon, then enlarge that."""
    kept = this.workspace.rename(this.place / "kept")
    this.workspace.mkdir()
    _mount_memory(this.workspace, "512m")
    shutil.copytree(kept, this.workspace, dirs_exist_ok=True)
    shutil.rmtree(kept)
    room = int(this.rng.uniform(0, 1.1) * this.growth)
    taken = os.statvfs(this.workspace)
    used = (taken.f_blocks - taken.f_bfree) * taken.f_frsize
    _command("mount", "-o", f"remount,size={used + room}", this.workspace)
    outcome = this.start().wait()
    _command("mount", "-o", "remount,size=1g", this.workspace)
    return [outcome]


def source_gone(this: Round) -> list[Outcome]:
    run = this.start()
    this.wait_a_while(run)
    away = (this.place / "library").rename(this.place / "away")
    outcome = run.wait()
    away.rename(this.place / "library")
    return [outcome]


def source_gone_before(this: Round) -> list[Outcome]:
    away = (this.place / "library").rename(this.place / "away")
    outcome = this.start().wait()
    away.rename(this.place / "library")
    return [outcome]


def worker_killed(this: Round) -> list[Outcome]:
    return _to_a_worker(this, signal.SIGKILL)


def worker_stopped(this: Round) -> list[Outcome]:
    return _to_a_worker(this, signal.SIGSTOP)


def two_at_once(this: Round) -> list[Outcome]:
    first = this.start()
    this.wait_a_while(first)
    second = this.start()
    return [first.wait(), second.wait()]


def no_shared_memory(this: Round) -> list[Outcome]:
    _need_root()
    return [this.start(lambda: _cover_by_nothing("/dev/shm")).wait()]


def no_temporary_folder(this: Round) -> list[Outcome]:
    """Make every folder for temporary files unwritable."""
    _need_root()
    nothing = this.place / "nothing"
    nothing.mkdir()

    def refuse() -> None:
        _cover_by_nothing(str(nothing))
        os.environ["TMPDIR"] = str(nothing)
        tempfile.tempdir = None
        tempfile._candidate_tempdir_list = lambda: [str(nothing)]  # type: ignore[attr-defined]

    return [this.start(refuse).wait()]


def few_files(this: Round) -> list[Outcome]:
    return [
        this.start(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))).wait()
    ]


def clock_set_back(this: Round) -> list[Outcome]:
    """Run it with a clock that is years behind that of the files."""
    return [this.start(_turn_back).wait()]


def moved(this: Round) -> list[Outcome]:
    """Kill it, then rename the folder that holds workspace and library."""
    outcome = kill(this)
    this.place = this.place.rename(this.place.with_name("elsewhere"))
    return outcome


def copied_with_new_times(this: Round) -> list[Outcome]:
    """Kill it, then copy the workspace as a file manager does."""
    outcome = kill(this)
    old = this.workspace.rename(this.place / "old")
    shutil.copytree(old, this.workspace, copy_function=shutil.copy)
    for path in this.workspace.rglob("*"):
        os.utime(path)
    shutil.rmtree(old)
    return outcome


def read_only(this: Round) -> list[Outcome]:
    _need_root()

    def refuse() -> None:
        _own_namespace()
        where = str(this.workspace).encode()
        _mount(where, where, None, _BIND, None)
        _mount(None, where, None, _REMOUNT | _BIND | _READ_ONLY, None)

    return [this.start(refuse).wait()]


KINDS: dict[str, Callable[[Round], list[Outcome]]] = {
    "kill -9": kill,
    "kill -9 at a rename": kill_at_a_rename,
    "SIGINT": interrupt,
    "SIGINT twice": interrupt_twice,
    "SIGTERM": terminate,
    "disk full": disk_full,
    "source gone meanwhile": source_gone,
    "source gone before": source_gone_before,
    "worker killed": worker_killed,
    "worker stopped": worker_stopped,
    "two runs at once": two_at_once,
    "no /dev/shm": no_shared_memory,
    "no folder for temporary files": no_temporary_folder,
    "64 open files": few_files,
    "clock set back": clock_set_back,
    "moved": moved,
    "copied with new times": copied_with_new_times,
    "read-only workspace": read_only,
}
DEADLY = {
    "kill -9",
    "kill -9 at a rename",
    "moved",
    "copied with new times",
}
"""Kinds after which nobody is left to say a line."""
ONLY_SCANS = {"worker killed", "worker stopped"}


def _die_at(number: int, is_before: bool) -> Callable[[], None]:
    """Return what lets a process kill itself at one of its renames."""

    def install() -> None:
        rename = os.replace
        left = itertools.count()

        def die(*args: object, **options: object) -> None:
            is_now = next(left) == number
            if is_now and is_before:
                os.kill(os.getpid(), signal.SIGKILL)
            rename(*args, **options)  # type: ignore[arg-type]
            if is_now:
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = die  # type: ignore[assignment]

    return install


def _to_a_worker(this: Round, number: int) -> list[Outcome]:
    """Let a scan read in processes, and send one of these a signal."""

    def use_processes() -> None:
        from covers.intake.reading import read_many, read_processes

        read_many.WORTH_PROCESSES = 1
        read_processes.PATIENCE_S = 15.0

    run = this.start(use_processes)
    end = time.monotonic() + 20
    while run.is_running() and not run.children() and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(this.rng.uniform(0, 1.5))
    for child in run.children()[:1]:
        with suppress(ProcessLookupError):
            os.kill(child, number)
            this.notes.append("hit")
    return [run.wait()]


def _turn_back() -> None:
    """Set this process's clock back."""
    import datetime as dt

    now, now_ns, moment = time.time, time.time_ns, dt.datetime

    class Earlier(moment):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return moment.now(tz) - dt.timedelta(days=5 * 365)

    time.time = lambda: now() - 5 * _YEAR_S
    time.time_ns = lambda: now_ns() - 5 * _YEAR_S * 10**9
    dt.datetime = Earlier  # type: ignore[misc]


def _need_root() -> None:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        message = "needs root, to mount"
        raise SkippedError(message)


def _mount_memory(folder: Path, size: str) -> None:
    """Mount a file system in memory."""
    _need_root()
    _command("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)


def _command(*args: object) -> None:
    ended = subprocess.run([*map(str, args)], capture_output=True, check=False)
    if ended.returncode:
        raise SkippedError(ended.stderr.decode(errors="replace").strip())


def _own_namespace() -> None:
    """Give this process mounts of its own."""
    if _LIBC.unshare(_NEW_NAMESPACE):
        raise OSError(ctypes.get_errno(), "unshare")
    _mount(None, b"/", None, _PRIVATE, None)


def _cover_by_nothing(folder: str) -> None:
    """Lay an empty file system that cannot be written over a folder."""
    _own_namespace()
    _mount(b"tmpfs", folder.encode(), b"tmpfs", _READ_ONLY, None)


def _mount(*args: object) -> None:
    if _LIBC.mount(*args):
        raise OSError(ctypes.get_errno(), f"mount {args}")
