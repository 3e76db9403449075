"""Legends of few genres and of many."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from covers.catalogue.table import Catalogue
from covers.render.genre_legend import genre_legend, legend_of
from covers.render.palette import (
    MOST_NAMED,
    NOISE_COLOUR,
    genre_colours,
    genre_families,
)

MANY = (
    *("house", "techno", "trance", "rock", "punk", "jazz", "bebop", "soul", "disco"),
    *(f"genre {i}" for i in range(14)),
)


def draw_membership(seed, vocab, n=40):
    rng = np.random.default_rng(seed)
    has = rng.random((n, len(vocab))) < 0.12
    return has / np.maximum(has.sum(axis=1, keepdims=True), 1)


def test_few_genres_have_an_entry_each_and_a_cover_the_colour_of_its_rarest():
    vocab = MANY[:5]
    membership = draw_membership(1, vocab)
    found = genre_legend(membership, vocab, genre_colours(vocab))
    assert found.names == vocab
    assert not found.is_broad
    assert (found.has == (membership > 0)).all()
    for row, own in enumerate(membership > 0):
        sizes = np.where(own, (membership > 0).sum(axis=0), len(membership) + 1)
        assert found.main[row] == (sizes.argmin() if own.any() else -1)
        colours = [*found.colours, NOISE_COLOUR]
        assert found.colour_of_cover[row] == colours[found.main[row]]


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
            most = [i for i, n in enumerate(counts) if n == max(counts)]
            assert found.main[row] in most
            assert sizes[found.main[row]] == sizes[most].min()
        else:
            assert found.main[row] == -1


def test_some_covers_of_a_library_keep_the_colours_they_have_among_all():
    genres = [["Jazz", "Rock"], ["Jazz", "Rock"], ["Rock"], ["Jazz"], ["Jazz"], []]
    table = pa.table({"cover_id": [f"{i}" for i in range(6)], "genres": genres})
    catalogue = Catalogue(table, genre_minimum=1)
    # Among the last two, Jazz is the rarer; among all of them Rock is.
    found = legend_of(catalogue, ["1", "3", "4", "gone", "5"])
    assert found.main_names == ["Rock", "Jazz", "Jazz", "", ""]
    assert found.has.tolist() == [[1, 1], [1, 0], [1, 0], [0, 0], [0, 0]]
