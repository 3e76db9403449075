"""What is measured of clusters, as it lies on disk: their genres, their look, how they merge.

Letters: C clusters, G genres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from covers.render.short_repr import ShortRepr
from covers.workspace.documents import Document

Interval = tuple[float, float]


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
    look : dict
        ``words`` and mean brightness, saturation, contrast, sharpness with ranks;
        ``subjects`` where words were found for it.
    """

    id: int
    n: int
    n_groups: int = 0
    genres: tuple[GenreShare, ...]
    entropy: float
    stability: float = math.nan
    exemplars: tuple[str, ...] = ()
    boundary: tuple[str, ...] = ()
    look: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """What it looks like, in words."""
        return tuple(self.look.get("words", ()))

    @property
    def subjects(self) -> tuple[str, ...]:
        """Words that fit it better than the rest of the library, the surest first.

        Empty where none does, or the library knows no words.
        """
        return tuple(self.look.get("subjects", ()))


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
    cut: tuple[tuple[int, ...], ...] = ()
    compared_with: dict[str, OtherMethod] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)

    def ranked(self) -> list[Cluster]:
        """Return the clusters, largest first."""
        return sorted(self.clusters, key=lambda cluster: -cluster.n)
