"""The pictures of a music library, read from disk for the audit: beside the music and inside its tracks."""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from covers.audit.music import AlbumRecord, Art, Library
from covers.errors import DataError
from covers.images.audio.audio_tags import COVER_TYPES, Tags, read_member
from covers.images.content import content_id
from covers.images.decode import read_bytes
from covers.images.duplicates.groups import group_near_duplicates
from covers.images.measures import measure_picture, measures_table
from covers.images.outside import OutsideDecoder
from covers.intake.music.album_art import find_albums
from covers.intake.music.album_notes import is_nfo
from covers.intake.music.albums import label_album
from covers.intake.sources import is_picture_name, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from covers.images.measures import PictureMeasures
    from covers.intake.music.album_art import AlbumArt

ARTIST_TYPES = frozenset(
    {"lead_artist", "artist", "band", "conductor", "composer", "lyricist"}
)
ARTIST_STEMS = frozenset(
    {"artist", "artists", "band", "performer", "singer", "composer", "conductor"}
)
_THUMBNAIL_PX = 128


@dataclass(frozen=True, kw_only=True)
class MusicFolder:
    """A music library on disk, with what is known of it already.

    Parameters
    ----------
    root : Path
        Its folder.
    tags : mapping of str to Tags
        By path, of its music files at the last scan; others are passed over.
    priority : sequence of str
        Stems of sidecar names, and ``"embedded"``, best first.
    covers : mapping of (str, str) to str
        Cover id by path and member, as the catalogue has it.
    leave_out : iterable of Path
        Folders not to enter.
    """

    root: Path
    tags: Mapping[str, Tags]
    priority: Sequence[str]
    covers: Mapping[tuple[str, str], str]
    leave_out: Iterable[Path] = ()


def collect_albums(
    folder: MusicFolder, progress: Callable[[int, int], None] | None = None
) -> Library:
    """Read the pictures of a music library; nothing in it is changed.

    Parameters
    ----------
    folder : MusicFolder
    progress : callable, optional
        Called with pictures read and pictures in all.

    Raises
    ------
    DataError
        If the folder cannot be listed.
    """
    root, tags, covers = folder.root, folder.tags, folder.covers
    files = [
        entry
        for entry in walk(root, leave_out=folder.leave_out).files
        if is_picture_name(entry.path) or entry.path in tags
    ]
    known = {**dict.fromkeys((e.path for e in files if is_nfo(e.path)), Tags()), **tags}
    artist_files: dict[str, list[str]] = defaultdict(list)
    for entry in files:
        parent, _, name = entry.path.rpartition("/")
        if is_picture_name(name) and PurePosixPath(name).stem.lower() in ARTIST_STEMS:
            artist_files[parent].append(entry.path)
    loader = _ArtLoader(root)
    records = [
        _record(offer, artist_files, covers, loader)
        for offer in find_albums(files, known, folder.priority)
    ]
    return loader.library(records, progress)


def _record(
    offer: AlbumArt,
    artist_files: Mapping[str, Sequence[str]],
    covers: Mapping[tuple[str, str], str],
    loader: _ArtLoader,
) -> AlbumRecord:
    """Collect the pictures of one album."""
    album = offer.album
    labels = label_album(album)
    sidecars = (c for c in offer.candidates if not c.member)
    sidecar = next(
        (art for c in sidecars if (art := loader.file(c.file.path)) is not None), None
    )
    embedded = []
    artist_pictures = []
    for entry, tags in album.tracks:
        fitting = [p for p in tags.pictures if p.type in COVER_TYPES]
        fitting.sort(key=lambda picture: COVER_TYPES.index(picture.type))
        embedded += [
            loader.inside(entry.path, p.member, p.content_id) for p in fitting[:1]
        ]
        artist_pictures += [
            loader.inside(entry.path, p.member, p.content_id)
            for p in tags.pictures
            if p.type in ARTIST_TYPES
        ]
    for folder in (album.folder, album.folder.rpartition("/")[0]):
        photos = (loader.file(path) for path in artist_files.get(folder, ()))
        artist_pictures += [art for art in photos if art is not None]
    taken = (covers.get((c.file.path, c.member)) for c in offer.candidates)
    return AlbumRecord(
        title=labels.album or "",
        artist=labels.artist or "",
        cover_id=next((cover_id for cover_id in taken if cover_id), ""),
        sidecar=sidecar,
        embedded=tuple(embedded),
        artist_pictures=tuple(dict.fromkeys(artist_pictures)),
    )


class _ArtLoader:
    """Reads every distinct picture once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, Art | None] = {}
        self._first: dict[str, Art] = {}

    def file(self, path: str) -> Art | None:
        """Return a picture file, None where it cannot be read."""
        if path not in self._files:
            try:
                content = content_id(read_bytes(self._root / path))
            except DataError:
                self._files[path] = None
            else:
                self._files[path] = self.inside(path, "", content)
        return self._files[path]

    def inside(self, path: str, member: str, content: str) -> Art:
        """Return a picture whose content id is known already."""
        art = Art(content=content, path=path, member=member)
        self._first.setdefault(content, art)
        return art

    def library(
        self,
        albums: list[AlbumRecord],
        progress: Callable[[int, int], None] | None,
    ) -> Library:
        """Measure all pictures and number their designs."""
        measures: dict[str, PictureMeasures] = {}
        thumbnails: dict[str, bytes] = {}
        with OutsideDecoder() as decoder:
            for number, (content, art) in enumerate(self._first.items(), start=1):
                try:
                    path = self._root / art.path
                    data = (
                        read_member(path, art.member)
                        if art.member
                        else read_bytes(path)
                    )
                    image = decoder.decode(data, size_px=_THUMBNAIL_PX)
                except DataError:
                    continue
                measures[content] = measure_picture(image)
                image.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
                buffer = io.BytesIO()
                image.save(buffer, "WEBP", quality=75, method=2)
                thumbnails[content] = buffer.getvalue()
                if progress is not None:
                    progress(number, len(self._first))
        groups = group_near_duplicates(
            measures_table(list(measures), list(measures.values()))
        )
        designs = dict(zip(measures, groups.tolist(), strict=True))
        return Library(albums=albums, designs=designs, thumbnails=thumbnails)
