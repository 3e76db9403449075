import numpy as np
import pytest

from covers.overlap.measured import Tree
from covers.overlap.overlap import OverlapMatrices, OverlapSettings
from covers.overlap.tree import find_edges, grow_tree


def overlap_of(matrix, *, lift=None, q=None, n_groups=50, noise=0.02, n_bootstraps=200):
    matrix = np.asarray(matrix, float)
    n = len(matrix)
    pairs = np.triu_indices(n, 1)
    rng = np.random.default_rng(0)
    samples = matrix[pairs] + rng.normal(0, noise, (n_bootstraps, len(pairs[0])))
    blank = np.full((n, n), np.nan)
    return OverlapMatrices(
        genres=tuple("abcdefgh"[:n]),
        n_covers=np.full(n, 100.0),
        n_groups=np.broadcast_to(n_groups, n).astype(np.int64),
        overlap=matrix,
        overlap_ci95=np.stack([matrix - 0.1, matrix + 0.1]),
        raw=matrix,
        lift=np.ones((n, n)) if lift is None else np.asarray(lift),
        lift_ci95=np.stack([blank, blank]),
        p=blank,
        q=np.ones((n, n)) if q is None else np.asarray(q),
        samples=samples.astype(np.float32),
        effective_genres=2.0,
        effective_genres_ci95=(1.0, 3.0),
        k=15,
        settings=OverlapSettings(),
    )


TWO_FAMILIES = [
    [1, 0.9, 0.1, 0.1],
    [0.9, 1, 0.1, 0.1],
    [0.1, 0.1, 1, 0.8],
    [0.1, 0.1, 0.8, 1],
]


def test_families_become_branches_with_full_support():
    tree = grow_tree(overlap_of(TWO_FAMILIES))
    by_genres = {branch.genres: branch for branch in tree.named().branches}
    assert by_genres["a", "b"].height == pytest.approx(0.1)
    assert by_genres["c", "d"].height == pytest.approx(0.2)
    assert by_genres["a", "b"].support == 1
    assert abs(tree.order.index("a") - tree.order.index("b")) == 1


def test_genres_equally_alike_give_branches_with_little_support():
    tree = grow_tree(overlap_of(np.full((5, 5), 0.5) + np.eye(5) / 2))
    assert tree.support[:-1].max() < 0.9
    assert tree.support[-1] == 1


def test_genres_with_too_few_groups_are_no_leaves():
    tree = grow_tree(overlap_of(TWO_FAMILIES, n_groups=[50, 50, 2, 50]))
    assert set(tree.order) == {"a", "b", "d"}


def test_one_genre_is_a_tree_without_branches():
    tree = grow_tree(overlap_of([[1.0]]))
    assert tree.order == ("a",)
    assert tree.named() == Tree(order=("a",))


def test_only_pairs_above_chance_and_significant_are_joined():
    lift = np.array([[1, 1.4, 0.5], [1.2, 1, 1.5], [0.5, 1.5, 1]])
    q = np.array([[1, 0.01, 0.01], [0.01, 1, 0.2], [0.01, 0.2, 1]])
    matrix = np.full((3, 3), 0.5)
    edges = find_edges(overlap_of(matrix, lift=lift, q=q))
    assert [(e.a, e.b) for e in edges] == [("a", "b")]
    assert edges[0].lift == pytest.approx(1.3)
    looser = find_edges(overlap_of(matrix, lift=lift, q=q), q_most=0.3)
    assert [(e.a, e.b) for e in looser] == [("b", "c"), ("a", "b")]
