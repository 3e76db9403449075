"""The sides of the split, and the folds, that covers have had since an earlier scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from covers.catalogue.splits import fold_groups
from covers.catalogue.table import read_catalogue
from covers.errors import ConfigError
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from covers.workspace.paths import Workspace


@dataclass(frozen=True)
class PreviousSplit:
    """Sides and folds by cover id; empty where all are to be dealt anew."""

    splits: dict[str, str] = field(default_factory=dict)
    folds: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, workspace: Workspace) -> PreviousSplit:
        """Read the sides and folds of covers from the last catalogue, if there is one."""
        if not workspace.catalogue_path.is_file():
            return cls()
        catalogue = read_catalogue(workspace)

        def column(name: str) -> dict[str, Any]:
            if name not in catalogue.table.column_names:
                return {}
            return dict(zip(catalogue.cover_ids, catalogue.column(name), strict=True))

        return cls(column("split"), column("fold"))

    def add_folds(self, table: pa.Table, n_folds: int, seed: int) -> pa.Table:
        """Add the column ``fold`` to a catalogue; covers keep theirs, unless there were more.

        Raises
        ------
        ConfigError
            If there are too few groups for so many folds.
        """
        known = self.folds
        if any(fold >= n_folds for fold in known.values()):
            known = {}
        try:
            folds = fold_groups(
                table.column("genres").to_pylist(),
                table.column("group").to_pylist(),
                n_folds=n_folds,
                seed=seed,
                previous=[
                    known.get(cover_id, -1)
                    for cover_id in table.column("cover_id").to_pylist()
                ],
            )
        except ValueError as error:
            message = f"cannot make folds: {error}; take others with '--folds K', none with '--folds 0'"
            raise ConfigError(message) from error
        return table.append_column("fold", make_array(folds, pa.int32()))
