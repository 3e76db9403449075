"""Print how neighbours, overlap, clusters and map grow with the number of covers.

    python scripts/bench_analysis.py [--covers 10000 30000 100000] [--rounds 5] [--only neighbours overlap]

The libraries are those of bench_overlap.py; `graph` is the search for neighbours that
clusters and map share, and clusters of the smallest size include compiling UMAP
in the first round. An exponent of 1 is growth in
proportion, 2 with the square; it is the slope of the logarithms from one size
to the next and over all sizes, of the medians.
"""

import argparse
import itertools
import math
import statistics

from bench_overlap import bench_clusters, bench_cost
from measuring import Report

COLUMNS = {
    "neighbours": "neighbours_s",
    "overlap": "overlap_s",
    "graph": "graph_s",
    "clusters": "clusters_s",
    "map": "map_s",
}


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
            for row in bench()["rows"]:
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
