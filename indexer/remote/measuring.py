"""Measuring searches of a store on a server against exact ones, and describing it.

Letters of shapes: S sampled items, k neighbours, D dimensions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.files.problems import Problem
from indexer.remote.about import About, Structure
from indexer.remote.search_request import MEASURED_K, SearchRequest
from indexer.result import SearchResult
from indexer.structures import RecallMeasure, measure_recall

__all__ = [
    "N_MEASURED",
    "REPAIR",
    "Sampled",
    "choose_effort",
    "describe",
    "find_lost",
    "find_poor_recall",
    "measure_searches",
]

Float32s = npt.NDArray[np.float32]

N_MEASURED = 64
REPAIR = "build the index again, or restore the database from a backup"
_TOLERANCE = 0.02


@dataclass(frozen=True)
class Sampled:
    """Some stored items, and how to search the store that holds them."""

    ids: Sequence[str]
    vectors: Float32s
    find: Callable[[SearchRequest], SearchResult]


def choose_effort(
    structure: Structure,
    efforts: Sequence[int],
    measure: Callable[[Structure], RecallMeasure],
) -> Structure:
    """Find the least effort that reaches the recall wanted, and measure it."""
    tried = structure
    for effort in efforts:
        tried = replace(structure, has_graph=True, effort=effort)
        found = measure(tried)
        tried = replace(
            tried, recall_at_k=found.recall_at_k, recall_low=max(0.0, found.low)
        )
        if found.low >= structure.target_recall:
            return tried
    return tried


def measure_searches(sampled: Sampled) -> RecallMeasure:
    """Compare searches for some stored items, each without itself, with exact ones."""
    if not len(sampled.ids):
        return RecallMeasure(1.0, 1.0, MEASURED_K, 0)
    request = SearchRequest(
        queries=sampled.vectors,
        k=MEASURED_K,
        where={},
        excluded=[[one] for one in sampled.ids],
    )
    found = sampled.find(request)
    true = sampled.find(replace(request, exact=True))
    return measure_recall(_filled(found.similarities), _filled(true.similarities))


def find_lost(sampled: Sampled) -> list[Problem]:
    """Name sampled items that an exact search for their own vector does not find."""
    if not len(sampled.ids):
        return []
    with np.errstate(all="ignore"):
        request = SearchRequest(queries=sampled.vectors, k=1, where={}, exact=True)
        found = sampled.find(request)
    lost = [
        one
        for one, best in zip(sampled.ids, found.similarities[:, 0], strict=True)
        if not best > 1 - 1e-5
    ]
    return [
        Problem(id=one, what="it is not found by its own vector", repair=REPAIR)
        for one in lost[:20]
    ]


def find_poor_recall(
    measured: RecallMeasure, structure: Structure, file: str
) -> list[Problem]:
    """Name searches that find less than was wanted when the structure was built."""
    if measured.recall_at_k >= structure.target_recall - _TOLERANCE:
        return []
    what = f"searches find {measured.recall_at_k:.3f} of the true ten nearest, {structure.target_recall} is wanted"
    return [Problem(file=file, what=what, repair="build the index again")]


def _filled(similarities: Float32s) -> Float32s:
    return np.nan_to_num(similarities, nan=-np.inf)


def describe(about: About, *, structure: str, **of_engine: Any) -> dict[str, Any]:
    """Say what a store holds, as plain values that go into JSON.

    Parameters
    ----------
    about : About
    structure : str
        What proposes where there are many items, with its effort.
    **of_engine
        Values that differ between engines, such as ``bytes`` and ``versions``.
    """
    how = about.structure
    return {
        "generation": about.generation,
        "n": about.n_items,
        "dimension": about.dimension,
        "structure": structure if how.has_graph else "exact",
        "recall_at_k": how.recall_at_k,
        "k": MEASURED_K,
        "target_recall": how.target_recall,
        "exact_up_to": how.exact_up_to,
        "segments": [],
        "tombstones": 0,
        "fingerprints": dict(about.fingerprints),
        "columns": {field.name: str(field.type) for field in about.schema},
        "history": [],
        **of_engine,
        "created": about.changed,
        "ok": True,
        "problems": [],
    }
