"""Which structure is best for these vectors: each is built and searched on a sample.

Lists of the sample are as long as those of the whole, and all of them are searched:
a query compares about as many codes as it will over all vectors, so times can be
compared between structures. They say nothing about the whole.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.files.manifest import StructureRequest, TriedStructure
from indexer.structures.keys import bytes_per_vector, lists_of
from indexer.structures.recall import Sample
from indexer.structures.tuning import MOST_REFINE
from indexer.vectors import decoded

__all__ = ["hold_tournament"]

# Of all rows; with four structures the whole takes less than a tenth of a build.
_SHARE = 24
_LEAST_ROWS = 4096
_MOST_ROWS = 32_768
_LEAST_LISTS = 4
# Few: the codes only have to be about as good as those of the whole.
_TRAINING_ROWS = 2048
_GRAPH_WIDTH = 64
# Structures whose times differ by less are equally quick: the smaller one wins.
_ALIKE = 1.1

_log = logging.getLogger(__name__)


def hold_tournament(
    keys: Sequence[str],
    vectors: npt.NDArray[Any],
    request: StructureRequest,
    *,
    seed: int = 0,
) -> tuple[str, tuple[TriedStructure, ...]]:
    """Build each structure over a sample, search it, and choose.

    Parameters
    ----------
    keys : sequence of str
        FAISS factory keys, for all vectors.
    vectors : ndarray of float32 or float16, shape (N, D)
        As they are stored.
    request : StructureRequest
        Its recall must be reached. Of those that reach it ``"small"`` takes the
        smallest, any other preference the quickest.
    seed : int, default=0
        Chooses the sample.

    Returns
    -------
    key : str
        The best.
    tried : tuple of TriedStructure
        What was measured, in the order of `keys`.
    """
    rng = np.random.default_rng(seed + 2)
    n = len(vectors)
    n_rows = min(n, max(_LEAST_ROWS, min(n // _SHARE, _MOST_ROWS)))
    rows = np.sort(rng.choice(n, n_rows, replace=False))
    sample = Sample.draw(
        np.ascontiguousarray(decoded(vectors[rows])), request.k, seed=seed
    )
    tried = tuple(_try(key, sample, n_rows / n, request, seed) for key in keys)
    return _choose(tried, request), tried


def _choose(tried: Sequence[TriedStructure], request: StructureRequest) -> str:
    able = [one for one in tried if one.recall_at_k >= request.target_recall]
    if not able:
        return max(tried, key=lambda one: one.recall_at_k).key
    if request.prefer == "small":
        return min(able, key=lambda one: (one.n_bytes, one.query_ms)).key
    quickest = min(one.query_ms for one in able)
    alike = [one for one in able if one.query_ms <= _ALIKE * quickest]
    return min(alike, key=lambda one: (one.n_bytes, one.query_ms)).key


def _try(
    key: str, sample: Sample, share: float, request: StructureRequest, seed: int
) -> TriedStructure:
    from indexer.backends.faiss import FaissStructure

    start = time.perf_counter()
    n, dimension = sample.vectors.shape
    n_lists = lists_of(key)
    if n_lists:
        n_here = max(_LEAST_LISTS, round(n_lists * share))
        small_key = key.replace(f"IVF{n_lists}", f"IVF{n_here}", 1)
    else:
        small_key = key
    structure = FaissStructure.train(
        small_key, sample.vectors, n_training=_TRAINING_ROWS, seed=seed
    )
    effort = {"refine": 1}
    for name in structure.effort_names:
        effort[name] = structure.n_lists if name == "nprobe" else _GRAPH_WIDTH
    measure = sample.measure(structure, effort)
    while (
        measure.recall_at_k < request.target_recall and effort["refine"] < MOST_REFINE
    ):
        effort["refine"] *= 2
        measure = sample.measure(structure, effort)
    seconds = sample.time(structure, effort)
    tried = TriedStructure(
        key=key,
        n_bytes=bytes_per_vector(key, dimension),
        query_ms=round(1e3 * seconds, 4),
        recall_at_k=measure.recall_at_k,
        refine=effort["refine"],
        n_rows=n,
        seconds=round(time.perf_counter() - start, 3),
    )
    _log.info("structure %s, tried on %d rows: %s", key, n, tried)
    return tried
