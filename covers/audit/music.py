"""Findings about the pictures of albums in a music library.

`covers.audit.album_art.collect_albums` reads the pictures of a library once,
`find_album_art` compares them and takes plain records, so that it can be tested
without a music file.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from covers.audit.findings import Finding, FindingKind

if TYPE_CHECKING:
    from collections.abc import Sequence


_LEAST_ALBUMS = 3
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
