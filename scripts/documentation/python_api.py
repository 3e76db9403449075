"""The reference of public names, made from signatures and docstrings."""

from __future__ import annotations

import importlib
import inspect
import logging
from dataclasses import is_dataclass
from typing import Any

import griffe

KINDS = (property, classmethod, staticmethod)
NAMED = ("parameters", "other parameters", "attributes", "returns", "yields", "raises")


def reference(package: str) -> str:
    """Return every name of a package's ``__all__`` as Markdown, in that order."""
    logging.getLogger("griffe").setLevel(logging.ERROR)
    module = importlib.import_module(package)
    parts = []
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isroutine(thing):
            parts += [_heading(3, name), *_describe(name, thing)]
            if inspect.isclass(thing):
                for below, member in _members(thing):
                    parts += [_heading(4, f"{name}.{below}"), *_describe(below, member)]
    return "\n".join(parts)


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
    return text.replace("``", "`").replace("<", "&lt;")
