"""Commands in errors name the workspace that was opened, so that they can be obeyed as they stand."""

from __future__ import annotations

import functools
import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from covers.errors import CoversError
from covers.workspace.registry import complete_commands
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Class = TypeVar("Class", bound=type)


@contextmanager
def naming(root: Path) -> Iterator[None]:
    """Complete the commands in errors from within with ``-w`` and a workspace.

    Raises
    ------
    CoversError, IndexerError
        Those from within.
    """
    try:
        yield
    except (CoversError, IndexerError) as error:
        error.args = tuple(
            complete_commands(one, root) if isinstance(one, str) else one
            for one in error.args
        )
        raise


def names_workspace(kind: Class) -> Class:
    """Make all public methods and properties of a library name its workspace in errors."""
    for name, found in inspect.getmembers(kind):
        if name.startswith("_"):
            continue
        if isinstance(found, property) and found.fget is not None:
            setattr(kind, name, property(_naming_own(found.fget), doc=found.__doc__))
        elif inspect.isfunction(found):
            setattr(kind, name, _naming_own(found))
    return kind


def _naming_own(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method of a library."""

    @functools.wraps(function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        with naming(self._root):
            return function(self, *args, **kwargs)

    return call
