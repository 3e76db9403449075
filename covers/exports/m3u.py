"""A playlist (M3U) of albums, for any player: the tracks beside each cover, by relative paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from covers.errors import DataError
from covers.exports.table.cover_table import begins_with
from covers.intake.sources import is_track_name
from covers.render.text import counted
from indexer.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from covers.exports.table.cover_table import CoverTable
    from covers.workspace.paths import Workspace

_HEAD = "#EXTM3U\n#PLAYLIST:album-covers"
_LONGEST_NAME = 200


def is_own(out: Path) -> bool:
    """Say whether a file is such a playlist."""
    return begins_with(out, _HEAD.encode())


def write_m3u(covers: CoverTable, out: Path) -> list[str]:
    """Write the tracks of each cover's album, in the order of the covers.

    Where no music lies beside a cover, as in a folder of pictures, the picture
    itself is listed.

    Returns
    -------
    list of str
        A note, if covers are left out.

    Raises
    ------
    DataError
        If no file of any cover is there.
    """
    folder = Path(os.path.realpath(out.parent))
    lines = [_HEAD]
    seen: set[Path] = set()
    n_absent = 0
    locations = covers.catalogue.column("locations").to_pylist()
    for title, places in zip(covers.titles, locations, strict=True):
        files = _files(covers.workspace, places or [])
        n_absent += not files
        for path in files:
            if path not in seen:
                seen.add(path)
                lines += [f"#EXTINF:-1,{one_line(title)[:_LONGEST_NAME]}"]
                lines += [_relative(path, folder)]
    if not seen:
        message = (
            "no file of these covers is there today: bring back the folder or disk that "
            "they were scanned from, or run 'covers scan'"
        )
        raise DataError(message)
    out.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    if not n_absent:
        return []
    said = f"{counted(n_absent, 'cover')} left out, because no file is there today, or its name fits on no line of a playlist"
    return [said]


def find_tracks(workspace: Workspace, locations: list[Mapping[str, Any]]) -> list[Path]:
    """Return the music beside a cover, at the first of its locations that has any."""
    for location in locations:
        try:
            path = workspace.resolve_here(location["source"], location["path"])
            tracks = _tracks(path)
        except (DataError, OSError, ValueError):
            continue  # a path that leads out of its source, or a disk that is away
        if tracks:
            return tracks
    return []


def _files(workspace: Workspace, locations: list[Mapping[str, Any]]) -> list[Path]:
    """Return the tracks at the first location that has any, else a picture."""
    if tracks := find_tracks(workspace, locations):
        return tracks
    for location in locations:
        try:
            path = workspace.resolve_here(location["source"], location["path"])
        except (DataError, ValueError):
            continue
        if path.is_file() and _can_be_listed(path):
            return [path]
    return []


def _tracks(path: Path) -> list[Path]:
    """Return the music in the folder of a cover; where there is none, in the folders below."""
    folder = path.parent
    return _music_in(folder) or [
        track
        for below in sorted(p for p in folder.iterdir() if p.is_dir())
        for track in _music_in(below)
    ]


def _music_in(folder: Path) -> list[Path]:
    """Return the music files of a folder by name."""
    return sorted(
        path
        for path in folder.iterdir()
        if is_track_name(path.name) and path.is_file() and _can_be_listed(path)
    )


def _can_be_listed(path: Path) -> bool:
    """Say whether a path fits on one line of UTF-8."""
    text = str(path)
    return text.isprintable() and one_line(text) == text


def _relative(path: Path, folder: Path) -> str:
    """Return a path as seen from the playlist; never what a player takes for a comment or an address."""
    parent = os.path.realpath(path.parent)
    relative = Path(os.path.relpath(parent, folder), path.name).as_posix()
    return relative if relative.startswith("../") else f"./{relative}"
