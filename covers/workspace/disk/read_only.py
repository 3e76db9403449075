"""Results that cannot be changed by mistake, nor mappings, lists and arrays in them."""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches
from typing import Any, NoReturn, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")
_FEW = 12


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
    >>> found["jaz"]
    Traceback (most recent call last):
    KeyError: "no 'jaz': did you mean 'Jazz'?"
    """

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        message = "a result cannot be changed: take a copy, dict(...)"
        raise TypeError(message)

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __missing__(self, key: Key) -> NoReturn:
        """Name the nearest key, or all of few."""
        names = list(map(str, self))
        in_small = {name.lower(): name for name in names}
        near = get_close_matches(str(key).lower(), in_small, 1, 0.6)
        others = ", ".join(map(repr, names[:_FEW])) + (", …" if names[_FEW:] else "")
        meant = (
            f"did you mean {in_small[near[0]]!r}?"
            if near
            else f"there are {others or 'none'}"
        )
        message = f"no {key!r}: {meant}"
        raise KeyError(message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy what it holds."""
        return type(self), (dict(self),)


class ReadOnly:
    """A frozen dataclass whose mappings, lists and arrays cannot be changed either.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Found(ReadOnly):
    ...     names: list[str]
    >>> Found(["Jazz"]).names
    ('Jazz',)
    """

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            frozen = freeze(value)
            if frozen is not value:
                object.__setattr__(self, field.name, frozen)


def freeze(value: Any) -> Any:
    """Return a value that cannot be changed: mappings, lists and arrays, and those inside them; others as they are.

    Examples
    --------
    >>> freeze({"genres": ["Jazz", "Folk"]})
    {'genres': ('Jazz', 'Folk')}
    """
    if isinstance(value, dict):
        return ReadOnlyDict({key: freeze(one) for key, one in value.items()})
    if isinstance(value, list) or type(value) is tuple:
        frozen = tuple(freeze(one) for one in value)
        is_same = all(a is b for a, b in zip(frozen, value, strict=True))
        return value if is_same and type(value) is tuple else frozen
    if hasattr(value, "setflags") and value.ndim:
        view = value.view()
        view.setflags(write=False)
        return view
    return value
