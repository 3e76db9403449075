"""How every store of vectors is changed, asked of each kind."""

from __future__ import annotations

import threading
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest
from store_kinds import small

from indexer import (
    Batch,
    IndexerError,
    IndexMismatchError,
    IndexNotFoundError,
    build_store,
    open_store,
)


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
    assert len(seen) > 2  # a slow machine reads seldom
    assert all(one in state for one in seen)
