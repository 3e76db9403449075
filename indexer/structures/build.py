"""Structures of segments: chosen, built, tuned to a recall that is measured, written.

Whatever a structure proposes is scored again with the stored vectors, so the
similarities are the same numbers whichever it is.

Letters of shapes: N vectors, D dimensions.
"""

import logging
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from indexer.files.manifest import FileEntry, StructureEntry, StructureRequest
from indexer.files.store import GenerationWriter
from indexer.structures.keys import EXACT, candidate_keys, lists_of, refuse_large_key
from indexer.structures.recall import Sample
from indexer.structures.tournament import hold_tournament
from indexer.structures.tuning import tune

if TYPE_CHECKING:
    from indexer.backends.faiss import FaissStructure

__all__ = ["build_structure"]

Float32s = npt.NDArray[np.float32]

_TRAINING_PER_LIST = 64
# Enough for the 256 centroids of each part of a product quantiser.
_LEAST_TRAINING = 20_000

_log = logging.getLogger(__name__)


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
    keys = candidate_keys(n, dimension, request)
    if keys == (EXACT,) or n == 0:
        return None
    from indexer.backends.faiss import FaissStructure

    for key in keys:
        refuse_large_key(key, n, dimension)
    key, tried = keys[0], ()
    if len(keys) > 1:
        key, tried = hold_tournament(keys, vectors, request, seed=seed)
    n_training = max(_LEAST_TRAINING, _TRAINING_PER_LIST * lists_of(key))
    structure = FaissStructure.train(key, vectors, n_training=n_training, seed=seed)
    entry = _write_structure(writer, name, structure, key, vectors.shape)
    sample = Sample.draw(vectors, request.k, seed=seed + 1)
    effort, measure = tune(structure, sample, request.target_recall)
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
        tried=tried,
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
