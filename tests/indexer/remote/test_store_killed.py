"""A server that is killed while somebody writes to a store on it."""

from __future__ import annotations

import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from store_kinds import SERVERS

from indexer import Batch, IndexerError, IndexReadError, build_store, open_store


@pytest.mark.parametrize("kind", SERVERS)
def test_counts_stay_when_the_server_is_killed(kind):
    import importlib

    server = importlib.import_module(f"{SERVERS[kind]}_server").Server()
    try:
        kill_while_writing(server)
    finally:
        server.stop()


def kill_while_writing(server):
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((2_000, 16)).astype(np.float32)
    ids = [f"i{n}" for n in range(2_000)]
    address = server.address("killed")
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
    server.kill()
    thread.join()
    assert len(errors) == 1
    published = len(store)
    with pytest.raises(IndexReadError, match=r"cannot be reached: .*is it running"):
        open_store(address)
    server.start()
    again = open_store(address)
    assert published <= len(again) <= published + 1
    assert store.verify().ok
    assert sum(len(part) for part in again.batches()) == len(again)
    assert again.search(vectors[7], 1).ids.tolist() == [["i7"]]
    assert again.apply(remove=["i9"]).removed == 1
