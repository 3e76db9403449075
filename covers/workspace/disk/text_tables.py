"""Tables as text: CSV of strangers read line by line, CSV of ours written for spreadsheets.

Reading loses nothing in silence: a line is a row, or it is named with its
number and the reason. A quote that somebody forgot to close does not swallow
the lines below it. Writing keeps a spreadsheet from running a name as a formula.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from covers.workspace.disk.publish import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'"?sep\s*=\s*(\\t|.)"?[,;\t|]*', re.IGNORECASE)
# A spreadsheet runs cells that begin like this; in some languages wide signs, too.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?|[+-]?\.\d+", re.IGNORECASE)
_SHOWN = 80
_QUOTED = re.compile(r'"((?:[^"]++|"")*+)"')
_LATE_QUOTE = re.compile(r' +(?=")')
_BLANKS = re.compile(r" *+")
_EMPTY_LINES = re.compile(r"(?:[^\S\n]*+\n)*+")
_SAYING = re.compile(r"[^\n]+")
_LINES_TO_JUDGE = 1000
_SHOWN_TO_JUDGE = 4096
MAX_CELL = 2**22
"""Letters of the longest cell that is read."""
_MAX_DAMAGED = 10_000


@dataclass
class TextTable:
    """The rows of a text table, with the line of each and what could not be read.

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
    n_more : int
        Lines that gave no row and are only counted.
    """

    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    damaged: list[tuple[int, str]] = field(default_factory=list)
    quoted: set[int] = field(default_factory=set)
    n_more: int = 0

    def note(self, number: int, reason: str) -> None:
        """Name a line that gave no row; of very many the rest is counted."""
        if len(self.damaged) < _MAX_DAMAGED:
            self.damaged.append((number, reason))
            return
        self.n_more += 1
        more = f"and {self.n_more:,} more lines from here on that gave no row"
        first = number if self.n_more == 1 else self.damaged.pop()[0]
        self.damaged.append((first, more))


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
    whole = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    parser = _RowParser(whole)
    first = parser.skip_empty(0)
    named = _SEPARATOR_LINE.fullmatch(parser.line(first).strip(" "))
    if named and parser.after(first) < len(whole):
        first = parser.skip_empty(parser.after(first))
    else:
        named = None
    header_line = parser.line(first)
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=_without_quotes(header_line).count)
    if named and (said := named.group(1).replace("\\t", "\t")) in header_line:
        delimiter = said
    parser.delimiter = delimiter
    record = parser.record(first)
    if record is None or parser.eats(record, first, record[0], is_row):
        record = parser.plain(header_line), parser.after(first)
    header = [cell.strip() for cell in record[0]]
    while len(header) > 1 and not header[-1]:
        header.pop()  # a delimiter too many; rows may have it or not
    table = TextTable(header)
    parser.quoted.clear()
    parser.read(table, record[1], is_row, pads=pads)
    table.quoted = parser.quoted
    return table


def _without_quotes(line: str) -> str:
    """Leave out what stands in quotes."""
    return re.sub(r'"[^"]*"', "", line)


def _refuse(cells: list[str], width: int) -> str | None:
    """Say why cells are no row, None where they are one."""
    if len(cells) != width:
        return f"{len(cells)} columns instead of {width}"
    longest = max(map(len, cells))
    if longest > MAX_CELL:
        return f"a cell of {longest:,} letters, the most is {MAX_CELL:,}"
    return None


class _RowParser:
    """Takes one text apart into rows; a line is named by the position where it begins."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.delimiter = ","
        self.quoted: set[int] = set()

    def line(self, begin: int) -> str:
        """Return the line that begins somewhere, without its end."""
        end = self.text.find("\n", begin)
        return self.text[begin:] if end < 0 else self.text[begin:end]

    def after(self, begin: int) -> int:
        """Return where the line after this one begins."""
        end = self.text.find("\n", begin)
        return len(self.text) if end < 0 else end + 1

    def skip_empty(self, begin: int) -> int:
        """Return where the first line from a position on says something, or the last begins."""
        match = _EMPTY_LINES.match(self.text, begin)
        return match.end() if match else begin

    def read(
        self,
        table: TextTable,
        begin: int,
        is_row: Callable[[list[str], list[str]], bool],
        *,
        pads: bool,
    ) -> None:
        """Read all rows from a line on."""
        width = len(table.header)
        number = 1 + self.text.count("\n", 0, begin)
        while begin < len(self.text):
            cells, after, reason = self.take(begin, table.header, is_row)
            if reason is None and any(cells) and "".join(cells).strip():
                while len(cells) > width and not cells[-1].strip():
                    cells.pop()
                if pads:
                    cells += [""] * (width - len(cells))
                reason = _refuse(cells, width)
                if len(cells) != width:
                    after = self.after(begin)  # what a quote joined is looked at anew
                elif reason is None:
                    table.rows.append(cells)
                    table.lines.append(number)
            if reason is not None:
                table.note(number, f"{reason}: {self.line(begin)[:_SHOWN]!r}")
            number += self.text.count("\n", begin, after)
            begin = after
            if self.text.startswith("\n", begin):
                begin = self.skip_empty(begin)
                number += self.text.count("\n", after, begin)

    def take(
        self,
        begin: int,
        header: list[str],
        is_row: Callable[[list[str], list[str]], bool],
    ) -> tuple[list[str], int, str | None]:
        """Return the cells that begin in a line, where the next ones do, and what is wrong."""
        line = self.line(begin)
        if '"' not in line:
            return line.split(self.delimiter), begin + len(line) + 1, None
        record = self.record(begin)
        if record is None or self.eats(record, begin, header, is_row):
            reason = "a quote opens or closes here that has no counterpart"
            return [], self.after(begin), reason
        return *record, None

    def eats(
        self,
        record: tuple[list[str], int],
        begin: int,
        header: list[str],
        is_row: Callable[[list[str], list[str]], bool],
    ) -> bool:
        """Say whether a row that begins in a line seems to hold other rows.

        A quote that was never closed eats the very next rows, so that few lines
        are enough.
        """
        inner = _SAYING.finditer(self.text, self.after(begin), max(0, record[1] - 1))
        return any(
            is_row(header, self.plain(line.group()[:_SHOWN_TO_JUDGE]))
            for line in islice(inner, _LINES_TO_JUDGE)
        )

    def plain(self, line: str) -> list[str]:
        """Split a line whose quotes cannot be trusted."""
        return [cell.strip(' "') for cell in line.split(self.delimiter)]

    def record(self, begin: int) -> tuple[list[str], int] | None:
        """Read the row that begins in a line, and where the next one begins.

        None where a quote is not closed, or is followed by something else.
        """
        cells: list[str] = []
        position, end_of_line = begin, self.after(begin)
        while True:
            quote = self._find_quote(position)
            if quote is not None:
                closed = self._quoted_cell(quote)
                if closed is None:
                    return None
                cell, position = closed
                end_of_line = self.after(position)
                self.quoted.add(len(cells))
                cells.append(cell)
                if not self.text[position:end_of_line].strip(" \n"):
                    return cells, end_of_line
                if blanks := _BLANKS.match(self.text, position):
                    position = blanks.end()
                if not self.text.startswith(self.delimiter, position):
                    return None
            else:
                line_end = end_of_line - self.text.endswith("\n", 0, end_of_line)
                end = self.text.find(self.delimiter, position, line_end)
                cells.append(self.text[position : end if end >= 0 else line_end])
                if end < 0:
                    return cells, end_of_line
                position = end
            position += len(self.delimiter)

    def _find_quote(self, position: int) -> int | None:
        """Return where the quote is that opens a cell; blanks before it count where all of it is in quotes."""
        if self.text.startswith('"', position):
            return position
        match = _LATE_QUOTE.match(self.text, position)
        if match is None:
            return None
        closed = _QUOTED.match(self.text, match.end())
        end = closed and _BLANKS.match(self.text, closed.end())
        is_whole = end and (
            end.end() == len(self.text)
            or self.text.startswith(("\n", self.delimiter), end.end())
        )
        return match.end() if is_whole else None

    def _quoted_cell(self, position: int) -> tuple[str, int] | None:
        """Read a cell in quotes; return it and where it ends, None if it does not."""
        match = _QUOTED.match(self.text, position)
        if match is None:
            return None
        return match.group(1).replace('""', '"'), match.end()


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
