"""Views whose perceptual hashes differ in few bits, each with the likeliest where they are very many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.images.duplicates.hashes import NearHashes

_LARGEST_PRODUCT = 1024
_MOST_ALIKE = 16
_BLOCK = 4096


def agreeing_hashes(
    hashes: npt.NDArray[np.uint8],
    copies: npt.NDArray[np.uint8],
    near_hashes: Callable[[npt.NDArray[np.uint8]], NearHashes],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return pairs of rows of `hashes` that are near, and the bits in which they differ.

    `near_hashes` says which of distinct hashes are near.

    Where very many have two hashes, each is paired with those whose grey copies are
    most like its own.
    """
    if not len(hashes):
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    codes, members = np.unique(hashes, axis=0, return_inverse=True)
    order = np.argsort(members, kind="stable")
    starts = np.searchsorted(members[order], np.arange(len(codes) + 1))
    near = near_hashes(codes)
    sizes = np.diff(starts)
    # Each hash is near itself, which says nothing where one view alone has it.
    good = np.flatnonzero((near.first != near.second) | (sizes[near.first] > 1))
    queries, found, distances = near.first[good], near.second[good], near.bits[good]
    alone = (sizes[queries] == 1) & (sizes[found] == 1)
    lefts = [order[starts[queries[alone]]]]
    rights = [order[starts[found[alone]]]]
    bits = [distances[alone].astype(np.int64)]
    for a, b, distance in zip(
        queries[~alone], found[~alone], distances[~alone], strict=True
    ):
        ours = order[starts[a] : starts[a + 1]]
        theirs = order[starts[b] : starts[b + 1]]
        if len(ours) * len(theirs) > _LARGEST_PRODUCT:
            left, right = _most_alike(copies, ours, theirs)
        else:
            left = np.repeat(ours, len(theirs))
            right = np.tile(theirs, len(ours))
        lefts.append(left)
        rights.append(right)
        bits.append(np.full(len(left), int(distance)))
    return np.concatenate(lefts), np.concatenate(rights), np.concatenate(bits)


def _most_alike(
    copies: npt.NDArray[np.uint8],
    ours: npt.NDArray[np.int64],
    theirs: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pair each of some views with the likeliest of others, and all with the first of ours.

    Views with the same grey copy are paired with one of them.
    """
    lefts = [np.repeat(ours[:1], len(theirs))]
    rights = [theirs]
    sets = []
    for rows in (ours, theirs):
        _, first, which = np.unique(
            copies[rows], axis=0, return_index=True, return_inverse=True
        )
        if ours is theirs or np.array_equal(ours, theirs):
            lefts.append(rows[first][which.ravel()])
            rights.append(rows)
        sets.append(rows[first])
    a, b = (_normal(copies[rows]) for rows in sets)
    n_best = min(_MOST_ALIKE, len(sets[1]))
    for start in range(0, len(a), _BLOCK):
        likeness = a[start : start + _BLOCK] @ b.T
        best = np.argpartition(-likeness, n_best - 1, axis=1)[:, :n_best]
        lefts.append(np.repeat(sets[0][start : start + _BLOCK], n_best))
        rights.append(sets[1][best].ravel())
    return np.concatenate(lefts), np.concatenate(rights)


def _normal(copies: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return grey copies of mean 0 and length 1, shape (V, 256)."""
    values = copies.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    return values
