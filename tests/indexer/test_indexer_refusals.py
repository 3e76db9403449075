"""What an index refuses, and the few things that look wrong and are not."""

import numpy as np
import pytest
from drawn_vectors import D, unit

from indexer import (
    IndexMismatchError,
    IndexNotFoundError,
    VectorIndex,
)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (
            np.full((2, D), np.nan),
            ValueError,
            "2 of 2 vectors are zero, NaN or infinite.*'x', 'y'",
        ),
        (np.zeros((2, D)), ValueError, "zero, NaN or infinite"),
        (np.array([[np.inf] * D, [1.0] * D]), ValueError, "1 of 2 vectors .*: 'x';"),
        (
            np.ones((2, D + 1)),
            IndexMismatchError,
            f"have {D + 1} dimensions, the index has {D}",
        ),
        (np.ones((3, D)), ValueError, "2 ids but 3 vectors"),
        (np.array([["a"] * D] * 2), ValueError, "must be a matrix of numbers"),
        (np.ones((2, D, 1)), ValueError, "must be a matrix of numbers"),
    ],
)
def test_unusable_vectors_are_refused_by_name(index, bad, error, message):
    with pytest.raises(error, match=message):
        index.add(["x", "y"], bad)
    assert index.generation == 1


def test_tiny_and_huge_vectors_keep_their_direction(tmp_path):
    vectors = np.array([[1e-30, 2e-30], [3e30, -1e30], [1e-12, 0]], dtype=np.float32)
    index = VectorIndex.build(tmp_path, list("abc"), vectors)
    np.testing.assert_allclose(index.vectors, unit(vectors), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        (["a", "a"], ValueError, "1 ids are given more than once: 'a'"),
        (["a", 7], TypeError, "number 1 is 7, a int"),
        ("ab", TypeError, "got one string 'ab'"),
        (["a", ""], ValueError, "must not be empty: number 1"),
        (["a", "\udc80"], ValueError, "must be valid Unicode"),
    ],
)
def test_unusable_ids_are_refused(tmp_path, ids, error, message):
    with pytest.raises(error, match=message):
        VectorIndex.build(tmp_path / "x", ids, np.ones((2, 3)))
    with pytest.raises(IndexNotFoundError):
        VectorIndex.open(tmp_path / "x")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"genre": ["Rock"]}, "1 rows, but there are 2 ids"),
        ({"id": ["a", "b"]}, "a column is called 'id'"),
        ({"year": ["x", "y"]}, "column 'year' holds int64 in the index"),
        ({"a": [1, 2], "b": [1]}, "cannot be read as a table"),
    ],
)
def test_unusable_columns_are_refused(index, vectors, bad, message):
    with pytest.raises(ValueError, match=message):
        index.add(["x", "y"], vectors[:2], bad)
    assert index.generation == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, "k must be at least 1, got 0"),
        ({"k": 2.5}, TypeError, "k must be a whole number"),
        (
            {"where": {"mood": 1}},
            ValueError,
            "unknown column 'mood'.*'genre', 'year', 'tags'",
        ),
        ({"where": {"year": (1, 2, 3)}}, ValueError, "tuple of 3"),
        ({"where": {"year": "old"}}, ValueError, "filter on 'year' does not fit"),
        ({"where": {"tags": ("a", "b")}}, ValueError, "ranges are for plain columns"),
        ({"where": ["genre"]}, TypeError, "must map columns to values"),
    ],
)
def test_unusable_searches_are_refused(index, vectors, options, error, message):
    with pytest.raises(error, match=message):
        index.search(vectors[:1], **options)


def test_unusable_queries_are_refused(index):
    with pytest.raises(IndexMismatchError, match="queries have 3 dimensions"):
        index.search(np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"1 of 2 queries are zero.*'query 1'"):
        index.search(np.stack([np.ones(D), np.zeros(D)]))


def test_no_index_and_foreign_folders_are_told_apart(tmp_path, ids, vectors):
    with pytest.raises(IndexNotFoundError, match="no index in"):
        VectorIndex.open(tmp_path / "nothing")
    (tmp_path / "holiday.txt").write_text("x")
    with pytest.raises(IndexNotFoundError, match="no index in"):
        VectorIndex.open(tmp_path)
    with pytest.raises(IndexNotFoundError, match="it is a file"):
        VectorIndex.open(tmp_path / "holiday.txt")
    with pytest.raises(IndexMismatchError, match=r"no part of an index.*'holiday.txt'"):
        VectorIndex.build(tmp_path, ids, vectors)
    with pytest.raises(IndexMismatchError, match="is a file"):
        VectorIndex.build(tmp_path / "holiday.txt", ids, vectors)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]
