"""What the front door is given: checked before anything is done with it.

A function says once what its parameters may be::

    @checked(k=whole(at_least=1), level=share, among=cover_ids)
    def search(self, query, k=10, *, level=0.9, among=None): ...

What is of another kind is a `WrongTypeError`, what is out of range a
`WrongValueError`; both say what was given and what is expected. Numbers of NumPy
count as numbers, every path-like object as a path.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from covers.errors import WrongTypeError, WrongValueError

Given = ParamSpec("Given")
Result = TypeVar("Result")
Check = Callable[[str, Any], Any]
"""Takes the name of a parameter and what was given; returns what is used in its place."""

MOST_SEED = 2**32 - 1
"""What the libraries below take."""

_LONGEST = 60


def checked(
    **checks: Check,
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Check what a function is given before it begins.

    Parameters
    ----------
    **checks
        By name of the parameter. Defaults are not checked.

    Examples
    --------
    >>> @checked(k=whole(at_least=1))
    ... def first(k=3):
    ...     return list(range(k))
    >>> first(k=0)
    Traceback (most recent call last):
    covers.errors.WrongValueError: k must be a whole number of at least 1, got 0
    """

    def wrap(function: Callable[Given, Result]) -> Callable[Given, Result]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            bound = signature.bind(*args, **kwargs)
            for name, check in checks.items():
                if name in bound.arguments:
                    bound.arguments[name] = check(name, bound.arguments[name])
            return function(*bound.args, **bound.kwargs)

        call.__checks__ = checks  # type: ignore[attr-defined]
        return call

    return wrap


def check_fields(settings: Any, **checks: Check) -> None:
    """Check the fields of a frozen dataclass, from its ``__post_init__``."""
    for name, check in checks.items():
        object.__setattr__(settings, name, check(name, getattr(settings, name)))


def optional(check: Check) -> Check:
    """Also take None, which leaves the choice to the program."""

    def look(name: str, given: Any) -> Any:
        return None if given is None else check(name, given)

    return look


def whole(*, at_least: int, at_most: int | None = None) -> Check:
    """Take whole numbers from a range, both ends in it."""
    expected = f"a whole number of at least {at_least}"
    if at_most is not None:
        expected = f"a whole number from {at_least} to {at_most}"

    def look(name: str, given: Any) -> int:
        try:
            if _is_flag(given):
                raise TypeError
            number = given.__index__()
        except (AttributeError, TypeError):
            refuse_type(name, expected, given)
        if number < at_least or (at_most is not None and number > at_most):
            refuse_value(name, expected, given)
        return int(number)

    return look


def number(low: float, high: float, *, ends: bool = True) -> Check:
    """Take numbers from a range, with its ends or without; never NaN."""
    expected = f"a number from {low:g} to {high:g}"
    if not ends:
        expected = f"a number between {low:g} and {high:g}"
    if math.isinf(high):
        expected = f"a number {'of at least' if ends else 'above'} {low:g}"

    def look(name: str, given: Any) -> float:
        if _is_flag(given) or not isinstance(given, Real):
            refuse_type(name, expected, given)
        found = float(given)
        inside = low <= found <= high if ends else low < found < high
        if not inside and not (math.isinf(high) and found == high):
            refuse_value(name, expected, given)
        return found

    return look


share = number(0, 1)
"""A share, both ends in it."""


seed = optional(whole(at_least=0, at_most=MOST_SEED))
"""What everything random begins with."""


def flag(name: str, given: Any) -> bool:
    """Take True and False."""
    if not _is_flag(given):
        refuse_type(name, "True or False", given)
    return bool(given)


def text(name: str, given: Any) -> str:
    """Take text that is not empty."""
    if not isinstance(given, str):
        refuse_type(name, "text", given)
    if not given.strip():
        refuse_value(name, "text that is not empty", given)
    return given


def one_of(*names: str) -> Check:
    """Take one of some names, in any case."""
    expected = f"one of {', '.join(map(repr, names))}"

    def look(name: str, given: Any) -> str:
        if not isinstance(given, str):
            refuse_type(name, expected, given)
        if given.lower() not in names:
            refuse_value(name, expected, given)
        return given.lower()

    return look


def path(name: str, given: Any) -> Path:
    """Take the path of a file or a folder."""
    if isinstance(given, bytes) or not isinstance(given, str | os.PathLike):
        refuse_type(name, "a path", given)
    spelled = os.fspath(given)
    if not isinstance(spelled, str):
        refuse_type(name, "a path", given)
    if not spelled.strip() or "\0" in spelled:
        refuse_value(name, "a path", given)
    return Path(spelled)


def source(name: str, given: Any) -> str | Path:
    """Take a path, or an address such as ``"s3://bucket/by-genre"``."""
    path(name, given)
    return given if isinstance(given, str) else Path(given)


def sources(name: str, given: Any) -> tuple[str | Path, ...]:
    """Take one or several paths or addresses, such as ``"s3://bucket/by-genre"``."""
    expected = "a path, an address, or several of them"
    alone = isinstance(given, str | bytes | os.PathLike)
    found = (given,) if alone else _several(name, expected, given)
    return tuple(source(name, one) for one in found)


def filters(name: str, given: Any) -> Mapping[str, Any]:
    """Take what covers must have, by column."""
    expected = "a mapping such as {'genre': 'Jazz'}"
    if not isinstance(given, Mapping):
        refuse_type(name, expected, given)
    found = {}
    for column, condition in given.items():
        if not isinstance(column, str):
            refuse_type(f"a column of {name}", "text", column)
        found[column] = _condition(f"{name}[{column!r}]", condition)
    return found


def _condition(name: str, given: Any) -> Any:
    """Take a value, several in any collection, or a range as a tuple of two ends."""
    if isinstance(given, Mapping):
        refuse_type(name, "a value, a list of them, or a range (low, high)", given)
    if isinstance(given, str) or not isinstance(given, Iterable):
        return _value(name, given)
    found = [_value(name, one) for one in given]
    return tuple(found) if isinstance(given, tuple) else found


def _value(name: str, given: Any) -> Any:
    """Take a value that a column may hold, NumPy's as Python's."""
    plain = given.item() if callable(getattr(given, "item", None)) else given
    if plain is not None and not isinstance(plain, str | bool | Real):
        refuse_type(name, "text, a number, True, False or None", given)
    if isinstance(plain, float) and math.isnan(plain):
        refuse_value(name, "a number; None is unknown", given)
    return plain


def cover_ids(name: str, given: Any) -> Collection[str]:
    """Take one cover or several: ids, or objects with a ``cover_id`` such as hits."""
    expected = "ids of covers, or hits of a search"
    if isinstance(given, frozenset) and _is_text_only(given):
        return given  # all of a library, with every search of the dashboard
    alone = isinstance(given, str | bytes) or hasattr(given, "cover_id")
    found = []
    for one in [given] if alone else _several(name, expected, given):
        cover_id = getattr(one, "cover_id", one)
        if not isinstance(cover_id, str):
            refuse_type(name, expected, one)
        found.append(cover_id)
    return tuple(found)


_of_text: WeakValueDictionary[int, frozenset[Any]] = WeakValueDictionary()


def _is_text_only(given: frozenset[Any]) -> bool:
    """Say whether a set holds nothing but text; of a set that was seen before without a look."""
    if _of_text.get(id(given)) is given:
        return True
    if not set(map(type, given)) <= {str}:
        return False
    _of_text[id(given)] = given
    return True


def array(n_dimensions: int) -> Check:
    """Take an array of numbers with a given number of dimensions; nested lists do as well."""
    expected = f"numbers in {n_dimensions} dimension{'s' if n_dimensions > 1 else ''}"

    def look(name: str, given: Any) -> Any:
        import numpy as np

        try:
            found = np.asarray(given)
        except ValueError as error:  # rows of several lengths
            message = f"{name} must be {expected}: {error}"
            raise WrongValueError(message) from error
        if found.dtype.kind not in "iufb" and found.size:
            refuse_type(name, expected, given)
        if found.ndim != n_dimensions:
            message = f"{name} must be {expected}, got the shape {found.shape}"
            raise WrongValueError(message)
        return found

    return look


def callback(name: str, given: Any) -> Callable[..., Any]:
    """Take a function, such as a callback."""
    if not callable(given):
        refuse_type(name, "a function", given)
    found: Callable[..., Any] = given
    return found


def made_by(kind: str) -> Check:
    """Take an object of a public class, which is compared by name so that nothing is imported."""

    def look(name: str, given: Any) -> Any:
        if kind not in {one.__name__ for one in type(given).__mro__}:
            refuse_type(name, f"a covers.{kind}", given)
        return given

    return look


def refuse_type(name: str, expected: str, given: Any, hint: str = "") -> NoReturn:
    """Raise because of what kind of thing was given.

    Raises
    ------
    WrongTypeError
        Naming it and what is expected.
    """
    message = f"{name} must be {expected}, got {shown(given)} ({type(given).__name__})"
    raise WrongTypeError(message + (f": {hint}" if hint else ""))


def refuse_value(name: str, expected: str, given: Any) -> NoReturn:
    """Raise because of a value of the right kind.

    Raises
    ------
    WrongValueError
        Naming it and what is expected.
    """
    message = f"{name} must be {expected}, got {shown(given)}"
    raise WrongValueError(message)


def shown(given: Any) -> str:
    """Return a value in few characters."""
    said = " ".join(repr(given).split())
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def _is_flag(given: Any) -> bool:
    """Say whether something is True or False, NumPy's included."""
    return isinstance(given, bool) or type(given).__name__ in ("bool_", "bool")


def _several(name: str, expected: str, given: Any) -> list[Any]:
    """Return the items of a collection."""
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        refuse_type(name, expected, given)
    return list(given)
