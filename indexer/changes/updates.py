"""What each operation means for the generation before it.

Every function takes the writer, which holds the lock and the newest generation,
and returns a plan (None when there is nothing to write) with the counts.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.changes.change import Change
from indexer.changes.plan import NewRows, Plan
from indexer.changes.writer import Writer
from indexer.errors import IndexHistoryError
from indexer.files import disk
from indexer.files.arrow import as_take_indices
from indexer.files.columns import (
    ID_COLUMN,
    align_table,
    empty_table,
    merge_schemas,
    override_columns,
)
from indexer.files.manifest import Manifest, PastGeneration, StructureRequest
from indexer.files.segment import Segment
from indexer.files.snapshot import Snapshot, numbers_in
from indexer.structures.explain import explain_choice

__all__ = [
    "choose_past",
    "describe",
    "make_index_folder",
    "places_of",
    "plan_add",
    "plan_compact",
    "plan_rebuild",
    "plan_remove",
    "plan_update",
    "plan_update_columns",
]

Rows = npt.NDArray[np.int64]

_N_SHOWN = 5


def make_index_folder(folder: Path) -> None:
    """Make the folder of an index, with its parents."""
    with disk.translate_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)


def places_of(snapshot: Snapshot, ids: Sequence[str]) -> Rows:
    """Place of each id.

    Raises
    ------
    ValueError
        Names ids that are not in the index.
    """
    places = snapshot.find(ids)
    unknown = np.flatnonzero(places < 0)
    if len(unknown):
        names = [ids[position] for position in unknown[:_N_SHOWN].tolist()]
        message = (
            f"{len(unknown)} ids are not in index {str(snapshot.folder)!r}: "
            f"{_show(names, len(unknown))}"
        )
        raise ValueError(message)
    return places


def plan_add(writer: Writer, new: NewRows) -> tuple[Plan | None, Change]:
    """Add items, none of which may exist."""
    snapshot = writer.current
    places = snapshot.find(new.ids)
    known = np.flatnonzero(places >= 0)
    if len(known):
        names = [new.ids[position] for position in known[:_N_SHOWN].tolist()]
        message = (
            f"{len(known)} ids are in the index already: {_show(names, len(known))}; "
            f"use update to replace them"
        )
        raise ValueError(message)
    return _plan_put(writer, "add", new, places)


def plan_update(
    writer: Writer, new: NewRows, gone: Sequence[str]
) -> tuple[Plan | None, Change]:
    """Add items or replace them, and remove others.

    Columns that are not given keep their values.
    """
    snapshot = writer.current
    both = set(gone).intersection(new.ids)
    if both:
        names = sorted(both)[:_N_SHOWN]
        message = (
            f"{len(both)} ids are to be put and removed: {_show(names, len(both))}"
        )
        raise ValueError(message)
    places = places_of(snapshot, gone)
    plan, change = _plan_put(writer, "update", new, snapshot.find(new.ids))
    if not len(gone):
        return plan, change
    plan = plan or writer.plan("update")
    for number, rows in _split(snapshot, places).items():
        replaced = plan.dead.get(number, rows[:0])
        plan.dead[number] = np.concatenate([replaced, rows])
    n_items = change.n_items - len(gone)
    return plan, replace(change, removed=len(gone), n_items=n_items)


def plan_update_columns(
    writer: Writer, ids: Sequence[str], given: pa.Table
) -> tuple[Plan | None, Change]:
    """Change columns of items.

    Where many items of a segment change, its items are written again beside
    the same vectors; where few do, they move into a new segment.
    """
    snapshot = writer.current
    places = places_of(snapshot, ids)
    change = _count(snapshot, updated=len(ids))
    if not len(ids):
        return None, change
    schema = merge_schemas(snapshot.schema, given.schema)
    plan = writer.plan("update_columns", schema=schema)
    owners = snapshot.segment_of(places)
    moved = np.zeros(len(ids), dtype=bool)
    for number in numbers_in(owners):
        segment = snapshot.segments[number]
        here = np.flatnonzero(owners == number)
        rows = places[here] - snapshot.starts[number]
        if 4 * plan.dimension * len(here) < segment.entry.items.n_bytes:
            moved[here] = True
            plan.dead[number] = rows
        else:
            some = given.take(as_take_indices(here))
            plan.items[number] = _override_items(segment, rows, some, schema)
    if moved.any():
        here = np.flatnonzero(moved)
        plan.new = NewRows(
            [ids[position] for position in here.tolist()],
            snapshot.vectors_at(places[here]),
            override_columns(
                snapshot.columns_at(places[here]), given.take(as_take_indices(here))
            ),
        )
    return plan, change


def plan_remove(
    writer: Writer, ids: Sequence[str], *, ignores_missing: bool
) -> tuple[Plan | None, Change]:
    """Turn items into tombstones."""
    snapshot = writer.current
    places = snapshot.find(ids) if ignores_missing else places_of(snapshot, ids)
    places = places[places >= 0]
    change = _count(snapshot, removed=len(places))
    if not len(places):
        return None, change
    return writer.plan("remove", dead=_split(snapshot, places)), change


def plan_compact(writer: Writer) -> tuple[Plan | None, Change]:
    """Merge everything into one segment, unless it is one."""
    snapshot = writer.current
    change = _count(snapshot)
    if len(snapshot.segments) <= 1 and not snapshot.manifest.n_dead:
        return None, change
    return writer.plan("compact", merges_all=True), change


def plan_rebuild(
    writer: Writer, request: StructureRequest
) -> tuple[Plan | None, Change]:
    """Merge everything into one segment and build its structure again."""
    plan = writer.plan("rebuild", request=request, merges_all=True, restructures=True)
    return plan, _count(writer.current)


def choose_past(manifest: Manifest, to: int | None) -> PastGeneration:
    """Choose the generation to roll back to.

    Raises
    ------
    IndexHistoryError
        Lists what is kept.
    """
    kept = ", ".join(str(past.generation) for past in manifest.history)
    beside = f"kept beside it: {kept}" if kept else "no other is kept"
    if to is not None:
        for past in manifest.history:
            if past.generation == to:
                return past
        message = (
            f"generation {to} is not kept: {manifest.generation} is current, {beside}"
        )
        raise IndexHistoryError(message)
    for past in manifest.history:
        if past.content == manifest.parent:
            return past
    message = (
        f"there is nothing older to roll back to from generation "
        f"{manifest.generation}: {beside}"
    )
    raise IndexHistoryError(message)


def describe(snapshot: Snapshot) -> dict[str, Any]:
    """Say what a generation holds, as plain values that go into JSON."""
    manifest = snapshot.manifest
    segments = []
    recall = 0.0
    for entry in manifest.segments:
        structure = entry.structure
        segments.append(
            {
                "name": entry.name,
                "n": entry.n_live,
                "tombstones": entry.n_dead,
                "structure": structure.key if structure else "exact",
                "effort": structure.effort if structure else {},
                "recall_at_k": structure.recall_at_k if structure else 1.0,
                "recall_low": structure.recall_low if structure else 1.0,
                "is_target_met": structure.is_target_met if structure else True,
                "bytes": sum(file.n_bytes for file in entry.files),
                "structure_bytes": structure.file.n_bytes if structure else 0,
                "n_trained": structure.n_trained if structure else 0,
                "cell_fit": structure.cell_fit if structure else None,
                "trained_fit": structure.trained_fit if structure else None,
                "why": explain_choice(entry, manifest.dimension, manifest.request),
                "tried": [asdict(one) for one in structure.tried] if structure else [],
            }
        )
        recall += entry.n_live * (structure.recall_at_k if structure else 1.0)
    keys = dict.fromkeys(str(segment["structure"]) for segment in segments)
    return {
        "generation": manifest.generation,
        "n": manifest.n_items,
        "dimension": manifest.dimension,
        "structure": "+".join(keys) or "exact",
        "recall_at_k": recall / manifest.n_items if manifest.n_items else 1.0,
        "k": manifest.request.k,
        "target_recall": manifest.request.target_recall,
        "prefer": manifest.request.prefer,
        "store": manifest.request.store,
        "segments": segments,
        "tombstones": manifest.n_dead,
        "fingerprints": dict(manifest.fingerprints),
        "columns": {field.name: str(field.type) for field in snapshot.schema},
        "bytes": sum(file.n_bytes for file in manifest.files),
        "operation": manifest.operation,
        "created": manifest.created,
        "history": [past.generation for past in manifest.history],
        "versions": dict(manifest.versions),
        "ok": True,
        "problems": [],
    }


def _plan_put(
    writer: Writer, operation: str, new: NewRows, places: Rows
) -> tuple[Plan | None, Change]:
    """Write new rows over those at `places`; ``-1`` where an id is new."""
    snapshot = writer.current
    n_updated = int((places >= 0).sum())
    change = _count(snapshot, added=len(places) - n_updated, updated=n_updated)
    if not len(new.ids):
        return None, change
    schema = merge_schemas(snapshot.schema, new.columns.schema)
    columns = new.columns
    if n_updated:
        columns = override_columns(snapshot.columns_at(places), columns)
    plan = writer.plan(operation, schema=schema)
    plan.dead = _split(snapshot, places[places >= 0])
    # The types are checked here, so that a dry run finds what a run would.
    plan.new = NewRows(new.ids, new.vectors, align_table(columns, schema))
    return plan, change


def _split(snapshot: Snapshot, places: Rows) -> dict[int, Rows]:
    """Sort positions of rows by their segment."""
    owners = snapshot.segment_of(places)
    return {
        number: places[owners == number] - snapshot.starts[number]
        for number in numbers_in(owners)
    }


def _override_items(
    segment: Segment, rows: Rows, given: pa.Table, schema: pa.Schema
) -> pa.Table:
    """Ids and columns of a segment with the given values in some rows."""
    table = align_table(segment.columns_for(schema), schema)
    given = align_table(given, pa.schema([schema.field(n) for n in given.column_names]))
    order = np.arange(len(segment))
    order[rows] = len(segment) + np.arange(len(rows))
    for field in given.schema:
        chunks = [*table.column(field.name).chunks, *given.column(field.name).chunks]
        column = pa.chunked_array(chunks, field.type).take(as_take_indices(order))
        table = table.set_column(table.column_names.index(field.name), field, column)
    if not table.num_columns:
        table = empty_table(len(segment))
    return table.add_column(0, ID_COLUMN, segment.items.column(ID_COLUMN))


def _count(
    snapshot: Snapshot, *, added: int = 0, updated: int = 0, removed: int = 0
) -> Change:
    return Change(
        generation=snapshot.manifest.generation,
        n_items=len(snapshot) + added - removed,
        added=added,
        updated=updated,
        removed=removed,
    )


def _show(names: Sequence[str], n: int) -> str:
    return ", ".join(map(repr, names)) + (", …" if n > len(names) else "")
