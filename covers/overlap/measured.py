"""What is measured of an overlap, as it lies on disk: pairs, tree, edges, changes.

Letters: G genres, P pairs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping  # noqa: TC003 - read by Document
from dataclasses import dataclass, field
from typing import Any, ClassVar

from covers.render.short_repr import ShortRepr
from covers.workspace.disk.read_only import ReadOnly
from covers.workspace.documents import Document, left_out

Interval = tuple[float, float]
"""Ends of a 95 % interval, both NaN where it was not measured."""
_CONFUSION = "confusion_"
_WAYS = ("confusion_ab", "confusion_ba")
_BEFORE = {"cnn": "network", "n_asked": "n_sampled"}
"""What version 0.1 called a method and a field."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Closest(ShortRepr):
    """Two covers of different genres that look alike.

    Parameters
    ----------
    a, b : str
        Ids of the covers, of the pair's first and second genre.
    similarity : float
        Cosine.
    """

    a: str
    b: str
    similarity: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Confusion(ShortRepr):
    """How often held-out covers of one genre are taken for another.

    Parameters
    ----------
    rate : float
        Share of the covers, 0 to 1.
    ci95 : tuple of float
    n : float
        Covers; one of m genres counts 1/m.
    p, q : float
        Of the test against chance, and corrected for many pairs.
    """

    rate: float
    ci95: Interval
    n: float
    p: float = math.nan
    q: float = math.nan


@dataclass(frozen=True, kw_only=True, repr=False)
class Pair(ReadOnly, ShortRepr):
    """How alike two genres look.

    Parameters
    ----------
    a, b : str
        Genres.
    overlap : float
        0 separable, 1 indistinguishable; NaN where too few covers were measured.
    overlap_ci95 : tuple of float
    overlap_uncorrected : float
        Before the correction for finite samples.
    lift_ab, lift_ba : float
        How many times more often than by chance a's neighbours are b, and b's a.
    lift_ab_ci95, lift_ba_ci95 : tuple of float
    p, q : float
        Of the test that they are neighbours by chance, and corrected for many pairs.
    n_a, n_b : float
        Covers; one of m genres counts 1/m.
    bridges : tuple of str
        Ids of covers between the two.
    closest : tuple of Closest
    contained : str
        The one of the two that is part of the other by the covers' own genres, so
        that they share covers and their overlap says nothing of looks; else empty.
    confusion_ab, confusion_ba : dict of str to Confusion
        By method, ``"network"`` and ``"vote"``; empty where not measured.
    """

    a: str
    b: str
    overlap: float
    overlap_ci95: Interval
    overlap_uncorrected: float = math.nan
    lift_ab: float
    lift_ab_ci95: Interval
    lift_ba: float
    lift_ba_ci95: Interval
    p: float
    q: float
    n_a: float
    n_b: float
    bridges: tuple[str, ...] = ()
    closest: tuple[Closest, ...] = ()
    contained: str = left_out("")
    confusion_ab: dict[str, Confusion] = field(default_factory=dict)
    confusion_ba: dict[str, Confusion] = field(default_factory=dict)

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Gather ``confusion_<method>_ab`` of the document by method."""
        found: dict[str, dict[str, Any]] = {way: {} for way in _WAYS}
        for name, one in value.items():
            if name.startswith(_CONFUSION):
                method, _, way = name.removeprefix(_CONFUSION).rpartition("_")
                found[_CONFUSION + way][_BEFORE.get(method, method)] = one
        return {**value, **found}

    @staticmethod
    def arrange(written: dict[str, Any]) -> dict[str, Any]:
        """Spread the confusion of each method, as it lies in the document."""
        for way in _WAYS:
            for method, one in written.pop(way).items():
                written[way.replace(_CONFUSION, f"{_CONFUSION}{method}_")] = one
        return written


@dataclass(frozen=True, kw_only=True, repr=False)
class Branch(ShortRepr):
    """Genres that are joined in the tree.

    Parameters
    ----------
    genres : tuple of str
    height : float
        1 - overlap at which they are joined.
    support : float
        Share of the resamples with a branch of the same genres.
    """

    genres: tuple[str, ...]
    height: float
    support: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Tree(ShortRepr):
    """Average linkage of genres on 1 - overlap.

    Parameters
    ----------
    order : tuple of str
        Genres, alike side by side.
    branches : tuple of Branch
    """

    order: tuple[str, ...] = ()
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class Edge(ShortRepr):
    """Two genres that lie among each other's neighbours more often than by chance."""

    a: str
    b: str
    lift: float
    overlap: float
    q: float


@dataclass(frozen=True, kw_only=True, repr=False)
class AtK(ShortRepr):
    """The same measures with another number of neighbours.

    Parameters
    ----------
    k : int
    n_covers : int
    pairs : tuple of Pair
    edges : tuple of Edge
    """

    k: int
    n_covers: int = 0
    pairs: tuple[Pair, ...] = ()
    edges: tuple[Edge, ...] = ()

    @staticmethod
    def arrange(written: dict[str, Any]) -> dict[str, Any]:
        """Leave out the covers between two genres, which are those of the whole."""
        for pair in written["pairs"]:
            del pair["bridges"], pair["closest"]
        return written


@dataclass(frozen=True, kw_only=True, repr=False)
class Change(ShortRepr):
    """How the overlap of two genres moved over the decades.

    Parameters
    ----------
    a, b : str
        Genres.
    first, last : str
        Decades, such as ``"1970s"``.
    n_parts : int
        Decades in which it was measured.
    change : float
        Of the overlap from the first to the last, along a straight line.
    ci95 : tuple of float
    p, q : float
        Of the test that it did not change, and corrected for all pairs.
    """

    a: str
    b: str
    first: str
    last: str
    n_parts: int
    change: float
    ci95: Interval
    p: float
    q: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Measured(Document):
    """Which genres look alike, pair by pair.

    The fields are described at `covers.Overlap`, which adds what is said of them.
    """

    what: ClassVar[str] = "overlap"
    genres: tuple[str, ...]
    broad: dict[str, str] = field(default_factory=dict)
    pairs: tuple[Pair, ...]
    effective_genres: float
    effective_genres_ci95: Interval
    k: int
    grouped_by: str
    n_covers: int
    n_sampled: int = 0
    n_groups: int
    n_by_genre: dict[str, float] = field(default_factory=dict)
    tree: Tree = field(default_factory=Tree)
    edges: tuple[Edge, ...] = ()
    prototypes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    isolated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    covers: str = "all"
    by_k: tuple[AtK, ...] = ()
    by: str | None = None
    parts: Mapping[str, Measured] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give the fields of version 0.1 the names they have now."""
        return {_BEFORE.get(name, name): one for name, one in value.items()}

    @staticmethod
    def arrange(written: dict[str, Any]) -> dict[str, Any]:
        """Leave out what is said of parts where there are none, and of the whole in each part."""
        if written["by"] != "year":
            del written["changes"]
        if written["by"] is None:
            del written["by"], written["parts"]
            return written
        for part in written["parts"].values():
            del part["covers"], part["by_k"]
        return written
