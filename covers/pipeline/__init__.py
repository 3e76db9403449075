"""What is stale in a workspace, and making it new in order."""

import warnings
from importlib import import_module
from typing import Any

_BEFORE = {
    "Pipeline": "covers.pipeline.run",
    "Stage": "covers.pipeline.status",
    "State": "covers.workspace.stages",
    "inspect_workspace": "covers.pipeline.status",
}


def __getattr__(name: str) -> Any:
    """Return a name that this module had in version 0.1; see `covers.moved`."""
    if name not in _BEFORE:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    message = f"{name!r} of {__name__!r} is now in {_BEFORE[name]!r}"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return getattr(import_module(_BEFORE[name]), name)
