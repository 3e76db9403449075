"""Which covers belong to one album: what people give a genre to.

Letters: N covers, A albums, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.catalogue.matching import fold_name

if TYPE_CHECKING:
    import pyarrow as pa

RELEASE = "musicbrainz_release"


@dataclass(frozen=True, kw_only=True)
class Album:
    """An album, and where its covers stand.

    Parameters
    ----------
    rows : tuple of int
        Of its covers in the table.
    artist, album : str or None
        As its first cover has them.
    release : str or None
        The id that MusicBrainz gives this release.
    """

    rows: tuple[int, ...]
    artist: str | None = None
    album: str | None = None
    release: str | None = None


def group_albums(table: pa.Table) -> list[Album]:
    """Put the covers of one album together.

    Covers of one release id are one album; without an id, those of one artist
    and title. A cover of which neither is known is an album by itself.

    Parameters
    ----------
    table : pyarrow.Table
        Rows of a catalogue.

    Returns
    -------
    list of Album
        In the order of their first covers.
    """
    artists, albums = _texts(table, "artist"), _texts(table, "album")
    releases = _texts(table, RELEASE)
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, (artist, album, release) in enumerate(
        zip(artists, albums, releases, strict=True)
    ):
        if release:
            key: tuple[str, ...] = ("release", release)
        elif artist and album:
            key = ("title", fold_name(artist), fold_name(album))
        else:
            key = ("cover", str(row))
        groups.setdefault(key, []).append(row)
    return [
        Album(
            rows=tuple(rows),
            artist=artists[rows[0]],
            album=albums[rows[0]],
            release=releases[rows[0]],
        )
        for rows in groups.values()
    ]


def mean_by_album(
    values: npt.NDArray[np.floating[Any]], albums: list[Album]
) -> npt.NDArray[np.float64]:
    """Return the mean of each album's covers.

    Parameters
    ----------
    values : ndarray of float, shape (n_covers, n_genres)
        Rows of NaN are covers of which nothing is known.
    albums : list of Album

    Returns
    -------
    ndarray of float64, shape (n_albums, n_genres)
        NaN where nothing is known of any cover.
    """
    means = np.full((len(albums), values.shape[1]), np.nan)  # (A, G)
    for number, album in enumerate(albums):
        known = values[list(album.rows)]
        known = known[np.isfinite(known).all(axis=1)]
        if len(known):
            means[number] = known.mean(axis=0, dtype=np.float64)
    return means


def _texts(table: pa.Table, name: str) -> list[str | None]:
    """Return a column as text, None where there is none."""
    if name not in table.column_names:
        return [None] * int(table.num_rows)
    return [
        None if v is None or not str(v).strip() else str(v)
        for v in table.column(name).to_pylist()
    ]
