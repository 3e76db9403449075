"""Which structure is best for these vectors: each is built and searched on a sample.

Lists of the sample are as long as those of the whole, and all of them are searched:
a query compares about as many codes as it will over all vectors, so costs can be
compared between structures. They say nothing about the whole.

Which structures reach the recall is counted, and what a query reads is computed: both
come out alike on every run. Clocks only decide where they differ by a quarter, and
never let a structure win that misses the recall.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.backends import StructureBackend
from indexer.files.manifest import StructureRequest, TriedStructure
from indexer.structures.keys import bytes_per_vector, lists_of
from indexer.structures.recall import RecallMeasure, Sample
from indexer.structures.tuning import MOST_REFINE
from indexer.vectors import decoded

__all__ = ["choose", "hold_tournament"]

# Of all rows; with five structures the whole takes less than a tenth of a build.
_SHARE = 24
_LEAST_ROWS = 4096
_MOST_ROWS = 32_768
_LEAST_LISTS = 4
# Few: the codes only have to be about as good as those of the whole.
_TRAINING_ROWS = 2048
_N_QUERIES = 128
_GRAPH_WIDTH = 64
_GRAPH_LINKS = 64
# What reads more wins only where it is so much quicker: clocks are noisy.
_CLEARLY = 0.8

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
    vectors : ndarray of float32, float16 or int8, shape (N, D)
        As they are stored.
    request : StructureRequest
        Its recall must be reached. Of those that reach it ``"small"`` takes the
        smallest, any other preference the one that reads the fewest bytes for a
        query, unless another is clearly quicker.
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
        np.ascontiguousarray(decoded(vectors[rows])),
        request.k,
        seed=seed,
        n_queries=_N_QUERIES,
    )
    trials = [_try(key, sample, n_rows / n, request, seed) for key in keys]
    seconds = sample.times([(trial.structure, trial.effort) for trial in trials])
    n_scored_bytes = sample.k * vectors[:1].nbytes
    tried = tuple(
        _describe(trial, sample, n_scored_bytes, one)
        for trial, one in zip(trials, seconds, strict=True)
    )
    for entry in tried:
        _log.info("structure tried on %d rows: %s", n_rows, entry)
    return choose(tried, request), tried


@dataclass(frozen=True)
class _Trial:
    """A structure over the sample, and the least refinement that reaches the recall."""

    key: str
    structure: StructureBackend
    effort: dict[str, int]
    measure: RecallMeasure
    seconds: float


def choose(tried: Sequence[TriedStructure], request: StructureRequest) -> str:
    """Choose among structures by what was measured; see `hold_tournament`."""
    able = [one for one in tried if one.recall_at_k >= request.target_recall]
    if not able:
        return max(tried, key=lambda one: one.recall_at_k).key
    if request.prefer == "small":
        return min(able, key=lambda one: (one.n_bytes, one.read_bytes)).key
    best, *others = sorted(able, key=lambda one: one.read_bytes)
    for other in others:
        if other.query_ms < _CLEARLY * best.query_ms:
            best = other
    return best.key


def _try(
    key: str, sample: Sample, share: float, request: StructureRequest, seed: int
) -> _Trial:
    from indexer.backends.faiss import FaissStructure

    start = time.perf_counter()
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
    return _Trial(key, structure, effort, measure, time.perf_counter() - start)


def _describe(
    trial: _Trial, sample: Sample, n_scored_bytes: int, seconds: float
) -> TriedStructure:
    """Say what a trial measured; `n_scored_bytes` are read to score k candidates."""
    n, dimension = sample.vectors.shape
    n_compared = n
    if "efSearch" in trial.effort:
        n_compared = min(n, _GRAPH_LINKS * trial.effort["efSearch"])
    n_bytes = bytes_per_vector(trial.key, dimension)
    n_read = n_compared * n_bytes + trial.effort["refine"] * n_scored_bytes
    return TriedStructure(
        key=trial.key,
        n_bytes=n_bytes,
        query_ms=round(1e3 * seconds, 4),
        recall_at_k=trial.measure.recall_at_k,
        refine=trial.effort["refine"],
        n_rows=n,
        seconds=round(trial.seconds, 3),
        read_bytes=n_read,
    )
