"""A real Milvus, started for tests from the programs that the wheel ``milvus`` brings.

It needs no rights and no network: everything lies in a folder of its own, its parts
talk over ports that were free, and its etcd over sockets that are files.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

_ETCD = """\
name: default
listen-peer-urls: unix://localhost:1
listen-client-urls: unix://localhost:2
initial-advertise-peer-urls: unix://localhost:1
advertise-client-urls: unix://localhost:2
initial-cluster: default=unix://localhost:1
"""
# How long the parts of a killed server are believed to be alive; 30 in use.
_SESSION_S = 5


class Server:
    """One server, reached by a port of this machine."""

    def __init__(self):
        if importlib.util.find_spec("milvus") is None:
            pytest.skip("no Milvus here: install the group of packages 'dev'")
        self.folder = Path(tempfile.mkdtemp(prefix="milvus-"))
        self._unpack()
        self.start()

    def address(self, collection):
        return f"milvus://127.0.0.1:{self.port}/{collection}"

    def start(self):
        """Start it, and wait until it answers."""
        until = time.monotonic() + 120
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.folder / "bin" / "milvus"), "run", "standalone"],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        while not self._is_well():
            if self.process.poll() is not None or time.monotonic() > until:
                raise OSError((self.folder / "log").read_text()[-4000:])
            time.sleep(0.1)

    def kill(self):
        """End it as a power cut would, and wait until it is gone."""
        self.process.kill()
        self.process.wait()
        Path(f"/tmp/milvus/server_id_{self.process.pid}").unlink(missing_ok=True)

    def stop(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_well(self):
        try:
            url = f"http://127.0.0.1:{self.health_port}/healthz"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return b"OK" in answer.read()
        except OSError:
            return False

    def _unpack(self):
        """Write programs and settings into the folder."""
        import milvus

        milvus._initialize_data_files(str(self.folder))
        config = milvus.MilvusServerConfig(data_dir=str(self.folder))
        names = [name for name in config.configurable_items if name.endswith("_port")]
        self.health_port, self.port, *ports = _free_ports(len(names) + 2)
        chosen = {**dict(zip(names, ports, strict=False)), "proxy_port": self.port}
        config.update(**chosen)
        config.set("common.session.ttl", _SESSION_S)
        config.resolve()
        etcd = self.folder / "etcd.yaml"
        etcd.write_text(_ETCD)
        self._environment = {
            **os.environ,
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self.health_port),
            "MILVUS_RUN_DIR": str(self.folder / "run"),
            "LD_LIBRARY_PATH": str(self.folder / "bin"),
            "ETCD_CONFIG_PATH": str(etcd),
            "QUERYCOORD_UPDATENEXTTARGETINTERVAL": "1",  # seconds; 10 in use
        }


def _free_ports(count):
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="session")
def milvus():
    """A server for the whole session; each test takes a collection of its own."""
    server = Server()
    yield server
    server.stop()
