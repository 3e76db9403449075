"""What is measured of clusters, as it lies on disk: their genres, their look, how they merge.

Letters: C clusters, G genres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from covers.cluster.clustering import Candidate, ClusterSettings
from covers.render.short_repr import ShortRepr
from covers.workspace.documents import Document, left_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Interval = tuple[float, float]
LOOKS = ("brightness", "saturation", "contrast", "sharpness")
"""What is measured of how covers look."""

_LEAST_SHARE = 0.01


@dataclass(frozen=True, kw_only=True, repr=False)
class GenreShare(ShortRepr):
    """A genre's part of a cluster.

    Parameters
    ----------
    genre : str
    share : float
        Of the cluster's covers, 0 to 1.
    lift : float
        Over the genre's share of all covers.
    lift_ci95 : tuple of float
    """

    genre: str
    share: float
    lift: float
    lift_ci95: Interval


@dataclass(frozen=True, kw_only=True, repr=False)
class Look(ShortRepr):
    """How the covers of a cluster look.

    Parameters
    ----------
    words : tuple of str
        What is remarkable, such as ``"dark"``.
    brightness, saturation, contrast, sharpness : float
        Medians; NaN where they were not measured.
    brightness_rank, saturation_rank, contrast_rank, sharpness_rank : float
        Their places among all covers, 0 to 1; 0.5 is typical.
    palette : tuple of str
        Leading colours, such as ``"#203040"``, the most frequent first.
    palette_share : tuple of float
        Of each.
    """

    words: tuple[str, ...] = ()
    brightness: float = left_out(math.nan)
    brightness_rank: float = left_out(math.nan)
    saturation: float = left_out(math.nan)
    saturation_rank: float = left_out(math.nan)
    contrast: float = left_out(math.nan)
    contrast_rank: float = left_out(math.nan)
    sharpness: float = left_out(math.nan)
    sharpness_rank: float = left_out(math.nan)
    palette: tuple[str, ...] = ()
    palette_share: tuple[float, ...] = ()

    def measures(self) -> list[tuple[str, float, float]]:
        """Return name, median and rank of each measure that was taken."""
        found = [
            (name, getattr(self, name), getattr(self, f"{name}_rank")) for name in LOOKS
        ]
        return [one for one in found if math.isfinite(one[2])]


NOT_LOOKED_AT = Look()
"""Of a cluster whose pictures were not measured."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Cluster(ShortRepr):
    """One kind of covers.

    Parameters
    ----------
    id : int
        Stays the same while the library grows.
    n, n_groups : int
        Covers, and groups of them.
    genres : tuple of GenreShare
        Most frequent first; shares sum to 1.
    entropy : float
        0 all of one genre, 1 as mixed as can be.
    stability : float
        How surely it is found again in resamples, 0 to 1; NaN where left out.
    exemplars, boundary : tuple of str
        Ids of covers that show it best, and that lie at its edge.
    look : Look
        Empty where the pictures were not measured.
    subjects : tuple of str
        Words that fit it better than the rest of the library, the surest first.
        Empty where none does, or the library knows no words.
    """

    id: int
    n: int
    n_groups: int = 0
    genres: tuple[GenreShare, ...]
    entropy: float
    stability: float = math.nan
    exemplars: tuple[str, ...] = ()
    boundary: tuple[str, ...] = ()
    look: Look = NOT_LOOKED_AT
    subjects: tuple[str, ...] = ()

    @property
    def leading(self) -> tuple[GenreShare, ...]:
        """Its most frequent genres, three at most, without those of which it has next to nothing."""
        return tuple(one for one in self.genres[:3] if one.share >= _LEAST_SHARE)

    @property
    def words(self) -> tuple[str, ...]:
        """What it looks like, in words."""
        return self.look.words

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take the subjects out of the look, among which they lie in the document."""
        found = {**value, "subjects": value.get("look", {}).get("subjects", ())}
        if not value.get("look"):
            found.pop("look", None)
        return found

    def arrange(self, written: dict[str, Any]) -> dict[str, Any]:
        """Put the subjects into the look, which is empty where nothing was measured."""
        if self.look is NOT_LOOKED_AT:
            written["look"] = {}
        subjects = written.pop("subjects")
        if subjects:
            written["look"]["subjects"] = subjects
        return written


@dataclass(frozen=True, kw_only=True, repr=False)
class Merge(ShortRepr):
    """Two sets of clusters that become one at a height, in HDBSCAN's tree."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    height: float


@dataclass(frozen=True, kw_only=True, repr=False)
class OtherMethod(ShortRepr):
    """What another way of clustering finds: clusters, share in none, AMI with genre."""

    n_clusters: int
    noise_fraction: float
    ami: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Measured(Document):
    """Kinds of covers, found without their genres.

    The fields are described at `covers.Clustering`, which adds what is said of them.
    """

    what: ClassVar[str] = "clusters"
    n_clusters: int
    clusters: tuple[Cluster, ...]
    noise_fraction: float
    ami: float
    ami_null95: Interval
    ami_n: int = 0
    ami_covers: str = "all"
    ami_all_covers: float = math.nan
    ami_all_covers_null95: Interval = (math.nan, math.nan)
    homogeneity: float = math.nan
    completeness: float = math.nan
    n_covers: int
    n_fitted: int | None = None
    grouped_by: str = ""
    noise_by_genre: dict[str, float] = field(default_factory=dict)
    hierarchy: tuple[Merge, ...] = ()
    cut: tuple[tuple[int, ...], ...] = left_out(())
    compared_with: dict[str, OtherMethod] = field(default_factory=dict)
    parameters: ClusterSettings = field(default_factory=ClusterSettings)
    candidates: tuple[Candidate, ...] = ()

    def ranked(self) -> list[Cluster]:
        """Return the clusters, largest first."""
        return sorted(self.clusters, key=lambda cluster: -cluster.n)


def leaf_order(merges: Sequence[Merge]) -> list[int]:
    """Return the clusters in an order in which the branches of their tree do not cross.

    Examples
    --------
    >>> pairs = [Merge(left=(1,), right=(2,), height=0.1), Merge(left=(0,), right=(3,), height=0.2)]
    >>> leaf_order([*pairs, Merge(left=(0, 3), right=(1, 2), height=0.4)])
    [0, 3, 1, 2]
    """
    orders: dict[frozenset[int], list[int]] = {}
    for merge in merges:
        sides = (frozenset(merge.left), frozenset(merge.right))
        order = [i for side in sides for i in orders.pop(side, sorted(side))]
        orders[frozenset(order)] = order
    return [i for order in orders.values() for i in order]


def cut_hierarchy(merges: Sequence[Merge], n_clusters: int) -> list[list[int]]:
    """Return the clusters, merged until at most `n_clusters` are left.

    Examples
    --------
    >>> first = Merge(left=(0,), right=(2,), height=0.1)
    >>> cut_hierarchy([first, Merge(left=(0, 2), right=(1,), height=0.4)], 2)
    [[0, 2], [1]]
    """
    parts = [{i} for i in sorted({i for m in merges for i in (*m.left, *m.right)})]
    for merge in merges:
        if len(parts) <= max(n_clusters, 1):
            break
        both = {*merge.left, *merge.right}
        parts = [part for part in parts if not part & both] + [both]
    return sorted(sorted(part) for part in parts)
