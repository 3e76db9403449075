"""One change to an index: under the lock, on top of the newest generation.

A change is a plan (tombstones, new rows, new items of old segments) that is
merged with small or mostly dead segments where that pays, written as one new
generation and published.
"""

import datetime as dt
import importlib.metadata
import itertools
import logging
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer import disk, store
from indexer.arrow import as_take_indices
from indexer.columns import ID_COLUMN, align_table, encode_schema
from indexer.errors import IndexDamagedError, IndexNotFoundError
from indexer.lock import hold_writer_lock
from indexer.manifest import Manifest, PastGeneration, SegmentEntry, StructureRequest
from indexer.segment import Segment, write_dead, write_items, write_segment
from indexer.snapshot import Snapshot, open_snapshot
from indexer.structure import AUTO, build_structure
from indexer.vectors import iterate_unit_rows

__all__ = [
    "NewRows",
    "Plan",
    "Writer",
    "open_writer",
    "request_for",
    "sweep_around",
]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

# Segments up to this size are merged with whatever comes.
_SMALL_ROWS = 1024
# A segment with more tombstones than this share is written again.
_MOST_DEAD = 0.25
_BLOCK_ROWS = 16_384

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NewRows:
    """Rows that a change brings: usable vectors, scaled when they are written."""

    ids: list[str]
    vectors: npt.NDArray[Any]
    columns: pa.Table


@dataclass(kw_only=True)
class Plan:
    """What a change does to the generation before it.

    Attributes
    ----------
    operation : str
    schema : pyarrow.Schema
        Columns afterwards.
    dimension : int
    dead : dict of int to ndarray of int64
        Rows that become tombstones, by the position of their segment.
    items : dict of int to pyarrow.Table
        Ids and columns that replace those of a segment, by its position.
    new : NewRows, optional
    fingerprints : dict of str to str
        All of them, afterwards.
    request : StructureRequest
    keep_generations : int
    is_fresh : bool
        Forget the content of the generation before.
    merges_all : bool
        Write everything into one segment.
    restructures : bool
        Build all structures again.
    """

    operation: str
    schema: pa.Schema
    dimension: int
    request: StructureRequest
    keep_generations: int
    fingerprints: dict[str, str]
    dead: dict[int, Rows] = field(default_factory=dict)
    items: dict[int, pa.Table] = field(default_factory=dict)
    new: NewRows | None = None
    is_fresh: bool = False
    merges_all: bool = False
    restructures: bool = False


class Writer:
    """The only writer of a folder, for the time of one change.

    Attributes
    ----------
    snapshot : Snapshot or None
        The newest generation; None before the first.
    """

    def __init__(
        self,
        folder: Path,
        snapshot: Snapshot | None,
        salvaged: tuple[PastGeneration, ...] = (),
    ) -> None:
        self.folder = folder
        self.snapshot = snapshot
        self._salvaged = salvaged

    def plan(self, operation: str, **changes: Any) -> Plan:
        """Begin a plan that keeps everything of the newest generation."""
        manifest = self.current.manifest
        kept = {
            "schema": self.current.schema,
            "dimension": manifest.dimension,
            "request": manifest.request,
            "keep_generations": manifest.keep_generations,
            "fingerprints": dict(manifest.fingerprints),
        }
        return Plan(operation=operation, **(kept | changes))

    @property
    def current(self) -> Snapshot:
        """The newest generation, which must exist."""
        if self.snapshot is None:
            message = f"no index in {str(self.folder)!r}: build one first"
            raise IndexNotFoundError(message)
        return self.snapshot

    def publish(self, plan: Plan) -> Snapshot:
        """Write the generation that `plan` describes and make it current.

        Returns
        -------
        Snapshot
            The new generation, opened.

        Raises
        ------
        IndexWriteError
            If the disk refuses; nothing has changed then.
        """
        generation = store.next_generation(self.folder)
        with (
            disk.translate_write_errors(self.folder),
            store.GenerationWriter(self.folder, generation) as writer,
        ):
            segments, next_segment = self._write_segments(writer, plan)
            manifest = Manifest(
                generation=generation,
                content=generation,
                operation=plan.operation,
                created=_now(),
                dimension=plan.dimension,
                n_items=sum(segment.n_live for segment in segments),
                schema=encode_schema(plan.schema),
                next_segment=next_segment,
                keep_generations=plan.keep_generations,
                request=plan.request,
                fingerprints=plan.fingerprints,
                segments=tuple(segments),
                history=self._history(generation, plan.keep_generations),
                versions=_versions(),
            )
            writer.publish(manifest)
        return self._finish(manifest)

    def republish(self, past: Manifest) -> Snapshot:
        """Make the content of an older generation current again.

        Raises
        ------
        IndexDamagedError
            If one of its files is not what was written.
        """
        current = set(self.current.manifest.files)
        for entry in past.files:
            if (
                entry not in current
                and not store.MappedFile(self.folder, entry).is_whole()
            ):
                message = (
                    f"generation {past.generation} of index {str(self.folder)!r} is "
                    f"damaged: the checksum of {entry.path!r} is wrong; "
                    f"choose another, or stay"
                )
                raise IndexDamagedError(message)
        generation = store.next_generation(self.folder)
        history = self._history(past.content, past.keep_generations)
        manifest = replace(
            past,
            generation=generation,
            operation="rollback",
            created=_now(),
            next_segment=max(past.next_segment, self._next_segment),
            history=history,
            versions=_versions(),
        )
        with (
            disk.translate_write_errors(self.folder),
            store.GenerationWriter(self.folder, generation) as writer,
        ):
            writer.publish(manifest)
        return self._finish(manifest)

    def _finish(self, manifest: Manifest) -> Snapshot:
        snapshot = Snapshot(self.folder, manifest, self.snapshot)
        sweep_around(self.folder, manifest)
        self.snapshot = snapshot
        return snapshot

    @property
    def _next_segment(self) -> int:
        return self.snapshot.manifest.next_segment if self.snapshot else 1

    def _history(self, content: int, keep: int) -> tuple[PastGeneration, ...]:
        """List what to keep beside a generation with this content, newest first."""
        if self.snapshot is None:
            return self._salvaged[:keep]
        manifest = self.snapshot.manifest
        past = [_as_past(manifest), *manifest.history]
        return tuple(item for item in past if item.content != content)[:keep]

    def _write_segments(
        self, writer: store.GenerationWriter, plan: Plan
    ) -> tuple[list[SegmentEntry], int]:
        sources = [] if plan.is_fresh else self._old_sources(plan)
        if plan.new is not None and plan.new.ids:
            sources.append(_new_source(plan.new, plan.schema))
        sources = [source for source in sources if source.n_live]
        total = sum(source.n_live for source in sources)
        number = self._next_segment
        entries = []
        for group in _group_sources(sources, merges_all=plan.merges_all):
            name = f"{number:06d}"
            number += 1
            request = request_for(sum(s.n_live for s in group), total, plan.request)
            if len(group) == 1 and group[0].is_kept(drops_dead=plan.merges_all):
                entry = _carry(writer, name, group[0], plan, request)
            else:
                entry = _merge(writer, name, group, plan, request)
            entries.append(entry)
        return entries, number

    def _old_sources(self, plan: Plan) -> list["_Source"]:
        sources = []
        for position, segment in enumerate(self.current.segments):
            newly_dead = plan.dead.get(position, np.zeros(0, dtype=np.int64))
            dead = np.union1d(segment.dead, newly_dead)
            items = plan.items.get(position)
            sources.append(_old_source(segment, dead, items, plan.schema))
        return sources


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Rows on their way into a new generation."""

    n_live: int
    blocks: Callable[[], Iterator[Float32s]]
    items: Callable[[], pa.Table]
    segment: Segment | None = None
    dead: Rows | None = None
    new_items: pa.Table | None = None

    def is_kept(self, *, drops_dead: bool) -> bool:
        """Whether the segment goes on as it is, with tombstones beside it."""
        if self.segment is None or self.dead is None:
            return False
        most = 0 if drops_dead else _MOST_DEAD * len(self.segment)
        return len(self.dead) <= most


def _old_source(
    segment: Segment, dead: Rows, items: pa.Table | None, schema: pa.Schema
) -> _Source:
    live = np.ones(len(segment), dtype=bool)
    live[dead] = False
    rows = np.flatnonzero(live)

    def blocks() -> Iterator[Float32s]:
        for start in range(0, len(rows), _BLOCK_ROWS):
            yield segment.vectors[rows[start : start + _BLOCK_ROWS]]

    def live_items() -> pa.Table:
        table = segment.items if items is None else items
        return _with_ids(
            table.column(ID_COLUMN), table.drop_columns([ID_COLUMN]), schema
        ).take(as_take_indices(rows))

    return _Source(
        n_live=len(rows),
        blocks=blocks,
        items=live_items,
        segment=segment,
        dead=dead,
        new_items=items,
    )


def _new_source(new: NewRows, schema: pa.Schema) -> _Source:
    return _Source(
        n_live=len(new.ids),
        blocks=lambda: iterate_unit_rows(new.vectors),
        items=lambda: _with_ids(pa.array(new.ids, pa.string()), new.columns, schema),
    )


def _with_ids(ids: Any, columns: pa.Table, schema: pa.Schema) -> pa.Table:
    table = align_table(columns, schema)
    return table.add_column(0, pa.field(ID_COLUMN, pa.string()), ids)


def _group_sources(
    sources: list[_Source], *, merges_all: bool
) -> Iterator[list[_Source]]:
    """Decide which neighbours become one segment.

    From the newest backwards, a segment joins when it is small or no larger
    than what follows it. So sizes at least double from new to old, their
    number is logarithmic, and each row is copied a logarithmic number of times.
    """
    if merges_all:
        if sources:
            yield sources
        return
    groups: list[list[_Source]] = []
    has_news = bool(sources) and sources[-1].segment is None
    pending = 0
    for source in reversed(sources):
        is_last = not groups
        joins = not is_last and source.n_live <= max(pending, _SMALL_ROWS)
        if has_news and joins and len(groups) == 1:
            groups[0].insert(0, source)
            pending += source.n_live
        else:
            groups.append([source])
            if is_last:
                pending = source.n_live
    yield from reversed(groups)


def _carry(
    writer: store.GenerationWriter,
    name: str,
    source: _Source,
    plan: Plan,
    request: StructureRequest,
) -> SegmentEntry:
    """Keep a segment's vectors; write only what changed beside them."""
    segment, dead = source.segment, source.dead
    if segment is None or dead is None:  # pragma: no cover
        message = "only a segment that exists can be carried over"
        raise TypeError(message)
    entry = segment.entry
    if len(dead) != entry.n_dead:
        entry = replace(entry, dead=write_dead(writer, name, dead), n_dead=len(dead))
    if source.new_items is not None:
        segment.refuse_damaged(segment.entry.items)
        entry = replace(entry, items=write_items(writer, name, source.new_items))
    if plan.restructures:
        segment.refuse_damaged(entry.vectors)
        structure = build_structure(writer, name, segment.vectors, request)
        entry = replace(entry, structure=structure)
    return entry


def _merge(
    writer: store.GenerationWriter,
    name: str,
    group: list[_Source],
    plan: Plan,
    request: StructureRequest,
) -> SegmentEntry:
    """Write the live rows of several sources into one new segment."""
    for source in group:
        if source.segment is not None:
            entry = source.segment.entry
            source.segment.refuse_damaged(entry.vectors, entry.items)
    n = sum(source.n_live for source in group)
    entry = write_segment(
        writer,
        name,
        vectors=itertools.chain.from_iterable(source.blocks() for source in group),
        shape=(n, plan.dimension),
        items=pa.concat_tables([source.items() for source in group]),
    )
    vectors = writer.map_vectors(entry.vectors, (n, plan.dimension))
    structure = build_structure(writer, name, vectors, request)
    return replace(entry, structure=structure)


def request_for(n: int, total: int, request: StructureRequest) -> StructureRequest:
    """Use an explicit key for the bulk only: a small tail could not train it."""
    if request.key == AUTO or 2 * n > total:
        return request
    return replace(request, key=AUTO)


@contextmanager
def open_writer(
    folder: Path,
    *,
    timeout_s: float,
    previous: Snapshot | None = None,
    replaces_damaged: bool = False,
) -> Iterator[Writer]:
    """Lock a folder for one change and open its newest generation.

    What dead writers left is swept first. With `replaces_damaged` a damaged
    current generation is no error: what is whole beside it becomes the history.

    Raises
    ------
    IndexBusyError
        If another process holds the lock for longer than `timeout_s`.
    """
    with hold_writer_lock(folder, timeout_s=timeout_s):
        salvaged: list[Manifest] = []
        try:
            snapshot = open_snapshot(folder, previous)
        except IndexNotFoundError:
            snapshot = None
        except IndexDamagedError:
            if not replaces_damaged:
                raise
            snapshot = None
            whole = reversed(store.whole_generations(folder))
            salvaged = [store.past_manifest(folder, number) for number in whole]
        if snapshot is not None:
            sweep_around(folder, snapshot.manifest)
        else:
            store.sweep(folder, salvaged)
        yield Writer(folder, snapshot, tuple(map(_as_past, salvaged)))


def _as_past(manifest: Manifest) -> PastGeneration:
    return PastGeneration(
        generation=manifest.generation,
        content=manifest.content,
        n_items=manifest.n_items,
        created=manifest.created,
    )


def sweep_around(folder: Path, manifest: Manifest) -> None:
    """Remove what neither this generation nor what is whole of its history names."""
    kept = [manifest]
    for past in manifest.history:
        try:
            kept.append(store.past_manifest(folder, past.generation))
        except IndexDamagedError as error:
            _log.warning("generation %d cannot be kept: %s", past.generation, error)
    store.sweep(folder, kept)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    """Name the releases that write this, for whoever has to explain it later."""
    names = ("album-covers", "faiss-cpu", "numpy", "pyarrow")
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
