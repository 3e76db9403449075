"""Covers in rows: what every table of covers has in common.

Letters: N covers, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypedDict

import numpy as np
import numpy.typing as npt

from covers.errors import DataError
from covers.stats.membership import has_genre
from covers.stats.rows import RowsById

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.catalogue.table import Catalogue

OF_ALL = {"of all": True}
"""Marks a field that says something of all covers together; others have a value per cover."""


class Columns(TypedDict):
    """The columns that every `CoverSet` has, by the names of its fields."""

    cover_ids: list[str]
    vocab: tuple[str, ...]
    membership: npt.NDArray[np.float64]
    groups: npt.NDArray[np.int64]
    splits: npt.NDArray[np.str_]


def columns_of(
    catalogue: Catalogue, rows: npt.NDArray[np.int64] | None = None
) -> Columns:
    """Return what a `CoverSet` takes from some (by default all) rows of a catalogue."""
    chosen = np.arange(len(catalogue)) if rows is None else rows
    ids = catalogue.cover_ids
    return {
        "cover_ids": [ids[row] for row in chosen],
        "vocab": catalogue.vocab,
        "membership": catalogue.membership()[chosen],
        "groups": catalogue.groups[chosen],
        "splits": catalogue.splits[chosen],
    }


@dataclass(frozen=True, kw_only=True)
class CoverSet:
    """Some covers with their genres, groups and sides.

    Parameters
    ----------
    cover_ids : sequence of str
    vocab : tuple of str
        Genres, the columns of `membership`.
    membership : ndarray of float64, shape (n_covers, n_genres)
        1/m in each of a cover's m genres; a row of zeros is unlabelled.
    groups : ndarray of int64, shape (n_covers,)
        Covers of one group stay on one side of every split.
    splits : ndarray of str, shape (n_covers,)
        ``"train"``, ``"valid"`` or ``"test"``.
    """

    cover_ids: Sequence[str]
    vocab: tuple[str, ...] = field(metadata=OF_ALL)
    membership: npt.NDArray[np.float64]
    groups: npt.NDArray[np.int64]
    splits: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.cover_ids)

    @cached_property
    def rows(self) -> RowsById:
        """Row of each cover, looked up by its id."""
        return RowsById(self.cover_ids)

    def columns(self) -> Columns:
        """Return the columns that every `CoverSet` has, to make another table of the same covers."""
        return Columns(
            cover_ids=list(self.cover_ids),
            vocab=self.vocab,
            membership=self.membership,
            groups=self.groups,
            splits=self.splits,
        )

    def take(self, rows: npt.NDArray[Any]) -> Self:
        """Return some covers, given as rows, in their order, or as a mask."""
        chosen = np.arange(len(self))[rows]
        changes: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if one.metadata.get("of all") or value is None:
                continue
            if isinstance(value, np.ndarray):
                changes[one.name] = value[chosen]
            else:
                changes[one.name] = type(value)(value[row] for row in chosen)
        return replace(self, **changes)

    def align(self, cover_ids: Sequence[str]) -> Self:
        """Return the covers with these ids, in this order.

        Raises
        ------
        DataError
            If one of them is not here.
        """
        rows = self.rows.of(cover_ids)
        if (rows < 0).any():
            absent = cover_ids[int(np.flatnonzero(rows < 0)[0])]
            message = f"no cover {absent!r} among these {len(self):,} covers"
            raise DataError(message)
        return self.take(rows)

    def has_genre(self) -> npt.NDArray[np.bool_]:
        """Return which covers have a genre of `vocab`, shape (n_covers,)."""
        return has_genre(self.membership)

    def held_out(self) -> npt.NDArray[np.bool_]:
        """Return which covers the network has never been fitted to, shape (n_covers,).

        The test split where there is one, else the valid split; all covers where
        there is neither.
        """
        for side in ("test", "valid"):
            mask = self.splits == side
            if mask.any():
                return np.asarray(mask)
        return np.ones(len(self), bool)
