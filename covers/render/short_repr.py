"""A line of text for each small result, as it is shown when typed into Python."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from numbers import Real
from typing import Any

_LONGEST, _LONGEST_TEXT, _FEW = 160, 40, 3


class ShortRepr:
    """Shows the fields of a dataclass in one line: numbers in few digits, of what holds many how many."""

    def __repr__(self) -> str:
        shown = []
        for field in fields(self):  # type: ignore[arg-type]
            if not field.repr or field.name.startswith("_"):
                continue
            value = getattr(self, field.name)
            if not _is_empty(value):
                shown.append(f"{field.name}={short(value)}")
        text = ", ".join(shown)
        if len(text) > _LONGEST:
            text = text[:_LONGEST].rpartition(", ")[0] + ", …"
        return f"{type(self).__name__}({text})"


def short(value: Any) -> str:
    """Return a value in few characters.

    Examples
    --------
    >>> short(0.123456), short((0.1, 2.0)), short(["a"] * 9), short({"a": 1})
    ('0.123', '(0.1, 2)', '<9>', '<1>')
    """
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Real) or value is None:
        return repr(value)
    if isinstance(value, str):
        text = str(value)  # of an enum its value
        is_long = len(text) > _LONGEST_TEXT
        return repr(f"{text[: _LONGEST_TEXT - 1]}…" if is_long else text)
    if isinstance(value, Mapping) or hasattr(value, "shape"):
        return f"<{len(value)}>"
    if isinstance(value, list | tuple):
        is_short = len(value) <= _FEW and all(
            isinstance(one, str | Real | None) for one in value
        )
        return f"({', '.join(map(short, value))})" if is_short else f"<{len(value)}>"
    if hasattr(value, "ci95") and hasattr(value, "value"):
        return short(value.value)
    return f"<{type(value).__name__}>"


def _is_empty(value: Any) -> bool:
    """Say whether there is nothing to show: no value, none known, or an empty text or list."""
    value = getattr(value, "value", value) if hasattr(value, "ci95") else value
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (
        isinstance(value, str | tuple | list | Mapping) and not value
    )
