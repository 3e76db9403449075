"""What is in a cluster: its genres against chance, and how its covers look.

Letters: N covers, C clusters, G genres.

References
----------
.. [1] Vinh, N. X., Epps, J., Bailey, J. (2010). "Information Theoretic Measures
   for Clusterings Comparison". JMLR 11.
.. [2] Rosenberg, A., Hirschberg, J. (2007). "V-Measure". EMNLP-CoNLL.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.cluster.measured import LOOKS, NOT_LOOKED_AT, GenreShare, Look
from covers.overlap.mixing import GroupSwap
from covers.stats.bootstrap import GroupBootstrap, percentile_interval
from covers.stats.membership import has_genre

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
_WORDS = {
    "brightness": ("dark", "bright"),
    "saturation": ("grey", "colourful"),
    "contrast": ("flat", "contrasty"),
    "sharpness": ("soft", "sharp"),
}
_REMARKABLE = 0.5
_N_COLOURS, _MOST_COLOURS = 5, 2000


@dataclass(frozen=True)
class GenreRelation:
    """How clusters and genres hang together.

    Parameters
    ----------
    ami : float
        Adjusted mutual information [1]_: 0 chance, 1 the same partition. Chance
        is taken from shuffling genres between groups, so that an artist's covers
        lying together are not counted as genre.
    ami_null95 : tuple of float
        Where the shuffled values lie in 95 of 100 cases.
    homogeneity, completeness : float
        Share of the genre's entropy that clusters explain, and the reverse [2]_.
    n_covers : int
        Labelled covers in clusters.
    """

    ami: float
    ami_null95: tuple[float, float]
    homogeneity: float
    completeness: float
    n_covers: int


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The genres of a cluster, the most frequent first, and how mixed they are.

    Parameters
    ----------
    genres : tuple of GenreShare
    entropy : float
        From 0 (one genre) to 1 (all equally).
    """

    genres: tuple[GenreShare, ...] = ()
    entropy: float = math.nan


def relate_to_genres(
    labels: Labels,
    membership: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int64],
    *,
    n_permutations: int = 200,
    seed: int = 0,
) -> GenreRelation:
    """Compare clusters with genres, noise and unlabelled covers left out.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_covers,)
        Negative is noise.
    membership : ndarray of float64, shape (n_covers, n_genres)
        A cover of several genres counts in each with its share.
    groups : ndarray of int64, shape (n_covers,)
        Covers that keep their genres together when genres are shuffled.
    n_permutations : int, default=200
    seed : int, default=0

    Returns
    -------
    GenreRelation
        NaN throughout where there are fewer than two clusters or two genres.
    """
    kept = np.flatnonzero((labels >= 0) & has_genre(membership))
    nan = float("nan")
    labels = labels[kept]
    shares: Array = membership[kept].astype(np.float64)
    n_clusters = len(np.unique(labels))
    if n_clusters < 2 or (shares.sum(axis=0) > 0).sum() < 2:
        return GenreRelation(nan, (nan, nan), nan, nan, len(kept))
    _, numbers = np.unique(groups[kept], return_inverse=True)
    _, clusters = np.unique(labels, return_inverse=True)
    information, cluster_entropy, genre_entropy = _information(
        _contingency(clusters, shares)
    )
    swap = GroupSwap(numbers.astype(np.int64))
    rng = np.random.default_rng(seed)
    shuffled = [
        _information(_contingency(clusters, shares[swap.draw(rng)]))[0]
        for _ in range(n_permutations)
    ]
    expected = float(np.mean(shuffled))
    scale = (cluster_entropy + genre_entropy) / 2 - expected
    null = (np.asarray(shuffled) - expected) / scale
    low, high = np.quantile(null, [0.025, 0.975])
    return GenreRelation(
        ami=(information - expected) / scale,
        ami_null95=(float(low), float(high)),
        homogeneity=information / genre_entropy,
        completeness=information / cluster_entropy,
        n_covers=len(kept),
    )


def genre_profiles(
    labels: Labels,
    membership: npt.NDArray[np.float64],
    bootstrap: GroupBootstrap,
    genres: Sequence[str],
) -> list[Profile]:
    """Return the genres of each cluster with lift and interval, and their entropy.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_covers,)
        ``0 .. n_clusters - 1``; negative is noise.
    membership : ndarray of float64, shape (n_covers, n_genres)
    bootstrap : GroupBootstrap
        Resamples of the covers' groups.
    genres : sequence of str
        Names of the columns.

    Returns
    -------
    list of Profile
        Of each cluster.
    """
    from scipy import sparse

    n_clusters, n_genres = int(labels.max(initial=-1)) + 1, membership.shape[1]
    if not n_clusters or not n_genres:
        return [Profile()] * n_clusters
    members, columns = np.nonzero(membership * (labels >= 0)[:, None])
    cells = labels[members] * n_genres + columns
    shares = membership[members, columns].astype(np.float64)
    cell_of = sparse.csr_array(
        (shares, (members, cells)), shape=(len(labels), n_clusters * n_genres)
    )
    drawn = bootstrap.sums(cell_of).reshape(-1, n_clusters, n_genres)  # (B, C, G)
    drawn_whole = bootstrap.sums(membership.astype(np.float64))  # (B, G)
    seen = np.bincount(cells, shares, n_clusters * n_genres).reshape(n_clusters, -1)
    whole = membership.sum(axis=0, dtype=np.float64)
    profiles = []
    with np.errstate(divide="ignore", invalid="ignore"):
        overall, drawn_overall = (
            w / w.sum(axis=-1, keepdims=True) for w in (whole, drawn_whole)
        )
        for cluster in range(n_clusters):
            share = seen[cluster] / seen[cluster].sum()
            lift = share / overall
            part = drawn[:, cluster] / drawn[:, cluster].sum(axis=1, keepdims=True)
            lifts = part / drawn_overall
            profiles.append(
                Profile(
                    genres=tuple(
                        GenreShare(
                            genre=genres[g],
                            share=float(share[g]),
                            lift=float(lift[g]),
                            lift_ci95=percentile_interval(lifts[:, g]).ends,
                        )
                        for g in np.argsort(-share, kind="stable")
                    ),
                    entropy=_evenness(share),
                )
            )
    return profiles


def describe_looks(labels: Labels, pictures: dict[str, list[Any]] | None) -> list[Look]:
    """Describe each cluster from what was measured on its pictures.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_covers,)
    pictures : dict of str to list, or None
        Columns of ``pictures.parquet`` in the order of `labels`, None where a
        cover was not measured.

    Returns
    -------
    list of Look
        Of each cluster.
    """
    n_clusters = int(labels.max(initial=-1)) + 1
    if pictures is None:
        return [NOT_LOOKED_AT] * n_clusters
    measures: list[dict[str, float]] = [{} for _ in range(n_clusters)]
    words: list[list[str]] = [[] for _ in range(n_clusters)]
    for name in LOOKS:
        values = np.array(
            [np.nan if v is None else v for v in pictures[name]], np.float64
        )
        known = np.isfinite(values)
        ranked = np.sort(values[known])
        for cluster in range(n_clusters):
            own = values[(labels == cluster) & known]
            if not len(own):
                continue
            middle = float(np.median(own))
            rank = float(
                (
                    np.searchsorted(ranked, middle)
                    + np.searchsorted(ranked, middle, "right")
                )
                / (2 * len(ranked))
            )
            measures[cluster] |= {name: middle, f"{name}_rank": rank}
            if abs(2 * rank - 1) >= _REMARKABLE:
                words[cluster].append(_WORDS[name][rank > 0.5])
    looks = []
    for cluster in range(n_clusters):
        rows = np.flatnonzero(labels == cluster)
        palette, share = _leading_colours(
            [pictures["palette"][row] for row in rows],
            [pictures["palette_share"][row] for row in rows],
        )
        looks.append(
            Look(
                words=tuple(words[cluster]),
                palette=tuple(palette),
                palette_share=tuple(share),
                **measures[cluster],
            )
        )
    return looks


def _leading_colours(
    palettes: list[Any], shares: list[Any]
) -> tuple[list[str], list[float]]:
    """Merge the palettes of many covers into a few colours that stand apart."""
    weight: dict[str, float] = defaultdict(float)
    for colours, parts in zip(palettes, shares, strict=True):
        for colour, part in zip(colours or (), parts or (), strict=True):
            weight[colour] += float(part)
    if not weight:
        return [], []
    from covers.render.palette import seen_by

    names = sorted(weight, key=lambda name: -weight[name])[:_MOST_COLOURS]
    weights = np.array([weight[name] for name in names])
    lab = seen_by(names, "normal")
    centres = lab[[0]]
    while len(centres) < min(_N_COLOURS, len(names)):
        distance = np.linalg.norm(lab[:, None] - centres[None], axis=2).min(axis=1)
        centres = np.vstack([centres, lab[(distance**2 * weights).argmax()]])
    nearest = np.zeros(len(names), np.int64)
    for _ in range(10):
        nearest = np.linalg.norm(lab[:, None] - centres[None], axis=2).argmin(axis=1)
        for c in np.unique(nearest):
            own = nearest == c
            centres[c] = np.average(lab[own], axis=0, weights=weights[own])
    totals = np.bincount(nearest, weights, len(centres))
    shown = [
        names[int(np.linalg.norm(lab - centre, axis=1).argmin())] for centre in centres
    ]
    order = np.argsort(-totals, kind="stable")
    share = totals / totals.sum()
    return [shown[i] for i in order], [float(share[i]) for i in order]


def _contingency(
    clusters: npt.NDArray[np.int64], membership: Array
) -> npt.NDArray[np.float64]:
    """Count covers by cluster and genre, shape (n_clusters, n_genres)."""
    from scipy import sparse

    gather = sparse.csr_array(
        (np.ones(len(clusters)), (clusters, np.arange(len(clusters)))),
        shape=(int(clusters.max()) + 1, len(clusters)),
    )
    table: npt.NDArray[np.float64] = gather @ membership
    return table


def _information(table: Array) -> tuple[float, float, float]:
    """Return mutual information and both entropies of a contingency table, in nats."""
    p = table / table.sum()
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    independent = rows[:, None] * columns[None]
    filled = p > 0
    information = float((p[filled] * np.log(p[filled] / independent[filled])).sum())
    return information, _entropy(rows), _entropy(columns)


def _entropy(p: Array) -> float:
    """Return the entropy of a distribution in nats."""
    filled = p[p > 0]
    return float(-(filled * np.log(filled)).sum())


def _evenness(share: Array) -> float:
    """Return the entropy of shares over that of equal shares; 0 for a single genre."""
    if not np.isfinite(share).all():
        return float("nan")
    return _entropy(share) / float(np.log(len(share))) if len(share) > 1 else 0.0
