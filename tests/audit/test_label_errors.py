"""Doubtful labels: confident learning against known truth and known errors."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from covers.audit.label_errors import (
    FlipRecovery,
    Planting,
    find_label_errors,
    measure_flip_recovery,
    predict_out_of_fold,
)

N_GENRES = 4


def blobs(n_covers=800, spread=1.0, seed=0, width=16):
    """Features around one centre per genre; true genre ids; groups of two covers."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(N_GENRES, width))
    truth = np.repeat(rng.integers(0, N_GENRES, n_covers // 2), 2)
    features = centres[truth] + spread * rng.normal(size=(n_covers, width))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features.astype(np.float32), truth, np.repeat(np.arange(n_covers // 2), 2)


def one_hot(labels):
    return np.eye(N_GENRES)[labels]


def test_a_label_against_a_confident_prediction_is_a_candidate_and_others_are_not():
    p = np.array(
        [[0.9, 0.1], [0.8, 0.2], [0.15, 0.85], [0.1, 0.9], [0.95, 0.05], [0.5, 0.5]]
    )
    found = find_label_errors(p, np.eye(2)[[0, 0, 1, 1, 1, 0]])
    # Thresholds: genre 0 (0.9 + 0.8 + 0.5) / 3, genre 1 (0.85 + 0.9 + 0.05) / 3.
    assert found.thresholds.tolist() == pytest.approx([2.2 / 3, 0.6])
    assert found.is_candidate.tolist() == [False, False, False, False, True, False]
    assert found.quality[4] == pytest.approx(0.05 / 0.6)
    assert found.suggested.tolist() == [1, 1, 0, 0, 0, 1]
    assert found.ranking().tolist() == [4]


def test_the_joint_recovers_known_flip_rates_of_a_good_classifier():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 6000)
    flip = np.array(
        [[0.8, 0.2, 0.0], [0.0, 1.0, 0.0], [0.05, 0.15, 0.8]]
    )  # true to given
    given = np.array([rng.choice(3, p=flip[t]) for t in truth])
    p = 0.9 * np.eye(3)[truth] + 0.1 / 3
    joint = find_label_errors(p, np.eye(3)[given]).joint
    expected = np.zeros((3, 3))
    np.add.at(expected, (given, truth), 1 / len(truth))
    assert joint.sum() == pytest.approx(1)
    assert np.allclose(joint, expected, atol=0.01)


def test_several_genres_are_supported_by_their_best_one():
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.0, 0.1, 0.9], [0.05, 0.05, 0.9]])
    membership = np.array([[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0]])
    found = find_label_errors(p, membership)
    assert found.is_candidate.tolist() == [False, False, False, True]
    assert found.suggested[[0, 3]].tolist() == [2, 2]
    assert found.quality[0] == pytest.approx((p[0] / found.thresholds)[:2].max())


def test_unlabelled_covers_are_never_candidates():
    p = np.array([[1.0, 0.0], [0.0, 1.0], [0.9, 0.1]])
    found = find_label_errors(p, np.array([[1, 0], [0, 1], [0, 0]]))
    assert not found.is_candidate[2]
    assert np.isnan(found.quality[2])
    assert found.suggested[2] == -1


def test_shapes_and_empty_genres_are_checked():
    with pytest.raises(ValueError, match=r"\(2, 2\) and membership \(3, 2\)"):
        find_label_errors(np.ones((2, 2)) / 2, np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"genres \[1\] have none"):
        find_label_errors(np.ones((2, 2)) / 2, np.array([[1, 0], [1, 0]]))


def test_out_of_fold_predictions_are_good_and_never_see_the_group():
    features, truth, groups = blobs(spread=0.6)
    p = predict_out_of_fold(features, one_hot(truth), groups)
    assert np.allclose(p.sum(axis=1), 1)
    assert (p.argmax(axis=1) == truth).mean() > 0.9
    # Labels at random, but equal within each group of equal features: a probe
    # that saw the group would know them, an honest one is at chance.
    rng = np.random.default_rng(0)
    labels = rng.integers(0, N_GENRES, 30)
    points = rng.normal(size=(30, 64)).astype(np.float32)
    copies = np.repeat(np.arange(30), 20)
    p = predict_out_of_fold(
        points[copies], one_hot(labels[copies]), copies, penalty=0.3
    )
    assert (p.argmax(axis=1) == labels[copies]).mean() < 0.6
    unsafe = predict_out_of_fold(
        points[copies], one_hot(labels[copies]), np.arange(600), penalty=0.3
    )
    assert (unsafe.argmax(axis=1) == labels[copies]).mean() > 0.95


def test_one_group_is_refused():
    features, truth, _ = blobs(40)
    with pytest.raises(ValueError, match="at least two groups"):
        predict_out_of_fold(features, one_hot(truth), np.zeros(40, np.int64))


@pytest.mark.parametrize(("spread", "least"), [(0.5, 0.9), (1.2, 0.35)])
def test_five_percent_flipped_labels_come_back_far_above_random(spread, least):
    features, truth, groups = blobs(spread=spread)
    recovery = measure_flip_recovery(features, one_hot(truth), groups, Planting(seed=1))
    assert recovery.random_precision == pytest.approx(0.05)
    precision, recall = recovery.at(0.05)
    assert precision == recall >= least
    assert recovery.average_precision >= least


def test_on_features_without_meaning_the_ranking_is_no_better_than_random():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2000, 8)).astype(np.float32)
    labels = rng.integers(0, N_GENRES, 2000)
    recovery = measure_flip_recovery(
        features, one_hot(labels), np.arange(2000), Planting(share=0.2)
    )
    assert recovery.average_precision == pytest.approx(0.2, abs=0.05)


def test_recovery_counts_what_it_says():
    flipped = np.array(
        [True, False, True, False, False, False, False, False, False, False]
    )
    quality = np.arange(10) / 10
    recovery = FlipRecovery(quality=quality, flipped=flipped, is_candidate=flipped)
    assert recovery.at(0.1) == (1.0, 0.5)
    assert recovery.at(0.3) == (pytest.approx(2 / 3), 1.0)
    assert recovery.random_precision == pytest.approx(0.2)
    assert recovery.average_precision == pytest.approx(
        average_precision_score(flipped, -quality)
    )


def test_the_chance_of_error_falls_with_quality_and_averages_to_the_share():
    rng = np.random.default_rng(0)
    quality = rng.random(20_000)
    flipped = rng.random(20_000) < 0.4 * (1 - quality)
    recovery = FlipRecovery(quality=quality, flipped=flipped, is_candidate=flipped)
    grid = np.linspace(0, 1, 11)
    chance = recovery.chance_of_error(grid)
    assert (np.diff(chance) <= 0).all()
    assert np.allclose(chance[1:-1], 0.4 * (1 - grid[1:-1]), atol=0.06)
    assert recovery.chance_of_error(quality).mean() == pytest.approx(flipped.mean())


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_a_share_outside_its_range_is_refused(share):
    with pytest.raises(ValueError, match="share must be between 0 and 1"):
        Planting(share=share)
