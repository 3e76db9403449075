"""The labels that sources give to covers, each distinct one looked at once, in columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from covers.catalogue.artists import artist_keys
from covers.catalogue.genres import GenreMapper, Level, Resolve
from covers.catalogue.matching import SPLITS
from covers.catalogue.splits import UNDECIDED
from covers.catalogue.table import SCHEMA
from covers.intake.scan_record import parse_labels
from covers.intake.tables.manifest import spread_extras
from covers.stats.rows import number_by_appearance
from covers.workspace.source_files import SourceKind
from indexer.files.arrow import (
    as_dictionary,
    as_numbers,
    as_take_indices,
    make_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeVar

    from covers.catalogue.genre_tree import GenreTree
    from covers.intake.sources import Labels
    from covers.workspace.settings import IntakeSettings

    Rows = npt.NDArray[np.int64]
    Value = TypeVar("Value", str, int)

DESCRIBED = (
    "genres",
    "raw_genres",
    "artist",
    "artists",
    "album",
    "year",
    "release_group",
)
"""Columns of the catalogue that labels decide."""
_NAMES = pa.list_(pa.string())
_SCHEMA = pa.schema(
    [
        *(SCHEMA.field(name) for name in DESCRIBED),
        pa.field("own_genres", _NAMES),  # raw genres of the first record alone
        pa.field("side", pa.string()),
    ]
)
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class DistinctLabels:
    """The labels of records, each distinct one once, and which each record has.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n_records,)
        Number of the labels and of the kind of source of each record, ``0``
        upwards in the order of first appearance.
    texts : sequence of str
        The labels of each number as JSON.
    kinds : sequence of SourceKind
        The kind of each number.
    """

    numbers: Rows
    texts: Sequence[str]
    kinds: Sequence[SourceKind]

    @classmethod
    def of(cls, records: pa.Table, kinds: Mapping[str, SourceKind]) -> DistinctLabels:
        """Give numbers to the labels of records; `kinds` is by the name of a source."""
        if not records.num_rows:
            return cls(np.zeros(0, np.int64), [], [])
        sources = as_dictionary(records.column("source"))
        labels = as_dictionary(records.column("labels"))
        several = [kinds[name] for name in sources.dictionary.to_pylist()]
        known = list(dict.fromkeys(several))
        of_source = np.array([known.index(kind) for kind in several], np.int64)
        kind = of_source[as_numbers(sources.indices)]
        joined = as_numbers(labels.indices).astype(np.int64) * len(known) + kind
        first, numbers = number_by_appearance(joined)
        pairs = joined[first]
        texts = labels.dictionary.take(as_take_indices(pairs // len(known))).to_pylist()
        return cls(numbers, texts, [known[i] for i in pairs % len(known)])

    def labels(self, number: int) -> Labels:
        """Return the labels of a number."""
        return parse_labels(self.texts[number])


def make_mapper(
    distinct_labels: DistinctLabels, table: GenreTree, settings: IntakeSettings
) -> GenreMapper:
    """Make the mapper for the genres of records; it learns the names that people chose.

    Parameters
    ----------
    distinct_labels : DistinctLabels
        Of the records with a cover.
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
    counts = np.bincount(
        distinct_labels.numbers, minlength=len(distinct_labels.texts)
    ).tolist()
    for number, kind in enumerate(distinct_labels.kinds):
        for name in distinct_labels.labels(number).genres:
            raw[name, kind] += counts[number]
    for (name, kind), n in raw.items():
        learnt = mapper.tagged if kind is SourceKind.MUSIC else mapper.chosen
        for part in mapper.split(name, kind):
            learnt[part] += n
    return mapper


@dataclass
class _Row:
    """A row of the catalogue, as far as labels say it, and further columns of manifests."""

    genres: list[str]
    raw_genres: list[str]
    artists: list[str]
    own_genres: list[str]
    side: str
    artist: str | None
    album: str | None
    year: int | None
    release_group: str | None
    extra: dict[str, object]


@dataclass
class LabelTable:
    """Labels as rows of the catalogue: those of one record, or of several records of a cover together.

    Parameters
    ----------
    distinct_labels : DistinctLabels
        Its numbers are the first rows.
    mapper : GenreMapper
        Turns raw genres into those of the catalogue.
    """

    distinct_labels: DistinctLabels
    mapper: GenreMapper
    _tables: list[pa.Table] = field(default_factory=list)
    _extras: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        n = len(self.distinct_labels.texts)
        for start in range(0, n, _ROWS_AT_ONCE):
            self.add([number] for number in range(start, min(n, start + _ROWS_AT_ONCE)))

    def __len__(self) -> int:
        return len(self._extras)

    def add(
        self,
        several: Iterable[Sequence[int]],
        genres: Iterable[Sequence[str] | None] | None = None,
    ) -> Rows:
        """Add rows for labels of several records of a cover, joined; return the numbers of the rows.

        Parameters
        ----------
        several : iterable of sequences of int
            Numbers of `distinct_labels`, in the order of the records; the first with a value wins.
        genres : iterable of sequences of str, optional
            Genres that a person decided on instead.
        """
        before = len(self)
        rows = [self._merge(numbers) for numbers in several]
        if genres is not None:
            for row, decided in zip(rows, genres, strict=True):
                if decided is not None:
                    row.genres = sorted(decided)
        self._extras += [row.extra for row in rows]
        columns = {name: [getattr(row, name) for row in rows] for name in _SCHEMA.names}
        self._tables.append(make_table(columns, _SCHEMA))
        return np.arange(before, len(self))

    def table(self) -> pa.Table:
        """Return all rows, without the further columns of manifests."""
        return pa.concat_tables(
            [pa.Table.from_batches([], _SCHEMA), *self._tables]
        ).combine_chunks()

    def extras(self, rows: Rows) -> dict[str, pa.Array]:
        """Return the further columns of manifests for covers with these rows."""
        first, numbers = number_by_appearance(rows)
        taken = as_take_indices(numbers)
        columns = spread_extras([self._extras[row] for row in rows[first].tolist()])
        return {name: column.take(taken) for name, column in columns.items()}

    def _merge(self, numbers: Sequence[int]) -> _Row:
        """Make one row of the labels of several records of a cover."""
        several = [self.distinct_labels.labels(number) for number in numbers]
        genres: set[str] = set()
        extra: dict[str, object] = {}
        for number, labels in zip(numbers, several, strict=True):
            genres.update(
                self.mapper.map(labels.genres, self.distinct_labels.kinds[number])
            )
            for name, value in labels.extra.items():
                extra.setdefault(name, value)
        sides = {labels.split for labels in several if labels.split}
        artist = _first(one.artist for one in several)
        artists = _distinct(name for one in several for name in one.artists)
        return _Row(
            genres=sorted(genres),
            raw_genres=_distinct(name for one in several for name in one.genres),
            artists=artists or list(artist_keys(artist)),
            own_genres=list(several[0].genres),
            # The first wins, so that nothing trained on is ever evaluated on.
            side=min(sides, key=SPLITS.index) if sides else UNDECIDED,
            artist=artist,
            album=_first(one.album for one in several),
            year=_first(one.year for one in several),
            release_group=_first(one.release_group for one in several),
            extra=extra,
        )


def _first(values: Iterable[Value | None]) -> Value | None:
    """Return the first value that is known."""
    return next((value for value in values if value is not None), None)


def _distinct(names: Iterable[str]) -> list[str]:
    """Return names once each, in their order."""
    return list(dict.fromkeys(names))
