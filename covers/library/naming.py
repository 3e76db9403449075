"""Errors that can be obeyed as they stand: commands name the workspace, options are told as arguments.

What lies below the front door speaks of options of the command line. To who calls a
library from Python `speak_python` makes arguments of them; the command line itself
has its libraries leave them as they are, by `speak_options`.
"""

from __future__ import annotations

import functools
import inspect
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from covers.errors import CoversError
from covers.workspace.registry import complete_commands
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Class = TypeVar("Class", bound=type)
Named = TypeVar("Named")

_FLAGS = {
    "again": "again=True",
    "force": "force=True",
    "offline": "offline=True",
    "refit": "refit=True",
    "replace": "replace=True",
    "resume": "resume=True",
    "retrain": "retrain=True",
    "single-label": "multi_label=False",
    "split-anew": "split_anew=True",
    "trust-pickle": "trust_pickle=True",
}
"""Options without a value, as arguments."""


def speak_python(text: str) -> str:
    """Turn the options that a text names in quotes into arguments of Python.

    Examples
    --------
    >>> speak_python("try more with '-k 30', or give a file with '--weights FILE'")
    'try more with k=30, or give a file with weights=FILE'
    >>> speak_python("'--offline' forbids that: name another with '--arch'")
    'offline=True forbids that: name another with arch'
    >>> speak_python("run 'covers scan --seed 1 -w music'")
    "run 'covers scan --seed 1 -w music'"
    """
    return re.sub(r"'--?([a-z][a-z-]*)(?: ([^']+))?'", _as_argument, text)


def _as_argument(option: re.Match[str]) -> str:
    """Turn an option into an argument."""
    name, value = option[1], option[2]
    argument = name.replace("-", "_")
    if value is None:
        return _FLAGS.get(name, argument)
    is_plain = re.fullmatch(r"[A-Z]+|-?[\d.]+", value) is not None
    return f"{argument}={value if is_plain else repr(value)}"


@contextmanager
def naming(root: Path, *, for_python: bool = True) -> Iterator[None]:
    """Complete the commands in errors from within with ``-w`` and a workspace.

    Parameters
    ----------
    root : Path
        Folder of the workspace.
    for_python : bool, default=True
        Whether options are told as arguments.

    Raises
    ------
    CoversError, IndexerError
        Those from within.
    """
    try:
        yield
    except (CoversError, IndexerError) as error:
        error.args = tuple(
            _completed(one, root, for_python=for_python)
            if isinstance(one, str)
            else one
            for one in error.args
        )
        raise


def _completed(text: str, root: Path, *, for_python: bool) -> str:
    """Return a message as it is told."""
    told = complete_commands(text, root)
    return speak_python(told) if for_python else told


def speak_options(library: Named) -> Named:
    """Return a library whose errors name options, because a command asks it."""
    library._speaks_options = True  # type: ignore[attr-defined]
    return library


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
        with naming(self._root, for_python=not self._speaks_options):
            return function(self, *args, **kwargs)

    return call
