"""What every table of covers can do, whatever columns it has."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covers.catalogue.cover_set import OF_ALL, CoverSet
from covers.errors import DataError
from covers.stats.rows import RowsById


@dataclass(frozen=True, kw_only=True)
class Titled(CoverSet):
    titles: list[str]
    vectors: np.ndarray
    colours: np.ndarray | None = None
    source: str = field(metadata=OF_ALL, default="all")


def some(n=5):
    return Titled(
        cover_ids=tuple("abcdefgh"[:n]),
        vocab=("Jazz", "Pop"),
        membership=np.eye(2)[np.arange(n) % 2],
        groups=np.arange(n),
        splits=np.array(["train", "valid", "train", "train", "valid"][:n]),
        titles=[f"title {i}" for i in range(n)],
        vectors=np.arange(2.0 * n).reshape(n, 2),
    )


def test_some_covers_keep_all_their_columns_and_what_is_of_all():
    taken = some().take(np.array([3, 1]))
    assert taken.cover_ids == ("d", "b")
    assert taken.titles == ["title 3", "title 1"]
    np.testing.assert_array_equal(taken.vectors, [[6, 7], [2, 3]])
    np.testing.assert_array_equal(taken.groups, [3, 1])
    assert (taken.vocab, taken.source, taken.colours) == (("Jazz", "Pop"), "all", None)
    masked = some().take(np.array([True, False, False, False, True]))
    assert masked.cover_ids == ("a", "e")


def test_covers_are_aligned_by_their_ids_and_an_absent_one_is_named():
    aligned = some().align(["e", "a"])
    assert aligned.titles == ["title 4", "title 0"]
    assert len(some().align([])) == 0
    with pytest.raises(DataError, match="no cover 'z' among these 5 covers"):
        some().align(["a", "z"])


def test_held_out_is_the_test_side_else_the_valid_side_else_all():
    np.testing.assert_array_equal(np.flatnonzero(some().held_out()), [1, 4])
    assert some(1).held_out().all()


@given(st.lists(st.text(max_size=3), unique=True), st.lists(st.text(max_size=3)))
def test_rows_lead_back_to_the_ids(ids, wanted):
    rows = RowsById(ids).of(wanted)
    for one, row in zip(wanted, rows, strict=True):
        assert (row == -1) == (one not in ids)
        assert row == -1 or ids[row] == one
