"""The catalogue: one row per distinct cover, with its columns as arrays."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from covers.catalogue.matching import SPLITS
from covers.errors import DataError
from covers.stats.membership import make_membership
from covers.stats.rows import RowsById
from covers.workspace.artefacts import (
    Stamp,
    fingerprint_blocks,
    read_table,
    write_table,
)
from covers.workspace.registry import CATALOGUE, CATALOGUE_TABLE
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from covers.workspace.paths import Workspace

KIND = CATALOGUE_TABLE.kind

LOCATION = pa.struct(
    [
        ("source", pa.string()),  # name of the source in covers.toml
        ("path", pa.string()),  # POSIX path below the source's root
        (
            "member",
            pa.string(),
        ),  # "" for a picture file, else which picture inside a music file
        ("size", pa.int64()),  # bytes of the file
        ("mtime_ns", pa.int64()),
        ("genres", pa.list_(pa.string())),  # raw genres this place gives to the cover
    ]
)

SCHEMA = pa.schema(
    [
        pa.field(
            "cover_id", pa.string(), nullable=False
        ),  # first 32 hex digits of the SHA-256 of the bytes
        pa.field("source", pa.string()),  # of the first location
        pa.field("path", pa.string()),  # of the first location
        pa.field("locations", pa.list_(LOCATION)),
        pa.field("genres", pa.list_(pa.string())),  # mapped, sorted, distinct
        pa.field("raw_genres", pa.list_(pa.string())),
        pa.field("artist", pa.string()),
        pa.field(
            "artists", pa.list_(pa.string())
        ),  # group keys for splits; empty when unknown or various
        pa.field("album", pa.string()),
        pa.field("year", pa.int32()),
        pa.field("release_group", pa.string()),
        pa.field(
            "group", pa.string(), nullable=False
        ),  # covers that must stay on one side of a split
        pa.field("split", pa.string(), nullable=False),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("format", pa.string()),
    ]
)
"""Columns every catalogue has; the other columns of a manifest follow as they came."""

GENRE_MINIMUM = 10
_ID_DIGITS, _FEWEST_DIGITS = 32, 4
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, repr=False)
class Catalogue:
    """The covers of a workspace, in rows.

    Parameters
    ----------
    table : pyarrow.Table
        At least the columns of `SCHEMA`, `cover_id` unique.
    genre_minimum : int
        Genres with fewer covers than this are kept out of `vocab`.
    written : dict of str to str
        Fingerprints as they were written with the table; what is not there
        is worked out.
    """

    table: pa.Table
    genre_minimum: int = GENRE_MINIMUM
    written: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, path: Path) -> Catalogue:
        """Read ``catalogue.parquet``.

        Raises
        ------
        DataError
            If there is none, or it is no catalogue.
        """
        repair = CATALOGUE.repair(path.parent, "scan SOURCE")
        table, stamp = read_table(path, KIND, repair)
        _require_types(table, path, repair)
        minimum = int(stamp.parameters.get("genre_minimum", GENRE_MINIMUM))
        return cls(table, minimum, stamp.summary)

    def write(self, path: Path, stamp: Stamp) -> None:
        """Publish the catalogue atomically, with its fingerprints."""
        fresh = replace(self, written={})
        summary = {
            "fingerprint": fresh.fingerprint(),
            "label_fingerprint": fresh.label_fingerprint(),
        }
        write_table(path, self.table, replace(stamp, summary=summary))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        counts = Counter(self.table.column("split").to_pylist())
        sides = ", ".join(f"{counts[side]:,} {side}" for side in SPLITS if counts[side])
        return f"<Catalogue: {len(self):,} covers of {len(self.vocab)} genres; {sides}>"

    @property
    def grouped_by(self) -> str:
        """What the groups of covers are made of, in words."""
        names = ["near-duplicates"]
        if any(self.column("release_group")):
            names.insert(0, "release group")
        if any(self.column("artists")):
            names.insert(0, "artist")
        return ", ".join(names)

    def column(self, name: str) -> list[Any]:
        """Return a column as Python values, None where unknown.

        Raises
        ------
        DataError
            If there is no such column.
        """
        if name not in self.table.column_names:
            message = f"no column {name!r} in the catalogue: it has {', '.join(self.table.column_names)}"
            raise DataError(message)
        return list(self.table.column(name).to_pylist())

    @cached_property
    def cover_ids(self) -> list[str]:
        """Content ids, in row order."""
        return self.column("cover_id")

    @cached_property
    def genres(self) -> list[list[str]]:
        """Mapped genres of each cover; an empty list where unknown."""
        return [list(genres or ()) for genres in self.column("genres")]

    @cached_property
    def n_labelled(self) -> int:
        """Number of covers with a genre."""
        import pyarrow.compute as pc

        column = self.table.column("genres")
        if not pa.types.is_list(column.type):  # nothing but nulls
            return 0
        # A plain number to compare with would make pyarrow import pandas.
        return int(pc.sum(pc.list_value_length(column).cast(pa.bool_())).as_py() or 0)

    @cached_property
    def labelled_ids(self) -> pa.Array:
        """Ids of the covers with a genre of `vocab`, in row order."""
        rows = np.flatnonzero(self.membership().sum(axis=1))
        return make_array([self.cover_ids[row] for row in rows.tolist()], pa.string())

    @cached_property
    def share_with_several(self) -> float:
        """Share of the covers with a genre of `vocab` that have more than one of these; 0 where none has any."""
        import pyarrow.compute as pc

        column = self.table.column("genres").combine_chunks()
        if not self.n_labelled:
            return 0.0
        # By lists, because pyarrow imports pandas for arrays, from and to NumPy.
        coded = pc.list_flatten(column).dictionary_encode()
        known = np.isin(coded.dictionary.to_pylist(), self.vocab)
        of_vocab = known[np.asarray(coded.indices.to_pylist(), np.int64)]
        cover = np.asarray(pc.list_parent_indices(column).to_pylist(), np.int64)
        n_genres = np.bincount(cover[of_vocab])
        n_labelled = np.count_nonzero(n_genres)
        return float(np.count_nonzero(n_genres > 1) / n_labelled) if n_labelled else 0.0

    @cached_property
    def genre_counts(self) -> dict[str, int]:
        """Number of covers of each genre, most frequent first, then by name."""
        import pyarrow.compute as pc

        column = self.table.column("genres")
        if not pa.types.is_list(column.type):  # nothing but nulls
            return {}
        counted = pc.value_counts(pc.list_flatten(column)).to_pylist()
        counts = {item["values"]: item["counts"] for item in counted}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        """Genres with at least `genre_minimum` covers, in alphabetical order."""
        return tuple(
            sorted(g for g, n in self.genre_counts.items() if n >= self.genre_minimum)
        )

    @cached_property
    def known_rows(self) -> npt.NDArray[np.int64]:
        """Rows of the covers that have a genre of `vocab`."""
        of_vocab = set(self.vocab)
        rows = [
            row
            for row, genres in enumerate(self.genres)
            if not of_vocab.isdisjoint(genres)
        ]
        return np.array(rows, np.int64)

    def membership(self, vocab: Sequence[str] | None = None) -> npt.NDArray[np.float64]:
        """Return how much each cover belongs to each genre.

        Parameters
        ----------
        vocab : sequence of str, optional
            Genres of the columns; by default `self.vocab`.

        Returns
        -------
        ndarray of float64, shape (n_covers, n_genres)
            As `covers.stats.membership.make_membership` defines it.
        """
        return make_membership(self.genres, self.vocab if vocab is None else vocab)

    @cached_property
    def groups(self) -> npt.NDArray[np.int64]:
        """Group number of each cover, shape (n_covers,): same number, same side of every split."""
        _, numbers = np.unique(
            np.asarray(self.column("group"), dtype=str), return_inverse=True
        )
        return numbers.astype(np.int64)

    @cached_property
    def splits(self) -> npt.NDArray[np.str_]:
        """Side of each cover, shape (n_covers,): ``"train"``, ``"valid"`` or ``"test"``."""
        return np.asarray(self.column("split"), dtype=str)

    def rows_of(self, cover_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the row of each of `cover_ids`, shape (n,).

        Raises
        ------
        DataError
            If a cover is not in the catalogue.
        """
        rows = self._by_id.of(cover_ids)
        if (rows < 0).any():
            absent = cover_ids[int(np.flatnonzero(rows < 0)[0])]
            message = f"no cover {absent!r} in the catalogue: run 'covers scan' again"
            raise DataError(message)
        return rows

    @cached_property
    def _by_id(self) -> RowsById:
        return RowsById(self.cover_ids)

    def find_id(self, beginning: str) -> str:
        """Return the full id of the only cover whose id begins with some digits.

        Raises
        ------
        DataError
            If there is none, or there are several.
        """
        if len(beginning) >= _ID_DIGITS:
            return beginning
        import pyarrow.compute as pc

        ids = self.table.column("cover_id")
        found = []
        if len(beginning) >= _FEWEST_DIGITS:
            found = ids.filter(pc.starts_with(ids, beginning)).to_pylist()
        if not found:
            message = f"no cover has an id that begins with {beginning!r} (4 to 32 digits of 0-9a-f): take one from 'covers search --json'"
            raise DataError(message)
        if len(found) > 1:
            message = f"{len(found)} covers have an id that begins with {beginning!r}, such as {found[0]} and {found[1]}: give more digits"
            raise DataError(message)
        return str(found[0])

    def fingerprint(self) -> str:
        """Hash everything but where the files lie."""
        if "fingerprint" in self.written:
            return self.written["fingerprint"]
        ignored = {"locations", "source", "path"}
        names = [name for name in self.table.column_names if name not in ignored]
        return fingerprint_blocks([names, self.genre_minimum], self._blocks(names))

    def label_fingerprint(self) -> str:
        """Hash what training depends on: ids, genres, groups and splits."""
        if "label_fingerprint" in self.written:
            return self.written["label_fingerprint"]
        names = ["cover_id", "genres", "group", "split"]
        return fingerprint_blocks([self.genre_minimum], self._blocks(names))

    def _blocks(self, names: Sequence[str]) -> Iterator[bytes]:
        """Yield the rows of some columns, in the order of their ids, as JSON."""
        import pyarrow.compute as pc

        from covers.catalogue.json_rows import json_rows

        order = pc.sort_indices(self.table.column("cover_id").cast(pa.string()))
        return json_rows(self.table, names, order)


def each_value(column: pa.ChunkedArray) -> Iterator[Any]:
    """Yield the values of a column as Python values, with some thousand of them in memory."""
    for start in range(0, len(column), _ROWS_AT_ONCE):
        yield from column.slice(start, _ROWS_AT_ONCE).to_pylist()


def _require_types(table: pa.Table, path: Path, repair: str) -> None:
    """Refuse a table whose columns are not of the types of `SCHEMA`."""
    names = table.column_names
    twice = next((name for name in names if names.count(name) > 1), None)
    wrong = next(
        (
            f"{known.name!r} is {str(table.field(known.name).type)[:60]}, not {known.type}"
            for known in SCHEMA
            if known.name in names
            and known.name != twice
            and not _fits(table.field(known.name).type, known.type)
        ),
        f"{twice!r} stands there twice" if twice is not None else None,
    )
    if wrong is not None:
        message = f"cannot read '{path}': its column {wrong}: run '{repair}'"
        raise DataError(message)


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Say whether values of a type can stand for another: all null, or of the same kind."""
    types = pa.types
    if types.is_null(found):
        return True
    if types.is_integer(wanted):
        return bool(types.is_integer(found))
    if types.is_string(wanted):
        return bool(types.is_string(found) or types.is_large_string(found))
    if types.is_list(wanted):
        return types.is_list(found) and _fits(found.value_type, wanted.value_type)
    return types.is_struct(found) and all(
        found.get_field_index(part.name) >= 0
        and _fits(found.field(part.name).type, part.type)
        for part in wanted
    )


def read_catalogue(workspace: Workspace) -> Catalogue:
    """Read the catalogue of a workspace.

    Raises
    ------
    DataError
        If there is none yet, or it is no catalogue.
    """
    return Catalogue.read(workspace.catalogue_path)
