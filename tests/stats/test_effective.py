import numpy as np
import pytest

from covers.stats.effective import effective_count


@pytest.mark.parametrize(("alike", "low", "high"), [(0.0, 300, 400), (0.9, 100, 125)])
def test_covers_of_a_group_count_as_far_as_they_differ(alike, low, high):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), 4)
    shared = rng.standard_normal((100, 1))[groups]
    own = rng.standard_normal((400, 1))
    scores = alike**0.5 * shared + (1 - alike) ** 0.5 * own
    assert low <= effective_count(scores, groups) <= high


def test_it_matches_the_design_effect_of_the_textbook():
    rng = np.random.default_rng(1)
    n_groups, m, rho = 4000, 5, 0.3
    groups = np.repeat(np.arange(n_groups), m)
    shared = rng.standard_normal((n_groups, 1))[groups]
    own = rng.standard_normal((n_groups * m, 1))
    scores = rho**0.5 * shared + (1 - rho) ** 0.5 * own
    expected = n_groups * m / (1 + (m - 1) * rho)
    assert effective_count(scores, groups) == pytest.approx(expected, rel=0.03)


def test_it_lies_between_groups_and_covers():
    groups = np.array([0, 0, 1, 1])
    assert effective_count(np.zeros((4, 2)), groups) == 4
    assert effective_count(np.array([[1.0], [1.0], [-1], [-1]]), groups) == 2
