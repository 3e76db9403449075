"""Some covers to take along as they are handed out in a browser: a table, their pictures, a playlist."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from covers.errors import DataError
from covers.exports.m3u import find_tracks
from covers.stats.rows import RowsById
from indexer.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.catalogue.table import Catalogue
    from covers.workspace.paths import Workspace

MOST_MEBIBYTES = 400
"""Pictures that a zip holds at most; the rest is named in its list."""
_HEADER = ("cover_id", "source", "path", "artist", "album", "year", "genres", "split")
_SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif"}


def table_of(catalogue: Catalogue, cover_ids: Sequence[str], tag: str = "") -> str:
    """Return covers with their paths as CSV; cells that a spreadsheet would run are quoted.

    Parameters
    ----------
    catalogue : Catalogue
    cover_ids : sequence of str
        In the order of the rows; unknown ones are left out.
    tag : str, optional
        A word that every row gets in a column of its own.

    Examples
    --------
    >>> table_of(library.catalogue, [cover_id]).splitlines()[0]
    'cover_id,source,path,artist,album,year,genres,split'
    """
    from covers.workspace.disk.text_tables import csv_text

    columns = {name: catalogue.column(name) for name in _HEADER[:-3]}
    years, splits = catalogue.column("year"), catalogue.splits
    lines = []
    for row in _rows(catalogue, cover_ids):
        known = [columns[name][row] or "" for name in columns]
        year = "" if years[row] is None else str(years[row])
        genres = ";".join(catalogue.genres[row])
        lines.append([*known, year, genres, str(splits[row]), *([tag] if tag else [])])
    return csv_text([*_HEADER, *(["tag"] if tag else [])], lines)


def pictures_of(
    workspace: Workspace, catalogue: Catalogue, cover_ids: Sequence[str]
) -> bytes:
    """Return the pictures of covers as a zip, with a table of what they are.

    A picture is taken from its source; where that is not to be had, its thumbnail.

    Parameters
    ----------
    workspace : Workspace
    catalogue : Catalogue
    cover_ids : sequence of str
    """
    from covers.images.locations import read_cover_or_thumbnail

    locations, formats = catalogue.table["locations"], catalogue.column("format")
    content = io.BytesIO()
    left = MOST_MEBIBYTES * 2**20
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
        file.writestr("covers.csv", table_of(catalogue, cover_ids))
        for row in _rows(catalogue, cover_ids):
            cover_id = catalogue.cover_ids[row]
            suffix = _SUFFIXES.get(str(formats[row]).upper(), "img")
            try:
                picture, is_thumbnail = read_cover_or_thumbnail(
                    workspace, cover_id, locations[row].as_py()
                )
            except DataError:
                continue
            suffix = "jpg" if is_thumbnail else suffix
            left -= len(picture)
            if left < 0:
                break
            file.writestr(f"{cover_id}.{suffix}", picture)
    return content.getvalue()


def playlist_of(
    workspace: Workspace, catalogue: Catalogue, cover_ids: Sequence[str]
) -> str:
    """Return an M3U playlist of the albums behind covers; empty where no music lies beside them.

    Paths are whole, because nobody knows where a browser will put the file; a
    playlist with relative ones is `covers export m3u`.

    Parameters
    ----------
    workspace : Workspace
    catalogue : Catalogue
    cover_ids : sequence of str
    """
    locations = catalogue.table["locations"]
    artists, albums = catalogue.column("artist"), catalogue.column("album")
    lines, seen = ["#EXTM3U"], set()
    for row in _rows(catalogue, cover_ids):
        name = " - ".join(filter(None, (artists[row], albums[row])))
        for track in find_tracks(workspace, locations[row].as_py()):
            if track not in seen:
                seen.add(track)
                lines += [f"#EXTINF:-1,{one_line(name)}", str(track.absolute())]
    return "\n".join(lines) + "\n" if seen else ""


def _rows(catalogue: Catalogue, cover_ids: Sequence[str]) -> list[int]:
    """Return the rows of those covers that are there."""
    rows = RowsById(catalogue.cover_ids).of(list(cover_ids))
    return [row for row in rows.tolist() if row >= 0]
