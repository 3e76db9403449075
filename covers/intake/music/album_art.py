"""Which pictures of a music library may be the cover of each album, best first.

Every album gives one cover: the first readable picture by the priority of the
settings, with the genres of all its tracks together. Of an album without one
it is said what lies there and is not taken.
"""

from __future__ import annotations

import bisect
import fnmatch
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from covers.images.audio.audio_tags import COVER_TYPES, Tags
from covers.images.formats import FORMAT_NAMES, UNREAD_EXTENSIONS
from covers.intake.music.album_notes import apply_cues, is_nfo
from covers.intake.music.albums import Album, group_tracks, label_album
from covers.intake.sources import Candidate, Labels, is_picture_name, is_track_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from covers.workspace.source_files import FileEntry

    Measure = Callable[[FileEntry], int]

EMBEDDED = "embedded"
_UNREAD = tuple(UNREAD_EXTENSIONS)
_SMALL = re.compile(r"small|thumb|icon", re.IGNORECASE)
_OTHER_SIDES = re.compile(
    r"back|rear|inside|inner|inlay|booklet|tray|spine|label|matrix|(?<![a-z])(?:cd|dis[ck]|obi)(?![a-z])",
    re.IGNORECASE,
)
_LEAST_PX = 150
_LEAST_BYTES = 16_384
_MUCH = 4
"""So many times as many bytes show that a picture is larger, and not only packed less."""
_N_SHOWN = 3


@dataclass(frozen=True)
class AlbumArt:
    """What an album offers to the scan.

    Parameters
    ----------
    album : Album
        Its tracks.
    candidates : tuple of Candidate
        Pictures it may have as its cover, best first; may be empty.
    reason : str
        Where there are none: what was found instead.
    """

    album: Album
    candidates: tuple[Candidate, ...]
    reason: str = ""

    @property
    def path(self) -> str:
        """Folder of the album as shown to people."""
        return self.album.path


def find_albums(
    files: Sequence[FileEntry],
    tags: Mapping[str, Tags],
    priority: Sequence[str],
    measure: Measure | None = None,
) -> list[AlbumArt]:
    """Find the albums of a library and what may be the cover of each.

    Parameters
    ----------
    files : sequence of FileEntry
        All files of the library.
    tags : mapping of str to Tags
        By path, of music files, of ``album.nfo`` and of cue sheets. A music
        file without is in a format whose tags are not read.
    priority : sequence of str
        Stems of sidecar names, wildcards allowed, and ``"embedded"``.
    measure : callable, optional
        Returns the short side of a picture file in pixels, 0 where it cannot
        be read; asked only where pictures compete. By default, their sizes in
        bytes decide.

    Returns
    -------
    list of AlbumArt
        In the order of their folders.
    """
    beside = _Pictures(files, priority, measure)
    described = {
        entry.path.rpartition("/")[0]: tags[entry.path]
        for entry in files
        if is_nfo(entry.path)
    }
    tracks = apply_cues((e for e in files if is_track_name(e.path)), tags)
    albums = group_tracks(tracks, beside.with_cover)
    return [_offer(album, beside, described) for album in albums]


class _Pictures:
    """The picture files of a library by folder."""

    def __init__(
        self,
        files: Sequence[FileEntry],
        priority: Sequence[str],
        measure: Measure | None,
    ) -> None:
        self.priority = tuple(priority)
        self._measure = measure
        self._shown: dict[FileEntry, int] = {}
        self._patterns = {
            pattern: re.compile(
                fnmatch.translate(unicodedata.normalize("NFC", pattern.lower()))
            )
            for pattern in priority
            if pattern != EMBEDDED
        }
        self.read: dict[str, list[FileEntry]] = {}
        self.unread: dict[str, list[FileEntry]] = {}
        for entry in files:
            folder = entry.path.rpartition("/")[0]
            if is_picture_name(entry.path):
                self.read.setdefault(folder, []).append(entry)
            elif entry.path.lower().endswith(_UNREAD):
                self.unread.setdefault(folder, []).append(entry)
        self.with_cover = {
            folder
            for folder, entries in self.read.items()
            if any(
                _fits(entry, pattern, compiled)
                for entry in entries
                for pattern, compiled in self._patterns.items()
            )
        }
        self._folders = sorted({*self.read, *self.unread})
        self._with_music = {
            entry.path.rpartition("/")[0]
            for entry in files
            if is_track_name(entry.path)
        }

    def below(self, folder: str) -> list[FileEntry]:
        """Return a few pictures below a folder, in folders without music."""
        start = f"{folder}/" if folder else ""
        found: list[FileEntry] = []
        for i in range(bisect.bisect_left(self._folders, start), len(self._folders)):
            below = self._folders[i]
            if not below.startswith(start) or len(found) > _N_SHOWN:
                break
            parts = below[len(start) :].split("/")
            above = {start + "/".join(parts[: n + 1]) for n in range(len(parts))}
            if below != folder and not above & self._with_music:
                found += [*self.read.get(below, ()), *self.unread.get(below, ())]
        return found

    def rank(
        self, entries: Sequence[FileEntry], inside: int
    ) -> dict[str, list[FileEntry]]:
        """Return the sidecars among pictures by the pattern they fit, better ones first.

        Thumbnails, by their names or as they are, come behind all others, and behind the
        picture inside the music, of so many bytes: they get a pattern of their own.
        """
        ranked: dict[str, list[FileEntry]] = {}
        for pattern, compiled in self._patterns.items():
            ranked[pattern] = [e for e in entries if _fits(e, pattern, compiled)]
        fitting = list(dict.fromkeys(e for several in ranked.values() for e in several))
        if len(fitting) + bool(inside) < 2:
            return ranked
        largest = max(inside // _MUCH, *(entry.size for entry in fitting))
        small = [e for e in fitting if self._is_small(e, largest)]
        if len(small) == len(fitting) and not inside:
            small = []
        for pattern, several in ranked.items():
            if len(several) > 1:
                ranked[pattern] = sorted(several, key=lambda e: -self._side(e))
        return ranked | {"": small}

    def _is_small(self, entry: FileEntry, largest: int) -> bool:
        """Say whether a picture is the thumbnail of another."""
        if _SMALL.search(_stem(entry)):
            return True
        if entry.size >= min(_LEAST_BYTES, largest):
            return False
        if self._measure is None:
            return False
        return 0 < self._side(entry) < _LEAST_PX  # what is broken shall be named

    def _side(self, entry: FileEntry) -> int:
        """Return how large a picture is, by pixels where that can be asked."""
        if self._measure is None:
            return entry.size
        if entry not in self._shown:
            self._shown[entry] = self._measure(entry)
        return self._shown[entry]


def _fits(entry: FileEntry, pattern: str, compiled: re.Pattern[str]) -> bool:
    """Say whether a picture has a name of the pattern, a wildcard standing for no other side."""
    stem = _stem(entry)
    if compiled.match(stem) is None:
        return False
    is_wild = "*" in pattern and pattern != "*"
    return not (is_wild and _OTHER_SIDES.search(stem))


def _named_like(
    album: Album, labels: Labels, beside: Sequence[FileEntry]
) -> list[FileEntry]:
    """Return the pictures that are called as the album, or as its folder."""
    title, artist = labels.album or "", labels.artist or ""
    names = (title, f"{artist} - {title}", f"{artist}-{title}", f"{title} - {artist}")
    keys = {_plain(name) for name in names if title}
    if album.is_alone:
        keys.add(_plain(PurePosixPath(album.folder).name))
    return [entry for entry in beside if _plain(_stem(entry)) in keys - {""}]


def _plain(name: str) -> str:
    """Return the letters and digits of a name, which are left when it becomes that of a file."""
    text = unicodedata.normalize("NFC", name).casefold()
    return "".join(sign for sign in text if sign.isalnum())


def _stem(entry: FileEntry) -> str:
    """Return the name of a picture without its ending, or its endings ("cover.jpg.jpg")."""
    path = unicodedata.normalize("NFC", entry.path)
    stem = PurePosixPath(path).stem.lower()
    return PurePosixPath(stem).stem if is_picture_name(stem) else stem


def _offer(
    album: Album, pictures: _Pictures, described: Mapping[str, Tags]
) -> AlbumArt:
    """List what may be the cover of an album."""
    own = dict.fromkeys(e.path.rpartition("/")[0] for e, _ in album.tracks)
    notes = [described[f] for f in {album.folder: None, **own} if f in described]
    labels = label_album(album, notes[0] if notes and album.is_alone else None)
    embedded = _rank_embedded(album, labels)
    if album.is_single:
        return AlbumArt(album, tuple(embedded))
    # The cover above is that of all discs; among several albums, each has its own.
    folders = [album.folder, *own] if album.is_alone else [*own, album.folder]
    beside = [
        entry
        for folder in dict.fromkeys(folders)
        for entry in pictures.read.get(folder, ())
    ]
    order = list(pictures.priority)
    if not album.is_alone and EMBEDDED in order:
        # A picture beside several albums is less likely to be of this one.
        order.remove(EMBEDDED)
        order.insert(0, EMBEDDED)
    inside = _bytes_of(embedded[0], album) if embedded else 0
    ranked = pictures.rank(beside, inside)
    small = ranked.pop("", [])
    large = max((e.size for several in ranked.values() for e in several), default=0)
    if (
        album.is_alone
        and EMBEDDED in order
        and _MUCH * inside < min(large, _MUCH * _LEAST_BYTES)
    ):
        order.remove(EMBEDDED)  # a thumbnail, beside a picture
        order.append(EMBEDDED)
    candidates: dict[tuple[str, str], Candidate] = {}
    for pattern in order:
        for candidate in (
            embedded
            if pattern == EMBEDDED
            else [Candidate(e, labels) for e in ranked[pattern] if e not in small]
        ):
            candidates.setdefault((candidate.file.path, candidate.member), candidate)
    for entry in _named_like(album, labels, beside) + small:
        candidates.setdefault((entry.path, ""), Candidate(entry, labels))
    if candidates:
        return AlbumArt(album, tuple(candidates.values()))
    return AlbumArt(album, (), _explain(album, beside, folders, pictures))


def _bytes_of(candidate: Candidate, album: Album) -> int:
    """Return how large a picture inside the music is."""
    return next(
        picture.n_bytes
        for entry, tags in album.tracks
        if entry == candidate.file
        for picture in tags.pictures
        if picture.member == candidate.member
    )


def _explain(
    album: Album,
    beside: Sequence[FileEntry],
    folders: Sequence[str],
    pictures: _Pictures,
) -> str:
    """Say which pictures an album without a cover has instead."""
    types = {
        picture.type.replace("_", " ")
        for _, tags in album.tracks
        for picture in tags.pictures
    }
    reasons = []
    if types:
        reasons.append(
            f"its music files hold only pictures of type {', '.join(sorted(types))}"
        )
    if beside:
        reasons.append(
            f"no picture there has a known name ({_list(beside, album.folder)}): "
            "add it to art_priority in covers.toml, or '*' for any"
        )
    unread = [e for folder in folders for e in pictures.unread.get(folder, ())]
    if unread:
        reasons.append(
            f"{_list(unread, album.folder)} is in a format that is not read: save it as {FORMAT_NAMES}"
        )
    below = [entry for folder in folders for entry in pictures.below(folder)]
    if below and not (beside or unread):
        reasons.append(
            f"pictures lie in a folder of their own ({_list(below, album.folder)}): "
            "copy the cover beside the music, such as to cover.jpg"
        )
    if not reasons:
        reasons.append("no picture beside or inside its music files")
    return f"album without a cover: {'; '.join(reasons)}"


def _list(entries: Sequence[FileEntry], folder: str) -> str:
    """Name a few files, as seen from a folder."""
    start = f"{folder}/" if folder else ""
    names = sorted(dict.fromkeys(e.path.removeprefix(start) for e in entries))
    more = ", …" if len(names) > _N_SHOWN else ""
    return ", ".join(names[:_N_SHOWN]) + more


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
