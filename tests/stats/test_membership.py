import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covers.stats.membership import (
    as_membership,
    has_several_genres,
    make_membership,
    share_with_several,
)

VOCAB = tuple("abcdefg")


@given(st.lists(st.lists(st.sampled_from("abcdefgxyz"), max_size=12), max_size=20))
def test_every_cover_counts_once_to_the_last_digit(genres):
    membership = make_membership(genres, VOCAB)
    known = [set(names) & set(VOCAB) for names in genres]
    assert membership.dtype == np.float64
    assert membership.shape == (len(genres), len(VOCAB))
    for row, names in zip(membership, known, strict=True):
        assert {VOCAB[j] for j in np.flatnonzero(row)} == names
        assert row.sum() == pytest.approx(1.0 if names else 0.0, abs=1e-15)


def test_shares_kept_in_32_bits_are_brought_to_one():
    thirds = np.array([[1 / 3] * 3, [0, 0, 0], [0.7, 0.2, 0]], np.float32)
    found = as_membership(thirds)
    assert np.abs(found.sum(axis=1) - [1, 0, 1]).max() < 1e-15
    assert found[2, 0] == pytest.approx(7 / 9)


@pytest.mark.parametrize(("n_several", "expected"), [(1, False), (2, True), (10, True)])
def test_several_genres_are_common_from_a_fifth_of_the_covers_on(n_several, expected):
    membership = np.eye(3)[np.zeros(10, int)]
    membership[:n_several, 1] = 1
    unlabelled = np.vstack([membership, np.zeros((50, 3))])
    assert share_with_several(unlabelled) == n_several / 10
    assert has_several_genres(unlabelled) is expected
    assert not has_several_genres(np.zeros((0, 3)))
