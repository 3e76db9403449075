"""Thumbnails of large libraries in shards: Parquet files of many, where each had a file of its own.

A scan writes each thumbnail into a file of its own, as many threads do that at once
best. In a library of more than `ABOVE` covers it moves them into shards when it is
done: some files for all whose ids begin with the same two digits. Shards merge so
that sizes at least double from new to old, so there are few of them, and a picture is
copied a few times at most. What lies in a shard is published before the file of its
own goes, so at no instant a thumbnail is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from covers.errors import DataError
from covers.workspace.artefacts import METADATA_KEY, Stamp, check_stamp, opened_table
from covers.workspace.disk.publish import publish
from covers.workspace.disk.strangers import (
    is_plain_file,
    parse_json,
    read_thumbnail_file,
    refuse_link,
)
from covers.workspace.registry import CATALOGUE, THUMBNAIL_SHARDS
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

    from covers.workspace.paths import Workspace

ABOVE = 100_000
"""Covers of a library; up to so many, each thumbnail stays in a file of its own."""

SUFFIX = ".jpg"
_ROWS_AT_ONCE = 64
"""Pictures of a row group: so many are read for one."""
_LEAST_NEW = 64
_ID, _PICTURE = "cover_id", "picture"
_PACKED = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"([0-9a-f]{2})-[0-9a-f]{16}\.parquet")
_PREFIX = re.compile(r"[0-9a-f]{2}")
_LARGEST = 1 << 20


@dataclass(frozen=True)
class _Shard:
    """An opened shard: which covers it holds, and in which row group each begins."""

    path: Path
    metadata: pq.FileMetaData
    ids: pa.ChunkedArray
    starts: tuple[int, ...]

    def find(self, cover_id: str) -> bytes | None:
        """Return the picture of a cover; None where it is in another shard."""
        import pyarrow.compute as pc

        row = int(pc.index(self.ids, cover_id).as_py())
        if row < 0:
            return None
        group = max(i for i, start in enumerate(self.starts) if start <= row)
        return self._pictures(group)[row - self.starts[group]][1]

    def each(self) -> Iterator[tuple[str, bytes]]:
        """Yield ids and pictures, some at once."""
        for group in range(self.metadata.num_row_groups):
            yield from self._pictures(group)

    def _pictures(self, group: int) -> list[tuple[str, bytes]]:
        if self.metadata.row_group(group).total_byte_size > _ROWS_AT_ONCE * _LARGEST:
            message = f"'{self.path}' holds more than thumbnails"
            raise DataError(message)
        with _opened(self.path, metadata=self.metadata) as file:
            table = file.read_row_group(group, [_ID, _PICTURE])
            table.validate(full=True)
        return list(
            zip(
                table.column(_ID).to_pylist(),
                table.column(_PICTURE).to_pylist(),
                strict=True,
            )
        )


def _opened(path: Path, **options: Any) -> Any:
    return opened_table(path, THUMBNAIL_SHARDS.kind, _repair(path), **options)


def _repair(path: Path) -> str:
    return CATALOGUE.repair(path.parents[2])


@lru_cache(maxsize=256)
def _open(path: Path, _size: int, _time: int) -> _Shard:
    """Open a shard and read whose thumbnails it holds."""
    import pyarrow as pa

    with _opened(path) as file:
        metadata = file.metadata
        stamp = parse_json((metadata.metadata or {}).get(METADATA_KEY, b"{}"))
        check_stamp(stamp, path, THUMBNAIL_SHARDS.kind, _repair(path))
        ids = file.read([_ID]).column(_ID)
        ids.validate(full=True)
        kinds = (file.schema_arrow.field(name).type for name in (_ID, _PICTURE))
        if tuple(kinds) != (pa.string(), pa.binary()) or ids.null_count:
            message = "its columns are others"
            raise ValueError(message)
    starts, n = [], 0
    for group in range(metadata.num_row_groups):
        starts.append(n)
        n += metadata.row_group(group).num_rows
    return _Shard(path, metadata, ids, tuple(starts))


def _open_fresh(path: Path) -> _Shard:
    """Open a shard, or take it as it was opened before where it is the same file."""
    if not is_plain_file(path):
        message = f"'{path}' is no file of this workspace"
        raise DataError(message)
    status = path.stat()
    return _open(path, status.st_size, status.st_mtime_ns)


def find_in_shards(workspace: Workspace, cover_id: str) -> bytes | None:
    """Return the thumbnail of a cover as its shard holds it; None where none does."""
    folder = workspace.path(THUMBNAIL_SHARDS)
    if not _PACKED.fullmatch(cover_id):
        return None
    before: list[Path] = []
    while (paths := _shards_of(folder, cover_id[:2])) != before:
        for path in paths:
            try:
                found = _open_fresh(path).find(cover_id)
            except (DataError, OSError):
                continue  # damaged, or merged meanwhile: then there is another
            if found is not None:
                return found
        before = paths
    return None


def list_shards(workspace: Workspace) -> Iterator[str]:
    """Yield the ids of all covers whose thumbnails lie in shards that can be read."""
    folder = workspace.path(THUMBNAIL_SHARDS)
    for path in _shards_of(folder):
        try:
            yield from _open_fresh(path).ids.to_pylist()
        except (DataError, OSError):
            continue


def _shards_of(folder: Path, prefix: str = "") -> list[Path]:
    """Return the shards of ids that begin with some digits."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [
        folder / name
        for name in names
        if name.startswith(prefix) and _NAME.fullmatch(name)
    ]


def pack_thumbnails(workspace: Workspace, n_covers: int) -> int:
    """Move the thumbnails of a large library into shards; say how many were moved.

    Parameters
    ----------
    workspace : Workspace
        Locked by the scan that wrote them.
    n_covers : int
        Of the library; up to `ABOVE` nothing is moved.

    Raises
    ------
    DataError
        If the disk refuses; no thumbnail is lost.
    """
    folder = workspace.thumbnails_folder
    if n_covers <= ABOVE or not folder.is_dir():
        return 0
    prefixes = sorted(
        entry.name
        for entry in os.scandir(folder)
        if _PREFIX.fullmatch(entry.name) and entry.is_dir()
    )
    return sum(_pack(workspace, prefix) for prefix in prefixes)


def _pack(workspace: Workspace, prefix: str) -> int:
    """Move the thumbnails of ids that begin with two digits."""
    own = workspace.thumbnails_folder / prefix
    refuse_link(own)
    names = (name.removesuffix(SUFFIX) for name in os.listdir(own))  # noqa: PTH208
    new = sorted(name for name in names if _PACKED.fullmatch(name))
    if len(new) < _LEAST_NEW:
        return 0
    folder = workspace.path(THUMBNAIL_SHARDS)
    shards = _read_shards(_shards_of(folder, prefix))
    merged, n = [], len(new)
    for shard in sorted(shards, key=lambda shard: len(shard.ids)):
        if len(shard.ids) >= 2 * n:
            break
        n += len(shard.ids)
        if _is_whole(shard):
            merged.append(shard)
    pictures = _Pictures(merged, own, new)
    key = "\n".join([*(shard.path.name for shard in merged), *new])
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    _publish(folder / f"{prefix}-{name}.parquet", pictures.each())
    for shard in merged:
        shard.path.unlink(missing_ok=True)
    for one in pictures.taken:
        (own / f"{one}{SUFFIX}").unlink(missing_ok=True)
    return len(pictures.taken)


def _read_shards(paths: Iterable[Path]) -> list[_Shard]:
    """Open shards; one that is damaged stays, and what it held is made anew by the scan."""
    found = []
    for path in paths:
        with suppress(DataError, OSError):
            found.append(_open_fresh(path))
    return found


def _is_whole(shard: _Shard) -> bool:
    """Whether all pictures of a shard can be read."""
    try:
        return sum(1 for _ in shard.each()) == len(shard.ids)
    except (DataError, OSError):
        return False


class _Pictures:
    """What goes into a new shard: the files of some covers, then what is in older shards.

    Attributes
    ----------
    taken : list of str
        Covers whose files were read.
    """

    def __init__(self, shards: Sequence[_Shard], own: Path, new: Sequence[str]) -> None:
        self.shards, self.own, self.new = shards, own, new
        self.taken: list[str] = []

    def each(self) -> Iterator[tuple[str, bytes]]:
        """Yield ids, each once, with their pictures."""
        for one in self.new:
            try:
                picture = read_thumbnail_file(self.own / f"{one}{SUFFIX}")
            except OSError:
                continue  # what is no thumbnail stays where it is
            self.taken.append(one)
            yield one, picture
        written = set(self.taken)
        for shard in self.shards:
            for one, picture in shard.each():
                if one not in written:
                    written.add(one)
                    yield one, picture


def _publish(path: Path, pictures: Iterator[tuple[str, bytes]]) -> None:
    """Write a shard, some pictures at once; they are packed already, as JPEG."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    stamp = json.dumps(asdict(Stamp(kind=THUMBNAIL_SHARDS.kind))).encode()
    schema = pa.schema(
        [(_ID, pa.string()), (_PICTURE, pa.binary())], metadata={METADATA_KEY: stamp}
    )
    with (
        publish(path, "wb") as file,
        pq.ParquetWriter(
            file,
            schema,
            compression="none",
            use_dictionary=False,
            write_statistics=False,
        ) as writer,
    ):
        while some := list(islice(pictures, _ROWS_AT_ONCE)):
            columns = [
                make_array([one for one, _ in some], pa.string()),
                make_array([picture for _, picture in some], pa.binary()),
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))
