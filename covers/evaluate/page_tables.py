"""The figures of an evaluation as CSV files, for spreadsheets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covers.workspace.registry import (
    EVALUATION_CONFUSION,
    EVALUATION_DIFFERENCES,
    EVALUATION_GENRES,
    EVALUATION_METHODS,
)
from covers.workspace.text_tables import write_csv

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FIGURES = ("accuracy", "macro_f1", "top3", "ece", "brier", "log_loss")


def write_tables(folder: Path, payload: dict[str, Any]) -> None:
    """Write ``evaluation-methods.csv``, ``-genres``, ``-confusion`` and ``-differences``.

    Parameters
    ----------
    folder : Path
    payload : dict
        As in ``evaluation.json``.
    """
    methods = payload["methods"]
    header = ["method", "n"]
    for figure in FIGURES:
        header += [figure, f"{figure}_low", f"{figure}_high"]
    rows = []
    for name, found in methods.items():
        row: list[Any] = [name, found["n"]]
        for figure in FIGURES:
            row += [found[figure], *found["ci95"].get(figure, ["", ""])]
        rows.append(row)
    _write(folder / EVALUATION_METHODS.name, header, rows)
    _write(
        folder / EVALUATION_GENRES.name,
        ["method", "genre", "n", "precision", "recall", "f1"],
        (
            [name, genre, row["n"], row["precision"], row["recall"], row["f1"]]
            for name, found in methods.items()
            for genre, row in found["per_genre"].items()
        ),
    )
    _write(
        folder / EVALUATION_CONFUSION.name,
        ["method", "genre", "predicted", "covers"],
        (
            [name, genre, predicted, cell]
            for name, found in methods.items()
            for genre, line in zip(payload["genres"], found["confusion"], strict=True)
            for predicted, cell in zip(payload["genres"], line, strict=True)
        ),
    )
    _write(
        folder / EVALUATION_DIFFERENCES.name,
        ["a", "b", "macro_f1", "low", "high", "accuracy", "low", "high"],
        (
            [
                row["a"],
                row["b"],
                row["macro_f1"],
                *row["ci95"],
                row["accuracy"],
                *row["ci95_accuracy"],
            ]
            for row in payload["differences"]
        ),
    )


def _write(path: Path, header: list[str], rows: Iterable[list[Any]]) -> None:
    """Publish one table; numbers have six digits."""
    write_csv(path, header, ([_cell(value) for value in row] for row in rows))


def _cell(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
