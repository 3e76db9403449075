"""Neighbours against brute force, with groups left out."""

import numpy as np
import pytest

from covers.stats.neighbours import find_neighbours


def unit(rng, n, d):
    vectors = rng.standard_normal((n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def brute_force(queries, references, k, query_groups, reference_groups):
    """One query at a time, in double precision."""
    rows, similarities = [], []
    for query, group in zip(queries, query_groups, strict=True):
        scores = references.astype(np.float64) @ query.astype(np.float64)
        allowed = np.flatnonzero(reference_groups != group)
        best = allowed[np.argsort(-scores[allowed])][:k]
        empty = k - len(best)
        rows.append([*best, *[-1] * empty])
        similarities.append([*scores[best], *[np.nan] * empty])
    return np.array(rows), np.array(similarities)


@pytest.mark.parametrize(("n", "k", "n_groups"), [(60, 5, 20), (60, 60, 4), (7, 12, 3)])
def test_neighbours_equal_brute_force(n, k, n_groups):
    rng = np.random.default_rng(n)
    references, queries = unit(rng, n, 6), unit(rng, 11, 6)
    groups, asked = rng.integers(n_groups, size=n), rng.integers(n_groups + 2, size=11)
    found = find_neighbours(
        queries, references, k=k, query_groups=asked, reference_groups=groups
    )
    rows, similarities = brute_force(queries, references, k, asked, groups)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.similarities, similarities, atol=1e-6)


def test_one_artist_owning_most_covers_still_finds_the_others():
    rng = np.random.default_rng(0)
    vectors = unit(rng, 300, 4)
    groups = np.where(np.arange(300) < 250, 0, np.arange(300))
    found = find_neighbours(
        vectors, vectors, k=20, query_groups=groups, reference_groups=groups
    )
    _, similarities = brute_force(vectors, vectors, 20, groups, groups)
    np.testing.assert_allclose(found.similarities, similarities, atol=1e-6)
    assert (groups[found.rows] != groups[:, None]).all()


def test_without_groups_a_cover_is_its_own_nearest():
    vectors = unit(np.random.default_rng(1), 40, 5)
    found = find_neighbours(vectors, vectors, k=3)
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(40))


@pytest.mark.parametrize(("n_queries", "n_references"), [(0, 5), (5, 0)])
def test_nothing_to_search_leaves_slots_empty(n_queries, n_references):
    rng = np.random.default_rng(2)
    found = find_neighbours(unit(rng, n_queries, 3), unit(rng, n_references, 3), k=4)
    assert found.rows.shape == (n_queries, 4)
    assert (found.rows == -1).all()
    assert np.isnan(found.similarities).all()


def test_contradicting_arguments_are_refused():
    vectors = unit(np.random.default_rng(3), 4, 3)
    with pytest.raises(ValueError, match="at least 1"):
        find_neighbours(vectors, vectors, k=0)
    with pytest.raises(ValueError, match="one width"):
        find_neighbours(vectors, vectors[:, :2], k=1)
