"""Where covers come from, and what every kind of source hands to the scan.

A source is walked without changing anything in it: system litter is left out,
links that lead in circles and names that cannot be written down are listed.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from covers.catalogue.pictures import EXTENSIONS
from covers.errors import DataError
from covers.settings import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

AUDIO_EXTENSIONS = frozenset(
    {
        ".mp3",
        ".mp2",
        ".flac",
        ".ogg",
        ".oga",
        ".opus",
        ".spx",
        ".m4a",
        ".m4b",
        ".mp4",
        ".wma",
        ".asf",
        ".wav",
        ".aiff",
        ".aif",
        ".aifc",
    }
)
MANIFEST_EXTENSIONS = frozenset({".csv", ".tsv", ".tab", ".parquet"})
MANIFEST_STEM = "manifest"
_LITTER = frozenset(
    {
        "@eadir",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "__macosx",
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "#recycle",
        "#snapshot",
        "icon\r",
    }
)


class SourceKind(StrEnum):
    """What a source is."""

    FOLDERS = "folders"
    MANIFEST = "manifest"
    MUSIC = "music"


class ProblemKind(StrEnum):
    """Why something in a source gave no cover."""

    BROKEN = "broken"  # a file that is no picture, or a damaged one
    MISSING = "missing"  # a manifest names it, but it is not there
    UNREADABLE = "unreadable"  # no permission, a broken link, an unwritable name
    NO_COVER = "no cover"  # an album without art
    TAGS = "tags"  # a music file or album.nfo whose tags cannot be read


@dataclass(frozen=True, slots=True)
class Labels:
    """What a place says about a cover.

    Parameters
    ----------
    genres : tuple of str
        Raw names, as they stand there.
    artist, album, year, release_group : optional
        None where unknown.
    artists : tuple of str
        Names that tie covers together in splits, the main one first; empty
        where unknown or various.
    split : str, optional
        ``"train"``, ``"valid"`` or ``"test"`` where the place decides it.
    extra : dict
        Further columns of a manifest.
    """

    genres: tuple[str, ...] = ()
    artist: str | None = None
    artists: tuple[str, ...] = ()
    album: str | None = None
    year: int | None = None
    release_group: str | None = None
    split: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file below a source's root.

    Parameters
    ----------
    path : str
        POSIX path below the root.
    size : int
        Bytes.
    mtime_ns : int
        Time of the last change, in nanoseconds.
    """

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that may be a cover: a file, or a picture inside a music file."""

    file: FileEntry
    labels: Labels
    member: str = ""


@dataclass(frozen=True, slots=True)
class Walk:
    """What lies below a folder.

    Parameters
    ----------
    files : list of FileEntry
        Regular files, litter left out, in the order of their paths.
    problems : list of (path, reason)
        Folders and files that could not be looked at.
    n_left_out : int
        Number of hidden files and system litter passed over.
    """

    files: list[FileEntry]
    problems: list[tuple[str, str]]
    n_left_out: int


def is_litter(name: str) -> bool:
    """Say whether a file or folder of this name is hidden or belongs to the system.

    Examples
    --------
    >>> is_litter("._cover.jpg"), is_litter("@eaDir"), is_litter("cover.jpg")
    (True, True, False)
    """
    return name.startswith((".", "~$")) or name.lower() in _LITTER


def is_picture_name(name: str) -> bool:
    """Say whether the ending of a name promises a picture."""
    return os.path.splitext(name)[1].lower() in EXTENSIONS  # noqa: PTH122  strings, 100,000 times


def is_audio_name(name: str) -> bool:
    """Say whether the ending of a name promises music."""
    return os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS  # noqa: PTH122  strings, 100,000 times


def show_name(name: str) -> str:
    r"""Make any file name writable as UTF-8 text.

    Examples
    --------
    >>> show_name("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def walk(root: Path, *, leave_out: Iterable[Path] = ()) -> Walk:
    """List the files below a folder.

    Links are followed, after everything that is no link; a folder is entered
    only once, so that circles of links end.

    Parameters
    ----------
    root : Path
        An existing folder.
    leave_out : iterable of Path
        Folders not to enter, such as a workspace that lies in its own source.

    Raises
    ------
    DataError
        If `root` itself cannot be listed.
    """
    walker = _Walker(leave_out)
    try:
        walker.enter(os.fspath(root), "")
    except OSError as error:
        message = f"cannot list '{root}': {error.strerror}; check its permissions"
        raise DataError(message) from error
    walker.run()
    walker.files.sort(key=lambda entry: entry.path)
    return Walk(walker.files, sorted(walker.problems), walker.n_left_out)


class _Walker:
    """One walk: what is still to be entered and what was found."""

    def __init__(self, leave_out: Iterable[Path]) -> None:
        self.files: list[FileEntry] = []
        self.problems: list[tuple[str, str]] = []
        self.n_left_out = 0
        self._folders: list[tuple[str, str]] = []
        self._links: list[tuple[str, str]] = []
        self._entered: set[tuple[int, int]] = set()
        for folder in leave_out:
            try:
                status = folder.stat()
            except OSError:
                continue
            self._entered.add((status.st_dev, status.st_ino))
        self._left_out = frozenset(self._entered)

    def run(self) -> None:
        """Enter all folders, those behind links last."""
        while self._folders or self._links:
            full, path = (self._folders or self._links).pop()
            try:
                self.enter(full, path)
            except OSError as error:
                self._report(
                    path, f"folder cannot be listed: {error.strerror or error}"
                )

    def enter(self, full: str, path: str) -> None:
        """List one folder."""
        status = os.stat(full)  # noqa: PTH116  strings, 100,000 times
        identity = (status.st_dev, status.st_ino)
        if identity in self._entered:
            if identity not in self._left_out:
                self._report(
                    path, "a link to a folder that is read under another name, too"
                )
            return
        self._entered.add(identity)
        with os.scandir(full) as entries:
            for entry in entries:
                self._look_at(entry, f"{path}/{entry.name}" if path else entry.name)

    def _look_at(self, entry: os.DirEntry[str], path: str) -> None:
        """Sort one entry into files, folders, links and problems."""
        if is_litter(entry.name):
            self.n_left_out += 1
            return
        try:
            status = entry.stat()
        except OSError as error:
            reason = (
                "a link that leads nowhere or in a circle"
                if entry.is_symlink()
                else f"cannot be looked at: {error.strerror}"
            )
            self._report(path, reason)
            return
        if stat.S_ISDIR(status.st_mode):
            (self._links if entry.is_symlink() else self._folders).append(
                (entry.path, path)
            )
        elif not stat.S_ISREG(status.st_mode):
            self._report(path, "not a regular file")
        elif not _is_utf8(path):
            self._report(path, "its name is not valid UTF-8: rename it")
        else:
            self.files.append(FileEntry(path, status.st_size, status.st_mtime_ns))

    def _report(self, path: str, reason: str) -> None:
        self.problems.append((show_name(path), reason))


def _is_utf8(text: str) -> bool:
    """Say whether a name can be written as UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def detect_kind(path: Path, *, leave_out: Iterable[Path] = ()) -> SourceKind:
    """Tell a folder of covers, a manifest and a music library apart.

    A file is a manifest. A folder with a file ``manifest.csv`` (``.tsv``,
    ``.parquet``) directly in it should be given as that file; see `choose_path`.
    A folder with music is a music library, unless most of its pictures lie
    where there is no music.

    Raises
    ------
    DataError
        If `path` is not there, is of no known kind, or could be two.
    """
    if path.is_file():
        if path.suffix.lower() in MANIFEST_EXTENSIONS:
            return SourceKind.MANIFEST
        message = (
            f"source '{path}' is a file but no manifest: expected a folder, or a table ending in "
            f"{', '.join(sorted(MANIFEST_EXTENSIONS))} with a column 'path'"
        )
        raise DataError(message)
    if not path.is_dir():
        message = f"no source '{path}': expected a folder of covers, a manifest or a music library"
        raise DataError(message)
    found = walk(path, leave_out=leave_out)
    if not found.files and not found.problems:
        message = (
            f"source '{path}' is empty: expected folders named after genres, or music"
        )
        raise DataError(message)
    return _judge(path, found.files)


def _judge(root: Path, files: Sequence[FileEntry]) -> SourceKind:
    """Decide between a folder of covers and a music library."""
    album_folders: set[str] = set()
    n_audio = 0
    for entry in files:
        if is_audio_name(entry.path):
            n_audio += 1
            album_folders.add(entry.path.rpartition("/")[0])
    if not n_audio:
        return SourceKind.FOLDERS
    # A picture belongs to the music when there is music beside, above or below it.
    above = {
        folder[:end] for folder in album_folders for end in _folder_ends(folder) if end
    }
    n_apart = 0
    for entry in files:
        if is_picture_name(entry.path):
            folder = entry.path.rpartition("/")[0]
            beside = folder in above or any(
                folder[:end] in album_folders for end in _folder_ends(folder) if end
            )
            n_apart += not (beside or folder in album_folders)
    if n_apart <= len(album_folders):
        return SourceKind.MUSIC
    if n_apart > 100 * n_audio:
        return SourceKind.FOLDERS
    message = (
        f"'{root}' holds {n_audio} music files, but also {n_apart} pictures in folders without music: "
        f"say which it is with '--kind music' or '--kind folders', or scan its parts one by one"
    )
    raise DataError(message)


def _folder_ends(folder: str) -> Iterator[int]:
    """Yield where each leading part of a POSIX path ends."""
    end = folder.find("/")
    while end != -1:
        yield end
        end = folder.find("/", end + 1)
    yield len(folder)


def choose_path(path: Path) -> Path:
    """Take the manifest of a folder that has one, such as ``covers/manifest.csv``."""
    if path.is_dir():
        for extension in sorted(MANIFEST_EXTENSIONS):
            manifest = path / f"{MANIFEST_STEM}{extension}"
            if manifest.is_file():
                return manifest
    return path


def name_source(path: Path, taken: Iterable[str]) -> str:
    """Name a source after its folder, with a number where that is taken."""
    absolute = path.absolute()
    base = absolute.stem if path.suffix.lower() in MANIFEST_EXTENSIONS else path.name
    if not base or base.lower() == MANIFEST_STEM:
        base = absolute.parent.name if base else absolute.name
    base = show_name(base) or "source"
    names = set(taken)
    number, name = 1, base
    while name in names:
        number += 1
        name = f"{base}-{number}"
    return name


def is_mounted(root: Path, source: Source) -> bool:
    """Say whether a source can be reached today.

    An empty folder counts as not mounted: that is what a mount point looks
    like without its disk.
    """
    path = root / source.path
    if source.kind == "manifest":
        return path.is_file()
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def settle_sources(
    workspace_root: Path,
    known: Sequence[Source],
    given: Sequence[Path],
    *,
    kind: str = "auto",
    root: Path | None = None,
    relative: Callable[[Path], str],
) -> tuple[list[Source], list[str]]:
    """Join the sources a person named with those the workspace knows.

    Parameters
    ----------
    workspace_root : Path
        Folder the paths of `known` are relative to.
    known : sequence of Source
        From ``covers.toml``.
    given : sequence of Path
        From the command line; may be empty.
    kind : {"auto", "folders", "manifest", "music"}
        Of all of `given`.
    root : Path, optional
        Where the paths of a manifest begin, when not in its own folder.
    relative : callable
        Writes a path relative to the workspace.

    Returns
    -------
    (list of Source, list of str)
        All sources, and the names of those to scan now: the given ones, or
        all when none is given.

    Raises
    ------
    DataError
        If nothing is given and nothing known, or a given source is not there.
    """
    sources = list(known)
    if not given:
        if not sources:
            message = (
                f"no source given, and none known in '{workspace_root / 'covers.toml'}': "
                f"run 'covers scan SOURCE -w {workspace_root}'"
            )
            raise DataError(message)
        return sources, [source.name for source in sources]
    chosen: list[str] = []
    for path in given:
        place = choose_path(path) if kind in {"auto", "manifest"} else path
        spelled = relative(place)
        old = next((s for s in sources if s.path == spelled), None)
        if old is not None and not is_mounted(workspace_root, old):
            chosen.append(old.name)
            continue
        if old is not None and kind == "auto":
            settled = old
        else:
            found = (
                detect_kind(place, leave_out=[workspace_root])
                if kind == "auto" or not place.exists()
                else SourceKind(kind)
            )
            name = old.name if old else name_source(place, (s.name for s in sources))
            settled = Source(name=name, path=spelled, kind=found.value)
        if root is not None and settled.kind == "manifest":
            settled = settled.model_copy(update={"root": relative(root)})
        if old is None:
            sources.append(settled)
        else:
            sources[sources.index(old)] = settled
        chosen.append(settled.name)
    return sources, chosen
