import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from click.testing import CliRunner

from covers.cli import main
from covers.cli.dashboard import app_path, find_port, is_free
from covers.workspace.settings import write_settings


def test_the_app_is_found_without_importing_it():
    assert app_path().name == "app.py"
    assert app_path().parent.name == "dashboard"


@pytest.fixture
def workspace(tmp_path):
    """The folder of a workspace in which nothing was scanned yet."""
    write_settings(tmp_path, {"seed": 0})
    return tmp_path


def read_said(process):
    """Return the JSON that the command prints once its server is ready."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            return json.loads("".join(lines))
    return pytest.fail("the command ended before it said anything")


def test_a_busy_port_is_passed_over_or_refused_by_name(workspace):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert find_port(port) > port
        done = CliRunner().invoke(
            main, ["dashboard", "-w", str(workspace), "--port", str(port)]
        )
    assert done.exit_code == 1
    assert f"port {port} is taken by another program" in done.output


def test_a_missing_package_is_named_with_its_extra(monkeypatch, workspace):
    from importlib import util

    found = util.find_spec
    monkeypatch.setattr(
        "covers.cli.dashboard.importlib.util.find_spec",
        lambda name: None if name == "streamlit" else found(name),
    )
    done = CliRunner().invoke(main, ["dashboard", "-w", str(workspace)])
    assert done.exit_code == 1
    assert "needs the optional package 'streamlit'" in done.output
    assert "album-covers[dashboard]" in done.output


@pytest.mark.slow
def test_it_says_where_it_is_answers_there_and_ends_with_its_server(workspace):
    port = find_port(18_700)
    process = subprocess.Popen(
        [sys.executable, "-m", "covers", "dashboard", "-w", str(workspace), "--port", str(port), "--no-browser", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    try:
        said = read_said(process)
        assert said["url"] == f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(said["url"]) as answer:
            assert answer.status == 200
            assert b"<title>Album covers</title>" in answer.read()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        process.stdout.close()
    assert is_free(port)
    with pytest.raises(ProcessLookupError):
        os.kill(said["pid"], 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sign", [signal.SIGKILL, signal.SIGINT], ids=["killed", "ctrl-c"]
)
def test_the_server_does_not_outlive_the_command(workspace, sign):
    port = find_port(18_750)
    process = subprocess.Popen(
        [sys.executable, "-m", "covers", "dashboard", "-w", str(workspace), "--port", str(port), "--no-browser", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A shell's background jobs ignore Ctrl-C, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        said = read_said(process)
        process.send_signal(sign)
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    for _ in range(100):
        try:
            os.kill(said["pid"], 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"the server {said['pid']} is still there")
    assert is_free(port)
