"""What every store of vectors promises, asked of each: a folder, and a real PostgreSQL."""

from __future__ import annotations

import threading
import time
from datetime import date, datetime
from itertools import count

import numpy as np
import pyarrow as pa
import pytest

from indexer import (
    Batch,
    IndexBusyError,
    IndexerError,
    IndexHistoryError,
    IndexMismatchError,
    IndexNotFoundError,
    IndexReadError,
    build_store,
    open_store,
)
from indexer.vectors import cosine_similarities, unit_rows

pytest_plugins = ["postgres_server"]

N, D, K = 12_000, 24, 50
GENRES = [f"genre {number}" for number in range(15)]
LIMIT = 3_000  # above it a graph proposes; in use it is 65,000
KINDS = ["folder", "postgresql"]
_numbers = count()


@pytest.fixture(params=KINDS)
def new_address(request, tmp_path):
    """Give addresses where nothing is yet."""
    kind = request.param

    def give():
        name = f"t{next(_numbers)}"
        if kind == "folder":
            return str(tmp_path / name)
        return request.getfixturevalue("postgres").address(name)

    give.kind = kind
    return give


def options(kind, limit=LIMIT):
    return {} if kind == "folder" else {"exact_up_to": limit}


@pytest.fixture(scope="module")
def drawn():
    """Items whose genres, decades and artists are seen in their vectors."""
    rng = np.random.default_rng(0)
    genre = rng.integers(0, len(GENRES), N)
    year = 1960 + 10 * rng.integers(0, 8, N) + rng.integers(0, 10, N)
    centres = rng.standard_normal((len(GENRES), D))
    decades = rng.standard_normal((8, D))
    vectors = centres[genre] + 0.5 * decades[(year - 1960) // 10]
    vectors = unit_rows((vectors + rng.standard_normal((N, D))).astype(np.float32))
    is_unknown = rng.random(N) < 0.1
    columns = {
        "genres": [
            [GENRES[g], "all"] if row % 5 else [GENRES[g]]
            for row, g in enumerate(genre)
        ],
        "year": [
            None if gone else int(y) for y, gone in zip(year, is_unknown, strict=True)
        ],
        "artist": ["one" if row % 857 == 3 else f"artist {row}" for row in range(N)],
        "is_live": [bool(row % 2) for row in range(N)],
        "score": [row / 7 for row in range(N)],
    }
    ids = [f"{row:05x}" for row in range(N)]
    return ids, vectors, columns


@pytest.fixture(scope="module", params=KINDS)
def store(request, drawn, tmp_path_factory):
    """A store of all that was drawn; no test here changes it."""
    ids, vectors, columns = drawn
    if request.param == "folder":
        address = str(tmp_path_factory.mktemp("stores") / "drawn")
    else:
        address = request.getfixturevalue("postgres").address("drawn")
    return build_store(
        address,
        ids,
        vectors,
        columns,
        fingerprints={"model": "m"},
        **options(request.param),
    )


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


def small(new_address, n=40, **more):
    rng = np.random.default_rng(2)
    vectors = unit_rows(rng.standard_normal((n, 4)).astype(np.float32))
    ids = [f"i{number}" for number in range(n)]
    columns = {"part": [number % 4 for number in range(n)], "name": ids}
    made = build_store(
        new_address(), ids, vectors, columns, fingerprints={"model": "m"}, **more
    )
    return made, ids, vectors


def test_a_change_is_one_step(new_address):
    store, _, vectors = small(new_address)
    before = store.generation
    new = Batch(
        np.array(["new", "i3"], object),
        vectors[:2] * 7,
        pa.table({"part": [9, 9], "mood": ["glad", None]}),
    )
    change = store.apply(upsert=new, remove=["i5", "i6"], fingerprints={"c": "d"})
    assert (change.added, change.updated, change.removed) == (1, 1, 2)
    assert change.n_items == len(store) == 39
    assert change.generation == store.generation > before
    again = open_store(store.address, expect={"model": "m", "c": "d"})
    got = again.get(["new", "i3", "i4"])
    np.testing.assert_allclose(got.vectors, vectors[[0, 1, 4]], atol=1e-7)
    assert got.columns.to_pydict() == {
        "part": [9, 9, 0],
        "name": [None, "i3", "i4"],
        "mood": ["glad", None, None],
    }
    with pytest.raises(ValueError, match=r"1 ids are not in .*'i5'"):
        again.apply(upsert=new, remove=["i5"])
    with pytest.raises(ValueError, match="put and removed"):
        again.apply(upsert=new, remove=["i3"])
    bad = Batch(new.ids, new.vectors, pa.table({"part": ["x", "y"]}))
    with pytest.raises(ValueError, match="'part'"):
        again.apply(upsert=bad)
    assert open_store(store.address).generation == change.generation
    changed = again.update_columns(["i7"], {"part": [3], "name": ["seven"]})
    assert changed.updated == 1
    assert again.get(["i7"]).columns["name"].to_pylist() == ["seven"]
    with pytest.raises(ValueError, match="1 ids are not in"):
        again.update_columns(["nothing"], {"part": [3]})
    assert store.refresh()
    assert store.generation == changed.generation
    assert store.verify().ok


def test_an_opened_store_is_held_to_what_it_was_made_with(new_address):
    store, _, _ = small(new_address)
    with pytest.raises(IndexMismatchError, match="model 'm', expected 'n'"):
        open_store(store.address, expect={"model": "n"})
    with pytest.raises(IndexNotFoundError, match="no index in"):
        open_store(new_address())


def test_nothing_one_item_and_no_columns(new_address):
    store = build_store(new_address(), [], np.zeros((0, 3)))
    assert len(store) == 0
    found = store.search(np.ones(3), 2)
    assert found.ids.tolist() == [[None, None]]
    assert "the index holds 0 items" in found.notes[0]
    assert list(store.batches()) == []
    assert store.verify().ok
    one = Batch(np.array(["é'\"%"], object), np.ones((1, 3)), None)
    store.apply(upsert=one)
    assert store.search(np.ones(3), 1).ids.tolist() == [["é'\"%"]]
    assert store.search(np.ones(3), 1).hits().columns.num_rows == 1
    store.replace(["b"], np.ones((1, 2)), {"year": [None]})
    assert (len(store), store.dimension) == (1, 2)


def test_columns_keep_their_types(new_address):
    moment = datetime(2001, 2, 3, 4, 5, 6)
    columns = pa.table(
        {
            "small": pa.array([1, None], pa.int8()),
            "real": pa.array([0.5, None], pa.float32()),
            "day": pa.array([date(1999, 12, 31), None], pa.date32()),
            "moment": pa.array([moment, None], pa.timestamp("us")),
            "abroad": pa.array([moment, None], pa.timestamp("us", "UTC")),
            "wide": pa.array(["ü \\ {,}", None], pa.large_string()),
            "counts": pa.array([[1, None, 3], []], pa.list_(pa.int32())),
            "nothing": pa.nulls(2),
        }
    )
    store = build_store(new_address(), ["a", "b"], np.eye(2), columns)
    found = open_store(store.address).get(["a", "b"]).columns
    assert found.schema == columns.schema
    assert found.to_pydict() == columns.to_pydict()
    assert store.ids_where({"day": (date(1999, 1, 1), None)}) == ["a"]
    assert store.ids_where({"counts": [3]}) == ["a"]


def test_a_reader_sees_the_old_state_or_the_new_never_between(new_address):
    n_moved = 1_000
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((n_moved, 16)).astype(np.float32)
    state = [{f"old {n}" for n in range(n_moved)}, {f"new {n}" for n in range(n_moved)}]
    moving = {"moves": [True] * n_moved}
    store = build_store(new_address(), sorted(state[0]), vectors, moving)
    seen, errors, done = [], [], threading.Event()

    def read():
        reader = open_store(store.address)
        try:
            while not done.is_set():
                reader.refresh()
                found = reader.search(vectors[0], 2 * n_moved, where={"moves": True})
                seen.append(set(found.hits().ids))
        except IndexerError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for turn in range(4):
        old, new = state[turn % 2], state[1 - turn % 2]
        batch = Batch(np.array(sorted(new), object), vectors, pa.table(moving))
        store.apply(upsert=batch, remove=sorted(old))
    for turn in range(2):
        store.replace(sorted(state[turn % 2]), vectors, moving)
    done.set()
    thread.join()
    assert errors == []
    assert len(seen) > 5
    assert all(one in state for one in seen)


@pytest.fixture(scope="module")
def own_server():
    from postgres_server import Server

    server = Server()
    yield server
    server.stop()


def test_counts_stay_when_the_server_is_killed(own_server):
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((2_000, 16)).astype(np.float32)
    ids = [f"i{n}" for n in range(2_000)]
    address = own_server.address("killed")
    store = build_store(
        address, ids, vectors, {"n": list(range(2_000))}, exact_up_to=500
    )
    sizes = {2_000}

    errors = []

    def write_until_killed():
        try:
            for number in range(10_000):
                ids = np.array([f"more {number}", "i1"], object)
                new = Batch(ids, vectors[:2], pa.table({"n": [1, 2]}))
                sizes.add(store.apply(upsert=new).n_items)
        except IndexerError as error:
            errors.append(error)

    thread = threading.Thread(target=write_until_killed)
    thread.start()
    while len(sizes) < 4 and thread.is_alive():
        time.sleep(0.01)
    own_server.kill()
    thread.join()
    assert len(errors) == 1
    published = len(store)
    with pytest.raises(IndexReadError, match=r"cannot be reached: .*is it running"):
        open_store(address)
    own_server.start()
    again = open_store(address)
    assert published <= len(again) <= published + 1
    assert store.verify().ok
    assert sum(len(part) for part in again.batches()) == len(again)
    assert again.search(vectors[7], 1).ids.tolist() == [["i7"]]


def test_a_table_of_somebody_else_is_refused_and_left_alone(postgres):
    import psycopg

    with psycopg.connect(
        host=str(postgres.folder), user="tester", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("CREATE TABLE accounts AS SELECT 7 AS money")
        with pytest.raises(IndexMismatchError, match="no store of vectors"):
            build_store(postgres.address("accounts"), ["a"], np.ones((1, 2)))
        assert connection.execute("SELECT money FROM accounts").fetchall() == [(7,)]


def test_what_a_table_cannot_do_is_told(postgres):
    store, ids, vectors = small(lambda: postgres.address("told"))
    with pytest.raises(IndexHistoryError, match=r"keeps no older generations.*pg_dump"):
        store.rollback()
    with pytest.raises(ValueError, match="'auto' or 'exact'"):
        build_store(store.address, ids, vectors, structure="IVF8,Flat")
    for name in ("embedding", "100 %"):
        with pytest.raises(ValueError, match="cannot have a column called"):
            build_store(store.address, ids, vectors, {name: ids})
    with pytest.raises(ValueError, match="which a store on PostgreSQL cannot keep"):
        build_store(store.address, ids, vectors, {"x": [{"a": 1}] * len(ids)})
    assert len(open_store(store.address)) == len(ids)


def test_writers_take_turns(postgres):
    import psycopg

    from indexer.remote.address import read_address
    from indexer.remote.postgres.writing import lock_store

    store, _, vectors = small(lambda: postgres.address("busy"), lock_timeout_s=0.2)
    with psycopg.connect(
        host=str(postgres.folder), user="tester", dbname="postgres"
    ) as other:
        lock_store(other, read_address(store.address), 1)
        with pytest.raises(IndexBusyError, match="another process keeps writing"):
            store.apply(remove=["i1"])
        assert len(store.search(vectors[0], 3).hits()) == 3
    assert store.apply(remove=["i1"]).removed == 1


def test_damage_is_named(postgres):
    import psycopg

    store, _, _ = small(lambda: postgres.address("damaged"))
    with psycopg.connect(
        host=str(postgres.folder), user="tester", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("DELETE FROM damaged WHERE id = 'i4'")
        connection.execute("UPDATE damaged SET embedding = '[3,0,0,0]' WHERE id = 'i5'")
    told = [problem.what for problem in store.verify().problems]
    assert "it holds 39 items" in told[0]
    assert "1 vectors have not length one" in told[1]


def test_wide_vectors_are_searched_too(postgres):
    rng = np.random.default_rng(5)
    for width in (2_100, 4_100):
        vectors = unit_rows(rng.standard_normal((60, width)).astype(np.float32))
        ids = [f"i{n}" for n in range(60)]
        store = build_store(
            postgres.address(f"wide{width}"), ids, vectors, exact_up_to=10
        )
        found = store.search(vectors[:3], 5)
        assert found.ids[:, 0].tolist() == ids[:3]
        true = np.sort(vectors[:3] @ vectors.T, axis=1)[:, ::-1][:, :5]
        np.testing.assert_allclose(found.similarities, true, atol=1e-5)
