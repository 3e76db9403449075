"""Mappings in results that nobody can change by mistake."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class ReadOnlyDict(dict[Key, Value]):
    """A dictionary that cannot be changed; ``dict(found)`` and ``found | {...}`` are copies that can.

    It is written as JSON, pickled and copied like any other.

    Examples
    --------
    >>> found = ReadOnlyDict({"Jazz": 0.7})
    >>> found["Jazz"] = 1
    Traceback (most recent call last):
    TypeError: a result cannot be changed: take a copy, dict(...)
    >>> found | {"Folk": 0.3}
    {'Jazz': 0.7, 'Folk': 0.3}
    """

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        message = "a result cannot be changed: take a copy, dict(...)"
        raise TypeError(message)

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy what it holds."""
        return type(self), (dict(self),)


def freeze(value: Any) -> Any:
    """Return a dictionary of values or of dictionaries that cannot be changed; anything else as it is."""
    if isinstance(value, dict):
        return ReadOnlyDict({key: freeze(one) for key, one in value.items()})
    return value


def freeze_fields(result: Any, *names: str) -> None:
    """Freeze some fields of a frozen dataclass, from its ``__post_init__``."""
    for name in names:
        object.__setattr__(result, name, freeze(getattr(result, name)))
