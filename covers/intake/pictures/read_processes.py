"""Processes that read pictures for a scan, and are killed where a picture takes too long.

A process that gives no answer at all is ended, too (`covers.images.guarded` says what
else ends one). Another takes its place, and the picture is listed with the reason.
"""

from __future__ import annotations

import contextlib
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self

from covers.images import guarded
from covers.images.guarded import GuardedProcess, ProcessEndedError
from covers.intake.pictures.read_one import PictureLoader, refuse
from covers.intake.sources import ProblemKind
from covers.workspace.remote import RemotePath, filesystem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from covers.images.measures import PictureMeasures
    from covers.intake.scan_record import Content
    from covers.workspace.remote import AnyPath

    Read = tuple[Content, PictureMeasures | None]
    File = tuple[AnyPath, str]

_START = "from covers.intake.pictures.read_processes import serve; serve()"
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
        while not self._ended.wait(guarded.PATIENCE_S / _LOOKS):
            for slot in self._slots:
                slot.end_if_silent()


class _Slot:
    """Room for one process: a new one is started when the last has ended."""

    def __init__(self, loader: PictureLoader) -> None:
        self._loader = loader
        self._process: GuardedProcess | None = None
        self._is_barren = False  # no process gets ready here

    def start(self) -> bool:
        """Start a process, unless one runs; say whether there is one."""
        if self._process is None:
            with contextlib.suppress(OSError):
                self._process = _start_process(self._loader)
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
                for answer in self._process.ask(files[n_before:]):
                    found.append(answer)
            except ProcessEndedError as error:
                self.end()
                tries = tries + 1 if len(found) == n_before else 1
                if error.is_costly or tries == _TRIES:
                    found.append(refuse(ProblemKind.BROKEN, str(error)))
                    tries = 0
        return found

    def _is_ready(self) -> bool:
        """Start a process if there is none, and say whether it serves."""
        for _ in range(0 if self._is_barren else _TRIES):
            if not self.start():
                break
            assert self._process is not None
            if self._process.is_ready():
                return True
            self.end()
        self._is_barren = True
        return False


def _start_process(loader: PictureLoader) -> GuardedProcess:
    """Start a process with a copy of a loader."""
    return GuardedProcess(
        _START,
        loader.workspace.root,
        loader.measured,
        loader.pictured,
        loader.max_megapixels,
    )


def serve() -> None:
    """Read the pictures that standard input names until it ends; see `covers.images.guarded.serve`."""
    guarded.serve(_make_work, _prepare)


def _make_work(
    root: Path, measured: set[str], pictured: set[str], max_megapixels: float
) -> Callable[[File], Read]:
    """Return what reads one picture."""
    from covers.workspace.paths import Workspace

    loader = PictureLoader(Workspace(root), measured, pictured, max_megapixels)
    return lambda file: loader.read(*file)


def _prepare(file: File) -> None:
    """Import what reads over a network: that is no picture's time."""
    path, _ = file
    if isinstance(path, RemotePath):
        filesystem(path.scheme)
