"""Print how neighbours, overlap, clusters and map grow with the number of covers.

    scripts/bench analysis [--covers 10000 30000 100000] [--rounds 5] [--only neighbours overlap]

The libraries are drawn, 512 dimensions; `graph` is the search for neighbours that
clusters and map share, and clusters of the smallest size include compiling UMAP
in the first round. An exponent of 1 is growth in
proportion, 2 with the square; it is the slope of the logarithms from one size
to the next and over all sizes, of the medians.
"""

import argparse
import itertools
import math
import statistics
import sys
import time

import numpy as np

from covers.overlap.overlap import (
    OverlapSettings,
    label_covers,
    measure_overlap,
    n_neighbours,
)
from covers.stats.neighbours import find_own_neighbours
from scripts.benches.shared.measuring import Report

COLUMNS = {
    "neighbours": "neighbours_s",
    "overlap": "overlap_s",
    "graph": "graph_s",
    "clusters": "clusters_s",
    "map": "map_s",
}


def bench_cost(sizes, n_genres):
    """Time the overlap of drawn libraries, neighbours given and not."""
    rows = []
    for n in sizes:
        rng = np.random.default_rng(n)
        centres = rng.standard_normal((n_genres * 3, 512)).astype(np.float32)
        labels = rng.integers(n_genres, size=n)
        style = labels * 3 + rng.integers(4, size=n)
        vectors = centres[style % len(centres)] + 3 * rng.standard_normal(
            (n, 512), np.float32
        )
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        groups = rng.integers(n // 3, size=n)
        membership = np.eye(n_genres, dtype=np.float32)[labels]
        settings = OverlapSettings()
        start, used = time.perf_counter(), time.process_time()
        sampled = label_covers(membership, groups, settings).sampled_membership.any(
            axis=1
        )
        near = find_own_neighbours(vectors, groups, n_neighbours(n), sampled)
        searched = time.perf_counter() - start
        search_cpu = time.process_time() - used
        start, used = time.perf_counter(), time.process_time()
        found = measure_overlap(
            near, membership, groups, [str(i) for i in range(n_genres)], settings
        )
        rows.append(
            {
                "covers": n,
                "sampled": int(sampled.sum()),
                "genres": n_genres,
                "bootstraps": found.settings.n_bootstraps,
                "k": found.k,
                "neighbours_s": round(searched, 1),
                "neighbours_cpu_s": round(search_cpu, 1),
                "overlap_s": round(time.perf_counter() - start, 1),
                "overlap_cpu_s": round(time.process_time() - used, 1),
            }
        )
        print(rows[-1], file=sys.stderr)
    return rows


def bench_clusters(sizes):
    """Time clusters and map of vectors with 512 dimensions, and the graph they share."""
    from covers.cluster.clustering import cluster_covers
    from covers.cluster.map.stage import make_map
    from covers.cluster.projection import (
        exact_neighbours,
        principal_components,
    )

    rows = []
    for n in sizes:
        rng = np.random.default_rng(n)
        centres = rng.standard_normal((40, 512)).astype(np.float32)
        vectors = centres[rng.integers(40, size=n)] + 2 * rng.standard_normal(
            (n, 512), np.float32
        )
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        row, found = {"covers": n}, {}
        steps = {
            "graph": lambda v=vectors: exact_neighbours(principal_components(v), 30),
            "clusters": lambda v=vectors, f=found: cluster_covers(v, graph=f["graph"]),
            "map": lambda v=vectors, f=found: make_map(v, graph=f["graph"]),
        }
        for name, step in steps.items():
            start, used = time.perf_counter(), time.process_time()
            found[name] = step()
            row[f"{name}_s"] = round(time.perf_counter() - start, 1)
            row[f"{name}_cpu_s"] = round(time.process_time() - used, 1)
        row["found"] = found["clusters"].n_clusters
        rows.append(row)
        print(row, file=sys.stderr)
    return rows


def slope(low, high):
    """Exponent between two (covers, seconds)."""
    return math.log(high[1] / low[1]) / math.log(high[0] / low[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--covers", type=int, nargs="+", default=[10_000, 30_000, 100_000]
    )
    parser.add_argument("--genres", type=int, default=20)
    parser.add_argument("--only", nargs="+", choices=COLUMNS, default=list(COLUMNS))
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    report = Report("analysis", vars(args))
    sizes = sorted(args.covers)
    runs = {n: {name: [] for name in COLUMNS} for n in sizes}
    for bench, names in (
        (lambda: bench_cost(sizes, args.genres), {"neighbours", "overlap"}),
        (lambda: bench_clusters(sizes), {"graph", "clusters", "map"}),
    ):
        for _ in range(args.rounds if names & set(args.only) else 0):
            for row in bench():
                for name in names:
                    runs[row["covers"]][name].append(row[COLUMNS[name]])
    for name in args.only:
        for n in sizes:
            report.add(f"{name}, {n:,} covers", runs[n][name])
        points = [(n, max(statistics.median(runs[n][name]), 0.05)) for n in sizes]
        steps = [slope(*pair) for pair in itertools.pairwise(points)]
        if steps:
            report.add(f"{name}: exponent, step by step", steps, "")
            report.add(f"{name}: exponent over all", [slope(points[0], points[-1])], "")
    report.print()


if __name__ == "__main__":
    main()
