"""What only a store on PostgreSQL does, or cannot do."""

from __future__ import annotations

import numpy as np
import pytest
from store_kinds import small

from indexer import (
    IndexBusyError,
    IndexHistoryError,
    IndexMismatchError,
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
