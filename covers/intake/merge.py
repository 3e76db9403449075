"""From places to the catalogue: one row per distinct picture."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from covers.catalogue.artists import artist_keys
from covers.catalogue.genres import GenreMapper, Level, Resolve
from covers.catalogue.splits import UNDECIDED, join_groups, split_groups
from covers.catalogue.table import SCHEMA, SPLITS
from covers.intake.manifest import spread_extras
from covers.workspace.source_files import SourceKind

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from covers.catalogue.genre_tree import GenreTree
    from covers.intake.scan_record import Place
    from covers.workspace.settings import IntakeSettings


def make_mapper(
    places: Iterable[Place],
    kinds: Mapping[str, SourceKind],
    table: GenreTree,
    settings: IntakeSettings,
) -> GenreMapper:
    """Make the mapper for these places; it learns the names that people chose.

    Parameters
    ----------
    places : iterable of Place
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
    for place in places:
        kind = kinds[place.source]
        raw.update((name, kind) for name in place.labels.genres)
    for (name, kind), n in raw.items():
        counts = mapper.tagged if kind is SourceKind.MUSIC else mapper.chosen
        for part in mapper.split(name, kind):
            counts[part] += n
    return mapper


def group_by_cover(places: Iterable[Place]) -> dict[str, list[Place]]:
    """Collect the places of each cover, keeping their order."""
    covers: dict[str, list[Place]] = {}
    for place in places:
        if place.content.cover_id is not None:
            covers.setdefault(place.content.cover_id, []).append(place)
    return covers


def assemble(
    covers: Mapping[str, Sequence[Place]],
    *,
    kinds: Mapping[str, SourceKind],
    mapper: GenreMapper,
    near_duplicates: Mapping[str, Hashable],
    shares: Mapping[str, float],
    seed: int,
    previous: Mapping[str, str],
    corrections: Mapping[str, Sequence[str]] | None = None,
) -> pa.Table:
    """Make the catalogue's rows.

    Parameters
    ----------
    covers : mapping of str to sequence of Place
        Places of each cover id; the first one gives a cover its path.
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

    Returns
    -------
    pyarrow.Table
        Columns of `covers.catalogue.table.SCHEMA`, then those of manifests.
    """
    cover_ids = list(covers)
    rows = [_merge(places, kinds, mapper) for places in covers.values()]
    for cover_id, row in zip(cover_ids, rows, strict=True):
        if corrections and cover_id in corrections:
            row["genres"] = sorted(corrections[cover_id])
    main_artists = [row["artists"][0] if row["artists"] else None for row in rows]
    groups = join_groups(
        cover_ids,
        [
            main_artists,
            [row["release_group"] for row in rows],
            [near_duplicates.get(cover_id) for cover_id in cover_ids],
        ],
    )
    fixed = [
        _given_side(places) or previous.get(cover_id, UNDECIDED)
        for cover_id, places in covers.items()
    ]
    splits = split_groups(
        [row["genres"] for row in rows],
        groups,
        shares=shares,
        seed=seed,
        previous=fixed,
    )
    columns: dict[str, Any] = {
        name: [row.get(name) for row in rows] for name in SCHEMA.names
    }
    columns["cover_id"] = cover_ids
    columns["group"] = groups
    columns["split"] = splits.tolist()
    table = pa.table(columns, schema=SCHEMA)
    extras = [_first_extra(places) for places in covers.values()]
    for name, values in spread_extras(extras).items():
        table = table.append_column(name, values)
    return table


def count_split_conflicts(covers: Mapping[str, Sequence[Place]]) -> int:
    """Count the covers whose places put them on different sides."""
    return sum(
        len({place.labels.split for place in places if place.labels.split}) > 1
        for places in covers.values()
    )


def _merge(
    places: Sequence[Place],
    kinds: Mapping[str, SourceKind],
    mapper: GenreMapper,
) -> dict[str, Any]:
    """Make one row of all places of one cover."""
    first = places[0]
    genres: set[str] = set()
    raw: dict[str, None] = {}
    artists: dict[str, None] = {}
    for place in places:
        genres.update(map_labels(mapper, place, kinds))
        raw.update(dict.fromkeys(place.labels.genres))
        artists.update(dict.fromkeys(place.labels.artists))
    row: dict[str, Any] = {
        "source": first.source,
        "path": first.path,
        "locations": [
            {
                "source": place.source,
                "path": place.path,
                "member": place.member,
                "size": place.size,
                "mtime_ns": place.mtime_ns,
                "genres": list(place.labels.genres),
            }
            for place in places
        ],
        "genres": sorted(genres),
        "raw_genres": list(raw),
        "artists": list(artists),
        "width": first.content.width,
        "height": first.content.height,
        "format": first.content.format,
    }
    for name in ("artist", "album", "year", "release_group"):
        values = (getattr(place.labels, name) for place in places)
        row[name] = next((value for value in values if value is not None), None)
    if not row["artists"]:
        row["artists"] = list(artist_keys(row["artist"]))
    return row


def map_labels(
    mapper: GenreMapper, place: Place, kinds: Mapping[str, SourceKind]
) -> tuple[str, ...]:
    """Return the genres of one place; equal labels are mapped once."""
    return mapper.map(place.labels.genres, kinds[place.source])


def _given_side(places: Sequence[Place]) -> str:
    """Return the side that a cover's places decide.

    The first of train, valid and test wins, so that nothing trained on is
    ever evaluated on.
    """
    sides = {place.labels.split for place in places if place.labels.split}
    return min(sides, key=SPLITS.index) if sides else UNDECIDED


def _first_extra(places: Sequence[Place]) -> dict[str, Any]:
    """Join the further columns of all places, the first value winning."""
    if len(places) == 1:
        return places[0].labels.extra
    joined: dict[str, Any] = {}
    for place in places:
        for name, value in place.labels.extra.items():
            joined.setdefault(name, value)
    return joined
