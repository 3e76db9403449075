"""Whether a split leaks: covers or groups on two sides, neighbours of a cover's own group, twins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.classify.classify import TWIN_SIMILARITY
from covers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.stats.neighbours import Neighbours


def refuse_one_side(splits: npt.NDArray[np.str_]) -> None:
    """Refuse to measure where no cover is held out, or none is left to learn from.

    Parameters
    ----------
    splits : ndarray of str, shape (n_covers,)
        Of the covers with a genre.

    Raises
    ------
    DataError
        Naming what splits them.
    """
    sides = np.unique(splits).tolist()
    if "train" in sides and len(sides) > 1:
        return
    message = (
        f"an evaluation needs covers with a genre on the train side and held-out ones, found {' and '.join(sides) or 'none'} only: "
        "run 'covers scan --split-anew', and see that a manifest with a column 'split' has both sides"
    )
    raise DataError(message)


def check_sides(
    cover_ids: Sequence[str],
    groups: npt.NDArray[np.int64],
    splits: npt.NDArray[np.str_],
) -> None:
    """Refuse a split that leaks.

    Parameters
    ----------
    cover_ids : sequence of str
    groups, splits : ndarray, shape (n_covers,)

    Raises
    ------
    DataError
        If a cover appears twice, a group lies on two sides, or a side is empty.
    """
    ids = np.asarray(cover_ids, dtype=str)
    distinct, first, counts = np.unique(ids, return_index=True, return_counts=True)
    if (counts > 1).any():
        message = (
            f"cover {distinct[counts.argmax()]!r} appears {counts.max()} times in the evaluation "
            f"({(counts > 1).sum()} covers do): run 'covers scan' again"
        )
        raise DataError(message)
    del first
    refuse_one_side(splits)
    sides, side_of = np.unique(splits, return_inverse=True)
    _, numbers = np.unique(groups, return_inverse=True)
    seen = np.zeros((numbers.max() + 1, len(sides)), bool)
    seen[numbers, side_of] = True
    torn = np.flatnonzero(seen.sum(axis=1) > 1)
    if len(torn):
        row = int(np.flatnonzero(numbers == torn[0])[0])
        message = (
            f"leak: {len(torn)} groups lie on both sides of the split, such as that of cover "
            f"{ids[row]!r}; every figure would be too high: run 'covers scan' to split again"
        )
        raise DataError(message)


def check_references(
    neighbours: Neighbours,
    query_groups: npt.NDArray[np.int64],
    reference_groups: npt.NDArray[np.int64],
) -> None:
    """Refuse neighbours from a query's own group.

    Raises
    ------
    DataError
        If a query would get a vote from itself, a near-duplicate or its artist.
    """
    filled = neighbours.rows >= 0
    own = filled & (
        reference_groups[np.maximum(neighbours.rows, 0)] == query_groups[:, None]
    )
    if own.any():
        message = f"leak: {own.any(axis=1).sum()} held-out covers have neighbours of their own group among the references"
        raise DataError(message)


def find_twins(neighbours: Neighbours) -> npt.NDArray[np.int64]:
    """Return the queries whose nearest reference is all but identical, shape (n,).

    Such pairs have slipped through the search for near-duplicates: the figures
    are then somewhat too high.
    """
    if not neighbours.rows.shape[1]:
        return np.empty(0, np.int64)
    nearest = np.nan_to_num(neighbours.similarities[:, 0], nan=-1.0)
    return np.flatnonzero(nearest >= TWIN_SIMILARITY).astype(np.int64)
