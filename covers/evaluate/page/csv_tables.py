"""The figures of an evaluation as CSV files, for spreadsheets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from covers.workspace.disk.text_tables import write_csv
from covers.workspace.registry import (
    EVALUATION_ACROSS,
    EVALUATION_ACROSS_GENRES,
    EVALUATION_CONFUSION,
    EVALUATION_DIFFERENCES,
    EVALUATION_GENRES,
    EVALUATION_METHODS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from covers.evaluate.measures import Estimate
    from covers.evaluate.result import Evaluation


def write_tables(folder: Path, found: Evaluation) -> None:
    """Write ``evaluation-methods.csv``, ``-genres``, ``-differences`` and, of one genre a cover, ``-confusion``.

    Where every labelled cover was measured once, ``-across-folds`` and
    ``-across-folds-genres`` hold the same as the first two.

    Parameters
    ----------
    folder : Path
    found : Evaluation
    """
    _write_methods(found, folder / EVALUATION_METHODS.name)
    _write_genres(found, folder / EVALUATION_GENRES.name)
    if found.across_folds is not None:
        _write_methods(found.leading, folder / EVALUATION_ACROSS.name)
        _write_genres(found.leading, folder / EVALUATION_ACROSS_GENRES.name)
    if not found.several_genres:
        _write(
            folder / EVALUATION_CONFUSION.name,
            ["method", "genre", "predicted", "covers"],
            (
                [name, genre, predicted, cell]
                for name, method in found.methods.items()
                for genre, line in zip(found.genres, method.confusion, strict=True)
                for predicted, cell in zip(found.genres, line, strict=True)
            ),
        )
    header = ["a", "b"]
    for figure in found.differences[0].measures:
        header += [figure, "low", "high"]
    _write(
        folder / EVALUATION_DIFFERENCES.name,
        header,
        (
            [
                one.a,
                one.b,
                *(cell for gap in one.measures.values() for cell in _with_ends(gap)),
            ]
            for one in found.differences
        ),
    )


def _write_methods(found: Evaluation, path: Path) -> None:
    """Write a row of measures for each method."""
    header = ["method", "n"]
    for figure in found.measures:
        header += [figure, f"{figure}_low", f"{figure}_high"]
    rows = []
    for name, method in found.methods.items():
        row: list[Any] = [name, method.n]
        for figure in found.measures:
            row += _with_ends(method.estimate(figure))
        rows.append(row)
    _write(path, header, rows)


def _write_genres(found: Evaluation, path: Path) -> None:
    """Write a row for each method and genre."""
    of_genres = ["average_precision"] if found.several_genres else []
    of_genres += ["precision", "recall", "f1"]
    _write(
        path,
        ["method", "genre", "n", *of_genres],
        (
            [name, genre, one.n, *(getattr(one, figure) for figure in of_genres)]
            for name, method in found.methods.items()
            for genre, one in method.per_genre.items()
        ),
    )


def _write(path: Path, header: list[str], rows: Iterable[list[Any]]) -> None:
    """Publish one table; numbers have six digits."""
    write_csv(path, header, ([_cell(value) for value in row] for row in rows))


def _with_ends(measured: Estimate) -> list[Any]:
    """Return a value and its interval; two empty cells where that was not measured."""
    low, high = measured.ci95
    return [measured.value, *(("", "") if math.isnan(low) else (low, high))]


def _cell(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
