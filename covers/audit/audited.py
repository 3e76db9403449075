"""What an audit looks at of each cover."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Place:
    """A file that holds a cover, and the genres that its source gives there."""

    path: str
    genres: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AuditedCover:
    """A cover of the catalogue with the measures of its picture.

    Parameters
    ----------
    cover_id, path : str
    genres : tuple of str
    artist, album : str or None
    year : int or None
    width, height : int or None
        Pixels.
    brightness, contrast, sharpness : float or None
        None where the picture was not measured.
    places : tuple of Place
        Every file that holds it.
    """

    cover_id: str
    path: str
    genres: tuple[str, ...] = ()
    artist: str | None = None
    album: str | None = None
    year: int | None = None
    width: int | None = None
    height: int | None = None
    brightness: float | None = None
    contrast: float | None = None
    sharpness: float | None = None
    places: tuple[Place, ...] = ()
