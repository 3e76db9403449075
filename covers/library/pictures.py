"""What a picture may be given as: a file, the bytes of one, pixels, a cover's id, or words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from covers.arguments import refuse_type, refuse_value

if TYPE_CHECKING:
    from PIL import Image

    PictureLike: TypeAlias = str | Path | bytes | Image.Image

_EXPECTED = "a file, its bytes, a PIL image, or the id of a cover"


def picture(name: str, given: Any) -> Any:
    """Take one picture, or a query, hit or classification of one."""
    if hasattr(given, "getbands") or type(given).__name__ == "Query":
        return given
    if isinstance(given, bytearray | memoryview):
        return bytes(given)
    if isinstance(given, bytes):
        return given  # an empty file is a broken picture, not a wrong argument
    if isinstance(given, str):
        if not given.strip():
            refuse_value(name, _EXPECTED, given)
        return given
    if isinstance(given, os.PathLike):
        return Path(given)
    if type(given).__name__ in {"Hit", "Voter", "Classification"}:
        return given.cover_id
    return refuse_type(name, _EXPECTED, given, _hint(given))


def each_picture(name: str, given: Any) -> list[Any]:
    """Take one picture or several, one by one."""
    if is_one(given):
        return [picture(name, given)]
    return [picture(f"{name}[{number}]", one) for number, one in enumerate(given)]


def is_one(given: Any) -> bool:
    """Say whether something is one picture, and not several."""
    return (
        isinstance(given, str | bytes | bytearray | memoryview | os.PathLike | Mapping)
        or hasattr(given, "getbands")
        or hasattr(given, "cover_id")
        or getattr(given, "ndim", 1) > 1
        or not isinstance(given, Iterable)
        or hasattr(given, "read")
    )


def each_text(name: str, given: Any) -> list[str]:
    """Take a text, or several."""
    expected = "words, or a sequence of them"
    if isinstance(given, bytes | Mapping) or not isinstance(given, Iterable):
        refuse_type(name, expected, given)
    found = [given] if isinstance(given, str) else list(given)
    for one in found:
        if not isinstance(one, str):
            refuse_type(name, expected, one)
    return found


def _hint(given: Any) -> str:
    """Return how to make a picture of what is none."""
    if hasattr(given, "__array__"):
        return "PIL.Image.fromarray(...) makes pixels a picture"
    return "give its content, file.read()" if hasattr(given, "read") else ""
