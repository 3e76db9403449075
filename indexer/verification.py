"""Looking for damage, and naming it.

Letters of shapes: S sampled items, D dimensions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer import store
from indexer.errors import IndexDamagedError, IndexMismatchError, IndexReadError
from indexer.ids import hash_ids
from indexer.manifest import FileEntry, Manifest
from indexer.search import search_snapshot
from indexer.segment import Segment
from indexer.snapshot import Snapshot
from indexer.store import MappedFile
from indexer.structure import RecallMeasure, measure_recall
from indexer.updates import describe

__all__ = ["Problem", "VerifyReport", "measure_index_recall", "verify_folder"]

_N_SAMPLED = 256
_BLOCK_ROWS = 65_536
_UNIT_TOLERANCE = 1e-4
_SELF_TOLERANCE = 1e-5


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Attributes
    ----------
    what : str
    repair : str
        What helps.
    file : str or None
        Path relative to the index; the manifest for what is wrong as a whole.
    id : str or None
        The item, where the problem is one item's. One of both is there.
    generation : int or None
        Set when the problem is only of an older generation.
    """

    what: str
    repair: str
    file: str | None = None
    id: str | None = None
    generation: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give plain values; `file` and `id` only where they say something."""
        content = {"file": self.file, "id": self.id, "generation": self.generation}
        named = {key: value for key, value in content.items() if value is not None}
        return {**named, "what": self.what, "repair": self.repair}


@dataclass(frozen=True, kw_only=True)
class VerifyReport:
    """What `verify` found.

    Attributes
    ----------
    ok : bool
        Whether nothing is wrong.
    problems : tuple of Problem
    info : dict
        As of `VectorIndex.info`; empty when the index cannot be opened.
    checks : dict of str to int or float
        How much was looked at: files, bytes, items, sampled queries, …
    """

    ok: bool
    problems: tuple[Problem, ...]
    info: dict[str, Any]
    checks: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Give the report as it is printed by ``verify --json``."""
        empty: dict[str, Any] = {
            "generation": None,
            "n": None,
            "dimension": None,
            "structure": None,
            "recall_at_k": None,
            "k": None,
            "segments": [],
            "tombstones": None,
            "fingerprints": {},
        }
        return {
            **empty,
            **self.info,
            "ok": self.ok,
            "problems": [problem.to_dict() for problem in self.problems],
            "checks": self.checks,
        }


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
    manifest = _find_manifest(folder, problems)
    if manifest is None:
        return VerifyReport(ok=False, problems=tuple(problems), info={}, checks=checks)
    checked: dict[FileEntry, bool] = {}
    problems.extend(_check_files(folder, manifest, checked, generation=None))
    for past in manifest.history:
        problems.extend(_check_past(folder, past.generation, checked))
    checks["files"] = len(checked)
    checks["bytes"] = sum(entry.n_bytes for entry in checked)
    info: dict[str, Any] = {}
    if all(checked[entry] for entry in manifest.files if entry in checked):
        try:
            snapshot = Snapshot(folder, manifest)
            info = describe(snapshot)
            wrong = list(_check_content(snapshot))
            checks["items"] = len(snapshot)
            # Searches take for granted that the counts are right.
            problems.extend(wrong or _check_answers(snapshot, n_sampled, seed, checks))
        except IndexDamagedError as error:
            path = store.manifest_path(manifest.generation)
            problems.append(Problem(file=path, what=str(error), repair=_REPAIR))
    else:
        info = {
            "generation": manifest.generation,
            "n": manifest.n_items,
            "dimension": manifest.dimension,
            "k": manifest.request.k,
            "tombstones": manifest.n_dead,
            "fingerprints": dict(manifest.fingerprints),
        }
    return VerifyReport(
        ok=not problems, problems=tuple(problems), info=info, checks=checks
    )


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
            where={},
            hidden=np.zeros(0, dtype=np.int64),
            excluded=list(places[:, np.newaxis]),
            is_exact=is_exact,
        ).similarities
        for is_exact in (False, True)
    ]
    return measure_recall(*answers)


_REPAIR = "run 'python -m indexer verify FOLDER --repair'"
_REPAIR_STRUCTURE = (
    f"{_REPAIR}: the structure is built again from the stored vectors; until then "
    "searches are exact and slower"
)
_REPAIR_LOOKUP = f"{_REPAIR}: it is made again from the ids"
_REPAIR_CURRENT = f"{_REPAIR}: it is pointed to the newest whole generation"
_REPAIR_BACK = f"{_REPAIR}: the newest whole generation becomes current again"
_REPAIR_RIGHTS = "let this user read the file; nothing is lost"
_REPAIR_PAST = f"{_REPAIR}: the older generation is given up, the current one is whole"


def _find_manifest(folder: Path, problems: list[Problem]) -> Manifest | None:
    """Read the current manifest; where that fails, say what is wrong."""
    try:
        generation = store.current_generation(folder)
    except IndexReadError as error:
        problems.append(
            Problem(file=store.CURRENT, what=str(error), repair=_REPAIR_RIGHTS)
        )
        return None
    except IndexDamagedError:
        problems.append(
            Problem(
                file=store.CURRENT,
                what="is not what was written",
                repair=_REPAIR_CURRENT,
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
                Problem(file=store.CURRENT, what="is missing", repair=_REPAIR_CURRENT)
            )
        return manifest
    except IndexDamagedError as error:
        problems.append(Problem(file=path, what=str(error), repair=_REPAIR_BACK))
    except IndexReadError as error:
        problems.append(Problem(file=path, what=str(error), repair=_REPAIR_RIGHTS))
    return None


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
        repair = _REPAIR_PAST if generation else repairs[entry.path]
        what = None
        try:
            if not MappedFile(folder, entry).is_whole():
                what = "its checksum is wrong"
        except IndexDamagedError as error:
            what = str(error)
        except IndexReadError as error:
            what, repair = str(error), _REPAIR_RIGHTS
        checked[entry] = what is None
        if what is not None:
            yield Problem(
                file=entry.path, what=what, repair=repair, generation=generation
            )


def _repairs_of(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Say for each file what helps when it is damaged."""
    for segment in manifest.segments:
        for entry in segment.files:
            yield entry.path, _REPAIR_BACK
        yield segment.lookup.path, _REPAIR_LOOKUP
        if segment.structure is not None:
            yield segment.structure.file.path, _REPAIR_STRUCTURE


def _check_past(
    folder: Path, generation: int, checked: dict[FileEntry, bool]
) -> Iterator[Problem]:
    """Check an older generation that is kept for `rollback`."""
    try:
        manifest = store.past_manifest(folder, generation)
    except (IndexDamagedError, IndexMismatchError, IndexReadError) as error:
        is_refused = isinstance(error, IndexReadError)
        yield Problem(
            file=store.manifest_path(generation),
            what=str(error),
            repair=_REPAIR_RIGHTS if is_refused else _REPAIR_PAST,
            generation=generation,
        )
        return
    yield from _check_files(folder, manifest, checked, generation=generation)


def _check_content(snapshot: Snapshot) -> Iterator[Problem]:
    """Check counts, lengths of vectors, the lookup, and that ids are unique."""
    path_of_manifest = store.manifest_path(snapshot.manifest.generation)
    seen: list[npt.NDArray[np.uint64]] = []
    for segment in snapshot.segments:
        entry = segment.entry
        dead = segment.dead
        if len(dead) != entry.n_dead or len(np.unique(dead)) != len(dead):
            path = entry.dead.path if entry.dead else path_of_manifest
            what = f"it holds {len(dead)} tombstones, the manifest says {entry.n_dead}"
            yield Problem(file=path, what=what, repair=_REPAIR_BACK)
            return
        yield from _check_lengths(segment)
        names = segment.ids_at(np.arange(len(segment), dtype=np.int64))
        hashes = hash_ids(names.tolist())
        if not segment.has_lookup_of(hashes):
            what = "it does not belong to the ids"
            yield Problem(file=entry.lookup.path, what=what, repair=_REPAIR_LOOKUP)
        seen.append(hashes[segment.live_rows])
    n_live = sum(len(hashes) for hashes in seen)
    if n_live != len(snapshot):
        what = f"the segments hold {n_live} items, the manifest says {len(snapshot)}"
        yield Problem(file=path_of_manifest, what=what, repair=_REPAIR_BACK)
    joined = np.concatenate([np.zeros(0, dtype=np.uint64), *seen])
    if len(np.unique(joined)) < len(joined):
        yield from _check_unique(snapshot)


def _check_unique(snapshot: Snapshot) -> Iterator[Problem]:
    """Name ids that are alive twice; called when two hashes are equal."""
    names, counts = np.unique(snapshot.ids.astype(str), return_counts=True)
    for name in names[counts > 1].tolist():
        yield Problem(id=name, what="the id is in the index twice", repair=_REPAIR_BACK)


def _check_lengths(segment: Segment) -> Iterator[Problem]:
    """Check that every stored vector has length one."""
    for start in range(0, len(segment), _BLOCK_ROWS):
        block = segment.vectors[start : start + _BLOCK_ROWS]
        squares = np.einsum("nd,nd->n", block, block)
        wrong = np.flatnonzero(~(np.abs(squares - 1) < _UNIT_TOLERANCE))
        for row in wrong[:3].tolist():
            name = segment.ids_at(np.array([start + row]))[0]
            what = f"its vector has length {float(np.sqrt(squares[row])):.6g}, not 1"
            path = segment.entry.vectors.path
            yield Problem(file=path, id=name, what=what, repair=_REPAIR_BACK)


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
    answer = search_snapshot(
        snapshot,
        snapshot.vectors_at(places),
        1,
        where={},
        hidden=np.zeros(0, dtype=np.int64),
    )
    checks["self_retrieval_queries"] = n
    lost = np.flatnonzero(~(answer.similarities[:, 0] >= 1 - _SELF_TOLERANCE))
    for position in lost[:3].tolist():
        name = str(snapshot.ids_at(places[position : position + 1])[0])
        what = f"{len(lost)} of {n} sampled items do not find themselves, as this one"
        yield Problem(id=name, what=what, repair=_REPAIR_STRUCTURE)
    manifest = snapshot.manifest
    if all(segment.structure is None for segment in manifest.segments):
        return
    measure = measure_index_recall(
        snapshot, k=manifest.request.k, n_sampled=n, seed=seed + 1
    )
    checks["recall_at_k"] = measure.recall_at_k
    checks["recall_queries"] = measure.n_queries
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
