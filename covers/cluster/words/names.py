"""What words say of clusters, genres and regions of the map, as it lies on disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from covers.cluster.words.subjects import FittingWord  # noqa: TC001 - read by Document
from covers.errors import CoversError
from covers.render.text import text_table
from covers.workspace.artefacts import fingerprint_file
from covers.workspace.documents import Document
from covers.workspace.read_artefacts import read_document, stamp_of, typed
from covers.workspace.registry import CLUSTER_TABLE, MAP_TABLE, NAMES_DOCUMENT

if TYPE_CHECKING:
    from covers.cluster.result import Clustering
    from covers.workspace.paths import Workspace


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """Some covers with the words that fit them better than the rest of the library.

    Parameters
    ----------
    name : str
        The id of a cluster, the name of a genre, or the number of a region.
    n : int
        Covers.
    words : tuple of FittingWord
        The surest first; empty where no word fits by the margin.
    """

    name: str
    n: int
    words: tuple[FittingWord, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NamedRegion:
    """A part of the map, with the words that fit its covers.

    Parameters
    ----------
    x, y : float
        Where its middle lies on the map.
    n : int
        Covers.
    words : tuple of FittingWord
    """

    x: float
    y: float
    n: int
    words: tuple[FittingWord, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class Names(Document):
    """Words for clusters, genres and regions of the map, or none where none fits.

    Parameters
    ----------
    embedder : str
        What put words and covers into one space, such as ``"clip:ViT-B-32"``.
    n_words : int
        How many words were tried.
    margin : float
        By how many standard deviations a word must fit better than the rest,
        with the error of that allowed for.
    n_covers : int
    clusters, genres : tuple of NamedSet
    regions : tuple of NamedRegion

    Examples
    --------
    >>> jazz = {"name": "Jazz", "n": 40, "words": [{"word": "a piano", "effect": 0.8, "low": 0.4}]}
    >>> about = {"embedder": "clip:ViT-B-32", "n_words": 200, "margin": 0.25, "n_covers": 120}
    >>> names = covers.Names.from_json({**about, "genres": [jazz]})
    >>> names.genres[0].words[0].word
    'a piano'
    """

    what: ClassVar[str] = "names"
    embedder: str
    n_words: int
    margin: float
    n_covers: int
    clusters: tuple[NamedSet, ...] = ()
    genres: tuple[NamedSet, ...] = ()
    regions: tuple[NamedRegion, ...] = ()

    def __repr__(self) -> str:
        rows = [
            [kind, one.name, one.n, say_words(one.words) or "-"]
            for kind, sets in (("cluster", self.clusters), ("genre", self.genres))
            for one in sets
        ]
        rows += [
            ["map", f"{one.x:.1f}, {one.y:.1f}", one.n, say_words(one.words) or "-"]
            for one in self.regions
        ]
        table = text_table(["of", "which", "n", "shows"], rows, right=(2,))
        return f"{table}\n{self.n_words:,} words tried, by {self.embedder}"


def say_words(words: tuple[FittingWord, ...]) -> str:
    """Return words as a list in a line."""
    return ", ".join(one.word for one in words)


def read_names(workspace: Workspace) -> Names:
    """Read ``analysis/names.json``, fresh or not.

    Raises
    ------
    DataError
        If it is missing or unreadable.
    """
    content = read_document(workspace, NAMES_DOCUMENT)
    return typed(Names, content, workspace, NAMES_DOCUMENT)


def words_on_map(workspace: Workspace) -> tuple[NamedRegion, ...]:
    """Return the parts of the map that words fit; none where they were found for another map."""
    stamp = stamp_of(workspace, NAMES_DOCUMENT)
    if stamp is None:
        return ()
    try:
        now = fingerprint_file(workspace.path(MAP_TABLE))
        names = read_names(workspace)
    except (CoversError, OSError):
        return ()
    return names.regions if stamp.made_from.get("map") == now else ()


def add_subjects(workspace: Workspace, found: Clustering) -> Clustering:
    """Return a clustering with the words that fit its clusters, if they were found for it."""
    stamp = stamp_of(workspace, NAMES_DOCUMENT)
    if stamp is None:
        return found
    try:
        now = fingerprint_file(workspace.path(CLUSTER_TABLE))
        names = read_names(workspace)
    except (CoversError, OSError):
        return found
    if stamp.made_from.get("clusters") != now:
        return found
    words = {one.name: tuple(w.word for w in one.words) for one in names.clusters}
    return replace(
        found,
        clusters=tuple(
            replace(cluster, subjects=words.get(str(cluster.id), ()))
            for cluster in found.clusters
        ),
    )
