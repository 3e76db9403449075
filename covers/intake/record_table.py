"""The records of a scan as a table: joined, put in order and compared without an object for each.

``scan-records.parquet`` is such a table. Rows become `covers.intake.scan_record.ScanRecord`
only where one of them is looked at.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from covers.errors import DataError
from covers.intake.scan_record import (
    PASSING,
    SCHEMA,
    ScanRecord,
    parse_rows,
    records_file,
    write_labels,
)
from covers.stats.rows import rows_in
from covers.workspace.artefacts import Stamp, write_table
from covers.workspace.read_artefacts import read_rows
from covers.workspace.registry import SCAN_RECORDS, SCAN_RECORDS_BEFORE
from indexer.files.arrow import (
    as_dictionary,
    as_numbers,
    as_take_indices,
    make_array,
    make_table,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from covers.workspace.paths import Workspace

_ROWS_AT_ONCE = 50_000
_KEY = ("source", "path", "member")
_OF_CONTENT = ("cover_id", "width", "height", "format", "kind", "reason")


def table_of(records: Iterable[ScanRecord]) -> pa.Table:
    """Put records into a table of `covers.intake.scan_record.SCHEMA`."""
    rows = RecordRows()
    for record in records:
        rows.add(record)
    return rows.table()


class RecordRows:
    """Records that are put into a table some thousand at a time."""

    def __init__(self) -> None:
        self._tables: list[pa.Table] = [pa.Table.from_batches([], SCHEMA)]
        self._rows: list[ScanRecord] = []

    def add(self, record: ScanRecord) -> None:
        """Add a record."""
        self._rows.append(record)
        if len(self._rows) == _ROWS_AT_ONCE:
            self._flush()

    def table(self) -> pa.Table:
        """Return all that were added, in this order."""
        self._flush()
        return pa.concat_tables(self._tables)

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        columns = {
            name: [getattr(row, name) for row in rows]
            for name in (*_KEY, "size", "mtime_ns")
        }
        for name in _OF_CONTENT:
            columns[name] = [getattr(row.content, name) for row in rows]
        columns["labels"] = write_labels(row.labels for row in rows)
        self._tables.append(make_table(columns, SCHEMA))


def records_of(table: pa.Table) -> Iterator[ScanRecord]:
    """Yield the rows of a table as records."""
    for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
        yield from parse_rows(batch)


def write_records(
    workspace: Workspace, records: pa.Table, limits: Mapping[str, object]
) -> None:
    """Publish ``scan-records.parquet``; what version 0.1 wrote instead is removed.

    Parameters
    ----------
    workspace : Workspace
    records : pyarrow.Table
    limits : mapping
        What decided which pictures are good, for the stamp.
    """
    stamp = Stamp(kind=SCAN_RECORDS.kind, parameters=dict(limits))
    write_table(workspace.path(SCAN_RECORDS), records, stamp)
    workspace.path(SCAN_RECORDS_BEFORE).unlink(missing_ok=True)


def read_records(workspace: Workspace) -> pa.Table:
    """Read ``scan-records.parquet``; an empty table where it is missing or cannot be read.

    It only saves work: without it, everything is read anew.
    """
    file = records_file(workspace)
    nothing = pa.Table.from_batches([], SCHEMA)
    if not workspace.path(file).is_file():
        return nothing
    try:
        table, _ = read_rows(workspace, file)
    except DataError:
        return nothing
    if table.schema.names != SCHEMA.names:
        return nothing
    return table.replace_schema_metadata(None).cast(SCHEMA)


def keys_of(records: pa.Table) -> pa.ChunkedArray:
    """Return the key that identifies each row: source, path and member in one text."""
    between = make_array(["\0"], pa.string())[0]
    return pc.binary_join_element_wise(*map(records.column, _KEY), between)


def covers_in(records: pa.Table) -> pa.Table:
    """Return the rows that hold a cover."""
    return records.filter(records.column("cover_id").is_valid())


def of_sources(records: pa.Table, names: Collection[str]) -> pa.Table:
    """Return the rows of some sources."""
    wanted = make_array(sorted(names), pa.string())
    return records.filter(pc.is_in(records.column("source"), value_set=wanted))


def may_any_pass(records: pa.Table) -> bool:
    """Say whether any record failed because of the machine and not the file, so that reading may succeed later."""
    bad = records.filter(records.column("cover_id").is_null())
    reasons = bad.column("reason").unique().to_pylist()
    return any((reason or "").startswith(PASSING) for reason in reasons)


def join_records(records: pa.Table, sources: Sequence[str]) -> pa.Table:
    """Join the labels of pictures that several albums share, and put all in order.

    Parameters
    ----------
    records : pyarrow.Table
    sources : sequence of str
        Names in the order that their rows get.
    """
    keys = as_dictionary(keys_of(records))
    codes = as_numbers(keys.indices).astype(np.int64)
    if len(keys.dictionary) < len(codes):
        records = _join_shared(records, codes)
    order = pc.index_in(
        records.column("source"), value_set=make_array(list(sources), pa.string())
    )
    by = records.select(["path", "member"]).append_column("order", order)
    rows = pc.sort_indices(
        by, [("order", "ascending"), ("path", "ascending"), ("member", "ascending")]
    )
    return records.take(rows).combine_chunks()


def _join_shared(records: pa.Table, codes: npt.NDArray[np.int64]) -> pa.Table:
    """Make one row of those with one key."""
    counts = np.bincount(codes)
    _, first = np.unique(codes, return_index=True)
    alone = records.take(as_take_indices(np.sort(first[counts == 1])))
    shared = np.flatnonzero(counts[codes] > 1)
    merged: dict[int, ScanRecord] = {}
    rows = zip(
        codes[shared].tolist(),
        records_of(records.take(as_take_indices(shared))),
        strict=True,
    )
    for code, record in rows:
        known = merged.get(code)
        merged[code] = record if known is None else _join_labels(known, record)
    return pa.concat_tables([alone, table_of(merged.values())])


def _join_labels(known: ScanRecord, record: ScanRecord) -> ScanRecord:
    """Join two records of one file: the genres of both, other labels from the later one."""
    if known.labels == record.labels:
        return record
    genres = dict.fromkeys((*known.labels.genres, *record.labels.genres))
    return replace(known, labels=replace(known.labels, genres=tuple(genres)))


def compare_records(old: pa.Table, new: pa.Table) -> dict[str, int]:
    """Count what is new, changed, moved, gone and unchanged between two scans.

    Returns
    -------
    dict of str to int
        A record counts as moved when its picture lay elsewhere before, and is
        gone from there. Places without a cover are left out.
    """
    before, after = covers_in(old), covers_in(new)
    rows = rows_in(keys_of(after), keys_of(before))
    known = rows >= 0
    are_same = pc.equal(
        after.column("cover_id").filter(make_array(known)),
        before.column("cover_id").take(as_take_indices(rows[known])),
    )
    n_same = int(pc.sum(are_same).as_py() or 0)
    is_left = np.ones(before.num_rows, bool)
    is_left[rows[known]] = False
    left = Counter(before.column("cover_id").filter(make_array(is_left)).to_pylist())
    added = after.column("cover_id").filter(make_array(~known))
    lay_elsewhere = pc.is_in(added, value_set=make_array(list(left), pa.string()))
    again = Counter(added.filter(lay_elsewhere).to_pylist())
    n_moved = sum(min(n, left[cover_id]) for cover_id, n in again.items())
    return {
        "new": len(added) - n_moved,
        "changed": int(known.sum()) - n_same,
        "moved": n_moved,
        "gone": sum(left.values()) - n_moved,
        "unchanged": n_same,
    }
