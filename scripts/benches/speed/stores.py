"""Measure searches of a store on PostgreSQL: time and recall, filter by filter.

    scripts/bench stores --address 'postgresql://host/database?table=bench' [--items 70000] [--dimension 64]

Items are drawn around genres and decades, so that filters go with the vectors. The
table is made, or replaced if it is a store; recall is measured against exact searches.
"""

import argparse
import time

import numpy as np
import pyarrow as pa

from indexer import Batch, build_store
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
    for name, where in FILTERS.items():
        seconds, shares = [], []
        for query in queries:
            start = time.perf_counter()
            found = store.search(query, K, where=where)
            seconds.append(time.perf_counter() - start)
            true = set(store.search(query, K, where=where, exact=True).hits().ids)
            shares.append(len(true.intersection(found.hits().ids)) / len(true))
        print(
            f"{name:18} {1000 * np.median(seconds):7.1f} ms (median of {N_QUERIES}), recall@{K} {np.mean(shares):.4f}"
        )
    new = np.array([f"new {number}" for number in range(1000)], dtype=object)
    change = Batch(new, vectors[:1000], pa.table({"genres": [["g1"]] * 1000}))
    start = time.perf_counter()
    store.apply(upsert=change, remove=ids[:1000])
    print(f"1,000 in and 1,000 out in one step: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
