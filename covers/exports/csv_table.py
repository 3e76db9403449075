"""A CSV table for spreadsheets: one row per cover, cells that no spreadsheet runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.exports.table.cover_table import begins_with
from covers.workspace.disk.text_tables import csv_lines

if TYPE_CHECKING:
    from pathlib import Path

    from covers.exports.table.cover_table import CoverTable

_SHOWN_NEIGHBOURS = 5


def is_own(out: Path) -> bool:
    """Say whether a file is such a table."""
    return begins_with(out, b"cover_id,path,")


def write_csv(covers: CoverTable, out: Path) -> None:
    """Write a row per cover; genres are joined by ``;``, ids of neighbours by a space.

    The probability of each genre stands in a column ``p GENRE`` of its own, last.
    """
    names = list(covers.rows.column_names)
    columns: list[list[Any]] = [[_cell(v) for v in covers.column(n)] for n in names]
    if covers.embeddings is not None:
        names.append("neighbours")
        near = covers.neighbours.nearest(_SHOWN_NEIGHBOURS).rows
        ids = covers.cover_ids
        columns.append([" ".join(ids[i] for i in row if i >= 0) for row in near])
    if covers.probabilities is not None:
        for genre, p in zip(
            covers.prediction_vocab, covers.probabilities.T, strict=True
        ):
            names.append(f"p {genre}")
            columns.append(["" if np.isnan(v) else f"{v:.4g}" for v in p])
    with out.open("w", encoding="utf-8", newline="") as file:
        csv_lines(file, names, zip(*columns, strict=True))


def _cell(value: Any) -> Any:
    """Spell a value for a cell."""
    if isinstance(value, list):
        return ";".join(value)
    return f"{value:.6g}" if isinstance(value, float) else value
