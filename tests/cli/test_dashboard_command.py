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


def test_the_app_is_found_without_importing_it():
    assert app_path().name == "app.py"
    assert app_path().parent.name == "dashboard"


def test_a_busy_port_is_passed_over_or_refused_by_name(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert find_port(port) > port
        done = CliRunner().invoke(
            main, ["dashboard", "-w", str(tmp_path), "--port", str(port)]
        )
    assert done.exit_code == 1
    assert f"port {port} is taken by another program" in done.output


def test_a_missing_package_is_named_with_its_extra(monkeypatch, tmp_path):
    from importlib import util

    found = util.find_spec
    monkeypatch.setattr(
        "covers.cli.dashboard.importlib.util.find_spec",
        lambda name: None if name == "streamlit" else found(name),
    )
    done = CliRunner().invoke(main, ["dashboard", "-w", str(tmp_path)])
    assert done.exit_code == 1
    assert "needs the optional package 'streamlit'" in done.output
    assert "album-covers[dashboard]" in done.output


@pytest.mark.slow
def test_it_says_where_it_is_answers_there_and_ends_with_its_server(tmp_path):
    port = find_port(18_700)
    process = subprocess.Popen(
        [sys.executable, "-m", "covers", "dashboard", "-w", str(tmp_path), "--port", str(port), "--no-browser", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    try:
        said = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
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
def test_the_server_does_not_outlive_the_command(tmp_path, sign):
    port = find_port(18_750)
    process = subprocess.Popen(
        [sys.executable, "-m", "covers", "dashboard", "-w", str(tmp_path), "--port", str(port), "--no-browser", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A shell's background jobs ignore Ctrl-C, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        said = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
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
