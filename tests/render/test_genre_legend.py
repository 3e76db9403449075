"""Legends of few genres and of many."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from covers.render.genre_legend import genre_legend
from covers.render.palette import MOST_NAMED, genre_colours, genre_families

MANY = (
    *("house", "techno", "trance", "rock", "punk", "jazz", "bebop", "soul", "disco"),
    *(f"genre {i}" for i in range(14)),
)


def draw_membership(seed, vocab, n=40):
    rng = np.random.default_rng(seed)
    has = rng.random((n, len(vocab))) < 0.12
    return has / np.maximum(has.sum(axis=1, keepdims=True), 1)


def test_few_genres_have_an_entry_each_and_a_cover_the_colour_of_its_first():
    vocab = MANY[:5]
    membership = draw_membership(1, vocab)
    found = genre_legend(membership, vocab, genre_colours(vocab))
    assert found.names == vocab
    assert not found.is_broad
    assert (found.has == (membership > 0)).all()
    for row, own in enumerate(membership > 0):
        assert found.main[row] == (np.flatnonzero(own)[0] if own.any() else -1)


@settings(deadline=None)  # the tree of genres is read first
@given(st.integers(0, 500))
def test_of_many_genres_a_cover_has_the_colour_of_the_family_it_has_most_of(seed):
    assert len(MANY) > MOST_NAMED
    membership = draw_membership(seed, MANY)
    families = genre_families(MANY)
    found = genre_legend(membership, MANY, genre_colours(MANY))
    assert found.is_broad
    assert sorted(found.names) == sorted(families)
    assert len(set(found.colours)) == len(found.names)
    sizes = found.has.sum(axis=0)
    assert (np.diff(sizes) <= 0).all()
    for row, own in enumerate(membership > 0):
        genres = {genre for genre, has in zip(MANY, own, strict=True) if has}
        counts = [len(genres & set(families[name])) for name in found.names]
        assert found.has[row].tolist() == [n > 0 for n in counts]
        if genres:
            assert counts[found.main[row]] == max(counts)
        else:
            assert found.main[row] == -1
