"""Clusters put into words: profiles, exemplars, hierarchy, other methods.

Letters: N covers, C clusters, G genres.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.cluster.clustering import (
    NOISE,
    ClusterLabels,
    ClusterSettings,
    cluster_layout,
)
from covers.cluster.measured import Cluster, Merge, OtherMethod
from covers.cluster.profile import (
    describe_looks,
    genre_profiles,
    relate_to_genres,
)
from covers.cluster.projection import principal_components
from covers.cluster.result import Clustering
from covers.overlap.exemplars import one_per_group
from covers.stats.bootstrap import GroupBootstrap

if TYPE_CHECKING:
    from covers.index.embedded import EmbeddedCovers

_N_SHOWN = 5


def _describe_each(
    covers: EmbeddedCovers,
    found: ClusterLabels,
    stability: npt.NDArray[np.float64],
    pictures: dict[str, list[Any]] | None,
    n_bootstraps: int,
) -> list[Cluster]:
    """Describe each cluster: its size, genres, look, and the covers that show it best."""
    bootstrap = GroupBootstrap.draw(
        covers.groups, n_bootstraps=n_bootstraps, seed=found.settings.seed
    )
    profiles = genre_profiles(found.labels, covers.membership, bootstrap, covers.vocab)
    looks = describe_looks(found.labels, pictures)
    borders = _boundaries(covers, found)
    clusters = []
    for i, profile in enumerate(profiles):
        members = found.labels == i
        shown = one_per_group(found.exemplars[i], covers.groups, _N_SHOWN)
        clusters.append(
            Cluster(
                id=i,
                n=int(members.sum()),
                n_groups=len(np.unique(covers.groups[members])),
                genres=profile.genres,
                entropy=profile.entropy,
                stability=float(stability[i]) if len(stability) else math.nan,
                exemplars=tuple(covers.cover_ids[row] for row in shown),
                boundary=tuple(covers.cover_ids[row] for row in borders[i]),
                look=looks[i],
            )
        )
    return clusters


def describe_clusters(
    covers: EmbeddedCovers,
    found: ClusterLabels,
    stability: npt.NDArray[np.float64],
    pictures: dict[str, list[Any]] | None = None,
    *,
    n_bootstraps: int = 1000,
) -> Clustering:
    """Say what clusters hold and which covers stand for them; ids and seed are those of `found`."""
    seed = found.settings.seed
    held = covers.held_out()
    relation = relate_to_genres(
        found.labels[held], covers.membership[held], covers.groups[held], seed=seed
    )
    relation_all = relate_to_genres(
        found.labels, covers.membership, covers.groups, n_permutations=50, seed=seed
    )
    clusters = (
        _describe_each(covers, found, stability, pictures, n_bootstraps)
        if found.n_clusters
        else []
    )
    noise = found.labels == NOISE
    weight = covers.membership.sum(axis=0)
    return Clustering(
        n_clusters=found.n_clusters,
        noise_fraction=found.noise_fraction,
        ami=relation.ami,
        ami_null95=relation.ami_null95,
        homogeneity=relation.homogeneity,
        completeness=relation.completeness,
        ami_covers="held-out" if not held.all() else "all",
        ami_n=relation.n_covers,
        ami_all_covers=relation_all.ami,
        ami_all_covers_null95=relation_all.ami_null95,
        n_covers=len(covers),
        n_fitted=found.n_fitted,
        grouped_by=covers.grouped_by,
        noise_by_genre={
            genre: float(covers.membership[noise, g].sum() / weight[g])
            for g, genre in enumerate(covers.vocab)
            if weight[g] > 0
        },
        parameters=found.settings,
        candidates=found.candidates,
        hierarchy=tuple(cluster_hierarchy(covers, found)),
        clusters=tuple(clusters),
    )


def compare_methods(
    covers: EmbeddedCovers, found: ClusterLabels, *, seed: int = 0
) -> dict[str, OtherMethod]:
    """Cluster with k-means, and with HDBSCAN on plain principal components.

    Returns
    -------
    dict of str to OtherMethod
        Of each method, on the same covers as the main result.
    """
    if found.n_clusters < 2:
        return {}
    from sklearn.cluster import KMeans

    points = principal_components(covers.embeddings)
    means = KMeans(found.n_clusters, n_init=4, random_state=seed).fit_predict(points)
    size = found.settings.min_cluster_size or 5
    plain = cluster_layout(
        points[:, :10], ClusterSettings(min_cluster_size=size, seed=seed)
    ).labels
    held = covers.held_out()
    result = {}
    for name, labels in (("k-means", means), ("hdbscan on components", plain)):
        relation = relate_to_genres(
            np.asarray(labels, np.int64)[held],
            covers.membership[held],
            covers.groups[held],
            n_permutations=50,
            seed=seed,
        )
        result[name] = OtherMethod(
            n_clusters=int(labels.max()) + 1,
            noise_fraction=float(np.mean(labels < 0)),
            ami=relation.ami,
        )
    return result


def cluster_hierarchy(covers: EmbeddedCovers, found: ClusterLabels) -> list[Merge]:
    """Merge clusters by the similarity of their mean vectors, the nearest first.

    Returns
    -------
    list of Merge
        With one minus cosine similarity as height; the first merges give a finer, all
        but the last n - 1 a cut into n clusters.
    """
    if found.n_clusters < 2:
        return []
    from scipy.cluster.hierarchy import linkage

    means = np.stack(
        [
            covers.embeddings[found.labels == i].mean(axis=0)
            for i in range(found.n_clusters)
        ]
    )
    under = [[i] for i in range(found.n_clusters)]
    merges = []
    for left, right, height, _ in linkage(means, "average", "cosine"):
        merges.append(
            Merge(
                left=tuple(under[int(left)]),
                right=tuple(under[int(right)]),
                height=float(height),
            )
        )
        under.append(sorted(under[int(left)] + under[int(right)]))
    return merges


def _boundaries(covers: EmbeddedCovers, found: ClusterLabels) -> list[list[int]]:
    """Return the covers of each cluster that lie nearest to another cluster."""
    means = np.stack(
        [found.layout[found.labels == i].mean(axis=0) for i in range(found.n_clusters)]
    )
    distance = np.linalg.norm(found.layout[:, None] - means[None], axis=2)  # (N, C)
    borders = []
    for i in range(found.n_clusters):
        members = np.flatnonzero(found.labels == i)
        if found.n_clusters > 1:
            other = np.delete(distance[members], i, axis=1).min(axis=1)
            ratio = distance[members, i] / np.maximum(other, 1e-12)
        else:
            ratio = distance[members, i]
        borders.append(
            one_per_group(
                members[np.argsort(-ratio, kind="stable")], covers.groups, _N_SHOWN
            )
        )
    return borders
