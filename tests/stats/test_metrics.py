import numpy as np
import pytest
from sklearn import metrics

from covers.evaluate.curves import coverage_curve
from covers.evaluate.describe import describe_method
from covers.stats.bootstrap import GroupBootstrap
from covers.stats.metrics import brier_scores, log_losses, measure_method
from covers.stats.reliability import expected_error, reliability_table


def draw(n, n_genres=4, seed=0, sharpness=1.5):
    """Distributions that are right about themselves, and truth drawn from them."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.normal(size=(n, n_genres))
    p = np.exp(logits)
    p /= p.sum(axis=1, keepdims=True)
    truth = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return p, truth.clip(max=n_genres - 1)


def test_single_genre_figures_equal_those_of_scikit_learn():
    p, y = draw(500)
    found = measure_method(p, np.eye(4)[y])
    predicted = p.argmax(axis=1)
    v = found.values
    assert v["accuracy"] == pytest.approx(metrics.accuracy_score(y, predicted))
    assert v["macro_f1"] == pytest.approx(
        metrics.f1_score(y, predicted, average="macro")
    )
    assert v["top3"] == pytest.approx(metrics.top_k_accuracy_score(y, p, k=3))
    assert v["log_loss"] == pytest.approx(metrics.log_loss(y, p))
    assert v["brier"] == pytest.approx(((p - np.eye(4)[y]) ** 2).sum(axis=1).mean())
    np.testing.assert_allclose(found.confusion, metrics.confusion_matrix(y, predicted))
    precision, recall, f1, n = metrics.precision_recall_fscore_support(y, predicted)
    rows = describe_method(found, "abcd").per_genre
    for j, genre in enumerate("abcd"):
        row = rows[genre]
        assert (row.precision, row.recall, row.f1, row.n) == pytest.approx(
            (precision[j], recall[j], f1[j], n[j])
        )


def test_a_genre_without_covers_or_predictions_counts_as_in_scikit_learn():
    p = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.2, 0.1, 0.7]])
    y = np.array([0, 1, 1])
    found = measure_method(p, np.eye(3)[y]).values
    assert found["macro_f1"] == pytest.approx(
        metrics.f1_score(
            y, p.argmax(1), labels=[0, 1], average="macro", zero_division=0
        )
    )


def test_a_cover_of_two_genres_is_right_with_either_and_wrong_in_halves():
    membership = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]])
    p = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.1, 0.8]])
    found = measure_method(p, membership)
    np.testing.assert_allclose(found.confusion, [[1, 0, 0.5], [0, 0, 0.5], [0, 0, 1]])
    assert found.values["accuracy"] == pytest.approx(2 / 3)
    assert np.trace(found.confusion) / found.confusion.sum() == pytest.approx(2 / 3)


def test_multi_genre_scores_are_those_of_a_genre_drawn_at_random():
    rng = np.random.default_rng(0)
    p, _ = draw(20)
    membership = rng.dirichlet(np.ones(4), size=20)
    brier = sum(
        membership[:, j] * ((p - np.eye(4)[j]) ** 2).sum(axis=1) for j in range(4)
    )
    loss = sum(-membership[:, j] * np.log(p[:, j]) for j in range(4))
    np.testing.assert_allclose(brier_scores(p, membership), brier)
    np.testing.assert_allclose(log_losses(p, membership), loss)


def test_chance_is_what_rolling_dice_gives_on_average():
    rng = np.random.default_rng(1)
    membership = np.eye(5)[rng.integers(5, size=300)]
    membership[:40] = (membership[:40] + np.roll(membership[:40], 1, axis=1)) / 2
    found = measure_method(np.full((300, 5), 0.2), membership, guesses=True)
    rolled = rng.integers(5, size=(2000, 300))
    right = membership[np.arange(300), rolled] > 0
    assert found.values["accuracy"] == pytest.approx(right.mean(), abs=0.003)
    assert found.confusion.sum() == pytest.approx(300)
    assert found.values["ece"] == pytest.approx(0, abs=1e-9)
    thrice = np.array(
        [
            rng.permuted(np.tile(np.arange(5), (300, 1)), axis=1)[:, :3]
            for _ in range(500)
        ]
    )
    top3 = (membership[np.arange(300)[:, None], thrice] > 0).any(axis=2)
    assert found.values["top3"] == pytest.approx(top3.mean(), abs=0.01)


def test_true_posteriors_have_the_calibration_error_expected_by_chance():
    errors, expected = [], []
    for seed in range(30):
        p, y = draw(400, seed=seed)
        found = measure_method(p, np.eye(4)[y]).values
        errors.append(found["ece"])
        expected.append(found["ece_if_calibrated"])
    assert np.mean(errors) == pytest.approx(np.mean(expected), rel=0.15)


def test_covers_of_an_artist_that_share_a_genre_show_a_larger_error_by_chance():
    errors, expected, alone = [], [], []
    for seed in range(60):
        p, y = draw(48, seed=seed)  # an artist's covers look alike and have its genre
        rows = np.repeat(np.arange(48), np.random.default_rng(seed).integers(1, 8, 48))
        draws = GroupBootstrap.draw(rows, n_bootstraps=2)
        found = measure_method(p[rows], np.eye(4)[y[rows]], draws=draws).values
        errors.append(found["ece"])
        expected.append(found["ece_if_calibrated"])
        found = measure_method(p[rows], np.eye(4)[y[rows]]).values
        alone.append(found["ece_if_calibrated"])
    assert np.mean(errors) == pytest.approx(np.mean(expected), rel=0.15)
    assert np.mean(errors) > 1.5 * np.mean(alone)


def test_covers_of_groups_that_say_nothing_of_one_another_count_each_for_itself():
    p, y = draw(3000)
    groups = np.repeat(np.arange(600), 5)
    table = reliability_table(p.max(axis=1), right := 1.0 * (p.argmax(axis=1) == y))
    found = expected_error(p.max(axis=1), right, table, groups)
    assert found == pytest.approx(expected_error(p.max(axis=1), right, table), rel=0.15)


def test_overconfidence_is_measured_as_what_it_is():
    p, y = draw(40_000, sharpness=1.0)
    right = (p.argmax(1) == y).mean()
    claimed = np.full((40_000, 4), 0.1 / 3)
    claimed[np.arange(40_000), p.argmax(1)] = 0.9
    found = measure_method(claimed, np.eye(4)[y]).values
    assert found["ece"] == pytest.approx(0.9 - right, abs=1e-9)


def test_bins_have_equal_mass_and_equal_certainties_share_one():
    rng = np.random.default_rng(0)
    table = reliability_table(rng.random(1000), np.ones(1000))
    assert table.n.tolist() == [100] * 10
    assert len(reliability_table(np.full(50, 0.3), np.ones(50)).n) == 1


def test_intervals_contain_the_figures_and_repeat_with_the_seed():
    p, y = draw(300)
    groups = np.random.default_rng(0).integers(60, size=300)
    draws = GroupBootstrap.draw(groups, n_bootstraps=300, seed=1)
    found = measure_method(p, np.eye(4)[y], draws=draws)
    again = measure_method(p, np.eye(4)[y], draws=draws)
    for name, ends in found.intervals.items():
        assert ends.low < found.values[name] < ends.high
        assert ends == again.intervals[name]


def test_resampled_accuracy_and_f1_equal_those_of_the_resampled_covers():
    p, y = draw(60)
    groups = np.arange(60) // 5
    draws = GroupBootstrap.draw(groups, n_bootstraps=20, seed=3)
    found = measure_method(p, np.eye(4)[y], draws=draws)
    for b, weights in enumerate(draws.weights()):
        predicted = p.argmax(1)
        assert found.samples["accuracy"][b] == pytest.approx(
            metrics.accuracy_score(y, predicted, sample_weight=weights)
        )
        present = np.unique(y[weights > 0])
        assert found.samples["macro_f1"][b] == pytest.approx(
            metrics.f1_score(
                y,
                predicted,
                labels=present,
                average="macro",
                sample_weight=weights,
                zero_division=0,
            )
        )


@pytest.mark.parametrize(
    ("p", "membership", "message"),
    [
        (np.ones((2, 2)) / 2, np.eye(3), "must be .n_covers, n_genres. alike"),
        (np.array([[0.5, 0.5], [0.9, 0.9]]), np.eye(2), "the first is row 1"),
        (np.array([[np.nan, 1.0], [0.5, 0.5]]), np.eye(2), "first is row 0"),
        (np.ones((2, 2)) / 2, np.array([[1, 0], [0, 0]]), "without a genre"),
    ],
)
def test_what_is_no_distribution_is_refused(p, membership, message):
    with pytest.raises(ValueError, match=message):
        measure_method(p, membership)


def test_answering_only_the_certain_raises_the_accuracy():
    p, y = draw(2000)
    right = (p.argmax(1) == y).astype(float)
    draws = GroupBootstrap.draw(np.arange(2000), n_bootstraps=100)
    curve = coverage_curve(p.max(axis=1), right, draws=draws)
    assert curve[-1].accuracy == pytest.approx(right.mean())
    assert curve[0].accuracy > right.mean() + 0.2
    for point in curve:
        assert point.ci95[0] <= point.accuracy <= point.ci95[1]
