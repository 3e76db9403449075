"""Processes that read pictures for a scan.

They are started as plain commands, not through `multiprocessing`, which would
run a caller's script again in each of them. What to read and what it gave go through
pipes; a process ends with its pipe, so none outlives the scan.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any, Self

from covers.intake.reading.read_one import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from covers.images.measures import PictureMeasures
    from covers.intake.scan_record import Content

    Read = tuple[Content, PictureMeasures | None]

_START = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from covers.intake.reading.read_processes import serve; serve()"
)


class ReadingProcesses:
    """Some processes with a reader each; a context that ends them.

    Parameters
    ----------
    reader : Reader
        What each of them is given a copy of. It reads itself where there is
        no process, or one has died.
    n : int
        How many; 0 for none.
    """

    def __init__(self, reader: Reader, n: int) -> None:
        self._reader = reader
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        self._started: list[_Process] = []
        for _ in range(n):
            with contextlib.suppress(OSError):
                self._started.append(_Process(reader))
        for process in self._started:
            self._idle.put(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._started:
            process.end()

    def read(self, files: Sequence[tuple[Path, str]]) -> list[Read]:
        """Read pictures in a process that is idle; called from as many threads as there are.

        Raises
        ------
        OSError
            If a thumbnail cannot be written.
        """
        if self._started:
            process = self._idle.get()
            try:
                return process.read(files)
            except _DeadError:
                pass  # it says so again the next time
            finally:
                self._idle.put(process)
        return [self._reader.read(path, member) for path, member in files]


class _DeadError(Exception):
    """A process is gone."""


class _Process:
    """One process and its pipes."""

    def __init__(self, reader: Reader) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # there is one per core
        )
        try:
            self._send(sys.path)
            self._send(
                (
                    reader.workspace.root,
                    reader.measured,
                    reader.pictured,
                    reader.max_megapixels,
                )
            )
        except OSError:
            self.end()
            raise

    def read(self, files: Sequence[tuple[Path, str]]) -> list[Read]:
        """Let the process read some pictures."""
        assert self._process.stdout is not None
        try:
            self._send(files)
            answer = pickle.load(self._process.stdout)  # noqa: S301  our own process
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise _DeadError from error
        if isinstance(answer, BaseException):
            raise answer
        found: list[Read] = answer
        return found

    def end(self) -> None:
        """Close its pipes and wait for it."""
        with self._process, contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def _send(self, value: Any) -> None:
        assert self._process.stdin is not None
        _write(self._process.stdin, value)


def serve() -> None:
    """Read what is asked for on standard input until it ends; answer on standard output."""
    from covers.workspace.paths import Workspace

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the scan, that ends us
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    root, measured, pictured, max_megapixels = pickle.load(asked)  # noqa: S301
    reader = Reader(Workspace(root), measured, pictured, max_megapixels)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            files = pickle.load(asked)  # noqa: S301
            try:
                answer: Any = [reader.read(path, member) for path, member in files]
            except Exception as error:  # noqa: BLE001  raised again where it was asked for
                answer = error
            _write(answers, answer)
    os._exit(0)  # there is nothing to tidy up, and the scan waits


def _write(pipe: IO[bytes], value: Any) -> None:
    pickle.dump(value, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()
