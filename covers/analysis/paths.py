"""Walks from one cover to another through covers that look alike.

Letters: N covers, K neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.analysis.neighbours import Neighbours


@dataclass(frozen=True)
class Walk:
    """A walk through the neighbour graph.

    Parameters
    ----------
    rows : list of int
        The covers passed, both ends included; empty where no walk exists.
    similarities : list of float
        Cosine similarity of each step, one fewer than `rows`.
    """

    rows: list[int]
    similarities: list[float]


def find_walk(
    neighbours: Neighbours,
    start: Sequence[int],
    end: Sequence[int],
    *,
    k: int = 15,
) -> Walk:
    """Find the walk with the least sum of squared angles.

    Squares make many small steps cheaper than few large ones, so the walk stays
    where covers are dense and every step is one that the eye can follow [1]_.

    Parameters
    ----------
    neighbours : Neighbours
        Of each cover; both directions of an edge can be walked.
    start, end : sequence of int
        Rows to start from and to arrive at; of several, the best one of each.
    k : int, default=15
        Neighbours of each cover that can be stepped to. Few give more and smaller
        steps but may leave no way at all.

    Returns
    -------
    Walk
        Empty where the covers lie in unconnected parts of the graph.

    Raises
    ------
    ValueError
        If `start` or `end` is empty.

    References
    ----------
    .. [1] Hwang, S. J., Damelin, S., Hero, A. (2016). "Shortest path through
       random points". Annals of Applied Probability 26(5).
    """
    from scipy import sparse
    from scipy.sparse.csgraph import dijkstra

    if len(start) == 0 or len(end) == 0:
        message = (
            f"a walk needs a start and an end, got {len(start)} and {len(end)} covers"
        )
        raise ValueError(message)
    near = neighbours.nearest(k)
    n_covers = len(near.rows)
    left = np.repeat(np.arange(n_covers), near.rows.shape[1])
    right, similarity = near.rows.ravel(), near.similarities.ravel()
    kept = right >= 0
    left, right, similarity = left[kept], right[kept], similarity[kept]
    # A zero would be no edge to scipy, so identical covers get a tiny length.
    length = np.arccos(np.clip(similarity.astype(np.float64), -1, 1)) ** 2 + 1e-9
    one_way = sparse.csr_array((length, (left, right)), shape=(n_covers, n_covers))
    graph = one_way.maximum(one_way.T)
    distance, before, _ = dijkstra(
        graph,
        directed=False,
        indices=np.asarray(start),
        return_predecessors=True,
        min_only=True,
    )
    goal = min(end, key=lambda row: float(distance[row]))
    if not np.isfinite(distance[goal]):
        return Walk([], [])
    rows = [int(goal)]
    while before[rows[-1]] >= 0:
        rows.append(int(before[rows[-1]]))
    rows.reverse()
    steps = [
        float(np.cos(np.sqrt(max(graph[a, b] - 1e-9, 0)))) for a, b in pairwise(rows)
    ]
    return Walk(rows, steps)
