"""A selection of covers: how it was made, in one short text that an address can hold.

The text says what to do, not which covers came out, wherever that is possible: a
cluster, an area of the map, a cell of a matrix. So it stays short, and means the
same to whoever opens the link.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dashboard.data.library import Library

Rows = npt.NDArray[np.int64]
MOST_NAMED = 300
"""So many covers at most are named one by one in an address."""
_BYTES = 6


@dataclass(frozen=True)
class Selection:
    """Some covers of the library.

    Parameters
    ----------
    text : str
        How they were chosen, as the address holds it: ``KIND:VALUE``.
    title : str
        The same in words.
    rows : ndarray of int64
        The covers, in a telling order.
    """

    text: str
    title: str
    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)

    def mask(self, n_covers: int) -> npt.NDArray[np.bool_]:
        """Say of each cover of the library whether it is selected."""
        found = np.zeros(n_covers, bool)
        found[self.rows] = True
        return found

    def keep(self, rows: Iterable[int]) -> list[int]:
        """Return those of `rows` that are selected, in their order."""
        inside = set(self.rows.tolist())
        return [row for row in rows if row in inside]


def name_covers(cover_ids: Iterable[str]) -> str:
    """Return a text that names covers one by one.

    Examples
    --------
    >>> name_covers(["00" * 16])
    'ids:AAAAAAAA'
    """
    content = b"".join(bytes.fromhex(c[: 2 * _BYTES]) for c in cover_ids)
    return f"ids:{base64.urlsafe_b64encode(content).decode()}"


def named_covers(value: str, library: Library) -> Rows:
    """Return the rows of covers named one by one, those that are gone left out."""
    try:
        content = base64.urlsafe_b64decode(value)
    except (binascii.Error, ValueError):
        return np.zeros(0, np.int64)
    place = library.short_ids
    found = [
        place[key]
        for i in range(0, min(len(content), MOST_NAMED * _BYTES), _BYTES)
        if (key := content[i : i + _BYTES].hex()) in place
    ]
    return np.asarray(list(dict.fromkeys(found)), np.int64)


def write_hidden(colour: str, hidden: Iterable[str]) -> str:
    """Return what is switched off in the legend of the map as text; empty for nothing.

    Parameters
    ----------
    colour : str
        What the map is coloured by.
    hidden : iterable of str
        What the colours that are switched off stand for.

    Examples
    --------
    >>> write_hidden("genre", ["Rock", "Hip Hop"])
    'genre&Hip%20Hop&Rock'
    """
    names = [quote(name, safe="") for name in sorted(hidden)]
    return "&".join([colour, *names]) if names else ""


def read_hidden(text: str) -> tuple[str, list[str]]:
    """Return what a map is coloured by, and what is switched off in its legend."""
    colour, *names = text.split("&")
    return colour, [unquote(name) for name in names]


def write_area(outline: list[list[float]], colour: str, hidden: Iterable[str]) -> str:
    """Return an area of the map as text, with what is switched off in its legend.

    Parameters
    ----------
    outline : list of [x, y]
    colour, hidden
        As in `write_hidden`.
    """
    if not outline:
        return ""
    numbers = "_".join(f"{v:g}" for corner in outline for v in corner)
    off = write_hidden(colour, hidden)
    return f"area:{numbers}!{off}" if off else f"area:{numbers}"


def read_area(value: str) -> tuple[list[list[float]], str, list[str]]:
    """Read an area of the map; nothing where it makes no sense."""
    corners, _, off = value.partition("!")
    colour, hidden = read_hidden(off)
    try:
        numbers = [float(part) for part in corners.split("_")] if corners else []
    except ValueError:
        return [], "", []
    if (
        len(numbers) % 2
        or not 6 <= len(numbers) <= 240
        or not np.isfinite(numbers).all()
    ):
        return [], "", []
    outline = [[numbers[i], numbers[i + 1]] for i in range(0, len(numbers), 2)]
    return outline, colour, hidden
