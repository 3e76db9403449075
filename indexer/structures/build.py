"""Structures of segments: chosen, built, tuned to a recall that is measured, written.

Whatever a structure proposes is scored again with the stored vectors, so the
similarities are the same numbers whichever it is.

Letters of shapes: N vectors, D dimensions.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from indexer.backends import StructureBackend
from indexer.files.manifest import (
    FileEntry,
    StructureEntry,
    StructureRequest,
    TriedStructure,
)
from indexer.files.store import GenerationWriter
from indexer.structures.keys import EXACT, candidate_keys, lists_of, refuse_wild_key
from indexer.structures.recall import RecallMeasure, Sample
from indexer.structures.tournament import hold_tournament
from indexer.structures.tuning import tune

if TYPE_CHECKING:
    from indexer.backends.faiss import FaissStructure

__all__ = ["Former", "build_structure"]

# With 64 and ten iterations of k-means lists find no more, and take twice as long.
_TRAINING_PER_LIST = 40
# Enough for the 256 centroids of each part of a product quantiser.
_LEAST_TRAINING = 20_000
# How much further from the centres of their cells vectors may lie than those did
# that the cells were made from.
_MOST_DRIFT = 1.2
_SEED = 0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Former:
    """The structure of a segment whose rows go into a larger one.

    Its quantisers were trained on vectors of the same index: they are used again,
    which spares half of a build, while they fit; and so are its lists, where the rows
    go on in their order.

    Attributes
    ----------
    entry : StructureEntry
    structure : StructureBackend
    n_kept : int
        How many of the first rows of the larger segment are all of its own; 0 where
        they are others, or in another order.
    """

    entry: StructureEntry
    structure: StructureBackend
    n_kept: int = 0


def build_structure(
    writer: GenerationWriter,
    name: str,
    vectors: npt.NDArray[Any],
    request: StructureRequest,
    *,
    former: Former | None = None,
) -> StructureEntry | None:
    """Build, tune, measure and write the structure of a segment.

    Effort is raised until the lower end of the interval of the recall reaches
    the target; if it cannot, the entry says so and a warning is logged.

    Parameters
    ----------
    writer : GenerationWriter
    name : str
        First part of the file name.
    vectors : ndarray of float32, float16 or int8, shape (N, D)
        All rows of the segment, as they are stored.
    request : StructureRequest
    former : Former, optional
        Whose quantisers may be used again.

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
    keys = candidate_keys(n, dimension, request)
    if keys == (EXACT,) or n == 0:
        return None
    for key in keys:
        refuse_wild_key(key, n, dimension)
    sample = Sample.draw(vectors, request.k, seed=_SEED + 1)
    built = None
    if former is not None and _is_alike(former.entry.key, keys):
        built = _fill_again(former, vectors, sample, request)
    if built is None:
        built = _build_anew(keys, vectors, sample, request)
    structure, entry = built
    file = _write_structure(writer, name, structure, entry.key, vectors.shape)
    if not entry.is_target_met:
        _log.warning(
            "structure %s reaches recall@%d %.4f (at least %.4f), not %.4f: "
            "use another structure",
            entry.key,
            entry.k,
            entry.recall_at_k,
            entry.recall_low,
            entry.target_recall,
        )
    return replace(entry, file=file)


def _build_anew(
    keys: Sequence[str],
    vectors: npt.NDArray[Any],
    sample: Sample,
    request: StructureRequest,
) -> "tuple[FaissStructure, StructureEntry]":
    """Choose a structure, train it and put the vectors in."""
    from indexer.backends.faiss import FaissStructure

    key: str = keys[0]
    tried: tuple[TriedStructure, ...] = ()
    if len(keys) > 1:
        key, tried = hold_tournament(keys, vectors, request, seed=_SEED)
    n_training = max(_LEAST_TRAINING, _TRAINING_PER_LIST * lists_of(key))
    structure = FaissStructure.train(key, vectors, n_training=n_training, seed=_SEED)
    fit = structure.cell_fit(sample.queries)
    effort, measure = tune(structure, sample, request.target_recall)
    entry = _entry(key, effort, measure, request)
    return structure, replace(
        entry, tried=tried, n_trained=len(vectors), trained_fit=fit, cell_fit=fit
    )


def _is_alike(key: str, keys: Sequence[str]) -> bool:
    """Whether a structure may go on: it is one of those, with about as many lists."""
    n_lists = lists_of(key)
    if not n_lists:
        return False
    wanted = {lists_of(one) for one in keys}
    same = {one.replace(f"IVF{lists_of(one)},", f"IVF{n_lists},", 1) for one in keys}
    return key in same and all(n_lists <= n <= 2 * n_lists for n in wanted)


def _fill_again(
    former: Former, vectors: npt.NDArray[Any], sample: Sample, request: StructureRequest
) -> "tuple[FaissStructure, StructureEntry] | None":
    """Put vectors into quantisers that were trained before; None where they drifted."""
    from indexer.backends.faiss import FaissStructure

    entry = former.entry
    if not isinstance(former.structure, FaissStructure) or entry.trained_fit is None:
        return None
    fit = former.structure.cell_fit(sample.queries)
    lost = 1 - entry.trained_fit
    if fit is None or 1 - fit > _MOST_DRIFT * lost:
        _log.info("structure %s is trained anew: its cells drifted", entry.key)
        return None
    structure = former.structure.filled_with(vectors, former.n_kept)
    effort, measure = tune(structure, sample, request.target_recall)
    if measure.low < request.target_recall:
        return None
    made = _entry(entry.key, effort, measure, request)
    return structure, replace(
        made,
        tried=entry.tried,
        n_trained=entry.n_trained,
        trained_fit=entry.trained_fit,
        cell_fit=fit,
    )


def _entry(
    key: str, effort: dict[str, int], measure: RecallMeasure, request: StructureRequest
) -> StructureEntry:
    return StructureEntry(
        file=FileEntry("", 0, ""),
        key=key,
        effort=effort,
        recall_at_k=measure.recall_at_k,
        recall_low=measure.low,
        k=measure.k,
        n_queries=measure.n_queries,
        target_recall=request.target_recall,
        is_target_met=measure.low >= request.target_recall,
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
            f"read again ({error}): give 'auto', 'exact' or a key of Flat, SQ, PQ, "
            f"RaBitQ, IVF and HNSW, with PCA or OPQ before it"
        )
        raise ValueError(message) from error
    return file.entry
