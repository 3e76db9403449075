"""``covers dashboard``."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from covers.cli.options.shared import common_options, open_for_command
from covers.cli.terminal.speech import print_json
from covers.errors import ConfigError, MissingExtraError, refuse_missing_package

if TYPE_CHECKING:
    from types import FrameType

FIRST_PORT = 8501
MOST_MEBIBYTES = 25
"""Of a picture that is handed to the dashboard."""
UNTIL_STDIN_ENDS = "COVERS_DASHBOARD_UNTIL_STDIN_ENDS"
"""Tells the server to end when its standard input does, so that it never outlives this command."""

REVIEW = "--review"
"""Tells the server that it may write decisions and tags."""

_PORTS_TRIED = 50
_LONGEST_START_S = 90


@click.command("dashboard")
@common_options
@click.option(
    "--port",
    type=click.IntRange(1024, 65535),
    default=None,
    help=f"Port on this machine; by default the first free one from {FIRST_PORT}.",
)
@click.option(
    "--browser/--no-browser",
    default=True,
    show_default=True,
    help="Open it in the browser once it is ready.",
)
@click.option(
    REVIEW,
    is_flag=True,
    help="Let decisions about covers, and tags, be written into the workspace; nothing is written without it.",
)
def dashboard_command(
    *,
    workspace: Path,
    as_json: bool,
    port: int | None,
    browser: bool,
    review: bool,
) -> None:
    r"""Look at everything in a browser.

    Ctrl-C ends it. It listens on this machine only (127.0.0.1), changes nothing in the
    workspace unless asked to by --review, and shows a rebuilt index or a new analysis
    without a restart.

    \b
    covers dashboard -w my-workspace
    covers dashboard -w my-workspace --port 8600 --no-browser
    covers dashboard -w my-workspace --review      decide about doubtful covers
    """
    refuse_missing_package("streamlit", "the dashboard")
    open_for_command(workspace)  # refuses a folder that is no workspace
    port = find_port() if port is None else refuse_busy_port(port)
    url = f"http://127.0.0.1:{port}"
    # A plain kill shall end the server too, not only Ctrl-C.
    signal.signal(signal.SIGTERM, _end)
    with start(workspace, port, review=review) as server:
        try:
            wait_until_ready(server, url)
            if as_json:
                print_json({"url": url, "workspace": str(workspace), "pid": server.pid})
            else:
                click.echo(f"The dashboard of '{workspace}' is at {url}")
                click.echo("Ctrl-C ends it.", err=True)
            sys.stdout.flush()
            if browser:
                webbrowser.open(url)
            code = server.wait()
        except KeyboardInterrupt:
            code = 0
        finally:
            stop(server)
    if code > 0:
        raise SystemExit(1)


def _end(_signal: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does."""
    raise KeyboardInterrupt


def app_path() -> Path:
    """Return the file that Streamlit is to run, without importing it.

    Raises
    ------
    MissingExtraError
        If the package was installed without its dashboard.
    """
    spec = importlib.util.find_spec("dashboard")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "app.py"
        if path.is_file():
            return path
    package = "dashboard"
    raise MissingExtraError(package, "dashboard", "the dashboard")


def find_port(first: int = FIRST_PORT) -> int:
    """Return the first free port.

    Raises
    ------
    ConfigError
        If none of the 50 ports from `first` on is free.
    """
    for port in range(first, first + _PORTS_TRIED):
        if is_free(port):
            return port
    message = f"no free port from {first} to {first + _PORTS_TRIED - 1}: name another with '--port N'"
    raise ConfigError(message)


def refuse_busy_port(port: int) -> int:
    """Return `port` if it is free.

    Raises
    ------
    ConfigError
        If something listens there already.
    """
    if not is_free(port):
        message = f"port {port} is taken by another program: leave out '--port', or name another"
        raise ConfigError(message)
    return port


def is_free(port: int) -> bool:
    """Say whether a server could listen on a port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection that was just closed does not block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def start(
    workspace: Path, port: int, *, review: bool = False
) -> subprocess.Popen[bytes]:
    """Start the server on a free port; its log goes to stderr."""
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(app_path()),
        "--server.address=127.0.0.1",
        f"--server.port={port}",
        "--server.headless=true",
        f"--server.maxUploadSize={MOST_MEBIBYTES}",
        "--browser.gatherUsageStats=false",
        # Galleries show the page of the address, whatever page the field begins with.
        "--global.disableWidgetStateDuplicationWarning=true",
        "--",
        str(workspace),
        *([REVIEW] if review else []),
    ]
    # Few threads: several readers share the machine, and every search is small.
    environment = {"OMP_NUM_THREADS": "2", **os.environ, UNTIL_STDIN_ENDS: "1"}
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,  # Ctrl-C is for this process, which then ends the server
    )


def wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    """Return once the first page is answered.

    Raises
    ------
    ConfigError
        If the server ends, or does not answer within 90 seconds.
    """
    begun = time.monotonic()
    while time.monotonic() - begun < _LONGEST_START_S:
        if server.poll() is not None:
            message = "the dashboard's server ended at once: what it says stands above"
            raise ConfigError(message)
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(url, timeout=5) as answer,
        ):
            if answer.status == 200:
                return
        time.sleep(0.1)
    message = f"the dashboard did not answer at {url} within {_LONGEST_START_S} seconds: try another '--port'"
    raise ConfigError(message)


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server, with patience first."""
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(timeout=5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
