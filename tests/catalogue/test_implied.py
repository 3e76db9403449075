import numpy as np

from covers.catalogue.genre_tree import GenreTree
from covers.catalogue.implied import SHARED, broad_of, find_implied
from covers.stats.membership import make_membership

VOCAB = ("bebop", "bluesrock", "jazz", "metal", "rock")
TREE = GenreTree.read()


def implied_by(genres):
    found = find_implied(VOCAB, make_membership(genres, VOCAB), TREE)
    return {(VOCAB[i], VOCAB[j]) for i, j in np.argwhere(found)}


def test_a_fine_genre_implies_its_broad_one_where_labels_follow_the_tree():
    covers = [["bebop", "jazz"]] * 9 + [["bebop"]] + [["rock", "bluesrock"]] * 3
    assert implied_by(covers) == {("bebop", "jazz"), ("bluesrock", "rock")}


def test_who_files_genres_apart_is_not_told_otherwise():
    assert implied_by([["bebop"]] * 5 + [["jazz"]] * 5 + [["metal"], ["rock"]]) == set()


def test_genres_that_share_some_covers_are_nested_by_a_lower_share():
    covers = [["bluesrock"]] * 8 + [["bluesrock", "rock"]] * 2 + [["metal"]] * 5
    membership = make_membership(covers, VOCAB)
    assert not find_implied(VOCAB, membership, TREE).any()
    found = find_implied(VOCAB, membership, TREE, share=SHARED)
    assert np.argwhere(found).tolist() == [
        [VOCAB.index("bluesrock"), VOCAB.index("rock")]
    ]


def test_a_genre_that_no_cover_has_implies_nothing():
    assert implied_by([["jazz"], ["rock"], []]) == set()


def test_each_genre_is_grouped_below_the_widest_it_belongs_to():
    covers = [["bebop", "jazz"]] * 4 + [["metal", "rock"]] * 4 + [["bluesrock"]]
    found = find_implied(VOCAB, make_membership(covers, VOCAB), TREE)
    assert broad_of(VOCAB, found) == {
        "bebop": "jazz",
        "bluesrock": "bluesrock",
        "jazz": "jazz",
        "metal": "rock",
        "rock": "rock",
    }
