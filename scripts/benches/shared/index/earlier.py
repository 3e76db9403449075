"""An index as it is and as it was at an earlier commit, each in processes of its own, in turn.

Run as a program it is such a process: ``python earlier.py VECTORS QUERIES FOLDER``
builds an index with whichever `indexer` is found first, and prints what it measured.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

K = 10
N_ALONE = 300


def measure(vectors, queries, folder):
    """Seconds of a build, of one query, of batches and of an update of one percent."""
    from indexer import VectorIndex

    ids = [f"{number:016x}" for number in range(len(vectors))]
    part = np.arange(len(vectors)) % 100

    def clock(function, *arguments, **options):
        start = time.perf_counter()
        function(*arguments, **options)
        return time.perf_counter() - start

    columns = {"part": part}
    found = {"build": [clock(VectorIndex.build, folder, ids, vectors, columns)]}
    found["open"] = [clock(VectorIndex.open, folder) for _ in range(7)]
    index = VectorIndex.open(folder)
    alone = [queries[i % len(queries)] for i in range(N_ALONE)]
    for size, n in ((100, 10), (1000, 5)):
        some = [queries[:size]] * (n + 1)
        found[f"batch of {size}"] = [clock(index.search, one, K) for one in some][1:]
    found["one query"] = [clock(index.search, one, K) for one in alone][1:]
    where = {"part": 7}
    found["one query of 1 %"] = [
        clock(index.search, one, K, where=where) for one in alone
    ][1:]
    n = max(2, len(vectors) // 100)
    found["update of 1 %"] = [
        clock(index.update, ids[i : i + n], vectors[:n], {"part": part[:n]})
        for i in range(0, 9 * n, n)
    ]
    return {name: float(np.median(seconds)) for name, seconds in found.items()}


def run(code, vectors, queries, folder):
    """Measure the version whose code lies in a folder."""
    with tempfile.TemporaryDirectory(dir=folder) as parent:
        command = [sys.executable, __file__, str(vectors), str(queries), parent]
        done = subprocess.run(
            command,
            env=os.environ | {"PYTHONPATH": str(code)},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        sys.exit(f"the version in {code} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def measure_against(commit, source, queries, arguments, outcome):
    """Compare with an earlier version: medians of some rounds, and the ratio of each round."""
    from scripts.benches.shared.earlier_version import ROOT, checked_out, describe
    from scripts.benches.shared.index.data import write_vectors

    about = describe(commit)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as parent:
        path, asked = Path(parent) / "vectors.npy", Path(parent) / "queries.npy"
        write_vectors(path, source, arguments.n, arguments.seed + 1)
        np.save(asked, queries)
        with checked_out(commit, Path(parent) / "earlier") as code:
            rounds = [
                [run(place, path, asked, parent) for place in (ROOT, code)]
                for _ in range(arguments.rounds)
            ]
    outcome["against"] = about | {"rounds": len(rounds)}
    for name in rounds[0][0]:
        ratios = np.array([now[name] / before[name] for now, before in rounds])
        outcome["against"][name] = {
            "now_ms": round(1e3 * float(np.median([r[0][name] for r in rounds])), 4),
            "before_ms": round(1e3 * float(np.median([r[1][name] for r in rounds])), 4),
            "now_over_before": round(float(np.median(ratios)), 3),
            "spread": [round(float(np.percentile(ratios, q)), 3) for q in (25, 75)],
        }


if __name__ == "__main__":
    np_vectors, np_queries, where_to = sys.argv[1:]
    print(
        json.dumps(
            measure(
                np.load(np_vectors, mmap_mode="r"),
                np.load(np_queries),
                Path(where_to) / "index",
            )
        )
    )
