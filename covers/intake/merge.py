"""From the records of a scan to the catalogue: one row per distinct picture.

Labels repeat: all covers of a folder have the same. So each distinct one is
looked at once (`covers.intake.labels.table`), and the columns of the
catalogue are taken from there by number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from covers.catalogue.splits import join_groups, split_groups
from covers.catalogue.table import LOCATION, SCHEMA, each_value
from covers.errors import DataError
from covers.intake.labels.table import DESCRIBED, DistinctLabels, LabelTable
from indexer.files.arrow import as_dictionary, as_numbers, as_take_indices, make_array

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from covers.catalogue.genres import GenreMapper
    from covers.workspace.source_files import SourceKind

    Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RecordsByCover:
    """Scan records by cover.

    Parameters
    ----------
    records : pyarrow.Table
        Those with a cover, in the order of the scan.
    kinds : mapping of str to SourceKind
        Kind of each source by name.
    """

    records: pa.Table
    kinds: Mapping[str, SourceKind]

    @cached_property
    def cover_ids(self) -> pa.Array:
        """Distinct covers, in the order of their first records."""
        return self.records.column("cover_id").unique()

    @cached_property
    def order(self) -> Rows:
        """Rows of `records`, those of one cover together, shape (n_records,)."""
        order: Rows = np.argsort(self._covers, kind="stable")
        return order

    @cached_property
    def starts(self) -> Rows:
        """Where the records of each cover begin in `order`, and the end of all, shape (n_covers + 1,)."""
        sizes = np.bincount(self._covers, minlength=len(self.cover_ids))
        starts: Rows = np.concatenate([[0], np.cumsum(sizes)])
        return starts

    @cached_property
    def distinct_labels(self) -> DistinctLabels:
        """The labels of the records."""
        return DistinctLabels.of(self.records, self.kinds)

    @cached_property
    def _covers(self) -> Rows:
        """The cover of each record, shape (n_records,)."""
        coded = as_dictionary(self.records.column("cover_id"))
        covers: Rows = as_numbers(coded.indices).astype(np.int64)
        return covers

    def without(self, dropped: Collection[str]) -> RecordsByCover:
        """Leave covers out.

        Raises
        ------
        DataError
            If none is left.
        """
        if not dropped:
            return self
        out = make_array(sorted(dropped), pa.string())
        is_out = pc.is_in(self.records.column("cover_id"), value_set=out)
        left = self.records.filter(pc.invert(is_out))
        if not left.num_rows:
            message = (
                f"all {len(self.cover_ids)} covers are dropped: take decisions back "
                "with 'covers audit --revert all'"
            )
            raise DataError(message)
        return RecordsByCover(left, self.kinds)

    def numbers_of(self, cover: int) -> Rows:
        """Return the numbers of the labels of a cover, record by record."""
        rows = self.order[self.starts[cover] : self.starts[cover + 1]]
        return self.distinct_labels.numbers[rows]

    def with_different_labels(self) -> list[int]:
        """Return the covers whose records have different labels."""
        numbers = self.distinct_labels.numbers[self.order]
        other = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
        covers = np.searchsorted(self.starts, other, side="right") - 1
        found: list[int] = np.unique(covers[self.starts[covers] != other]).tolist()
        return found


@dataclass(frozen=True, kw_only=True)
class AssemblyRules:
    """How scan records become rows of a catalogue.

    Parameters
    ----------
    mapper : GenreMapper
        Turns raw genres into those of the catalogue.
    near_duplicates : ndarray of int64, shape (n_covers,)
        Group of each cover, the same for near-duplicates; ``-1`` where it has none.
    shares : mapping of str to float
        Share of each side of the split.
    seed : int
        Decides among equally good splits.
    previous : sequence of str, length n_covers
        Side of each cover, ``""`` where it has none yet.
    corrections : mapping of str to sequence of str
        Genres that a person decided on, by cover id.
    """

    mapper: GenreMapper
    near_duplicates: Rows
    shares: Mapping[str, float]
    seed: int
    previous: Sequence[str]
    corrections: Mapping[str, Sequence[str]]


def assemble(by_cover: RecordsByCover, rules: AssemblyRules) -> pa.Table:
    """Make the catalogue's rows.

    Parameters
    ----------
    by_cover : RecordsByCover
        The first one gives a cover its path.
    rules : AssemblyRules

    Returns
    -------
    pyarrow.Table
        Columns of `covers.catalogue.table.SCHEMA`, then those of manifests.
    """
    labels = LabelTable(by_cover.distinct_labels, rules.mapper)
    rows = _label_rows(by_cover, labels, rules.corrections)
    known = labels.table()
    described = known.take(as_take_indices(rows))
    first = by_cover.records.take(as_take_indices(by_cover.order[by_cover.starts[:-1]]))
    columns = {name: described.column(name) for name in DESCRIBED}
    for name in ("cover_id", "source", "path", "width", "height", "format"):
        columns[name] = first.column(name)
    columns["locations"] = _locations(by_cover, known.column("own_genres"))
    groups = join_groups(
        by_cover.cover_ids.to_pylist(),
        [
            _main_artists(described.column("artists")),
            described.column("release_group"),
            make_array(
                [None if n < 0 else n for n in rules.near_duplicates.tolist()],
                pa.int64(),
            ),
        ],
    )
    sides = described.column("side").to_pylist()
    splits = split_groups(
        each_value(described.column("genres")),
        groups,
        shares=rules.shares,
        seed=rules.seed,
        previous=[
            given or before for given, before in zip(sides, rules.previous, strict=True)
        ],
    )
    columns["group"] = make_array(groups, pa.string())
    columns["split"] = make_array(splits.tolist(), pa.string())
    table = pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)
    table = table.combine_chunks()
    for name, values in labels.extras(rows).items():
        table = table.append_column(name, values)
    return table


def _label_rows(
    by_cover: RecordsByCover,
    labels: LabelTable,
    corrections: Mapping[str, Sequence[str]],
) -> Rows:
    """Return the row of `labels` of each cover; rows for several records together are added to it."""
    firsts = by_cover.order[by_cover.starts[:-1]]
    rows = by_cover.distinct_labels.numbers[firsts].copy()
    merged = dict.fromkeys(by_cover.with_different_labels())
    decided = {}
    if corrections:
        for cover, cover_id in enumerate(by_cover.cover_ids.to_pylist()):
            if cover_id in corrections:
                decided[cover] = corrections[cover_id]
                merged[cover] = None
    covers = sorted(merged)
    rows[covers] = labels.add(
        (by_cover.numbers_of(cover).tolist() for cover in covers),
        [decided.get(cover) for cover in covers],
    )
    return rows


def _locations(by_cover: RecordsByCover, own_genres: pa.ChunkedArray) -> pa.Array:
    """Return where each cover lies, with the genres it is given there."""
    order = as_take_indices(by_cover.order)
    columns = {
        name: by_cover.records.column(name).take(order).combine_chunks()
        for name in ("source", "path", "member", "size", "mtime_ns")
    }
    genres = own_genres.take(
        as_take_indices(by_cover.distinct_labels.numbers[by_cover.order])
    )
    columns["genres"] = genres.combine_chunks()
    parts = pa.StructArray.from_arrays(
        [columns[part.name] for part in LOCATION], fields=list(LOCATION)
    )
    return pa.ListArray.from_arrays(make_array(by_cover.starts, pa.int32()), parts)


def _main_artists(artists: pa.ChunkedArray) -> pa.Array:
    """Return the first artist of each cover, None where there is none."""
    first = [names[0] if names else None for names in each_value(artists)]
    return make_array(first, pa.string())


def count_split_conflicts(by_cover: RecordsByCover) -> int:
    """Count the covers whose records put them on different sides."""
    n_conflicts = 0
    for cover in by_cover.with_different_labels():
        labels = map(
            by_cover.distinct_labels.labels, set(by_cover.numbers_of(cover).tolist())
        )
        n_conflicts += len({one.split for one in labels if one.split}) > 1
    return n_conflicts
