"""What the map fetches: points, ids and colours as plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.cluster.map.regions import name_regions, place_words
from covers.cluster.words.names import words_on_map
from covers.errors import CoversError
from covers.workspace.artefacts import fingerprint
from covers.workspace.registry import (
    CATALOGUE_TABLE,
    CLUSTER_TABLE,
    MAP_TABLE,
    NAMES_DOCUMENT,
    VOTES,
)
from dashboard import arguments
from dashboard.data import colouring as colourings
from dashboard.loaders.cached import cached
from dashboard.loaders.state import Version, at, version_of
from dashboard.loaders.tables import (
    cluster_labels,
    covermap,
    library,
    names_of_clusters,
    votes,
)

if TYPE_CHECKING:
    from covers.cluster.map.regions import Region
    from dashboard.data.colouring import Colouring

_MASKED = 32


def choices() -> dict[str, str]:
    """Return the colourings for which there is something to show, and what they are called."""
    here = arguments.workspace()
    version = version_of(CATALOGUE_TABLE, VOTES, CLUSTER_TABLE)
    return _choices(str(here.root), version)


@cached(3)
def _choices(root: str, version: Version) -> dict[str, str]:
    covers = library()
    known = {"genre": True, "year": covers.year_range is not None}
    known["cluster"] = _is_there(CLUSTER_TABLE.path)
    known["certainty"] = known["error"] = _is_there(VOTES.path)
    return {n: said for n, said in colourings.CHOICES.items() if known[n]}


def _is_there(path: str) -> bool:
    return (arguments.workspace().root / path).is_file()


def colouring(name: str) -> Colouring:
    """Return one way to colour the covers; `name` as in `dashboard.data.colouring.CHOICES`.

    Raises
    ------
    DataError
        If what it shows was never made.
    """
    here = arguments.workspace()
    version = version_of(CATALOGUE_TABLE, VOTES, CLUSTER_TABLE)
    return _colouring(str(here.root), name, version)


@cached(12)
def _colouring(root: str, name: str, version: Version) -> Colouring:
    covers = library()
    if name == "cluster":
        return colourings.by_cluster(cluster_labels()[0], names_of_clusters())
    if name == "certainty":
        return colourings.by_certainty(votes(), covers)
    if name == "error":
        return colourings.by_error(votes(), covers)
    return colourings.by_year(covers) if name == "year" else colourings.by_genre(covers)


def regions() -> list[Region]:
    """Return what the regions of the map are called; see `covers.cluster.map.regions`."""
    here = arguments.workspace()
    version = version_of(CATALOGUE_TABLE, MAP_TABLE, CLUSTER_TABLE, NAMES_DOCUMENT)
    return _regions(str(here.root), version)


@cached(3)
def _regions(root: str, version: Version) -> list[Region]:
    try:
        labels, names = cluster_labels()[0], names_of_clusters()
    except CoversError:
        labels, names = None, {}
    covers, found = library(), covermap()
    own = None if labels is None else labels[found.rows]
    regions = name_regions(
        found.points, covers.membership[found.rows], covers.vocab, own, names
    )
    words = [
        (one.x, one.y, one.words[0].word, one.n)
        for one in words_on_map(at(root))
        if one.words
    ]
    return [*place_words(words, found.positions, found.points), *regions]


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
        ``"points"`` (float32 x, y), ``"ids"`` (16 bytes each), ``"genres"`` (uint32,
        a bit for each of the first 32 genres of the legend that a cover has), or the name of a
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
    if part == "genres":
        return genre_bits(found.rows).tobytes()
    if part in colourings.CHOICES:
        return colouring(part).codes[found.rows].astype("<u2").tobytes()
    return None


def genre_bits(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return which of the first 32 genres of the legend each of some covers has, a bit each."""
    has = library().legend.has[rows][:, :_MASKED]
    weights = (1 << np.arange(has.shape[1], dtype=np.uint64)).astype(np.uint64)
    bits: np.ndarray[Any, Any] = (has * weights).sum(axis=1).astype("<u4")
    return bits
