"""A process that reads strangers' files, and is ended where one takes too long or crashes.

It is started as a plain command, not through `multiprocessing`, which would run a
caller's script again in it. What to read and what it gave go through pipes; it ends
with its pipe, so none outlives the caller.

A decoder may run, or crash, in C, where Python cannot stop it. So the operating
system ends a process that spends more of a core on one file than it may. With the
process goes the memory that it took.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_SECONDS = 5.0
"""Of a core, for one picture. The largest ones that are taken need 3.5."""
PATIENCE_S = 120.0
"""Until a process that answers nothing, and does nothing, is ended."""
CRASHED = "its decoder crashed"
"""How the reason begins where a process ended on a picture."""
_LONGEST_START_S = 120.0
_START = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
_READY = "ready"


class ProcessEndedError(Exception):
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


class GuardedProcess:
    """One process and its pipes.

    Parameters
    ----------
    start : str
        Python that calls `serve` in it.
    *given : object
        What that is given to make its work of.

    Attributes
    ----------
    deadline : float
        When it should have answered by `time.monotonic`; whoever watches may `kill` it then.
    """

    def __init__(self, start: str, *given: object) -> None:
        self.deadline = float("inf")
        self._is_ready = False
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START + start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # there is one per core
            # Ctrl-C ends the caller, and that ends us.
            process_group=0 if hasattr(os, "setpgid") else None,
        )
        try:
            self._send(sys.path)
            self._send((MAX_SECONDS, given))
        except OSError:
            self.end()
            raise

    def is_ready(self) -> bool:
        """Wait until it serves; say whether it does."""
        if not self._is_ready:
            with contextlib.suppress(ProcessEndedError):
                self._is_ready = self._answer(_LONGEST_START_S) == _READY
        return self._is_ready

    def ask(self, values: Sequence[Any]) -> Iterator[Any]:
        """Let the process work on some values, and yield each answer.

        Raises
        ------
        ProcessEndedError
            If it ends before the next.
        """
        try:
            self._send(values)
        except OSError as error:
            raise self._why_ended() from error
        for _ in values:
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

    def _why_ended(self) -> ProcessEndedError:
        """Say why a process is gone."""
        self._process.kill()
        status = self._process.wait()
        if hasattr(signal, "SIGPROF") and status == -signal.SIGPROF:
            reason = f"too costly: more than {MAX_SECONDS:g} s of a core"
            return ProcessEndedError(reason, is_costly=True)
        ended = f"signal {-status}" if status < 0 else f"status {status}"
        return ProcessEndedError(f"{CRASHED}, or gave no answer ({ended})")

    def _send(self, value: Any) -> None:
        assert self._process.stdin is not None
        _write(self._process.stdin, value)


def serve(
    make_work: Callable[..., Callable[[Any], Any]],
    prepare: Callable[[Any], object] | None = None,
) -> None:
    """Work on what standard input names until it ends; answer on standard output.

    Parameters
    ----------
    make_work : callable
        Makes, of what the process was given, what answers one value.
    prepare : callable, optional
        Called before with each value; its time is not the value's.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the caller, that ends us
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    seconds, given = pickle.load(asked)  # noqa: S301
    work = make_work(*given)
    with contextlib.suppress(EOFError, BrokenPipeError):
        _write(answers, _READY)
        while True:
            for value in pickle.load(asked):  # noqa: S301
                if prepare is not None:
                    prepare(value)
                try:
                    with _limited_time(seconds):
                        answer: Any = work(value)
                except Exception as error:  # noqa: BLE001  raised again where it was asked for
                    answer = error
                _write(answers, answer)
                if isinstance(answer, BaseException):
                    break
    os._exit(0)  # there is nothing to tidy up, and the caller waits


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
