"""What lies beside the music and says what album it is: ``album.nfo`` and cue sheets."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from covers.errors import UNREAD
from covers.images.audio.audio_tags import Tags, read_tags
from covers.images.audio.cue_sheet import parse_cue_sheet
from covers.images.audio.tag_values import parse_year
from covers.workspace.disk.text_encodings import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from covers.workspace.source_files import FileEntry

_NFO = "album.nfo"
_CUE = ".cue"
_MAX_BYTES = 2**20


def is_nfo(path: str) -> bool:
    """Say whether a file describes an album."""
    return path.rpartition("/")[2].lower() == _NFO


def is_cue(path: str) -> bool:
    """Say whether a file is a cue sheet."""
    return path.lower().endswith(_CUE)


def read_music_file(path: Path) -> Tags:
    """Read the tags of a music file, or what lies beside the music as if it were one."""
    if is_nfo(path.name):
        return _read_nfo(path)
    return _read_cue(path) if is_cue(path.name) else read_tags(path)


def apply_cues(
    tracks: Iterable[FileEntry], tags: Mapping[str, Tags]
) -> list[tuple[FileEntry, Tags]]:
    """Return tracks with their tags, which cue sheets fill in where they lack something.

    A cue sheet speaks of the files that it names, by their stems, since a
    sheet for a WAV file stays when that is packed; and of the only file beside it.

    Parameters
    ----------
    tracks : iterable of FileEntry
        Music files.
    tags : mapping of str to Tags
        By path, of music files whose tags are read and of cue sheets.
    """
    tracks = list(tracks)
    folders: dict[str, list[str]] = {}
    for entry in tracks:
        folders.setdefault(entry.path.rpartition("/")[0], []).append(entry.path)
    filled = {entry.path: tags.get(entry.path, Tags()) for entry in tracks}
    for path in sorted(filter(is_cue, tags)):
        cue = tags[path]
        beside = folders.get(path.rpartition("/")[0], [])
        stems = {*map(_stem, cue.describes), _stem(path)}
        meant = [track for track in beside if _stem(track) in stems] or (
            beside if len(beside) == 1 else []
        )
        for track in meant:
            filled[track] = _fill(filled[track], cue, is_long=len(meant) == 1)
    return [(entry, filled[entry.path]) for entry in tracks]


def _stem(path: str) -> str:
    """Return the name of a file without its ending, in any case."""
    return PurePosixPath(path.replace("\\", "/")).stem.casefold()


def _fill(tags: Tags, cue: Tags, *, is_long: bool) -> Tags:
    """Take from a cue sheet what the tags of a file lack."""
    return replace(
        tags,
        album=tags.album or cue.album,
        album_artist=tags.album_artist or cue.album_artist,
        genres=tags.genres or cue.genres,
        year=tags.year or cue.year,
        n_tracks=(cue.n_tracks if is_long else None) or tags.n_tracks,
    )


def _read_cue(path: Path) -> Tags:
    """Read a cue sheet: what it says above its first track, and which files it names."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        return Tags(problem=f"{UNREAD}{error.strerror or error}")
    if len(content) > _MAX_BYTES:
        return Tags(problem="cue sheet is larger than 1 MiB: left out")
    cue = parse_cue_sheet(decode_text(content))
    return Tags(
        album=cue.title,
        album_artist=(cue.performer,) if cue.performer else (),
        year=cue.year,
        genres=cue.genres,
        n_tracks=cue.n_tracks,
        describes=cue.files,
    )


def _read_nfo(path: Path) -> Tags:
    """Read an ``album.nfo`` as Kodi and Jellyfin write it."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            return Tags(problem="album.nfo is larger than 1 MiB: left out")
        # Entities can swell without end; a zero byte means UTF-16, which could hide them.
        if any(mark in text for mark in (b"<!DOCTYPE", b"<!ENTITY", b"\0")):
            return Tags(problem="album.nfo declares entities or is no UTF-8: left out")
        # Kodi allows a line with a link after the document.
        end = text.rfind(b"</album>")
        root = ET.fromstring(text[: end + 8] if end != -1 else text)
    except OSError as error:
        return Tags(problem=f"{UNREAD}{error.strerror or error}")
    except (ET.ParseError, ValueError, LookupError) as error:
        return Tags(problem=f"album.nfo is no XML: {error}")

    def texts(*names: str) -> tuple[str, ...]:
        found = (
            (element.text or "").strip()
            for name in names
            for element in root.findall(name)
        )
        return tuple(dict.fromkeys(text for text in found if text))

    def first(*names: str) -> str | None:
        return next(iter(texts(*names)), None)

    return Tags(
        album=first("title"),
        album_artist=texts("albumartist") or texts("artist"),
        year=parse_year(first("year", "releasedate", "premiered")),
        genres=texts("genre", "style"),
        release_id=first("musicbrainzalbumid", "musicBrainzAlbumID"),
        release_group_id=first(
            "musicbrainzreleasegroupid", "musicBrainzReleaseGroupID"
        ),
        album_artist_id=first(
            "musicbrainzalbumartistid", "albumArtistCredits/musicBrainzArtistID"
        ),
    )
