"""The border to UMAP: few dimensions for clustering and for the map.

Vectors are first turned and cut to their leading principal components, which leaves
out directions that hardly vary and makes the search for neighbours cheap; these are
found exactly and handed to UMAP. docs/method/clusters.md says what that changes. Letters: N covers, D dimensions,
C components, K neighbours.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.cluster.compiled import find_compile_folder
from covers.cluster.sampled import MOST_FITTED, draw_sample, spread_layout
from covers.errors import needs_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_COMPONENTS = 30
FEWEST_COVERS = 10
"""Below this many covers there is no manifold to learn; principal components serve."""
_EPOCHS_SMALL, _EPOCHS_LARGE, _LARGE = 300, 100, 20_000

Points = npt.NDArray[np.float32]
Graph = tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]
"""Neighbours of each point, itself first, and their distances, both of shape (N, K)."""


def principal_components(
    vectors: Points, n_components: int = MOST_COMPONENTS
) -> Points:
    """Project vectors onto their leading principal components.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_covers, n_dimensions)
    n_components : int, default=30
        At most this many; fewer when the data have fewer.

    Returns
    -------
    ndarray of float32, shape (n_covers, n_kept)
        Centred; at least one column. The sign of a column is such that its
        largest entry is positive, so that the same data give the same result.
    """
    n_covers, n_dimensions = vectors.shape
    kept = max(1, min(n_components, n_dimensions, n_covers - 1))
    centred = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    covariance = (centred.T @ centred).astype(np.float64)
    _, axes = np.linalg.eigh(covariance)
    projected = centred @ axes[:, ::-1][:, :kept].astype(np.float32)
    largest = np.abs(projected).argmax(axis=0) if n_covers else np.zeros(kept, int)
    sign = np.sign(projected[largest, np.arange(kept)]) if n_covers else 1
    result: Points = (projected * np.where(sign == 0, 1, sign)).astype(np.float32)
    return result


def exact_neighbours(points: Points, k: int) -> Graph:
    """Find the k nearest points of each point, itself first, by Euclidean distance.

    Returns
    -------
    rows : ndarray of int32, shape (n_points, k)
    distances : ndarray of float32, shape (n_points, k)
    """
    import faiss

    index = faiss.IndexFlatL2(points.shape[1])
    index.add(np.ascontiguousarray(points, np.float32))
    squared, rows = index.search(np.ascontiguousarray(points, np.float32), k)
    every = np.arange(len(points))
    # Of identical points another one may come first; UMAP expects the point itself.
    misplaced = np.flatnonzero(rows[:, 0] != every)
    for row in misplaced:
        place = np.flatnonzero(rows[row] == row)
        last = int(place[0]) if len(place) else k - 1
        rows[row, 1 : last + 1] = rows[row, :last].copy()
        rows[row, 0] = row
    return rows.astype(np.int32), np.sqrt(np.maximum(squared, 0)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class LayoutSettings:
    """How covers are laid out in few dimensions.

    Parameters
    ----------
    n_components : int
        2 for a map, about 5 for clustering.
    n_neighbors : int, default=15
        Small shows fine structure, large the whole.
    min_dist : float, default=0.1
        Smallest distance between points: 0 packs clusters tight, 1 spreads evenly.
    seed : int, default=0
        Same seed and library versions, same layout.
    most_fitted : int, default=100_000
        More covers are laid out by a random sample of so many; see `covers.cluster.sampled`.
    """

    n_components: int
    n_neighbors: int = 15
    min_dist: float = 0.1
    seed: int = 0
    most_fitted: int = MOST_FITTED


def project(
    vectors: Points, settings: LayoutSettings, graph: Graph | None = None
) -> Points:
    """Lay covers out in few dimensions with UMAP [1]_.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_covers, n_dimensions)
        L2-normalised, so that Euclidean neighbours are cosine neighbours.
    settings : LayoutSettings
    graph : Graph, optional
        `exact_neighbours` of the vectors' principal components, `n_neighbors` or
        more, where they are known; of no use above `most_fitted`.

    Returns
    -------
    ndarray of float32, shape (n_covers, n_components)
        Fewer than `FEWEST_COVERS` covers are laid out by principal components.

    Raises
    ------
    MissingExtraError
        If umap-learn is not installed.

    References
    ----------
    .. [1] McInnes, L., Healy, J., Melville, J. (2018). "UMAP: Uniform Manifold
       Approximation and Projection for Dimension Reduction". arXiv:1802.03426.
    """
    points = principal_components(vectors)
    sample = draw_sample(len(points), settings.most_fitted, settings.seed)
    if len(sample) == len(points):
        return _fit(points, settings, graph)
    return spread_layout(points, sample, _fit(points[sample], settings, None))


def _fit(points: Points, settings: LayoutSettings, graph: Graph | None) -> Points:
    """Lay points out with UMAP, from their first components on."""
    start = np.zeros((len(points), settings.n_components), np.float32)
    width = min(settings.n_components, points.shape[1])
    start[:, :width] = points[:, :width]
    spread = float(np.abs(start).max(initial=0))
    if len(points) < FEWEST_COVERS or spread == 0:
        return start
    k = min(settings.n_neighbors, len(points) - 1)
    rows, distances = exact_neighbours(points, k) if graph is None else graph
    # UMAP's optimiser needs room between the points it starts from.
    rng = np.random.default_rng(settings.seed)
    start = start * (10 / spread)
    start += rng.normal(scale=1e-3, size=start.shape).astype(np.float32)
    large = len(points) > _LARGE
    with quiet_umap() as umap:
        reducer = umap.UMAP(
            n_components=settings.n_components,
            n_neighbors=k,
            min_dist=settings.min_dist,
            metric="euclidean",
            init=start,
            n_epochs=_EPOCHS_LARGE if large else _EPOCHS_SMALL,
            random_state=settings.seed,
            n_jobs=1,
            precomputed_knn=(rows[:, :k], distances[:, :k]),
            force_approximation_algorithm=True,
            transform_mode="embedding",
        )
        layout: Points = np.asarray(reducer.fit_transform(points), np.float32)
    return layout


@contextmanager
def quiet_umap() -> Iterator[Any]:
    """Import umap and run it without the warnings that are none of a user's business."""
    with warnings.catch_warnings():
        # umap says at import that its TensorFlow part is off, numba that a cache
        # or a thread layer is old, and fit that `transform` will not work with
        # neighbours found elsewhere: it is not used.
        warnings.simplefilter("ignore")
        find_compile_folder()
        with needs_extra("the layout of covers"):
            import umap
        yield umap
