"""The sides of the split, and the folds, that covers have had since an earlier scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from covers.catalogue.splits import UNDECIDED, fold_groups
from covers.catalogue.table import SCHEMA, each_value, read_catalogue
from covers.errors import ConfigError
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from covers.workspace.paths import Workspace

_COLUMNS = ("cover_id", "split", "fold")


@dataclass(frozen=True)
class PreviousSplit:
    """Sides and folds of the covers of a catalogue; none where all are to be dealt anew."""

    table: pa.Table = field(default_factory=lambda: pa.Table.from_batches([], SCHEMA))

    @classmethod
    def read(cls, workspace: Workspace) -> PreviousSplit:
        """Read the sides and folds of covers from the last catalogue, if there is one."""
        if not workspace.catalogue_path.is_file():
            return cls()
        table = read_catalogue(workspace).table
        return cls(table.select([n for n in _COLUMNS if n in table.column_names]))

    def splits(self, cover_ids: pa.Array) -> list[str]:
        """Return the side of each cover, ``""`` where it has none."""
        return self._column("split", cover_ids, UNDECIDED)

    def _column(self, name: str, cover_ids: pa.Array, otherwise: Any) -> list[Any]:
        """Return what each cover has in a column."""
        if name not in self.table.column_names:
            return [otherwise] * len(cover_ids)
        rows = pc.index_in(cover_ids, value_set=self.table.column("cover_id"))
        found = self.table.column(name).take(rows)
        return [otherwise if one is None else one for one in found.to_pylist()]

    def add_folds(self, table: pa.Table, n_folds: int, seed: int) -> pa.Table:
        """Add the column ``fold`` to a catalogue; covers keep theirs, unless there were more.

        Raises
        ------
        ConfigError
            If there are too few groups for so many folds.
        """
        n_covers = table.num_rows
        previous = self._column("fold", table.column("cover_id"), -1)
        if "fold" in self.table.column_names and any(
            fold >= n_folds for fold in self.table.column("fold").unique().to_pylist()
        ):
            previous = [-1] * n_covers
        try:
            folds = fold_groups(
                each_value(table.column("genres")),
                table.column("group").to_pylist(),
                n_folds=n_folds,
                seed=seed,
                previous=previous,
            )
        except ValueError as error:
            message = f"cannot make folds: {error}; take others with '--folds K', none with '--folds 0'"
            raise ConfigError(message) from error
        return table.append_column("fold", make_array(folds, pa.int32()))
