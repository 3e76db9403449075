"""What the sources of a workspace are: their kinds, their names, and whether they are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from covers.errors import DataError
from covers.images.formats import AUDIO_EXTENSIONS
from covers.intake.sources import (
    MANIFEST_EXTENSIONS,
    MANIFEST_STEM,
    explain_name,
    is_picture_name,
    is_track_name,
    show_name,
    walk,
)
from covers.workspace.registry import quote
from covers.workspace.remote import (
    RemotePath,
    is_remote,
    name_host,
    refuse_unnamed,
)
from covers.workspace.settings import Source
from covers.workspace.source_files import FileEntry, SourceKind, is_mounted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from covers.workspace.paths import Workspace
    from covers.workspace.remote import AnyPath


NO_REMOTE_MUSIC = "'{}' holds music, which is not read over the network: copy it here, or give a manifest of its covers"


def detect_kind(path: AnyPath, *, leave_out: Iterable[Path] = ()) -> SourceKind:
    """Tell a folder of covers, a manifest and a music library apart.

    A file is a manifest. A folder with a file ``manifest.csv`` (``.tsv``,
    ``.parquet``) directly in it should be given as that file; see `choose_path`.
    A folder with music is a music library, unless most of its pictures lie
    where there is no music.

    Raises
    ------
    DataError
        If it is not there, is of no known kind, or could be two.
    """
    if isinstance(path, RemotePath):
        return _detect_remote(path)
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
    return _judge_files(path, found.files)


def _detect_remote(path: RemotePath) -> SourceKind:
    """Say what lies behind an address, by its ending alone or by what is below it."""
    if path.suffix.lower() in MANIFEST_EXTENSIONS:
        return SourceKind.MANIFEST
    files = walk(refuse_unnamed(path)).files
    if not files:
        message = f"source '{path}' is empty: expected folders named after genres, or a manifest"
        raise DataError(message)
    if _judge_files(path, files) is SourceKind.MUSIC:
        raise DataError(NO_REMOTE_MUSIC.format(path))
    return SourceKind.FOLDERS


def check_kind(
    path: AnyPath, kind: SourceKind, *, leave_out: Iterable[Path] = ()
) -> SourceKind:
    """Refuse a source that cannot be of the kind a person says it is.

    Raises
    ------
    DataError
        If it is not there, is empty, a file where a folder is needed or the
        other way round, or a music library without music.
    """
    if isinstance(path, RemotePath):
        if kind is SourceKind.MUSIC:
            raise DataError(NO_REMOTE_MUSIC.format(path))
        return kind
    if path.is_file() or not path.exists():
        found = detect_kind(path)
        if found is not kind:
            message = (
                f"source '{path}' is a file: as '--kind {kind}' a folder is expected"
            )
            raise DataError(message)
        return kind
    if kind is SourceKind.MANIFEST:
        message = (
            f"source '{path}' is a folder without a file 'manifest.csv': give the manifest itself, "
            "or leave '--kind manifest' out"
        )
        raise DataError(message)
    files = walk(path, leave_out=leave_out).files
    if kind is SourceKind.MUSIC and not any(is_track_name(e.path) for e in files):
        message = (
            f"source '{path}' holds no music file ({', '.join(sorted(AUDIO_EXTENSIONS))}): "
            "leave '--kind music' out, or name the library's folder"
        )
        raise DataError(message)
    if not files:
        message = f"source '{path}' is empty: expected folders named after genres"
        raise DataError(message)
    return kind


def find_apart(files: Sequence[FileEntry]) -> list[FileEntry]:
    """Return the pictures that do not belong to music: none is beside, above or below them."""
    album_folders = _find_album_folders(files)
    above = {
        folder[:end] for folder in album_folders for end in _folder_ends(folder) if end
    }
    apart = []
    for entry in files:
        if is_picture_name(entry.path):
            folder = entry.path.rpartition("/")[0]
            beside = folder in above or any(
                folder[:end] in album_folders for end in _folder_ends(folder) if end
            )
            if not (beside or folder in album_folders):
                apart.append(entry)
    return apart


def _find_album_folders(files: Sequence[FileEntry]) -> set[str]:
    """Return the folders with music."""
    return {e.path.rpartition("/")[0] for e in files if is_track_name(e.path)}


def _judge_files(root: AnyPath, files: Sequence[FileEntry]) -> SourceKind:
    """Decide between a folder of covers and a music library."""
    n_audio = sum(is_track_name(entry.path) for entry in files)
    if not n_audio:
        return SourceKind.FOLDERS
    album_folders = _find_album_folders(files)
    n_apart = len(find_apart(files))
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


def choose_path(path: AnyPath) -> AnyPath:
    """Take the manifest of a folder that has one, such as ``covers/manifest.csv``."""
    if isinstance(path, RemotePath):
        return _choose_remote(path)
    if path.is_dir():
        for extension in sorted(MANIFEST_EXTENSIONS):
            manifest = path / f"{MANIFEST_STEM}{extension}"
            if manifest.is_file():
                return manifest
    return path


def _choose_remote(path: RemotePath) -> RemotePath:
    """Take the manifest that lies directly below an address, if there is one."""
    if path.scheme.startswith("http") or path.suffix.lower() in MANIFEST_EXTENSIONS:
        return path
    for extension in sorted(MANIFEST_EXTENSIONS):
        manifest = path / f"{MANIFEST_STEM}{extension}"
        try:
            refuse_unnamed(manifest)
            manifest.look()
        except OSError:
            continue
        return manifest
    return path


def name_source(path: AnyPath, taken: Iterable[str]) -> str:
    """Name a source after its folder, with a number where that is taken."""
    absolute = path.absolute() if isinstance(path, Path) else path
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


def find_nested(workspace_root: Path, sources: Sequence[Source]) -> list[str]:
    """Say which folders lie inside others: their covers count in both."""
    folders = [
        (source.name, (workspace_root / source.path).resolve())
        for source in sources
        if source.kind != "manifest" and not is_remote(source.path)
    ]
    return [
        f"source '{inner}' lies inside source '{outer}': its covers get the genres of both; "
        "if that is not meant, delete one of the two from covers.toml and scan again"
        for outer, above in folders
        for inner, below in folders
        if above in below.parents
    ]


def _refuse_unwritable(spelled: str) -> None:
    """Refuse a source whose name cannot be written into ``covers.toml``."""
    reason = explain_name(spelled)
    if reason is not None:
        message = f"source '{show_name(spelled)}' cannot be taken in: {reason}"
        raise DataError(message)


def join_sources(
    workspace: Workspace,
    known: Sequence[Source],
    given: Sequence[AnyPath],
    *,
    kind: str = "auto",
    root: AnyPath | None = None,
) -> tuple[list[Source], list[str]]:
    """Join the sources a person named with those the workspace knows.

    Parameters
    ----------
    workspace : Workspace
        Its folder is what the paths of `known` are relative to.
    known : sequence of Source
        From ``covers.toml``.
    given : sequence of Path or RemotePath
        From the command line; may be empty. Their servers may be talked to from now on.
    kind : {"auto", "folders", "manifest", "music"}
        Of all of `given`.
    root : Path or RemotePath, optional
        Where the paths of a manifest begin, when not in its own folder.

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
                f"no source given, and none known in '{workspace.root / 'covers.toml'}': "
                f"run 'covers scan SOURCE -w {quote(workspace.root)}'"
            )
            raise DataError(message)
        return sources, [source.name for source in sources]
    chosen: list[str] = []
    for path in [*given, *([] if root is None else [root])]:
        name_host(path)
        _refuse_unwritable(workspace.relative(path))
    for path in given:
        chosen_path = choose_path(path) if kind in {"auto", "manifest"} else path
        spelled = workspace.relative(chosen_path)
        old = next((s for s in sources if s.path == spelled), None)
        if old is not None and not is_mounted(workspace.root, old):
            chosen.append(old.name)
            continue
        if old is not None and kind == "auto":
            source = old
        else:
            found = (
                detect_kind(chosen_path, leave_out=[workspace.root])
                if kind == "auto"
                else check_kind(
                    chosen_path, SourceKind(kind), leave_out=[workspace.root]
                )
            )
            name = (
                old.name if old else name_source(chosen_path, (s.name for s in sources))
            )
            source = Source(name=name, path=spelled, kind=found.value)
        if root is not None and source.kind == "manifest":
            source = source.model_copy(update={"root": workspace.relative(root)})
        if old is None:
            sources.append(source)
        else:
            sources[sources.index(old)] = source
        chosen.append(source.name)
    return sources, chosen
