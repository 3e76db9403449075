"""Rows of a table by the ids in them: the one place where ids are looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from indexer.files.arrow import as_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable


class RowsById:
    """Where each id stands.

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
