"""The table inside a manifest: which column is which, and what is in its cells."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet

from covers.catalogue.table import SCHEMA
from covers.errors import DataError
from covers.intake.sources import is_picture_name
from covers.workspace.disk.strangers import read_bounded
from covers.workspace.disk.text_encodings import ENCODING_NAMES, decode_guess
from covers.workspace.disk.text_tables import read_text_table
from covers.workspace.remote import MOST_TABLE_MEBIBYTES, RemotePath
from indexer.parquet_files import opened_parquet
from indexer.parquet_sizes import refuse_swollen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from covers.workspace.remote import AnyPath

_SYNONYMS = {
    "path": ("path", "file", "filename", "file_name", "filepath", "image_path"),
    "genres": ("genres", "genre"),
    "artist": ("artist", "album_artist", "albumartist"),
    "album": ("album",),
    "year": ("year", "date"),
    "split": ("split",),
    "release_group": ("release_group", "musicbrainz_releasegroupid"),
}
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")
_DECIMAL = re.compile(r"-?\d+\.\d+")
_TEXT_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
_COMMENTS = re.compile(r"\ufeff?(?:(?:#(?![^\r\n]*path)[^\r\n]*)?(?:\r\n|\r|\n))*")
"""Remarks and empty lines above the header, which says 'path' even behind a '#'."""
_HEAD = 1 << 14
_MOST_REMARKS = 20
"""Lines above the header that are looked through, in the first letters of a table."""
_ROOM_ROWS = 1 << 20
"""Rows that a parquet file of any size may have; beyond, as many as it has bytes."""
_RESERVED = frozenset({*SCHEMA.names, "fold"})


@dataclass(frozen=True)
class ManifestTable:
    """A manifest as it is written.

    Parameters
    ----------
    columns : dict of str to list
        Values of each column that is understood; ``path`` is always there.
    extras : dict of str to list
        Values of the others, by the name they get in the catalogue.
    lines : list of str
        Where each row stands, such as ``"line 3"``.
    damaged : list of (str, str)
        Where and why, of lines that could not be read.
    fingerprint : str
        Hash of the file.
    guess : str
        What was guessed of the encoding of its text, empty where its form says it.
    """

    columns: dict[str, list[Any]]
    extras: dict[str, list[Any]]
    lines: list[str]
    damaged: list[tuple[str, str]]
    fingerprint: str
    guess: str = ""

    @classmethod
    def read(cls, path: AnyPath) -> ManifestTable:
        """Read a manifest.

        Raises
        ------
        DataError
            If it cannot be read or has no column ``path``.
        """
        try:
            content = _read(path)
        except OSError as error:
            message = f"cannot read manifest '{path}': {error.strerror or error}"
            raise DataError(message) from error
        fingerprint = hashlib.sha256(content).hexdigest()[:32]
        if path.suffix.lower() == ".parquet":
            return cls(*_read_parquet(path, content), [], fingerprint)
        decoded = decode_guess(content)
        guess = ENCODING_NAMES[decoded.guess] if decoded.guess else ""
        if decoded.n_guessed is not None:
            guess += f" in {decoded.n_guessed:,} of its lines, where it is no UTF-8"
        return cls(*_read_text(path, decoded.text), fingerprint, guess)


def _read(path: AnyPath) -> bytes:
    """Read a manifest whole; over the network, no more than is allowed."""
    if not isinstance(path, RemotePath):
        return read_bounded(path, MOST_TABLE_MEBIBYTES << 20)
    content = path.read(MOST_TABLE_MEBIBYTES << 20)
    if len(content) > MOST_TABLE_MEBIBYTES << 20:
        message = f"larger than {MOST_TABLE_MEBIBYTES:,} MiB"
        raise OSError(message)
    return content


def _find_columns(
    path: AnyPath, headers: list[str]
) -> tuple[dict[str, list[int]], dict[str, int]]:
    """Find the columns that are understood and name the others.

    Several columns may say one thing, such as 'genre' and 'genres': the first
    comes first, and the others are kept under their names, too, but for genres,
    of which all count.
    """
    columns = _understood(headers)
    if "path" not in columns:
        shown = ", ".join(headers[:20]) or "none"
        message = (
            f"manifest '{path}' has no column 'path' (its columns: {shown}): "
            "name the column that holds the picture files 'path'"
        )
        raise DataError(message)
    extras: dict[str, int] = {}
    taken = {positions[0] for positions in columns.values()}
    taken.update(columns.get("genres", ()))
    for i, header in enumerate(headers):
        if i in taken or not header:
            continue
        is_reserved = header.lower() in _RESERVED
        name = own = f"manifest_{header}" if is_reserved else header
        number = 1
        while name in extras:
            number += 1
            name = f"{own}-{number}"
        extras[name] = i
    return columns, extras


def _understood(headers: Iterable[str]) -> dict[str, list[int]]:
    """Return the positions of each column that is understood, the best names first."""
    lowered = [_plain_header(header) for header in headers]
    columns: dict[str, list[int]] = {}
    for name, synonyms in _SYNONYMS.items():
        for synonym in synonyms:
            same = [i for i, header in enumerate(lowered) if header == synonym]
            if same:
                columns.setdefault(name, []).extend(same)
    return columns


def _plain_header(header: str) -> str:
    """Return the name of a column as it is understood: "File-Name" and "Genre(s)" are usual, too.

    Examples
    --------
    >>> _plain_header("File-Name"), _plain_header("Genre(s)"), _plain_header("#path")
    ('file_name', 'genres', 'path')
    """
    plain = header.strip("#\ufeff \"'").lower().replace("(s)", "s")
    return re.sub(r"[\s-]+", "_", plain)


def _join(name: str, several: list[list[Any]]) -> list[Any]:
    """Join columns that say one thing: the first that is filled in; genres all together."""
    if len(several) == 1:
        return several[0]
    joined: list[Any] = []
    for values in zip(*several, strict=True):
        given = [value for value in values if value is not None and value != ""]
        if name == "genres":
            parts = [v if isinstance(v, list) else [v] for v in given]
            joined.append([item for part in parts for item in part] or None)
        else:
            joined.append(next((v for v in given if str(v).strip()), None))
    return joined


def _unreadable(path: AnyPath, error: Exception) -> str:
    return (
        f"cannot read manifest '{path}' ({error}): expected a table with a column 'path' "
        "as .csv, .tsv or .parquet"
    )


def _read_parquet(
    path: AnyPath, content: bytes
) -> tuple[dict[str, list[Any]], dict[str, list[Any]], list[str]]:
    """Read a Parquet file, in which columns have types."""
    try:
        # Not read_table: that imports pyarrow.dataset and with it pandas.
        source = io.BytesIO(content)
        with opened_parquet(source) as file:
            refuse_swollen(source, file)
            if file.metadata.num_rows > len(content) + _ROOM_ROWS:
                message = f"{file.metadata.num_rows:,} rows in {len(content):,} bytes"
                raise ValueError(message)
            rows = file.read()
            rows.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(_unreadable(path, error)) from error
    headers = [str(name).strip() for name in rows.column_names]
    columns, extras = _find_columns(path, headers)
    for name, positions in columns.items():
        for i in positions:
            if not _is_simple(rows.field(i).type, lists=name in ("genres", "artist")):
                message = (
                    f"manifest '{path}' has a column '{headers[i]}' of the type "
                    f"{str(rows.field(i).type)[:60]}: make it text"
                )
                raise DataError(message)
    return (
        {
            name: _join(name, [_python_values(rows.column(i)) for i in positions])
            for name, positions in columns.items()
        },
        {name: _python_values(rows.column(i)) for name, i in extras.items()},
        [f"row {row + 1}" for row in range(rows.num_rows)],
    )


def _is_simple(kind: pa.DataType, *, lists: bool) -> bool:
    """Say whether a type holds one text or number in a cell, or a list of such."""
    types = pa.types
    if types.is_dictionary(kind):
        return _is_simple(kind.value_type, lists=lists)
    if (
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
    ):
        return lists and _is_simple(kind.value_type, lists=False)
    return not types.is_nested(kind)


def _python_values(column: pa.ChunkedArray) -> list[Any]:
    """Return a column as Python values: bytes as text, and times that Python has not as text."""
    try:
        values = column.to_pylist()
    except (ArithmeticError, ValueError, pa.ArrowException):
        try:
            values = column.cast(pa.string()).to_pylist()
        except pa.ArrowException:
            values = [None] * len(column)
    return [_as_text(value) for value in values]


def _as_text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return [_as_text(item) for item in value] if isinstance(value, list) else value


def _read_text(
    path: AnyPath, text: str
) -> tuple[
    dict[str, list[Any]], dict[str, list[Any]], list[str], list[tuple[str, str]]
]:
    """Read a CSV or TSV file, in which everything is text."""
    text = _blank_remarks(_COMMENTS.sub(_blank_lines, text, 1))
    start = text.lstrip().partition("\n")[0]
    if not start.strip() or "\0" in start:
        message = (
            f"manifest '{path}' is {'no table' if start.strip() else 'empty'}: "
            "expected a header such as 'path,genre' and one line per cover"
        )
        raise DataError(message)
    delimiter = "\t" if path.suffix.lower() != ".csv" and "\t" in start else None
    table = read_text_table(text, delimiter=delimiter, is_row=_names_a_picture)
    damaged = [(f"line {number}", reason) for number, reason in table.damaged]
    if damaged and not table.rows:
        where, reason = damaged[0]
        message = f"every line of manifest '{path}' is damaged; {where}: {reason}"
        raise DataError(message)
    columns, extras = _find_columns(path, table.header)
    cells = list(zip(*table.rows, strict=True)) or [()] * len(table.header)
    if '="' in text:
        for i, column in enumerate(cells):
            cells[i] = tuple(map(_take_formula_off, column))
            if cells[i] != column:
                table.quoted.add(i)
    return (
        {
            name: _join(name, [[cell or None for cell in cells[i]] for i in positions])
            for name, positions in columns.items()
        },
        {
            name: read_values(cells[i], is_quoted=i in table.quoted)
            for name, i in extras.items()
        },
        [f"line {number}" for number in table.lines],
        damaged,
    )


def _take_formula_off(cell: str) -> str:
    """Return the text of a cell that is written ``="007"``, so that a spreadsheet keeps its zeros."""
    match = _TEXT_FORMULA.fullmatch(cell)
    return match.group(1).replace('""', '"') if match else cell


def _blank_lines(match: re.Match[str]) -> str:
    """Return as many empty lines, so that those below keep their numbers."""
    return "\n" * len(re.findall(r"\r\n|\r|\n", match.group()))


def _blank_remarks(text: str) -> str:
    """Empty the lines above the header, where it is not the first but names the path in a column."""
    lines = text[:_HEAD].splitlines(keepends=True)[:_MOST_REMARKS]
    last = 0
    for i, line in enumerate(lines):
        if line.lower().lstrip('\ufeff"').startswith("sep"):
            last = i
        cells = map(_plain_header, re.split(r"[,;\t|]", line))
        if any(cell in _SYNONYMS["path"] for cell in cells):
            start = last or i
            return "\n" * start + text[sum(map(len, lines[:start])) :]
    return text


def _names_a_picture(header: list[str], cells: list[str]) -> bool:
    """Say whether a line looks like a row: a picture where the path should be."""
    position = _path_position(tuple(header))
    return position < len(cells) and is_picture_name(cells[position])


@lru_cache(maxsize=8)
def _path_position(header: tuple[str, ...]) -> int:
    return _understood(header).get("path", [0])[0]


def read_values(cells: Sequence[str], *, is_quoted: bool) -> list[Any]:
    """Read a further column: numbers if all of it is plainly numbers, else text.

    What a number would spell otherwise ("007", "1.50", "1e5") is text, and so
    is a column with a cell in quotes.

    Examples
    --------
    >>> read_values(["3", "", "12"], is_quoted=False)
    [3, None, 12]
    >>> read_values(["007", "12"], is_quoted=False)
    ['007', '12']
    """
    given = [cell for cell in cells if cell]
    if given and not is_quoted:
        if all(map(_WHOLE.fullmatch, given)):
            return [int(cell) if cell else None for cell in cells]
        if all(map(_is_plain_number, given)):
            return [float(cell) if cell else None for cell in cells]
    return [cell or None for cell in cells]


def _is_plain_number(cell: str) -> bool:
    """Say whether a text is a number as Python would write it."""
    if _WHOLE.fullmatch(cell):
        return True
    return bool(_DECIMAL.fullmatch(cell)) and repr(float(cell)) == cell
