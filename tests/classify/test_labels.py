import json

import numpy as np
import pytest
from scipy.special import expit

from covers.classify.classifier import HeldOutCovers, SeveralGenresClassifier
from covers.classify.decision import Decision, judge_levels
from covers.classify.labels import LabelCalibrator, follow_tree
from covers.classify.voting import VoteSettings, label_shares
from covers.stats.conformal import Familiarity, PredictionSets, Verdict
from covers.stats.labels.platt import log_odds
from covers.stats.neighbours import Neighbours

NO_TREE = np.zeros((3, 3), bool)


def known_odds(n, seed):
    """Covers whose genres are drawn from known, independent probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal([-1.5, 0.0, -0.5], 1.5, (n, 3))
    has = rng.random((n, 3)) < expit(logits)
    has[~has.any(axis=1), 1] = True
    return logits, has


def fitted(n=400, implied=NO_TREE):
    logits, has = known_odds(n, 0)
    held = HeldOutCovers(
        p_network=expit(logits),
        p_vote=expit(0.3 * logits),
        membership=has / has.sum(axis=1, keepdims=True),
        groups=np.arange(n),
    )
    return SeveralGenresClassifier.fit(held, VoteSettings(), implied), held, has


def test_the_likeliest_genre_is_named_even_below_a_threshold_that_others_pass():
    calibrator = LabelCalibrator(
        weights=np.ones((3, 1)),
        offsets=np.zeros(3),
        thresholds=np.array([0.6, 0.1, 0.9]),
    )
    p = np.array([[0.5, 0.2, 0.1], [0.3, 0.05, 0.4]])
    assert calibrator.name(p).tolist() == [[True, True, False], [False, False, True]]


def test_a_cover_always_gets_a_name():
    calibrator = LabelCalibrator(
        weights=np.ones((3, 2)), offsets=np.zeros(3), thresholds=np.full(3, 0.9)
    )
    p = np.array([[0.1, 0.3, 0.2]])
    assert calibrator.name(p).tolist() == [[False, True, False]]
    again = LabelCalibrator.from_json(calibrator.to_json())
    assert np.array_equal(again.thresholds, calibrator.thresholds)


def test_a_voter_of_two_genres_counts_fully_for_each():
    membership = np.array([[0.5, 0.5], [1, 0]])
    near = Neighbours(np.array([[0, 1]]), np.array([[0.9, 0.9]], np.float32))
    shares = label_shares(VoteSettings(k=2, temperature=1.0), near, membership)
    # two equal voters and one who votes by how many have each: 1 and 1/2
    assert shares == pytest.approx(np.array([[1.0, (2 * 0.5 + 0.5) / 3]]))


def test_network_and_vote_together_are_at_least_as_sharp_as_either():
    classifier, held, has = fitted()
    found = classifier.apply(held.p_network, held.p_vote).by_method()
    losses = {
        name: -np.log(np.where(has, p, 1 - p)).mean() for name, p in found.items()
    }
    assert losses["network + vote"] <= min(losses["network"], losses["vote"]) + 0.01


def test_a_fine_genre_brings_its_broad_one_along():
    implied = NO_TREE.copy()
    implied[0, 1] = True
    classifier, held, _ = fitted(implied=implied)
    found = classifier.apply(held.p_network, held.p_vote)
    for name, p in found.by_method().items():
        named = classifier.name(found)[name]
        assert (p[:, 1] >= p[:, 0]).all()
        assert (named[:, 1] | ~named[:, 0]).all()
    chain = np.zeros((3, 3), bool)
    chain[0, 1] = chain[0, 2] = chain[1, 2] = True
    assert follow_tree(np.array([[0.9, 0.2, 0.4]]), chain).tolist() == [[0.9] * 3]
    assert follow_tree(np.array([[0.9, 0.2, 0.4]]), None)[0, 1] == 0.2


def test_a_decision_of_several_genres_survives_json():
    implied = NO_TREE.copy()
    implied[0, 1] = True
    classifier, held, _ = fitted(implied=implied)
    found = classifier.apply(held.p_network, held.p_vote)
    decision = Decision(
        vocab=("blues rock", "rock", "jazz"),
        classifier=classifier,
        sets=PredictionSets.fit(found.combined, held.membership, independent=True),
        familiarity=Familiarity(threshold=0.2),
    )
    again = Decision.from_json(json.loads(json.dumps(decision.to_json())))
    asked = held.p_network[:5], held.p_vote[:5], np.full((5, 5), 0.5, np.float32)
    first, second = decision.decide(*asked), again.decide(*asked)
    assert again.is_several
    assert np.array_equal(first.named, second.named)
    assert np.array_equal(first.inside, second.inside)
    assert first.verdicts == second.verdicts
    np.testing.assert_allclose(
        first.probabilities.combined, second.probabilities.combined
    )


def test_labels_of_version_0_1_are_read():
    written = {"weights": [[0.5, 0.5]], "offsets": [0.0], "thresholds": [0.4]}
    calibrator = LabelCalibrator.from_json(written)
    odds = log_odds(np.array([[0.8]]), np.array([[0.6]]))
    expected = expit(0.5 * np.log(0.8 / 0.2) + 0.5 * np.log(0.6 / 0.4))
    assert calibrator.apply(odds)[0, 0] == pytest.approx(expected)


def test_verdicts_speak_at_the_level_that_can_be_answered():
    implied = NO_TREE.copy()
    implied[0, 1] = True  # blues rock is rock
    p = np.array([[0.95, 0.96, 0.1], [0.4, 0.95, 0.1], [0.4, 0.5, 0.1], [0.9] * 3])
    unfamiliar = np.array([False, False, False, True])
    assert judge_levels(p, unfamiliar, implied, 0.9) == [
        Verdict.SURE,
        Verdict.BROAD,
        Verdict.UNSURE,
        Verdict.UNFAMILIAR,
    ]
    assert judge_levels(p[1:2], unfamiliar[1:2], NO_TREE, 0.9) == [Verdict.SURE]
