"""What every store of vectors promises, asked of each: a folder, a real PostgreSQL, a real Milvus."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from store_kinds import GENRES, KINDS, SERVERS, D, K, N

from indexer import IndexMismatchError, build_store
from indexer.vectors import cosine_similarities, unit_rows

FILTERS = {
    "none": (None, lambda c: True),
    "two genres": (
        {"genres": GENRES[:2]},
        lambda c: bool(set(GENRES[:2]) & set(c["genres"])),
    ),
    "genre and decade": (
        {"genres": GENRES[3], "year": (1970, 1979)},
        lambda c: GENRES[3] in c["genres"] and 1970 <= (c["year"] or 0) <= 1979,
    ),
    "year unknown": ({"year": None}, lambda c: c["year"] is None),
    "one artist": ({"artist": "one"}, lambda c: c["artist"] == "one"),
}


@pytest.mark.parametrize("name", FILTERS)
def test_searches_find_the_true_neighbours_and_say_where_they_are_short(
    store, drawn, name
):
    ids, vectors, columns = drawn
    where, holds = FILTERS[name]
    rows = [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]
    allowed = np.flatnonzero([holds(row) for row in rows])
    rng = np.random.default_rng(1)
    queries = unit_rows(rng.standard_normal((12, D)).astype(np.float32))
    found = store.search(queries, K, where=where)
    n_true = min(K, len(allowed))
    shares = []
    for query, got, numbers in zip(queries, found.ids, found.similarities, strict=True):
        exact = vectors[allowed] @ query
        true = {ids[row] for row in allowed[np.argsort(-exact)[:n_true]]}
        got = [one for one in got if one is not None]
        assert len(got) == n_true
        shares.append(len(true.intersection(got)) / n_true)
        own = np.array([int(one, 16) for one in got])
        expected = cosine_similarities(query[None], vectors[own])[0]
        np.testing.assert_array_equal(numbers[: len(got)], expected)
        assert set(own) <= set(allowed.tolist())
    assert np.mean(shares) >= 0.99, shares
    assert bool(found.notes) == (n_true < K)
    if n_true < K:
        assert np.isnan(found.similarities[:, n_true:]).all()
        assert f"{n_true} match" in found.notes[0]


def test_a_filter_with_too_many_matches_is_exact_or_says_that_it_may_not_be(
    store, drawn
):
    _, vectors, _ = drawn
    where = {"is_live": True}
    queries = vectors[:5]
    sure = store.search(queries, K, where=where, exact=True)
    assert sure.notes == ()
    true = np.sort(queries @ vectors[1::2].T, axis=1)[:, ::-1][:, :K]
    np.testing.assert_allclose(sure.similarities, true, atol=1e-6)
    found = store.search(queries, K, where=where)
    shares = [
        len(set(a) & set(b)) / K for a, b in zip(found.ids, sure.ids, strict=True)
    ]
    assert min(shares) == 1 or "may be missing" in found.notes[0]
    assert (found.ids != None).all()  # noqa: E711


def test_results_carry_the_columns_of_their_hits(store, drawn):
    ids, vectors, columns = drawn
    found = store.search(vectors[:2], 3, where={"artist": "one"})
    for query in range(2):
        hits = found.hits(query)
        rows = [ids.index(one) for one in hits.ids]
        assert hits.columns.to_pydict() == {
            name: [values[row] for row in rows] for name, values in columns.items()
        }
    short = store.search(vectors[0], 20, where={"artist": "one"})
    assert short.columns.num_rows == 20
    assert short.columns["artist"].to_pylist()[14:] == [None] * 6
    assert len(short.hits()) == 14


def test_what_is_stored_is_given_back(store, drawn):
    ids, vectors, columns = drawn
    assert (len(store), store.dimension) == (N, D)
    assert store.fingerprints == {"model": "m"}
    assert store.schema.names == list(columns)
    some = store.get([ids[7], ids[2]])
    assert some.ids.tolist() == [ids[7], ids[2]]
    np.testing.assert_array_equal(some.vectors, vectors[[7, 2]])
    assert some.columns["genres"].to_pylist() == [columns["genres"][n] for n in (7, 2)]
    assert store.get([ids[7]], with_vectors=False).vectors.shape == (1, 0)
    parts = list(store.batches(5_000))
    assert [len(part) for part in parts] == [5_000, 5_000, 2_000]
    assert [one for part in parts for one in part.ids] == ids
    np.testing.assert_array_equal(np.concatenate([p.vectors for p in parts]), vectors)
    read = pa.concat_tables(p.columns for p in store.batches(7_000, with_vectors=False))
    assert read.to_pydict() == columns
    assert ids[5] in store
    assert "nothing" not in store
    assert store.ids_beginning("0012", most=20) == [f"0012{n:x}" for n in range(16)]
    assert store.ids_beginning("0012") == ["00120", "00121"]
    wanted = [ids[n] for n in range(N) if columns["artist"][n] == "one"]
    assert sorted(store.ids_where({"artist": "one"})) == wanted
    assert store.distinct("genres") == {*GENRES, "all"}
    assert store.distinct("year") == set(columns["year"]) - {None}
    assert store.has_values("year")
    assert not store.has_values("nothing")
    some = next(store.batches(3, with_vectors=False, columns=("year", "x")))
    assert some.columns.to_pydict() == {"year": columns["year"][:3]}
    with pytest.raises(ValueError, match=r"1 ids are not in .*'nothing'"):
        store.get(["nothing"])


FORMS = [
    {"year": (1965, None)},
    {"year": (None, 1964.5)},
    {"year": [1961, None]},
    {"genres": ["all", "no such"], "is_live": False},
    {"score": (3, 4)},
    {"artist": []},
    {"artist": ["artist 5", "artist 6"]},
    {"artist": ("artist 1", "artist 10")},
]


@pytest.mark.parametrize("where", FORMS, ids=str)
def test_filters_mean_the_same_everywhere(store, drawn, where):
    from indexer.filters import check_where, match_rows

    ids, _, columns = drawn
    table = pa.table(columns)
    mask = match_rows(table, check_where(where, table.schema), table.schema)
    expected = [ids[row] for row in np.flatnonzero(mask)]
    assert sorted(store.ids_where(where)) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"x": 0.0}, ["zero", "minus zero"]),
        ({"x": -0.0}, ["zero", "minus zero"]),
        ({"x": (0, None)}, ["one", "zero", "minus zero"]),
        ({"x": (None, 0)}, ["zero", "minus zero"]),
        ({"x": (float("nan"), None)}, []),
    ],
    ids=str,
)
def test_zeros_are_alike_and_no_number_lies_in_no_range(numbers, where, expected):
    assert sorted(numbers.ids_where(where)) == sorted(expected)


@pytest.fixture(scope="module", params=KINDS)
def numbers(request, tmp_path_factory):
    values = {"one": 1.0, "zero": 0.0, "minus zero": -0.0, "nan": np.nan, "null": None}
    address = str(tmp_path_factory.mktemp("stores") / "numbers")
    if request.param != "folder":
        address = request.getfixturevalue(SERVERS[request.param]).address("numbers")
    return build_store(address, list(values), np.eye(5), {"x": list(values.values())})


def test_what_is_no_text_or_no_number_of_neighbours_is_refused_alike(numbers):
    with pytest.raises(ValueError, match="at most 16,777,216"):
        numbers.search(np.eye(5), 10**9)
    with pytest.raises(ValueError, match=r"NUL|surrogates"):
        numbers.apply(fingerprints={"a": "\0\ud800"})
    for wrong in (0, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"target_recall must lie in \(0, 1\]"):
            build_store(numbers.address, ["a"], np.eye(1), target_recall=wrong)
    assert len(numbers) == 5


def test_notes_are_alike_and_short(numbers):
    (note,) = numbers.search(np.ones(5), 9, where={"x": {1.0}}).notes
    assert "1 match {'x': [1.0]} and may be found" in note
    many = {"x": [float(one) for one in range(5_000)]}
    (note,) = numbers.search(np.ones(5), 9, where=many).notes
    assert len(note) < 500


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"nothing": 1}, "unknown column 'nothing'"),
        ({"year": "old"}, "'year' does not fit"),
        ({"genres": (1, 2)}, "ranges are for plain columns"),
        ({"year": (1, 2, 3)}, "two ends"),
    ],
)
def test_wrong_filters_are_refused_alike(store, drawn, where, message):
    with pytest.raises(ValueError, match=message):
        store.search(drawn[1][0], where=where)


def test_what_is_left_out_is_not_found(store, drawn):
    ids, vectors, _ = drawn
    nearest = store.search(vectors[:3], 4).ids
    assert nearest[:, 0].tolist() == ids[:3]
    for_all = store.search(vectors[:3], 4, exclude_ids=[*ids[:3], "unknown"]).ids
    np.testing.assert_array_equal(for_all[:, :3], nearest[:, 1:])
    each = store.search(vectors[:3], 3, exclude_ids=nearest[:, :2].tolist()).ids
    np.testing.assert_array_equal(each[:, :2], nearest[:, 2:])
    np.testing.assert_array_equal(store.neighbours_of(ids[:3], 3).ids, nearest[:, 1:])
    with pytest.raises(ValueError, match="2 sequences for 3 queries"):
        store.search(vectors[:3], exclude_ids=[["a"], ["b"]])
    with pytest.raises(IndexMismatchError, match="the index has 24"):
        store.search(vectors[:1, :3])
    with pytest.raises(ValueError, match="at least 1"):
        store.search(vectors[0], 0)


def test_checks_find_nothing_wrong(store):
    report = store.verify()
    assert report.ok, report.problems
    info = store.info()
    assert (info["n"], info["ok"], info["fingerprints"]) == (N, True, {"model": "m"})
    assert info["recall_at_k"] >= 0.99
