"""Measure overlaps whose truth is known.

    scripts/bench overlap truth [--sets 400] [--processes 2]
    scripts/bench overlap null [--sets 2400] [--processes 2]

Prints one JSON document on stdout: machine, versions, settings, results; and on
stderr the tables of docs/method/overlap.md. What measuring costs: scripts/bench analysis.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import pairwise

import numpy as np

from covers.overlap.mixing import measure_mixing
from covers.overlap.overlap import OverlapSettings, measure_overlap, n_neighbours
from covers.overlap.pair_votes import Labels
from covers.overlap.simulation import Design, draw_known_overlap
from covers.stats.neighbours import find_neighbours, find_own_neighbours
from covers.workspace.artefacts import library_versions
from covers.workspace.disk.jsonable import to_jsonable


def draw_design(rng, family):
    """One of many plausible libraries: 120 to 900 covers a genre, 2 to 20 dimensions."""
    n_genres = int(rng.integers(2, 9))
    base = np.exp(rng.uniform(np.log(150), np.log(900)))
    imbalance = rng.choice([1, 1, 2, 5])
    sizes = base * np.exp(rng.uniform(-np.log(imbalance), 0, n_genres))
    group_size = int(rng.choice([1, 1, 3, 6]))
    return Design(
        family=family,
        n_covers=tuple(int(max(120, size)) for size in sizes),
        n_dimensions=int(rng.choice([2, 5, 10, 20])),
        separation=float(
            rng.choice([0.2, 0.5, 1]) if family == "styles" else rng.choice([1, 2, 3])
        ),
        group_size=group_size,
        group_correlation=float(rng.choice([0.2, 0.5])) if group_size > 1 else 0.0,
    )


def measure_one(job):
    """Draw and measure one data set; return errors and coverage of its pairs."""
    design, seed = job
    data = draw_known_overlap(design, seed)
    found = measure(data.vectors, data.membership, data.groups, seed)
    return {"design": asdict(design), **compare(found, data.overlap)}


def measure(vectors, membership, groups, seed):
    """Measure the overlaps of one data set."""
    near = find_own_neighbours(vectors, groups, n_neighbours(len(vectors)))
    return measure_overlap(
        near,
        membership,
        groups,
        [f"genre {i}" for i in range(membership.shape[1])],
        # The p-values have a study of their own.
        OverlapSettings(n_bootstraps=1000, n_permutations=2, seed=seed),
    )


def compare(found, overlap):
    """Return errors and coverage of the pairs of genres."""
    pairs = np.triu_indices(len(overlap), 1)
    truth = overlap[pairs]
    low, high = (end[pairs] for end in found.overlap_ci95)
    return {
        "k": found.k,
        "error": (found.overlap[pairs] - truth).tolist(),
        "raw_error": (found.raw[pairs] - truth).tolist(),
        "truth": truth.tolist(),
        "held": ((low <= truth) & (truth <= high)).tolist(),
        "width": (high - low).tolist(),
    }


def strata(design):
    """Under which headings a data set is reported."""
    sizes = design["n_covers"]
    yield "all"
    yield f"family: {design['family']}"
    yield f"dimensions: {design['n_dimensions']}"
    yield f"covers of the smallest genre: {'120-200' if min(sizes) < 200 else '200-900'}"
    yield f"imbalance: {'below 2' if max(sizes) < 2 * min(sizes) else '2 to 5'}"
    yield f"covers of one artist: {design['group_size'] or '1 to 10, by genre'}"


def bench_truth(n_sets, processes, hard):
    """Run the simulations and summarise them by stratum."""
    rng = np.random.default_rng(2026)
    jobs = [
        (draw_design(rng, ("gaussians", "styles")[i % 2]), 21_000 + i)
        for i in range(n_sets)
    ]
    null = [(draw_design(rng, "shuffled"), 25_000 + i) for i in range(n_sets // 4)]
    difficult = [
        (
            Design(
                family=("gaussians", "styles")[i % 2],
                n_covers=(n,) * 4,
                n_dimensions=d,
                separation=2.0 if i % 2 == 0 else 0.5,
            ),
            29_000 + i,
        )
        for n, d in ((30, 10), (60, 10), (200, 50), (200, 200))
        for i in range(hard)
    ]
    with ProcessPoolExecutor(processes) as pool:
        results = list(pool.map(measure_one, jobs))
        nulls = list(pool.map(measure_one, null))
        hards = list(pool.map(measure_one, difficult))
    table = summarise([(name, r) for r in results for name in strata(r["design"])])
    beyond = summarise(
        [
            (
                "{family}, {n_covers[0]} covers, {n_dimensions} dimensions".format(
                    **r["design"]
                ),
                r,
            )
            for r in hards
        ]
    )
    report = {
        "sets": n_sets,
        "by_stratum": table,
        "by_truth": by_truth(results),
        "overlap_one": summarise([("all genres alike", r) for r in nulls]),
        "beyond_the_claim": beyond,
    }
    print_tables(report, ("by_stratum", "by_truth", "overlap_one", "beyond_the_claim"))
    return report


def by_truth(results):
    """Average errors and coverage of pairs by their true overlap."""
    columns = {
        name: np.concatenate([r[name] for r in results])
        for name in ("truth", "error", "raw_error", "held", "width")
    }
    edges = [0, 0.05, 0.2, 0.4, 0.6, 0.8, 1]
    rows = {}
    for low, high in pairwise(edges):
        inside = (columns["truth"] >= low) & (columns["truth"] < high)
        if inside.any():
            part = {name: values[inside] for name, values in columns.items()}
            rows[f"true overlap {low:g} to {high:g}"] = {
                "sets": int(inside.sum()),
                "bias": float(part["error"].mean()),
                "bias_uncorrected": float(part["raw_error"].mean()),
                "mean_absolute_error": float(np.abs(part["error"]).mean()),
                "coverage": float(part["held"].mean()),
                "mean_width": float(part["width"].mean()),
            }
    return rows


def draw_null(rng):
    """A small library without any difference between genres; artists may differ in size."""
    n_genres = int(rng.integers(2, 9))
    base = np.exp(rng.uniform(np.log(60), np.log(160)))
    imbalance = rng.choice([1, 1, 2, 5])
    sizes = base * np.exp(rng.uniform(-np.log(imbalance), 0, n_genres))
    group_size = int(rng.choice([1, 3, 6, 0]))  # 0: each genre another one
    return Design(
        family="shuffled",
        n_covers=tuple(int(max(30, size)) for size in sizes),
        n_dimensions=int(rng.choice([2, 5, 10, 20])),
        separation=1.0,
        group_size=group_size,
        group_correlation=float(rng.choice([0.2, 0.5])) if group_size != 1 else 0.0,
        group_sizes=()
        if group_size
        else tuple(int(size) for size in rng.choice([1, 2, 4, 10], n_genres)),
    )


def judge_one_null(job):
    """Return the p- and q-values of one data set without any difference."""
    design, seed = job
    data = draw_known_overlap(design, seed)
    near = find_neighbours(
        data.vectors,
        data.vectors,
        k=15,
        query_groups=data.groups,
        reference_groups=data.groups,
    )
    mixing = measure_mixing(near.rows, Labels(data.membership, data.groups), seed=seed)
    return {
        "design": asdict(design),
        "p": mixing.p_pairs.tolist(),
        "q": mixing.q_pairs.tolist(),
    }


def bench_null(n_sets, processes):
    """Count how often genres that do not differ are called different."""
    rng = np.random.default_rng(2027)
    jobs = [(draw_null(rng), 60_000 + i) for i in range(n_sets)]
    with ProcessPoolExecutor(processes) as pool:
        results = list(pool.map(judge_one_null, jobs, chunksize=20))
    gathered = defaultdict(list)
    for result in results:
        for name in (*strata(result["design"]), genres_stratum(result["design"])):
            if not name.startswith(("family", "covers of the smallest")):
                gathered[name].append(result)
    rows = {}
    for name, part in sorted(gathered.items()):
        any_false = np.array([min(r["q"]) <= 0.05 for r in part])
        low, high = wilson(any_false.sum(), len(part))
        p = np.concatenate([r["p"] for r in part])
        rows[name] = {
            "sets": len(part),
            "any_q_below_0.05": float(any_false.mean()),
            "ci95": [low, high],
            "p_below_0.05": float(np.mean(p < 0.05)),
            "p_below_0.01": float(np.mean(p < 0.01)),
        }
    print(
        "| sets | n | any pair at q ≤ 0.05 | 95 % | p < 0.05 | p < 0.01 |\n"
        "|---|---:|---:|---:|---:|---:|",
        file=sys.stderr,
    )
    for name, row in rows.items():
        low, high = row["ci95"]
        print(
            f"| {name} | {row['sets']} | {row['any_q_below_0.05']:.1%} | "
            f"{low:.1%} to {high:.1%} | {row['p_below_0.05']:.1%} | "
            f"{row['p_below_0.01']:.2%} |",
            file=sys.stderr,
        )
    return rows


def genres_stratum(design):
    """Heading by the number of genres."""
    n_genres = len(design["n_covers"])
    return f"genres: {'2 to 4' if n_genres < 5 else '5 to 8'}"


def wilson(hits, n):
    """95 per cent interval of a rate."""
    from scipy.stats import binomtest

    found = binomtest(int(hits), n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def summarise(named):
    """Average errors and coverage: each data set counts once, pairs within it equally."""
    gathered = defaultdict(list)
    for name, result in named:
        gathered[name].append(result)
    return {
        name: {
            "sets": len(results),
            "pairs": sum(len(r["error"]) for r in results),
            "bias": float(np.mean([np.mean(r["error"]) for r in results])),
            "bias_uncorrected": float(
                np.mean([np.mean(r["raw_error"]) for r in results])
            ),
            "mean_absolute_error": float(
                np.mean([np.mean(np.abs(r["error"])) for r in results])
            ),
            "coverage": float(np.mean([np.mean(r["held"]) for r in results])),
            "mean_width": float(np.mean([np.mean(r["width"]) for r in results])),
        }
        for name, results in sorted(gathered.items())
    }


def print_tables(report, titles):
    """Print the tables of the docs."""
    for title in titles:
        print(
            "| sets | n | bias uncorrected | bias | mean abs. error | 95 % interval holds | width |\n"
            "|---|---:|---:|---:|---:|---:|---:|",
            file=sys.stderr,
        )
        for name, row in report[title].items():
            print(
                f"| {name} | {row['sets']} | {row['bias_uncorrected']:+.3f} | {row['bias']:+.3f} | "
                f"{row['mean_absolute_error']:.3f} | {row['coverage']:.1%} | {row['mean_width']:.2f} |",
                file=sys.stderr,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", default="truth", choices=["truth", "null"])
    parser.add_argument("--sets", type=int)
    parser.add_argument("--hard", type=int, default=10)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    given = parser.parse_args()
    start = time.perf_counter()
    if given.what == "truth":
        result = bench_truth(given.sets or 400, given.processes, given.hard)
    else:
        result = bench_null(given.sets or 2400, given.processes)
    document = {
        "bench": f"overlap {given.what}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": library_versions(),
        "result": result,
        "seconds": round(time.perf_counter() - start, 1),
    }
    print(json.dumps(to_jsonable(document), indent=1))


if __name__ == "__main__":
    main()
