"""Tags of all music files of the last scan, so that they are not read again."""

from __future__ import annotations

import json
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from covers.errors import UNREAD, DataError
from covers.images.audio.audio_tags import READER, EmbeddedPicture, Tags
from covers.workspace.artefacts import Stamp, read_table, write_table
from covers.workspace.cores import count_cores
from covers.workspace.registry import MUSIC_TAGS
from indexer.files.arrow import make_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from covers.workspace.source_files import FileEntry

KIND = MUSIC_TAGS.kind
_PARAMETERS = {"reader": READER}
SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("size", pa.int64()),
        pa.field("mtime_ns", pa.int64()),
        pa.field("tags", pa.string()),
    ]
)


@dataclass
class TagCache:
    """Tags of all music files of the last scan, in ``tags.parquet``.

    Parameters
    ----------
    path : Path
        The file. It only saves work: where it is missing, or was written when
        tags were read otherwise, all is read anew.
    n_workers : int, optional
        Threads that read tags; by default one per core.
    """

    path: Path
    n_workers: int | None = None
    rows: dict[tuple[str, str], tuple[int, int, Tags]] = field(default_factory=dict)
    is_changed: bool = False

    @classmethod
    def open(cls, path: Path, n_workers: int | None = None) -> TagCache:
        """Read the file, if it is there."""
        cache = cls(path, n_workers)
        if path.is_file():
            try:
                table, stamp = read_table(path, KIND, "covers scan")
            except DataError:
                return cache
            is_same = stamp.parameters == _PARAMETERS
            if is_same and table.schema.names == SCHEMA.names:
                columns = (table.column(name).to_pylist() for name in SCHEMA.names)
                for source, file, size, mtime_ns, text in zip(*columns, strict=True):
                    cache.rows[source, file] = (size, mtime_ns, _parse_tags(text))
        return cache

    def read(
        self,
        source: str,
        root: Path,
        files: Sequence[FileEntry],
        read_one: Callable[[Path], Tags],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, Tags]:
        """Return the tags of files by path, reading those that are new or changed.

        Parameters
        ----------
        source : str
            Name of the source.
        root : Path
            Its folder.
        files : sequence of FileEntry
            The music files.
        read_one : callable
            Reads one file.
        """
        unread = []
        for entry in files:
            row = self.rows.get((source, entry.path))
            may_pass = row is not None and (row[2].problem or "").startswith(UNREAD)
            if row is None or may_pass or row[:2] != (entry.size, entry.mtime_ns):
                unread.append(entry)
        gone = {key for key in self.rows if key[0] == source}
        gone -= {(source, entry.path) for entry in files}
        for key in gone:
            del self.rows[key]
        self.is_changed |= bool(gone)
        try:
            for done, (entry, tags) in enumerate(
                _read_many(unread, root, read_one, self.n_workers), start=1
            ):
                self.rows[source, entry.path] = (entry.size, entry.mtime_ns, tags)
                self.is_changed = True
                if progress is not None:
                    progress(done, len(unread))
        finally:
            self.write()
        return {entry.path: self.rows[source, entry.path][2] for entry in files}

    def keep(self, sources: set[str]) -> None:
        """Forget all but these sources, and publish the file."""
        for key in [key for key in self.rows if key[0] not in sources]:
            del self.rows[key]
            self.is_changed = True
        self.write()

    def write(self) -> None:
        """Publish the file if anything changed."""
        if not self.is_changed:
            return
        columns = [
            (source, file, size, mtime_ns, _dump_tags(tags))
            for (source, file), (size, mtime_ns, tags) in sorted(self.rows.items())
        ]
        table = make_table(
            dict(zip(SCHEMA.names, zip(*columns, strict=True), strict=True))
            if columns
            else {name: [] for name in SCHEMA.names},
            SCHEMA,
        )
        write_table(self.path, table, Stamp(kind=KIND, parameters=_PARAMETERS))
        self.is_changed = False


def _read_many(
    files: Sequence[FileEntry],
    root: Path,
    read_one: Callable[[Path], Tags],
    n_workers: int | None,
) -> Iterator[tuple[FileEntry, Tags]]:
    """Read files side by side, in their order."""
    n_workers = n_workers or count_cores()
    executor = ThreadPoolExecutor(n_workers, thread_name_prefix="covers-tags")
    waiting: deque[tuple[FileEntry, Future[Tags]]] = deque()
    try:
        for entry in files:
            waiting.append((entry, executor.submit(read_one, root / entry.path)))
            if len(waiting) >= 8 * n_workers:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _dump_tags(tags: Tags) -> str:
    """Write tags as JSON, leaving out what is empty."""
    return json.dumps(
        {name: value for name, value in asdict(tags).items() if value},
        ensure_ascii=False,
    )


def _parse_tags(text: str) -> Tags:
    """Read tags from JSON."""
    written: Mapping[str, Any] = json.loads(text)
    values = dict(written)
    for name in ("artist", "album_artist", "genres", "describes"):
        values[name] = tuple(values.get(name, ()))
    values["pictures"] = tuple(
        EmbeddedPicture(**picture) for picture in values.get("pictures", ())
    )
    return Tags(**values)
