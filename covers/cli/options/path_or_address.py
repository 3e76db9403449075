"""Paths that a person names, and sources: a path of this machine, or an address such as ``s3://bucket/folder``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class NamedPath(click.Path):
    """A path that has a name: an empty word would be the current folder."""

    def __init__(self, **checks: Any) -> None:
        super().__init__(path_type=Path, **checks)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Turn what was typed into a `Path`."""
        if not str(value).strip():
            message = "an empty name: is a variable not set? '.' is the current folder"
            self.fail(message, param, ctx)
        return super().convert(value, param, ctx)


class PathOrAddress(NamedPath):
    """A path, or an address of an object store or a server; an address is taken as it is."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Turn what was typed into a `Path`, or a `RemotePath`."""
        if "://" not in str(value):
            return super().convert(value, param, ctx)
        from covers.errors import ConfigError
        from covers.workspace.remote import RemotePath

        try:
            return RemotePath.of(str(value))
        except ConfigError as error:
            self.fail(str(error), param, ctx)


def refuse_offline(sources: list[str]) -> None:
    """Refuse to go without the network where covers lie across it.

    Raises
    ------
    ConfigError
        Naming the first of them.
    """
    from covers.errors import ConfigError

    remote = [source for source in sources if "://" in source]
    if remote:
        message = f"source '{remote[0]}' lies across the network: leave '--offline' out, or drop it from covers.toml"
        raise ConfigError(message)
