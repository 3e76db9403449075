"""What the analyses left for the pages, aligned to the rows of the library.

Letters: N covers of the library, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.methods import Method
from covers.evaluate.stage import PROBABILITY_COLUMNS
from dashboard.data.arrays import numbers
from indexer.files.arrow import as_take_indices

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.data.library import Library

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Votes:
    """The answers for single covers, in rows of the library.

    Parameters
    ----------
    vocab : tuple of str
        Columns of the distributions.
    rows : ndarray of int64, shape (n_answers,)
        Row of each answer in the library.
    held_out : ndarray of bool, shape (n_answers,)
        Whether the network has never seen the cover.
    distributions : dict of str to ndarray, shape (n_answers, n_genres)
        Of each method.
    sets : list of list of str
    verdicts : list of str
    has_genre : ndarray of bool, shape (n_answers, n_genres)
        The covers' own genres.
    """

    vocab: tuple[str, ...]
    rows: Rows
    held_out: npt.NDArray[np.bool_]
    distributions: dict[str, npt.NDArray[np.float32]]
    sets: list[list[str]]
    verdicts: list[str]
    has_genre: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, table: pa.Table, vocab: tuple[str, ...], library: Library) -> Votes:
        """Align ``votes.parquet`` with the library, leaving out covers that are gone."""
        rows = library.rows.of(table["cover_id"].to_pylist())
        known = np.flatnonzero(rows >= 0)
        table = table.take(as_take_indices(known))
        return cls(
            vocab=vocab,
            rows=rows[known],
            held_out=np.asarray(table["held_out"].to_pylist(), bool),
            distributions={
                name: _matrix(table[column], len(vocab))
                for name, column in PROBABILITY_COLUMNS.items()
            },
            sets=[list(inside or ()) for inside in table["prediction_set"].to_pylist()],
            verdicts=[str(verdict) for verdict in table["verdict"].to_pylist()],
            has_genre=_has_genre(library, rows[known], vocab),
        )

    @cached_property
    def answer_of(self) -> dict[int, int]:
        """Answer of each row of the library that has one."""
        return {int(row): answer for answer, row in enumerate(self.rows)}

    @cached_property
    def certainty(self) -> npt.NDArray[np.float32]:
        """How probable the likeliest genre of each answer is, network and vote together."""
        found: npt.NDArray[np.float32] = self.distributions[Method.COMBINED].max(axis=1)
        return found

    def predicted(self, method: str = Method.COMBINED) -> Rows:
        """Return the likeliest genre of each answer, a column of `vocab`."""
        found: Rows = self.distributions[method].argmax(axis=1).astype(np.int64)
        return found

    def right(self, method: str = Method.COMBINED) -> npt.NDArray[np.bool_]:
        """Say of each answer whether it is one of the cover's genres."""
        answers = np.arange(len(self.has_genre))
        return np.asarray(self.has_genre[answers, self.predicted(method)])

    def mistakes(self, method: str = Method.COMBINED) -> Rows:
        """Return the held-out answers that are wrong, the most certain first."""
        labelled = self.has_genre.any(axis=1)
        wrong = np.flatnonzero(self.held_out & ~self.right(method) & labelled)
        certainty = self.distributions[method][wrong].max(axis=1)
        return np.asarray(wrong[np.argsort(-certainty, kind="stable")])

    def cell(self, method: str, true: str, said: str) -> list[int]:
        """Return the held-out covers behind a cell of the confusion matrix, most certain first.

        A cover of several genres is right when any of them was said, and then
        stands in that genre's row only.
        """
        if true not in self.vocab or said not in self.vocab:
            return []
        i, j = self.vocab.index(true), self.vocab.index(said)
        predicted, right = self.predicted(method), self.right(method)
        inside = self.held_out & (predicted == j)
        inside &= right if i == j else self.has_genre[:, i] & ~right
        answers = np.flatnonzero(inside)
        certainty = self.distributions[method][answers, j]
        order = np.argsort(-certainty, kind="stable")
        return [int(self.rows[answer]) for answer in answers[order]]


def _has_genre(
    library: Library, rows: Rows, vocab: tuple[str, ...]
) -> npt.NDArray[np.bool_]:
    """Return the genres of some covers as columns of `vocab`."""
    column = {genre: j for j, genre in enumerate(vocab)}
    found = np.zeros((len(rows), len(vocab)), bool)
    for answer, row in enumerate(rows.tolist()):
        for genre in library.genres[row]:
            if genre in column:
                found[answer, column[genre]] = True
    return found


def _matrix(column: Any, width: int) -> npt.NDArray[np.float32]:
    """Turn a list column into a matrix."""
    flat = numbers(column.combine_chunks().flatten())
    return flat.astype(np.float32).reshape(len(column), width)
