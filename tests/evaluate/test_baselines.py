import numpy as np
import pytest
from synthetic_library import simulate

from covers.classify.voting import VoteSettings
from covers.evaluate.baselines import (
    PENALTIES,
    find_by_features,
    fit_label_probe,
    fit_linear_probe,
    guess_frequency,
    guess_uniformly,
    vote_plainly,
)
from covers.evaluate.curves import Side, nearest_candidates
from covers.stats.metrics import measure_method


def test_chance_and_frequency_know_nothing_of_the_query():
    np.testing.assert_allclose(guess_uniformly(2, 4), np.full((2, 4), 0.25))
    frequency = guess_frequency(3, np.eye(2)[[0, 0, 1]])
    np.testing.assert_allclose(frequency, [[2 / 3, 1 / 3]] * 3)


def test_five_neighbours_predict_as_scikit_learn_does_where_there_is_no_tie():
    from sklearn.neighbors import KNeighborsClassifier

    inputs = simulate(400)
    train, held = np.arange(300), np.arange(300, 400)
    truth = inputs.membership.argmax(axis=1)
    single = np.eye(4)[truth]
    found = vote_plainly(
        find_by_features(inputs.frozen, held, train, None), single[train]
    )
    model = KNeighborsClassifier(5).fit(inputs.frozen[train], truth[train])
    shares = np.sort(model.predict_proba(inputs.frozen[held]), axis=1)
    clear = shares[:, -1] > shares[:, -2]
    assert clear.sum() > 60
    expected = model.predict(inputs.frozen[held])
    assert (found.argmax(axis=1) == expected)[clear].all()


def test_the_own_group_does_not_vote():
    features = np.eye(3, dtype=np.float32)
    membership = np.eye(3)
    groups = np.array([0, 1, 2])
    rows = np.arange(3)
    found = vote_plainly(find_by_features(features, rows, rows, groups), membership)
    assert (found.argmax(axis=1) != np.arange(3)).all()


def test_the_probe_finds_linear_structure_and_gives_distributions():
    inputs = simulate(800, n_groups=800, shared=0.0)
    train, held = np.arange(600), np.arange(600, 800)
    probe = fit_linear_probe(
        inputs.embeddings[train], inputs.membership[train], inputs.groups[train]
    )
    p = probe.predict(inputs.embeddings[held])
    assert probe.penalty in PENALTIES
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    found = measure_method(p, inputs.membership[held]).values
    vote = vote_plainly(
        find_by_features(inputs.embeddings, held, train, None),
        inputs.membership[train],
    )
    assert found["accuracy"] > 0.6
    assert (
        found["log_loss"]
        < measure_method(vote, inputs.membership[held]).values["log_loss"]
    )


def test_the_probe_is_stiff_where_features_mean_nothing():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 40)).astype(np.float32)
    membership = np.eye(3)[rng.integers(3, size=300)]
    probe = fit_linear_probe(features, membership, np.arange(300))
    assert probe.penalty < 0.01
    assert np.abs(probe.predict(features) - 1 / 3).max() < 0.25


def test_a_genre_without_examples_gets_no_probability():
    inputs = simulate(200)
    membership = np.hstack([inputs.membership, np.zeros((200, 1), np.float32)])
    probe = fit_linear_probe(inputs.embeddings, membership, inputs.groups, penalty=0.1)
    assert (probe.predict(inputs.embeddings)[:, 4] == 0).all()


def test_a_single_genre_cannot_be_probed():
    with pytest.raises(ValueError, match="at least two genres"):
        fit_linear_probe(
            np.eye(3, dtype=np.float32), np.ones((3, 1)), np.arange(3), penalty=1.0
        )


def test_a_probe_of_independent_genres_finds_them_and_knows_when_to_be_stiff():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(700, 10)).astype(np.float32)
    odds = points @ (0.4 * rng.normal(size=(10, 4))) - 1
    has = rng.random((700, 4)) < 1 / (1 + np.exp(-odds))
    groups = np.arange(700) // 2
    probe = fit_label_probe(points[:600], has[:600], groups[:600])
    expected = 1 / (1 + np.exp(-odds[600:]))
    assert np.abs(probe.predict(points[600:]) - expected).mean() < 0.06
    noise = rng.normal(size=(700, 10)).astype(np.float32)
    stiff = fit_label_probe(noise[:600], has[:600], groups[:600])
    assert stiff.penalty < probe.penalty
    assert np.abs(stiff.predict(noise[600:]) - has[:600].mean(axis=0)).mean() < 0.06


def test_the_own_group_does_not_vote_in_the_growth_of_the_vote_either():
    features = np.eye(4, dtype=np.float32)
    side = Side(embeddings=features, membership=np.eye(4), groups=np.arange(4))
    near = nearest_candidates(side, side, VoteSettings(k=4))
    for row, found in enumerate(near.rows):
        assert sorted(found[found >= 0]) == [g for g in range(4) if g != row]
