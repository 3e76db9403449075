"""Exact search against NumPy, whichever way a batch of this size takes."""

import numpy as np
import pytest

from indexer.backends import exact
from indexer.backends.exact import exact_candidates
from indexer.vectors import cosine_similarities, unit_rows

D = 12


def drawn(n_queries, n, seed=0):
    rng = np.random.default_rng(seed)
    queries = rng.standard_normal((n_queries, D), dtype=np.float32)
    vectors = rng.standard_normal((n, D), dtype=np.float32)
    return unit_rows(queries), unit_rows(vectors)


@pytest.mark.parametrize("share", [None, 0.95, 0.3, 0.001])
@pytest.mark.parametrize("n_queries", [1, 3, 4, 300, 600])
@pytest.mark.parametrize("n", [1, 40, 700, 40_000])
def test_candidates_are_the_nearest_of_those_allowed(n, n_queries, share):
    queries, vectors = drawn(n_queries, n)
    allowed = None
    if share is not None:
        allowed = np.random.default_rng(1).random(n) < share
        allowed[0] = True
    products = queries @ vectors.T
    if allowed is not None:
        products[:, ~allowed] = -np.inf
    n_possible = n if allowed is None else int(allowed.sum())
    found, similarities = exact_candidates(queries, vectors, 14, allowed)
    assert found.shape == (n_queries, min(14, n_possible))
    best = np.sort(products, axis=1)[:, -found.shape[1] :]
    chosen = np.sort(np.take_along_axis(products, found, axis=1), axis=1)
    np.testing.assert_allclose(chosen, best, atol=1e-5)
    assert all(len(set(rows)) == len(rows) for rows in found.tolist())
    alone = cosine_similarities(queries, vectors[found])
    np.testing.assert_array_equal(similarities, alone)


def test_a_large_batch_is_left_to_faiss_a_small_one_is_not(monkeypatch):
    from indexer.backends import faiss

    asked = []
    nearest_rows = faiss.nearest_rows
    monkeypatch.setattr(
        faiss, "nearest_rows", lambda *a: asked.append(len(a[0])) or nearest_rows(*a)
    )
    queries, vectors = drawn(exact._LARGE_BATCH, exact._LARGE_ROWS)
    exact_candidates(queries[:-1], vectors, 5)
    exact_candidates(queries, vectors[:-1], 5)
    assert asked == []
    exact_candidates(queries, vectors, 5)
    assert asked == [exact._LARGE_BATCH]


def test_nothing_allowed_gives_nothing():
    queries, vectors = drawn(2, 5)
    assert exact_candidates(queries, vectors, 3, np.zeros(5, bool))[0].shape == (2, 0)
    assert exact_candidates(queries, vectors[:0], 3)[0].shape == (2, 0)
    assert exact_candidates(queries[:0], vectors, 3)[0].shape == (0, 3)
