"""Messages that can be followed as they stand: commands name the workspace, options become arguments of Python.

What lies below the front door speaks of options of the command line. To who calls a
library from Python `speak_python` makes arguments of them, in errors, in what callbacks
are told and in the notes of results; the command line itself has its libraries leave
them as they are, by `speak_options`.
"""

from __future__ import annotations

import copy
import functools
import inspect
import re
from contextlib import contextmanager
from dataclasses import is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from covers.errors import CoversError
from covers.model.training.watcher import TrainingWatcher
from covers.workspace.registry import complete_commands
from covers.workspace.stages import Manner
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Class = TypeVar("Class", bound=type)
Named = TypeVar("Named")
Result = TypeVar("Result")

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
        Whether options become arguments.

    Raises
    ------
    CoversError, IndexerError
        Those from within.
    """
    try:
        yield
    except (CoversError, IndexerError) as error:
        error.args = tuple(
            told(one, root, for_python=for_python) if isinstance(one, str) else one
            for one in error.args
        )
        raise


def told(text: str, root: Path, *, for_python: bool) -> str:
    """Return a message with the workspace in its commands and, for Python, with arguments instead of options."""
    completed = complete_commands(text, root)
    return speak_python(completed) if for_python else completed


class _Told(TrainingWatcher):
    """A watcher that passes everything on to another one, its notes completed by `told`."""

    def __init__(self, heard: TrainingWatcher, tell: Callable[[str], str]) -> None:
        self.stage = heard.stage  # type: ignore[method-assign]
        self.epoch = heard.epoch  # type: ignore[method-assign]
        self.note = lambda text: heard.note(tell(text))  # type: ignore[method-assign]


def _hearing(name: str, given: Any, tell: Callable[[str], str]) -> Any:
    """Return an argument; a callback or watcher gets its messages completed by `told`."""
    if isinstance(given, TrainingWatcher):
        return _Told(given, tell)
    if isinstance(given, Manner) and given.say is not None:
        return replace(given, say=_hearing("say", given.say, tell))
    if name == "say" and callable(given):
        return lambda text: given(tell(text))
    return given


_SAID = ("notes", "warnings", "conclusions")
"""Fields of results that hold sentences."""


def _retold(result: Result, tell: Callable[[str], str]) -> Result:
    """Return a result with its notes and warnings completed by `told`."""
    if not is_dataclass(result):
        return result
    changed = {}
    for name in _SAID:
        lines = getattr(result, name, None)
        if isinstance(lines, tuple) and (told_now := tuple(map(tell, lines))) != lines:
            changed[name] = told_now
    if not changed:
        return result
    retold = copy.copy(result)
    for name, lines in changed.items():
        object.__setattr__(retold, name, lines)  # results are frozen
    return retold


def speak_options(library: Named) -> Named:
    """Return a library that names options in what it says, because a command asks it."""
    library._speaks_options = True  # type: ignore[attr-defined]
    return library


def names_workspace(kind: Class) -> Class:
    """Make all public methods and properties of a library name its workspace in what they say."""
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
        for_python = not self._speaks_options
        tell = functools.partial(told, root=self._root, for_python=for_python)
        heard = [_hearing("", one, tell) for one in args]
        named = {name: _hearing(name, one, tell) for name, one in kwargs.items()}
        with naming(self._root, for_python=for_python):
            return _retold(function(self, *heard, **named), tell)

    return call
