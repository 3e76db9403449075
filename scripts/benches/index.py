"""Measure an index beside bare FAISS with the same structure, in the same run.

    scripts/bench index --n 100000 [--dimension 512] [--parts …] [--json]

The vectors are drawn, not real: a mixture of 500 overlapping clusters
(spread within equal to spread between) in a space of 32 dimensions, turned into
`--dimension` with a little noise in all of them, as embeddings of a network are (their effective dimension is far below their
length). Recall on unstructured noise would say nothing about them.

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
import resource
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from indexer import VectorIndex

K = 10
PARTS = ("build", "open", "search", "filter", "verify", "update", "compact", "rebuild")
BLOCK = 65_536


class Mixture:
    """Draws vectors block by block, so that they never lie in memory at once."""

    def __init__(self, dimension, seed):
        rng = np.random.default_rng(seed)
        self.latent = 32
        self.centres = rng.standard_normal((500, self.latent), dtype=np.float32)
        self.spread = rng.standard_normal((self.latent, dimension), dtype=np.float32)
        self.dimension = dimension

    def draw(self, n, rng):
        z = self.centres[rng.integers(len(self.centres), size=n)]
        z = z + rng.standard_normal(z.shape, dtype=np.float32)
        x = z @ self.spread
        return x + 0.5 * rng.standard_normal(x.shape, dtype=np.float32)


def write_vectors(path, mixture, n, seed):
    out = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.float32, shape=(n, mixture.dimension)
    )
    rng = np.random.default_rng(seed)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        out[start:stop] = mixture.draw(stop - start, rng)
    out.flush()
    del out


class PeakMemory:
    """Samples the private memory of this process; mapped files are not private."""

    def __enter__(self):
        self.peak = self.start = self.read()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.mib = round((self.peak - self.start) / 2**20, 1)

    def _watch(self):
        while not self._stop.wait(0.02):
            self.peak = max(self.peak, self.read())

    @staticmethod
    def read():
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def timed(function):
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def alternate(rounds, **functions):
    """Time several functions in turn, each warm; seconds of each call, by name."""
    seconds = {name: [] for name in functions}
    for round_number in range(rounds):
        for name, function in functions.items():
            function(round_number)
            start = time.perf_counter()
            function(round_number)
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def in_ms(seconds):
    """Percentiles; the tenth is what a call costs that nothing interrupted."""
    return {
        "p10_ms": round(1e3 * float(np.percentile(seconds, 10)), 3),
        "p50_ms": round(1e3 * float(np.percentile(seconds, 50)), 3),
        "p99_ms": round(1e3 * float(np.percentile(seconds, 99)), 3),
    }


def ratio(times, name, base):
    """Median of the ratios of neighbouring calls: a busy machine slows both."""
    return round(float(np.median(times[name] / times[base])), 3)


def spread(values):
    """Lower and upper quartile."""
    return [round(float(np.percentile(values, q)), 3) for q in (25, 75)]


def compare(times):
    """Percentiles of every function, and how the index compares with the others."""
    result = {name: in_ms(values) for name, values in times.items()}
    for name in times:
        if name != "index":
            result[f"index_over_{name}"] = ratio(times, "index", name)
            quiet = [np.percentile(times[key], 10) for key in ("index", name)]
            result[f"index_over_{name}_p10"] = round(float(quiet[0] / quiet[1]), 3)
            result[f"spread_over_{name}"] = spread(times["index"] / times[name])
    return result


def bare_faiss(index):
    """FAISS with the same structure: flat, or the same file with exact refinement."""
    import faiss

    segment = index._snapshot.segments[0]
    entry = segment.entry.structure
    dimension = index.dimension
    if entry is None:
        flat = faiss.IndexFlatIP(dimension)
        flat.add(np.ascontiguousarray(segment.vectors))
        return (flat, flat), lambda queries, k: flat.search(queries, k), "IndexFlatIP"
    base = faiss.read_index(str(index.folder / entry.file.path))
    effort = dict(entry.effort)
    refine = effort.pop("refine")
    space = faiss.ParameterSpace()
    for name, value in effort.items():
        space.set_index_parameter(base, name, value)
    vectors = np.ascontiguousarray(segment.vectors)
    refined = faiss.IndexRefineFlat(base, faiss.swig_ptr(vectors))
    refined.k_factor = refine
    settings = ",".join(f"{name}={value}" for name, value in entry.effort.items())
    return (
        (base, refined),
        lambda queries, k: refined.search(queries, k),
        (f"{entry.key} ({settings}) in IndexRefineFlat"),
    )


def recall(found, true):
    return float(
        np.mean(
            [len(set(a) & set(b)) / len(b) for a, b in zip(found, true, strict=True)]
        )
    )


def cold_search_s(folder, item):
    """Seconds of a search by id in a new process: of all, and without imports."""
    code = (
        "import sys, time, faiss\n"
        "from indexer import VectorIndex\n"
        "start = time.perf_counter()\n"
        f"index = VectorIndex.open({str(folder)!r})\n"
        f"assert index.neighbours_of([{item!r}], 10).ids[0, 0]\n"
        "print(time.perf_counter() - start)\n"
    )
    result, seconds = timed(
        lambda: subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
    )
    return seconds, float(result.stdout)


def measure_open(folder, outcome):
    opens = [timed(lambda: VectorIndex.open(folder))[1] for _ in range(7)]
    outcome["open"] = {
        "median_s": round(float(np.median(opens)), 5),
        "first_s": round(opens[0], 5),
    }
    cold = np.median([cold_search_s(folder, id_of(5)) for _ in range(3)], axis=0)
    outcome["search_by_id_in_a_new_process"] = {
        "all_s": round(float(cold[0]), 3),
        "open_and_search_s": round(float(cold[1]), 3),
    }


def measure_build(folder, ids, source, structure, outcome):
    vectors = np.load(source, mmap_mode="r")
    parts = {"part": np.arange(len(ids)) % 100}
    with PeakMemory() as memory:
        index, build_s = timed(
            lambda: VectorIndex.build(folder, ids, vectors, parts, structure=structure)
        )
    outcome["build"] = {
        "s": round(build_s, 2),
        "peak_private_mib_above_start": memory.mib,
    }
    info = index.info()
    outcome["structure"] = info["segments"][0]
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
    few = queries[:500]
    true = index.search(few, K, exact=True)
    _, bare_rows = search_bare(few, K)
    found = index.search(few, K)
    outcome["recall"] = {
        "queries": "new draws of the same mixture",
        "n_queries": len(few),
        "recall_at_10": round(recall(found.rows, true.rows), 4),
        "faiss_recall_at_10": round(recall(bare_rows, true.rows), 4),
        "stated_recall_at_10": round(index.info()["recall_at_k"], 4),
        "same_similarities_as_exact": bool(
            (found.similarities == true.similarities)[found.rows == true.rows].all()
        ),
    }
    del bare


def selecting_faiss(index):
    """FAISS as its users filter: an IDSelector on the same structure."""
    import faiss

    bare, _, _ = bare_faiss(index)  # the structure, and what searches it
    searched = bare[1]
    entry = index._snapshot.segments[0].entry.structure
    if entry is None:
        return lambda queries, selector: searched.search(
            queries, K, params=faiss.SearchParameters(sel=selector)
        )
    nprobe = dict(entry.effort)["nprobe"]

    def search(queries, selector):
        inner = faiss.SearchParametersIVF(sel=selector, nprobe=nprobe)
        params = faiss.IndexRefineSearchParameters(base_index_params=inner)
        params.k_factor = searched.k_factor
        return searched.search(queries, K, params=params)

    return search


def _over(functions, batches):
    """Make functions of a round's number of functions of a batch."""
    return {
        name: lambda i, f=function: f(batches[i % len(batches)])
        for name, function in functions.items()
    }


def measure_filter(index, queries, outcome, rounds, parent):
    """A filter that keeps 1 % beside exact search over those 1 %.

    Others search the same rows for the same k. A filter used again: `gathered`, a
    bare flat index over the rows, gathered before; `own_index`, an index of ours that
    holds nothing else, with the same checks, ids and numbers; `selector`, bare FAISS
    on the whole with an IDSelector made before. A filter used once: `gathering`, which
    compares a column in memory, gathers, and searches a new flat index;
    `selecting`, which compares it and makes a selector.
    """
    import faiss

    column = np.arange(len(index)) % 100
    rows = np.flatnonzero(column == 7)
    few = np.ascontiguousarray(index.vectors[rows])
    flat = faiss.IndexFlatIP(index.dimension)
    flat.add(few)
    own = VectorIndex.build(
        Path(parent) / "own", index.ids[rows].tolist(), few, structure="exact"
    )
    select = selecting_faiss(index)

    def selector():
        return faiss.IDSelectorBitmap(np.packbits(column == 7, bitorder="little"))

    def gather_and_search(some):
        flat_now = faiss.IndexFlatIP(index.dimension)
        flat_now.add(index.vectors[np.flatnonzero(column == 7)])
        flat_now.search(some, K)

    def forget_and_search(some):
        index._snapshot.selections.clear()
        index.search(some, K, where={"part": 7})

    ready = selector()
    again = {
        "index": lambda some: index.search(some, K, where={"part": 7}),
        "gathered": lambda some: flat.search(some, K),
        "own_index": lambda some: own.search(some, K),
        "selector": lambda some: select(some, ready),
    }
    once = {
        "index": forget_and_search,
        "gathering": gather_and_search,
        "selecting": lambda some: select(some, selector()),
    }
    true = rows[own.search(queries[:100], K).rows]
    found = select(queries[:100], ready)[1]
    result = {"items": len(rows), "selector_recall_at_10": recall(found, true)}
    for size, n in ((1, rounds), (100, 10)):
        batches = [queries[i : i + size] for i in range(0, len(queries), size)]
        times = alternate(n, **_over(again, batches))
        result[f"again, {size} at once"] = compare(times)
        times = alternate(min(n, 30), **_over(once, batches))
        result[f"once, {size} at once"] = compare(times)
    again.pop("selector")
    result["again, 1000 at once"] = compare(alternate(5, **_over(again, [queries])))
    outcome["filter_1_percent"] = result


def measure_update(index, mixture, queries, outcome):
    n_changed = min(10_000, len(index) // 100)
    half = n_changed // 2
    rng = np.random.default_rng(99)
    seconds = []
    for number in range(3):
        names = [id_of(i) for i in rng.choice(outcome["n"], half, replace=False)]
        names += [f"new-{number}-{i}" for i in range(n_changed - half)]
        vectors = mixture.draw(n_changed, rng)
        parts = {"part": np.arange(n_changed) % 100}
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


def compare_update(outcome):
    """Say what an update costs of what makes the whole anew in the same run."""
    for operation in ("build", "compact", "rebuild"):
        if operation in outcome and "update" in outcome:
            share = outcome["update"]["s"] / outcome[operation]["s"]
            outcome["update"][f"over_{operation}"] = round(share, 4)


def id_of(number):
    return hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--structure", default="auto")
    parser.add_argument("--folder", type=Path, help="where to put the files of the run")
    parser.add_argument("--keep", action="store_true", help="leave the index there")
    parser.add_argument(
        "--parts", default=",".join(PARTS), help="what to measure; default: %(default)s"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args()
    asked = set(arguments.parts.split(","))
    if not asked <= set(PARTS) or (arguments.keep and not arguments.folder):
        parser.error(f"parts are {', '.join(PARTS)}; --keep needs --folder")
    n, dimension = arguments.n, arguments.dimension
    outcome = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load_at_start": [round(x, 1) for x in os.getloadavg()],
            "system": platform.system(),
        },
        "versions": {name: version(name) for name in ("faiss-cpu", "numpy", "pyarrow")}
        | {"python": platform.python_version()},
        "n": n,
        "dimension": dimension,
        "seed": arguments.seed,
        "data": "500 overlapping clusters in 32 dimensions, plus noise in all",
    }
    mixture = Mixture(dimension, arguments.seed)
    queries = mixture.draw(1000, np.random.default_rng(arguments.seed + 2))
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as parent:
        folder = (arguments.folder if arguments.keep else Path(parent)) / "index"
        if "build" in asked or not folder.exists():
            source = Path(parent) / "source.npy"
            write_vectors(source, mixture, n, arguments.seed + 1)
            ids = [id_of(number) for number in range(n)]
            measure_build(folder, ids, source, arguments.structure, outcome)
            source.unlink()
            gc.collect()
        index = VectorIndex.open(folder)
        is_slow = n > 200_000 and index.info()["structure"] == "exact"
        rounds = 50 if is_slow else 200
        if "open" in asked:
            measure_open(folder, outcome)
        if "search" in asked:
            with PeakMemory() as memory:
                index.search(queries[:1], K)
                index.search(queries[:100], K)
            outcome["search_private_mib"] = memory.mib
            measure_searches(index, queries, outcome, rounds)
        if "filter" in asked:
            measure_filter(index, queries, outcome, min(rounds, 100), parent)
        if "verify" in asked:
            verified, verify_s = timed(index.verify)
            outcome["verify"] = {"s": round(verify_s, 2), "ok": verified.ok}
        if "update" in asked:
            measure_update(index, mixture, queries, outcome)
        for operation in ("compact", "rebuild"):
            if operation in asked:
                measure_whole(index, outcome, operation)
        compare_update(outcome)
        outcome["machine"]["load_at_end"] = [round(x, 1) for x in os.getloadavg()]
        assert index.verify(n_sampled=32).ok
    print(json.dumps(outcome, indent=None if arguments.json else 1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
