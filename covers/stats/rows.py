"""Looking up the rows of a table by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from indexer.files.arrow import as_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable


class RowsById:
    """The row of each id in a table.

    Parameters
    ----------
    ids : iterable of str
        One per row; of an id that stands twice, the last row counts.

    Examples
    --------
    >>> RowsById(["a", "b"]).of(["b", "c"])
    array([ 1, -1])
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self.position = {one: row for row, one in enumerate(ids)}

    def of(self, wanted: Iterable[str]) -> npt.NDArray[np.int64]:
        """Return the row of each of `wanted`, ``-1`` where it has none; shape (n_wanted,)."""
        found = [self.position.get(one, -1) for one in wanted]
        return np.asarray(found, np.int64)


def number_by_appearance(
    values: npt.NDArray[Any],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give distinct values numbers in the order in which they come.

    Parameters
    ----------
    values : ndarray, shape (n_values,)

    Returns
    -------
    first : ndarray of int64, shape (n_distinct,)
        Where each distinct value stands first, ascending.
    numbers : ndarray of int64, shape (n_values,)
        The number of each value, so that ``values[first][numbers]`` is `values`.

    Examples
    --------
    >>> first, numbers = number_by_appearance(np.array([7, 3, 7]))
    >>> first.tolist(), numbers.tolist()
    ([0, 1], [0, 1, 0])
    """
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return first[order], number[inverse.ravel()]


def rows_in(
    wanted: pa.Array | pa.ChunkedArray, known: pa.Array | pa.ChunkedArray
) -> npt.NDArray[np.int64]:
    """Return in which row of `known` each of `wanted` stands, ``-1`` where in none.

    As `RowsById`, but for columns of tables: of what stands twice, the first row counts.

    Examples
    --------
    >>> rows_in(pa.array(["b", "c"]), pa.array(["a", "b"]))
    array([ 1, -1])
    """
    found = as_numbers(pc.index_in(wanted, value_set=known))
    rows: npt.NDArray[np.int64] = np.nan_to_num(found, nan=-1).astype(np.int64)
    return rows
