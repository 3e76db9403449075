"""The sides of the split, and the folds, that covers have had since an earlier scan."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from covers.catalogue.splits import UNDECIDED, fold_groups
from covers.catalogue.table import SCHEMA, each_value, read_catalogue
from covers.errors import ConfigError
from covers.workspace.artefacts import read_stamp
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from covers.workspace.artefacts import Stamp
    from covers.workspace.paths import Workspace

_COLUMNS = ("cover_id", "split", "fold")
SPLIT_MADE_WITH = "split"
"""In the stamp of a catalogue: shares and seed that all covers were last split with."""


@dataclass(frozen=True)
class PreviousSplit:
    """Sides and folds of the covers of a catalogue; none where all are split anew.

    Parameters
    ----------
    table : pyarrow.Table
        Columns ``cover_id`` and ``split``, and ``fold`` where there are folds.
    n_folds : int
        How many folds there are.
    """

    table: pa.Table = field(default_factory=lambda: pa.Table.from_batches([], SCHEMA))
    n_folds: int = 0

    @classmethod
    def read(cls, workspace: Workspace) -> PreviousSplit:
        """Read the sides and folds of covers from the last catalogue, if there is one."""
        if not workspace.catalogue_path.is_file():
            return cls()
        table = read_catalogue(workspace).table
        stamp = read_stamp(workspace.catalogue_path)
        return cls(
            table.select([n for n in _COLUMNS if n in table.column_names]),
            stamp.parameters.get("n_folds", 0) if stamp else 0,
        )

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
        """Add the column ``fold`` to a catalogue; covers keep theirs while there are as many folds.

        Raises
        ------
        ConfigError
            If there are too few groups for so many folds.
        """
        previous = [-1] * table.num_rows
        if n_folds == self.n_folds:
            previous = self._column("fold", table.column("cover_id"), -1)
        try:
            folds = fold_groups(
                each_value(table.column("genres")),
                table.column("group").to_pylist(),
                n_folds=n_folds,
                seed=seed,
                previous=previous,
            )
        except ValueError as error:
            message = f"cannot make folds: {error}; take others with '--n-folds K', none with '--n-folds 0'"
            raise ConfigError(message) from error
        return table.append_column("fold", make_array(folds, pa.int32()))


@dataclass(frozen=True)
class SplitSettings:
    """What all covers were split with; None for what is not known, or not given.

    Parameters
    ----------
    valid_share, test_share : float, optional
        Share of the covers on these sides, 0 to 1.
    seed : int, optional
    """

    valid_share: float | None = None
    test_share: float | None = None
    seed: int | None = None


def split_made_with(stamp: Stamp | None) -> SplitSettings | None:
    """Return what the covers of a catalogue were split with, by its stamp; None where there is none."""
    if stamp is None:
        return None
    found = stamp.parameters.get(SPLIT_MADE_WITH)
    if not found:
        found = {**stamp.parameters, "seed": stamp.seed}
    return SplitSettings(*(found.get(one.name) for one in fields(SplitSettings)))


def note_kept_sides(before: Stamp | None, wanted: SplitSettings) -> list[str]:
    """Say which settings of the split do nothing, since known covers keep their side.

    Parameters
    ----------
    before : Stamp, optional
        Of the last catalogue; without one no cover has a side.
    wanted : SplitSettings
        What is given now.
    """
    made_with = split_made_with(before) or SplitSettings()
    others = {
        one.name: value
        for one in fields(SplitSettings)
        if (value := getattr(wanted, one.name)) is not None
        and getattr(made_with, one.name) not in (None, value)
    }
    if not others:
        return []
    given = " and ".join(f"{name} {value:.10g}" for name, value in others.items())
    options = " ".join(
        f"--{name.replace('_', '-')} {value:.10g}" for name, value in others.items()
    )
    are = "is" if len(others) == 1 else "are"
    note = (
        f"{given} {are} for new covers alone, because known ones keep their side: "
        f"'covers scan --split-anew {options}' splits all of them again"
    )
    return [note]
