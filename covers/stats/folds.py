"""Folds of covers that keep groups together: fit outside, answer inside. Letters: N covers, G genres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator


def group_folds(
    groups: npt.NDArray[np.int64],
    membership: npt.NDArray[np.floating[Any]],
    *,
    n_folds: int = 5,
    seed: int = 0,
) -> npt.NDArray[np.int64]:
    """Deal covers into folds that keep groups together and genres balanced.

    Parameters
    ----------
    groups : ndarray of int64, shape (n_covers,)
    membership : ndarray of float, shape (n_covers, n_genres)
    n_folds : int, default=5
        Fewer are made where there are fewer groups.
    seed : int, default=0

    Returns
    -------
    ndarray of int64, shape (n_covers,)
        Fold of each cover, from 0.
    """
    distinct, members = np.unique(groups, return_inverse=True)
    n_folds = max(1, min(n_folds, len(distinct)))
    by_group = np.zeros((len(distinct), membership.shape[1] + 1))  # (U, G + 1)
    np.add.at(by_group, members, np.column_stack([membership, np.ones(len(groups))]))
    totals = np.maximum(by_group.sum(axis=0), 1e-9)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(distinct))
    order = order[np.argsort(-by_group[order, -1], kind="stable")]
    filled = np.zeros((n_folds, by_group.shape[1]))
    fold_of = np.empty(len(distinct), np.int64)
    for group in order:
        share = by_group[group] / totals
        # The fold that has least of what this group is made of.
        load = (filled / totals) @ share
        fold = int(np.lexsort((filled[:, -1], load.round(12)))[0])
        fold_of[group] = fold
        filled[fold] += by_group[group]
    return fold_of[members]


def iterate_folds(
    folds: npt.NDArray[np.int64],
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yield the rows outside and inside of each fold; everything twice where there is one fold."""
    for fold in range(int(folds.max()) + 1):
        inside = np.flatnonzero(folds == fold)
        outside = np.flatnonzero(folds != fold)
        yield (outside if len(outside) else inside), inside
