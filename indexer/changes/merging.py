"""From a plan to segments: which are carried over, which are merged, what is written."""

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.changes.plan import NewRows, Plan
from indexer.files import store
from indexer.files.arrow import as_take_indices, make_array
from indexer.files.columns import ID_COLUMN, align_table
from indexer.files.manifest import SegmentEntry, StructureEntry, StructureRequest
from indexer.files.segment import (
    NewSegment,
    Segment,
    write_dead,
    write_items,
    write_segment,
)
from indexer.structures import AUTO, Former, build_structure
from indexer.vectors import iterate_unit_rows

__all__ = ["request_for", "write_segments"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

# Segments up to this size are merged with whatever comes.
_SMALL_ROWS = 1024
# A segment with more tombstones than this share is written again.
_MOST_DEAD = 0.25
_BLOCK_ROWS = 16_384

_log = logging.getLogger(__name__)


def write_segments(
    writer: store.GenerationWriter,
    plan: Plan,
    segments: Sequence[Segment],
    first_number: int,
) -> list[SegmentEntry]:
    """Write what a plan changes.

    Parameters
    ----------
    writer : GenerationWriter
    plan : Plan
    segments : sequence of Segment
        Those of the generation before; the plan counts them from 0.
    first_number : int
        Names the first new segment; the next have the next numbers.

    Returns
    -------
    list of SegmentEntry
        One per segment of the new generation, oldest first.
    """
    sources = [] if plan.is_fresh else _old_sources(segments, plan)
    if plan.new is not None and plan.new.ids:
        sources.append(_new_source(plan.new, plan.schema))
    sources = [source for source in sources if source.n_live]
    total = sum(source.n_live for source in sources)
    entries = []
    groups = _group_sources(sources, merges_all=plan.merges_all)
    for number, group in enumerate(groups, first_number):
        name = f"{number:06d}"
        request = request_for(sum(s.n_live for s in group), total, plan.request)
        if len(group) == 1 and group[0].goes_on(drops_dead=plan.merges_all):
            entry = _carry(writer, name, group[0], plan, request)
        else:
            entry = _merge(writer, name, group, plan, request)
        entries.append(entry)
    return entries


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Rows on their way into a new generation."""

    n_live: int
    blocks: Callable[[], Iterator[npt.NDArray[Any]]]
    items: Callable[[], pa.Table]
    segment: Segment | None = None
    dead: Rows | None = None
    new_items: pa.Table | None = None

    def goes_on(self, *, drops_dead: bool) -> bool:
        """Whether the segment goes on as it is, with tombstones beside it."""
        if self.segment is None or self.dead is None:
            return False
        most = 0 if drops_dead else _MOST_DEAD * len(self.segment)
        return len(self.dead) <= most


def _old_sources(segments: Sequence[Segment], plan: Plan) -> list[_Source]:
    sources = []
    for position, segment in enumerate(segments):
        live = np.ones(len(segment), dtype=bool)
        live[segment.dead] = False
        live[plan.dead.get(position, np.zeros(0, dtype=np.int64))] = False
        items = plan.items.get(position)
        sources.append(_old_source(segment, live, items, plan.schema))
    return sources


def _old_source(
    segment: Segment,
    live: npt.NDArray[np.bool_],
    items: pa.Table | None,
    schema: pa.Schema,
) -> _Source:
    rows = np.flatnonzero(live)

    def blocks() -> Iterator[npt.NDArray[Any]]:
        for start in range(0, len(rows), _BLOCK_ROWS):
            yield segment.vectors[rows[start : start + _BLOCK_ROWS]]

    def live_items() -> pa.Table:
        if items is None:
            ids, columns = segment.items.column(ID_COLUMN), segment.columns_for(schema)
        else:
            ids, columns = items.column(ID_COLUMN), items.drop_columns([ID_COLUMN])
        return _with_ids(ids, columns, schema).take(as_take_indices(rows))

    return _Source(
        n_live=len(rows),
        blocks=blocks,
        items=live_items,
        segment=segment,
        dead=np.flatnonzero(~live),
        new_items=items,
    )


def _new_source(new: NewRows, schema: pa.Schema) -> _Source:
    return _Source(
        n_live=len(new.ids),
        blocks=lambda: iterate_unit_rows(new.vectors),
        items=lambda: _with_ids(make_array(new.ids, pa.string()), new.columns, schema),
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
        NewSegment(
            vectors=itertools.chain.from_iterable(source.blocks() for source in group),
            shape=(n, plan.dimension),
            items=pa.concat_tables([source.items() for source in group]),
            store=plan.request.store,
        ),
    )
    vectors = writer.map_vectors(entry.vectors, (n, plan.dimension))
    former = None if plan.restructures else _largest_structure(group)
    structure = _build_or_fall_back(
        partial(build_structure, writer, name, vectors, former=former), plan, request
    )
    return replace(entry, structure=structure)


def _largest_structure(group: list[_Source]) -> Former | None:
    """Give the structure of the largest segment that has one."""
    segments = [source.segment for source in group if source.segment is not None]
    for segment in sorted(segments, key=len, reverse=True):
        entry, structure = segment.entry.structure, segment.structure
        # Its bytes go on under a new checksum.
        if entry and structure and segment.files[entry.file.path].is_whole():
            goes_on = segment is group[0].segment and group[0].n_live == len(segment)
            return Former(entry, structure, n_kept=len(segment) if goes_on else 0)
    return None


def _build_or_fall_back(
    build: Callable[[StructureRequest], StructureEntry | None],
    plan: Plan,
    request: StructureRequest,
) -> StructureEntry | None:
    """Build a structure; an explicit key that rows have become too few for is no error.

    Only `build` and `rebuild` refuse it: there it has just been asked for.
    """
    try:
        return build(request)
    except ValueError as error:
        if plan.operation in {"build", "rebuild"}:
            raise
        _log.warning("%s; the structure is chosen by size instead", error)
        return build(replace(request, key=AUTO))


def request_for(n: int, total: int, request: StructureRequest) -> StructureRequest:
    """Return which structure a segment gets: an explicit key holds for large ones, a small one could not train it."""
    if request.key == AUTO or 2 * n > total:
        return request
    return replace(request, key=AUTO)
