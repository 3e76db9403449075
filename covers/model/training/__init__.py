"""Training: the recipe, the head, then the whole network."""

import warnings
from typing import Any

_BEFORE = (
    "TrainingReport",
    "choose_training_set",
    "train_workspace",
    "write_history",
)


def __getattr__(name: str) -> Any:
    """Return a name that this module had in version 0.1; see `covers.moved`."""
    if name not in _BEFORE:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from covers.model.training import train

    message = f"{name!r} of {__name__!r} is now in {train.__name__!r}"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return getattr(train, name)
