"""Manifests: a table with one line per cover, as CSV, TSV or Parquet."""

from __future__ import annotations

import ast
import math
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow as pa

from covers.catalogue.artists import artist_keys
from covers.catalogue.genre_names import LONGEST_TEXT
from covers.errors import DataError
from covers.images.audio.tag_values import parse_year
from covers.intake.folders import SPLIT_NAMES
from covers.intake.sources import Candidate, Labels, ProblemKind, Walk, show_name
from covers.intake.tables.manifest_table import ManifestTable
from covers.intake.tables.named_files import NamedFiles
from covers.workspace.remote import RemotePath, is_below, is_remote
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from covers.workspace.remote import AnyPath
    from covers.workspace.source_files import FileEntry

_ITEM = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\"""")
_LIST = re.compile(rf"\[\s*(?:{_ITEM.pattern})(?:[\s,]+(?:{_ITEM.pattern}))*[\s,]*\]")


@dataclass(frozen=True)
class Manifest:
    """The rows of a table of covers: files that are there, and lines that name none.

    Parameters
    ----------
    candidates : list of Candidate
        Files that are there, in the order of their paths.
    problems : list of (path, kind, reason)
        Lines that name no file that is there.
    notes : list of str
        Things the reader of the scan's summary should know.
    """

    candidates: list[Candidate]
    problems: list[tuple[str, ProblemKind, str]]
    notes: list[str]


def read_manifest(path: AnyPath, root: AnyPath | None = None) -> Manifest:
    """Read a manifest and look for the files it names.

    The column ``path`` is needed; ``genre`` or ``genres``, ``artist``,
    ``album``, ``year``, ``split`` and ``release_group`` are understood; all
    others are kept as they are. Headers are matched whatever their case. A
    file named in several lines gets the genres of all of them.

    Parameters
    ----------
    path : Path or RemotePath
        Ends in ``.csv``, ``.tsv``, ``.tab`` or ``.parquet``. The separator of
        a CSV file is found in its header (comma, semicolon or tab).
    root : Path or RemotePath, optional
        Where relative paths begin; by default the manifest's own folder.

    Raises
    ------
    DataError
        If it cannot be read, has no column ``path`` or no line, or a value
        of ``split`` is unknown.
    """
    root = _whole(root or path.parent)
    table = ManifestTable.read(path)
    if not table.lines and not table.damaged:
        message = (
            f"manifest '{path}' has a header but no lines: expected one line per cover"
        )
        raise DataError(message)
    rows = _ManifestRows(path, root, table)
    rows.problems += [
        (where, ProblemKind.BROKEN, reason) for where, reason in table.damaged
    ]
    return rows.read()


def walk_manifest(path: AnyPath, root: AnyPath | None = None) -> Walk:
    """Look at the manifest and the files it names, without reading what it says of them.

    Parameters
    ----------
    path, root : Path or RemotePath
        As for `read_manifest`.

    Returns
    -------
    Walk
        The files that are there, in the order of their lines; as a problem,
        the hash of the manifest and what is not there.

    Raises
    ------
    DataError
        If the manifest cannot be read or has no column ``path``.
    """
    root = _whole(root or path.parent)
    table = ManifestTable.read(path)
    files: list[FileEntry] = []
    problems = [(str(path), table.fingerprint)]
    named = _named_files(root, table)
    for written in table.columns["path"]:
        text = "" if written is None else str(written).strip()
        relative = _below(root, text)
        if relative is None:
            continue  # whatever it means, the manifest's hash stands for it
        try:
            files.append(named.look(relative))
        except (OSError, ValueError) as error:
            same = named.near.find(relative)
            if same is None:
                problems.append((relative, type(error).__name__))
                continue
            files.append(named.look(same))
    return Walk(files, problems, 0)


def _whole(root: AnyPath) -> AnyPath:
    return root.absolute() if isinstance(root, Path) else root


def _named_files(root: AnyPath, table: ManifestTable) -> NamedFiles:
    """Return the files that a manifest may name.

    Raises
    ------
    DataError
        If a server cannot be asked for them.
    """
    texts = (str(written or "").strip() for written in table.columns["path"])
    below = (_below(root, text) for text in texts)
    try:
        return NamedFiles.below(root, (path for path in below if path is not None))
    except OSError as error:
        message = f"cannot list '{root}': {error}"
        raise DataError(message) from error


class _ManifestRows:
    """Turns the columns of one manifest into candidates."""

    def __init__(
        self,
        path: AnyPath,
        root: AnyPath,
        table: ManifestTable,
    ) -> None:
        self.path = path
        self.root = root
        self.values = table.columns
        self.extras = table.extras
        self.lines = table.lines
        self.found: dict[str, Candidate] = {}
        self.problems: list[tuple[str, ProblemKind, str]] = []
        self.notes: list[str] = []
        if table.guess:
            self.notes.append(
                f"manifest '{path.name}' is not in UTF-8 and read as {table.guess}: "
                "save it as UTF-8 if names in it look wrong"
            )
        self.files = _named_files(root, table)

    def read(self) -> Manifest:
        """Go through all lines."""
        n_outside = 0
        for row, written in enumerate(self.values["path"]):
            text = "" if written is None else str(written).strip()
            if not text:
                self.problems.append(
                    (self.lines[row], ProblemKind.MISSING, "no path in this line")
                )
                continue
            relative = _below(self.root, text)
            if relative is None:
                n_outside += 1
                self.problems.append(
                    (
                        show_name(text),
                        ProblemKind.MISSING,
                        f"leads out of '{self.root}': name a folder above it with '--root'",
                    )
                )
                continue
            self._take(relative, self._labels(row))
        if not self.found and self.problems:
            self._explain_nothing(n_outside)
        if "genres" not in self.values:
            self.notes.append(
                f"manifest '{self.path.name}' has no column 'genre' or 'genres': its covers have no genre"
            )
        files = sorted(self.found.values(), key=lambda candidate: candidate.file.path)
        return Manifest(files, self.problems, self.notes)

    def _take(self, relative: str, labels: Labels) -> None:
        """Look for a file, or add to what is known of it."""
        known = self.found.get(relative)
        if known is not None:
            genres = tuple(dict.fromkeys((*known.labels.genres, *labels.genres)))
            merged = Labels(
                **{
                    name: getattr(known.labels, name)
                    for name in Labels.__dataclass_fields__
                    if name != "genres"
                },
                genres=genres,
            )
            self.found[relative] = Candidate(known.file, merged)
            return
        try:
            entry = self.files.look(relative)
        except (OSError, ValueError) as error:
            same = self.files.near.find(relative)
            if same is not None and same != relative:
                self._take(same, labels)
            else:
                self._report(relative, error)
            return
        self.found[relative] = Candidate(entry, labels)

    def _report(self, relative: str, error: OSError | ValueError) -> None:
        """Say why a file cannot be taken, and which one may be meant."""
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        kind = ProblemKind.UNREADABLE
        if isinstance(error, FileNotFoundError):
            kind = ProblemKind.MISSING
            near = self.files.near.suggest(relative)
            if near is not None:
                reason += f"; did you mean '{show_name(near)}'?"
        self.problems.append((show_name(relative), kind, reason))

    def _labels(self, row: int) -> Labels:
        """Read what one line says."""
        artist = self._text("artist", row)
        return Labels(
            genres=self._genres(row),
            artist=artist,
            artists=artist_keys(artist),
            album=self._text("album", row),
            year=parse_year(self._value("year", row)),
            release_group=self._text("release_group", row),
            split=self._split(row),
            extra={
                name: value
                for name, column in self.extras.items()
                if (value := _plain(column[row])) is not None
            },
        )

    def _value(self, name: str, row: int) -> Any:
        return self.values[name][row] if name in self.values else None

    def _text(self, name: str, row: int) -> str | None:
        value = self._value(name, row)
        if isinstance(value, list):
            value = "; ".join(str(item) for item in value if item is not None)
        text = "" if value is None else str(value).strip()
        return text or None

    def _genres(self, row: int) -> tuple[str, ...]:
        value = self._value("genres", row)
        items = value if isinstance(value, list) else [value]
        texts = (str(item).strip() for item in items if item is not None)
        names = (name for text in texts for name in _listed(text))
        return tuple(dict.fromkeys(name for name in names if name))

    def _split(self, row: int) -> str | None:
        text = self._text("split", row)
        if text is None:
            return None
        side = SPLIT_NAMES.get(text.lower())
        if side is None:
            message = (
                f"manifest '{self.path}', {self.lines[row]}: split is {text!r}, "
                "expected train, valid or test, or nothing"
            )
            raise DataError(message)
        return side

    def _explain_nothing(self, n_outside: int) -> None:
        """Refuse a manifest none of whose files is there."""
        path, _, reason = self.problems[0]
        repair = (
            "name the folder its paths begin in with '--root FOLDER'"
            if n_outside or len(self.problems) > 1 or reason != "no path in this line"
            else "fill its column 'path'"
        )
        message = (
            f"none of the {len(self.problems)} files of manifest '{self.path}' is "
            f"{'below its folder' if n_outside == len(self.problems) else 'there'} "
            f"(the first is '{path}', looked for below '{self.root}'): {repair}"
        )
        raise DataError(message)


def _listed(text: str) -> list[str]:
    r"""Return the texts in a cell that holds a list as Python or JSON writes it; else the cell.

    Examples
    --------
    >>> _listed('["Rock", "Pop"]'), _listed("['R&B' 'Soul']"), _listed("[Rock]")
    (['Rock', 'Pop'], ['R&B', 'Soul'], ['[Rock]'])
    """
    if len(text) > LONGEST_TEXT or not _LIST.fullmatch(text):
        return [text]
    return [str(ast.literal_eval(item)).strip() for item in _ITEM.findall(text)]


def _below(root: AnyPath, text: str) -> str | None:
    """Return a path below the root in POSIX form, None where it leads out of it."""
    if isinstance(root, RemotePath):
        text = text.removeprefix(f"{root}/")
        return text if is_below(text) and not is_remote(text) else None
    if text.startswith("file:/"):
        text = url2pathname(urlsplit(text).path)
    if "\\" in text and "/" not in text:
        text = PureWindowsPath(text).as_posix()
    if not text.startswith(("/", ".")) and "/." not in text and "//" not in text:
        return text.rstrip("/") or None  # most are as plain as this
    parts: list[str] = []
    for part in _take_root_off(PurePosixPath(text), root).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part.startswith("/"):
            return None
        elif part != ".":
            parts.append(part)
    return "/".join(parts) or None


def _take_root_off(path: PurePosixPath, root: Path) -> PurePosixPath:
    """Return a path from a folder on; as it is where it does not lie below, by its name."""
    if not path.is_absolute():
        return path
    above = (start for start in _spellings(root) if path.is_relative_to(start))
    start = next(above, None)
    return path if start is None else path.relative_to(start)


@lru_cache(maxsize=8)
def _spellings(root: Path) -> tuple[PurePosixPath, ...]:
    """Return how a folder may be written: as it is named, without "..", and without links."""
    named = (root, os.path.normpath(root), os.path.realpath(root))
    return tuple(PurePosixPath(Path(one).as_posix()) for one in named)


def _plain(value: Any) -> Any:
    """Turn a value of a further column into one that JSON knows."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value)


def spread_extras(extras: Sequence[Mapping[str, object]]) -> dict[str, pa.Array]:
    """Put the further columns of all covers into arrays.

    Parameters
    ----------
    extras : sequence of dict, length n_covers
        Values by column name.

    Returns
    -------
    dict of str to pyarrow.Array, each of length n_covers
        Columns in order of first appearance; text where types contradict.
    """
    names = dict.fromkeys(name for extra in extras for name in extra)
    columns: dict[str, pa.Array] = {}
    for name in names:
        values = [extra.get(name) for extra in extras]
        try:
            columns[name] = make_array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            columns[name] = make_array(
                [None if value is None else str(value) for value in values], pa.string()
            )
    return columns
