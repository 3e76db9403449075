"""Which workspace the dashboard shows, and whether it may write decisions into it."""

from __future__ import annotations

import sys
from pathlib import Path

from covers.cli.dashboard import REVIEW
from covers.workspace.paths import Workspace
from covers.workspace.registry import DEFAULT_WORKSPACE


def workspace() -> Workspace:
    """Return the workspace named on the command line; it may be empty or missing."""
    named = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    return Workspace(Path(named[0]) if named else DEFAULT_WORKSPACE)


def may_write() -> bool:
    """Say whether decisions and tags may be written: only with ``covers dashboard --review``."""
    return REVIEW in sys.argv[1:]
