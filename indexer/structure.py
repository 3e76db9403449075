"""Which structure for which size, and the recall it has: measured, not promised.

=====================  ==================================================
vectors                structure chosen by ``"auto"``
=====================  ==================================================
up to 256 MiB          none: exact search over the stored vectors
above, D up to 128     ``HNSW32``, when a million rows or fewer fit the bound
above                  ``IVF{n},SQ8``: one byte per dimension
too large for a bound  ``IVF{n},SQ4``, then ``IVF{n},PQ{m}``
=====================  ==================================================

Whatever the structure proposes is scored again with the stored vectors, so
the similarities are the same numbers.

Letters of shapes: N vectors, S sampled queries, k neighbours, D dimensions.
"""

import logging
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from indexer.backends import StructureBackend
from indexer.backends.exact import exact_candidates
from indexer.files.manifest import FileEntry, StructureEntry, StructureRequest
from indexer.files.store import GenerationWriter
from indexer.vectors import score_rows

if TYPE_CHECKING:
    from indexer.backends.faiss import FaissStructure

__all__ = [
    "AUTO",
    "EXACT",
    "RecallMeasure",
    "build_structure",
    "choose_structure",
    "measure_recall",
]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

AUTO = "auto"
EXACT = "exact"

_EXACT_BYTES = 256 << 20
_GRAPH_DIMENSIONS = 128
_GRAPH_ROWS = 1_000_000
_GRAPH_LINK_BYTES = 280
_TRAINING_PER_LIST = 64
# Enough for the 256 centroids of each part of a product quantiser.
_LEAST_TRAINING = 20_000
_N_QUERIES = 512
_MOST_REFINE = 64
_WIDEST_GRAPH_SEARCH = 4096
_SLACK = 8
_LONGEST_KEY = 100
_MOST_LINKS = 512
_ONE_SIDED_95 = 1.645

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecallMeasure:
    """How many of the true neighbours were found, over sampled stored vectors.

    Attributes
    ----------
    recall_at_k : float
        Mean share of the k true neighbours that were found; ties count.
    low : float
        Lower end of the one-sided 95 % interval of the mean.
    k, n_queries : int
    """

    recall_at_k: float
    low: float
    k: int
    n_queries: int


def choose_structure(n: int, dimension: int, request: StructureRequest) -> str:
    """Choose a structure for a segment.

    Parameters
    ----------
    n : int
        Rows of the segment.
    dimension : int
    request : StructureRequest
        An explicit key is taken as it is.

    Returns
    -------
    str
        ``"exact"`` or a FAISS factory key.
    """
    if request.key != AUTO:
        return request.key
    if 4 * n * dimension <= _EXACT_BYTES:
        return EXACT
    bound = math.inf if request.memory_mib is None else request.memory_mib << 20
    graph_bytes = n * (4 * dimension + _GRAPH_LINK_BYTES)
    if dimension <= _GRAPH_DIMENSIONS and n <= _GRAPH_ROWS and graph_bytes <= bound:
        return "HNSW32"
    n_lists = 2 ** round(math.log2(2 * math.sqrt(n)))
    overhead = 8 * n + 4 * n_lists * dimension
    if n * dimension + overhead <= bound:
        return f"IVF{n_lists},SQ8"
    if n * dimension // 2 + overhead <= bound:
        return f"IVF{n_lists},SQ4"
    room = max(1, (bound - overhead) // n)
    n_codes = max(
        m for m in range(1, dimension + 1) if dimension % m == 0 and m <= room
    )
    return f"IVF{n_lists},PQ{n_codes}"


def build_structure(
    writer: GenerationWriter,
    name: str,
    vectors: Float32s,
    request: StructureRequest,
    *,
    seed: int = 0,
) -> StructureEntry | None:
    """Build, tune, measure and write the structure of a segment.

    Effort is raised until the lower end of the interval of the recall reaches
    the target; if it cannot, the entry says so and a warning is logged.

    Parameters
    ----------
    writer : GenerationWriter
    name : str
        First part of the file name.
    vectors : ndarray of float32, shape (N, D)
        All rows of the segment.
    request : StructureRequest
    seed : int, default=0
        Chooses training rows and the queries of the measurement.

    Returns
    -------
    StructureEntry or None
        None where the segment is searched exactly.

    Raises
    ------
    ValueError
        If FAISS refuses the key, or its kind could not be checked when it is read.
    """
    n, dimension = vectors.shape
    key = choose_structure(n, dimension, request)
    if key == EXACT or n == 0:
        return None
    from indexer.backends.faiss import FaissStructure

    _refuse_large_key(key, n, dimension)
    n_training = max(_LEAST_TRAINING, _TRAINING_PER_LIST * _lists_of(key))
    structure = FaissStructure.train(key, vectors, n_training=n_training, seed=seed)
    entry = _write_structure(writer, name, structure, key, vectors.shape)
    effort, measure = _tune(structure, vectors, request, seed=seed)
    is_met = measure.low >= request.target_recall
    if not is_met:
        _log.warning(
            "structure %s reaches recall@%d %.4f (at least %.4f), not %.4f: "
            "use another structure",
            key,
            measure.k,
            measure.recall_at_k,
            measure.low,
            request.target_recall,
        )
    return StructureEntry(
        file=entry,
        key=key,
        effort=effort,
        recall_at_k=measure.recall_at_k,
        recall_low=measure.low,
        k=measure.k,
        n_queries=measure.n_queries,
        target_recall=request.target_recall,
        is_target_met=is_met,
    )


def _write_structure(
    writer: GenerationWriter,
    name: str,
    structure: "FaissStructure",
    key: str,
    shape: tuple[int, int],
) -> FileEntry:
    """Write a structure, unless it could not be checked when it is read again."""
    from indexer.backends.outline import check_outline

    with writer.new_file(f"{name}.structure.faiss") as file:
        structure.write(file)
    try:
        check_outline(writer.map_file(file.entry), shape)
    except ValueError as error:
        writer.drop_file(file.entry)
        message = (
            f"FAISS can build structure {key!r}, but it cannot be checked when it is "
            f"read again ({error}): give 'auto', 'exact' or a key of Flat, SQ, PQ, IVF "
            f"and HNSW, with PCA or OPQ before it"
        )
        raise ValueError(message) from error
    return file.entry


def measure_recall(found: Float32s, true: Float32s) -> RecallMeasure:
    """Compare the similarities that were found with those of the true neighbours.

    Comparing numbers rather than rows lets ties count, and is exact because
    both are scored by the same function.

    Parameters
    ----------
    found : ndarray of float32, shape (S, k)
        ``-inf`` or NaN in empty slots.
    true : ndarray of float32, shape (S, k)
        Of an exact search, sorted; empty slots alike.

    Returns
    -------
    RecallMeasure
    """
    is_real = np.isfinite(true)
    worst = np.where(is_real, true, np.inf).min(axis=1, keepdims=True)
    hits = (found >= worst).sum(axis=1)
    n_true = is_real.sum(axis=1)
    shares = np.minimum(hits, n_true)[n_true > 0] / n_true[n_true > 0]
    if not len(shares):
        return RecallMeasure(1.0, 1.0, true.shape[1], 0)
    mean = float(shares.mean())
    error = float(shares.std() / math.sqrt(len(shares)))
    low = mean - _ONE_SIDED_95 * error
    return RecallMeasure(mean, low, true.shape[1], len(shares))


@dataclass(frozen=True)
class _Trial:
    """A sample of stored vectors with their true neighbours."""

    structure: StructureBackend
    vectors: Float32s
    rows: Rows
    true: Float32s
    k: int

    def run(self, effort: dict[str, int]) -> RecallMeasure:
        """Measure one setting."""
        settings = {name: value for name, value in effort.items() if name != "refine"}
        wanted = min(effort["refine"] * (self.k + 1), len(self.vectors))
        queries = self.vectors[self.rows]
        found = self.structure.search(queries, wanted, effort=settings)
        similarities = score_rows(queries, self.vectors, found)
        return measure_recall(
            _nearest_others(self.rows, found, similarities, self.k), self.true
        )


def _tune(
    structure: "FaissStructure",
    vectors: Float32s,
    request: StructureRequest,
    *,
    seed: int,
) -> tuple[dict[str, int], RecallMeasure]:
    """Raise the effort until the target holds, then take back what is not needed."""
    n = len(vectors)
    rng = np.random.default_rng(seed + 1)
    rows = np.sort(rng.choice(n, min(_N_QUERIES, n), replace=False))
    k = max(1, min(request.k, n - 1))
    queries = vectors[rows]
    found, similarities = exact_candidates(queries, vectors, min(k + 1 + _SLACK, n))
    true = _nearest_others(rows, found, similarities, k)
    trial = _Trial(structure, vectors, rows, true, k)
    names = structure.effort_names
    limits = {"nprobe": structure.n_lists, "efSearch": _WIDEST_GRAPH_SEARCH}
    starts = {"nprobe": max(1, structure.n_lists // 256), "efSearch": 32}
    effort = {"refine": 2, **{name: starts[name] for name in names}}
    measure = trial.run(effort)
    while measure.low < request.target_recall:
        better = _raise_effort(trial, effort, measure, names, limits)
        if better is None:
            return effort, measure
        effort, measure = better
    for name in names:
        effort, measure = _take_back(trial, effort, measure, name, request)
    return effort, measure


def _raise_effort(
    trial: _Trial,
    effort: dict[str, int],
    measure: RecallMeasure,
    names: tuple[str, ...],
    limits: dict[str, int],
) -> tuple[dict[str, int], RecallMeasure] | None:
    """Double what gains more: breadth or refinement; None when both are spent."""
    options = []
    for name in (*names, "refine"):
        limit = _MOST_REFINE if name == "refine" else limits[name]
        if effort[name] < limit:
            raised = {**effort, name: min(2 * effort[name], limit)}
            options.append((trial.run(raised), raised))
    if not options:
        return None
    best, raised = max(options, key=lambda option: option[0].recall_at_k)
    if best.recall_at_k <= measure.recall_at_k and len(options) == 1:
        return None
    return raised, best


def _take_back(
    trial: _Trial,
    effort: dict[str, int],
    measure: RecallMeasure,
    name: str,
    request: StructureRequest,
) -> tuple[dict[str, int], RecallMeasure]:
    """Halve the last doubling twice where the target still holds."""
    low, high = effort[name] // 2, effort[name]
    for _ in range(3):
        middle = (low + high) // 2
        if middle in {low, high}:
            break
        tried = trial.run({**effort, name: middle})
        if tried.low >= request.target_recall:
            high, measure = middle, tried
        else:
            low = middle
    return {**effort, name: high}, measure


def _nearest_others(
    rows: Rows, found: Rows, similarities: Float32s, k: int
) -> Float32s:
    """Leave out each stored row itself among what was found for it; keep k."""
    similarities[found == rows[:, np.newaxis]] = -np.inf
    best: Float32s = -np.sort(-similarities, axis=1)[:, :k]
    return best


def _refuse_large_key(key: str, n: int, dimension: int) -> None:
    """Refuse numbers in a key that FAISS would take memory for before it looks."""
    limits = {"IVF": n, "HNSW": _MOST_LINKS}
    for name, number in re.findall(r"([A-Za-z]*)_?([0-9]+)", key[:_LONGEST_KEY]):
        limit = limits.get(name, 4 * dimension + 64)
        if len(key) > _LONGEST_KEY or int(number) > limit:
            message = (
                f"FAISS cannot build structure {key!r:.80} over {n} vectors of "
                f"{dimension} dimensions ({name}{number} is too large): give 'auto', "
                f"'exact' or another factory key"
            )
            raise ValueError(message)


def _lists_of(key: str) -> int:
    """Read the number of inverted lists off a key; 0 without any."""
    for part in key.split(","):
        digits = part.removeprefix("IVF").partition("_")[0]
        if part.startswith("IVF") and digits.isdigit():
            return int(digits)
    return 0
