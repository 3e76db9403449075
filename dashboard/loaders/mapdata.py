"""What the map fetches: points, ids and colours as plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from covers.workspace.artefacts import fingerprint
from covers.workspace.registry import (
    CATALOGUE_TABLE,
    CLUSTER_TABLE,
    MAP_TABLE,
    VOTES,
)
from dashboard import place
from dashboard.data import colouring as colourings
from dashboard.loaders.kept import kept
from dashboard.loaders.state import Version, version_of
from dashboard.loaders.tables import cluster_labels, covermap, library, votes

if TYPE_CHECKING:
    from dashboard.data.colouring import Colouring


def colouring(name: str) -> Colouring:
    """Return one way to colour the covers; `name` as in `dashboard.data.colouring.CHOICES`.

    Raises
    ------
    DataError
        If what it shows was never made.
    """
    here = place.workspace()
    version = version_of(CATALOGUE_TABLE, VOTES, CLUSTER_TABLE)
    return _colouring(str(here.root), name, version)


@kept(12)
def _colouring(root: str, name: str, version: Version) -> Colouring:
    covers = library()
    if name == "cluster":
        return colourings.by_cluster(cluster_labels()[0])
    if name == "certainty":
        return colourings.by_certainty(votes(), covers)
    if name == "error":
        return colourings.by_error(votes(), covers)
    return colourings.by_year(covers) if name == "year" else colourings.by_genre(covers)


def map_version() -> str:
    """Return a name for the state of everything the map shows."""
    version = version_of(CATALOGUE_TABLE, MAP_TABLE, VOTES, CLUSTER_TABLE)
    return fingerprint([list(one) for one in version])[:16]


def map_part(version: str, part: str) -> bytes | None:
    """Return one array of the map as little-endian bytes.

    Parameters
    ----------
    version : str
        As `map_version` says; None is returned when it is no longer that.
    part : str
        ``"points"`` (float32 x, y), ``"ids"`` (16 bytes each), or the name of a
        colouring (uint16 codes).
    """
    if version != map_version():
        return None
    found = covermap()
    if part == "points":
        return np.ascontiguousarray(found.points, "<f4").tobytes()
    if part == "ids":
        ids = library().cover_ids
        return b"".join(bytes.fromhex(ids[row]) for row in found.rows)
    if part in colourings.CHOICES:
        return colouring(part).codes[found.rows].astype("<u2").tobytes()
    return None
