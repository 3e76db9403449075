"""Other ways to search the same vectors, tuned to the same recall, in the same run.

Each rival finds candidates its own way; where its own scores are coarse, candidates
are scored again with the vectors, as the index does. Its effort is the least on a
short ladder that reaches the recall which the index has on the same queries, or 0.99.

Rivals are no part of the project's environment. Install them beside it:

    uv pip install --target RIVALS --no-deps hnswlib usearch numkong lancedb \\
        lance-namespace lance-namespace-urllib3-client deprecation overrides
    PYTHONPATH=RIVALS ./scripts/bench index …

One that is missing is named in the outcome and on standard error.
"""

import sys

import numpy as np

from scripts.benches.shared.index.timing import alternate, compare, cpu_timed, recall

K = 10
ROUNDS = 200
TARGET = 0.99


def faiss_sq8(vectors):
    """FAISS with inverted lists of one byte per dimension: the structure of before."""
    import faiss

    n, dimension = vectors.shape
    n_lists = 2 ** round(np.log2(2 * np.sqrt(n)))
    structure = faiss.index_factory(
        dimension, f"IVF{n_lists},SQ8", faiss.METRIC_INNER_PRODUCT
    )
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(n, min(n, 64 * n_lists), replace=False))
    structure.train(np.ascontiguousarray(vectors[rows]))
    for start in range(0, n, 65_536):
        structure.add(np.ascontiguousarray(vectors[start : start + 65_536]))
    refined = faiss.IndexRefineFlat(
        structure, faiss.swig_ptr(np.ascontiguousarray(vectors))
    )
    refined.k_factor = 2

    def search(queries, nprobe):
        structure.nprobe = nprobe
        return refined.search(queries, K)[1]

    ladder = (*range(8, 128, 8), *range(128, 257, 16))
    return search, ladder, len(faiss.serialize_index(structure))


def hnswlib(vectors):
    """hnswlib: a graph over the vectors themselves."""
    import hnswlib as library

    graph = library.Index(space="ip", dim=vectors.shape[1])
    graph.init_index(len(vectors), ef_construction=200, M=16)
    graph.add_items(vectors)

    def search(queries, width):
        graph.set_ef(width)
        return graph.knn_query(queries, K, num_threads=1 if len(queries) == 1 else -1)[
            0
        ].astype(np.int64)

    return search, (32, 64, 128, 256, 512), graph.index_file_size()


def usearch(vectors):
    """usearch: a graph over vectors of half precision."""
    from usearch.index import Index

    graph = Index(ndim=vectors.shape[1], metric="ip", dtype="f16")
    graph.add(np.arange(len(vectors)), vectors)

    def search(queries, width):
        graph.expansion_search = width
        keys = graph.search(queries, K).keys
        return np.atleast_2d(np.asarray(keys)).astype(np.int64)

    return search, (32, 64, 128, 256, 512), graph.memory_usage


def lancedb(vectors):
    """LanceDB: product-quantised lists in a table on disk, refined."""
    import tempfile

    import lancedb as library
    import pyarrow as pa

    folder = tempfile.mkdtemp()
    n, dimension = vectors.shape
    kind = pa.list_(pa.float32(), dimension)

    def batches():
        for start in range(0, n, 65_536):
            block = vectors[start : start + 65_536]
            values = pa.FixedSizeListArray.from_arrays(block.ravel(), dimension)
            rows = pa.array(np.arange(start, start + len(block)))
            yield pa.record_batch([rows, values.cast(kind)], names=["row", "vector"])

    schema = pa.schema([("row", pa.int64()), ("vector", kind)])
    table = library.connect(folder).create_table("t", batches(), schema=schema)
    table.create_index(
        metric="dot",
        num_partitions=2 ** round(np.log2(2 * np.sqrt(n))),
        num_sub_vectors=dimension // 8,
    )

    def search(queries, nprobe):
        found = []
        for query in queries:
            asked = table.search(query).nprobes(nprobe).refine_factor(10).limit(K)
            rows = asked.select(["row"]).to_arrow()["row"].to_numpy()
            found.append(np.pad(rows, (0, K - len(rows)), constant_values=-1))
        return np.stack(found)

    return search, (16, 32, 64, 128, 256), None


RIVALS = {
    "faiss_ivf_sq8": faiss_sq8,
    "hnswlib": hnswlib,
    "usearch": usearch,
    "lancedb": lancedb,
}


def measure_rivals(index, queries, names, outcome):
    """Build each rival, tune it to the recall of the index, and time them in turn."""
    few = queries[:300]
    true = index.search(few, K, exact=True).rows
    wanted = recall(index.search(few, K).rows, true)
    vectors = index.vectors
    outcome["rivals"] = {"recall_at_10_of_the_index": round(wanted, 4)}
    for name in names:
        try:
            made, build_s, cpu_s = cpu_timed(lambda n=name: RIVALS[n](vectors))
        except ImportError as error:
            print(f"{name} is missing ({error}): see {__name__}", file=sys.stderr)
            outcome["rivals"][name] = {"missing": str(error)}
            continue
        search, ladder, n_bytes = made
        outcome["rivals"][name] = {
            "build_s": round(build_s, 2),
            "build_cpu_s": round(cpu_s, 2),
            "bytes": n_bytes,
        }
        for said, least in (("at_equal_recall", wanted), ("at_target", TARGET)):
            for effort in ladder:
                reached = recall(search(few, effort), true)
                if reached >= least:
                    break
            times = alternate(
                ROUNDS,
                index=lambda i: index.search(few[i % len(few)], K),
                rival=lambda i, s=search, e=effort: s(few[i % len(few)][np.newaxis], e),
            )
            outcome["rivals"][name][said] = {
                "effort": effort,
                "recall_at_10": round(reached, 4),
                **compare(times),
            }
