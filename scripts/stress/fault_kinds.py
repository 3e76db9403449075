"""The faults of `faults`: each starts ``covers run`` on a workspace and does something to it."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from scripts.stress.fault_mounts import (
    command,
    cover_by_nothing,
    make_read_only,
    mount_memory,
    need_root,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.stress.fault_round import Outcome, Round

_YEAR_S = 365 * 86400


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
    kept = this.workspace.rename(this.base / "kept")
    this.workspace.mkdir()
    mount_memory(this.workspace, "512m")
    shutil.copytree(kept, this.workspace, dirs_exist_ok=True)
    shutil.rmtree(kept)
    room = int(this.rng.uniform(0, 1.1) * this.growth)
    taken = os.statvfs(this.workspace)
    used = (taken.f_blocks - taken.f_bfree) * taken.f_frsize
    command("mount", "-o", f"remount,size={used + room}", this.workspace)
    outcome = this.start().wait()
    command("mount", "-o", "remount,size=1g", this.workspace)
    return [outcome]


def source_gone(this: Round) -> list[Outcome]:
    run = this.start()
    this.wait_a_while(run)
    away = (this.base / "library").rename(this.base / "away")
    outcome = run.wait()
    away.rename(this.base / "library")
    return [outcome]


def source_gone_before(this: Round) -> list[Outcome]:
    away = (this.base / "library").rename(this.base / "away")
    outcome = this.start().wait()
    away.rename(this.base / "library")
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
    need_root()
    return [this.start(lambda: cover_by_nothing("/dev/shm")).wait()]


def no_temporary_folder(this: Round) -> list[Outcome]:
    """Make every folder for temporary files unwritable."""
    need_root()
    nothing = this.base / "nothing"
    nothing.mkdir()

    def refuse() -> None:
        cover_by_nothing(str(nothing))
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
    this.base = this.base.rename(this.base.with_name("elsewhere"))
    return outcome


def copied_with_new_times(this: Round) -> list[Outcome]:
    """Kill it, then copy the workspace as a file manager does."""
    outcome = kill(this)
    old = this.workspace.rename(this.base / "old")
    shutil.copytree(old, this.workspace, copy_function=shutil.copy)
    for path in this.workspace.rglob("*"):
        os.utime(path)
    shutil.rmtree(old)
    return outcome


def read_only(this: Round) -> list[Outcome]:
    need_root()

    return [this.start(lambda: make_read_only(this.workspace)).wait()]


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
        from covers.images import guarded
        from covers.intake.pictures import read_many

        read_many.WORTH_PROCESSES = 1
        guarded.PATIENCE_S = 15.0

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
