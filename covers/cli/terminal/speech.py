"""What commands say: hints that name the workspace that was given, and results as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from covers.workspace.registry import complete_commands
from indexer.terminal import one_line, raw_stream

if TYPE_CHECKING:
    from typing import Protocol

    class _Document(Protocol):
        def to_json(self) -> dict[str, Any] | dict[str, object]: ...


WORKSPACE_KEY = "covers.workspace"


def name_workspace(text: str) -> str:
    """Complete the commands that a text names in quotes with the workspace that was given.

    A hint that is obeyed as it stands shall not act on another workspace.
    """
    ctx = click.get_current_context(silent=True)
    workspace = ctx.meta.get(WORKSPACE_KEY) if ctx else None
    if workspace is None:
        return text
    return complete_commands(text, workspace)


def tell(text: str) -> None:
    """Tell a person what is going on, on stderr."""
    click.echo(one_line(name_workspace(text)), err=True)


def print_json(value: Any) -> None:
    """Print a result as one JSON document on stdout."""
    import json
    import sys

    from covers.workspace.disk.jsonable import to_jsonable

    click.echo(
        json.dumps(
            to_jsonable(value),
            indent=1,
            # Signs that the stream lacks would be spelt otherwise.
            ensure_ascii="utf" not in raw_stream(sys.stdout).encoding.lower(),
            allow_nan=False,
        )
    )


def print_document(document: _Document) -> None:
    """Print a result as JSON."""
    print_json(document.to_json())
