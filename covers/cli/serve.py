"""``covers serve``."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
from typing import TYPE_CHECKING

import click

from covers.cli.dashboard import find_port, refuse_busy_port
from covers.cli.options.renamed import renamed_option
from covers.cli.options.shared import common_options, device_option, open_for_command
from covers.cli.terminal.speech import print_json, tell
from covers.errors import ConfigError, refuse_missing_package

if TYPE_CHECKING:
    from pathlib import Path

FIRST_PORT = 8600
_HERE = ("127.0.0.1", "::1", "localhost")
_SHORTEST_TOKEN = 16


@click.command("serve")
@common_options
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Any but this machine's own needs a token.",
)
@click.option(
    "--port",
    type=click.IntRange(1024, 65535),
    default=None,
    help=f"Port; by default the first free one from {FIRST_PORT}.",
)
@click.option(
    "--token",
    envvar="COVERS_TOKEN",
    default="",
    help="Secret that callers must send as 'Authorization: Bearer TOKEN'; in the environment variable COVERS_TOKEN others on this machine do not see it.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Another name by which clients call this server, such as covers.example or covers.example:8600.",
)
@renamed_option(
    "--n-workers",
    "n_workers",
    before="--workers",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Requests that are worked on at once.",
)
@device_option
def serve_command(
    *,
    workspace: Path,
    as_json: bool,
    device: str | None,
    host: str,
    port: int | None,
    token: str,
    hosts: tuple[str, ...],
    n_workers: int,
) -> None:
    r"""Answer searches and classifications over HTTP.

    Ctrl-C ends it. It listens on this machine only, changes nothing in the
    workspace, and answers from a rebuilt index without a restart. All requests
    are described in /v1/openapi.json.

    \b
    covers serve -w music
    curl --data-binary @sleeve.jpg http://127.0.0.1:8600/v1/classify
    """
    for package in ("fastapi", "uvicorn", "prometheus_client"):
        refuse_missing_package(package, "the service")
    _refuse_unsafe(host, token)
    _refuse_bad_names(hosts)
    library = open_for_command(workspace, device)
    library.refuse_unfinished()
    _ = library.model  # opened now, so that the first request need not wait
    port = find_port(FIRST_PORT) if port is None else refuse_busy_port(port)
    import uvicorn

    from covers.service.app import make_app
    from covers.service.connections import listen, server_settings
    from covers.service.limits import Limits

    sockets = listen(host, port)
    app = make_app(
        library, limits=Limits(n_workers=n_workers), token=token, hosts=hosts
    )
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if as_json:
        print_json({"url": url, "workspace": str(workspace)})
    else:
        click.echo(f"The service of '{workspace}' is at {url}/v1")
        click.echo("Ctrl-C ends it.", err=True)
    if host not in _HERE and not hosts:
        tell(
            "note: callers by any name but 127.0.0.1 and localhost are refused: "
            f"name the others, such as '--allow-host {socket.gethostname()}:{port}'"
        )
    sys.stdout.flush()
    server = uvicorn.Server(uvicorn.Config(app, **server_settings()))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets)


def _refuse_unsafe(host: str, token: str) -> None:
    """Refuse to listen on other addresses than this machine's without a long token."""
    if host not in _HERE and not token:
        message = f"host {host!r} can be reached by others: set a token, such as COVERS_TOKEN=$(openssl rand -hex 32)"
        raise ConfigError(message)
    if token and len(token) < _SHORTEST_TOKEN:
        message = f"the token has {len(token)} characters: take {_SHORTEST_TOKEN} or more, such as 'openssl rand -hex 32' gives"
        raise ConfigError(message)
    if not token.isascii() or not token.isprintable():
        message = "the token holds signs that no header can: take letters and digits"
        raise ConfigError(message)


def _refuse_bad_names(hosts: tuple[str, ...]) -> None:
    """Refuse names that no request can have in its header ``Host``."""
    for name in hosts:
        if not re.fullmatch(r"[\w.-]+(:\d+)?|\[[0-9a-fA-F:.]+\](:\d+)?", name):
            message = f"'--allow-host' takes a name and perhaps a port, such as covers.example:8600, not {name!r}"
            raise ConfigError(message)
