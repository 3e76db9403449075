"""Of the rows that a structure proposes, the nearest are kept, in one thread or in several."""

import numpy as np
import pytest

from indexer.backends import faiss, scoring
from indexer.vectors import score_rows, unit_rows

N_BEST = 14


@pytest.fixture
def proposed():
    """Queries, vectors and rows that a structure might propose, some of them missing."""
    rng = np.random.default_rng(4)
    vectors = unit_rows(rng.standard_normal((4000, 32), dtype=np.float32))
    queries = unit_rows(rng.standard_normal((517, 32), dtype=np.float32))
    rows = np.stack([rng.choice(4000, 90, replace=False) for _ in queries])
    rows[::5, 40:] = -1
    return queries, vectors, rows


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_the_nearest_of_the_proposed_rows_are_kept(proposed, n_threads, monkeypatch):
    queries, vectors, rows = proposed
    monkeypatch.setattr(faiss, "n_threads", lambda: n_threads)
    kept, similarities = scoring.best_rows(queries, vectors, rows, N_BEST)
    assert kept.shape == similarities.shape == (len(queries), N_BEST)
    every = np.where(rows < 0, -np.inf, score_rows(queries, vectors, rows))
    best = -np.sort(-every, axis=1)[:, :N_BEST]
    np.testing.assert_allclose(-np.sort(-similarities, axis=1), best, atol=1e-6)
    np.testing.assert_array_equal(similarities, score_rows(queries, vectors, kept))


def test_threads_change_no_number(proposed, monkeypatch):
    found = []
    for n_threads in (1, 4):
        monkeypatch.setattr(faiss, "n_threads", lambda n=n_threads: n)
        found.append(scoring.best_rows(*proposed, N_BEST))
    for alone, together in zip(*found, strict=True):
        np.testing.assert_array_equal(alone, together)
