"""Layouts and clusters of more covers than are worth fitting: a sample is fitted, the others follow it.

Each of the others is placed at the mean of its nearest covers of the sample,
weighted as UMAP weights its edges, and belongs to the cluster that most of its
nearest ones in the layout belong to. So time grows with the number of covers and
not with its square. docs/method/clusters.md says what that changes. Letters:
N covers, S covers of the sample, K neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    Rows = npt.NDArray[np.int64]
    Points = npt.NDArray[np.float32]
    Distances = npt.NDArray[np.float64]

MOST_FITTED = 100_000
"""More covers than this are laid out, and clustered, by a random sample of so many."""
_NEIGHBOURS = 15
_AT_ONCE = 1 << 16


def draw_sample(n_covers: int, most: int, seed: int) -> Rows:
    """Return the rows that are fitted, ascending: all where they are no more than `most`."""
    if n_covers <= most:
        return np.arange(n_covers)
    drawn: Rows = np.random.default_rng(seed).permutation(n_covers)[:most]
    return np.sort(drawn)


def weigh(distances: Distances) -> Distances:
    """Return the weight of each neighbour, rows sum to 1; the nearest weighs most, shape (N, K)."""
    beyond = distances - distances[:, :1]
    scale = np.maximum(beyond.mean(axis=1, keepdims=True), 1e-9)
    weights = np.exp(-beyond / scale)
    result: Distances = weights / weights.sum(axis=1, keepdims=True)
    return result


def spread_layout(points: Points, sample: Rows, layout: Points) -> Points:
    """Place all covers by the layout of a sample, whose covers stay where they are.

    Parameters
    ----------
    points : ndarray of float32, shape (n_covers, n_dimensions)
    sample : ndarray of int64, shape (n_sample,)
        Rows of `points`.
    layout : ndarray of float32, shape (n_sample, n_components)

    Returns
    -------
    ndarray of float32, shape (n_covers, n_components)
    """
    placed = np.empty((len(points), layout.shape[1]), np.float32)
    for rows, near, distances in _nearest(points, sample):
        weights = weigh(distances)
        placed[rows] = (layout[near] * weights[:, :, None]).sum(axis=1)
    placed[sample] = layout
    return placed


def spread_labels(
    points: Points, sample: Rows, labels: Rows, strengths: npt.NDArray[np.float64]
) -> tuple[Rows, npt.NDArray[np.float64]]:
    """Give all covers the cluster of most of their nearest covers of a sample, noise too.

    Parameters
    ----------
    points : ndarray of float32, shape (n_covers, n_components)
        The layout.
    sample : ndarray of int64, shape (n_sample,)
        Rows of `points`.
    labels, strengths : ndarray, shape (n_sample,)
        Cluster of each cover of the sample, ``-1`` for noise, and how deep in it it lies.

    Returns
    -------
    labels, strengths : ndarray, shape (n_covers,)
        A strength is the mean of those of the neighbours in the cluster.
    """
    all_labels = np.full(len(points), -1, np.int64)
    all_strengths = np.zeros(len(points))
    n_clusters = int(labels.max(initial=-1)) + 1
    for rows, near, _ in _nearest(points, sample):
        found = labels[near]
        votes = np.zeros((len(rows), n_clusters + 1), np.int32)  # the last is noise
        np.add.at(votes, (np.arange(len(rows))[:, None], found), 1)
        most = votes.argmax(axis=1)
        label = np.where(most == n_clusters, -1, most)
        same = found == label[:, None]
        all_labels[rows] = label
        all_strengths[rows] = (strengths[near] * same).sum(axis=1) / same.sum(axis=1)
    all_labels[sample], all_strengths[sample] = labels, strengths
    return all_labels, all_strengths


def _nearest(points: Points, sample: Rows) -> Iterator[tuple[Rows, Rows, Distances]]:
    """Yield the rows outside a sample, and their nearest in it with the distances, some at a time."""
    import faiss

    inside = np.ascontiguousarray(points[sample], np.float32)
    others = np.setdiff1d(np.arange(len(points)), sample, assume_unique=True)
    for start in range(0, len(others), _AT_ONCE):
        rows = others[start : start + _AT_ONCE]
        asked = np.ascontiguousarray(points[rows], np.float32)
        squared, near = faiss.knn(asked, inside, min(_NEIGHBOURS, len(inside)))
        yield rows, near, np.sqrt(np.maximum(squared, 0).astype(np.float64))
