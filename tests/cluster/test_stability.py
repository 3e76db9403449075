import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covers.cluster.stability import (
    best_jaccard,
    cluster_stability,
    jaccard_table,
    keep_ids,
    mean_jaccard,
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), min_size=1, max_size=40)
)
def test_jaccard_equals_set_arithmetic(pairs):
    first, second = np.array(pairs).T
    table = jaccard_table(first, second)
    for i in range(table.shape[0]):
        for j in range(table.shape[1]):
            a = set(np.flatnonzero(first == i))
            b = set(np.flatnonzero(second == j))
            expected = len(a & b) / len(a | b) if a | b else 0
            assert table[i, j] == pytest.approx(expected)


def test_the_same_clusters_are_found_again_wholly():
    labels = np.array([0, 0, 1, 1, -1])
    assert best_jaccard(labels, labels[[2, 3, 0, 1, 4]]).tolist() != []
    assert mean_jaccard(labels, np.array([1, 1, 0, 0, -1])) == 1
    assert mean_jaccard(labels, np.full(5, -1)) == 0


def test_a_real_cluster_is_stable_and_an_invented_one_is_not():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)

    def recluster(rows):
        again = labels[rows].copy()
        mixed = again == 1
        again[mixed] = rng.integers(1, 6, mixed.sum())
        return again

    found = cluster_stability(labels, np.arange(200), recluster, n_resamples=5)
    assert found[0] == 1
    assert found[1] < 0.4


def test_resamples_keep_whole_groups():
    groups = np.repeat(np.arange(20), 5)
    seen = []

    def recluster(rows):
        seen.append(rows)
        return np.zeros(len(rows), np.int64)

    cluster_stability(np.zeros(100, np.int64), groups, recluster, n_resamples=3)
    for rows in seen:
        assert all(
            np.isin(np.flatnonzero(groups == g), rows).all() for g in groups[rows]
        )
        assert 40 <= len(rows) <= 85


def test_without_resamples_or_clusters_nothing_is_said():
    none = np.full(5, -1)
    assert len(cluster_stability(none, np.arange(5), lambda rows: none[rows])) == 0
    labels = np.zeros(5, np.int64)
    found = cluster_stability(
        labels, np.arange(5), lambda rows: labels[rows], n_resamples=0
    )
    assert np.isnan(found).all()


def test_clusters_keep_their_ids_when_few_covers_change():
    ids = [f"c{i}" for i in range(30)]
    old = np.repeat([7, 2, 4], 10)
    new = np.repeat([0, 1, 2], 10)
    new[[3, 14]] = -1
    kept = keep_ids(new, ids, old, ids)
    assert kept[0] == 7
    assert kept[10] == 2
    assert kept[20] == 4
    assert kept[3] == -1


def test_a_new_cluster_gets_an_id_that_none_had():
    old_ids = [f"c{i}" for i in range(20)]
    new_ids = [*old_ids, *(f"n{i}" for i in range(10))]
    kept = keep_ids(np.repeat([0, 1, 2], 10), new_ids, np.repeat([0, 5], 10), old_ids)
    assert kept[[0, 10, 20]].tolist() == [0, 5, 6]


def test_the_larger_half_of_a_split_cluster_keeps_the_id():
    ids = [f"c{i}" for i in range(20)]
    kept = keep_ids(np.repeat([0, 1], [13, 7]), ids, np.zeros(20, np.int64), ids)
    assert kept[0] == 0
    assert kept[-1] == 1


def test_ids_start_at_zero_without_a_run_before():
    kept = keep_ids(np.array([0, 1, -1]), ["a", "b", "c"], np.array([], np.int64), [])
    assert kept.tolist() == [0, 1, -1]
