"""The table inside a manifest: its encoding, its separator, which column is which."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from covers.catalogue.table import SCHEMA
from covers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SYNONYMS = {
    "path": ("path", "file", "filename", "file_name", "filepath", "image_path"),
    "genres": ("genres", "genre"),
    "artist": ("artist", "album_artist", "albumartist"),
    "album": ("album",),
    "year": ("year", "date"),
    "split": ("split",),
    "release_group": ("release_group", "musicbrainz_releasegroupid"),
}
_RESERVED = frozenset({*SCHEMA.names, "fold"})


@dataclass(frozen=True)
class ManifestTable:
    """A manifest as it is written.

    Parameters
    ----------
    rows : pyarrow.Table
        One row per line; damaged lines are missing.
    columns : dict of str to int
        Position of each column that is understood; ``path`` is always there.
    extras : dict of str to int
        Position of the others, by the name they get in the catalogue.
    damaged : list of (str, str)
        Where and why, of lines that could not be read.
    fingerprint : str
        Hash of the file.
    """

    rows: pa.Table
    columns: dict[str, int]
    extras: dict[str, int]
    damaged: list[tuple[str, str]]
    fingerprint: str

    @classmethod
    def read(cls, path: Path) -> ManifestTable:
        """Read a manifest.

        Raises
        ------
        DataError
            If it cannot be read or has no column ``path``.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(_unreadable(path, error)) from error
        table, damaged = _read_table(path, content)
        columns, extras = _find_columns(path, table)
        fingerprint = hashlib.sha256(content).hexdigest()[:32]
        return cls(table, columns, extras, damaged, fingerprint)

    def values(self, columns: Mapping[str, int]) -> dict[str, list[Any]]:
        """Return the values of some columns."""
        return {name: self.rows.column(i).to_pylist() for name, i in columns.items()}


def _find_columns(path: Path, table: pa.Table) -> tuple[dict[str, int], dict[str, int]]:
    """Find the columns that are understood and name the others."""
    headers = [str(name).strip() for name in table.column_names]
    lowered = [header.lower().replace(" ", "_") for header in headers]
    columns: dict[str, int] = {}
    for name, synonyms in _SYNONYMS.items():
        for synonym in synonyms:
            if synonym in lowered:
                columns[name] = lowered.index(synonym)
                break
    if "path" not in columns:
        shown = ", ".join(headers[:20]) or "none"
        message = (
            f"manifest '{path}' has no column 'path' (its columns: {shown}): "
            "name the column that holds the picture files 'path'"
        )
        raise DataError(message)
    extras: dict[str, int] = {}
    taken = set(columns.values())
    for i, header in enumerate(headers):
        if i in taken or not header:
            continue
        is_reserved = header.lower() in _RESERVED
        name = f"manifest_{header}" if is_reserved else header
        extras.setdefault(name, i)
    return columns, extras


def _unreadable(path: Path, error: Exception) -> str:
    return (
        f"cannot read manifest '{path}' ({error}): expected a table with a column 'path' "
        "as .csv, .tsv or .parquet"
    )


def _read_table(path: Path, content: bytes) -> tuple[pa.Table, list[tuple[str, str]]]:
    """Read the content of a manifest, and list its damaged lines."""
    damaged: list[tuple[str, str]] = []
    try:
        if path.suffix.lower() == ".parquet":
            # Not read_table: that imports pyarrow.dataset and with it pandas.
            with pyarrow.parquet.ParquetFile(io.BytesIO(content)) as file:
                return file.read(), damaged
        table = _read_text(path, content, damaged)
    except (pa.ArrowException, OSError) as error:
        raise DataError(_unreadable(path, error)) from error
    if damaged and not table.num_rows:
        place, reason = damaged[0]
        message = f"every line of manifest '{path}' is damaged; {place}: {reason}"
        raise DataError(message)
    return table, damaged


def _read_text(path: Path, content: bytes, damaged: list[tuple[str, str]]) -> pa.Table:
    """Read a CSV or TSV file of any usual encoding."""

    def skip(row: Any) -> str:
        reason = f"{row.actual_columns} columns instead of {row.expected_columns}"
        damaged.append((f"line {row.number}", f"{reason}: {row.text[:80]!r}"))
        return "skip"

    text = _decode(content)
    header = text.partition("\n")[0]
    if not header.strip() or "\0" in header:
        message = (
            f"manifest '{path}' is {'no table' if header.strip() else 'empty'}: "
            "expected a header such as 'path,genre' and one line per cover"
        )
        raise DataError(message)
    delimiter = "\t"
    if path.suffix.lower() == ".csv":
        delimiter = max(",;\t", key=header.count)
    names = [name.strip().strip('"') for name in header.split(delimiter)]
    as_text = {name: pa.string() for name in names if _is_text_column(name)}
    return pyarrow.csv.read_csv(
        io.BytesIO(text.encode()),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip
        ),
        read_options=pyarrow.csv.ReadOptions(use_threads=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=as_text,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _is_text_column(header: str) -> bool:
    """Say whether a column is text whatever its values look like."""
    name = header.lower().replace(" ", "_")
    return any(name in synonyms for synonyms in _SYNONYMS.values())


def _decode(content: bytes) -> str:
    """Decode UTF-8, UTF-16 with a mark, or, failing these, Windows Western."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
