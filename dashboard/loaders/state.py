"""How loaders tell one state of the files from the next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from covers.workspace import fresh
from covers.workspace.paths import Workspace
from dashboard import arguments

if TYPE_CHECKING:
    from covers.workspace.registry import File

Version = fresh.Version
N_CACHED = 3
"""How many states of a table are kept, so that readers of an old one go on."""


def version_of(*files: File) -> Version:
    """Return what changes whenever one of some files of the workspace is published anew."""
    return fresh.version_of(arguments.workspace().root, files)


def at(root: str) -> Workspace:
    """Return the workspace in a folder."""
    return Workspace(Path(root))
