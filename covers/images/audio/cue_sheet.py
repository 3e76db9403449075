"""Cue sheets: a text beside, or inside, one long music file that describes its album."""

from __future__ import annotations

import re
from dataclasses import dataclass

from covers.images.audio.genre_numbers import name_genres
from covers.images.audio.tag_values import parse_year

MAX_LETTERS = 2**20
_MAX_LINE = 1000
_MAX_FILES = 1000
_LINE = re.compile(
    r"""\ufeff?\s*(?:REM\s+)?(GENRE|DATE|YEAR|PERFORMER|TITLE|FILE|TRACK)\s+(?:"([^"]*)"|(\S.*?))(?:\s+(?:WAVE|MP3|AIFF|FLAC|BINARY|MOTOROLA|AUDIO))?\s*""",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class CueSheet:
    """The header of a cue sheet, and the number of its tracks.

    Parameters
    ----------
    title, performer : str, optional
        Of the album.
    year : int, optional
    genres : tuple of str
    n_tracks : int, optional
    files : tuple of str
        Names of the music files that it is about.
    """

    title: str | None
    performer: str | None
    year: int | None
    genres: tuple[str, ...]
    n_tracks: int | None
    files: tuple[str, ...]


def parse_cue_sheet(text: str) -> CueSheet:
    """Read a cue sheet; what is no line of one is passed over."""
    said: dict[str, str] = {}
    files: dict[str, None] = {}
    n_tracks = 0
    for line in text[:MAX_LETTERS].splitlines():
        match = _LINE.fullmatch(line[:_MAX_LINE])
        if match is None:
            continue
        name = match.group(1).upper()
        value = match.group(2) or _without_quotes(match.group(3) or "")
        if name == "FILE":
            files[value] = None
        elif name == "TRACK":
            n_tracks += 1
        elif not n_tracks and (stripped := value.strip()):
            said.setdefault(name, stripped)
    return CueSheet(
        title=said.get("TITLE"),
        performer=said.get("PERFORMER"),
        year=parse_year(said.get("DATE")) or parse_year(said.get("YEAR")),
        genres=name_genres([said["GENRE"]]) if "GENRE" in said else (),
        n_tracks=n_tracks or None,
        files=tuple(files)[:_MAX_FILES],
    )


def _without_quotes(value: str) -> str:
    """Take off the quotes around a text that holds others, doubled or not."""
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        return value[1:-1].replace('""', '"')
    return value
