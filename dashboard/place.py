"""Which workspace the dashboard shows."""

from __future__ import annotations

import sys
from pathlib import Path

from covers.workspace.paths import Workspace
from covers.workspace.settings import DEFAULT_WORKSPACE


def workspace() -> Workspace:
    """Return the workspace named on the command line; it may be empty or missing."""
    named = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    return Workspace(Path(named[0]) if named else DEFAULT_WORKSPACE)
