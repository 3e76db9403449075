"""Measure searches of a store on a server: time and recall, filter by filter.

    scripts/bench stores --address 'postgresql://host/database?table=bench' [--items 70000] [--dimension 64]
    scripts/bench stores --address 'milvus://host:19530/bench'

Items are drawn around genres and decades, so that filters go with the vectors. The
store is made, or replaced; recall is measured against products of all vectors, here.
"""

import argparse
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa

from indexer import Batch, build_store
from indexer.filters import check_where, match_rows
from indexer.vectors import unit_rows

N_QUERIES, K = 20, 50
FILTERS = {
    "no filter": None,
    "two genres": {"genres": ["g0", "g1"]},
    "genre and decade": {"genres": "g3", "year": (1970, 1979)},
    "year unknown": {"year": None},
    "one artist": {"artist": "one"},
}


def draw_items(n, dimension, rng):
    """Draw vectors of 15 genres and 8 decades, with a column each and an artist of 14."""
    genre, decade = rng.integers(0, 15, n), rng.integers(0, 8, n)
    vectors = rng.standard_normal((15, dimension))[genre]
    vectors += 0.5 * rng.standard_normal((8, dimension))[decade]
    vectors += rng.standard_normal((n, dimension))
    is_unknown = rng.random(n) < 0.1
    columns = {
        "genres": [[f"g{one}"] for one in genre],
        "year": [
            None if gone else int(1960 + 10 * one)
            for one, gone in zip(decade, is_unknown, strict=True)
        ],
        "artist": ["one" if i % (n // 14) == 3 else f"a{i // 10}" for i in range(n)],
    }
    ids = [f"{number:032x}" for number in range(n)]
    return ids, unit_rows(vectors.astype(np.float32)), columns


FIRST = """
import sys, time
import numpy as np
from indexer import open_store
start = time.perf_counter()
store = open_store(sys.argv[1])
opened = time.perf_counter()
store.search(np.ones(store.dimension), 50, where={"genres": ["g0", "g1"]})
print(f"{1000 * (opened - start):.0f} ms to open, {1000 * (time.perf_counter() - opened):.0f} ms to search")
"""


def find_true(vectors, queries, allowed):
    """Give the rows nearest to each query, of those that a filter lets through."""
    products = queries @ vectors[allowed].T
    return [set(allowed[np.argsort(-row)[:K]].tolist()) for row in products]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", required=True)
    parser.add_argument("--items", type=int, default=70_000)
    parser.add_argument("--dimension", type=int, default=64)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    ids, vectors, columns = draw_items(args.items, args.dimension, rng)
    start = time.perf_counter()
    store = build_store(args.address, ids, vectors, columns)
    info = store.info()
    print(
        f"build {time.perf_counter() - start:.1f} s, {info['structure']}, {info['bytes'] / args.items:.0f} bytes an item"
    )
    queries = vectors[rng.choice(args.items, N_QUERIES, replace=False)]
    command = [sys.executable, "-c", FIRST, args.address]
    first = subprocess.run(command, check=True, capture_output=True, text=True)
    print(f"first filtered search of a process: {first.stdout.strip()}")
    table = pa.table(columns)
    for name, where in FILTERS.items():
        mask = match_rows(table, check_where(where, table.schema), table.schema)
        true = find_true(vectors, queries, np.flatnonzero(mask))
        seconds, shares = [], []
        for query, rows in zip(queries, true, strict=True):
            start = time.perf_counter()
            found = store.search(query, K, where=where)
            seconds.append(time.perf_counter() - start)
            got = {int(one, 16) for one in found.hits().ids}
            shares.append(len(got & rows) / len(rows))
        print(
            f"{name:18} {1000 * np.median(seconds):7.1f} ms (median of {N_QUERIES}), recall@{K} {np.mean(shares):.4f}, {len(found.hits())} found{', with a note' if found.notes else ''}"
        )
    new = np.array([f"new {number}" for number in range(1000)], dtype=object)
    change = Batch(new, vectors[:1000], pa.table({"genres": [["g1"]] * 1000}))
    start = time.perf_counter()
    store.apply(upsert=change, remove=ids[:1000])
    print(f"1,000 in and 1,000 out in one step: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
