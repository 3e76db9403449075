"""From the record of a scan to the catalogue: one row per distinct picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from covers.catalogue.artists import artist_keys
from covers.catalogue.genres import GenreMapper, Level, Resolve
from covers.catalogue.splits import UNDECIDED, join_groups, split_groups
from covers.catalogue.table import SCHEMA, SPLITS
from covers.intake.tables.manifest import spread_extras
from covers.workspace.source_files import SourceKind
from indexer.files.arrow import make_array, make_table

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from covers.catalogue.genre_tree import GenreTree
    from covers.intake.scan_record import ScanRecord
    from covers.workspace.settings import IntakeSettings

_ROWS_AT_ONCE = 50_000
_OF_ALL = ("group", "split")
_DESCRIBED = pa.schema([field for field in SCHEMA if field.name not in _OF_ALL])


def make_mapper(
    records: Iterable[ScanRecord],
    kinds: Mapping[str, SourceKind],
    table: GenreTree,
    settings: IntakeSettings,
) -> GenreMapper:
    """Make the mapper for the genres of these records; it learns the names that people chose.

    Parameters
    ----------
    records : iterable of ScanRecord
        Those with a cover.
    kinds : mapping of str to SourceKind
        Kind of each source by name.
    table : GenreTree
        Aliases and tree.
    settings : IntakeSettings
        Separators, level, which names are resolved, and which are no genre.
    """
    mapper = GenreMapper(
        table,
        settings.genre_separators,
        Level(settings.genre_level),
        Resolve(settings.genre_mapping),
        settings.ignored_genres,
    )
    raw: Counter[tuple[str, SourceKind]] = Counter()
    for record in records:
        kind = kinds[record.source]
        raw.update((name, kind) for name in record.labels.genres)
    for (name, kind), n in raw.items():
        counts = mapper.tagged if kind is SourceKind.MUSIC else mapper.chosen
        for part in mapper.split(name, kind):
            counts[part] += n
    return mapper


def group_by_cover(records: Iterable[ScanRecord]) -> dict[str, list[ScanRecord]]:
    """Collect the records of each cover, keeping their order."""
    covers: dict[str, list[ScanRecord]] = {}
    for record in records:
        if record.content.cover_id is not None:
            covers.setdefault(record.content.cover_id, []).append(record)
    return covers


@dataclass(frozen=True, kw_only=True)
class AssemblyRules:
    """How scan records become rows of a catalogue.

    Parameters
    ----------
    kinds : mapping of str to SourceKind
        Kind of each source by name.
    mapper : GenreMapper
        Turns raw genres into those of the catalogue.
    near_duplicates : mapping of str to hashable
        Group of each cover id that has near-duplicates.
    shares : mapping of str to float
        Share of each side of the split.
    seed : int
        Decides among equally good splits.
    previous : mapping of str to str
        Side of each cover that has one already.
    corrections : mapping of str to sequence of str, optional
        Genres that a person decided on, by cover id.
    """

    kinds: Mapping[str, SourceKind]
    mapper: GenreMapper
    near_duplicates: Mapping[str, Hashable]
    shares: Mapping[str, float]
    seed: int
    previous: Mapping[str, str]
    corrections: Mapping[str, Sequence[str]] | None = None


def assemble(
    covers: Mapping[str, Sequence[ScanRecord]], rules: AssemblyRules
) -> pa.Table:
    """Make the catalogue's rows.

    Parameters
    ----------
    covers : mapping of str to sequence of ScanRecord
        Locations of each cover id; the first one gives a cover its path.
    rules : AssemblyRules

    Returns
    -------
    pyarrow.Table
        Columns of `covers.catalogue.table.SCHEMA`, then those of manifests.
    """
    cover_ids = list(covers)
    # Thousands at a time: as Python values, all rows would take twenty times the room.
    blocks = [
        _merge_some(cover_ids[start : start + _ROWS_AT_ONCE], covers, rules)
        for start in range(0, len(cover_ids), _ROWS_AT_ONCE)
    ]
    table = pa.concat_tables(blocks) if blocks else _DESCRIBED.empty_table()
    groups = join_groups(
        cover_ids,
        [
            [artists[0] if artists else None for artists in _values(table, "artists")],
            _values(table, "release_group"),
            [rules.near_duplicates.get(cover_id) for cover_id in cover_ids],
        ],
    )
    fixed = [
        _given_side(records) or rules.previous.get(cover_id, UNDECIDED)
        for cover_id, records in covers.items()
    ]
    splits = split_groups(
        _values(table, "genres"),
        groups,
        shares=rules.shares,
        seed=rules.seed,
        previous=fixed,
    )
    columns = {name: table.column(name) for name in _DESCRIBED.names}
    for name, values in zip(_OF_ALL, (groups, splits.tolist()), strict=True):
        columns[name] = make_array(values, SCHEMA.field(name).type)
    table = pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)
    table = table.combine_chunks()
    extras = [_first_extra(records) for records in covers.values()]
    for name, values in spread_extras(extras).items():
        table = table.append_column(name, values)
    return table


def _merge_some(
    cover_ids: Sequence[str],
    covers: Mapping[str, Sequence[ScanRecord]],
    rules: AssemblyRules,
) -> pa.Table:
    """Make the rows of some covers, but for what depends on all."""
    rows = [
        _merge(covers[cover_id], rules.kinds, rules.mapper) for cover_id in cover_ids
    ]
    for cover_id, row in zip(cover_ids, rows, strict=True):
        row["cover_id"] = cover_id
        if rules.corrections and cover_id in rules.corrections:
            row["genres"] = sorted(rules.corrections[cover_id])
    columns = {name: [row.get(name) for row in rows] for name in _DESCRIBED.names}
    return make_table(columns, _DESCRIBED)


def _values(table: pa.Table, name: str) -> list[Any]:
    """Return a column as Python values."""
    return list(table.column(name).to_pylist())


def count_split_conflicts(covers: Mapping[str, Sequence[ScanRecord]]) -> int:
    """Count the covers whose records put them on different sides."""
    return sum(
        len({record.labels.split for record in records if record.labels.split}) > 1
        for records in covers.values()
    )


def _merge(
    records: Sequence[ScanRecord],
    kinds: Mapping[str, SourceKind],
    mapper: GenreMapper,
) -> dict[str, Any]:
    """Make one row of all records of one cover."""
    first = records[0]
    genres: set[str] = set()
    raw: dict[str, None] = {}
    artists: dict[str, None] = {}
    for record in records:
        genres.update(map_labels(mapper, record, kinds))
        raw.update(dict.fromkeys(record.labels.genres))
        artists.update(dict.fromkeys(record.labels.artists))
    row: dict[str, Any] = {
        "source": first.source,
        "path": first.path,
        "locations": [
            {
                "source": record.source,
                "path": record.path,
                "member": record.member,
                "size": record.size,
                "mtime_ns": record.mtime_ns,
                "genres": list(record.labels.genres),
            }
            for record in records
        ],
        "genres": sorted(genres),
        "raw_genres": list(raw),
        "artists": list(artists),
        "width": first.content.width,
        "height": first.content.height,
        "format": first.content.format,
    }
    for name in ("artist", "album", "year", "release_group"):
        values = (getattr(record.labels, name) for record in records)
        row[name] = next((value for value in values if value is not None), None)
    if not row["artists"]:
        row["artists"] = list(artist_keys(row["artist"]))
    return row


def map_labels(
    mapper: GenreMapper, record: ScanRecord, kinds: Mapping[str, SourceKind]
) -> tuple[str, ...]:
    """Return the genres of one record; equal labels are mapped once."""
    return mapper.map(record.labels.genres, kinds[record.source])


def _given_side(records: Sequence[ScanRecord]) -> str:
    """Return the side that a cover's records decide.

    The first of train, valid and test wins, so that nothing trained on is
    ever evaluated on.
    """
    sides = {record.labels.split for record in records if record.labels.split}
    return min(sides, key=SPLITS.index) if sides else UNDECIDED


def _first_extra(records: Sequence[ScanRecord]) -> dict[str, Any]:
    """Join the further columns of all records, the first value winning."""
    if len(records) == 1:
        return records[0].labels.extra
    joined: dict[str, Any] = {}
    for record in records:
        for name, value in record.labels.extra.items():
            joined.setdefault(name, value)
    return joined
