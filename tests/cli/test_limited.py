"""Under a limit of memory a crash below Python is explained."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("resource")

CODE = """
import os, resource, signal, sys, click
from covers.cli.terminal.border import ExplainingGroup

@click.group(cls=ExplainingGroup)
def main(): pass

@main.command()
@click.argument("how")
def work(how):
    if how == "crash": os.kill(os.getpid(), signal.SIGSEGV)
    if how == "leave":
        import ctypes
        ctypes.CDLL(None).exit(1)
    if how == "refuse": raise click.ClickException("no covers")
    if how == "wait":
        import time
        print("waiting", flush=True)
        time.sleep(60)
    print("done")

resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, resource.RLIM_INFINITY))
main()
"""


def work(how):
    return subprocess.run(
        [sys.executable, "-c", CODE, "work", how], capture_output=True, text=True
    )


@pytest.mark.parametrize("how", ["crash", "leave"])
def test_a_crash_is_one_line_that_names_the_limit(how):
    done = work(how)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: a library crashed for want of memory")
    assert "allows 2.0 GB" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("how", "status", "said"), [("fine", 0, "done\n"), ("refuse", 1, "")]
)
def test_anything_else_is_as_without_a_limit(how, status, said):
    done = work(how)
    assert (done.returncode, done.stdout) == (status, said)
    assert done.stderr == ("Error: no covers\n" if status else "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_work(number):
    with subprocess.Popen(
        [sys.executable, "-c", CODE, "work", "wait"],
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        assert process.wait(30) == 1
