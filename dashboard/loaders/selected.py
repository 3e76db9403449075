"""A selection of covers, from the text that the address holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from covers.errors import CoversError
from covers.overlap.page import pairs
from covers.workspace.registry import (
    AUDIT,
    CATALOGUE_TABLE,
    CLUSTER_TABLE,
    CLUSTERS,
    INDEX_POINTER,
    MAP_TABLE,
    OVERLAP,
    PICTURES,
    TAGS,
    VOTES,
)
from dashboard import arguments
from dashboard.data.filters import Filters
from dashboard.data.selection import Selection, named_covers, read_area
from dashboard.loaders import tables
from dashboard.loaders.cached import cached
from dashboard.loaders.engine import front_door
from dashboard.loaders.mapdata import colouring
from dashboard.loaders.state import Version, version_of
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.data.library import Library

_LONGEST = 6000
_READ = (
    CATALOGUE_TABLE,
    PICTURES,
    VOTES,
    CLUSTER_TABLE,
    CLUSTERS.file,
    MAP_TABLE,
    INDEX_POINTER,
    OVERLAP.file,
    AUDIT.file,
    TAGS,
)
"""What selections are made from."""


def selection(text: str) -> Selection | None:
    """Return the covers that a text of an address means; None where it makes no sense.

    Parameters
    ----------
    text : str
        ``KIND:VALUE``, as the pages write it: a filter, a cluster, an area of the
        map, a cell of the confusion matrix, a pair of genres, a search, a kind of
        finding, or covers one by one.
    """
    if not text or len(text) > _LONGEST:
        return None
    version = version_of(*_READ), _generation(text)
    return _selection(str(arguments.workspace().root), text, version)


def _generation(text: str) -> int:
    """Return the generation of an index on a server that a search is made from.

    No file of the workspace tells when that one has changed.
    """
    if not text.startswith("like:") or arguments.workspace().index_uri is None:
        return 0
    try:
        return front_door().index.generation
    except (CoversError, IndexerError):
        return -1


@cached(24)
def _selection(root: str, text: str, version: tuple[Version, int]) -> Selection | None:
    kind, _, value = text.partition(":")
    make = _KINDS.get(kind)
    if make is None:
        return None
    try:
        found = make(value, tables.library())
    except (CoversError, IndexerError, ValueError):
        return None
    if found is None:
        return None
    title, rows = found
    return Selection(text, title, np.asarray(rows, np.int64))


Found: TypeAlias = "tuple[str, np.ndarray[Any, Any]] | None"
"""Title and rows of a selection."""


def _filtered(value: str, library: Library) -> Found:
    filters = Filters.from_query(value)
    rows = filters.rows(library, tables.looks(), tables.votes_or_none())
    return filters.said or "all covers", rows


def _in_clusters(value: str, library: Library) -> Found:
    wanted = [int(part) for part in value.split(".")]
    names, rows = tables.names_of_clusters(), tables.members(wanted)
    known = [names[number] for number in wanted if number in names]
    if wanted == [-1]:
        return "covers in no cluster", rows
    return (" with ".join(known), rows) if known else None


def _on_the_map(value: str, library: Library) -> Found:
    outline, colour, names = read_area(value)
    if not outline:
        return None
    rows = tables.covermap().inside(outline)
    hidden = colouring(colour).codes_of(names) if names else []
    if hidden and colour == "genre":
        # As the map hides: a cover of several genres with the last of them.
        entries = library.legend
        off = [code - 1 for code in hidden if 0 < code <= len(entries.names)]
        has = entries.has[rows]
        shown = np.delete(has, off, axis=1).any(axis=1)
        rows = rows[shown | (~has.any(axis=1) & (0 not in hidden))]
    elif hidden:
        rows = rows[~np.isin(colouring(colour).codes[rows], hidden)]
    return "an area of the map", rows


def _in_cell(value: str, library: Library) -> Found:
    method, _, names = value.partition(":")
    answers = tables.votes()
    cell = pairs.split_cell(names, answers.vocab)
    if cell is None or method not in answers.distributions:
        return None
    own, said = cell
    title = f"{own} taken for {said}" if own != said else f"{own} recognised"
    return title, np.asarray(answers.cell(method, own, said), np.int64)


def _of_pair(value: str, library: Library) -> Found:
    measured = tables.overlap()
    names = pairs.split_pair(value, measured.genres)
    pair = measured.pair(*names) if names else None
    if pair is None:
        return None
    ids = [*pair.bridges, *(c for one in pair.closest for c in (one.a, one.b))]
    rows = library.rows_of(dict.fromkeys(ids))
    return f"between {pair.a} and {pair.b}", np.asarray(rows, np.int64)


def _alike(value: str, library: Library) -> Found:
    """Read ``K:plus.plus-minus.minus``."""
    number, _, ids = value.partition(":")
    plus, _, minus = ids.partition("-")
    more = [c for c in plus.split(".") if c in library.position]
    less = [c for c in minus.split(".") if c in library.position]
    if not more:
        return None
    hits = front_door().search(
        more, min(int(number), 1000), less=less, among=library.all_ids
    )
    rows = [library.position[hit.cover_id] for hit in hits]
    first = library.title(library.position[more[0]])
    return f"covers like {first}", np.asarray(rows, np.int64)


def _of_finding(value: str, library: Library) -> Found:
    found = [one for one in tables.audit().findings if one.kind == value]
    ids = dict.fromkeys(c for one in found for c in one.cover_ids)
    rows = np.asarray(library.rows_of(ids), np.int64)
    return value.replace("_", " "), rows


def _named(value: str, library: Library) -> Found:
    rows = named_covers(value, library)
    return ("chosen one by one", rows) if len(rows) else None


def _tagged(value: str, library: Library) -> Found:
    from covers.library.tags import read_tags

    ids = read_tags(arguments.workspace()).get(value)
    if ids is None:
        return None
    return f"tagged “{value}”", np.asarray(library.rows_of(ids), np.int64)


_KINDS: dict[str, Callable[[str, Library], Found]] = {
    "filter": _filtered,
    "cluster": _in_clusters,
    "area": _on_the_map,
    "cell": _in_cell,
    "pair": _of_pair,
    "like": _alike,
    "finding": _of_finding,
    "ids": _named,
    "tag": _tagged,
}
