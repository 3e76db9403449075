"""Recall of new queries: of all, and of each tenth by how hard they are."""

import numpy as np

from scripts.benches.shared.index.timing import recall

K = 10
N_NEAR = 100


def hardness_of(similarities):
    """Local intrinsic dimension of each query, from its hundred nearest.

    The more vectors crowd at the same distance, the higher it is, and the easier a
    structure misses one (Amsaleg et al. 2015).
    """
    distances = np.sqrt(np.maximum(2 - 2 * similarities.astype(np.float64), 1e-12))
    shares = np.log(distances / distances.max(axis=1, keepdims=True))
    return -1 / np.minimum(shares.mean(axis=1), -1e-12)


def measure_recall_of_new(index, queries, outcome):
    """Compare searches with exact ones, by tenths of hardness; give the true rows."""
    near = index.search(queries, N_NEAR, exact=True)
    true = near.rows[:, :K]
    found = index.search(queries, K)
    order = np.argsort(hardness_of(near.similarities))
    tenths = [
        round(recall(found.rows[some], true[some]), 4)
        for some in np.array_split(order, 10)
    ]
    same = found.rows == true
    outcome["recall"] = {
        "queries": "new draws of the same kind",
        "n_queries": len(queries),
        "recall_at_10": round(recall(found.rows, true), 4),
        "stated_recall_at_10": round(index.info()["recall_at_k"], 4),
        "by_tenth_of_hardness": tenths,
        "worst_tenth": min(tenths),
        "same_similarities_as_exact": bool(
            (found.similarities == near.similarities[:, :K])[same].all()
        ),
    }
    return true
