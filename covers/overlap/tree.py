"""The family tree of genres and the graph of those that mix.

Letters: G genres, P pairs, B bootstraps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.overlap.finite_sample import FEWEST_GROUPS
from covers.overlap.measured import Branch, Edge, Tree

if TYPE_CHECKING:
    from covers.overlap.overlap import OverlapMatrices

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GenreTree:
    """Average linkage of genres on ``1 - overlap``.

    Parameters
    ----------
    genres : tuple of str
        Leaves by number: those whose overlap with all others could be measured.
    linkage : ndarray of float64, shape (n_genres - 1, 4)
        As `scipy.cluster.hierarchy.linkage` returns it.
    support : ndarray of float64, shape (n_genres - 1,)
        Share of the resamples whose tree has a branch of the same genres [1]_; 1
        is certain, the root always is.
    order : tuple of str
        Leaves so that genres alike stand side by side.

    References
    ----------
    .. [1] Felsenstein, J. (1985). "Confidence limits on phylogenies: an approach
       using the bootstrap". Evolution 39(4).
    """

    genres: tuple[str, ...]
    linkage: Array
    support: Array
    order: tuple[str, ...]

    def named(self) -> Tree:
        """Return the branches with the genres under each."""
        return Tree(
            order=self.order,
            branches=tuple(
                Branch(
                    genres=tuple(sorted(self.genres[leaf] for leaf in leaves)),
                    height=float(height),
                    support=float(support),
                )
                for leaves, height, support in zip(
                    _branches(self.linkage),
                    self.linkage[:, 2],
                    self.support,
                    strict=True,
                )
            ),
        )


def grow_tree(overlap: OverlapMatrices) -> GenreTree:
    """Join genres by average linkage on ``1 - overlap``, with bootstrap support."""
    n_genres = len(overlap.genres)
    known = np.flatnonzero(overlap.n_groups >= FEWEST_GROUPS)
    genres = tuple(overlap.genres[i] for i in known)
    if len(genres) < 2:
        return GenreTree(genres, np.empty((0, 4)), np.empty(0), genres)
    position = np.full((n_genres, n_genres), -1)
    pairs = np.triu_indices(n_genres, 1)
    position[pairs] = np.arange(len(pairs[0]))
    wanted = position[np.ix_(known, known)][np.triu_indices(len(known), 1)]
    matrix = overlap.overlap[np.ix_(known, known)]
    tree = _link(matrix[np.triu_indices(len(known), 1)])
    found = _branches(tree)
    hits = np.zeros(len(found))
    used = 0
    for sample in overlap.samples[:, wanted]:
        if np.isfinite(sample).all():
            used += 1
            drawn = set(_branches(_link(np.clip(sample, 0, 1).astype(np.float64))))
            hits += [branch in drawn for branch in found]
    support = hits / used if used else np.full(len(found), np.nan)
    from scipy.cluster.hierarchy import leaves_list

    order = tuple(genres[leaf] for leaf in leaves_list(tree))
    return GenreTree(genres, tree, support, order)


def find_edges(
    overlap: OverlapMatrices,
    *,
    q_most: float = 0.05,
    nested: npt.NDArray[np.bool_] | None = None,
) -> list[Edge]:
    """Return the pairs that mix more than chance, the strongest first.

    Parameters
    ----------
    overlap : OverlapMatrices
        What was measured.
    q_most : float, default=0.05
        Largest false-discovery rate; 0 keeps no edge, 1 every pair above chance.
    nested : ndarray of bool, shape (n_genres, n_genres), optional
        Pairs of which one genre contains the other: they share covers, which
        says nothing of looks, and get no edge.
    """
    edges = []
    for a, b in zip(*np.triu_indices(len(overlap.genres), 1), strict=True):
        if nested is not None and (nested[a, b] or nested[b, a]):
            continue
        lift = float((overlap.lift[a, b] + overlap.lift[b, a]) / 2)
        if lift > 1 and overlap.q[a, b] <= q_most:
            edges.append(
                Edge(
                    a=overlap.genres[a],
                    b=overlap.genres[b],
                    lift=lift,
                    overlap=float(overlap.overlap[a, b]),
                    q=float(overlap.q[a, b]),
                )
            )
    return sorted(edges, key=lambda edge: -edge.lift)


def _link(pairs: Array) -> Array:
    """Return the average linkage with leaves ordered for the eye."""
    from scipy.cluster.hierarchy import linkage

    tree: Array = linkage(1 - pairs, "average", optimal_ordering=len(pairs) < 2000)
    return tree


def _branches(tree: Array) -> list[frozenset[int]]:
    """Return the leaves under each joint of a linkage."""
    n_leaves = len(tree) + 1
    under = [frozenset([leaf]) for leaf in range(n_leaves)]
    for left, right, _, _ in tree:
        under.append(under[int(left)] | under[int(right)])
    return under[n_leaves:]
