"""Processes that read pictures for a scan, and are ended where a picture takes too long.

They are started as plain commands, not through `multiprocessing`, which would
run a caller's script again in each of them. What to read and what it gave go through
pipes; a process ends with its pipe, so none outlives the scan.

A decoder may run, or crash, in C, where Python cannot stop it. So the operating
system ends a process that spends more of a core on one picture than it may; one
that gives no answer at all is ended, too. Another takes its place, and the
picture is listed with the reason.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any, Self

from covers.intake.pictures.read_one import PictureLoader, refuse
from covers.intake.sources import CRASHED, ProblemKind
from covers.workspace.remote import RemotePath, filesystem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from covers.images.measures import PictureMeasures
    from covers.intake.scan_record import Content
    from covers.workspace.remote import AnyPath

    Read = tuple[Content, PictureMeasures | None]
    File = tuple[AnyPath, str]

MAX_SECONDS = 5.0
"""Of a core, for one picture. The largest ones that are taken need 3.5."""
PATIENCE_S = 120.0
"""Until a process that answers nothing, and does nothing, is ended."""
_LONGEST_START_S = 120.0

_START = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from covers.intake.pictures.read_processes import serve; serve()"
)
_READY = "ready"
_TRIES = 2
_LOOKS = 20  # at the silent ones while patience lasts


class LoaderProcesses:
    """Some processes with a loader each; a context that ends them.

    Parameters
    ----------
    loader : PictureLoader
        What each of them is given a copy of. It reads itself where no process
        can be started.
    n : int
        How many at most; 0 for none.
    starts_now : bool, default=True
        Read every picture in a process. Otherwise pictures that cannot take long are
        read in the thread that asks, and a process is started for the first other one.
    """

    def __init__(
        self, loader: PictureLoader, n: int, *, starts_now: bool = True
    ) -> None:
        self._loader = loader
        self._reads_quick_ones = not starts_now
        self._slots = [_Slot(loader) for _ in range(n)]
        self._idle: SimpleQueue[_Slot] = SimpleQueue()
        self._ended = threading.Event()
        for slot in self._slots:
            if starts_now:
                slot.start()
            self._idle.put(slot)
        self._watch = threading.Thread(target=self._end_the_silent, daemon=True)
        if n:
            self._watch.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        for slot in self._slots:
            slot.end()

    def read(self, files: Sequence[File]) -> list[Read]:
        """Read pictures, in a process that is idle; called from as many threads as there are.

        Raises
        ------
        OSError
            If a thumbnail cannot be written.
        """
        if not self._slots:
            return [self._loader.read(*file) for file in files]
        found: dict[int, Read] = {}
        if self._reads_quick_ones:
            for number, file in enumerate(files):
                if (quick := self._loader.read_quick(*file)) is not None:
                    found[number] = quick
        left = [number for number in range(len(files)) if number not in found]
        if left:
            slot = self._idle.get()
            try:
                answers = slot.read([files[number] for number in left])
            finally:
                self._idle.put(slot)
            found.update(zip(left, answers, strict=True))
        return [found[number] for number in range(len(files))]

    def _end_the_silent(self) -> None:
        """End processes that have given no answer for too long."""
        while not self._ended.wait(PATIENCE_S / _LOOKS):
            for slot in self._slots:
                slot.end_if_silent()


class _EndedError(Exception):
    """A process has ended before it gave an answer.

    Parameters
    ----------
    reason : str
        Why its picture is refused.
    is_costly : bool
        Whether the picture had its time.
    """

    def __init__(self, reason: str, *, is_costly: bool = False) -> None:
        super().__init__(reason)
        self.is_costly = is_costly


class _Slot:
    """Room for one process: a new one is started when the last has ended."""

    def __init__(self, loader: PictureLoader) -> None:
        self._loader = loader
        self._process: _Process | None = None
        self._is_barren = False  # no process gets ready here

    def start(self) -> bool:
        """Start a process, unless one runs; say whether there is one."""
        if self._process is None:
            with contextlib.suppress(OSError):
                self._process = _Process(self._loader)
        return self._process is not None

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def end_if_silent(self) -> None:
        """Kill the process if it should have answered by now."""
        process = self._process
        if process is not None and time.monotonic() > process.deadline:
            process.kill()

    def read(self, files: Sequence[File]) -> list[Read]:
        """Read pictures; one on which processes end is refused."""
        found: list[Read] = []
        tries = 0
        while len(found) < len(files):
            if not self._is_ready():  # no process to be had
                found += [self._loader.read(*file) for file in files[len(found) :]]
                break
            assert self._process is not None
            n_before = len(found)
            try:
                for answer in self._process.read(files[n_before:]):
                    found.append(answer)
            except _EndedError as error:
                self.end()
                tries = tries + 1 if len(found) == n_before else 1
                if error.is_costly or tries == _TRIES:
                    found.append(refuse(ProblemKind.BROKEN, str(error)))
                    tries = 0
        return found

    def _is_ready(self) -> bool:
        """Have a process that has begun to serve, if one can be started."""
        for _ in range(0 if self._is_barren else _TRIES):
            if not self.start():
                break
            assert self._process is not None
            if self._process.is_ready():
                return True
            self.end()
        self._is_barren = True
        return False


class _Process:
    """One process and its pipes."""

    def __init__(self, loader: PictureLoader) -> None:
        self.deadline = float("inf")
        self._is_ready = False
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # there is one per core
            # Ctrl-C ends the scan, and that ends us.
            process_group=0 if hasattr(os, "setpgid") else None,
        )
        try:
            self._send(sys.path)
            self._send(
                (
                    loader.workspace.root,
                    loader.measured,
                    loader.pictured,
                    loader.max_megapixels,
                    MAX_SECONDS,
                )
            )
        except OSError:
            self.end()
            raise

    def is_ready(self) -> bool:
        """Wait until it serves; say whether it does."""
        if not self._is_ready:
            with contextlib.suppress(_EndedError):
                self._is_ready = self._answer(_LONGEST_START_S) == _READY
        return self._is_ready

    def read(self, files: Sequence[File]) -> Iterator[Read]:
        """Let the process read some pictures, and yield each.

        Raises
        ------
        _EndedError
            If it ends before the next.
        """
        try:
            self._send(files)
        except OSError as error:
            raise self._why_ended() from error
        for _ in files:
            answer = self._answer(PATIENCE_S)
            if isinstance(answer, BaseException):
                raise answer
            yield answer

    def kill(self) -> None:
        """End it now."""
        self._process.kill()

    def end(self) -> None:
        """Close its pipes and wait for it; one that does not answer is ended."""
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            self._process.wait(MAX_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _answer(self, patience_s: float) -> Any:
        """Wait for what the process says next."""
        assert self._process.stdout is not None
        self.deadline = time.monotonic() + patience_s
        try:
            return pickle.load(self._process.stdout)  # noqa: S301  our own process
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise self._why_ended() from error
        finally:
            self.deadline = float("inf")

    def _why_ended(self) -> _EndedError:
        """Say why a process is gone."""
        self._process.kill()
        status = self._process.wait()
        if hasattr(signal, "SIGPROF") and status == -signal.SIGPROF:
            reason = f"too costly: more than {MAX_SECONDS:g} s of a core"
            return _EndedError(reason, is_costly=True)
        ended = f"signal {-status}" if status < 0 else f"status {status}"
        return _EndedError(f"{CRASHED}, or gave no answer ({ended})")

    def _send(self, value: Any) -> None:
        assert self._process.stdin is not None
        _write(self._process.stdin, value)


def serve() -> None:
    """Read the pictures that standard input names until it ends; answer on standard output."""
    from covers.workspace.paths import Workspace

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the scan, that ends us
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    root, measured, pictured, max_megapixels, seconds = pickle.load(asked)  # noqa: S301
    loader = PictureLoader(Workspace(root), measured, pictured, max_megapixels)
    with contextlib.suppress(EOFError, BrokenPipeError):
        _write(answers, _READY)
        while True:
            files = pickle.load(asked)  # noqa: S301
            for path, member in files:
                if isinstance(path, RemotePath):
                    filesystem(path.scheme)  # what is imported is no picture's time
                try:
                    with _limited_time(seconds):
                        answer: Any = loader.read(path, member)
                except Exception as error:  # noqa: BLE001  raised again where it was asked for
                    answer = error
                _write(answers, answer)
                if isinstance(answer, BaseException):
                    break
    os._exit(0)  # there is nothing to tidy up, and the scan waits


@contextlib.contextmanager
def _limited_time(seconds: float) -> Iterator[None]:
    """Let the operating system end this process if it computes for too long."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _write(pipe: IO[bytes], value: Any) -> None:
    pickle.dump(value, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()
