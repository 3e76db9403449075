"""Groups of near-duplicate covers: pairs that agree, joined where most of a group agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.images.duplicates.near_duplicates import (
    DuplicatePairs,
    find_near_duplicates,
)
from covers.images.duplicates.views import Views
from covers.stats.rows import number_by_appearance

if TYPE_CHECKING:
    import pyarrow as pa

    from covers.images.duplicates.near_duplicates import DuplicateThresholds, Look

_COPIES = 0.99  # correlation of pictures that are copies of each other


def group_near_duplicates(
    pictures: pa.Table,
    thresholds: DuplicateThresholds | None = None,
    look: Look | None = None,
) -> npt.NDArray[np.int64]:
    """Give near-duplicate covers the same group number; see `connect`.

    Parameters
    ----------
    pictures : pyarrow.Table
        Columns ``phash``, ``phash_inner``, ``signature``, ``signature_inner``
        of `covers.images.measures.SCHEMA`, one row per cover.
    thresholds : DuplicateThresholds, optional
    look : callable, optional
        As for `find_near_duplicates`.

    Returns
    -------
    ndarray of int64, shape (n_covers,)
        Group numbers, ``0`` upwards in the order of first appearance.

    Notes
    -----
    Exact: no pair of near hashes is missed (`covers.images.duplicates.hashes`).
    """
    pairs = find_near_duplicates(Views.of(pictures), thresholds, look)
    return connect(pairs, pictures.num_rows)


def connect(pairs: DuplicatePairs, n_covers: int) -> npt.NDArray[np.int64]:
    """Turn pairs into group numbers, ``0`` upwards in the order of first appearance.

    Copies of one picture are one to begin with. Then the best pairs come first,
    and two groups are joined where at least half of all pairs between them
    agree: a chain, in which each only looks like the one before, stays apart.
    """
    copies = (pairs.bits == 0) & (pairs.correlations >= _COPIES)
    labels = _components(pairs.first[copies], pairs.second[copies], n_covers)
    ends = np.stack([labels[pairs.first[~copies]], labels[pairs.second[~copies]]])
    strength = np.lexsort((-pairs.correlations[~copies], pairs.bits[~copies]))
    links = list(dict.fromkeys((min(e), max(e)) for e in ends.T[strength].tolist()))
    groups = _Groups(int(labels.max(initial=-1)) + 1, links)
    waiting = links
    while True:
        left = [link for link in waiting if not groups.join(*link)]
        if len(left) == len(waiting):
            break
        waiting = left
    labels = np.array([groups.root(node) for node in labels.tolist()], np.int64)
    return number_by_appearance(labels)[1]


def _components(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], n_covers: int
) -> npt.NDArray[np.int64]:
    """Return the number of each cover's group: covers that pairs connect share one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array(
        (np.ones(len(first), bool), (first, second)), shape=(n_covers, n_covers)
    )
    labels: npt.NDArray[np.int64] = connected_components(edges, directed=False)[1]
    return labels.astype(np.int64)


class _Groups:
    """Groups that grow, and how many pairs agree between each two of them."""

    def __init__(self, n_nodes: int, links: list[tuple[int, int]]) -> None:
        self.above = list(range(n_nodes))
        self.sizes = [1] * n_nodes
        self.agreeing: dict[int, dict[int, int]] = {}
        for a, b in links:
            if a != b:
                self.agreeing.setdefault(a, {})[b] = 1
                self.agreeing.setdefault(b, {})[a] = 1

    def root(self, node: int) -> int:
        """Return the group of a node."""
        while self.above[node] != node:
            self.above[node] = self.above[self.above[node]]
            node = self.above[node]
        return node

    def join(self, first: int, second: int) -> bool:
        """Join the groups of two nodes if half of the pairs between them agree."""
        a, b = self.root(first), self.root(second)
        if a == b:
            return True
        n_pairs = self.sizes[a] * self.sizes[b]
        if 2 * self.agreeing[a].get(b, 0) < n_pairs:
            return False
        if self.sizes[a] < self.sizes[b]:
            a, b = b, a
        self.above[b] = a
        self.sizes[a] += self.sizes[b]
        for other, n in self.agreeing.pop(b).items():
            del self.agreeing[other][b]
            if other != a:
                both = self.agreeing[a].get(other, 0) + n
                self.agreeing[a][other] = self.agreeing[other][a] = both
        return True
