"""The options that say what sources are."""

from __future__ import annotations

from typing import Any

import click

from covers.cli.options.choices import NameChoice
from covers.cli.options.path_or_address import PathOrAddress


def source_options(command: Any) -> Any:
    """Add ``--kind`` and ``--root``."""
    for option in (
        click.option(
            "--root",
            type=PathOrAddress(exists=True, file_okay=False),
            help="Folder or address that the paths in a table begin in.  [default: the table's own folder]",
        ),
        click.option(
            "--kind",
            type=NameChoice(["auto", "folders", "manifest", "music"]),
            default="auto",
            show_default=True,
            help="What SOURCES are; by default it is found out.",
        ),
    ):
        command = option(command)
    return command
