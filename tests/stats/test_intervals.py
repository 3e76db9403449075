import numpy as np
import pytest
from scipy import stats

from covers.stats.intervals import (
    gap_interval,
    share_intervals,
    spread_interval,
    wilson_interval,
)


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (3, 10), (10, 10), (40, 90)])
def test_wilson_is_scipys(hits, n):
    low, high = wilson_interval([hits / n], [n], n_groups=10**9)
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_of_a_mean_the_interval_is_students():
    rng = np.random.default_rng(0)
    x = rng.normal(size=12)
    counts = rng.multinomial(12, np.full(12, 1 / 12), size=40_000)
    found = gap_interval(float(x.mean()), counts @ x / 12, 12)
    expected = stats.t.interval(0.95, 11, x.mean(), stats.sem(x))
    assert found.ends == pytest.approx(expected, abs=0.02)


def test_shares_stay_between_nought_and_one():
    samples = np.random.default_rng(0).normal(0.97, 0.03, 500)
    ends = spread_interval(0.97, samples, 20)
    assert 0 < ends.low < 0.97 < ends.high < 1
    sure = spread_interval(1.0, np.ones(500), 20)
    assert sure.high == pytest.approx(1)
    assert 0.75 < sure.low < 0.9


def test_covers_of_one_group_count_as_what_they_are_worth():
    rng = np.random.default_rng(1)
    p = rng.beta(1, 1, (40, 5)).round()  # a group is all of one kind
    alike, alone = 10 * p, rng.binomial(10, 0.5, (40, 5)).astype(float)
    cases = np.full((40, 5), 10.0)
    widths = [np.subtract(*share_intervals(h, cases)[::-1]) for h in (alike, alone)]
    assert np.mean(widths[0]) == pytest.approx(np.mean(widths[1]) * 10**0.5, rel=0.15)


def test_a_share_of_nothing_is_anything():
    low, high = share_intervals(np.zeros((5, 2)), np.zeros((5, 2)))
    assert low.tolist() == [0, 0]
    assert high.tolist() == [1, 1]
