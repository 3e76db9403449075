"""Overlap at its ends: one genre, three hundred, no genre, a handful of covers."""

import numpy as np
import pytest
from known_workspace import DESIGN, GENRES
from measured import FAST, measure, near_of

from covers.overlap.finite_sample import (
    FEWEST_GROUPS,
)
from covers.overlap.overlap import (
    OverlapSettings,
    measure_overlap,
)
from covers.overlap.simulation import Design, draw_known_overlap
from covers.stats.neighbours import (
    Neighbours,
)


def test_one_genre_has_no_pair_and_counts_one():
    data = draw_known_overlap(
        Design(family="shuffled", n_covers=(50,), n_dimensions=2, separation=1), 0
    )
    found = measure(data)
    assert found.samples.shape[1] == 0
    assert found.effective_genres == 1


def test_a_genre_of_two_covers_gets_no_overlap_and_leaves_the_others_alone():
    data = draw_known_overlap(
        Design(family="gaussians", n_covers=(80, 80, 2), n_dimensions=2, separation=1),
        0,
    )
    found = measure(data)
    assert np.isnan(found.overlap[2, :2]).all()
    assert np.isnan(found.q[2, :2]).all()
    assert np.isfinite(found.overlap[0, 1])
    assert 1 <= found.effective_genres <= 2


def test_a_genre_of_one_artist_gets_no_overlap():
    data = draw_known_overlap(DESIGN, 0)
    groups = data.groups.copy()
    groups[data.membership[:, 1] > 0] = 10_000
    found = measure_overlap(
        near_of(data.vectors, groups), data.membership, groups, GENRES, FAST
    )
    assert found.n_groups[1] == 1 < FEWEST_GROUPS
    assert np.isnan(found.overlap[1, [0, 2]]).all()
    assert np.isfinite(found.overlap[0, 2])


def test_three_hundred_genres_are_measured():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(300), 8)
    vectors = rng.standard_normal((2400, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    membership = np.eye(300, dtype=np.float32)[labels]
    groups = np.arange(2400)
    found = measure_overlap(
        near_of(vectors, groups, k=50),
        membership,
        groups,
        [f"g{i}" for i in range(300)],
        OverlapSettings(k=25, n_bootstraps=50, n_permutations=10, n_splits=1),
    )
    assert np.isfinite(found.overlap).all()
    assert np.median(found.overlap) > 0.9


def test_covers_without_genre_leave_everything_unknown():
    vectors = np.eye(6, dtype=np.float32)
    groups = np.arange(6)
    found = measure_overlap(
        near_of(vectors, groups), np.zeros((6, 2), np.float32), groups, "ab", FAST
    )
    assert np.isnan(found.effective_genres)
    assert np.isnan(found.overlap).all()


def test_identical_covers_are_indistinguishable():
    membership = np.eye(2, dtype=np.float32)[np.arange(80) % 2]
    groups = np.arange(80)
    rng = np.random.default_rng(0)
    rows = np.stack([rng.permutation(np.delete(groups, i))[:40] for i in groups])
    near = Neighbours(rows, np.ones(rows.shape, np.float32))
    found = measure_overlap(near, membership, groups, "ab", FAST)
    assert found.overlap[0, 1] > 0.7
    assert found.overlap_ci95[1, 0, 1] == 1


def test_contradicting_shapes_are_refused():
    near = Neighbours(np.zeros((3, 1), np.int64), np.ones((3, 1), np.float32))
    with pytest.raises(ValueError, match=r"expected membership of shape \(3, 2\)"):
        measure_overlap(near, np.ones((4, 2), np.float32), np.arange(3), "ab")


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="family must be gaussians"):
        draw_known_overlap(
            Design(family="cubes", n_covers=(9,), n_dimensions=2, separation=1), 0
        )


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_covers_gives_null_and_no_warning(n):
    vectors = np.eye(4, dtype=np.float32)[:n]
    membership = np.eye(2, dtype=np.float32)[np.arange(n) % 2]
    groups = np.arange(n)
    found = measure_overlap(
        near_of(vectors, groups), membership, groups, ("a", "b"), FAST
    )
    assert np.isnan(found.overlap[0, 1])
    assert np.isnan(found.effective_genres)
