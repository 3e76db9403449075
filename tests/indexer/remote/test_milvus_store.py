"""What only a store on Milvus does, or cannot do."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from store_kinds import small

from indexer import (
    Batch,
    IndexBusyError,
    IndexHistoryError,
    IndexMismatchError,
    IndexNotFoundError,
    IndexWriteError,
    build_store,
    open_store,
)
from indexer.remote.address import read_address
from indexer.remote.milvus.about import read_about, understand_about
from indexer.remote.milvus.client import Client
from indexer.remote.milvus.collections import hold_lock


def client_of(store):
    return Client(read_address(store.address))


def seen(store):
    """Give all that a store holds."""
    batches = list(store.batches())
    ids = [one for batch in batches for one in batch.ids]
    columns = pa.concat_tables(batch.columns for batch in batches).to_pylist()
    return dict(zip(ids, columns, strict=True)), store.fingerprints


def test_a_store_that_calls_things_as_before_is_understood(milvus):
    store, _, _ = small(lambda: milvus.address("names"))
    client = client_of(store)
    (row,) = client.read(
        "query",
        client.address.collection,
        filter="place == -1",
        output_fields=["id"],
        consistency_level="Strong",
    )
    text = row["id"]
    for new, before in (
        ("next_position", "next_place"),
        ("is_catching_up", "is_settling"),
    ):
        assert text.count(f'"{new}"') == 1
        text = text.replace(f'"{new}"', f'"{before}"')
    assert understand_about(client, text) == read_about(client, is_newest=True)


def test_one_goes_back_over_changes_and_over_a_build(milvus):
    store, ids, vectors = small(lambda: milvus.address("back"))
    states = {store.generation: seen(store)}
    new = Batch(
        np.array(["new", "i3"], object), vectors[:2], pa.table({"part": [9, 9]})
    )
    store.apply(upsert=new, remove=["i5"], fingerprints={"c": "d"})
    states[store.generation] = seen(store)
    store.update_columns(["i7"], {"part": [8]})
    tried = store.rollback(dry_run=True)
    assert (tried.updated, tried.is_published) == (1, False)
    back = store.rollback()
    assert (back.added, back.updated, back.removed) == (0, 1, 0)
    assert seen(store) == states[2]
    back = store.rollback(1)
    assert (back.added, back.updated, back.removed, back.n_items) == (1, 2, 1, 40)
    assert seen(store) == states[1]
    assert store.verify().ok
    built = store.generation
    store.replace(ids[:3], vectors[:3])
    assert len(store) == 3
    assert store.rollback().n_items == 40
    assert seen(open_store(store.address)) == states[1]
    assert store.generation == built + 2
    with pytest.raises(
        IndexHistoryError, match="cannot go back to generation 1: kept are"
    ):
        store.rollback(1)


def test_what_a_killed_writer_left_is_not_seen_and_taken_away(milvus):
    store, _, vectors = small(lambda: milvus.address("left"))
    program = f"""
import os
import numpy as np
from indexer import Batch, open_store
from indexer.remote.milvus import writing
writing.publish_about = lambda *_: os._exit(9)
store = open_store({store.address!r})
new = Batch(np.array(["i1", "more"], object), np.ones((2, 4)), None)
store.apply(upsert=new, remove=["i2"])
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=120)
    assert done.returncode == 9
    assert (len(store), "i2" in store, "more" in store) == (40, True, False)
    assert store.apply(remove=["i4"]).n_items == 39
    assert ("i2" in store, "more" in store) == (True, False)
    np.testing.assert_allclose(store.reconstruct(["i1"])[0], vectors[1], atol=1e-6)
    assert store.verify().ok


def test_writers_take_turns(milvus):
    store, _, vectors = small(lambda: milvus.address("busy"), lock_timeout_s=0.2)
    with hold_lock(client_of(store), 1):
        with pytest.raises(
            IndexBusyError, match=r"keeps writing .*drop the collection 'busy_writing'"
        ):
            store.apply(remove=["i1"])
        assert len(store.search(vectors[0], 3).hits()) == 3
    assert store.apply(remove=["i1"]).removed == 1


@pytest.mark.parametrize("server", ["gone", "back"])
def test_a_lock_whose_answer_was_lost_keeps_nobody_out(milvus, monkeypatch, server):
    from indexer.remote.milvus import collections

    store, _, _ = small(lambda: milvus.address(f"lost_{server}"), lock_timeout_s=0.5)
    make, drop = collections.make_collection, Client.write

    def make_and_lose_the_answer(*args):
        make(*args)
        message = "duplicate collection" if server == "back" else "cannot be reached"
        raise IndexWriteError(message)

    def nothing_is_dropped(client, method, *args, **kwargs):
        if method == "drop_collection":
            raise IndexWriteError("cannot be reached")
        return drop(client, method, *args, **kwargs)

    with monkeypatch.context() as lost:
        lost.setattr(collections, "make_collection", make_and_lose_the_answer)
        if server == "back":
            assert store.apply(remove=["i0"]).removed == 1
        else:
            lost.setattr(Client, "write", nothing_is_dropped)
            with pytest.raises(IndexWriteError, match="cannot be reached"):
                store.apply(remove=["i0"])
    assert store.apply(remove=["i1"]).removed == 1


def test_a_collection_of_somebody_else_is_refused_and_left_alone(milvus):
    from pymilvus import MilvusClient

    client = MilvusClient(f"http://127.0.0.1:{milvus.port}")
    client.create_collection("accounts", dimension=4)
    with pytest.raises(IndexMismatchError, match="no store of vectors"):
        build_store(milvus.address("accounts"), ["a"], np.ones((1, 2)))
    assert client.has_collection("accounts")


def test_what_a_collection_cannot_keep_is_told(milvus):
    store, ids, vectors = small(lambda: milvus.address("told"))
    with pytest.raises(ValueError, match="which a store on Milvus cannot keep"):
        build_store(store.address, ids, vectors, {"x": [{"a": 1}] * len(ids)})
    with pytest.raises(ValueError, match="'auto' or 'exact'"):
        build_store(store.address, ids, vectors, structure="IVF8,Flat")
    assert len(open_store(store.address)) == len(ids)
    with pytest.raises(IndexNotFoundError, match="build one"):
        open_store(milvus.address("nowhere"))


def test_large_changes_stay_exact(milvus):
    """So many rows at once make the server build lists of its own, which lose neighbours."""
    rng = np.random.default_rng(6)
    vectors = rng.standard_normal((16_000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"i{n}" for n in range(16_000)]
    store = build_store(milvus.address("large"), ids[:100], vectors[:100])
    store.apply(upsert=Batch(np.array(ids[100:], object), vectors[100:], None))
    found = store.search(vectors[:10], 50)
    true = np.sort(vectors[:10] @ vectors.T, axis=1)[:, ::-1][:, :50]
    np.testing.assert_allclose(found.similarities, true, atol=1e-6)
