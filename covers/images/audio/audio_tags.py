"""Tags and pictures of music files, read and never written.

The one module that knows tinytag, which reads WMA. Where it falls short of what
real software writes, the tags are read here: `covers.images.audio.id3`,
`covers.images.audio.vorbis`, `covers.images.audio.mp4`, `covers.images.audio.chunks` (WAV
and AIFF), `covers.images.audio.end_tags`, and the pictures of WMA in
`covers.images.audio.audio_bytes`.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from covers.errors import UNREAD, BrokenImageError, DataError, needs_extra
from covers.images.audio.ape_tags import read_ape_start, read_dsf
from covers.images.audio.audio_bytes import (
    Tail,
    read_asf_pictures,
    refuse_many_attributes,
)
from covers.images.audio.chunks import read_chunks
from covers.images.audio.cue_sheet import parse_cue_sheet
from covers.images.audio.end_tags import read_end
from covers.images.audio.genre_numbers import name_genres
from covers.images.audio.id3 import read_id3
from covers.images.audio.mp4 import read_mp4
from covers.images.audio.raw_tags import CUE_SHEET, RawTags
from covers.images.audio.tag_values import parse_year
from covers.images.audio.vorbis import read_vorbis
from covers.images.content import content_id
from covers.images.formats import describe_stranger, find_format

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

READER = 9
"""Raised whenever an unchanged file may be read otherwise than before."""

# Formats that tinytag does not know; their tags are of kinds that many formats share.
_WITHOUT_MORE = frozenset(
    {
        ".aac",
        ".ape",
        ".dsf",
        ".mp+",
        ".mp1",
        ".mpc",
        ".mpp",
        ".ofr",
        ".tak",
        ".tta",
        ".wv",
    }
)
_MAX_TAGS = 8
_MAX_ZEROS = 2**16
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
_COMPILATION = frozenset(
    {"compilation", "tcmp", "cpil", "tcp", "iscompilation", "itunescompilation"}
)
_DATES = ("year", "releasedate", "originaldate", "originalyear")
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
_TYPE_NUMBERS = {name: number for number, name in _TYPE_NAMES.items()}
_UNKNOWN = 255


@dataclass(frozen=True, slots=True)
class EmbeddedPicture:
    """A picture inside a music file.

    Parameters
    ----------
    member : str
        Its type and its number among those of that type, such as ``"front_cover/0"``.
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
    n_tracks : int, optional
        Tracks in it, where a cue sheet counts them, beside it or inside.
    describes : tuple of str
        Names of the music files that a cue sheet is about.
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
    n_tracks: int | None = None
    describes: tuple[str, ...] = ()
    problem: str | None = None


def read_tags(path: Path) -> Tags:
    """Read the tags of one music file; what is wrong with it is in `Tags.problem`.

    Raises
    ------
    MissingExtraError
        If tinytag is not installed.
    """
    try:
        found = _read(path)
    except DataError as error:
        return Tags(problem=str(error))
    pictures = _name_members(found)
    fields = {name: tuple(values) for name, values in found.fields.items()}
    plain = {re.sub("[^a-z]", "", name): values for name, values in fields.items()}
    ids = {
        name: next((plain[key][0] for key in keys if plain.get(key)), None)
        for name, keys in _IDS.items()
    }
    cue = parse_cue_sheet(next(iter(fields.get(CUE_SHEET, ())), ""))
    performer = (cue.performer,) if cue.performer else ()
    discs = re.match(r"\d{1,3}", next(iter(fields.get("disc", ())), ""))
    return Tags(
        title=next(iter(fields.get("title", ())), None),
        artist=fields.get("artist", ()),
        album_artist=fields.get("albumartist", ()) or performer,
        album=next(iter(fields.get("album", ())), cue.title),
        year=_find_year(fields) or cue.year,
        genres=name_genres(fields.get("genre", ())) or cue.genres,
        n_tracks=cue.n_tracks or found.n_tracks,
        disc=(int(discs.group()) if discs else 0) or None,
        is_compilation=any(
            values[0].casefold() in {"1", "true", "yes"}
            for name, values in plain.items()
            if name in _COMPILATION and values
        ),
        pictures=tuple(
            EmbeddedPicture(member, content_id(data), len(data))
            for member, data in pictures.items()
        ),
        problem="; ".join(dict.fromkeys(found.problems)) or None,
        release_id=ids["release_id"],
        release_group_id=ids["release_group_id"],
        album_artist_id=ids["album_artist_id"],
        artist_id=ids["artist_id"],
    )


def _find_year(fields: Mapping[str, tuple[str, ...]]) -> int | None:
    """Return the year of a file; where it has none, that of its release, or of its first one."""
    dates = (date for name in _DATES for date in fields.get(name, ()))
    return next(filter(None, map(parse_year, dates)), None)


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
    data = _name_members(_read(path)).get(member)
    if data is None:
        message = f"no picture {member!r} in this music file"
        raise BrokenImageError(message)
    return data


def _name_members(found: RawTags) -> dict[str, bytes]:
    """Name the pictures of a file by type and number, leaving out those that are none."""
    counts: Counter[str] = Counter()
    members = {}
    for number, data in found.pictures:
        name = _TYPE_NAMES.get(number, "unknown")
        if find_format(data[:256]) is not None:
            members[f"{name}/{counts[name]}"] = data
        elif data:
            stranger = describe_stranger(data[:512])
            found.problems.append(
                f"a picture in it ({name.replace('_', ' ')}) is {stranger}"
            )
        counts[name] += 1
    return members


def _read(path: Path) -> RawTags:
    """Read a music file: each part of it by the reader that knows it best."""
    found = RawTags()
    try:
        with path.open("rb") as file:
            if not file.seek(0, io.SEEK_END):
                message = "empty file (0 bytes)"
                raise DataError(message)
            whole = read_chunks(file) or read_dsf(file)
            if whole is not None:
                for tag in read_end(file):
                    whole.fill(tag)
                return whole
            tags, start = _read_start(file)
            rest = cast("BinaryIO", Tail(file, start))
            own = read_vorbis(rest)  # which has no room for the ID3 tags before it
            of_format = own or read_mp4(rest)
            order = [of_format, *tags] if own else [*tags, of_format]
            for known in filter(None, order):
                found.fill(known)
            for tag in read_end(file, start):
                found.fill(tag)
                tags.append(tag)
            if of_format is None and path.suffix.lower() not in _WITHOUT_MORE:
                found.fill(_read_rest(path, rest, bool(tags)))
    except OSError as error:
        message = f"{UNREAD}{error.strerror or error}"
        raise DataError(message) from error
    return found


def _read_start(file: BinaryIO) -> tuple[list[RawTags], int]:
    """Return the tags before the sound, zeros between them, and where they end."""
    tags: list[RawTags] = []
    start = 0
    while len(tags) < _MAX_TAGS:
        for read in (read_id3, read_ape_start):
            file.seek(start)
            tag = read(file)
            if tag is not None:
                break
        else:
            file.seek(start)
            zeros = file.read(_MAX_ZEROS)
            n_zeros = len(zeros) - len(zeros.lstrip(b"\0"))
            # An MP4 file begins with the zeros of its first size.
            if n_zeros < 4 or n_zeros == len(zeros):
                return tags, start
            start += n_zeros
            continue
        tags.append(tag[0])
        start += tag[1]
    return tags, start


def _read_rest(path: Path, rest: BinaryIO, has_tags: bool) -> RawTags:
    """Read a file with tinytag, which need not understand one that has ID3 tags."""
    with needs_extra("reading music files"):
        from tinytag import TinyTag, TinyTagException, UnsupportedFormatError

    def read(*, image: bool) -> Any:
        rest.seek(0)
        options = {"duration": False, "image": image}
        try:  # by its first bytes: many a file has the ending of another format
            return TinyTag.get(None, rest, **options)
        except UnsupportedFormatError:
            return TinyTag.get(path, rest, **options)

    tags = RawTags()
    try:
        refuse_many_attributes(rest)
        try:
            said = read(image=True)
        except TinyTagException as error:
            said = read(image=False)
            tags.problems.append(f"its pictures cannot be read: {_reason(error)}")
    except (TinyTagException, ValueError) as error:
        if has_tags:
            return tags
        message = f"tags cannot be read: {_reason(error)}"
        raise DataError(message) from error
    _sort(said, tags)
    rest.seek(0)
    for number, data in () if tags.pictures else read_asf_pictures(rest):
        tags.add_picture(number, data)
    return tags


def _reason(error: Exception) -> str:
    """Put tinytag's error into words; many are bare errors of Python."""
    text = str(error)
    plain = not text or "unpack" in text or "index out of range" in text
    return "file truncated or damaged" if plain else text


def _sort(said: Any, tags: RawTags) -> None:
    """Put what tinytag found where it belongs, a field's repetitions behind its first."""
    for name in ("title", "artist", "albumartist", "album", "year", "genre", "disc"):
        tags.add(name, [str(getattr(said, name) or "")])
    for name, values in said.other.items():
        tags.add(name.lower(), values)
    for name in (FRONT, "back_cover", "media"):
        image = getattr(said.images, name, None)
        if image is not None:
            tags.add_picture(_TYPE_NUMBERS[name], image.data)
    for name, several in said.images.other.items():
        for image in several:
            tags.add_picture(_TYPE_NUMBERS.get(name, _UNKNOWN), image.data)
