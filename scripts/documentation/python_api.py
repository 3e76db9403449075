"""The reference of public names, made from signatures and docstrings."""

from __future__ import annotations

import importlib
import inspect
import logging
import re
from dataclasses import is_dataclass
from typing import Any

import griffe

DOORS = ("open", "create")
KINDS = (property, classmethod, staticmethod)
NAMED = ("parameters", "other parameters", "attributes", "returns", "yields", "raises")


def reference(package: str) -> str:
    """Return every name of a package's ``__all__`` as Markdown."""
    logging.getLogger("griffe").setLevel(logging.ERROR)
    module = importlib.import_module(package)
    parts = []
    things = {name: getattr(module, name) for name in module.__all__}
    for name, thing in sorted(things.items(), key=lambda item: _rank(*item)):
        if inspect.isclass(thing):
            parts += [_heading(3, name), *_describe(name, thing)]
            for below, member in _members(thing):
                parts += [_heading(4, f"{name}.{below}"), *_describe(below, member)]
        elif inspect.isroutine(thing):
            whole = f"{package}.{name}"
            parts += [_heading(3, whole), *_describe(whole, thing)]
    return "\n".join(parts)


def _rank(name: str, thing: Any) -> int:
    """What opens the door comes first, then the door, other functions, results, errors."""
    if not inspect.isclass(thing):
        return 0 if name in DOORS else 2
    if issubclass(thing, BaseException):
        return 4
    return 3 if is_dataclass(thing) else 1


def _members(cls: type) -> list[tuple[str, Any]]:
    """Return the public methods and properties of a class, its own and those of this project."""
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] == cls.__module__.partition(".")[0]:
            found = {**vars(base), **found}
    return [
        (name, member)
        for name, member in found.items()
        if not name.startswith("_")
        and (isinstance(member, KINDS) or inspect.isfunction(member))
        and inspect.getdoc(member)
    ]


def _heading(depth: int, name: str) -> str:
    return f"\n{'#' * depth} `{name}` {{: #{name.replace('.', '-').lower()} }}\n"


def _describe(name: str, thing: Any) -> list[str]:
    # Errors and results are not made by hand.
    is_made = not (
        is_dataclass(thing)
        or (isinstance(thing, type) and issubclass(thing, BaseException))
    )
    parts = [_signature(name, thing)] if is_made else []
    text = inspect.cleandoc(inspect.getdoc(thing) or "")
    parts += map(_section, griffe.Docstring(text, lineno=1).parse("numpy"))
    return [part for part in parts if part]


def _signature(name: str, thing: Any) -> str:
    """Return how a thing is called: names and defaults; the types stand in the tables."""
    if isinstance(thing, property):
        return ""
    try:
        signature = inspect.signature(getattr(thing, "__func__", thing))
    except (TypeError, ValueError):
        return ""
    given = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name not in {"self", "cls"}
    ]
    shown = f"{name}{inspect.Signature(given)}"
    if len(shown) > 88:
        words = shown[len(name) + 1 : -1].split(", ")
        shown = "\n".join([f"{name}(", *(f"    {word}," for word in words), ")"])
    return f"```python\n{shown}\n```\n"


def _section(section: Any) -> str:
    kind = section.kind.value
    if kind == "text":
        return f"{_prose(section.value)}\n"
    if kind == "examples":
        code = "\n\n".join(value for _, value in section.value)
        return f"```pycon\n{code}\n```\n"
    if kind in NAMED:
        rows = [_row(kind, item) for item in section.value]
        return "\n".join([f"| {kind} | |", "| --- | --- |", *rows, ""])
    if kind == "admonition":
        return f"*{section.title}.* {_prose(section.value.description)}\n"
    return ""


def _row(kind: str, item: Any) -> str:
    name = getattr(item, "name", "") or ""
    kept = str(item.annotation or "")
    left = kept if kind == "raises" or not name else name
    right = " ".join(item.description.split())
    if name and kept and kind != "raises":
        right = f"*{kept}*. {right}"
    return f"| `{left}` | {_prose(right).replace('|', chr(92) + '|')} |"


def _prose(text: str) -> str:
    pieces = re.split(r"(`[^`]+`)", text.replace("``", "`"))
    return "".join(p if p.startswith("`") else p.replace("<", "&lt;") for p in pieces)
