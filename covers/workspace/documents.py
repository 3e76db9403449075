"""JSON on disk ↔ frozen dataclasses: `decode` checks a document where it is read, `encode` writes it.

A number that was not measured is ``null`` on disk and NaN in code. Fields that a
document of an older version lacks take their defaults, and fields that are not known
are passed over. Where a type lies on disk in another shape than its own, its
``prepare`` brings the JSON into the shape of its fields, and its ``arrange`` brings
them back.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, Union

from covers.errors import DataError
from covers.workspace.disk.jsonable import to_jsonable
from covers.workspace.disk.read_only import ReadOnly, ReadOnlyDict, freeze

if TYPE_CHECKING:
    from covers.workspace.paths import Workspace

Part = TypeVar("Part")
_LEFT_OUT = "left out"
UNWRITTEN = {_LEFT_OUT: "always"}
"""Metadata of a field that is for this process alone and never written."""


class InWorkspace:
    """A result that may know in which workspace its covers lie, so that a notebook can show them."""

    _workspace: Any = None

    def at(self, workspace: Workspace) -> Self:
        """Return the result, which from now on knows its workspace."""
        object.__setattr__(self, "_workspace", workspace)
        return self


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Document(ReadOnly, InWorkspace):
    """What a JSON artefact says."""

    what: ClassVar[str] = "document"

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Check what was read from disk and give it its types.

        Raises
        ------
        DataError
            If a field is missing or of another kind.
        """
        return decode(cls, content, cls.what)

    def to_json(self) -> dict[str, Any]:
        """Return the document as it lies on disk, its stamp left out."""
        found: dict[str, Any] = encode(self)
        return found


def left_out(default: Any = dataclasses.MISSING, *, empty: Any = None) -> Any:
    """Make a field that is not written where it has its default.

    Parameters
    ----------
    default : object
        The value of a field that is absent; what equals it but is another object is
        written, so that "measured, and not a number" differs from "not measured".
    empty : callable, optional
        Makes the default instead, such as `dict`; what is empty is not written.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Found:
    ...     n: int
    ...     k: int | None = left_out(None)
    >>> encode(Found(3)), encode(Found(3, 5))
    ({'n': 3}, {'n': 3, 'k': 5})
    """
    metadata = {_LEFT_OUT: "where it has its default"}
    if empty is not None:
        return dataclasses.field(default_factory=empty, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def encode(value: Any) -> Any:
    """Turn a value that `decode` can read into JSON values; see there for the types.

    Examples
    --------
    >>> encode({"a": (1.0, math.nan)})
    {'a': [1.0, None]}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        own = _own_way(type(value), "to_json")
        if own is not None:
            return to_jsonable(own(value))
        written = {
            field.name: encode(one)
            for field in dataclasses.fields(value)
            if not _is_left_out(field, one := getattr(value, field.name))
        }
        arrange = getattr(value, "arrange", None)
        return written if arrange is None else arrange(written)
    if isinstance(value, Mapping):
        return {str(key): encode(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(one) for one in value]
    return to_jsonable(value)


def _is_left_out(field: dataclasses.Field[Any], value: Any) -> bool:
    """Say whether a field is not written, see `left_out`."""
    how = field.metadata.get(_LEFT_OUT)
    if how is None or how == UNWRITTEN[_LEFT_OUT]:
        return how is not None
    if field.default is dataclasses.MISSING:
        return not value
    return value is field.default


def _own_way(kind: Any, name: str) -> Any:
    """Return the ``to_json`` or ``from_json`` of a type that writes and reads itself; None for others."""
    return None if issubclass(kind, Document) else getattr(kind, name, None)


def decode(kind: type[Part], value: Any, where: str = "document") -> Part:
    """Turn JSON values into a type.

    Parameters
    ----------
    kind : type
        A dataclass, or ``tuple[…]``, ``dict[str, …]``, ``float``, ``int``, ``str``,
        ``bool``, ``Any``, or one of these ``| None``. A dataclass that is no
        `Document` and has a ``from_json`` is read by that.
    value : object
        As `json` reads it.
    where : str
        What it is called in errors.

    Raises
    ------
    DataError
        If the value is of another kind, or a field is missing.

    Examples
    --------
    >>> decode(tuple[float, float], [1, None])
    (1.0, nan)
    >>> decode(tuple[str, ...], [1])
    Traceback (most recent call last):
    covers.errors.DataError: cannot read document: expected text, found 1
    """
    found: Part = _decode(kind, value, where)
    return found


def _decode(kind: Any, value: Any, where: str) -> Any:
    """Decode a value; see `decode`."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        some = [one for one in inner if one is not type(None)]
        if value is None:
            return None
        if len(some) == 1:
            return _decode(some[0], value, where)
        if isinstance(value, tuple(some)):  # what `prepare` has read already
            return value
        raise _wrong(where, f"one of {len(some)} types", value)
    if origin is tuple:
        return _decode_tuple(inner, value, where)
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise _wrong(where, "a table", value)
        return ReadOnlyDict(
            (str(key), _decode(inner[1], one, f"{where}.{key}"))
            for key, one in value.items()
        )
    if dataclasses.is_dataclass(kind):
        return _decode_fields(kind, value, where)
    return _decode_plain(kind, value, where)


def _decode_tuple(inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    """Decode a list of equal things, or of a fixed number of things."""
    if not isinstance(value, (list, tuple)):
        raise _wrong(where, "a list", value)
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_decode(inner[0], one, where) for one in value)
    if len(inner) != len(value):
        raise _wrong(where, f"{len(inner)} values", value)
    return tuple(_decode(a, b, where) for a, b in zip(inner, value, strict=True))


def _decode_fields(kind: Any, value: Any, where: str) -> Any:
    """Decode a table into a dataclass; its `prepare`, where there is one, goes first."""
    if not isinstance(value, Mapping):
        raise _wrong(where, "a table", value)
    own = _own_way(kind, "from_json")
    if own is not None:
        return own(value)
    prepare = getattr(kind, "prepare", None)
    if prepare is not None:
        value = prepare(value)
    hints = _hints(kind)
    given = {}
    for field in dataclasses.fields(kind):
        if field.name in value:
            place = f"{where}.{field.name}"
            given[field.name] = _decode(hints[field.name], value[field.name], place)
        elif field.default_factory is not dataclasses.MISSING:
            given[field.name] = freeze(field.default_factory())
        elif field.default is dataclasses.MISSING:
            message = f"cannot read {where}: it has no {field.name!r}"
            raise DataError(message)
    return kind(**given)


def _decode_plain(kind: Any, value: Any, where: str) -> Any:
    """Decode a number, a text, or true and false."""
    if kind is Any:
        return freeze(value)
    if kind is float:
        if value is None:
            return math.nan
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        raise _wrong(where, "a number", value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if value not in list(kind):
            raise _wrong(where, f"one of {', '.join(kind)}", value)
        return kind(value)
    names = {int: "a whole number", str: "text", bool: "true or false"}
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _wrong(where, names[kind], value)
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """Return the types of a dataclass's fields."""
    return typing.get_type_hints(kind)


def _wrong(where: str, expected: str, value: Any) -> DataError:
    shown = repr(value)
    short = shown if len(shown) < 40 else f"{shown[:37]}…"
    return DataError(f"cannot read {where}: expected {expected}, found {short}")
