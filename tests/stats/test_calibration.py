import json

import numpy as np
import pytest
from synthetic_library import simulate

from covers.classify.blend import Blend, fit_blend
from covers.stats.calibration.temperature import Temperature, read_calibrator
from covers.stats.distributions import softmax
from covers.stats.folds import group_folds, iterate_folds
from covers.stats.metrics import log_losses, measure_method
from covers.stats.significance import is_certainly_lower


def draw(n, *, seed=0, n_genres=5):
    """Known posteriors and truth drawn from them."""
    rng = np.random.default_rng(seed)
    logits = 1.3 * rng.normal(size=(n, n_genres)) + np.linspace(0, 1, n_genres)
    posterior = softmax(logits)
    truth = (posterior.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return logits, posterior, np.eye(n_genres)[truth.clip(max=n_genres - 1)]


def test_calibration_recovers_known_posteriors():
    logits, _, truth = draw(4000)
    new_logits, posterior, new_truth = draw(20_000, seed=1)
    fitted = Temperature.fit(softmax(2.5 * logits), truth)
    before, after = softmax(2.5 * new_logits), fitted.apply(softmax(2.5 * new_logits))
    assert np.abs(before - posterior).mean() > 0.06
    assert np.abs(after - posterior).mean() < 0.01
    assert measure_method(before, new_truth).values["ece"] > 0.15
    assert measure_method(after, new_truth).values["ece"] < 0.02


def test_ece_is_small_on_covers_the_calibrator_has_not_seen_with_few_to_fit_on():
    logits, _, truth = draw(500, seed=3)
    new_logits, _, new_truth = draw(20_000, seed=4)
    fitted = Temperature.fit(softmax(2.5 * logits), truth, np.arange(500))
    after = fitted.apply(softmax(2.5 * new_logits))
    assert measure_method(after, new_truth).values["ece"] <= 0.03


def test_temperature_undoes_overconfidence():
    logits, posterior, truth = draw(5000, seed=5)
    found = Temperature.fit(softmax(4 * logits), truth)
    assert found.slope == pytest.approx(0.25, abs=0.02)
    np.testing.assert_allclose(found.apply(softmax(4 * logits)), posterior, atol=0.04)


def test_probabilities_that_are_right_already_are_left_nearly_alone():
    _, posterior, truth = draw(3000, seed=6)
    after = Temperature.fit(posterior, truth, np.arange(3000)).apply(posterior)
    assert np.abs(after - posterior).mean() < 0.01


def test_it_gives_distributions_never_changes_the_prediction_and_survives_json():
    logits, _, truth = draw(300, seed=7)
    p = softmax(2.5 * logits)
    p[0] = np.eye(5)[2]
    fitted = Temperature.fit(p, truth)
    again = read_calibrator(json.loads(json.dumps(fitted.to_json())))
    after = fitted.apply(p)
    assert (after >= 0).all()
    np.testing.assert_allclose(after.sum(axis=1), 1)
    np.testing.assert_allclose(again.apply(p), after)
    assert (after.argmax(axis=1) == p.argmax(axis=1)).all()


@pytest.mark.parametrize(
    ("kind", "by_hand"),
    [
        ("none", lambda p: p),
        ("temperature", lambda p: softmax(0.5 * np.log(p))),
        ("vector", lambda p: softmax(0.5 * np.log(p) + [1.0, 0.0])),
        ("dirichlet", lambda p: softmax(np.log(p) @ [[0.5, 0.0], [0.2, 0.5]])),
        ("isotonic", lambda p: (p + 0.2) / (p + 0.2).sum(axis=1, keepdims=True)),
    ],
)
def test_what_version_0_1_wrote_is_read_and_applied(kind, by_hand):
    steps = [[[0.0, 1.0], [0.2, 1.2]]] * 2 if kind == "isotonic" else []
    written = {
        "kind": kind,
        "matrix": [[0.5, 0.2 if kind == "dirichlet" else 0.0], [0.0, 0.5]],
        "shift": [1.0 if kind == "vector" else 0.0, 0.0],
        "steps": steps,
    }
    p = np.array([[0.9, 0.1], [0.3, 0.7]])
    calibrator = read_calibrator(written)
    np.testing.assert_allclose(calibrator.apply(p), by_hand(p))
    assert calibrator.to_json() == written


def test_a_fit_ends_at_a_minimum():
    logits, _, truth = draw(400, seed=9)
    p = softmax(2.5 * logits)
    fitted = Temperature.fit(p, truth)
    best = log_losses(fitted.apply(p), truth).mean()
    assert best < log_losses(p, truth).mean()
    for change in (0.7, 0.9, 1.1, 1.3):
        nudged = Temperature(change * fitted.slope)
        assert log_losses(nudged.apply(p), truth).mean() > best - 1e-3


def test_few_covers_do_not_make_probabilities_extreme():
    p = np.array([[0.6, 0.4], [0.7, 0.3], [0.4, 0.6]])
    assert Temperature.fit(p, np.eye(2)[[0, 0, 1]]).apply(p).max() < 0.98


def test_folds_keep_groups_together_and_genres_balanced():
    inputs = simulate(600, n_groups=150)
    folds = group_folds(inputs.groups, inputs.membership, n_folds=5, seed=0)
    for group in np.unique(inputs.groups):
        assert len(np.unique(folds[inputs.groups == group])) == 1
    shares = np.array([inputs.membership[folds == f].sum(axis=0) for f in range(5)])
    assert (shares > 0.6 * shares.mean(axis=0)).all()
    assert (shares < 1.5 * shares.mean(axis=0)).all()
    seen = np.concatenate([inside for _, inside in iterate_folds(folds)])
    assert sorted(seen) == list(range(600))


def test_one_group_makes_one_fold():
    folds = group_folds(np.zeros(4, int), np.eye(2)[[0, 1, 0, 1]])
    assert folds.tolist() == [0, 0, 0, 0]
    ((outside, inside),) = iterate_folds(folds)
    assert outside.tolist() == inside.tolist() == [0, 1, 2, 3]


def test_the_blend_trusts_the_method_that_knows_and_beats_both_when_both_do():
    logits, _, truth = draw(4000, seed=10)
    rng = np.random.default_rng(1)
    noise = softmax(rng.normal(size=logits.shape))
    one_sided = fit_blend(softmax(logits), noise, truth, np.arange(len(truth)))
    assert one_sided.network == pytest.approx(1, abs=0.1)
    assert one_sided.vote == pytest.approx(0, abs=0.1)
    a = softmax(logits + rng.normal(size=logits.shape))
    b = softmax(logits + rng.normal(size=logits.shape))
    both = fit_blend(a, b, truth, np.arange(len(truth))).apply(a, b)
    alone = min(log_losses(p, truth).mean() for p in (a, b))
    assert log_losses(both, truth).mean() < alone - 0.03


@pytest.mark.parametrize("n_groups", [6, 40])
def test_the_best_of_many_is_seldom_certain_where_all_are_alike(n_groups):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(n_groups), 5)
    certain = 0
    for _ in range(400):
        by_group = rng.normal(size=(100, n_groups))
        losses = np.repeat(by_group, 5, axis=1) + rng.normal(size=(100, len(groups)))
        best = losses.mean(axis=1).argmin()
        usual = (best + 1) % 100
        certain += is_certainly_lower(losses[best], losses[usual], groups, n_tried=100)
    assert certain <= 0.1 * 400
    surely = losses[usual] - 1 - 0.01 * rng.normal(size=len(groups))
    assert is_certainly_lower(surely, losses[usual], groups, n_tried=100)
    alone = np.zeros(len(groups), int)
    assert not is_certainly_lower(surely, losses[usual], alone, n_tried=100)


def test_few_groups_leave_the_blend_near_even():
    logits, _, truth = draw(200, seed=10)
    noise = softmax(np.random.default_rng(1).normal(size=logits.shape))
    p = softmax(logits)
    many = fit_blend(p, noise, truth, np.arange(200))
    few = fit_blend(p, noise, truth, np.arange(200) % 4)
    assert many.vote < few.vote < 0.5
    assert few.network < many.network


def test_a_blend_of_a_method_with_itself_is_that_method():
    p = softmax(np.random.default_rng(0).normal(size=(5, 3)))
    np.testing.assert_allclose(Blend(network=0.4, vote=0.6).apply(p, p), p)
