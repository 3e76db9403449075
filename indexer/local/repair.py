"""Mending: a structure from the vectors, a lookup from the ids, or going back."""

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from indexer.changes.merging import request_for
from indexer.changes.writer import sweep_around
from indexer.errors import IndexDamagedError, IndexNotFoundError
from indexer.files import disk, store
from indexer.files.checking import inconsistencies
from indexer.files.lock import hold_writer_lock
from indexer.files.manifest import FileEntry, Manifest, PastGeneration, SegmentEntry
from indexer.files.opening import MappedFile
from indexer.files.problems import VerifyReport
from indexer.files.segment import Segment, write_lookup
from indexer.files.store import GenerationWriter
from indexer.ids import hash_ids
from indexer.local.verification import verify_folder
from indexer.structures import build_structure

__all__ = ["repair_folder"]

_log = logging.getLogger(__name__)


def repair_folder(folder: Path, *, lock_timeout_s: float = 10.0) -> VerifyReport:
    """Mend what `verify_folder` finds, as far as it can be mended.

    A damaged structure or lookup is made again from the vectors and ids of the
    same segment. Where vectors, items, tombstones or the manifest are damaged,
    the newest older generation that is whole becomes current.

    Parameters
    ----------
    folder : Path
    lock_timeout_s : float, default=10

    Returns
    -------
    VerifyReport
        Of the state afterwards.

    Raises
    ------
    IndexDamagedError
        If no generation is whole: build the index again.
    IndexReadError
        If the system refuses to read a file, which is no reason to give it up.
    """
    report = verify_folder(folder)
    if all(problem.is_stranger for problem in report.problems):
        return report
    with hold_writer_lock(folder, timeout_s=lock_timeout_s):
        with suppress(IndexDamagedError, IndexNotFoundError):
            store.read_current(folder)  # what may not be read is no damage
        manifest = _best_manifest(folder)
        mended = [
            _mendable(folder, segment, manifest.dimension)
            for segment in manifest.segments
        ]
        generation = store.next_generation(folder)
        history = _whole_history(folder, manifest)
        with (
            disk.translate_write_errors(folder),
            GenerationWriter(folder, generation) as writer,
        ):
            segments = tuple(
                _mend(folder, writer, manifest, segment, parts)
                for segment, parts in zip(manifest.segments, mended, strict=True)
            )
            manifest = replace(
                manifest,
                generation=generation,
                operation="repair",
                segments=segments,
                history=history,
            )
            writer.publish(manifest)
        sweep_around(folder, manifest)
        _log.info("index %s is mended: generation %d", folder, generation)
    return verify_folder(folder)


def _best_manifest(folder: Path) -> Manifest:
    """Find the newest generation whose vectors, items and tombstones are whole."""
    for generation in reversed(store.generations_on_disk(folder)):
        try:
            manifest = store.past_manifest(folder, generation)
        except IndexDamagedError as error:
            _log.warning("generation %d is left aside: %s", generation, error)
            continue
        is_fitting = not any(inconsistencies(manifest))
        if is_fitting and all(
            _has_content(folder, segment, manifest.dimension)
            for segment in manifest.segments
        ):
            return manifest
        _log.warning("generation %d is left aside: its content is damaged", generation)
    message = f"no generation of index {str(folder)!r} is whole: build the index again"
    raise IndexDamagedError(message)


def _has_content(folder: Path, entry: SegmentEntry, dimension: int) -> bool:
    """Whether vectors, items and tombstones are those written, and are usable."""
    parts = (entry.vectors, entry.items, entry.dead)
    if not all(_is_whole(folder, part) for part in parts if part is not None):
        return False
    try:
        segment = _open_content(folder, entry, dimension)
        return len(segment.dead) == entry.n_dead and len(segment.items) == len(segment)
    except IndexDamagedError:
        return False


def _open_content(folder: Path, entry: SegmentEntry, dimension: int) -> Segment:
    """Open a segment without its derived files, which may be damaged."""
    readable = replace(entry, structure=None, lookup=entry.items)
    return Segment(folder, readable, dimension, {})


def _mendable(folder: Path, entry: SegmentEntry, dimension: int) -> frozenset[str]:
    """Name the derived files of a segment that are damaged or of other vectors."""
    parts = {"lookup": entry.lookup}
    if entry.structure is not None:
        parts["structure"] = entry.structure.file
    damaged = {name for name, part in parts.items() if not _is_whole(folder, part)}
    readable = replace(
        entry,
        structure=None if "structure" in damaged else entry.structure,
        lookup=entry.items if "lookup" in damaged else entry.lookup,
    )
    segment = Segment(folder, readable, dimension, {})
    if segment.lost_structure:
        damaged.add("structure")
    if "lookup" not in damaged:
        ids = segment.ids_at(np.arange(len(segment), dtype=np.int64))
        if not segment.has_lookup_of(hash_ids(ids.tolist())):
            damaged.add("lookup")
    return frozenset(damaged)


def _mend(
    folder: Path,
    writer: GenerationWriter,
    manifest: Manifest,
    entry: SegmentEntry,
    damaged: frozenset[str],
) -> SegmentEntry:
    """Make the damaged derived files of a segment again."""
    if not damaged:
        return entry
    name = f"{entry.name}-mended"
    segment = _open_content(folder, entry, manifest.dimension)
    if "lookup" in damaged:
        ids = segment.ids_at(np.arange(len(segment), dtype=np.int64))
        lookup = write_lookup(writer, name, hash_ids(ids.tolist()))
        entry = replace(entry, lookup=lookup)
    if "structure" in damaged:
        request = request_for(entry.n_live, manifest.n_items, manifest.request)
        structure = build_structure(writer, name, segment.vectors, request)
        entry = replace(entry, structure=structure)
    return entry


def _whole_history(folder: Path, manifest: Manifest) -> tuple[PastGeneration, ...]:
    """Keep of the older generations those whose files are all whole."""
    kept = []
    for past in manifest.history:
        try:
            files = store.past_manifest(folder, past.generation).files
        except IndexDamagedError:
            continue
        if all(_is_whole(folder, file) for file in files):
            kept.append(past)
    return tuple(kept)


def _is_whole(folder: Path, entry: FileEntry) -> bool:
    try:
        return MappedFile(folder, entry).is_whole()
    except IndexDamagedError:
        return False
