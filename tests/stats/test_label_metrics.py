import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from scipy.special import expit, logit
from sklearn import metrics

from covers.stats.bootstrap import GroupBootstrap
from covers.stats.labels.figures import average_precision_by_chance, average_precisions
from covers.stats.labels.metrics import measure_labels
from covers.stats.metrics import SMALLEST_PROBABILITY
from scripts.benches.quality.label_intervals import simulate


def draw(n, seed=0, n_genres=5):
    """Genres drawn from known, independent probabilities, some of them rare."""
    rng = np.random.default_rng(seed)
    p = expit(rng.normal(np.linspace(-3, 1, n_genres), 1.2, (n, n_genres)))
    return p, rng.random((n, n_genres)) < p


@settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(np.int64, (12, 4), elements=st.integers(0, 6)),
    arrays.arrays(bool, (12, 4)),
    arrays.arrays(bool, (12, 4)),
)
def test_every_figure_is_scikit_learns_ties_and_empty_covers_included(
    levels, has, named
):
    p = levels / 6
    found = measure_labels(p, named, has).values
    known = has.any(axis=0)
    if known.sum() > 1:  # of one column scikit-learn would score both answers
        args = {"average": "macro", "zero_division": 0}
        assert found["macro_f1"] == pytest.approx(
            metrics.f1_score(has[:, known], named[:, known], **args)
        )
        assert found["mean_average_precision"] == pytest.approx(
            metrics.average_precision_score(has[:, known], p[:, known])
        )
    micro = {"average": "micro", "zero_division": 0}
    assert found["micro_f1"] == pytest.approx(metrics.f1_score(has, named, **micro))
    assert found["micro_precision"] == pytest.approx(
        metrics.precision_score(has, named, **micro)
    )
    assert found["micro_recall"] == pytest.approx(
        metrics.recall_score(has, named, **micro)
    )
    assert found["jaccard"] == pytest.approx(
        metrics.jaccard_score(has, named, average="samples", zero_division=0)
    )
    assert found["coverage_error"] == pytest.approx(metrics.coverage_error(has, p))
    assert found["ranking_loss"] == pytest.approx(metrics.label_ranking_loss(has, p))
    sure = np.clip(p, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    losses = [metrics.log_loss(has[:, j], sure[:, j], labels=[0, 1]) for j in range(4)]
    assert found["log_loss"] == pytest.approx(np.mean(losses))


def test_figures_of_single_genres_are_scikit_learns():
    p, has = draw(300)
    named = p > 0.4
    found = measure_labels(p, named, has).per_genre
    assert found.n.tolist() == has.sum(axis=0).tolist()
    for j in range(5):
        expected = metrics.precision_recall_fscore_support(
            has[:, j], named[:, j], average="binary", zero_division=0
        )[:3]
        ours = (found.precision[j], found.recall[j], found.f1[j])
        assert ours == pytest.approx(expected)
        assert found.average_precision[j] == pytest.approx(
            metrics.average_precision_score(has[:, j], p[:, j])
        )


def test_weighted_average_precision_is_scikit_learns_with_sample_weights():
    p, has = draw(80, seed=1)
    p = p.round(1)
    weights = np.random.default_rng(0).integers(0, 4, (3, 80)).astype(float)
    found = average_precisions(p, has, weights)
    for row, w in zip(found, weights, strict=True):
        for j in range(5):
            if has[w > 0, j].any():
                expected = metrics.average_precision_score(
                    has[:, j], p[:, j], sample_weight=w
                )
                assert row[j] == pytest.approx(expected)
            else:
                assert np.isnan(row[j])


@pytest.mark.parametrize(("n_has", "n_covers"), [(1, 5), (3, 40), (20, 60)])
def test_chance_is_what_random_orders_have_on_average(n_has, n_covers):
    rng = np.random.default_rng(0)
    has = np.tile((np.arange(n_covers) < n_has)[:, None], 3000)
    p = rng.random(has.shape)
    found = average_precisions(p, has, np.ones((1, n_covers))).mean()
    assert average_precision_by_chance(n_has, n_covers) == pytest.approx(
        found, abs=0.012
    )


def test_resampled_figures_equal_those_of_the_resampled_covers():
    p, has = draw(60, seed=2)
    named = p > 0.4
    draws = GroupBootstrap.draw(np.arange(60) // 4, n_bootstraps=20, seed=3)
    measured = measure_labels(p, named, has, draws=draws)
    found = measured.samples
    for b, weights in enumerate(draws.weights()):
        rows = np.repeat(np.arange(60), weights.astype(int))
        again = measure_labels(p[rows], named[rows], has[rows]).values
        for figure in ("mean_average_precision", "macro_f1", "micro_f1", "first_right"):
            assert found[figure][b] == pytest.approx(again[figure])


@pytest.mark.parametrize("n_groups", [2, 12])
def test_the_error_of_a_mean_average_precision_is_the_jackknifes(n_groups):
    p, has = draw(60, seed=4)
    groups = np.arange(60) * n_groups // 60
    draws = GroupBootstrap.draw(groups, n_bootstraps=20)
    measured = measure_labels(p, p > 0.4, has, draws=draws)
    name = "mean_average_precision"
    without = np.array(
        [
            measure_labels(p[kept], p[kept] > 0.4, has[kept]).values[name]
            for kept in (groups != group for group in range(n_groups))
        ]
    )
    value, ends = measured.values[name], measured.intervals[name]
    error = without.std() * (n_groups - 1) ** 0.5
    reach = stats.t.ppf(0.975, n_groups - 1) * error / (value * (1 - value))
    expected = expit(logit(value) + np.array([-reach, reach]))
    assert ends.ends == pytest.approx(expected)


@pytest.mark.parametrize(("n_groups", "size"), [(38, 6), (150, 2)])
def test_intervals_hold_the_truth_as_often_as_they_say(n_groups, size):
    found = simulate(n_groups, size, n_runs=120)
    # 95 %, give or take three standard errors of 120 runs; together much less.
    for figure, rate in found.items():
        assert rate >= 0.89, (figure, rate)
    assert np.mean(list(found.values())) == pytest.approx(0.95, abs=0.02)


def test_a_genre_that_is_never_named_has_an_interval():
    has = np.zeros((60, 2), bool)
    has[:4, 0] = has[:, 1] = True
    p = np.tile([0.1, 0.9], (60, 1))
    draws = GroupBootstrap.draw(np.arange(60), n_bootstraps=50)
    found = measure_labels(p, p > 0.5, has, draws=draws)
    rare = {name: ends[0] for name, ends in found.per_genre.intervals.items()}
    assert (rare["precision"].low, rare["precision"].high) == (0, 1)
    assert rare["recall"].low == 0
    assert 0.4 < rare["recall"].high < 0.6
    assert rare["f1"].high > 0.5
    assert found.intervals["macro_f1"].high > found.values["macro_f1"] + 0.05


def test_of_one_group_nothing_is_told():
    p, has = draw(40, seed=3)
    draws = GroupBootstrap.draw(np.zeros(40, int), n_bootstraps=20)
    found = measure_labels(p, p > 0.4, has, draws=draws)
    ends = found.intervals["mean_average_precision"]
    assert (ends.low, ends.high) == (0, 1)
    assert np.isnan(found.intervals["log_loss"].low)


@pytest.mark.parametrize(
    ("p", "message"),
    [
        (np.full((2, 3), 0.5), "must be .n_covers, n_genres. alike"),
        (np.array([[0.5, 0.5], [0.5, 1.5]]), "the first is row 1"),
        (np.array([[np.nan, 0.5], [0.5, 0.5]]), "the first is row 0"),
    ],
)
def test_what_is_no_probability_is_refused(p, message):
    flags = np.ones((2, 2), bool)
    with pytest.raises(ValueError, match=message):
        measure_labels(p, flags, flags)
