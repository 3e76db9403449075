"""Tables as text: CSV of strangers read line by line, CSV of ours written for spreadsheets.

Reading loses nothing in silence: a line is a row, or it is named with its
number and the reason. A quote that somebody forgot to close does not swallow
the lines below it. Writing keeps a spreadsheet from running a name as a formula.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from covers.workspace.disk.publish import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*', re.IGNORECASE)
# A spreadsheet runs cells that begin like this; in some languages wide signs, too.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?|[+-]?\.\d+", re.IGNORECASE)
_SHOWN = 80


@dataclass
class TextTable:
    """A table as its text says it.

    Parameters
    ----------
    header : list of str
        Names of the columns.
    rows : list of list of str
        As many cells as the header has; empty rows are left out.
    lines : list of int
        Number of the line in which each row begins, from 1.
    damaged : list of (int, str)
        Number of each line that gave no row, and the reason.
    quoted : set of int
        Columns in which a cell stood in quotes.
    """

    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    damaged: list[tuple[int, str]] = field(default_factory=list)
    quoted: set[int] = field(default_factory=set)


def read_text_table(
    text: str,
    *,
    delimiter: str | None = None,
    is_row: Callable[[list[str], list[str]], bool],
    pads: bool = False,
) -> TextTable:
    """Read a delimited text of any usual make.

    A first line ``sep=;``, as Excel writes it, names the delimiter; empty lines
    above the header do not count. Cells may
    stand in double quotes and then hold delimiters and line breaks; a quote
    within a quoted cell is doubled.

    Parameters
    ----------
    text : str
        Decoded; lines end in any way.
    delimiter : str, optional
        By default the commonest of comma, semicolon, tab and bar in the header.
    is_row : callable
        Given the header and the cells of a line: does it look like the
        beginning of a row? Where a quoted cell seems to hold such lines, its
        quote was never closed.
    pads : bool, default=False
        Whether missing cells at the end of a row are empty, or a damage.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    parser = _RowParser(lines.split("\n"))
    first = parser.skip_empty(0)
    named = _SEPARATOR_LINE.fullmatch(parser.lines[first].strip(" "))
    if named and first + 1 < len(parser.lines):
        first = parser.skip_empty(first + 1)
    else:
        named = None
    header_line = parser.lines[first]
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=_without_quotes(header_line).count)
    if named:
        delimiter = named.group(1)
    parser.delimiter = delimiter
    record = parser.record(first)
    if record is None or parser.eats(record, first, record[0], is_row):
        record = parser.plain(header_line), first + 1
    table = TextTable([cell.strip() for cell in record[0]])
    parser.quoted.clear()
    parser.read(table, record[1], is_row, pads=pads)
    table.quoted = parser.quoted
    return table


def _without_quotes(line: str) -> str:
    """Leave out what stands in quotes."""
    return re.sub(r'"[^"]*"', "", line)


class _RowParser:
    """Takes the lines of one text apart into rows."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.delimiter = ","
        self.quoted: set[int] = set()

    def skip_empty(self, number: int) -> int:
        """Return the first line from a number on that says something, or the last."""
        while number + 1 < len(self.lines) and not self.lines[number].strip():
            number += 1
        return number

    def read(
        self,
        table: TextTable,
        start: int,
        is_row: Callable[[list[str], list[str]], bool],
        *,
        pads: bool,
    ) -> None:
        """Read all rows from a line on."""
        width = len(table.header)
        number = start
        while number < len(self.lines):
            line = self.lines[number]
            if '"' not in line:
                cells, after = line.split(self.delimiter), number + 1
            else:
                record = self.record(number)
                if record is None or self.eats(record, number, table.header, is_row):
                    reason = "a quote opens or closes here that has no counterpart"
                    table.damaged.append((number + 1, f"{reason}: {line[:_SHOWN]!r}"))
                    number += 1
                    continue
                cells, after = record
            number, begun = after, number
            if not any(cells) or not "".join(cells).strip():
                continue
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            if pads:
                cells += [""] * (width - len(cells))
            if len(cells) == width:
                table.rows.append(cells)
                table.lines.append(begun + 1)
            else:
                reason = f"{len(cells)} columns instead of {width}"
                table.damaged.append((begun + 1, f"{reason}: {line[:_SHOWN]!r}"))
                number = begun + 1  # what a quote joined to it is looked at anew

    def eats(
        self,
        record: tuple[list[str], int],
        number: int,
        header: list[str],
        is_row: Callable[[list[str], list[str]], bool],
    ) -> bool:
        """Say whether a row that begins in a line seems to hold other rows."""
        inner = self.lines[number + 1 : record[1]]
        return any(is_row(header, self.plain(line)) for line in inner)

    def plain(self, line: str) -> list[str]:
        """Split a line whose quotes cannot be trusted."""
        return [cell.strip(' "') for cell in line.split(self.delimiter)]

    def record(self, number: int) -> tuple[list[str], int] | None:
        """Read the row that begins in a line, and where the next one begins.

        None where a quote is not closed, or is followed by something else.
        """
        cells: list[str] = []
        line, position = self.lines[number], 0
        while True:
            if line.startswith('"', position):
                closed = self._quoted_cell(number, position)
                if closed is None:
                    return None
                cell, number, position = closed
                line = self.lines[number]
                self.quoted.add(len(cells))
                cells.append(cell)
                if line[position:].strip(" ") == "":
                    return cells, number + 1
                if not line.startswith(self.delimiter, position):
                    return None
            else:
                end = line.find(self.delimiter, position)
                cells.append(line[position:] if end < 0 else line[position:end])
                if end < 0:
                    return cells, number + 1
                position = end
            position += len(self.delimiter)

    def _quoted_cell(self, number: int, position: int) -> tuple[str, int, int] | None:
        """Read a cell in quotes; return it and where it ends, None if it does not."""
        parts: list[str] = []
        line, start = self.lines[number], position + 1
        while True:
            end = line.find('"', start)
            if end < 0:
                parts.append(line[start:] + "\n")
                number += 1
                if number == len(self.lines):
                    return None
                line, start = self.lines[number], 0
            elif line.startswith('""', end):
                parts.append(line[start : end + 1])
                start = end + 2
            else:
                parts.append(line[start:end])
                return "".join(parts), number, end + 1


def decode_text(content: bytes) -> str:
    """Decode UTF-8, UTF-16 with its mark or without, or, failing these, Windows Western."""
    return decode_guess(content)[0]


def decode_guess(content: bytes) -> tuple[str, bool]:
    """Decode a text as `decode_text` does, and say whether it is only taken for Windows Western."""
    for order, zeros in (("le", content[1:8:2]), ("be", content[:8:2])):
        if len(zeros) == 4 and not any(zeros):
            return content.decode(f"utf-16-{order}", "replace"), False
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), False
    try:
        return content.decode("utf-8-sig"), False
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), True


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Publish a CSV table; see `csv_lines` for its cells."""
    with publish(path) as file:
        csv_lines(file, header, rows)


def csv_lines(
    file: IO[str], header: Sequence[str], rows: Iterable[Iterable[Any]]
) -> None:
    """Write a CSV table that no spreadsheet runs.

    A text that a spreadsheet would take for a formula gets an apostrophe in
    front, which spreadsheets do not show; `restore_cell` takes it away again.

    Parameters
    ----------
    file : text file
    header : sequence of str
    rows : iterable of iterable
        Cells; None is empty.
    """
    for row in (header, *rows):
        file.write(",".join(map(_write_cell, row)) + "\n")


def csv_text(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a CSV table as text, for a download; see `csv_lines`."""
    out = io.StringIO()
    csv_lines(out, header, rows)
    return out.getvalue()


def _write_cell(cell: Any) -> str:
    """Spell a cell: in quotes where needed, and so that no spreadsheet runs it."""
    text = "" if cell is None else str(cell)
    if isinstance(cell, str) and _is_formula(cell):
        text = f"'{text}"
    # Python's writer leaves a lone carriage return bare, which ends the row.
    if any(sign in text for sign in ',"\r\n'):
        text = '"' + text.replace('"', '""') + '"'
    return text


def restore_cell(cell: str) -> str:
    """Take away the apostrophe that `csv_lines` put in front of a text.

    Examples
    --------
    >>> restore_cell("'=1+1"), restore_cell("'Round Midnight")
    ('=1+1', "'Round Midnight")
    """
    rest = cell[1:] if cell.startswith("'") else ""
    return rest if _is_formula(rest) else cell


def _is_formula(text: str) -> bool:
    return text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text)
