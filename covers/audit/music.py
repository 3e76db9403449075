"""Findings about the pictures of albums in a music library.

`collect_albums` reads the pictures of a library once, `find_album_art` compares
them and takes plain records, so that it can be tested without a music file.
"""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from covers.audit.findings import Finding, FindingKind
from covers.errors import DataError
from covers.images.audio.audio_tags import COVER_TYPES, Tags, read_member
from covers.images.content import content_id
from covers.images.decode import decode, read_bytes
from covers.images.duplicate_groups import group_near_duplicates
from covers.images.measures import measure_picture, measures_table
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
_LEAST_ALBUMS = 3
_THUMBNAIL_PX = 128
# The share of changed copies that are still recognised as the same design, so
# the chance that a difference is one; see docs/method/audit.md.
_CONFIDENCE_DIFFERENT = 0.96
_CONFIDENCE_MIXED = 0.6
_CONFIDENCE_ARTIST_TYPE = 0.9
_CONFIDENCE_SHARED = 0.6


@dataclass(frozen=True, kw_only=True)
class Art:
    """A picture of an album: a file beside the music, or inside a track.

    Parameters
    ----------
    content : str
        Content id.
    path : str
        The picture file or the track, below the source's root.
    member : str
        Which picture of the track; ``""`` for a picture file.
    """

    content: str
    path: str
    member: str = ""


@dataclass(frozen=True, kw_only=True)
class AlbumRecord:
    """The pictures of one album.

    Parameters
    ----------
    title, artist : str
        As shown; may be empty.
    cover_id : str
        The cover that the catalogue took; ``""`` where it took none.
    sidecar : Art or None
        The picture beside the music that would be taken first.
    embedded : tuple of Art
        The first picture of a cover's type in each track that has one.
    artist_pictures : tuple of Art
        Pictures of the artist, by their type or file name.
    """

    title: str
    artist: str
    cover_id: str
    sidecar: Art | None = None
    embedded: tuple[Art, ...] = ()
    artist_pictures: tuple[Art, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Library:
    """The albums of a library, and which of their pictures show the same.

    Parameters
    ----------
    albums : list of AlbumRecord
    designs : dict of str to int
        Design number by content id: equal for near-duplicates. Pictures that
        cannot be read have none.
    thumbnails : dict of str to bytes
        Small WebP by content id.
    """

    albums: list[AlbumRecord]
    designs: dict[str, int]
    thumbnails: dict[str, bytes] = field(default_factory=dict)


def find_album_art(library: Library) -> list[Finding]:
    """Compare the pictures of each album with each other and between albums."""
    findings: list[Finding] = []
    for album in library.albums:
        embedded = [art for art in album.embedded if art.content in library.designs]
        if not embedded:
            continue
        counts = Counter(library.designs[art.content] for art in embedded)
        common = counts.most_common(1)[0][0]
        usual = next(a for a in embedded if library.designs[a.content] == common)
        findings += _compare_with_sidecar(album, usual, library)
        findings += _compare_tracks(album, usual, embedded, library)
    return findings + _find_artist_photos(library)


def _compare_with_sidecar(
    album: AlbumRecord, usual: Art, library: Library
) -> list[Finding]:
    """Report an album whose sidecar shows something else than its tracks."""
    sidecar = album.sidecar
    if sidecar is None or sidecar.content not in library.designs:
        return []
    if library.designs[sidecar.content] == library.designs[usual.content]:
        return []
    return [
        _finding(
            library,
            album,
            [sidecar, usual],
            kind=FindingKind.ART_DIFFERS,
            confidence=_CONFIDENCE_DIFFERENT,
            reason=f"{_name(album)}: '{PurePosixPath(sidecar.path).name}' shows something else than "
            f"the {usual.member.partition('/')[0].replace('_', ' ')} inside '{PurePosixPath(usual.path).name}'",
        )
    ]


def _compare_tracks(
    album: AlbumRecord, usual: Art, embedded: Sequence[Art], library: Library
) -> list[Finding]:
    """Report tracks whose picture is not that of most of their album."""
    odd = [
        art
        for art in embedded
        if library.designs[art.content] != library.designs[usual.content]
    ]
    if not odd:
        return []
    few = len(odd) <= len(embedded) / 3
    first_of_each = {art.content: art for art in reversed(odd)}
    return [
        _finding(
            library,
            album,
            [*odd, usual],
            kind=FindingKind.TRACK_ART_DIFFERS,
            confidence=_CONFIDENCE_DIFFERENT if few else _CONFIDENCE_MIXED,
            reason=f"{_name(album)}: {len(odd)} of {len(embedded)} tracks carry another picture than the rest",
            shown=[*first_of_each.values(), usual],
        )
    ]


def _find_artist_photos(library: Library) -> list[Finding]:
    """Report covers that are known as, or used like, a picture of the artist."""
    known: dict[tuple[str, int], Art] = {}
    for album in library.albums:
        for art in album.artist_pictures:
            if art.content in library.designs:
                known[album.artist, library.designs[art.content]] = art
    findings = []
    shared: dict[tuple[str, int], list[AlbumRecord]] = defaultdict(list)
    for album in library.albums:
        if not album.artist or album.cover_id not in library.designs:
            continue
        design = album.artist, library.designs[album.cover_id]
        photo = known.get(design)
        if photo is not None:
            what = photo.member.partition("/")[0].replace("_", " ") or "artist"
            findings.append(
                _finding(
                    library,
                    album,
                    [photo],
                    kind=FindingKind.ARTIST_PHOTO,
                    confidence=_CONFIDENCE_ARTIST_TYPE,
                    reason=f"{_name(album)}: its cover is the picture that '{PurePosixPath(photo.path).name}' calls {what}",
                )
            )
        else:
            shared[design].append(album)
    for (artist, _), albums in shared.items():
        titles = {album.title.casefold() for album in albums}
        if len(titles) < _LEAST_ALBUMS:
            continue
        ids = tuple(dict.fromkeys(album.cover_id for album in albums))
        findings.append(
            Finding(
                kind=FindingKind.ARTIST_PHOTO,
                cover_ids=ids,
                paths=tuple(
                    art.path for album in albums for art in _art_of_cover(album)
                ),
                confidence=_CONFIDENCE_SHARED,
                reason=f"the same picture is the cover of {len(titles)} albums of {artist}",
            )
        )
    return findings


def _art_of_cover(album: AlbumRecord) -> list[Art]:
    """Return where an album's cover lies."""
    places = [*album.embedded] if album.sidecar is None else [album.sidecar]
    return [art for art in places if art.content == album.cover_id][:1]


def _finding(
    library: Library,
    album: AlbumRecord,
    arts: Sequence[Art],
    shown: Sequence[Art] | None = None,
    **said: Any,
) -> Finding:
    """Make a finding about some pictures of an album; `said` are kind, confidence and reason."""
    return Finding(
        cover_ids=(album.cover_id,) if album.cover_id else (),
        paths=tuple(dict.fromkeys(art.path for art in arts)),
        pictures=tuple(
            library.thumbnails[art.content]
            for art in (arts if shown is None else shown)
            if art.content in library.thumbnails and art.content != album.cover_id
        ),
        **said,
    )


def _name(album: AlbumRecord) -> str:
    return " - ".join(name for name in (album.artist, album.title) if name) or "album"


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
    reader = _ArtReader(root)
    records = [
        _record(offer, artist_files, covers, reader)
        for offer in find_albums(files, known, folder.priority)
    ]
    return reader.library(records, progress)


def _record(
    offer: AlbumArt,
    artist_files: Mapping[str, Sequence[str]],
    covers: Mapping[tuple[str, str], str],
    reader: _ArtReader,
) -> AlbumRecord:
    """Collect the pictures of one album."""
    album = offer.album
    labels = label_album(album)
    sidecars = (c for c in offer.candidates if not c.member)
    sidecar = next(
        (art for c in sidecars if (art := reader.file(c.file.path)) is not None), None
    )
    embedded = []
    artist_pictures = []
    for entry, tags in album.tracks:
        fitting = [p for p in tags.pictures if p.type in COVER_TYPES]
        fitting.sort(key=lambda picture: COVER_TYPES.index(picture.type))
        embedded += [
            reader.inside(entry.path, p.member, p.content_id) for p in fitting[:1]
        ]
        artist_pictures += [
            reader.inside(entry.path, p.member, p.content_id)
            for p in tags.pictures
            if p.type in ARTIST_TYPES
        ]
    for folder in (album.folder, album.folder.rpartition("/")[0]):
        photos = (reader.file(path) for path in artist_files.get(folder, ()))
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


class _ArtReader:
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
        for number, (content, art) in enumerate(self._first.items(), start=1):
            try:
                path = self._root / art.path
                data = read_member(path, art.member) if art.member else path
                image = decode(data, size_px=_THUMBNAIL_PX)
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
