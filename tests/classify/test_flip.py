"""How few voters decide a vote, compared with trying every set of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covers.classify.flip import find_flip
from covers.classify.voting import VoteSettings, vote_with
from covers.stats.neighbours import Neighbours


def near(rows, similarities):
    return Neighbours(np.array(rows), np.array(similarities, np.float32))


def test_the_flip_is_the_fewest_voters_whose_absence_changes_the_winner():
    membership = np.eye(2)[[0, 0, 0, 1, 1]]
    five = near([[0, 1, 2, 3, 4]], [[0.5] * 5])
    plain = VoteSettings(k=5, temperature=1.0, prior_votes=0.0)
    flip = find_flip(five, membership, plain)
    # Two of the three have to go: with one gone it is a tie, and the first wins.
    assert len(flip.slots) == 2
    assert set(flip.slots) < {0, 1, 2}
    assert flip.genre_id == 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_no_smaller_set_than_the_flip_changes_the_winner(seed):
    from itertools import combinations

    rng = np.random.default_rng(seed)
    membership = np.eye(3)[rng.integers(3, size=7)]
    found = near([list(range(7))], [np.sort(rng.uniform(0, 1, 7))[::-1]])
    plain = VoteSettings(k=7, temperature=0.3, prior_votes=0.0)
    winner = vote_with(plain, found, membership)[0].argmax()

    def winner_without(slots):
        rows = found.rows.copy()
        rows[0, list(slots)] = -1
        left = Neighbours(rows, found.similarities)
        return vote_with(plain, left, membership)[0].argmax()

    flip = find_flip(found, membership, plain)
    smaller = len(flip.slots) if flip.genre_id >= 0 else 7
    for n in range(1, smaller):
        for slots in combinations(range(7), n):
            assert winner_without(slots) == winner
    if flip.genre_id >= 0:
        assert winner_without(flip.slots) == flip.genre_id != winner


def test_voters_of_one_genre_have_no_flip():
    flip = find_flip(
        near([[0, 1]], [[0.5, 0.4]]), np.eye(2)[[0, 0]], VoteSettings(prior_votes=0.0)
    )
    assert flip.genre_id == -1
    assert flip.slots == ()


@pytest.mark.parametrize("seed", range(20))
def test_a_flip_holds_in_the_vote_among_all_references(seed):
    rng = np.random.default_rng(seed)
    membership = np.eye(4)[rng.choice(4, 500, p=[0.6, 0.2, 0.15, 0.05])]
    membership[rng.random(500) < 0.1] = 0
    settings = VoteSettings(
        k=12,
        temperature=0.3,
        class_balance=rng.choice([0.0, 0.5, 1.0]),
        prior_votes=2.0,
    )
    rows = rng.choice(500, (1, 12), replace=False)
    near = Neighbours(rows, np.sort(rng.random((1, 12)).astype(np.float32))[:, ::-1])
    flip = find_flip(near, membership, settings)
    winner = vote_with(settings, near, membership)[0].argmax()
    assert flip.slots
    left = rows.copy()
    left[0, list(flip.slots)] = -1
    won = vote_with(settings, Neighbours(left, near.similarities), membership)[0]
    assert won.argmax() == flip.genre_id != winner


def test_a_genre_that_all_voters_have_wins_whatever_is_left_out():
    # Rock, and one of two rarer genres each: as shares, a rarer one may seem to win.
    membership = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]]) / 2
    found = near([[0, 1, 2]], [[0.5, 0.4, 0.3]])
    plain = VoteSettings(k=3, prior_votes=0.0, class_balance=1.0)
    assert find_flip(found, membership, plain).genre_id >= 0
    assert find_flip(found, membership, plain, is_several=True).genre_id == -1
