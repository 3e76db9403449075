"""Tables of plain text, for terminals and for ``repr``."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from indexer.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 80
_GAP = "  "
_LEAST = 6


def plain(text: object) -> str:
    r"""Return text that a terminal only shows: no control, escape or direction marks, one line.

    Examples
    --------
    >>> plain("Red\x1b[31m\u202eneb\nmA")
    'Red\\u001b[31m\\u202eneb\\nmA'
    """
    return one_line(str(text))


def counted(n: int, what: str) -> str:
    """Return a number with what it counts.

    Examples
    --------
    >>> counted(1, "cover"), counted(1200, "cover")
    ('1 cover', '1,200 covers')
    """
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def columns_of(text: str) -> int:
    """Return how many columns of a terminal some text takes.

    Examples
    --------
    >>> columns_of("Jazz"), columns_of("バラード")
    (4, 8)
    """
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    marks = sum(unicodedata.combining(character) > 0 for character in text)
    return len(text) + wide - marks


def text_table(
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: Sequence[int] = (),
    width: int = WIDTH,
) -> str:
    """Lay out a table in `width` columns; the widest columns are cut where it does not fit.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequence
        Cells; whatever they are is made plain text.
    right : sequence of int, optional
        Columns that are set to the right, such as numbers.
    width : int, default=80

    Examples
    --------
    >>> print(text_table(["genre", "n"], [["Jazz", 12], ["Pop", 7]], right=[1]))
    genre   n
    Jazz   12
    Pop     7
    """
    cells = [[plain(cell) for cell in row] for row in [header, *rows]]
    widths = [max(columns_of(row[j]) for row in cells) for j in range(len(header))]
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _LEAST:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for row in cells:
        fitted = [
            _fit(cell, size, to_right=j in right)
            for j, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(_GAP.join(fitted).rstrip())
    return "\n".join(lines)


def _fit(text: str, size: int, *, to_right: bool) -> str:
    """Cut or pad text to a number of columns."""
    if columns_of(text) > size:
        while columns_of(text) > size - 1:
            text = text[:-1]
        text += "…"
    space = " " * (size - columns_of(text))
    return space + text if to_right else text + space
