"""Looking for damage, and naming it.

Letters of shapes: S sampled items, D dimensions.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.changes.updates import describe
from indexer.errors import IndexDamagedError, IndexMismatchError, IndexReadError
from indexer.files import store
from indexer.files.checking import inconsistencies
from indexer.files.manifest import FileEntry, Manifest
from indexer.files.opening import MappedFile
from indexer.files.problems import (
    REPAIR_BACK,
    REPAIR_CURRENT,
    REPAIR_LINK,
    REPAIR_LOOKUP,
    REPAIR_PAST,
    REPAIR_RIGHTS,
    REPAIR_STRANGER,
    REPAIR_STRUCTURE,
    Problem,
    VerifyReport,
)
from indexer.files.segment import Segment
from indexer.files.snapshot import Snapshot
from indexer.files.sweeping import find_strangers
from indexer.ids import hash_ids
from indexer.local.search import Allowed, search_snapshot
from indexer.structures import RecallMeasure, measure_recall
from indexer.vectors import INT8_PEAK

__all__ = ["measure_index_recall", "verify_folder"]

_N_SAMPLED = 256
_BLOCK_ROWS = 65_536
# Of squared lengths; half precision rounds them.
_UNIT_TOLERANCES = {"float32": 1e-4, "float16": 4e-3, "int8": 1e-4}
_SELF_TOLERANCE = 1e-5
_MOST_LISTED = 100


def verify_folder(
    folder: Path, *, n_sampled: int = _N_SAMPLED, seed: int = 0
) -> VerifyReport:
    """Check the current generation, and the files of the older ones that are kept.

    Parameters
    ----------
    folder : Path
    n_sampled : int, default=256
        Items that are searched for, to check self-retrieval and recall; 0
        leaves those checks out.
    seed : int, default=0
        Chooses them.

    Returns
    -------
    VerifyReport

    Raises
    ------
    IndexNotFoundError
        If there is no index.
    IndexMismatchError
        If a newer release wrote it.
    """
    problems: list[Problem] = []
    checks: dict[str, float] = {"files": 0, "bytes": 0}
    info: dict[str, Any] = {}
    manifest = _find_manifest(folder, problems)
    if manifest is not None:
        info = _check_manifest(folder, manifest, problems, checks, (n_sampled, seed))
    known = {problem.file for problem in problems}
    problems.extend(p for p in _check_strangers(folder) if p.file not in known)
    return VerifyReport(
        ok=not problems, problems=tuple(problems), info=info, checks=checks
    )


def _check_manifest(
    folder: Path,
    manifest: Manifest,
    problems: list[Problem],
    checks: dict[str, float],
    sample: tuple[int, int],
) -> dict[str, Any]:
    """Check what a generation names; give what can be said of it."""
    checked: dict[FileEntry, bool] = {}
    problems.extend(_check_files(folder, manifest, checked, generation=None))
    for past in manifest.history:
        problems.extend(_check_past(folder, past.generation, checked))
    checks["files"] = len(checked)
    checks["bytes"] = sum(entry.n_bytes for entry in checked)
    wrong = [
        Problem(file=path, what=what, repair=REPAIR_BACK)
        for path, what in inconsistencies(manifest)
    ]
    problems.extend(wrong)
    if not wrong and all(checked[entry] for entry in manifest.files):
        try:
            snapshot = Snapshot(folder, manifest)
            info = describe(snapshot)
            wrong = list(_check_content(snapshot))
            checks["items"] = len(snapshot)
            # Searches take for granted that the counts are right.
            problems.extend(wrong or _check_answers(snapshot, *sample, checks))
            return info
        except IndexDamagedError as error:
            path = store.manifest_path(manifest.generation)
            problems.append(Problem(file=path, what=str(error), repair=REPAIR_BACK))
    return {
        "generation": manifest.generation,
        "n": manifest.n_items,
        "dimension": manifest.dimension,
        "k": manifest.request.k,
        "tombstones": manifest.n_dead,
        "fingerprints": dict(manifest.fingerprints),
    }


def _check_strangers(folder: Path) -> Iterator[Problem]:
    """Name what lies in the folder and is not the index's."""
    found = find_strangers(folder)
    for path, what in itertools.islice(found, _MOST_LISTED):
        is_link = (folder / path).is_symlink()
        repair = REPAIR_LINK if is_link else REPAIR_STRANGER
        yield Problem(file=path, what=what, repair=repair, is_stranger=True)
    n_more = sum(1 for _ in found)
    if n_more:
        what = f"it holds {n_more} more that are no part of the index"
        yield Problem(file=".", what=what, repair=REPAIR_STRANGER, is_stranger=True)


def measure_index_recall(
    snapshot: Snapshot, *, k: int = 10, n_sampled: int = _N_SAMPLED, seed: int = 0
) -> RecallMeasure:
    """Compare searches of stored items, themselves left out, with exact search.

    Parameters
    ----------
    snapshot : Snapshot
    k : int, default=10
    n_sampled : int, default=256
        Stored items to search for; their number bounds the interval's width.
    seed : int, default=0
    """
    rng = np.random.default_rng(seed)
    n = min(n_sampled, len(snapshot))
    rows = np.sort(rng.choice(len(snapshot), n, replace=False)) if n else np.zeros(0)
    places = snapshot.places_of(rows.astype(np.int64))
    queries = snapshot.vectors_at(places)
    answers = [
        search_snapshot(
            snapshot,
            queries,
            k,
            Allowed(excluded=list(places[:, np.newaxis])),
            is_exact=is_exact,
        ).similarities
        for is_exact in (False, True)
    ]
    return measure_recall(*answers)


def _find_manifest(folder: Path, problems: list[Problem]) -> Manifest | None:
    """Read the current manifest; where that fails, say what is wrong."""
    try:
        generation = store.current_generation(folder)
    except IndexReadError as error:
        problems.append(
            Problem(
                file=store.CURRENT,
                what=str(error),
                repair=_allow(folder, store.CURRENT),
            )
        )
        return None
    except IndexDamagedError:
        problems.append(
            Problem(
                file=store.CURRENT,
                what="is not what was written",
                repair=REPAIR_CURRENT,
            )
        )
        whole = store.whole_generations(folder)
        if not whole:
            return None
        generation = whole[-1]
    path = store.manifest_path(generation)
    try:
        manifest = store.past_manifest(folder, generation)
        # A first build may have died just before it: then nothing is lost.
        if manifest.parent is not None and not (folder / store.CURRENT).exists():
            problems.append(
                Problem(file=store.CURRENT, what="is missing", repair=REPAIR_CURRENT)
            )
        return manifest
    except IndexDamagedError as error:
        problems.append(Problem(file=path, what=str(error), repair=REPAIR_BACK))
    except IndexReadError as error:
        repair = _allow(folder, path)
        problems.append(Problem(file=path, what=str(error), repair=repair))
    return None


def _allow(folder: Path, path: str) -> str:
    """Say what lets a file be read that is there."""
    places = (folder / path, (folder / path).parent)
    is_linked = any(place.is_symlink() for place in places if place != folder)
    return REPAIR_LINK if is_linked else REPAIR_RIGHTS


def _check_files(
    folder: Path,
    manifest: Manifest,
    checked: dict[FileEntry, bool],
    *,
    generation: int | None,
) -> Iterator[Problem]:
    """Compare size and checksum of every file that was not looked at before."""
    repairs = dict(_repairs_of(manifest))
    for entry in manifest.files:
        if entry in checked:
            continue
        repair = REPAIR_PAST if generation else repairs[entry.path]
        what = None
        try:
            if not MappedFile(folder, entry).is_whole():
                what = "its checksum is wrong"
        except IndexDamagedError as error:
            what = str(error)
        except IndexReadError as error:
            what, repair = str(error), _allow(folder, entry.path)
        checked[entry] = what is None
        if what is not None:
            yield Problem(
                file=entry.path, what=what, repair=repair, generation=generation
            )


def _repairs_of(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Say for each file what helps when it is damaged."""
    for segment in manifest.segments:
        for entry in segment.files:
            yield entry.path, REPAIR_BACK
        yield segment.lookup.path, REPAIR_LOOKUP
        if segment.structure is not None:
            yield segment.structure.file.path, REPAIR_STRUCTURE


def _check_past(
    folder: Path, generation: int, checked: dict[FileEntry, bool]
) -> Iterator[Problem]:
    """Check an older generation that is kept for `rollback`."""
    try:
        manifest = store.past_manifest(folder, generation)
    except (IndexDamagedError, IndexMismatchError, IndexReadError) as error:
        path = store.manifest_path(generation)
        is_refused = isinstance(error, IndexReadError)
        yield Problem(
            file=path,
            what=str(error),
            repair=_allow(folder, path) if is_refused else REPAIR_PAST,
            generation=generation,
        )
        return
    yield from _check_files(folder, manifest, checked, generation=generation)


def _check_content(snapshot: Snapshot) -> Iterator[Problem]:
    """Check lengths of vectors, the lookup, and that ids are unique."""
    seen: list[npt.NDArray[np.uint64]] = []
    for segment in snapshot.segments:
        entry = segment.entry
        yield from _check_lengths(segment)
        names = segment.ids_at(np.arange(len(segment), dtype=np.int64))
        hashes = hash_ids(names.tolist())
        if not segment.has_lookup_of(hashes):
            what = "it does not belong to the ids"
            yield Problem(file=entry.lookup.path, what=what, repair=REPAIR_LOOKUP)
        if segment.lost_structure:
            what = "it is no structure of these vectors that can be used"
            path = segment.lost_structure
            yield Problem(file=path, what=what, repair=REPAIR_STRUCTURE)
        seen.append(hashes[segment.live_rows])
    joined = np.concatenate([np.zeros(0, dtype=np.uint64), *seen])
    if len(np.unique(joined)) < len(joined):
        yield from _check_unique(snapshot)


def _check_unique(snapshot: Snapshot) -> Iterator[Problem]:
    """Name ids that are alive twice; called when two hashes are equal."""
    names, counts = np.unique(snapshot.ids.astype(str), return_counts=True)
    for name in names[counts > 1][:_MOST_LISTED].tolist():
        yield Problem(id=name, what="the id is in the index twice", repair=REPAIR_BACK)


def _check_lengths(segment: Segment) -> Iterator[Problem]:
    """Check that every stored vector has length one."""
    for start in range(0, len(segment), _BLOCK_ROWS):
        block = segment.vectors[start : start + _BLOCK_ROWS].astype(np.float32)
        if segment.entry.store == "int8":  # stretched: the largest number says it
            block = np.abs(block).max(axis=1, keepdims=True) / INT8_PEAK
        with np.errstate(all="ignore"):
            squares = np.einsum("nd,nd->n", block, block)
        tolerance = _UNIT_TOLERANCES[segment.entry.store]
        wrong = np.flatnonzero(~(np.abs(squares - 1) < tolerance))
        for row in wrong[:3].tolist():
            name = segment.ids_at(np.array([start + row]))[0]
            what = f"its vector has length {float(np.sqrt(squares[row])):.6g}, not 1"
            path = segment.entry.vectors.path
            yield Problem(file=path, id=name, what=what, repair=REPAIR_BACK)


def _check_answers(
    snapshot: Snapshot, n_sampled: int, seed: int, checks: dict[str, float]
) -> Iterator[Problem]:
    """Search for stored items: each must find itself, and its neighbours."""
    n = min(n_sampled, len(snapshot))
    if not n:
        return
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(snapshot), n, replace=False)).astype(np.int64)
    places = snapshot.places_of(rows)
    answer = search_snapshot(snapshot, snapshot.vectors_at(places), 1, Allowed())
    checks["self_retrieval_queries"] = n
    lost = np.flatnonzero(~(answer.similarities[:, 0] >= 1 - _SELF_TOLERANCE))
    # What a structure does not promise to find is no damage.
    promised = [
        segment.entry.structure.target_recall
        for segment in snapshot.segments
        if segment.entry.structure is not None
    ]
    if len(lost) <= (1 - min(promised, default=1)) * n:
        lost = lost[:0]
    for position in lost[:3].tolist():
        name = str(snapshot.ids_at(places[position : position + 1])[0])
        what = f"{len(lost)} of {n} sampled items do not find themselves, as this one"
        yield Problem(id=name, what=what, repair=REPAIR_STRUCTURE)
    manifest = snapshot.manifest
    if all(segment.structure is None for segment in manifest.segments):
        return
    measure = measure_index_recall(
        snapshot, k=manifest.request.k, n_sampled=n, seed=seed + 1
    )
    checks["recall_at_k"] = measure.recall_at_k
    checks["recall_queries"] = measure.n_queries
    _note_drift(manifest, checks)
    # The sample has its own error: only a clear miss is a problem.
    margin = 2 * (measure.recall_at_k - measure.low)
    promised = [
        segment.structure.target_recall
        for segment in manifest.segments
        if segment.structure is not None and segment.structure.is_target_met
    ]
    if promised and measure.recall_at_k + margin < min(promised):
        what = (
            f"recall@{measure.k} is {measure.recall_at_k:.4f} on {measure.n_queries} "
            f"sampled items, {min(promised)} was promised"
        )
        path = store.manifest_path(manifest.generation)
        repair = "run 'python -m indexer rebuild FOLDER'"
        yield Problem(file=path, what=what, repair=repair)


def _note_drift(manifest: Manifest, checks: dict[str, float]) -> None:
    """Note how well lists fit their vectors, now and when they were made."""
    structures = [segment.structure for segment in manifest.segments]
    known = [one for one in structures if one is not None and one.cell_fit is not None]
    if known:
        worst = min(known, key=lambda one: (one.cell_fit or 0) - (one.trained_fit or 0))
        checks["cell_fit"] = worst.cell_fit or 0.0
        checks["cell_fit_when_trained"] = worst.trained_fit or 0.0
