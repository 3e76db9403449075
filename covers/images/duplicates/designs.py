"""Covers of one design: the same picture in another scan, size or printing. Letters: N covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

_SAME_BITS = 8
"""Hashes that differ in at most so many of 64 bits are one design; see ``docs/method/audit.md``."""


def designs_of(
    groups: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    texts: Sequence[str | None],
) -> npt.NDArray[np.int64]:
    """Return the design of each cover, as a number that covers of one design share.

    Parameters
    ----------
    groups : ndarray of int64, shape (n_covers,)
        As in `covers.catalogue.cover_set.CoverSet`.
    rows : ndarray of int64, shape (n_measured,)
        The cover of each text, -1 for one that is gone.
    texts : sequence of str or None
        Perceptual hashes in hexadecimal digits, as ``pictures.parquet`` holds them.
    """
    n = len(groups)
    here = np.flatnonzero(rows >= 0)
    shown = [(text or "")[:16] for text in texts]
    whole = np.fromiter((len(text) == 16 for text in shown), bool, len(shown))
    digits = "".join(text if len(text) == 16 else "0" * 16 for text in shown)
    codes = np.frombuffer(bytes.fromhex(digits), ">u8").astype(np.uint64)
    hashes, hashed = np.zeros(n, np.uint64), np.zeros(n, bool)
    hashes[rows[here]], hashed[rows[here]] = codes[here], whole[here]
    return same_designs(groups, hashes, hashed)


def fold_designs(
    designs: npt.NDArray[np.int64], rows: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Keep the first cover of each design.

    Parameters
    ----------
    designs : ndarray of int64, shape (n_covers,)
    rows : ndarray of int, shape (n_shown,)
        Some covers.

    Returns
    -------
    first : ndarray of int64, shape (n_designs,)
        Where in `rows` it stands, in the given order.
    counts : ndarray of int64, shape (n_designs,)
        How many of the given covers show each.

    Examples
    --------
    >>> first, counts = fold_designs(np.array([0, 1, 0]), np.array([2, 1, 0]))
    >>> first.tolist(), counts.tolist()
    ([0, 1], [2, 1])
    """
    _, first, counts = np.unique(designs[rows], return_index=True, return_counts=True)
    order = np.argsort(first, kind="stable")
    return first[order].astype(np.int64), counts[order].astype(np.int64)


def same_designs(
    groups: npt.NDArray[np.int64],
    hashes: npt.NDArray[np.uint64],
    hashed: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """Return the same number for covers of one group whose pictures hardly differ.

    Near-duplicates are always in one group, whatever else joins covers; so only
    covers of a group are compared, each with all others of it.

    Parameters
    ----------
    groups : ndarray of int64, shape (n_covers,)
    hashes : ndarray of uint64, shape (n_covers,)
    hashed : ndarray of bool, shape (n_covers,)
        Which covers have one.

    Examples
    --------
    >>> hashes = np.array([0b1011, 0b1011, 2**64 - 1], np.uint64)
    >>> same_designs(np.array([4, 4, 4]), hashes, np.ones(3, bool)).tolist()
    [0, 0, 2]
    """
    parent = np.arange(len(groups))
    order = np.argsort(groups, kind="stable")
    order = order[hashed[order]]
    own, codes = groups[order], hashes[order]
    at = np.arange(len(order))
    step = 1
    while True:
        at = at[at + step < len(order)]
        at = at[own[at] == own[at + step]]
        if not len(at):
            break
        apart = np.bitwise_count(codes[at] ^ codes[at + step])
        for i in at[apart <= _SAME_BITS].tolist():
            _join(parent, int(order[i]), int(order[i + step]))
        step += 1
    for row in range(len(parent)):
        parent[row] = parent[parent[row]]
    return parent


def _join(parent: npt.NDArray[np.int64], a: int, b: int) -> None:
    """Give two covers, and those joined with them, the smaller number."""
    while parent[a] != a:
        a = int(parent[a])
    while parent[b] != b:
        b = int(parent[b])
    parent[max(a, b)] = min(a, b)
