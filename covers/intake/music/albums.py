"""Which tracks of a music library are an album together, and what their tags say of it.

A folder with music is an album; folders of its discs belong to it. Where the
tracks of a folder are of several releases, by their release ids, titles and
album artists, each of these is an album. Tracks without an album are singles
where they have pictures of their own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from covers.catalogue.artists import artist_keys
from covers.catalogue.placeholders import says_unknown
from covers.images.audio.audio_tags import COVER_TYPES
from covers.intake.music.disc_folders import find_album_folders, strip_disc, title_key
from covers.intake.sources import Labels

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from covers.images.audio.audio_tags import EmbeddedPicture, Tags
    from covers.workspace.source_files import FileEntry

    Track = tuple[FileEntry, Tags]

VARIOUS = "Various Artists"
# What players write where a track has no album.
_NO_ALBUM = frozenset(
    {
        "-",
        "?",
        "n/a",
        "none",
        "[non-album tracks]",
        "[non-album track]",
        "non-album tracks",
        "[standalone recordings]",
    }
)
# Between the main artist and those who are beside them on a track.
_WITH = (
    " & ",
    ", ",
    " and ",
    " with ",
    " x ",
    " + ",
    " / ",
    "/",
    " und ",
    " et ",
    " y ",
)


@dataclass
class Album:
    """One release as it lies in a library.

    Parameters
    ----------
    folder : str
        POSIX path below the root, ``""`` for the root itself.
    name : str
        What tells it from others in the same folder; may be empty.
    is_alone : bool
        Whether it is the only album in its folder.
    is_single : bool
        Whether it is a track without an album, with a picture of its own.
    tracks : list of (FileEntry, Tags)
        In the order of their paths.
    """

    folder: str
    name: str = ""
    is_alone: bool = True
    is_single: bool = False
    tracks: list[Track] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Folder of the album as shown to people, and its name where others lie there."""
        shown = self.folder or "."
        return shown if self.is_alone else f"{shown} ({self.name or 'no album tag'})"


def group_tracks(
    tracks: Iterable[Track], with_cover: Collection[str] = ()
) -> list[Album]:
    """Put tracks together to albums.

    Parameters
    ----------
    tracks : iterable of (FileEntry, Tags)
        In the order of their paths.
    with_cover : collection of str
        Folders with a picture that has the name of a cover.

    Returns
    -------
    list of Album
        In the order of their folders.
    """
    by_folder: dict[str, list[Track]] = defaultdict(list)
    for entry, tags in tracks:
        known = replace(tags, album=None) if _is_no_album(tags.album) else tags
        by_folder[entry.path.rpartition("/")[0]].append((entry, known))
    albums_of = find_album_folders(
        {
            folder: [t.album for _, t in members]
            for folder, members in by_folder.items()
        },
        with_cover,
        {
            folder
            for folder, members in by_folder.items()
            if any(first_picture(tags) for _, tags in members)
        },
    )
    folders: dict[str, list[Track]] = defaultdict(list)
    for folder, members in by_folder.items():
        folders[albums_of[folder]] += members
    albums = []
    for folder, members in sorted(folders.items()):
        albums += _split_folder(folder, members, has_cover=folder in with_cover)
    return albums


def _is_no_album(title: str | None) -> bool:
    """Say whether a title stands where a track has no album."""
    plain = (title or "").strip().casefold()
    return plain in _NO_ALBUM or (bool(plain) and says_unknown(plain, "album"))


def first_picture(tags: Tags) -> EmbeddedPicture | None:
    """Return the picture of a track that is likeliest to be its cover."""
    fitting = [p for p in tags.pictures if p.type in COVER_TYPES]
    return min(fitting, key=lambda p: COVER_TYPES.index(p.type), default=None)


def _split_folder(
    folder: str, members: Sequence[Track], *, has_cover: bool
) -> list[Album]:
    """Part the tracks of one folder into albums."""
    titled = [t for t in members if t[1].album or t[1].release_id]
    untitled = [t for t in members if not (t[1].album or t[1].release_id)]
    parted = [part for group in _part_titled(titled) for part in _part_artists(group)]
    groups = _join_same_art(parted)
    albums = [Album(folder, _name_group(group), tracks=group) for group in groups]
    loose = _find_loose(untitled, groups, has_cover=has_cover)
    taken = {id(track) for group in loose for track in group}
    rest = [track for track in untitled if id(track) not in taken]
    if rest and albums:
        largest = max(albums, key=lambda album: len(album.tracks))
        largest.tracks = sorted([*largest.tracks, *rest], key=lambda t: t[0].path)
    elif rest:
        albums.append(Album(folder, tracks=rest))
    names = Counter(album.name for album in albums)
    for album in albums:
        if names[album.name] > 1:
            artist, _ = _name_artist([tags for _, tags in album.tracks], None)
            album.name = ", ".join(filter(None, (album.name, artist)))
    albums.sort(key=lambda album: album.name)
    for group in loose:
        name = PurePosixPath(group[0][0].path).name
        albums.append(Album(folder, name, is_single=len(group) < 2, tracks=group))
    for album in albums:
        album.is_alone = len(albums) < 2
    return albums


def _part_titled(tracks: Sequence[Track]) -> list[list[Track]]:
    """Part tracks that name an album by release id, or else title and album artist."""
    groups: dict[tuple[str, ...], list[Track]] = {}
    artists_of: dict[str, Counter[str]] = defaultdict(Counter)
    releases_of: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for _, tags in tracks:
        title, artist = title_key(tags.album), _album_artist(tags)
        if artist:
            artists_of[title][artist] += 1
        if tags.release_id:
            releases_of[title, artist][tags.release_id] += 1
            releases_of[title, ""][tags.release_id] += 1
    for track in tracks:
        tags = track[1]
        title, artist = title_key(tags.album), _album_artist(tags)
        if not artist and artists_of[title]:
            # An album artist that some tracks lack: that of its own artist, or of most.
            own = _main(tags.artist)
            known = artists_of[title]
            artist = own if own in known else known.most_common(1)[0][0]
        release = tags.release_id
        if not release and (releases := releases_of.get((title, artist))):
            release = releases.most_common(1)[0][0]
        key = ("release", release) if release else ("title", title, artist)
        groups.setdefault(key, []).append(track)
    return list(groups.values())


def _part_artists(group: list[Track]) -> list[list[Track]]:
    """Part tracks of one title by their artists, where nothing else tells two albums apart.

    They name no album artist and no release, and each artist has several, all with
    one picture that no other has. Songs of a compilation have a picture each, or share one.
    """
    by_artist: dict[str, list[Track]] = defaultdict(list)
    for track in group:
        tags = track[1]
        if tags.release_id or _album_artist(tags) or tags.is_compilation:
            return [group]
        by_artist[_main(tags.artist)].append(track)
    pictures = {
        artist: {p.content_id if (p := first_picture(t)) else None for _, t in tracks}
        for artist, tracks in by_artist.items()
    }
    own = set().union(*pictures.values()) - {None}
    are_told = len(own) == len(by_artist) and "" not in by_artist
    have_one = all(len(found) == 1 for found in pictures.values())
    have_several = all(len(tracks) > 1 for tracks in by_artist.values())
    return (
        list(by_artist.values()) if are_told and have_one and have_several else [group]
    )


def _join_same_art(groups: list[list[Track]]) -> list[list[Track]]:
    """Join groups of one title whose tracks carry the same picture.

    A compilation whose tracks name their own artists as album artists is one
    album; releases with ids of their own stay apart.
    """
    joined: dict[tuple[str, str], list[Track]] = {}
    result = []
    for group in groups:
        ids = {tags.release_id for _, tags in group}
        pictures = {p.content_id for _, t in group if (p := first_picture(t))}
        if ids != {None} or len(pictures) != 1:
            result.append(group)
            continue
        key = title_key(group[0][1].album), pictures.pop()
        if key in joined:
            joined[key] += group
        else:
            joined[key] = group
            result.append(group)
    return result


def _find_loose(
    untitled: Sequence[Track], groups: Sequence[Sequence[Track]], *, has_cover: bool
) -> list[list[Track]]:
    """Group tracks without an album by their pictures, where these are their own.

    Without any other album, they are one whose tags do not name it, if they
    have one artist, and one picture or a cover beside them.
    """
    of_albums = {
        picture.content_id
        for group in groups
        for _, tags in group
        for picture in tags.pictures
    }
    by_picture: dict[str, list[Track]] = defaultdict(list)
    for track in untitled:
        picture = first_picture(track[1])
        if picture is not None and picture.content_id not in of_albums:
            by_picture[picture.content_id].append(track)
    artists = {_main(tags.artist) for _, tags in untitled} - {""}
    is_one = len(artists) < 2 and (has_cover or len(by_picture) < 2)
    return [] if is_one and not groups else list(by_picture.values())


def _name_group(group: Sequence[Track]) -> str:
    """Return the title that tells a group from others, as a key."""
    return _commonest(key for _, t in group if (key := title_key(t.album))) or ""


def _album_artist(tags: Tags) -> str:
    """Return what tells the artist of an album from others; empty where there is none."""
    return _main(tags.album_artist) or tags.album_artist_id or ""


def _main(names: Iterable[str]) -> str:
    """Return the key of the main artist; empty where there is none."""
    return next(iter(artist_keys(*names)), "")


def label_album(album: Album, described: Tags | None = None) -> Labels:
    """Join what the tracks of an album, and its ``album.nfo``, say.

    Tags come first; the description fills in what they lack, and its genres
    are added to theirs.
    """
    all_tags = [tags for _, tags in album.tracks]
    sources = [*all_tags, described] if described else all_tags
    artist, artists = _name_artist(all_tags, described)
    n_tracks = sum(tags.n_tracks or 1 for tags in all_tags)
    extra: dict[str, object] = {"n_tracks": n_tracks}
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
    if album.is_single:
        title = album.tracks[0][1].title or PurePosixPath(album.name).stem
    return Labels(
        genres=tuple(dict.fromkeys(genre for tags in sources for genre in tags.genres)),
        artist=artist,
        artists=artists,
        album=strip_disc(title) if title else _folder_name(album.folder),
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
    alone = {
        main
        for main in mains
        if not any(
            main.startswith(tuple(other + sign for sign in _WITH)) for other in mains
        )
    }
    if len(alone) > 1:
        return VARIOUS, ()
    artist = _commonest(names for names in tracks if alone & {*artist_keys(*names)})
    if artist is None:
        return None, ()
    return "; ".join(artist), artist_keys(*artist)


def _commonest(values: Iterable[Any]) -> Any:
    """Return the most frequent value, the first of equals; None where there is none."""
    counts = Counter(value for value in values if value is not None)
    return counts.most_common(1)[0][0] if counts else None
