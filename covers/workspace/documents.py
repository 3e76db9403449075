"""JSON on disk ↔ frozen dataclasses: a document is checked once, where it is read.

A number that was not measured is ``null`` on disk and NaN in code. Fields that a
document of an older version lacks take their defaults; fields that are not known
stay in the document and are passed on by `Document.to_json`.
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
from covers.workspace.disk.read_only import ReadOnlyDict, freeze

if TYPE_CHECKING:
    from covers.workspace.paths import Workspace

Part = TypeVar("Part")


class InWorkspace:
    """A result that may know in which workspace its covers lie, so that a notebook can show them."""

    _workspace: Any = None

    def at(self, workspace: Workspace) -> Self:
        """Return the result, which from now on knows its workspace."""
        object.__setattr__(self, "_workspace", workspace)
        return self


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Document(InWorkspace):
    """What a JSON artefact says; made by `from_json`."""

    what: ClassVar[str] = "document"
    content: Mapping[str, Any] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Check what was read from disk, or is about to be written, and give it its types.

        Raises
        ------
        DataError
            If a field is missing or of another kind.
        """
        plain = to_jsonable({k: v for k, v in content.items() if k != "stamp"})
        return decode(cls, {**plain, "content": plain}, cls.what)

    def to_json(self) -> dict[str, Any]:
        """Return the document as it lies on disk, its stamp left out."""
        found: dict[str, Any] = to_jsonable(self.content)
        return found

    def joined(self, **more: Any) -> Self:
        """Return the document with more fields, or with others."""
        return self.from_json({**self.content, **more})


def decode(kind: type[Part], value: Any, where: str = "document") -> Part:
    """Turn JSON values into a type.

    Parameters
    ----------
    kind : type
        A dataclass, or ``tuple[…]``, ``dict[str, …]``, ``float``, ``int``, ``str``,
        ``bool``, ``Any``, or one of these ``| None``.
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
        (some,) = (one for one in inner if one is not type(None))
        return None if value is None else _decode(some, value, where)
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
    if issubclass(kind, Document):
        value = {**value, "content": value.get("content", value)}
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
