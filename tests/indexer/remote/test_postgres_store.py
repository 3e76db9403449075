"""What only a store on PostgreSQL does, or cannot do."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from store_kinds import small

from indexer import (
    Batch,
    IndexBusyError,
    IndexDamagedError,
    IndexHistoryError,
    IndexMismatchError,
    IndexWriteError,
    build_store,
    open_store,
)
from indexer.vectors import unit_rows


def test_a_table_of_somebody_else_is_refused_and_left_alone(postgres):
    import psycopg

    with psycopg.connect(
        host=str(postgres.folder), user="tester", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("CREATE TABLE accounts AS SELECT 7 AS money")
        with pytest.raises(IndexMismatchError, match="no store of vectors"):
            build_store(postgres.address("accounts"), ["a"], np.ones((1, 2)))
        assert connection.execute("SELECT money FROM accounts").fetchall() == [(7,)]


def connect(postgres, **more):
    import psycopg

    given = {"user": "tester", "dbname": "postgres", "autocommit": True, **more}
    return psycopg.connect(host=str(postgres.folder), **given)


def test_no_table_of_a_name_that_is_alike_is_touched(postgres):
    """A build once filled, and dropped before, a table called by its own name and _new."""
    beside, *_ = small(lambda: postgres.address("sleeves_new"))
    with connect(postgres) as connection:
        connection.execute("CREATE TABLE prints_new AS SELECT 7 AS money")
        for _ in range(2):
            small(lambda: postgres.address("sleeves"))
            small(lambda: postgres.address("prints"))
        found = connection.execute("SELECT money FROM prints_new").fetchall()
        assert found == [(7,)]
    assert len(beside.search(np.ones(4), 3).hits()) == 3


def test_two_tables_whose_long_names_begin_alike(postgres):
    begin = "the_music_library_of_a_radio_station"
    for end in ("day", "night"):
        store, *_ = small(lambda end=end: postgres.address(f"{begin}_{end}"))
        assert len(store) == 40


def test_two_tables_of_somebody_else_whose_names_fit_are_left_alone(postgres):
    with connect(postgres) as connection:
        connection.execute("CREATE TABLE albums AS SELECT 7 AS money")
        connection.execute("CREATE TABLE albums_about AS SELECT 1 AS generation")
        for do in (open_store, lambda at: build_store(at, ["a"], np.ones((1, 2)))):
            with pytest.raises(IndexMismatchError, match="no store of vectors, or"):
                do(postgres.address("albums"))
        assert connection.execute("SELECT money FROM albums").fetchall() == [(7,)]


def test_without_pgvector_it_is_told_who_can_add_it(postgres):
    with connect(postgres) as connection:
        connection.execute("CREATE ROLE owner LOGIN")
        connection.execute("CREATE DATABASE bare OWNER owner")
    address = postgres.address("covers").replace("/postgres?", "/bare?")
    address = address.replace("tester@", "owner@")
    with pytest.raises(IndexWriteError, match="run 'CREATE EXTENSION vector'"):
        build_store(address, ["a"], np.ones((1, 2)))


@pytest.mark.parametrize(
    "change",
    [
        "structure = '[]'",
        """structure = '{"x": 1}'""",
        "fingerprints = '[1]'",
        "columns = 'garbage'",
    ],
)
def test_what_somebody_else_wrote_about_a_store_is_damage(postgres, change):
    store, *_ = small(lambda: postgres.address("written"))
    with connect(postgres) as connection:
        connection.execute(f"UPDATE written_about SET {change}")
    with pytest.raises(IndexDamagedError, match=r"what store .* says of itself"):
        store.search(np.ones(4))


def test_vectors_of_another_length_than_is_said_are_damage(postgres):
    store, *_ = small(lambda: postgres.address("lengths"))
    with connect(postgres) as connection:
        connection.execute("UPDATE lengths_about SET dimension = 9")
    with pytest.raises(IndexDamagedError, match="9 dimensions"):
        store.verify()


def test_text_with_a_nul_is_told_or_not_found(postgres):
    store, ids, vectors = small(lambda: postgres.address("nul"))
    bad = {"ids": (["a\0"], {}), "column 'name'": (["a"], {"name": ["x\0"]})}
    for where, (names, columns) in bad.items():
        new = Batch(np.array(names, object), vectors[:1], pa.table(columns))
        with pytest.raises(ValueError, match=f"NUL.*{where.removesuffix('s')}"):
            store.apply(upsert=new)
        with pytest.raises(ValueError, match="NUL"):
            build_store(store.address, names, vectors[:1], columns)
    with pytest.raises(ValueError, match="1 ids are not in store"):
        store.apply(remove=["a\0"])
    found = store.search(vectors[0], 3, exclude_ids=["a\0"])
    assert found.ids[0, 0] == ids[0]
    assert len(store) == 40


def test_what_a_table_cannot_do_is_told(postgres):
    store, ids, vectors = small(lambda: postgres.address("told"))
    with pytest.raises(IndexHistoryError, match=r"keeps no older generations.*pg_dump"):
        store.rollback()
    with pytest.raises(ValueError, match="'auto' or 'exact'"):
        build_store(store.address, ids, vectors, structure="IVF8,Flat")
    for name in ("embedding", "100 %", "ctid", "", "a\0b"):
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
