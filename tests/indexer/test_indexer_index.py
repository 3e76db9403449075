"""`VectorIndex` against brute force, and every error it promises."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from drawn_vectors import D, N, unit

from indexer import (
    IndexMismatchError,
    VectorIndex,
)
from indexer.local import selection


def brute_force(queries, vectors, k, allowed=None):
    """Rows and similarities of the k nearest, in float64."""
    similarities = unit(queries) @ unit(vectors).T
    if allowed is not None:
        similarities[:, ~np.asarray(allowed)] = -np.inf
    rows = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(similarities, rows, axis=1)


@pytest.mark.parametrize("n_queries", [1, 3, 300])
def test_search_finds_what_brute_force_finds(index, ids, vectors, n_queries):
    queries = np.random.default_rng(1).standard_normal((n_queries, D)) * 5
    rows, similarities = brute_force(queries, vectors, 10)
    result = index.search(queries, 10)
    np.testing.assert_array_equal(result.rows, rows)
    np.testing.assert_allclose(result.similarities, similarities, atol=1e-6)
    assert result.ids.tolist() == [[ids[row] for row in some] for some in rows]
    assert result.notes == ()
    assert result.generation == index.generation


def test_search_over_many_blocks_finds_what_brute_force_finds(tmp_path):
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((70_000, 8)).astype(np.float32)
    index = VectorIndex.build(tmp_path, [str(i) for i in range(len(vectors))], vectors)
    rows, similarities = brute_force(vectors[:5], vectors, 12)
    result = index.search(vectors[:5], 12)
    np.testing.assert_array_equal(result.rows, rows)
    np.testing.assert_allclose(result.similarities, similarities, atol=1e-6)
    even = np.arange(len(vectors)) % 2 == 0
    index.remove([str(i) for i in np.flatnonzero(~even)[:1000]])
    allowed = np.ones(len(vectors), bool)
    allowed[np.flatnonzero(~even)[:1000]] = False
    rows, similarities = brute_force(vectors[:5], vectors, 12, allowed)
    result = index.search(vectors[:5], 12)
    assert result.ids.tolist() == [[str(row) for row in some] for some in rows]
    np.testing.assert_allclose(result.similarities, similarities, atol=1e-6)


def test_one_vector_is_one_query(index, vectors):
    result = index.search(vectors[5], 3)
    assert result.rows.shape == (1, 3)
    assert result.rows[0, 0] == 5


@pytest.mark.parametrize(
    ("where", "matches"),
    [
        ({"genre": "Rock"}, lambda row: row["genre"] == "Rock"),
        ({"genre": ["Rock", "Pop"]}, lambda row: row["genre"] in {"Rock", "Pop"}),
        ({"genre": ["Jazz"]}, lambda row: row["genre"] == "Jazz"),
        (
            {"genre": {"Jazz"}, "year": 1992},
            lambda row: row["genre"] == "Jazz" and row["year"] == 1992,
        ),
        (
            {"year": (1970, 1979)},
            lambda row: row["year"] and 1970 <= row["year"] <= 1979,
        ),
        ({"year": (None, 1961.5)}, lambda row: row["year"] and row["year"] <= 1961),
        ({"year": (2010, None)}, lambda row: row["year"] and row["year"] >= 2010),
        ({"year": None}, lambda row: row["year"] is None),
        ({"year": [None, 1970]}, lambda row: row["year"] in {None, 1970}),
        ({"tags": "demo"}, lambda row: "demo" in row["tags"]),
        ({"tags": ["demo", "live"]}, lambda row: bool(row["tags"])),
        ({"genre": ("J", "K")}, lambda row: row["genre"] == "Jazz"),
    ],
)
def test_filters_keep_what_python_keeps(index, vectors, columns, where, matches):
    table = pa.table(columns).to_pylist()
    allowed = np.array([bool(matches(row)) for row in table])
    rows, similarities = brute_force(vectors[:4], vectors, 5, allowed)
    result = index.search(vectors[:4], 5, where=where)
    np.testing.assert_array_equal(result.rows, rows)
    np.testing.assert_allclose(result.similarities, similarities, atol=1e-6)


@pytest.mark.parametrize(
    ("value", "found"),
    [(0.25, ["a"]), (float("nan"), ["b"]), (None, ["c"]), ([0.25, 1], ["a", "d"])],
)
def test_filters_tell_nan_from_no_value(tmp_path, value, found):
    columns = {"share": [0.25, float("nan"), None, 1.0]}
    index = VectorIndex.build(tmp_path, list("abcd"), np.eye(4), columns)
    result = index.search(np.ones(4), len(found), where={"share": value})
    assert result.ids[0].tolist() == found


def test_a_repeated_filter_is_not_mistaken_for_another(index, vectors, ids):
    long = np.arange(3000)
    for gone in (1500, 1501, 1500):
        years = np.where(long == gone, 1970, long % 1900)
        found = index.search(vectors[:1], N, where={"year": years}).ids[0]
        assert set(filter(None, found)) == {
            name
            for name, year in zip(ids, index.columns["year"].to_pylist(), strict=True)
            if year == 1970
        }
    query = {"year": (year for year in [1970, 1971])}
    first = index.search(vectors[:1], 5, where=query)
    again = index.search(vectors[:1], 5, where={"year": {1971, 1970}})
    assert first.ids.tolist() == again.ids.tolist()
    index.remove([first.ids[0, 0]])
    after = index.search(vectors[:1], 4, where={"year": [1970, 1971]})
    assert after.ids[0].tolist() == first.ids[0, 1:].tolist()


@pytest.mark.parametrize("n_queries", [1, 2, 40])
def test_few_copied_vectors_answer_like_the_segments(
    index, vectors, monkeypatch, n_queries
):
    index.add(["new-1", "new-2"], vectors[[5, 9]], {"year": [1970, 1971]})
    index.remove(["cover-10", "cover-70"])
    queries = vectors[:n_queries]
    options = [
        {"k": 6},
        {"k": 40},
        {"k": 6, "exclude_ids": ["cover-11", "new-1"]},
        {"k": 6, "exclude_ids": [["new-2", "cover-11"]] * n_queries},
        {"k": 6, "exclude_ids": index.ids[:300].tolist()},
    ]
    where = {"year": (1970, 1971)}

    def ask():
        return [index.search(queries, where=where, **some) for some in options]

    copied = ask()
    assert next(iter(index._snapshot.selections.values())).few is not None
    index._snapshot.selections.clear()
    monkeypatch.setattr(selection, "_KEPT_BYTES", 0)
    plain = ask()
    assert next(iter(index._snapshot.selections.values())).few is None
    for a, b in zip(copied, plain, strict=True):
        np.testing.assert_array_equal(a.rows, b.rows)
        np.testing.assert_array_equal(a.similarities, b.similarities)
        assert a.ids.tolist() == b.ids.tolist()
        assert a.notes == b.notes


def test_a_short_answer_says_why(index, vectors):
    result = index.search(vectors[:2], 10, where={"genre": "Rock", "year": 1990})
    n = int((result.rows[0] >= 0).sum())
    assert 0 < n < 10
    assert result.ids[0, n:].tolist() == [None] * (10 - n)
    assert np.isnan(result.similarities[0, n:]).all()
    assert f"{n} match {{'genre': 'Rock', 'year': 1990}}" in result.notes[0]


def test_no_queries_get_no_answers(index):
    result = index.search(np.zeros((0, D)), 3)
    assert result.ids.shape == result.rows.shape == result.similarities.shape == (0, 3)
    assert index.neighbours_of([], 3).notes == ()


def test_k_above_n_gives_all_and_says_why(index, vectors):
    result = index.search(vectors[:1], N + 5)
    assert (result.rows >= 0).sum() == N
    assert f"shorter than k={N + 5}: the index holds {N} items" in result.notes[0]


def test_excluded_ids_are_not_found(index, ids, vectors):
    nearest = index.search(vectors[:2], 4).ids
    result = index.search(vectors[:2], 4, exclude_ids=[nearest[0, 1], "unknown"])
    assert result.ids[0, 0] == nearest[0, 0]
    assert result.ids[0, 1] == nearest[0, 2]
    each = index.search(vectors[:2], 2, exclude_ids=[list(nearest[0, :3]), []])
    assert each.ids[0, 0] == nearest[0, 3]
    assert each.ids[1].tolist() == nearest[1, :2].tolist()
    many = index.search(vectors[:2], 2, exclude_ids=[ids[:50], ids[50:90]])
    allowed = np.arange(N) >= 50
    assert (
        many.rows[0].tolist()
        == brute_force(vectors[:1], vectors, 2, allowed)[0][0].tolist()
    )
    as_set = index.search(vectors[:2], 4, exclude_ids=set(nearest[0, 1:2]))
    assert as_set.ids.tolist() == result.ids.tolist()
    with pytest.raises(TypeError, match="must be a collection of ids, got 'cover-1'"):
        index.search(vectors[:1], exclude_ids="cover-1")
    with pytest.raises(ValueError, match="3 sequences for 2 queries"):
        index.search(vectors[:2], 2, exclude_ids=[[], [], ["a"]])


def test_neighbours_leave_the_item_itself_out(index, ids, vectors):
    result = index.neighbours_of(ids[10:14], 6, where={"genre": "Pop"})
    for number, row in enumerate(range(10, 14)):
        allowed = (np.arange(N) % 3 == 1) & (np.arange(N) != row)
        rows, _ = brute_force(vectors[row : row + 1], vectors, 6, allowed)
        assert result.rows[number].tolist() == rows[0].tolist()
    near = index.neighbours_of(["cover-3"], 3).ids[0].tolist()
    assert (
        index.neighbours_of(["cover-3"], 2, exclude_ids=near[:1]).ids[0].tolist()
        == near[1:]
    )
    with pytest.raises(ValueError, match=r"1 ids are not in index .*'cover-x'"):
        index.neighbours_of(["cover-1", "cover-x"])


def test_identical_vectors_come_in_the_order_of_their_rows(tmp_path):
    index = VectorIndex.build(tmp_path, list("abcdef"), np.ones((6, 3)))
    result = index.neighbours_of(["c"], 5)
    assert result.ids[0].tolist() == list("abdef")
    np.testing.assert_allclose(result.similarities, 1, atol=1e-6)


def test_add_update_and_remove_answer_like_a_fresh_index(index, ids, vectors):
    rng = np.random.default_rng(4)
    more = rng.standard_normal((40, D))
    change = index.add([f"new-{i}" for i in range(40)], more, {"genre": ["Folk"] * 40})
    assert (change.added, change.n_items, change.generation) == (40, N + 40, 2)
    change = index.update(["cover-1", "other"], more[:2] * 3, {"year": [2001, 2002]})
    assert (change.added, change.updated, change.n_items) == (1, 1, N + 41)
    change = index.remove(ids[100:300])
    assert (change.removed, change.n_items) == (200, N - 159)
    expected = dict(zip(ids, vectors, strict=True))
    expected |= {f"new-{i}": vector for i, vector in enumerate(more)}
    expected |= {"cover-1": more[0], "other": more[1]}
    for name in ids[100:300]:
        del expected[name]
    assert set(index.ids) == set(expected)
    np.testing.assert_allclose(
        index.vectors, unit(np.stack([expected[name] for name in index.ids])), atol=1e-6
    )
    rows, similarities = brute_force(
        more, np.stack([expected[name] for name in index.ids]), 7
    )
    result = index.search(more, 7)
    np.testing.assert_allclose(result.similarities, similarities, atol=1e-6)
    untied = np.abs(np.diff(similarities, axis=1)).min(axis=1) > 1e-6
    np.testing.assert_array_equal(result.rows[untied], rows[untied])
    table = dict(zip(index.ids, index.columns.to_pylist(), strict=True))
    assert table["cover-1"] == {"genre": "Pop", "year": 2001, "tags": ["live"]}
    assert table["other"] == {"genre": None, "year": 2002, "tags": None}
    assert table["new-3"] == {"genre": "Folk", "year": None, "tags": None}
    reopened = VectorIndex.open(index.folder)
    assert reopened.ids.tolist() == index.ids.tolist()
    np.testing.assert_array_equal(reopened.search(more, 7).rows, result.rows)
    assert reopened.verify().ok


def test_an_update_removes_others_in_the_same_step(index, ids, vectors):
    more = -vectors[:3]
    options = {"remove": ["cover-5", "cover-7", "cover-5"]}
    dry = index.update(["cover-1", "x", "y"], more, **options, dry_run=True)
    change = index.update(["cover-1", "x", "y"], more, **options)
    for said in (dry, change):
        assert (said.added, said.updated, said.removed) == (2, 1, 2)
        assert said.n_items == N
    assert change.generation == 2
    left = [name for name in ids if name not in {"cover-1", "cover-5", "cover-7"}]
    assert sorted(index.ids) == sorted([*left, "cover-1", "x", "y"])
    assert index.search(more[0], 1).ids[0].tolist() == ["cover-1"]
    assert index.update([], np.zeros((0, D)), remove=["x"]).n_items == N - 1
    assert index.verify().ok
    with pytest.raises(ValueError, match="1 ids are to be put and removed: 'y'"):
        index.update(["y"], vectors[:1], remove=["y"])
    with pytest.raises(ValueError, match=r"1 ids are not in index .*'cover-5'"):
        index.update(["y"], vectors[:1], remove=["cover-5"])
    index.rollback(2)
    assert len(index) == N


@pytest.mark.parametrize("some", [slice(3, 5), slice(0, 500)])
def test_columns_change_without_their_vectors(index, ids, vectors, some):
    index.remove(["cover-4"]) if some.stop > 100 else None
    chosen = [name for name in ids[some] if name in index]
    change = index.update_columns(
        chosen, {"genre": ["Polka"] * len(chosen), "label": chosen}
    )
    assert change.updated == len(chosen)
    table = dict(zip(index.ids, index.columns.to_pylist(), strict=True))
    assert {table[name]["genre"] for name in chosen} == {"Polka"}
    assert table["cover-3"] == {
        "genre": "Polka",
        "year": 1963,
        "tags": [],
        "label": "cover-3",
    }
    assert table["cover-599"]["label"] is None
    np.testing.assert_allclose(
        index.reconstruct(["cover-3"]), unit(vectors[3:4]), atol=1e-6
    )
    assert len(
        index.search(vectors[:1], 1000, where={"genre": "Polka"}).ids[0].nonzero()[0]
    ) == len(chosen)
    assert index.verify().ok


def test_rows_reconstruct_and_iterate_agree(index, ids):
    index.remove(ids[5:9])
    index.update(ids[20:23], np.eye(3, D), {"year": [1, 2, 3]})
    rows = index.rows_of(["cover-22", "cover-6", "cover-599"])
    assert rows[1] == -1
    assert index.ids[rows[0]] == "cover-22"
    np.testing.assert_array_equal(index.vectors[rows[0]], np.eye(3, D)[2])
    np.testing.assert_array_equal(
        index.reconstruct(["cover-599"])[0], index.vectors[rows[2]]
    )
    batches = list(index.batches(100))
    assert [name for batch in batches for name in batch.ids] == index.ids.tolist()
    np.testing.assert_array_equal(
        np.concatenate([b.vectors for b in batches]), index.vectors
    )
    assert (
        pa.concat_tables([b.columns for b in batches]).to_pylist()
        == index.columns.to_pylist()
    )
    assert "cover-6" not in index
    assert "cover-7" not in index
    assert "cover-22" in index


def test_vectors_are_mapped_after_a_build(index):
    import mmap

    base = index.vectors
    while isinstance(base, np.ndarray):
        assert not base.flags.writeable
        base = base.base
    assert isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)


def test_dry_runs_count_and_write_nothing(index, ids, vectors):
    before = sorted(path.name for path in index.folder.rglob("*"))
    assert index.add(["x"], vectors[:1], dry_run=True).added == 1
    assert index.update(["x", ids[0]], vectors[:2], dry_run=True).updated == 1
    assert index.remove(ids[:5], dry_run=True).n_items == N - 5
    assert index.update_columns(ids[:5], {"a": range(5)}, dry_run=True).updated == 5
    assert index.compact(dry_run=True).is_dry_run
    assert index.rebuild("IVF4,Flat", dry_run=True).is_dry_run
    assert sorted(path.name for path in index.folder.rglob("*")) == before
    assert index.generation == 1
    with pytest.raises(ValueError, match="in the index already: 'cover-0'"):
        index.add(ids[:1], vectors[:1], dry_run=True)


def test_nothing_to_do_makes_no_generation(index, vectors):
    assert index.add([], np.zeros((0, D))).generation == 1
    assert index.update([], []).generation == 1
    assert index.remove([]).generation == 1
    assert index.remove(["nobody"], missing="ignore").generation == 1
    assert index.compact().generation == 1
    assert index.add([], [], fingerprints={"model": "m2"}).generation == 2
    assert index.fingerprints == {"model": "m2"}


def test_fingerprints_are_compared_on_opening(tmp_path, ids, vectors):
    VectorIndex.build(tmp_path, ids, vectors, fingerprints={"model": "3f9a"})
    assert VectorIndex.open(tmp_path, expect={"model": "3f9a"}).generation == 1
    with pytest.raises(IndexMismatchError, match="model '3f9a', expected '77c1'"):
        VectorIndex.open(tmp_path, expect={"model": "77c1"})
    with pytest.raises(IndexMismatchError, match="with data None, expected 'x'"):
        VectorIndex.open(tmp_path, expect={"data": "x"})


def test_an_empty_index_answers_and_grows(tmp_path):
    index = VectorIndex.build(
        tmp_path, [], np.zeros((0, 5)), {"genre": pa.array([], pa.string())}
    )
    result = index.search(np.ones((2, 5)), 3, where={"genre": "Rock"})
    assert result.ids.tolist() == [[None] * 3] * 2
    assert "the index holds 0 items" in result.notes[0]
    assert index.vectors.shape == (0, 5)
    assert index.columns.column_names == ["genre"]
    assert index.verify().ok
    assert index.neighbours_of([], 3).ids.shape == (0, 3)
    index.add(["a"], np.ones((1, 5)), {"genre": ["Rock"]})
    assert VectorIndex.open(tmp_path).search(np.ones(5), 1).ids.tolist() == [["a"]]
    index.remove(["a"])
    assert len(index) == 0
    assert index.search(np.ones(5), 1).ids.tolist() == [[None]]
    assert index.verify().ok


def test_data_frames_and_dictionaries_become_plain_columns(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"genre": pd.Categorical(["Rock", "Pop"]), "n": [1.5, None]})
    index = VectorIndex.build(tmp_path, pd.Series(["a", "b"]), np.eye(2), frame)
    assert index.columns.schema.field("genre").type in {pa.string(), pa.large_string()}
    assert index.search(np.ones(2), 2, where={"genre": "Pop"}).ids[0, 0] == "b"
    index.add(
        pa.array(["c"]), [[1, 1]], {"genre": pa.array(["Ska"]).dictionary_encode()}
    )
    assert index.columns["genre"].to_pylist() == ["Rock", "Pop", "Ska"]


def test_the_example_in_the_docstring_is_true():
    import doctest

    from indexer import index

    outcome = doctest.testmod(index)
    assert outcome.attempted > 3
    assert outcome.failed == 0


def test_searching_a_small_index_imports_nothing_heavy(index):
    code = (
        "import sys; from indexer import VectorIndex\n"
        f"index = VectorIndex.open({str(index.folder)!r})\n"
        "where = {'genre': ['Rock', 'Pop'], 'year': (1960, 2000), 'tags': 'live'}\n"
        "assert index.neighbours_of(['cover-3'], 5, where=where).ids[0, 0]\n"
        "heavy = {'faiss', 'pandas', 'sklearn', 'torch', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
