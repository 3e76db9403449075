import numpy as np
import pytest
from scipy import sparse

from covers.stats.bootstrap import (
    GroupBootstrap,
    Interval,
    percentile_interval,
)


def test_every_resample_draws_as_many_groups_as_there_are():
    draws = GroupBootstrap.draw(np.array([3, 3, 8, 1, 1, 1]), n_bootstraps=50, seed=1)
    assert draws.counts.shape == (50, 3)
    assert (draws.counts.sum(axis=1) == 3).all()
    assert len({tuple(row) for row in draws.counts}) > 3


def test_sums_equal_explicit_resampling_of_whole_groups():
    rng = np.random.default_rng(0)
    groups = rng.integers(7, size=40)
    values = rng.normal(size=(40, 3))
    draws = GroupBootstrap.draw(groups, n_bootstraps=100, seed=2)
    distinct = np.unique(groups)
    for count, found in zip(draws.counts, draws.sums(values), strict=True):
        picked = np.concatenate(
            [np.flatnonzero(groups == g) for g in np.repeat(distinct, count)]
        )
        np.testing.assert_allclose(found, values[picked].sum(axis=0), atol=1e-9)


def test_sparse_and_dense_values_give_the_same_sums():
    rng = np.random.default_rng(0)
    values = (rng.random((30, 6)) < 0.2).astype(float)
    draws = GroupBootstrap.draw(rng.integers(9, size=30), n_bootstraps=130, seed=0)
    found = draws.sums(sparse.csr_array(values))
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, draws.sums(values))


def test_means_and_item_weights_agree():
    rng = np.random.default_rng(5)
    values = rng.normal(size=20)
    draws = GroupBootstrap.draw(rng.integers(6, size=20), n_bootstraps=10, seed=4)
    by_weight = [np.average(values, weights=w) for w in draws.weights()]
    np.testing.assert_allclose(draws.means(values), by_weight)


def test_the_interval_of_a_grouped_mean_covers_the_truth_and_a_naive_one_does_not():
    rng = np.random.default_rng(7)
    covered = {"groups": 0, "covers": 0}
    for trial in range(150):
        groups = np.repeat(np.arange(60), 10)
        values = rng.normal(size=60)[groups] + 0.3 * rng.normal(size=600)
        for kind, by in (("groups", groups), ("covers", np.arange(600))):
            draws = GroupBootstrap.draw(by, n_bootstraps=200, seed=trial)
            interval = percentile_interval(draws.means(values))
            covered[kind] += interval.low <= 0 <= interval.high
    assert covered["groups"] >= 0.88 * 150
    assert covered["covers"] <= 0.7 * 150


def test_string_groups_and_the_same_seed_give_the_same_draws():
    names = np.array(["b", "a", "b", "c"])
    first = GroupBootstrap.draw(names, n_bootstraps=5, seed=3)
    second = GroupBootstrap.draw(np.array([1, 0, 1, 2]), n_bootstraps=5, seed=3)
    assert (first.counts == second.counts).all()
    assert (first.members == second.members).all()


def test_undefined_resamples_are_left_out_of_the_interval():
    samples = np.column_stack([np.arange(101.0), np.full(101, np.nan)])
    samples[0, 0] = np.nan
    first, second = map(percentile_interval, samples.T)
    expected = np.quantile(np.arange(1, 101), [0.025, 0.975])
    assert first.ends == pytest.approx(expected)
    assert np.isnan(second.low)
    assert not second.excludes_zero


def test_an_interval_knows_whether_it_excludes_zero():
    assert Interval(0.1, 0.2).excludes_zero
    assert Interval(-0.2, -0.1).excludes_zero
    assert not Interval(-0.1, 0.2).excludes_zero


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GroupBootstrap.draw(np.array([])), "at least one cover"),
        (lambda: GroupBootstrap.draw(np.array([1]), n_bootstraps=0), "n_bootstraps=0"),
        (lambda: percentile_interval(np.ones(3), level=1.0), "between 0 and 1"),
        (
            lambda: GroupBootstrap.draw(np.array([1, 2])).sums(np.ones(3)),
            "expected values of 2 covers, got 3",
        ),
    ],
)
def test_wrong_calls_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()
