import numpy as np
import pytest

from covers.overlap.confusion import compare_with_chance, confuse


def draw(rng, *, prolific=False, n_groups=90, effect=0.0):
    """Three genres, groups that are taken for one genre as a whole more often than not."""
    genre_of = rng.integers(3, size=n_groups)
    sizes = rng.integers(1, 6, size=n_groups)
    if prolific:
        sizes = np.where(genre_of == 0, 12, 1)
    groups = np.repeat(np.arange(n_groups), sizes)
    habit = rng.dirichlet(np.ones(3), size=n_groups)
    pulled = genre_of == 0
    habit[pulled] = (1 - effect) * habit[pulled] + effect * np.array([0, 1, 0])
    decided = np.array([rng.choice(3, p=habit[g]) for g in groups])
    return decided, np.eye(3, dtype=np.float32)[genre_of[groups]], groups


@pytest.mark.parametrize("prolific", [False, True])
def test_without_a_difference_few_cells_are_called_different(prolific):
    rng = np.random.default_rng(0)
    beside = ~np.eye(3, dtype=bool)
    p = np.array(
        [
            compare_with_chance(*draw(rng, prolific=prolific))[0][beside]
            for _ in range(150)
        ]
    )
    assert (p < 0.05).mean() < 0.08
    assert (p < 0.5).mean() == pytest.approx(0.5, abs=0.1)


def test_a_genre_taken_for_another_is_found_and_only_there():
    rng = np.random.default_rng(1)
    found = [compare_with_chance(*draw(rng, effect=0.5)) for _ in range(20)]
    p = np.array([p for p, _ in found])
    assert (p[:, 0, 1] < 0.01).mean() > 0.9
    q = np.array([q for _, q in found])
    assert (q[:, 0, 1] >= p[:, 0, 1]).all()
    assert np.isnan(q[:, 0, 0]).all()


def test_what_never_varies_is_no_finding():
    groups = np.arange(12)
    membership = np.eye(2, dtype=np.float32)[groups % 2]
    p, q = compare_with_chance(np.zeros(12, np.int64), membership, groups)
    assert (p == 1).all()
    assert q[0, 1] == 1
    one = compare_with_chance(
        np.zeros(4, np.int64), np.ones((4, 1), np.float32), groups[:4]
    )
    assert one[0].tolist() == [[1.0]]


def test_what_never_happened_may_happen_all_the_same():
    groups = np.arange(20)
    membership = np.eye(2)[groups % 2]
    ((own, never), _) = confuse(groups % 2, membership, groups)
    assert (own.rate, never.rate) == (1, 0)
    assert never.ci95[0] == 0
    assert 0.2 < never.ci95[1] < 0.4  # of ten covers
    assert own.ci95 == pytest.approx((1 - never.ci95[1], 1))


def test_intervals_of_confusion_hold_the_truth_where_groups_differ():
    rng = np.random.default_rng(2)
    truth, held = 1 / 3, []
    for _ in range(60):
        decided, membership, groups = draw(rng)
        for row in confuse(decided, membership, groups):
            held += [low <= truth <= high for low, high in (one.ci95 for one in row)]
    assert 0.92 <= np.mean(held) <= 1
