"""Tags and pictures of music files, read with tinytag and never written.

The one module that knows tinytag. Pictures of WMA files, which tinytag passes
over, are read here.
"""

from __future__ import annotations

import json
import re
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from covers.errors import BrokenImageError, DataError, MissingExtraError
from covers.images.audio_bytes import read_asf_pictures, undo_unsynchronisation
from covers.images.content import content_id
from covers.images.tag_values import parse_year
from covers.workspace.artefacts import Stamp, read_table, write_table
from covers.workspace.machine import count_cores
from covers.workspace.registry import MUSIC_TAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from covers.workspace.source_files import FileEntry

KIND = MUSIC_TAGS.kind
SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("size", pa.int64()),
        pa.field("mtime_ns", pa.int64()),
        pa.field("tags", pa.string()),
    ]
)

_EXTRA = ("tinytag", "tags", "reading music files")
FRONT = "front_cover"
COVER_TYPES = (FRONT, "generic", "unknown", "illustration")
"""Types of pictures that may be a cover, best first; an artist's photo, a back
cover, a label or a booklet page is none."""

# Names of MusicBrainz ids as ID3, Vorbis, MP4 and ASF spell them, letters only.
_IDS = {
    "release_id": ("musicbrainzalbumid", "musicbrainzreleaseid"),
    "release_group_id": ("musicbrainzreleasegroupid",),
    "album_artist_id": ("musicbrainzalbumartistid",),
    "artist_id": ("musicbrainzartistid",),
}
_COMPILATION = frozenset({"compilation", "tcmp", "cpil", "tcp", "iscompilation"})
# WM/Picture and APIC number the types alike; tinytag's names for them.
_TYPE_NAMES = {
    0: "generic",
    1: "icon",
    2: "alt_icon",
    3: FRONT,
    4: "back_cover",
    5: "leaflet",
    6: "media",
    7: "lead_artist",
    8: "artist",
    9: "conductor",
    10: "band",
    11: "composer",
    12: "lyricist",
    13: "recording_location",
    14: "during_recording",
    15: "during_performance",
    16: "screen_capture",
    17: "bright_colored_fish",
    18: "illustration",
    19: "band_logo",
    20: "publisher_logo",
}


@dataclass(frozen=True, slots=True)
class EmbeddedPicture:
    """A picture inside a music file.

    Parameters
    ----------
    member : str
        Its type and its place among those of that type, such as ``"front_cover/0"``.
    content_id : str
        Hash of its bytes.
    n_bytes : int
        Its size.
    """

    member: str
    content_id: str
    n_bytes: int

    @property
    def type(self) -> str:
        """Type as tinytag names it, such as ``"front_cover"`` or ``"artist"``."""
        return self.member.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Tags:
    """What a music file says.

    Parameters
    ----------
    artist, album_artist : tuple of str
        Repeated tags give several names.
    genres : tuple of str
        Raw strings.
    disc : int, optional
        Number of the disc.
    is_compilation : bool
        Whether the file is marked as part of a compilation.
    release_id, release_group_id, album_artist_id, artist_id : str, optional
        MusicBrainz ids.
    pictures : tuple of EmbeddedPicture
        All of them, whatever their type.
    problem : str, optional
        Why the file could not be read (then all else is empty), or not whole.
    """

    title: str | None = None
    artist: tuple[str, ...] = ()
    album_artist: tuple[str, ...] = ()
    album: str | None = None
    year: int | None = None
    genres: tuple[str, ...] = ()
    disc: int | None = None
    is_compilation: bool = False
    release_id: str | None = None
    release_group_id: str | None = None
    album_artist_id: str | None = None
    artist_id: str | None = None
    pictures: tuple[EmbeddedPicture, ...] = ()
    problem: str | None = None


def read_tags(path: Path) -> Tags:
    """Read the tags of one music file; what is wrong with it is in `Tags.problem`.

    Raises
    ------
    MissingExtraError
        If tinytag is not installed.
    """
    try:
        found, problem = _open(path)
        pictures = _embedded(path, found)
    except DataError as error:
        return Tags(problem=str(error))
    other = {key.lower(): values for key, values in found.other.items()}
    plain = {re.sub("[^a-z]", "", key): values for key, values in other.items()}
    ids = {
        name: next((plain[key][0].strip() for key in keys if plain.get(key)), None)
        for name, keys in _IDS.items()
    }
    return Tags(
        title=_clean(found.title),
        artist=_all(found.artist, other.get("artist")),
        album_artist=_all(found.albumartist, other.get("albumartist")),
        album=_clean(found.album),
        year=parse_year(found.year),
        genres=_all(found.genre, other.get("genre")),
        disc=found.disc or None,
        is_compilation=any(
            values[0].strip() in {"1", "true", "True"}
            for key, values in plain.items()
            if key in _COMPILATION and values
        ),
        pictures=tuple(
            EmbeddedPicture(member, content_id(data), len(data))
            for member, data in pictures.items()
        ),
        problem=problem,
        **ids,
    )


def read_member(path: Path, member: str) -> bytes:
    """Read one picture out of a music file.

    Parameters
    ----------
    path : Path
        The music file.
    member : str
        As in `EmbeddedPicture.member`.

    Raises
    ------
    DataError
        If the file cannot be read or has no such picture.
    MissingExtraError
        If tinytag is not installed.
    """
    found, _ = _open(path)
    data = _embedded(path, found).get(member)
    if data is None:
        message = f"no picture {member!r} in this music file"
        raise BrokenImageError(message)
    return data


def _open(path: Path) -> tuple[Any, str | None]:
    """Read a music file with tinytag; without its pictures where these are damaged."""
    try:
        from tinytag import TinyTag, TinyTagException
    except ImportError as error:
        raise MissingExtraError(*_EXTRA) from error
    try:
        if path.stat().st_size == 0:
            message = "empty file (0 bytes)"
            raise DataError(message)
        plain = undo_unsynchronisation(path)
        try:
            return TinyTag.get(path, plain, duration=False, image=True), None
        except TinyTagException as error:
            without = TinyTag.get(path, plain, duration=False, image=False)
            return without, f"its pictures cannot be read: {_reason(error)}"
    except TinyTagException as error:
        message = f"tags cannot be read: {_reason(error)}"
        raise DataError(message) from error
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise DataError(message) from error


def _reason(error: Exception) -> str:
    """Put tinytag's error into words; many are bare errors of Python."""
    text = str(error)
    plain = not text or "unpack" in text or "index out of range" in text
    return "file truncated or damaged" if plain else text


def _embedded(path: Path, found: Any) -> dict[str, bytes]:
    """Collect the pictures of a file by member."""
    by_type: dict[str, list[bytes]] = {}
    images = found.images
    for name in (FRONT, "back_cover", "media"):
        image = getattr(images, name, None)
        if image is not None:
            by_type.setdefault(name, []).append(image.data)
    for name, several in images.other.items():
        by_type.setdefault(name, []).extend(image.data for image in several)
    if not by_type:
        for number, data in read_asf_pictures(path):
            by_type.setdefault(_TYPE_NAMES.get(number, "unknown"), []).append(data)
    return {
        f"{name}/{i}": data
        for name, several in by_type.items()
        for i, data in enumerate(several)
        if data
    }


def _clean(text: Any) -> str | None:
    """Strip a tag's text; None where nothing is left."""
    return (str(text).replace("\0", " ").strip() or None) if text else None


def _all(first: str | None, others: Iterable[str] | None) -> tuple[str, ...]:
    """Join a tag with its repetitions."""
    values = [first or "", *(others or ())]
    return tuple(
        dict.fromkeys(
            value.strip(" \0\t\n") for value in values if value.strip(" \0\t\n")
        )
    )


@dataclass
class TagCache:
    """Tags of all music files of the last scan, kept in ``tags.parquet``.

    Parameters
    ----------
    path : Path
        The file. It only saves work: where it is missing, all is read anew.
    """

    path: Path
    rows: dict[tuple[str, str], tuple[int, int, Tags]] = field(default_factory=dict)
    is_changed: bool = False

    @classmethod
    def open(cls, path: Path) -> TagCache:
        """Read the file, if it is there."""
        cache = cls(path)
        if path.is_file():
            try:
                table, _ = read_table(path, KIND, "covers scan")
            except DataError:
                return cache
            if table.schema.names == SCHEMA.names:
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
        n_workers: int | None = None,
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
            if row is None or row[:2] != (entry.size, entry.mtime_ns):
                unread.append(entry)
        gone = {key for key in self.rows if key[0] == source}
        gone -= {(source, entry.path) for entry in files}
        for key in gone:
            del self.rows[key]
        self.is_changed |= bool(gone)
        try:
            for done, (entry, tags) in enumerate(
                _read_many(unread, root, read_one, n_workers), start=1
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
        table = pa.table(
            dict(zip(SCHEMA.names, zip(*columns, strict=True), strict=True))
            if columns
            else {name: [] for name in SCHEMA.names},
            schema=SCHEMA,
        )
        write_table(self.path, table, Stamp(kind=KIND))
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
    for name in ("artist", "album_artist", "genres"):
        values[name] = tuple(values.get(name, ()))
    values["pictures"] = tuple(
        EmbeddedPicture(**picture) for picture in values.get("pictures", ())
    )
    return Tags(**values)
