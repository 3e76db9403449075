"""Where covers come from, and what every kind of source hands to the scan.

A source is walked without changing anything in it: system litter is left out,
links that lead in circles and names that cannot be written down are listed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from covers.errors import DataError
from covers.images.formats import (
    AUDIO_EXTENSIONS,
    EXTENSIONS,
    UNREAD_AUDIO_EXTENSIONS,
)
from covers.workspace import registry
from covers.workspace.remote import RemotePath
from covers.workspace.source_files import FileEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from covers.workspace.remote import AnyPath

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
        "#recycle",
        "#snapshot",
        "icon\r",
    }
)
# Where a disk puts what its repair saves: as a rule closed, and of no interest;
# where it can be read, it is a folder like any other.
_OF_THE_DISK = "lost+found"


class ProblemKind(StrEnum):
    """Why something in a source gave no cover."""

    BROKEN = "broken"  # a file that is no picture, or a damaged one
    MISSING = "missing"  # a manifest names it, but it is not there
    UNREADABLE = "unreadable"  # no permission, a broken link, an unwritable name
    NO_COVER = "no cover"  # an album without art
    GENRES = "genres"  # a text where genres are expected that is too long for it
    TAGS = "tags"  # a music file or album.nfo whose tags cannot be read


@dataclass(frozen=True, slots=True)
class Labels:
    """What a source says about a cover.

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
        ``"train"``, ``"valid"`` or ``"test"`` where the source decides it.
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
    extra: dict[str, object] = field(default_factory=dict)


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
    workspaces : tuple of str
        Workspaces of covers that lie in it and are left out: their thumbnails are
        no covers. ``"."`` is the folder itself, whose other folders are looked at.
    """

    files: list[FileEntry]
    problems: list[tuple[str, str]]
    n_left_out: int
    workspaces: tuple[str, ...] = ()


def is_litter(name: str) -> bool:
    """Say whether a file or folder of this name is hidden or belongs to the system.

    A name that begins with several dots, or has words behind its dot, is a title.

    Examples
    --------
    >>> is_litter("._cover.jpg"), is_litter("@eaDir"), is_litter("cover.jpg")
    (True, True, False)
    >>> is_litter("...And Justice for All"), is_litter(".5 The Gray Chapter"), is_litter(".git")
    (False, False, True)
    """
    if name.startswith("."):
        return name.startswith(("._", ".~")) or not (
            name.startswith("..") or " " in name
        )
    return name.startswith("~$") or name.lower() in _LITTER


def is_picture_name(name: str) -> bool:
    """Say whether the ending of a name promises a picture."""
    return os.path.splitext(name)[1].lower() in EXTENSIONS  # noqa: PTH122  strings, 100,000 times


def is_track_name(name: str) -> bool:
    """Say whether the ending of a name promises music, with tags that are read or not."""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122  strings, 100,000 times
    return ending in AUDIO_EXTENSIONS or ending in UNREAD_AUDIO_EXTENSIONS


def is_audio_name(name: str) -> bool:
    """Say whether the ending of a name promises music whose tags are read."""
    return os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS  # noqa: PTH122  strings, 100,000 times


def show_name(name: str) -> str:
    r"""Make any file name writable as UTF-8 text.

    Examples
    --------
    >>> show_name("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def walk(root: AnyPath, *, leave_out: Iterable[Path] = ()) -> Walk:
    """List the files below a folder.

    Links are followed, after everything that is no link; a folder is entered
    only once, so that circles of links end.

    Parameters
    ----------
    root : Path or RemotePath
        An existing folder, or what is called one in an object store.
    leave_out : iterable of Path
        Folders not to enter, such as a workspace that lies in its own source.

    Raises
    ------
    DataError
        If `root` itself cannot be listed.
    """
    if isinstance(root, RemotePath):
        return _walk_remote(root)
    walker = _Walker(leave_out)
    try:
        if os.stat(root).st_dev in _devices_of_the_system():  # noqa: PTH116
            message = f"'{root}' is a folder of the system and never ends: give a folder of covers"
            raise DataError(message)
        walker.enter(os.fspath(root), "")
    except OSError as error:
        message = f"cannot list '{root}': {error.strerror}; check its permissions"
        raise DataError(message) from error
    walker.run()
    walker.files.sort(key=lambda entry: entry.path)
    return Walk(
        walker.files,
        sorted(walker.problems),
        walker.n_left_out,
        tuple(sorted(walker.workspaces)),
    )


def _walk_remote(root: RemotePath) -> Walk:
    """List what an object store has below an address."""
    files: list[FileEntry] = []
    n_left_out = 0
    try:
        for entry in root.files():
            if any(is_litter(name) for name in entry.path.split("/")):
                n_left_out += 1
            else:
                files.append(entry)
    except OSError as error:
        message = f"cannot list '{root}': {error}"
        raise DataError(message) from error
    files.sort(key=lambda entry: entry.path)
    found = [e.path.rpartition("/")[0] for e in files if _is_settings(e.path)]
    inside = tuple(f"{folder}/" if folder else folder for folder in found)
    files = [entry for entry in files if not _is_of_workspace(entry.path, inside)]
    return Walk(files, [], n_left_out, tuple(folder or "." for folder in found))


def _is_settings(path: str) -> bool:
    """Say whether a file makes its folder a workspace of covers."""
    return path.rpartition("/")[2] == registry.CONFIG.path


def _is_of_workspace(path: str, workspaces: Sequence[str]) -> bool:
    """Say whether a file belongs to one of some workspaces; ``""`` is the source itself."""
    return any(
        path.startswith(inside)
        if inside
        else path.partition("/")[0] in registry.FOLDERS
        for inside in workspaces
    )


class _Walker:
    """One walk: what is still to be entered and what was found."""

    def __init__(self, leave_out: Iterable[Path]) -> None:
        self.files: list[FileEntry] = []
        self.problems: list[tuple[str, str]] = []
        self.n_left_out = 0
        self.workspaces: list[str] = []
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
                if path.rpartition("/")[2] == _OF_THE_DISK:
                    self.n_left_out += 1
                    continue
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
        if status.st_dev in _devices_of_the_system():
            self._report(path, "a folder of the system, not of files")
            return
        self._entered.add(identity)
        with os.scandir(full) as opened:
            entries = list(opened)
        if any(_is_settings(entry.name) for entry in entries):
            self.workspaces.append(path or ".")
            if path:
                return
            entries = [e for e in entries if e.name not in registry.FOLDERS]
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
        elif (unwritable := explain_name(path)) is not None:
            self._report(path, unwritable)
        else:
            self.files.append(FileEntry(path, status.st_size, status.st_mtime_ns))

    def _report(self, path: str, reason: str) -> None:
        self.problems.append((show_name(path), reason))


@cache
def _devices_of_the_system() -> frozenset[int]:
    """Return the devices whose files are made up while they are read, and never end."""
    found = set()
    for name in ("/proc", "/sys"):
        with contextlib.suppress(OSError):
            found.add(os.stat(name).st_dev)  # noqa: PTH116
    with contextlib.suppress(OSError):
        found.discard(os.stat("/").st_dev)  # noqa: PTH116
    return frozenset(found)


def explain_name(path: str) -> str | None:
    """Say why a name cannot be written as UTF-8: by itself, or in this locale; None if it can."""
    if _is_utf8(path):
        return None
    if _is_utf8(os.fsencode(path).decode("utf-8", "surrogateescape")):
        encoding = sys.getfilesystemencoding()
        return f"its name cannot be read in this locale ({encoding}): set PYTHONUTF8=1"
    return "its name is not valid UTF-8: rename it"


def _is_utf8(text: str) -> bool:
    """Say whether a name can be written as UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
