"""A music library: album folders, their sidecar pictures, tags and ``album.nfo``.

A folder with music is an album; its disc folders (``CD 1``, ``Disc 2``) belong
to it. Where the tracks of a folder name several albums, each of these is one.
Every album gives one cover: the first readable picture by the priority of the
settings, with the genres of all its tracks together.
"""

from __future__ import annotations

import fnmatch
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from covers.catalogue.artists import artist_keys
from covers.images.audio_tags import COVER_TYPES, Tags, read_member, read_tags
from covers.images.tag_values import parse_year
from covers.intake.sources import Candidate, Labels, is_audio_name, is_picture_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from covers.workspace.source_files import FileEntry

__all__ = [
    "Album",
    "AlbumArt",
    "find_albums",
    "is_nfo",
    "read_member",
    "read_music_file",
]

EMBEDDED = "embedded"
VARIOUS = "Various Artists"
_DISC = re.compile(
    r"(?:cd|dis[ck]|dvd|vinyl|digital media|side|tape)[\s._-]*(?:\d{1,2}|[a-d])(?:[^a-z0-9].*)?",
    re.IGNORECASE,
)
_DISC_SUFFIX = re.compile(
    r"[\s,:-]*[\(\[]?\b(?:cd|dis[ck])[\s._-]*(?:\d{1,2}|one|two|three|four)[\)\]]?\s*$",
    re.IGNORECASE,
)
_NFO = "album.nfo"
_MAX_NFO_BYTES = 2**20


@dataclass
class Album:
    """One release as it lies in a library.

    Parameters
    ----------
    folder : str
        POSIX path below the root, ``""`` for the root itself.
    title : str
        Title that tells it from others in the same folder; may be empty.
    is_alone : bool
        Whether it is the only album in its folder.
    """

    folder: str
    title: str = ""
    is_alone: bool = True
    tracks: list[tuple[FileEntry, Tags]] = field(default_factory=list)


@dataclass(frozen=True)
class AlbumArt:
    """What an album offers to the scan.

    Parameters
    ----------
    path : str
        Its folder.
    candidates : tuple of Candidate
        Pictures it may have as its cover, best first; may be empty.
    reason : str
        Where there are none: what was found instead.
    """

    path: str
    candidates: tuple[Candidate, ...]
    reason: str = ""


def is_nfo(path: str) -> bool:
    """Say whether a file describes an album."""
    return path.rpartition("/")[2].lower() == _NFO


def read_music_file(path: Path) -> Tags:
    """Read the tags of a music file, or an ``album.nfo`` as if it were one."""
    return _read_nfo(path) if is_nfo(path.name) else read_tags(path)


def find_albums(
    files: Sequence[FileEntry],
    tags: Mapping[str, Tags],
    priority: Sequence[str],
) -> list[AlbumArt]:
    """Find the albums of a library and what may be the cover of each.

    Parameters
    ----------
    files : sequence of FileEntry
        All files of the library.
    tags : mapping of str to Tags
        By path, of music files and of ``album.nfo``.
    priority : sequence of str
        Stems of sidecar names, wildcards allowed, and ``"embedded"``.

    Returns
    -------
    list of AlbumArt
        In the order of their folders.
    """
    pictures: dict[str, list[FileEntry]] = {}
    described: dict[str, Tags] = {}
    tracks = []
    for entry in files:
        folder = entry.path.rpartition("/")[0]
        if is_audio_name(entry.path):
            tracks.append(entry)
        elif is_picture_name(entry.path):
            pictures.setdefault(folder, []).append(entry)
        elif is_nfo(entry.path):
            described[album_folder(folder)] = tags[entry.path]
    albums = group_tracks((entry, tags[entry.path]) for entry in tracks)
    return [
        _offer(album, pictures, described.get(album.folder), priority)
        for album in albums
    ]


def album_folder(folder: str) -> str:
    """Return the folder of the album that a folder with music belongs to.

    Examples
    --------
    >>> album_folder("Band/Album/CD 1"), album_folder("Band/Album"), album_folder("Cd")
    ('Band/Album', 'Band/Album', 'Cd')
    """
    above, _, name = folder.rpartition("/")
    return above if _DISC.fullmatch(name) else folder


def group_tracks(tracks: Iterable[tuple[FileEntry, Tags]]) -> list[Album]:
    """Put tracks together to albums, by folder and then by title."""
    folders: dict[str, list[tuple[FileEntry, Tags]]] = {}
    for entry, tags in tracks:
        folder = album_folder(entry.path.rpartition("/")[0])
        folders.setdefault(folder, []).append((entry, tags))
    albums = []
    for folder, members in sorted(folders.items()):
        titles = Counter(
            title for _, tags in members if (title := _title_key(tags.album))
        )
        commonest = titles.most_common(1)[0][0] if titles else ""
        by_title: dict[str, Album] = {}
        for entry, tags in members:
            title = _title_key(tags.album) or commonest
            album = by_title.setdefault(title, Album(folder, title, len(titles) < 2))
            album.tracks.append((entry, tags))
        albums += [by_title[title] for title in sorted(by_title)]
    return albums


def _title_key(title: str | None) -> str:
    """Reduce a title to what its discs and spellings have in common."""
    return " ".join(_DISC_SUFFIX.sub("", title or "").casefold().split())


def _offer(
    album: Album,
    pictures: Mapping[str, Sequence[FileEntry]],
    described: Tags | None,
    priority: Sequence[str],
) -> AlbumArt:
    """List what may be the cover of an album."""
    labels = label_album(album, described if album.is_alone else None)
    folders = dict.fromkeys(
        [album.folder, *(e.path.rpartition("/")[0] for e, _ in album.tracks)]
    )
    beside = [entry for folder in folders for entry in pictures.get(folder, ())]
    embedded = _rank_embedded(album, labels)
    sidecars = {
        pattern: [
            Candidate(entry, labels)
            for entry in beside
            if fnmatch.fnmatchcase(
                PurePosixPath(entry.path).stem.lower(), pattern.lower()
            )
        ]
        for pattern in priority
        if pattern != EMBEDDED
    }
    order = list(priority)
    if not album.is_alone and EMBEDDED in order:
        # A picture beside several albums is less likely to be of this one.
        order.remove(EMBEDDED)
        order.insert(0, EMBEDDED)
    candidates: dict[tuple[str, str], Candidate] = {}
    for pattern in order:
        for candidate in embedded if pattern == EMBEDDED else sidecars[pattern]:
            candidates.setdefault((candidate.file.path, candidate.member), candidate)
    shown = album.folder or "."
    path = shown if album.is_alone else f"{shown} ({album.title})"
    if candidates:
        return AlbumArt(path, tuple(candidates.values()))
    return AlbumArt(path, (), _explain(album, beside))


def _explain(album: Album, beside: Sequence[FileEntry]) -> str:
    """Say what an album without a cover has instead."""
    types = {
        picture.type.replace("_", " ")
        for _, tags in album.tracks
        for picture in tags.pictures
    }
    if types:
        return f"album without a cover: its music files hold only pictures of type {', '.join(sorted(types))}"
    if beside:
        names = ", ".join(sorted(PurePosixPath(e.path).name for e in beside)[:3])
        return (
            f"album without a cover: no picture there has a known name ({names}); "
            "add it to art_priority in covers.toml, or '*' for any"
        )
    return "album without a cover: no picture beside or inside its music files"


def _rank_embedded(album: Album, labels: Labels) -> list[Candidate]:
    """List the pictures inside the tracks, best type and then commonest first."""
    counts: Counter[str] = Counter()
    first: dict[str, tuple[int, FileEntry, str]] = {}
    for entry, tags in album.tracks:
        for picture in tags.pictures:
            if picture.type in COVER_TYPES:
                counts[picture.content_id] += 1
                rank = COVER_TYPES.index(picture.type)
                known = first.get(picture.content_id)
                if known is None or rank < known[0]:
                    first[picture.content_id] = (rank, entry, picture.member)
    ordered = sorted(first.items(), key=lambda item: (item[1][0], -counts[item[0]]))
    return [Candidate(entry, labels, member) for _, (_, entry, member) in ordered]


def label_album(album: Album, described: Tags | None = None) -> Labels:
    """Join what the tracks of an album, and its ``album.nfo``, say.

    Tags come first; the description fills in what they lack, and its genres
    are added to theirs.
    """
    all_tags = [tags for _, tags in album.tracks]
    sources = [*all_tags, described] if described else all_tags
    artist, artists = _name_artist(all_tags, described)
    extra: dict[str, Any] = {"n_tracks": len(album.tracks)}
    for name, column in (
        ("release_id", "musicbrainz_release"),
        ("album_artist_id", "musicbrainz_artist"),
    ):
        value = _commonest(getattr(tags, name) for tags in sources)
        if value is None and name == "album_artist_id":
            value = _commonest(tags.artist_id for tags in sources)
        if value is not None:
            extra[column] = value
    title = _commonest(tags.album for tags in sources)
    return Labels(
        genres=tuple(dict.fromkeys(genre for tags in sources for genre in tags.genres)),
        artist=artist,
        artists=artists,
        album=_DISC_SUFFIX.sub("", title) if title else _folder_name(album.folder),
        year=_commonest(tags.year for tags in all_tags)
        or (described.year if described else None),
        release_group=_commonest(tags.release_group_id for tags in sources),
        extra=extra,
    )


def _folder_name(folder: str) -> str | None:
    return folder.rpartition("/")[2] or None


def _name_artist(
    all_tags: Sequence[Tags], described: Tags | None
) -> tuple[str | None, tuple[str, ...]]:
    """Return the artist of an album as shown, and as keys for splits."""
    names = _commonest(tags.album_artist or None for tags in all_tags)
    if names is None and described is not None:
        names = described.album_artist or None
    if names is not None:
        return "; ".join(names), artist_keys(*names)
    if any(tags.is_compilation for tags in all_tags):
        return VARIOUS, ()
    tracks = [tags.artist for tags in all_tags if tags.artist]
    mains = {keys[0] for artist in tracks if (keys := artist_keys(*artist))}
    if len(mains) > 1:
        return VARIOUS, ()
    artist = _commonest(tracks)
    if artist is None:
        return None, ()
    return "; ".join(artist), artist_keys(*artist)


def _commonest(values: Iterable[Any]) -> Any:
    """Return the most frequent value, the first of equals; None where there is none."""
    counts = Counter(value for value in values if value is not None)
    return counts.most_common(1)[0][0] if counts else None


def _read_nfo(path: Path) -> Tags:
    """Read an ``album.nfo`` as Kodi and Jellyfin write it."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_NFO_BYTES + 1)
        if len(text) > _MAX_NFO_BYTES:
            return Tags(problem="album.nfo is larger than 1 MiB: left out")
        # Entities can swell without end; a zero byte means UTF-16, which could hide them.
        if any(mark in text for mark in (b"<!DOCTYPE", b"<!ENTITY", b"\0")):
            return Tags(problem="album.nfo declares entities or is no UTF-8: left out")
        # Kodi allows a line with a link after the document.
        end = text.rfind(b"</album>")
        root = ET.fromstring(text[: end + 8] if end != -1 else text)
    except OSError as error:
        return Tags(problem=f"cannot be read: {error.strerror or error}")
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
