"""Measure an index beside bare FAISS with the same structure, in the same run.

    scripts/bench index --n 100000 [--dimension 512] [--parts …] [--json]

The vectors are those of `scripts.benches.shared.index.data`: drawn, in tight
clusters, or real embeddings enlarged (``--data real --embeddings FILE.npy``, such as
`python -m indexer export WORKSPACE/index FOLDER` writes).

Timings of the index and of FAISS alternate, so that both see the same machine;
each timed call follows an untimed one of its own kind, because the idle threads
of one library spin for a while in the way of the other's. A long run can be done
in parts: with --keep the index stays in --folder, and later parts find it there.
Prints one JSON object: with --json on one line.
"""

import argparse
import gc
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from indexer import VectorIndex
from scripts.benches.shared.index.cold import cold_search_s, measure_cold
from scripts.benches.shared.index.data import (
    ABOUT,
    columns_of,
    sides_of,
    source_of,
    write_vectors,
)
from scripts.benches.shared.index.earlier import measure_against
from scripts.benches.shared.index.filter import (
    bare_faiss,
    measure_filter,
    measure_shares,
)
from scripts.benches.shared.index.recall import measure_recall_of_new
from scripts.benches.shared.index.rivals import RIVALS, measure_rivals
from scripts.benches.shared.index.timing import (
    PeakMemory,
    alternate,
    compare,
    cpu_timed,
    in_ms,
    ratio,
    recall,
    spread,
    timed,
)

K = 10
PARTS = (
    "build",
    "cold",
    "open",
    "search",
    "filter",
    "verify",
    "update",
    "compact",
    "rebuild",
    "rivals",
    "against",
)
# The last version whose structures were chosen by size alone.
EARLIER = "f157e25e"


def measure_open(folder, outcome):
    opens = [timed(lambda: VectorIndex.open(folder))[1] for _ in range(7)]
    outcome["open"] = {
        "median_s": round(float(np.median(opens)), 5),
        "first_s": round(opens[0], 5),
    }
    runs = [timed(lambda: cold_search_s(folder, id_of(5))) for _ in range(3)]
    outcome["search_by_id_in_a_new_process"] = {
        "all_s": round(float(np.median([whole for _, whole in runs])), 3),
        "open_and_search_s": round(float(np.median([own for own, _ in runs])), 3),
    }


def measure_build(folder, ids, source, arguments, outcome):
    vectors = np.load(source, mmap_mode="r")
    columns = columns_of(len(ids)) | {"side": sides_of(vectors)}
    with PeakMemory() as memory:
        index, build_s, cpu_s = cpu_timed(
            lambda: VectorIndex.build(
                folder,
                ids,
                vectors,
                columns,
                structure=arguments.structure,
                prefer=arguments.build,
                store=arguments.store,
            )
        )
    outcome["build"] = {
        "s": round(build_s, 2),
        "cpu_s": round(cpu_s, 2),
        "peak_private_mib_above_start": memory.mib,
    }
    info = index.info()
    outcome["structure"] = info["segments"][0]
    tried = outcome["structure"]["tried"]
    share = sum(one["seconds"] for one in tried) / build_s
    outcome["build"]["share_of_choosing"] = round(share, 3)
    outcome["bytes_on_disk"] = info["bytes"]


def measure_searches(index, queries, outcome, rounds):
    bare, search_bare, name = bare_faiss(index)
    outcome["bare_faiss"] = name
    index.search(queries[:1], K)
    search_bare(queries[:1], K)
    times = alternate(
        rounds,
        index=lambda i: index.search(queries[i % len(queries)], K),
        faiss=lambda i: search_bare(queries[i % len(queries)][np.newaxis], K),
    )
    outcome["one_query"] = compare(times) | {"rounds": rounds}
    rounds = 15 if len(index) <= 20_000 else 5 if len(index) <= 200_000 else 3
    for size in (100, 1000):
        times = alternate(
            rounds,
            index=lambda _, n=size: index.search(queries[:n], K),
            faiss=lambda _, n=size: search_bare(queries[:n], K),
        )
        outcome[f"batch_of_{size}"] = {
            "index_per_s": round(size / float(np.median(times["index"])), 1),
            "faiss_per_s": round(size / float(np.median(times["faiss"])), 1),
            "index_over_faiss": ratio(times, "index", "faiss"),
            "spread": spread(times["index"] / times["faiss"]),
            "rounds": rounds,
        }
    true = measure_recall_of_new(index, queries, outcome)
    found = search_bare(queries, K)[1]
    outcome["recall"]["faiss_recall_at_10"] = round(recall(found, true), 4)
    del bare


def measure_update(index, source, queries, outcome):
    n_changed = min(10_000, len(index) // 100)
    half = n_changed // 2
    rng = np.random.default_rng(99)
    seconds = []
    for number in range(3):
        names = [id_of(i) for i in rng.choice(outcome["n"], half, replace=False)]
        names += [f"new-{number}-{i}" for i in range(n_changed - half)]
        vectors = source.draw(n_changed, rng)
        parts = columns_of(n_changed)
        seconds.append(
            timed(lambda n=names, v=vectors, p=parts: index.update(n, v, p))[1]
        )
    outcome["update"] = {
        "items": n_changed,
        "half_are_new": True,
        "s": round(float(np.median(seconds)), 4),
        "all_s": [round(value, 4) for value in seconds],
    }
    times = alternate(100, index=lambda i: index.search(queries[i], K))
    outcome["one_query_after_updates"] = in_ms(times["index"])


def measure_whole(index, outcome, operation):
    """Time `compact` or `rebuild`, with its private memory."""
    with PeakMemory() as memory:
        _, seconds = timed(getattr(index, operation))
    outcome[operation] = {
        "s": round(seconds, 2),
        "peak_private_mib_above_start": memory.mib,
    }


def compare_whole(outcome):
    """Say what a build costs of FAISS's, and an update of what makes the whole anew."""
    rival = outcome.get("rivals", {}).get("faiss_ivf_sq8", {})
    if rival and "build" in outcome:
        ours = outcome["build"]
        for kind in ("s", "cpu_s"):
            share = ours[kind] / rival[f"build_{kind}"]
            ours[f"{kind}_over_faiss_ivf_sq8"] = round(share, 3)
    for operation in ("build", "compact", "rebuild"):
        if operation in outcome and "update" in outcome:
            share = outcome["update"]["s"] / outcome[operation]["s"]
            outcome["update"][f"over_{operation}"] = round(share, 4)


def id_of(number):
    return hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()


def measure_parts(index, queries, source, arguments, outcome):
    """Measure the chosen parts on an index that is there."""
    asked = set(arguments.parts.split(","))
    is_slow = len(index) > 200_000 and index.info()["structure"] == "exact"
    rounds = 50 if is_slow else 200
    if "open" in asked:
        measure_open(index.folder, outcome)
    if "search" in asked:
        with PeakMemory() as memory:
            index.search(queries[:1], K)
            index.search(queries[:100], K)
        outcome["search_private_mib"] = memory.mib
        measure_searches(index, queries, outcome, rounds)
    if "filter" in asked:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as parent:
            measure_filter(index, queries, outcome, min(rounds, 100), parent)
        measure_shares(index, queries, outcome)
    if "rivals" in asked:
        measure_rivals(index, queries, arguments.rivals.split(","), outcome)
    if "verify" in asked:
        verified, verify_s = timed(index.verify)
        outcome["verify"] = {"s": round(verify_s, 2), "ok": verified.ok}
    if "update" in asked:
        measure_update(index, source, queries, outcome)
    for operation in ("compact", "rebuild"):
        if operation in asked:
            measure_whole(index, outcome, operation)
    compare_whole(outcome)


def read_arguments():
    """Read what to measure; refuse what does not go together."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--structure", default="auto")
    parser.add_argument(
        "--build", default="fast", help="what 'auto' prefers; default: %(default)s"
    )
    parser.add_argument(
        "--rivals", default=",".join(RIVALS), help="which others; default: %(default)s"
    )
    parser.add_argument("--data", default="drawn", choices=list(ABOUT))
    parser.add_argument("--embeddings", type=Path, help="a .npy file, for --data real")
    parser.add_argument("--store", default="float32", help="default: %(default)s")
    parser.add_argument("--folder", type=Path, help="where to put the files of the run")
    parser.add_argument("--keep", action="store_true", help="leave the index there")
    parser.add_argument(
        "--parts",
        default=",".join(PARTS[:-1]),
        help=f"what to measure, of {', '.join(PARTS)}; default: all but the last",
    )
    parser.add_argument(
        "--against",
        default=EARLIER,
        metavar="COMMIT",
        help="the version that 'against' compares with; default: %(default)s",
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="of 'against'; default: %(default)s"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args()
    asked = set(arguments.parts.split(","))
    if not asked <= set(PARTS) or (arguments.keep and not arguments.folder):
        parser.error(f"parts are {', '.join(PARTS)}; --keep needs --folder")
    if (arguments.data == "real") != bool(arguments.embeddings):
        parser.error("--data real needs --embeddings FILE.npy, and only that")
    return arguments


def describe_run(arguments, source):
    """Say when, where and on what is measured."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "threads": os.environ.get("OMP_NUM_THREADS", "as many as cores"),
            "load_at_start": [round(x, 1) for x in os.getloadavg()],
            "system": platform.system(),
        },
        "versions": {name: version(name) for name in ("faiss-cpu", "numpy", "pyarrow")}
        | {"python": platform.python_version()},
        "n": arguments.n,
        "dimension": source.dimension,
        "seed": arguments.seed,
        "data": ABOUT[arguments.data],
        "store": arguments.store,
    }


def main():
    arguments = read_arguments()
    asked = set(arguments.parts.split(","))
    source = source_of(arguments)
    n = arguments.n
    outcome = describe_run(arguments, source)
    queries = source.draw(1000, np.random.default_rng(arguments.seed + 2))
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    if "against" in asked:
        measure_against(arguments.against, source, queries, arguments, outcome)
        if asked == {"against"}:
            print(json.dumps(outcome, indent=None if arguments.json else 1))
            return 0
    with tempfile.TemporaryDirectory(dir=arguments.folder) as parent:
        folder = (arguments.folder if arguments.keep else Path(parent)) / "index"
        if "build" in asked or not folder.exists():
            path = Path(parent) / "source.npy"
            write_vectors(path, source, n, arguments.seed + 1)
            ids = [id_of(number) for number in range(n)]
            measure_build(folder, ids, path, arguments, outcome)
            path.unlink()
            gc.collect()
        if "cold" in asked:
            measure_cold(folder, id_of(5), outcome)
        index = VectorIndex.open(folder)
        measure_parts(index, queries, source, arguments, outcome)
        outcome["machine"]["load_at_end"] = [round(x, 1) for x in os.getloadavg()]
        assert index.verify(n_sampled=32).ok
    print(json.dumps(outcome, indent=None if arguments.json else 1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
