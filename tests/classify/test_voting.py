from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covers.classify.vote_settings import GroupedGenres, VoteLosses, measure_settings
from covers.classify.voting import (
    SEED_RECIPE,
    USUAL,
    VoteSettings,
    one_per_group,
    vote_genres,
    vote_with,
    voters,
)
from covers.stats.neighbours import Neighbours, find_neighbours
from covers.workspace.documents import decode, encode

THREE = np.eye(3)[[0, 0, 1, 2, 1, 0]]


def near(rows, similarities):
    return Neighbours(np.array(rows), np.array(similarities, np.float32))


def vote_plainly(rows, similarities, membership, temperature):
    """The definition, one neighbour at a time."""
    votes = np.zeros((len(rows), membership.shape[1]))
    for q, row in enumerate(rows):
        for j, reference in enumerate(row):
            if reference >= 0:
                weight = np.exp(similarities[q][j] / temperature)
                votes[q] += weight * membership[reference]
        votes[q] /= votes[q].sum()
    return votes


def test_votes_follow_the_definition_with_multi_genre_references_and_empty_slots():
    membership = np.array([[0.5, 0.5, 0], [1, 0, 0], [0, 0, 1]])
    rows = [[0, 1, 2], [2, 1, -1]]
    similarities = [[0.9, 0.8, 0.1], [0.5, 0.4, np.nan]]
    found = vote_genres(near(rows, similarities), membership, temperature=0.2)
    np.testing.assert_allclose(
        found, vote_plainly(rows, similarities, membership, 0.2), rtol=1e-5
    )


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(0, 2**31),
    st.sampled_from([1e-4, 0.05, 1.0, np.inf]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.0, 1.0]),
)
def test_votes_are_distributions_whatever_the_neighbours(k, seed, t, balance, prior):
    rng = np.random.default_rng(seed)
    membership = np.eye(4)[rng.integers(4, size=20)]
    rows = np.sort(rng.integers(-1, 20, size=(5, k)), axis=1)[:, ::-1]
    rows[0, 0] = 3
    similarities = np.where(rows < 0, np.nan, rng.uniform(-1, 1, rows.shape))
    votes = vote_genres(
        near(rows, similarities),
        membership,
        temperature=t,
        class_balance=balance,
        prior_votes=prior,
    )
    known = (rows >= 0).any(axis=1) | (prior > 0)
    np.testing.assert_allclose(votes[known].sum(axis=1), 1)
    assert (votes[known] >= 0).all()
    assert np.isnan(votes[~known]).all()


def test_the_order_of_neighbours_does_not_matter():
    a = near([[0, 2, 3]], [[0.9, 0.5, 0.7]])
    b = near([[3, 0, 2]], [[0.7, 0.9, 0.5]])
    np.testing.assert_allclose(vote_genres(a, THREE), vote_genres(b, THREE))


def test_small_temperature_leaves_the_nearest_alone():
    votes = vote_genres(near([[2, 0, 1]], [[0.9, 0.89, 0.88]]), THREE, temperature=1e-4)
    np.testing.assert_allclose(votes, [[0, 1, 0]], atol=1e-12)


def test_infinite_temperature_is_a_plain_majority():
    votes = vote_genres(
        near([[2, 0, 1]], [[0.9, 0.1, -0.5]]), THREE, temperature=np.inf
    )
    np.testing.assert_allclose(votes, [[2 / 3, 1 / 3, 0]])


def test_class_balance_takes_the_advantage_of_frequent_genres_away():
    membership = np.eye(2)[[0] * 9 + [1]]
    everything = near([list(range(10))], [[0.5] * 10])
    plain = vote_genres(everything, membership)
    balanced = vote_genres(everything, membership, class_balance=1.0)
    np.testing.assert_allclose(plain, [[0.9, 0.1]])
    np.testing.assert_allclose(balanced, [[0.5, 0.5]])


def test_prior_votes_make_every_genre_possible_and_answer_without_neighbours():
    votes = vote_genres(
        near([[2, -1], [-1, -1]], [[0.9, np.nan], [np.nan, np.nan]]),
        THREE,
        prior_votes=1.0,
    )
    base = THREE.mean(axis=0)
    np.testing.assert_allclose(votes[0], (np.eye(3)[1] + base) / 2)
    np.testing.assert_allclose(votes[1], base)


def test_references_without_a_genre_do_not_vote():
    membership = np.array([[0.0, 0.0], [1.0, 0.0]])
    votes = vote_genres(near([[0, 1]], [[0.99, 0.1]]), membership, temperature=0.01)
    np.testing.assert_allclose(votes, [[1, 0]])
    many = np.vstack([membership, np.zeros((40, 2)), [[0.0, 1.0]]])
    votes = vote_genres(near([[0, 42, -1]], [[0.99, 0.1, np.nan]]), many)
    np.testing.assert_allclose(votes, [[0, 1]])


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be a number above 0"):
        vote_genres(near([[0]], [[1.0]]), THREE, temperature=temperature)


def test_a_neighbour_that_is_no_reference_is_refused():
    with pytest.raises(ValueError, match="neighbour 9 is no row"):
        vote_genres(near([[9]], [[1.0]]), THREE)


def test_only_the_nearest_of_each_group_votes():
    found = one_per_group(
        near([[4, 0, 1, 2, -1]], [[0.9, 0.8, 0.7, 0.6, np.nan]]),
        np.array([7, 7, 8, 9, 7, 1]),
    )
    assert found.rows.tolist() == [[4, 2, -1, -1, -1]]
    np.testing.assert_allclose(found.similarities[0, :2], [0.9, 0.6])
    assert np.isnan(found.similarities[0, 2:]).all()


def test_one_vote_per_group_keeps_k_voters_where_there_are_enough_candidates():
    chosen = voters(
        VoteSettings(k=2, one_per_group=True),
        near([[0, 1, 2]], [[0.9, 0.8, 0.7]]),
        np.array([1, 1, 2, 3, 4, 5]),
    )
    assert chosen.rows.tolist() == [[0, 2]]


def test_held_out_loss_finds_a_useful_k_and_temperature():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 16))
    genre = rng.integers(4, size=900)
    points = centres[genre] + 1.6 * rng.normal(size=(900, 16))
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    membership = np.eye(4)[genre]
    found = find_neighbours(points[600:], points[:600], k=200)
    losses = measure_settings(
        found,
        GroupedGenres(membership[:600], np.arange(600)),
        GroupedGenres(membership[600:], np.arange(300)),
    )
    best = losses.best()
    seed = -np.log(
        (vote_with(SEED_RECIPE, found, membership[:600]) * membership[600:]).sum(1)
    ).mean()
    assert best.k > 5
    assert losses.losses.mean(axis=1).min() < seed - 0.05
    assert not any(candidate.one_per_group for candidate in losses.settings)
    half = losses.best(np.arange(150))
    assert half in losses.settings


def test_many_queries_are_sampled_and_folds_see_their_own_only(monkeypatch):
    monkeypatch.setattr("covers.classify.vote_settings.MOST_SCORED", 40)
    rng = np.random.default_rng(0)
    points = rng.normal(size=(160, 6)).astype(np.float32)
    membership = np.eye(3)[rng.integers(3, size=160)]
    found = find_neighbours(points[60:], points[:60], k=60)
    losses = measure_settings(
        found,
        GroupedGenres(membership[:60], np.arange(60)),
        GroupedGenres(membership[60:], np.arange(100)),
    )
    assert losses.losses.shape == (len(losses.settings), 40)
    assert losses.groups.tolist() == losses.scored.tolist()
    rows = np.arange(0, 100, 2)
    own = np.isin(losses.scored, rows)
    # Make one candidate certainly better on these rows, and hopeless on all others.
    losses.losses[7, own], losses.losses[7, ~own] = 0.0, 99.0
    assert losses.best(rows) == losses.settings[7]
    assert losses.best(np.arange(1, 100, 2)) != losses.settings[7]


def test_the_usual_settings_stay_unless_others_are_certainly_better():
    settings = (replace(USUAL, k=3), USUAL)
    scored, groups = np.arange(40), np.arange(40) // 10
    usual = np.ones(40, np.float32)
    luck = usual - np.where(groups == 0, 0.9, -0.2).astype(np.float32)
    assert luck.mean() < usual.mean()
    by_luck = VoteLosses(settings, np.stack([luck, usual]), scored, groups)
    assert by_luck.best() == USUAL
    surely = VoteLosses(settings, np.stack([usual - 0.1, usual]), scored, groups)
    assert surely.best() == settings[0]
    few = VoteLosses(settings[:1], usual[None], scored, groups)
    assert few.best() == settings[0]


def test_settings_survive_json():
    given_settings = VoteSettings(k=7, temperature=0.3, one_per_group=True)
    assert decode(VoteSettings, encode(given_settings)) == given_settings
