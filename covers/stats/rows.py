"""Rows of a table by the ids in them: the one place where ids are looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

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
