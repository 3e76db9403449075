"""Which pictures of a source may be covers, before any of them is read."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from covers.catalogue.genre_tree import GenreTree
from covers.errors import DataError
from covers.images.decode import read_short_side
from covers.intake.folders import label_by_folder
from covers.intake.music.album_art import find_albums
from covers.intake.music.album_notes import is_cue, is_nfo, read_music_file
from covers.intake.scan_record import Content, ScanRecord
from covers.intake.source_kinds import NO_REMOTE_MUSIC, detect_kind, find_apart
from covers.intake.sources import (
    MANIFEST_EXTENSIONS,
    MANIFEST_STEM,
    Candidate,
    Labels,
    ProblemKind,
    Walk,
    is_audio_name,
    is_track_name,
    walk,
)
from covers.intake.tables.manifest import read_manifest, walk_manifest
from covers.workspace.remote import path_of_source, refuse_unnamed
from covers.workspace.source_files import FileEntry, SourceKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from covers.images.audio.audio_tags import Tags
    from covers.intake.music.tag_cache import TagCache
    from covers.workspace.paths import Workspace
    from covers.workspace.remote import AnyPath
    from covers.workspace.settings import IntakeSettings, Source

_MOST_NAMED = 3


@dataclass(frozen=True)
class SourceOffer:
    """The candidates of one source.

    Parameters
    ----------
    root : Path or RemotePath
        Folder the paths begin in.
    choices : list of tuple of Candidate
        For each cover, the pictures it may be; the first that can be read is it.
    problems : list of ScanRecord
        What gave no candidate.
    notes : list of str
        Remarks for the summary.
    """

    root: AnyPath
    choices: list[tuple[Candidate, ...]]
    problems: list[ScanRecord]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class CandidateLister:
    """Looks through sources for pictures that may be covers.

    Parameters
    ----------
    workspace : Workspace
        Left out where it lies in a source.
    settings : IntakeSettings
        Priority of covers in a music library.
    tag_cache : TagCache
        Tags of music files of the last scan; brought up to date.
    progress : callable, optional
        Called with music files read for their tags, and all of them.
    """

    workspace: Workspace
    settings: IntakeSettings
    tag_cache: TagCache
    progress: Callable[[int, int], None] | None = None

    def list(self, source: Source, walked: Walk | None = None) -> SourceOffer:
        """Look through one source.

        Parameters
        ----------
        source : Source
            The source, mounted.
        walked : Walk, optional
            Its files, where `walk_source` listed them already.

        Raises
        ------
        DataError
            If the source cannot be read at all.
        """
        kind = decide_kind(self.workspace, source)
        root = source_root(self.workspace, source)
        if kind is SourceKind.MANIFEST:
            manifest = read_manifest(
                path_of_source(source.path, self.workspace.root),
                _manifest_root(self.workspace, source),
            )
            return SourceOffer(
                root,
                [(candidate,) for candidate in manifest.candidates],
                [
                    record_problem(source.name, path, problem, reason)
                    for path, problem, reason in manifest.problems
                ],
                manifest.notes,
            )
        found = walked or walk_source(self.workspace, source)
        problems = [
            record_problem(source.name, path, ProblemKind.UNREADABLE, reason)
            for path, reason in found.problems
        ]
        notes = []
        if found.n_left_out:
            notes.append(
                f"source '{source.name}': {found.n_left_out:,} hidden files and folders, "
                "or such of the system, are left out"
            )
        notes += _name_workspaces(source.name, found.workspaces)
        if kind is SourceKind.FOLDERS:
            candidates = label_by_folder(found.files)
            notes += doubt_folders(root, candidates)
            return SourceOffer(
                root, [(candidate,) for candidate in candidates], problems, notes
            )
        if not isinstance(root, Path):
            raise DataError(NO_REMOTE_MUSIC.format(root))
        tags = self.tag_cache.read(
            source.name,
            root,
            [entry for entry in found.files if _is_read_for_tags(entry.path)],
            read_music_file,
            progress=self.progress,
        )
        return _offer_albums(
            source.name,
            SourceOffer(root, [], problems, notes),
            found.files,
            tags,
            self.settings.art_priority,
        )


def _name_workspaces(source: str, workspaces: Sequence[str]) -> list[str]:
    """Say which workspaces lie in a source and are left out."""
    if not workspaces:
        return []
    named = ", ".join(f"'{one}'" for one in workspaces[:_MOST_NAMED])
    more = len(workspaces) - _MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    which = "a workspace" if len(workspaces) == 1 else f"{len(workspaces)} workspaces"
    return [f"source '{source}': left out: {which} of covers at {named}{rest}"]


def _is_read_for_tags(path: str) -> bool:
    """Say whether a file of a music library says something of an album."""
    return is_audio_name(path) or is_nfo(path) or is_cue(path)


def _offer_albums(
    source: str,
    offer: SourceOffer,
    files: Sequence[FileEntry],
    tags: Mapping[str, Tags],
    priority: Sequence[str],
) -> SourceOffer:
    """Add the albums of a music library to what is known of it."""
    offer.problems.extend(
        record_problem(source, path, ProblemKind.TAGS, read.problem)
        for path, read in tags.items()
        if read.problem
    )
    root = offer.root
    assert isinstance(root, Path)
    albums = find_albums(
        files, tags, priority, lambda entry: read_short_side(root / entry.path)
    )
    for album in albums:
        if album.candidates:
            offer.choices.append(album.candidates)
        else:
            offer.problems.append(
                record_problem(source, album.path, ProblemKind.NO_COVER, album.reason)
            )
    offer.notes.extend(_count_passed_over(source, files))
    return offer


def _count_passed_over(source: str, files: Sequence[FileEntry]) -> list[str]:
    """Count the files of a music library that are not taken in, in sentences for the summary."""
    notes = []
    unread = [e for e in files if is_track_name(e.path) and not is_audio_name(e.path)]
    if unread:
        endings = sorted({Path(e.path).suffix.lower() for e in unread})
        notes.append(
            f"source '{source}': the tags of {len(unread):,} music files ({', '.join(endings)}) are not read: "
            "their covers are those beside them, their genres those of an album.nfo or a cue sheet"
        )
    apart = find_apart(files)
    if apart:
        notes.append(
            f"source '{source}': {len(apart):,} pictures lie in folders without music, such as '{apart[0].path}', "
            "and are no covers of albums"
        )
    return notes


def doubt_folders(root: AnyPath, candidates: Sequence[Candidate]) -> list[str]:
    """Return a warning where the genres of a folder look like the wrong level of folders.

    That is where a folder has a manifest of its own, or where none of the
    first folders has the name of a known genre but most of the second ones do.
    """
    shown = Path(os.path.normpath(root)) if isinstance(root, Path) else root
    endings = tuple(f"/{MANIFEST_STEM}{ending}" for ending in MANIFEST_EXTENSIONS)
    notes = []
    below: dict[str, set[str]] = {}
    for candidate in candidates:
        path = candidate.file.path
        if f"/{path}".lower().endswith(endings):
            notes.append(
                f"'{path}' looks like a manifest: scan it as a source of its own, 'covers scan {shown / path}'"
            )
        if candidate.labels.genres:
            first = candidate.labels.genres[0]
            second, slash, _ = path.partition(f"{first}/")[2].partition("/")
            if slash:
                below.setdefault(second, set()).add(first)
    genres = {genre for labels in _distinct(candidates) for genre in labels.genres}
    table = GenreTree.read()
    known = [name for name in below if table.canonical(name)]
    if len(known) > max(1, len(below) / 2) and not any(map(table.canonical, genres)):
        above = sorted({first for name in known for first in below[name]})
        notes.append(
            f"no first folder is called like a genre, but those below '{above[0]}' are ({', '.join(sorted(known)[:3])} …): "
            f"perhaps '{shown / above[0]}' is the source; the first folder counts as the genre"
        )
    return notes


def _distinct(candidates: Sequence[Candidate]) -> list[Labels]:
    """Return labels that are not the same object, which folders share."""
    return list({id(c.labels): c.labels for c in candidates}.values())


def decide_kind(workspace: Workspace, source: Source) -> SourceKind:
    """Return the kind of a source, looking at it where its settings say ``auto``."""
    if source.kind == "auto":
        path = path_of_source(source.path, workspace.root)
        return detect_kind(path, leave_out=[workspace.root])
    return SourceKind(source.kind)


def walk_source(workspace: Workspace, source: Source) -> Walk:
    """List the files of a source.

    Raises
    ------
    DataError
        If its folder cannot be listed, or its manifest not be read.
    """
    root = source_root(workspace, source)
    if source.kind == "manifest":
        manifest = refuse_unnamed(path_of_source(source.path, workspace.root))
        return walk_manifest(manifest, _manifest_root(workspace, source))
    return walk(root, leave_out=[workspace.root])


def _manifest_root(workspace: Workspace, source: Source) -> AnyPath | None:
    return None if source.root is None else path_of_source(source.root, workspace.root)


def source_root(workspace: Workspace, source: Source) -> AnyPath:
    """Return the folder that the paths of a source are relative to.

    Raises
    ------
    DataError
        If it lies on a server that nobody but ``covers.toml`` names.
    """
    root = _manifest_root(workspace, source)
    if root is None:
        path = path_of_source(source.path, workspace.root)
        root = path.parent if source.kind == "manifest" else path
    return refuse_unnamed(root)


def record_problem(
    source: str, path: str, kind: ProblemKind, reason: str
) -> ScanRecord:
    """Make the record of something that gave no candidate."""
    content = Content(None, kind=kind, reason=reason)
    return ScanRecord(source, path, "", 0, 0, content, Labels())
