"""Overlap where only some covers are asked: whole groups, wider intervals."""

from dataclasses import replace

import numpy as np
from known_workspace import DESIGN
from measured import FAST, measure, near_of

from covers.overlap.mixing import measure_mixing
from covers.overlap.overlap import (
    label_covers,
    measure_overlap,
    n_neighbours,
)
from covers.overlap.pair_votes import Labels, loss_table, sample_groups
from covers.overlap.simulation import Design, draw_known_overlap
from covers.stats.neighbours import (
    find_own_neighbours,
)

LARGE = Design(
    family="gaussians",
    n_covers=(1500, 1500, 100),
    n_dimensions=3,
    separation=2.0,
    group_size=3,
    group_correlation=0.3,
)


def test_asking_everybody_is_asking_with_a_mask_of_all():
    data = draw_known_overlap(DESIGN, 2)
    near = near_of(data.vectors, data.groups)
    alone = Labels(data.membership, data.groups)
    marked = Labels(data.membership, data.groups, alone.group_mass > 0)
    first, second = (
        measure_mixing(near.rows, labels, n_permutations=20)
        for labels in (alone, marked)
    )
    np.testing.assert_array_equal(first.table, second.table)
    np.testing.assert_array_equal(first.p_pairs, second.p_pairs)
    np.testing.assert_array_equal(
        loss_table(near.rows, alone, [5, 15]), loss_table(near.rows, marked, [5, 15])
    )


def test_whole_groups_are_sampled_and_small_genres_wholly():
    data = draw_known_overlap(LARGE, 3)
    labels = Labels(data.membership, data.groups)
    for n_most, share in ((1800, 600), (900, 500)):
        sampled = sample_groups(labels, n_most)
        some = Labels(data.membership, data.groups, sampled).sampled_membership
        counts = some.sum(axis=0)
        assert counts[2] == 100
        assert ((counts[:2] >= share) & (counts[:2] < share + 6)).all()
    assert sample_groups(labels, 3100) is None


def test_asking_some_finds_the_same_overlap_in_wider_intervals():
    data = draw_known_overlap(LARGE, 3)
    every, some = (
        measure(data, settings=replace(FAST, n_sampled=n)) for n in (5000, 1500)
    )
    pairs = np.triu_indices(3, 1)
    np.testing.assert_allclose(some.overlap[pairs], every.overlap[pairs], atol=0.05)
    np.testing.assert_allclose(some.lift, every.lift, atol=0.12)
    low, high = (end[pairs] for end in some.overlap_ci95)
    assert ((low <= data.overlap[pairs]) & (data.overlap[pairs] <= high)).all()
    widths = [np.diff(f.overlap_ci95[:, 0, 1])[0] for f in (some, every)]
    assert widths[0] > 1.1 * widths[1]
    np.testing.assert_array_equal(some.n_groups, every.n_groups)


def test_neighbours_of_covers_that_are_not_sampled_do_not_count():
    data = draw_known_overlap(LARGE, 3)
    settings = replace(FAST, n_sampled=1800)
    labels = label_covers(data.membership, data.groups, settings)
    sampled = labels.sampled_membership.any(axis=1)
    k = n_neighbours(len(sampled))
    near = find_own_neighbours(data.vectors, data.groups, k, sampled)
    assert (near.rows[~sampled] == -1).all()
    found = measure_overlap(near, data.membership, data.groups, "abc", settings)
    np.testing.assert_array_equal(
        found.overlap_ci95, measure(data, "abc", settings).overlap_ci95
    )
