"""What was measured on the pictures, in rows of the library. Letters: N covers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from covers.images.duplicates.designs import designs_of, fold_designs
from dashboard.data.arrays import numbers

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.data.library import Library

Rows = npt.NDArray[np.int64]
_MOST_COLOURED = 400
_N_COLOURS = 8
BANDS = ("dark", "medium", "bright")


@dataclass(frozen=True)
class Looks:
    """Measures of pictures.

    Parameters
    ----------
    brightness, saturation : ndarray of float64, shape (n_covers,)
        0 to 1; NaN where not measured.
    designs : ndarray of int64, shape (n_covers,)
        Covers of the same number show one design.
    palettes : pyarrow.Table or None
        ``palette`` (``"#rrggbb"``) and ``palette_share`` of the covers measured.
    palette_rows : ndarray of int64, shape (n_covers,)
        Row of each cover in `palettes`, ``-1`` where it was not measured.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = (
        "cover_id",
        "phash",
        "brightness",
        "saturation",
        "palette",
        "palette_share",
    )
    brightness: npt.NDArray[np.float64]
    saturation: npt.NDArray[np.float64]
    designs: Rows
    palettes: pa.Table | None
    palette_rows: Rows

    @classmethod
    def unknown(cls, library: Library) -> Looks:
        """Return the looks of covers that were not measured: all unknown."""
        n = len(library)
        nothing = np.full(n, np.nan)
        return cls(nothing, nothing, np.arange(n), None, np.full(n, -1))

    @classmethod
    def of(cls, table: pa.Table, library: Library) -> Looks:
        """Align ``pictures.parquet`` with the library."""
        n = len(library)
        rows = library.rows.of(table["cover_id"].to_pylist())
        here = np.flatnonzero(rows >= 0)
        palette_rows = np.full(n, -1, np.int64)
        palette_rows[rows[here]] = here

        def column(name: str) -> npt.NDArray[np.float64]:
            values = np.full(n, np.nan)
            values[rows[here]] = numbers(table[name])[here]
            return values

        return cls(
            column("brightness"),
            column("saturation"),
            designs_of(library.groups, rows, table["phash"].to_pylist()),
            table.select(["palette", "palette_share"]),
            palette_rows,
        )

    def palette(self, row: int) -> tuple[list[str], list[float]]:
        """Return the leading colours of a cover with their shares; empty where not measured."""
        place = int(self.palette_rows[row])
        if self.palettes is None or place < 0:
            return [], []
        colours, shares = (self.palettes[i][place].as_py() for i in (0, 1))
        return list(colours or ()), list(shares or ())

    @cached_property
    def measured(self) -> bool:
        """Whether anything was measured at all."""
        return bool(np.isfinite(self.brightness).any())

    @cached_property
    def bands(self) -> npt.NDArray[np.int64]:
        """Third of the brightness that each cover is in, ``-1`` where it is not known."""
        known = np.isfinite(self.brightness)
        found = np.full(len(self.brightness), -1, np.int64)
        if known.any():
            ends = np.quantile(self.brightness[known], [1 / 3, 2 / 3])
            found[known] = np.searchsorted(ends, self.brightness[known])
        return found

    @cached_property
    def colour_words(self) -> npt.NDArray[np.str_]:
        """What the leading colour of each cover is called; empty where not measured."""
        from covers.render.colour_words import name_colours

        found = np.full(len(self.palette_rows), "", dtype="U12")
        if self.palettes is None:
            return found
        known = np.flatnonzero(self.palette_rows >= 0)
        lists = self.palettes["palette"].to_pylist()
        leading = [(lists[place] or [""])[0] for place in self.palette_rows[known]]
        distinct = sorted(set(leading) - {""})
        names = dict(zip(distinct, name_colours(distinct), strict=True))
        found[known] = [names.get(one, "") for one in leading]
        return found

    def colours_of(self, rows: npt.NDArray[Any]) -> tuple[list[str], list[float]]:
        """Return the leading colours of some covers: of at most 400 of them, near ones joined."""
        weight: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0] * 4)
        for row in rows[:: max(1, len(rows) // _MOST_COLOURED)]:
            for colour, share in zip(*self.palette(int(row)), strict=True):
                rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
                entry = weight[tuple(v // 52 for v in rgb)]
                for i in range(3):
                    entry[i] += share * rgb[i]
                entry[3] += share
        leading = sorted(weight.values(), key=lambda entry: -entry[3])[:_N_COLOURS]
        total = sum(entry[3] for entry in leading) or 1.0
        colours = [
            "#" + "".join(f"{round(entry[i] / entry[3]):02x}" for i in range(3))
            for entry in leading
        ]
        return colours, [entry[3] / total for entry in leading]

    def fold(self, rows: npt.NDArray[Any]) -> tuple[Rows, Rows]:
        """Keep the first cover of each design.

        Returns
        -------
        first : ndarray of int64, shape (n_designs,)
            Where in `rows` it stands, in the given order.
        counts : ndarray of int64, shape (n_designs,)
            How many of the given covers show each.
        """
        return fold_designs(self.designs, rows)
