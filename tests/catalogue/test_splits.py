"""Splits keep groups together, share genres out, and stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covers.catalogue.splits import (
    fold_groups,
    join_groups,
    measure_balance,
    split_groups,
)

SHARES = {"train": 0.8, "valid": 0.2}


def make_library(n=3000, n_artists=400, seed=0, tail=1.5):
    """Draw covers of four unequal genres by artists of unequal diligence."""
    rng = np.random.default_rng(seed)
    weights = rng.pareto(tail, n_artists) + 0.5
    artists = rng.choice(n_artists, n, p=weights / weights.sum())
    home = rng.choice(4, n_artists, p=[0.5, 0.3, 0.15, 0.05])
    genres = [[f"g{home[a]}"] for a in artists]
    for row in rng.choice(n, n // 20, replace=False):
        genres[row] = sorted({*genres[row], "g0"})
    return genres, artists.tolist()


def test_no_group_lies_on_two_sides():
    genres, artists = make_library()
    splits = split_groups(genres, artists, shares=SHARES)
    sides = {}
    for artist, side in zip(artists, splits, strict=True):
        sides.setdefault(artist, set()).add(side)
    assert all(len(found) == 1 for found in sides.values())


def test_every_genre_is_shared_out_as_asked():
    genres, artists = make_library()
    shares = {"train": 0.7, "valid": 0.2, "test": 0.1}
    splits = split_groups(genres, artists, shares=shares)
    balance = measure_balance(genres, artists, splits)
    for side, share in shares.items():
        assert balance.share[side] == pytest.approx(share, abs=0.02)
    for share in balance.held_out_share.values():
        assert share == pytest.approx(0.3, abs=0.03)
    assert balance.n_torn_groups == 0


def test_single_covers_are_stratified_as_well_as_scikit_learn_does():
    genres = [["a"]] * 500 + [["b"]] * 50 + [["c"]] * 10
    splits = split_groups(genres, range(560), shares=SHARES)
    held_out = [
        names[0] for names, s in zip(genres, splits, strict=True) if s != "train"
    ]
    assert {g: held_out.count(g) for g in "abc"} == {"a": 100, "b": 10, "c": 2}


def test_the_seed_decides_and_repeats():
    genres, artists = make_library()
    first = split_groups(genres, artists, shares=SHARES, seed=1)
    assert (first == split_groups(genres, artists, shares=SHARES, seed=1)).all()
    assert (first != split_groups(genres, artists, shares=SHARES, seed=2)).any()


def test_the_order_of_the_covers_does_not_matter():
    genres, artists = make_library(500, 100)
    order = np.random.default_rng(3).permutation(500)
    straight = split_groups(genres, artists, shares=SHARES)
    mixed = split_groups(
        [genres[i] for i in order], [artists[i] for i in order], shares=SHARES
    )
    assert (straight[order] == mixed).mean() == 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=2, max_size=60),
    st.integers(1, 59),
)
def test_old_covers_never_change_sides_and_new_ones_join_their_group(covers, n_old):
    n_old = min(n_old, len(covers))
    groups = [group for group, _ in covers]
    genres = [[f"g{genre}"] for _, genre in covers]
    old = split_groups(genres[:n_old], groups[:n_old], shares=SHARES)
    previous = [*old.tolist(), *[""] * (len(covers) - n_old)]
    new = split_groups(genres, groups, shares=SHARES, previous=previous)
    assert (new[:n_old] == old).all()
    sides = dict(zip(groups[:n_old], old.tolist(), strict=True))
    for group, side in zip(groups[n_old:], new[n_old:], strict=True):
        assert side == sides.setdefault(group, side)


def test_a_cover_that_ties_two_sides_together_goes_to_train():
    splits = split_groups(
        [["a"]] * 3, ["x", "x", "x"], shares=SHARES, previous=["train", "valid", ""]
    )
    assert splits.tolist() == ["train", "valid", "train"]
    balance = measure_balance([["a"]] * 3, ["x", "x", "x"], splits)
    assert balance.n_torn_groups == 1


def test_new_covers_fill_up_what_old_ones_lack():
    genres = [["a"]] * 200
    previous = ["train"] * 100 + [""] * 100
    splits = split_groups(genres, range(200), shares=SHARES, previous=previous)
    assert (splits == "valid").sum() == 40


def test_a_genre_of_two_artists_is_on_both_sides():
    groups = ["x"] * 15 + ["y"] * 14 + list(range(100))
    genres = [["rare"]] * 29 + [["common"]] * 100
    splits = split_groups(genres, groups, shares=SHARES)
    assert set(splits[:29]) == {"train", "valid"}
    assert splits[0] == "train"


def test_unlabelled_covers_are_split_too():
    splits = split_groups([[]] * 100, range(100), shares=SHARES)
    assert (splits == "valid").sum() == 20


def test_no_cover_and_one_cover():
    assert split_groups([], [], shares=SHARES).tolist() == []
    assert split_groups([["a"]], [0], shares=SHARES).tolist() == ["train"]


def test_wrong_shares_and_lengths_are_refused():
    with pytest.raises(ValueError, match="shares must be positive"):
        split_groups([["a"]], [0], shares={"train": 1.0, "valid": 0.0})
    with pytest.raises(ValueError, match="of one length, got 1, 2, 1"):
        split_groups([["a"]], [0, 1], shares=SHARES)


def test_folds_are_of_one_size_and_keep_groups_together():
    genres, artists = make_library(2000, 300, tail=5)
    folds = fold_groups(genres, artists, n_folds=5)
    assert np.bincount(folds) == pytest.approx([400] * 5, abs=20)
    fold_of = {}
    for artist, fold in zip(artists, folds, strict=True):
        assert fold == fold_of.setdefault(artist, fold)
    with pytest.raises(ValueError, match=r"number of groups \(300\)|number of groups"):
        fold_groups(genres, artists, n_folds=1)


def test_folds_stay_when_covers_are_added():
    genres, artists = make_library(1000, 300, tail=5)
    old = fold_groups(genres[:800], artists[:800], n_folds=4)
    new = fold_groups(genres, artists, n_folds=4, previous=[*old.tolist(), *[-1] * 200])
    assert (new[:800] == old).all()
    assert np.bincount(new) == pytest.approx([250] * 4, abs=20)


def test_groups_are_connected_components():
    rng = np.random.default_rng(0)
    n = 300
    ids = [f"{i:032x}" for i in rng.permutation(n)]
    ties = [
        [int(v) if v < 60 else None for v in rng.integers(0, 120, n)] for _ in range(2)
    ]
    groups = join_groups(ids, ties)
    reached = np.eye(n, dtype=bool)
    for tie in ties:
        values = np.array([-1 if v is None else v for v in tie])
        reached |= (values[:, None] == values[None]) & (values >= 0)[:, None]
    for _ in range(10):
        reached = (reached.astype(int) @ reached.astype(int)) > 0
    expected = [min(ids[j] for j in np.flatnonzero(reached[i])) for i in range(n)]
    assert groups == expected
