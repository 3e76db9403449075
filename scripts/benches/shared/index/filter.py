"""An index with a filter beside bare FAISS, gathered or with a selector."""

from pathlib import Path

import numpy as np

from indexer import VectorIndex
from scripts.benches.shared.index.timing import alternate, compare, recall

K = 10


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
    # As many candidates as the index takes: one neighbour more may be the item itself.
    refined.k_factor = refine * (entry.k + 1) / entry.k
    settings = ",".join(f"{name}={value}" for name, value in entry.effort.items())
    return (
        (base, refined),
        lambda queries, k: refined.search(queries, k),
        (f"{entry.key} ({settings}) in IndexRefineFlat"),
    )


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


SHARES = (0.001, 0.01, 0.1, 0.5)


def measure_shares(index, queries, outcome, rounds=20):
    """Filters that keep some of the items, beside exact search of the same items.

    `thousandth` has nothing to do with the vectors, `side` cuts their space in two.
    """
    result = {}
    for column in ("thousandth", "side"):
        for share in SHARES:
            where = {column: (0, round(1000 * share) - 1)}
            few = queries[:200]
            true = index.search(few, K, where=where, exact=True)
            found = index.search(few, K, where=where)
            row = {
                "recall_at_10": round(recall(found.rows, true.rows), 4),
                "is_short": bool((found.rows < 0).any()),
            }
            for size, n in ((1, rounds), (100, 3)):
                batches = [few[i : i + size] for i in range(0, len(few), size)]
                searches = {
                    "index": lambda q, w=where: index.search(q, K, where=w),
                    "exact": lambda q, w=where: index.search(q, K, where=w, exact=True),
                }
                row[f"{size} at once"] = compare(
                    alternate(n, **_over(searches, batches))
                )
            result[f"{column}, {100 * share:g} %"] = row
    outcome["filters"] = result
