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


def write_area(outline: list[list[float]], colour: str, hidden: list[int]) -> str:
    """Return an area of the map as text, with the colours that are switched off in it.

    Parameters
    ----------
    outline : list of [x, y]
    colour : str
        What the map is coloured by.
    hidden : list of int
        Codes of that colouring.
    """
    if not outline:
        return ""
    numbers = "_".join(f"{v:g}" for corner in outline for v in corner)
    off = f"!{colour}_{'_'.join(map(str, sorted(hidden)))}" if hidden else ""
    return f"area:{numbers}{off}"


def read_area(value: str) -> tuple[list[list[float]], str, list[int]]:
    """Read an area of the map; nothing where it makes no sense."""
    corners, _, off = value.partition("!")
    colour, *codes = off.split("_")
    try:
        numbers = [float(part) for part in corners.split("_")] if corners else []
        hidden = [int(code) for code in codes]
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
