"""How numbers are written on pages, charts and slides."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "as_number",
    "count",
    "ends_of",
    "note_on_parts",
    "number",
    "per_cent",
    "reach_of",
    "sentence",
    "span",
    "span_per_cent",
    "tidy",
    "unbroken",
    "with_reach",
    "write",
]

UNKNOWN = "\N{EN DASH}"
"""Written where a number is not known."""

_NO_BREAK = "\N{NO-BREAK SPACE}"
_UNIT = re.compile(r"(?<=\d) (?=(?:%|px|[kM]B|MiB|megapixels)(?!\w))")
_N_COVERS = re.compile(r"\bn = (?=\d)")


def as_number(value: Any) -> float:
    """Return a JSON number as float, NaN for null."""
    return math.nan if value is None else float(value)


def ends_of(interval: Sequence[float | None] | None) -> tuple[float, float]:
    """Return the ends of a JSON interval, both NaN where one is not known."""
    low, high = (as_number(end) for end in interval or (None, None))
    return (math.nan, math.nan) if math.isnan(low + high) else (low, high)


def reach_of(
    interval: Sequence[float | None] | None, value: float
) -> tuple[float, float]:
    """Return the ends of a JSON interval, the value itself where they are not known."""
    low, high = ends_of(interval)
    return (value, value) if math.isnan(low) else (low, high)


def write(value: float, form: str) -> str:
    """Return a number with a minus, not a hyphen, where it is below zero.

    Examples
    --------
    >>> write(-0.25, ".2f") == "\N{MINUS SIGN}0.25", write(-0.001, ".2f")
    (True, '0.00')
    """
    sign, form = ("+", form[1:]) if form.startswith("+") else ("", form)
    return f"{float(value):{sign}z{form}}".replace("-", "\N{MINUS SIGN}")


def number(value: float | None, form: str = ".3f") -> str:
    """Return a number, a dash where it is not known."""
    value = as_number(value)
    return UNKNOWN if math.isnan(value) else write(value, form)


def per_cent(share: float | None, digits: int = 0) -> str:
    """Return a share in per cent, a dash where it is not known.

    Examples
    --------
    >>> per_cent(0.256), per_cent(0.256, 1)
    ('26 %', '25.6 %')
    """
    text = number(None if share is None else 100 * share, f".{digits}f")
    return text if text == UNKNOWN else f"{text} %"


def span(interval: Sequence[float | None] | None, form: str = ".3f") -> str:
    """Return an interval in words, a dash where it is not known.

    Examples
    --------
    >>> span([0.25, 0.5], ".2f")
    '0.25 to 0.50'
    """
    low, high = ends_of(interval)
    return UNKNOWN if math.isnan(low) else f"{write(low, form)} to {write(high, form)}"


def span_per_cent(interval: Sequence[float | None] | None) -> str:
    """Return an interval of shares in per cent, a dash where it is not known.

    Examples
    --------
    >>> span_per_cent((0.02, 0.256))
    '2 to 26 %'
    """
    low, high = ends_of(interval)
    if math.isnan(low):
        return UNKNOWN
    return f"{write(100 * low, '.0f')} to {per_cent(high)}"


def with_reach(value: float, reach: tuple[float, float], form: str = ".3f") -> str:
    """Return a value with its interval, which is left out where it has no width.

    Examples
    --------
    >>> with_reach(0.5, (0.25, 0.75), ".2f"), with_reach(0.5, (0.5, 0.5), ".2f")
    ('0.50 (0.25 to 0.75)', '0.50')
    """
    low, high = reach
    ends = f" ({span(reach, form)})" if low < high else ""
    return f"{write(value, form)}{ends}"


def tidy(n: float) -> str:
    """Return a number of covers that may count in part, with one decimal where it has any.

    Examples
    --------
    >>> tidy(1200.0), tidy(98.1667)
    ('1,200', '98.2')
    """
    return f"{n:,.1f}".removesuffix(".0")


def unbroken(text: str) -> str:
    """Return a text in which no line ends between a number and its unit or its name.

    For pages: what a terminal, a table or a program gets holds plain spaces.

    Examples
    --------
    >>> unbroken("14 to 30 %, n = 5").replace("\N{NO-BREAK SPACE}", "_")
    '14 to 30_%, n_=_5'
    """
    text = _UNIT.sub(_NO_BREAK, text)
    return _N_COVERS.sub(f"n{_NO_BREAK}={_NO_BREAK}", text)


def note_on_parts(counts: Iterable[float]) -> str:
    """Return the sentence that explains numbers of covers that are not whole, if any is not.

    Examples
    --------
    >>> note_on_parts([3.0, 2.5])[:23], note_on_parts([3.0])
    (' A cover of several gen', '')
    """
    if all(abs(n - round(n)) < 1e-6 for n in counts):
        return ""
    return " A cover of several genres counts in equal parts, so numbers of covers need not be whole."


def sentence(text: str) -> str:
    """Return a text as a sentence begins; letters after the first stay as they are.

    Examples
    --------
    >>> sentence("macro-F1")
    'Macro-F1'
    """
    return text[:1].upper() + text[1:]


def count(n: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "cover"), count(1200, "cover")
    ('1 cover', '1,200 covers')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
