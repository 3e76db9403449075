import numpy as np

from covers.overlap.exemplars import find_exemplars, one_per_group
from covers.stats.neighbours import find_neighbours


def circle(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def scene(n=60):
    """Genre a around 0, genre b around 1, one cover of a in the middle, one far away."""
    rng = np.random.default_rng(0)
    angles = np.concatenate(
        [rng.normal(0, 0.1, n), rng.normal(1, 0.1, n), [0.5], [3.5]]
    )
    membership = np.zeros((len(angles), 2), np.float32)
    membership[:n, 0] = membership[-2:, 0] = 1
    membership[n:-2, 1] = 1
    groups = np.arange(len(angles))
    vectors = circle(angles)
    near = find_neighbours(
        vectors, vectors, k=25, query_groups=groups, reference_groups=groups
    )
    return near, membership, groups, angles


def test_the_cover_in_the_middle_is_the_bridge_and_the_far_one_is_isolated():
    near, membership, groups, angles = scene()
    shown = find_exemplars(near, membership, groups, k=25)
    middle, far = len(angles) - 2, len(angles) - 1
    assert shown.bridges[0, 1][0] == middle
    assert shown.isolated[0] == far


def test_prototypes_lie_in_the_midst_of_their_own_genre():
    near, membership, groups, angles = scene()
    shown = find_exemplars(near, membership, groups)
    assert (np.abs(angles[shown.prototypes[0]]) < 0.3).all()
    assert (np.abs(angles[shown.prototypes[1]] - 1) < 0.3).all()
    assert all(membership[row, 1] for row in shown.prototypes[1])


def test_closest_pairs_are_the_most_similar_covers_of_two_genres():
    near, membership, groups, angles = scene()
    vectors = circle(angles)
    a, b = np.flatnonzero(membership[:, 0]), np.flatnonzero(membership[:, 1])
    i, j, similarity = find_exemplars(near, membership, groups).closest[0, 1][0]
    best = (vectors[a] @ vectors[b].T).max()
    assert similarity == np.float32(best) or abs(similarity - best) < 1e-6
    assert membership[i, 0]
    assert membership[j, 1]


def test_an_artist_is_shown_once_in_a_list():
    near, membership, groups, _ = scene()
    together = groups // 10
    shown = find_exemplars(near, membership, together)
    for rows in (*shown.prototypes, shown.isolated, *shown.bridges.values()):
        assert len(set(together[rows])) == len(rows)
    assert one_per_group([3, 4, 15], together, 5) == [3, 15]


def test_a_cover_of_both_genres_is_no_pair_across_them():
    near, membership, groups, _ = scene()
    membership[:] = 0.5
    shown = find_exemplars(near, membership, groups)
    assert shown.closest == {}


def test_covers_of_two_kinds_of_one_broad_genre_are_pairs_across_them():
    near, membership, groups, _ = scene()
    broad = np.full((len(membership), 1), 0.5, np.float32)
    nested = np.hstack([membership / 2, broad])
    alone = find_exemplars(near, membership, groups).closest
    found = find_exemplars(near, nested, groups).closest
    assert found == alone
    assert found[0, 1]


def test_unlabelled_covers_are_never_prototypes_or_bridges():
    near, membership, groups, _ = scene()
    membership[:5] = 0
    shown = find_exemplars(near, membership, groups)
    assert not set(range(5)) & {*shown.prototypes[0], *shown.bridges[0, 1]}
