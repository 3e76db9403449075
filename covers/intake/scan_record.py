"""The record of a scan: what each candidate held, so that it need not be read again.

There is a record for every picture file, or picture inside a music file, that
was looked at, good or bad.
``scan-records.parquet`` holds them all. While a scan runs, what it has done goes to a
journal, line by line: an interrupted scan goes on from there.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, fields
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from covers.errors import UNREAD
from covers.images.guarded import CRASHED
from covers.images.measures import PictureMeasures
from covers.intake.sources import Labels, ProblemKind
from covers.workspace.disk.strangers import open_regular, parse_json, unlink_link
from covers.workspace.read_artefacts import stamp_of
from covers.workspace.registry import SCAN_RECORDS, SCAN_RECORDS_BEFORE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from covers.workspace.artefacts import Stamp
    from covers.workspace.paths import Workspace
    from covers.workspace.registry import File

SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("member", pa.string(), nullable=False),
        pa.field("size", pa.int64()),
        pa.field("mtime_ns", pa.int64()),
        pa.field("cover_id", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("format", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("labels", pa.string()),
    ]
)

Key = tuple[str, str, str]
"""Source, path, and which picture of a music file."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a picture turned out to be.

    Parameters
    ----------
    cover_id : str or None
        None where it is no cover; then `kind` and `reason` say why.
    width, height : int
        Pixels, upright; 0 where it is no cover.
    format : str
        Such as ``"JPEG"``.
    """

    cover_id: str | None
    width: int = 0
    height: int = 0
    format: str = ""
    kind: ProblemKind | None = None
    reason: str | None = None

    @property
    def may_pass(self) -> bool:
        """Whether reading failed because of the machine and not the file, so that it may succeed later."""
        return self.cover_id is None and (self.reason or "").startswith(PASSING)


_LONGEST_LINE = 2**20
PASSING = (UNREAD, CRASHED)
_CONTENT_FIELDS = tuple(item.name for item in fields(Content))


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """What a scan found out about one candidate.

    Parameters
    ----------
    source, path, member : str
        Name of the source, file below its root, and which picture inside a
        music file (``""`` for a picture file).
    size, mtime_ns : int
        Of the file.
    content : Content
        What the picture turned out to be.
    labels : Labels
        What the source says of it.
    """

    source: str
    path: str
    member: str
    size: int
    mtime_ns: int
    content: Content
    labels: Labels

    @property
    def key(self) -> Key:
        """Source, path and member, which name the candidate."""
        return self.source, self.path, self.member


def records_stamp(workspace: Workspace) -> Stamp | None:
    """Return the stamp of the scan records; None where there are none."""
    return stamp_of(workspace, records_file(workspace))


def records_file(workspace: Workspace) -> File:
    """Return the file that holds the scan records: of today, else of version 0.1."""
    is_old = (
        workspace.path(SCAN_RECORDS_BEFORE).is_file()
        and not workspace.path(SCAN_RECORDS).is_file()
    )
    return SCAN_RECORDS_BEFORE if is_old else SCAN_RECORDS


def parse_rows(batch: pa.RecordBatch) -> list[ScanRecord]:
    """Return some rows of scan records; equal labels are one object."""
    columns = [batch.column(name).to_pylist() for name in SCHEMA.names]
    read: dict[str, Labels] = {}
    records = []
    for row in zip(*columns, strict=True):
        source, path, member, size, mtime_ns, *content, text = row
        labels = read.get(text)
        if labels is None:
            labels = read[text] = parse_labels(text)
        cover_id, width, height, form, kind, reason = content
        problem = ProblemKind(kind) if kind else None
        found = Content(cover_id, width, height, form, problem, reason)
        records.append(ScanRecord(source, path, member, size, mtime_ns, found, labels))
    return records


def write_labels(several: Iterable[Labels]) -> list[str]:
    """Write labels as JSON; what is one object is written once."""
    texts: dict[int, tuple[Labels, str]] = {}
    written = []
    for labels in several:
        known = texts.get(id(labels))
        if known is None:
            known = texts[id(labels)] = (labels, _write_labels(labels))
        written.append(known[1])
    return written


def _write_labels(labels: Labels) -> str:
    """Write labels as JSON."""
    return json.dumps(
        {
            name: value
            for name, value in (
                (f.name, getattr(labels, f.name)) for f in fields(labels)
            )
            if value
        },
        ensure_ascii=False,
    )


def parse_labels(text: str) -> Labels:
    """Read labels from JSON."""
    written = json.loads(text)
    for name in ("genres", "artists"):
        written[name] = tuple(written.get(name, ()))
    return Labels(**written)


class Journal:
    """What a scan has read so far, which outlives an interruption.

    Parameters
    ----------
    path : Path
        The file; made on the first line.

    Attributes
    ----------
    contents : dict
        Content of candidates by key, size and time of change.
    measures : dict of str to PictureMeasures
        Measures by cover id.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.contents: dict[tuple[Key, int, int], Content] = {}
        self.measures: dict[str, PictureMeasures] = {}
        self._file: IO[str] | None = None
        self._read()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(
        self,
        key: Key,
        size: int,
        mtime_ns: int,
        content: Content,
        measures: PictureMeasures | None,
    ) -> None:
        """Note what one candidate held."""
        self.contents[key, size, mtime_ns] = content
        if measures is not None and content.cover_id is not None:
            self.measures[content.cover_id] = measures
        if self._file is None:
            unlink_link(self.path)
            self._file = self.path.open("a", encoding="utf-8")
        line = {
            "key": key,
            "size": size,
            "mtime_ns": mtime_ns,
            "content": {name: getattr(content, name) for name in _CONTENT_FIELDS},
            "measures": None if measures is None else _pack(measures),
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file, keeping it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Delete the file, once everything in it is published."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _read(self) -> None:
        """Read what an interrupted scan left, up to the first damaged line."""
        try:
            file = open_regular(self.path)
        except OSError:
            return
        with file:
            self._read_lines(iter(lambda: file.readline(_LONGEST_LINE), b""))

    def _read_lines(self, lines: Iterable[bytes]) -> None:
        """Read lines of the journal, up to the first damaged one."""
        for line in lines:
            try:
                item = parse_json(line.decode("utf-8"))
                content = _read_content(item["content"])
                key = tuple(item["key"])
                self.contents[key, item["size"], item["mtime_ns"]] = content
                if item["measures"] is not None and content.cover_id is not None:
                    self.measures[content.cover_id] = _unpack(item["measures"])
            except (ValueError, KeyError, TypeError):
                break


def _read_content(written: dict[str, Any]) -> Content:
    """Read content from JSON values."""
    kind = written["kind"]
    return Content(**{**written, "kind": ProblemKind(kind) if kind else None})


def _pack(measures: PictureMeasures) -> dict[str, Any]:
    """Write measures as JSON values."""
    packed: dict[str, Any] = {}
    for item in fields(measures):
        value = getattr(measures, item.name)
        if isinstance(value, np.ndarray):
            value = base64.b64encode(value.astype("<f4").tobytes()).decode()
        elif isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        packed[item.name] = value
    return packed


def _unpack(packed: dict[str, Any]) -> PictureMeasures:
    """Read measures from JSON values."""
    values = dict(packed)
    for item in fields(PictureMeasures):
        kind = str(item.type)
        if kind == "bytes":
            values[item.name] = base64.b64decode(values[item.name])
        elif "NDArray" in kind:
            values[item.name] = np.frombuffer(
                base64.b64decode(values[item.name]), "<f4"
            ).astype(np.float32)
        elif kind.startswith("tuple"):
            values[item.name] = tuple(values[item.name])
    return PictureMeasures(**values)
