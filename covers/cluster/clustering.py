"""Kinds of covers: UMAP, then HDBSCAN, with parameters chosen by a stated rule.

The rule: for each smallest cluster size of a ladder, multiply the relative
validity (how dense clusters are inside against between, a fast DBCV [2]_) by the
stability (how well clusters are found again on random halves); the largest
product wins, ties go to the larger size. Letters: N covers, C clusters.

References
----------
.. [1] Campello, R., Moulavi, D., Sander, J. (2013). "Density-Based Clustering
   Based on Hierarchical Density Estimates". PAKDD.
.. [2] Moulavi, D. et al. (2014). "Density-Based Clustering Validation". SDM.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from covers.cluster.density import (
    cut_tree,
    fit_tree,
    largest_share,
    quiet_hdbscan,
    validity_of,
)
from covers.cluster.projection import Graph, LayoutSettings, Points, project
from covers.cluster.sampled import MOST_FITTED, draw_sample, spread_labels
from covers.cluster.stability import mean_jaccard

Labels = npt.NDArray[np.int64]

NOISE = -1
_SMALLEST = 8
_MOST_FOR_STABILITY = 10_000
_MOST_FOR_MEMBERSHIP = 50_000
# A far island beside one cluster of nearly everything scores best and tells nothing.
_MOST_IN_ONE = 0.9


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """How covers are clustered.

    Parameters
    ----------
    n_neighbors : int, default=30
        Neighbours of the UMAP layout; small finds fine kinds, large coarse ones.
    n_components : int, default=5
        Dimensions of the layout that is clustered.
    min_cluster_size : int or None, default=None
        Fewest covers of a cluster; None chooses by the module's rule. Small gives
        many small clusters, large few and more noise.
    min_samples : int, default=5
        Neighbours that make a place dense; 1 clusters more, 50 calls more noise.
    n_halves : int, default=4
        Random halves behind the stability of each candidate.
    seed : int, default=0
        Seed of layout, halves and sample.
    most_fitted : int, default=100_000
        More covers are clustered by a random sample of so many; see
        `covers.cluster.sampled`.
    """

    n_neighbors: int = 30
    n_components: int = 5
    min_cluster_size: int | None = None
    min_samples: int = 5
    n_halves: int = 4
    seed: int = 0
    most_fitted: int = MOST_FITTED


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One smallest cluster size and how well it does."""

    min_cluster_size: int
    n_clusters: int
    noise_fraction: float
    largest_share: float = math.nan
    relative_validity: float
    stability: float

    @property
    def is_telling(self) -> bool:
        """Whether this clustering is informative; one cluster of nearly all covers beside a tiny one is not."""
        return self.n_clusters > 1 and self.largest_share <= _MOST_IN_ONE

    @property
    def score(self) -> float:
        """Return validity, at least zero, times stability; zero below two clusters."""
        if self.n_clusters < 2:
            return 0.0
        return max(self.relative_validity, 0.0) * self.stability

    def arrange(self, written: dict[str, Any]) -> dict[str, Any]:
        """Add the score, which lies in the document too."""
        return {**written, "score": self.score}


@dataclass(frozen=True, kw_only=True)
class ClusterLabels:
    """Clusters of covers.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_covers,)
        Cluster of each cover, largest cluster 0; ``-1`` is noise.
    strengths : ndarray of float64, shape (n_covers,)
        How deep in its cluster a cover lies, 0 (noise) to 1 (core).
    soft : ndarray of float64, shape (n_covers, n_clusters), or None
        Soft membership in every cluster; None above 50,000 covers.
    exemplars : list of list of int
        Rows of the densest covers of each cluster.
    layout : ndarray of float32, shape (n_covers, n_components)
        What was clustered.
    settings : ClusterSettings
        With the `min_cluster_size` that was used.
    candidates : tuple of Candidate
        What was tried.
    """

    labels: Labels
    strengths: npt.NDArray[np.float64]
    soft: npt.NDArray[np.float64] | None
    exemplars: list[list[int]]
    layout: Points
    settings: ClusterSettings
    candidates: tuple[Candidate, ...] = field(default=())

    @property
    def n_clusters(self) -> int:
        """Number of clusters, noise not counted."""
        return int(self.labels.max(initial=NOISE)) + 1

    @property
    def n_fitted(self) -> int:
        """Number of covers that were clustered: all, or a sample that the others follow."""
        return min(len(self.labels), self.settings.most_fitted)

    @property
    def noise_fraction(self) -> float:
        """Share of covers in no cluster; NaN without covers."""
        return float(np.mean(self.labels == NOISE)) if len(self.labels) else np.nan


def cluster_covers(
    vectors: Points,
    settings: ClusterSettings | None = None,
    *,
    layout: Points | None = None,
    graph: Graph | None = None,
) -> ClusterLabels:
    """Find the kinds of covers there are.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_covers, n_dimensions)
        L2-normalised.
    settings : ClusterSettings, optional
        How to cluster.
    layout : ndarray of float32, shape (n_covers, n_components), optional
        Cluster this instead of a new UMAP layout.
    graph : Graph, optional
        Neighbours for the layout, where they are known; see `project`.

    Returns
    -------
    ClusterLabels
        Fewer than 10 covers are all noise; covers that are one even cloud come
        out as noise, or as one cluster when no size finds two.

    Raises
    ------
    MissingExtraError
        If umap-learn or hdbscan is not installed.
    """
    settings = settings or ClusterSettings()
    if layout is None:
        layout = project(
            vectors,
            LayoutSettings(
                n_components=settings.n_components,
                n_neighbors=settings.n_neighbors,
                min_dist=0.0,
                seed=settings.seed,
                most_fitted=settings.most_fitted,
            ),
            graph,
        )
    return cluster_layout(layout, settings)


def cluster_layout(layout: Points, settings: ClusterSettings) -> ClusterLabels:
    """Cluster points of few dimensions; see `cluster_covers`."""
    sample = draw_sample(len(layout), settings.most_fitted, settings.seed)
    if len(sample) == len(layout):
        return _cluster_all(layout, settings)
    found = _cluster_all(layout[sample], settings)
    labels, strengths = spread_labels(layout, sample, found.labels, found.strengths)
    return replace(
        found,
        labels=labels,
        strengths=strengths,
        soft=None,
        exemplars=[sample[rows].tolist() for rows in found.exemplars],
        layout=layout,
    )


def _cluster_all(layout: Points, settings: ClusterSettings) -> ClusterLabels:
    """Cluster points, each of which counts."""
    n_covers = len(layout)
    fewest = settings.min_cluster_size or size_ladder(n_covers)[0]
    if n_covers < max(2 * fewest, 10) or not np.ptp(layout, axis=0).any():
        # Nothing to tell apart: too few covers, or all of them the same.
        alike = n_covers >= 10 and not np.ptp(layout, axis=0).any()
        return ClusterLabels(
            labels=np.full(n_covers, 0 if alike else NOISE, np.int64),
            strengths=np.full(n_covers, 1.0 if alike else 0.0),
            soft=None,
            exemplars=[list(range(min(5, n_covers)))] if alike else [],
            layout=layout,
            settings=settings,
        )
    with quiet_hdbscan() as hdbscan:
        fitted = fit_tree(hdbscan, layout, settings.min_samples, fewest)
        candidates: tuple[Candidate, ...] = ()
        chosen = settings.min_cluster_size
        if chosen is None:
            candidates = _try_sizes(hdbscan, fitted, layout, settings)
            best = max(
                candidates, key=lambda c: (c.is_telling, c.score, c.min_cluster_size)
            )
            chosen = best.min_cluster_size
        prediction = n_covers <= _MOST_FOR_MEMBERSHIP
        single = bool(candidates) and all(c.n_clusters < 2 for c in candidates)
        if prediction or single:
            final = fit_tree(
                hdbscan,
                layout,
                settings.min_samples,
                chosen,
                prediction_data=prediction,
                allow_single_cluster=single,
            )
            found = np.asarray(final.labels_, np.int64)
            strengths = np.asarray(final.probabilities_, np.float64)
        else:
            # A second spanning tree would double the cost of a large library.
            final = None
            found, strengths = cut_tree(hdbscan, fitted, layout, chosen)
        labels, order = _by_size(found)
        soft = None
        exemplars = _exemplars(labels, strengths, layout)
        if final is not None and prediction and len(order) > 1:
            soft = hdbscan.all_points_membership_vectors(final)[:, order]
    return ClusterLabels(
        labels=labels,
        strengths=np.where(labels < 0, 0.0, strengths),
        soft=soft,
        exemplars=exemplars,
        layout=layout,
        settings=_with_size(settings, chosen),
        candidates=candidates,
    )


def size_ladder(n_covers: int) -> list[int]:
    """Return the smallest cluster sizes that are tried, from 1 to 16 per cent.

    Smaller ones would win by validity, but nobody can read a hundred clusters
    that are not found again.

    Examples
    --------
    >>> size_ladder(2000)
    [20, 40, 80, 160, 320]
    """
    first = max(_SMALLEST, round(n_covers * 0.01))
    return [first * 2**i for i in range(5) if first * 2**i <= max(n_covers // 3, first)]


def assign_noise(
    labels: Labels, vectors: Points, *, k: int = 15
) -> tuple[Labels, npt.NDArray[np.bool_]]:
    """Give noise to the cluster that most of its clustered neighbours belong to.

    Returns
    -------
    labels : ndarray of int64, shape (n_covers,)
        Still noise where there is no cluster at all.
    assigned : ndarray of bool, shape (n_covers,)
        Which covers were given away: count them apart.
    """
    noise = np.flatnonzero(labels < 0)
    known = np.flatnonzero(labels >= 0)
    result, assigned = labels.copy(), np.zeros(len(labels), bool)
    if not len(noise) or not len(known):
        return result, assigned
    from covers.stats.neighbours import find_neighbours

    near = find_neighbours(vectors[noise], vectors[known], k=min(k, len(known)))
    found = labels[known][near.rows]  # (n_noise, k)
    votes = np.zeros((len(noise), int(labels.max()) + 1))
    np.add.at(votes, (np.arange(len(noise))[:, None], found), 1)
    result[noise], assigned[noise] = votes.argmax(axis=1), True
    return result, assigned


def _try_sizes(
    hdbscan: Any, fitted: Any, layout: Points, settings: ClusterSettings
) -> tuple[Candidate, ...]:
    """Score every size of the ladder, from one spanning tree per half."""
    n_covers = len(layout)
    sizes = size_ladder(n_covers)
    rng = np.random.default_rng(settings.seed)
    half = min(n_covers // 2, _MOST_FOR_STABILITY)
    halves = []
    for _ in range(settings.n_halves):
        rows = np.sort(rng.permutation(n_covers)[:half])
        halves.append((rows, fit_tree(hdbscan, layout[rows], settings.min_samples, 2)))
    candidates = []
    for size in sizes:
        labels, _ = cut_tree(hdbscan, fitted, layout, size)
        found = []
        for rows, part in halves:
            smaller = max(2, round(size * len(rows) / n_covers))
            again, _ = cut_tree(hdbscan, part, layout[rows], smaller)
            found.append(mean_jaccard(labels[rows], again))
        n_clusters = int(labels.max()) + 1
        candidates.append(
            Candidate(
                min_cluster_size=size,
                n_clusters=n_clusters,
                noise_fraction=float(np.mean(labels < 0)),
                largest_share=largest_share(labels),
                relative_validity=validity_of(fitted, labels) if n_clusters else 0.0,
                stability=float(np.mean(found)),
            )
        )
    return tuple(candidates)


def _by_size(labels: Labels) -> tuple[Labels, npt.NDArray[np.int64]]:
    """Renumber clusters from the largest on; return also the old number of each."""
    sizes = np.bincount(labels[labels >= 0])
    order = np.argsort(-sizes, kind="stable")
    new = np.empty(len(order) + 1, np.int64)
    new[order], new[-1] = np.arange(len(order)), NOISE
    return new[labels], order


def _exemplars(
    labels: Labels, strengths: npt.NDArray[np.float64], layout: Points
) -> list[list[int]]:
    """Return the rows of each cluster, the strongest and most central first."""
    found = []
    for cluster in range(int(labels.max(initial=NOISE)) + 1):
        members = np.flatnonzero(labels == cluster)
        centre = np.median(layout[members], axis=0)
        distance = np.linalg.norm(layout[members] - centre, axis=1)
        ranked = np.lexsort((distance, -strengths[members]))
        found.append([int(row) for row in members[ranked]])
    return found


def _with_size(settings: ClusterSettings, size: int) -> ClusterSettings:
    """Return the settings with the size that was used."""
    return replace(settings, min_cluster_size=size)


__all__ = [
    "NOISE",
    "Candidate",
    "ClusterLabels",
    "ClusterSettings",
    "assign_noise",
    "cluster_covers",
    "cluster_layout",
    "size_ladder",
]
