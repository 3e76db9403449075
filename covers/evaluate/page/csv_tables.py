"""The figures of an evaluation as CSV files, for spreadsheets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covers.evaluate.measures import main_measure, measures_of
from covers.workspace.disk.text_tables import write_csv
from covers.workspace.registry import (
    EVALUATION_CONFUSION,
    EVALUATION_DIFFERENCES,
    EVALUATION_GENRES,
    EVALUATION_METHODS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def write_tables(folder: Path, payload: dict[str, Any]) -> None:
    """Write ``evaluation-methods.csv``, ``-genres``, ``-differences`` and, of one genre a cover, ``-confusion``.

    Parameters
    ----------
    folder : Path
    payload : dict
        As in ``evaluation.json``.
    """
    methods = payload["methods"]
    figures = measures_of(payload)
    main = main_measure(payload)
    header = ["method", "n"]
    for figure in figures:
        header += [figure, f"{figure}_low", f"{figure}_high"]
    rows = []
    for name, found in methods.items():
        row: list[Any] = [name, found["n"]]
        for figure in figures:
            row += [found[figure], *found["ci95"].get(figure, ["", ""])]
        rows.append(row)
    _write(folder / EVALUATION_METHODS.name, header, rows)
    of_genres = ["average_precision"] if payload["several_genres"] else []
    of_genres += ["precision", "recall", "f1"]
    _write(
        folder / EVALUATION_GENRES.name,
        ["method", "genre", "n", *of_genres],
        (
            [name, genre, row["n"], *(row[figure] for figure in of_genres)]
            for name, found in methods.items()
            for genre, row in found["per_genre"].items()
        ),
    )
    if not payload["several_genres"]:
        _write(
            folder / EVALUATION_CONFUSION.name,
            ["method", "genre", "predicted", "covers"],
            (
                [name, genre, predicted, cell]
                for name, found in methods.items()
                for genre, line in zip(
                    payload["genres"], found["confusion"], strict=True
                )
                for predicted, cell in zip(payload["genres"], line, strict=True)
            ),
        )
    compared = [name for name in payload["differences"][0] if name in figures]
    header = ["a", "b"]
    for figure in compared:
        header += [figure, "low", "high"]
    _write(
        folder / EVALUATION_DIFFERENCES.name,
        header,
        (
            [
                row["a"],
                row["b"],
                *(
                    value
                    for figure in compared
                    for value in (
                        row[figure],
                        *row["ci95" if figure == main else f"ci95_{figure}"],
                    )
                ),
            ]
            for row in payload["differences"]
        ),
    )


def _write(path: Path, header: list[str], rows: Iterable[list[Any]]) -> None:
    """Publish one table; numbers have six digits."""
    write_csv(path, header, ([_cell(value) for value in row] for row in rows))


def _cell(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
