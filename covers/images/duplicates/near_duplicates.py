"""Near-duplicate covers: the same design, rescaled, recompressed, cropped, bordered, reissued.

Every cover has one or two *views*: the whole picture and, where it has a
one-coloured border, its inside. Two covers are near-duplicates when any view
of one and any view of the other agree twice: few bits of their perceptual
hashes differ, and their small grey copies correlate. The second test is what
keeps a large catalogue clean: among 5,000 million pairs some hashes agree by
accident. Views without structure (blank, black) agree with nothing, and plain
sleeves must agree where their ink is (`covers.images.duplicates.ink`).

How the thresholds were chosen is in ``docs/method/audit.md``. Letters: N covers,
V views, P pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.images.duplicates.hash_pairs import agreeing_hashes
from covers.images.duplicates.hashes import find_near_hashes
from covers.images.duplicates.ink import (
    Ink,
    coarse_agreement,
    ink_agreement,
    ink_cells,
    same_strokes,
)
from covers.images.duplicates.plain_sleeves import PlainSleeves, SleevePairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from covers.images.duplicates.hashes import NearHashes
    from covers.images.duplicates.views import Views

    Look = Callable[[int], Image.Image | None]
    FindHashes = Callable[[npt.NDArray[np.uint8], int], NearHashes]

_INK_BLOCK = 4096
_SAME_INK = 0.999
_INKS_KEPT = 96
_BLOCK = 2**16


@dataclass(frozen=True, kw_only=True)
class DuplicateThresholds:
    """When two views show the same cover.

    Parameters
    ----------
    near_bits : int, default=8
        Up to so many different bits of 64, a correlation of `near_correlation`
        is enough.
    near_correlation : float, default=0.6
        Pearson correlation of the 16 x 16 grey copies; 1 is the same picture
        up to brightness and contrast, 0 nothing in common.
    far_bits : int, default=12
        Up to so many different bits, `far_correlation` is needed. More bits
        find more reissues and more covers that only share a layout.
    far_correlation : float, default=0.85
    least_structure : float, default=3.0
        Views whose grey copy has a smaller standard deviation (of 255) are
        too blank to compare.
    plain_share : float, default=0.32
        A cover with ink in fewer of the 256 cells of a view is a plain sleeve.
    sparse_share : float, default=0.5
        With ink in fewer of them, two covers that lie over each other well must not
        say other words, unless one of them has a border.
    ink_agreement : float, default=0.87
        Agreement of two plain sleeves' ink in their thumbnails.
    part_agreement : float, default=0.8
        The same of the parts that agree least.
    """

    near_bits: int = 8
    near_correlation: float = 0.6
    far_bits: int = 12
    far_correlation: float = 0.85
    least_structure: float = 3.0
    plain_share: float = 0.32
    sparse_share: float = 0.5
    ink_agreement: float = 0.87
    part_agreement: float = 0.8


@dataclass(frozen=True)
class DuplicatePairs:
    """Pairs of covers that show the same design, each pair once.

    Parameters
    ----------
    first, second : ndarray of int64, shape (n_pairs,)
        Rows of the two covers, ``first < second``.
    bits : ndarray of int64, shape (n_pairs,)
        Different bits of the best agreeing views' hashes, of 64.
    correlations : ndarray of float32, shape (n_pairs,)
        Correlation of those views' grey copies, in ``[-1, 1]``.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    bits: npt.NDArray[np.int64]
    correlations: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.first)


def find_near_duplicates(
    views: Views,
    thresholds: DuplicateThresholds | None = None,
    look: Look | None = None,
    near_hashes: FindHashes = find_near_hashes,
) -> DuplicatePairs:
    """Find the pairs of covers of which two views agree.

    Where many views have the very same hash, each is compared with the first of them
    and with those whose grey copies are most like its own, instead of with each, so
    that ten thousand copies of one placeholder do not make fifty million pairs;
    `covers.images.duplicates.groups.connect` is not affected where their grey copies
    agree.

    Parameters
    ----------
    views : Views
    thresholds : DuplicateThresholds, optional
    look : callable, optional
        Returns the thumbnail of a cover by its row, None where there is none.
        Without thumbnails plain sleeves must be the same to the last cell.
    near_hashes : callable, default=find_near_hashes
        What finds the hashes that differ in few bits.

    Returns
    -------
    DuplicatePairs
        Ordered by rows; the best view pair of each two covers.
    """
    limits = thresholds or DuplicateThresholds()
    views = views.structured(limits.least_structure)
    copies, rows = views.signatures, views.rows
    left, right, bits = agreeing_hashes(
        views.hashes, copies, lambda hashes: near_hashes(hashes, limits.far_bits)
    )
    correlations = np.empty(len(left), np.float32)
    for start in range(0, len(left), _BLOCK):
        block = slice(start, start + _BLOCK)
        correlations[block] = _correlate(copies[left[block]], copies[right[block]])
    first = np.minimum(rows[left], rows[right])
    second = np.maximum(rows[left], rows[right])
    agree = (first != second) & (
        ((bits <= limits.near_bits) & (correlations >= limits.near_correlation))
        | (correlations >= limits.far_correlation)
    )
    candidates = np.flatnonzero(agree)
    pairs = _ViewPairs(copies, rows, left, right).take(candidates)
    share = pairs.ink_share()
    is_sparse = (share < limits.sparse_share) & pairs.are_framed_alike()
    is_plain = share < limits.plain_share
    sparse = np.flatnonzero(is_plain if look is None else is_plain | is_sparse)
    agree[candidates[sparse]] = _agree_in_ink(
        pairs.take(sparse), is_plain[sparse], limits, look
    )
    order = np.lexsort((-correlations[agree], bits[agree], second[agree], first[agree]))
    kept = np.flatnonzero(agree)[order]
    new = np.ones(len(kept), bool)
    new[1:] = (np.diff(first[kept]) != 0) | (np.diff(second[kept]) != 0)
    kept = kept[new]
    return DuplicatePairs(first[kept], second[kept], bits[kept], correlations[kept])


@dataclass(frozen=True)
class _ViewPairs:
    """Pairs of views whose hashes agree.

    Parameters
    ----------
    copies : ndarray of uint8, shape (V, 256)
    rows : ndarray of int64, shape (V,)
        The cover of each view.
    left, right : ndarray of int64, shape (P,)
        The two views of each pair.
    """

    copies: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]

    def take(self, chosen: npt.NDArray[np.int64]) -> _ViewPairs:
        """Return some of the pairs."""
        return _ViewPairs(self.copies, self.rows, self.left[chosen], self.right[chosen])

    def ink_share(self) -> npt.NDArray[np.float32]:
        """Return the share of cells with ink in the emptiest view of either cover, shape (P,)."""
        rows = self.rows
        share = np.ones(int(rows.max(initial=-1)) + 1, np.float32)
        is_used = np.zeros(len(share), bool)
        is_used[rows[self.left]] = is_used[rows[self.right]] = True
        # All views: the inside of a plain sleeve is fuller.
        used = np.flatnonzero(is_used[rows])
        for start in range(0, len(used), _INK_BLOCK):
            block = used[start : start + _INK_BLOCK]
            inked = (ink_cells(self.copies[block]) != 0).mean(axis=1, dtype=np.float32)
            np.minimum.at(share, rows[block], inked)
        least: npt.NDArray[np.float32]
        least = np.minimum(share[rows[self.left]], share[rows[self.right]])
        return least

    def are_framed_alike(self) -> npt.NDArray[np.bool_]:
        """Say of which pairs both covers have a border, or neither has."""
        n_views = np.bincount(self.rows)
        alike: npt.NDArray[np.bool_]
        alike = n_views[self.rows[self.left]] == n_views[self.rows[self.right]]
        return alike

    def are_equal(self) -> npt.NDArray[np.bool_]:
        """Say which pairs have the same small copy."""
        equal = np.empty(len(self.left), bool)
        for start in range(0, len(equal), _INK_BLOCK):
            block = slice(start, start + _INK_BLOCK)
            same = self.copies[self.left[block]] == self.copies[self.right[block]]
            equal[block] = same.all(axis=1)
        return equal

    def coarse_agreement(self) -> npt.NDArray[np.float32]:
        """Return how well the ink of the small copies agrees, shape (P,)."""
        used, ends = np.unique(np.stack([self.left, self.right]), return_inverse=True)
        left, right = ends.reshape(2, -1)
        cells = np.concatenate(
            [
                ink_cells(self.copies[used[start : start + _INK_BLOCK]])
                for start in range(0, len(used), _INK_BLOCK)
            ]
        )
        agreement = np.empty(len(left), np.float32)
        for start in range(0, len(left), _INK_BLOCK):
            block = slice(start, start + _INK_BLOCK)
            agreement[block] = coarse_agreement(cells[left[block]], cells[right[block]])
        return agreement


def _agree_in_ink(
    pairs: _ViewPairs,
    is_plain: npt.NDArray[np.bool_],
    limits: DuplicateThresholds,
    look: Look | None,
) -> npt.NDArray[np.bool_]:
    """Say which pairs of views with little ink agree where their ink is."""
    if not len(pairs.left):
        return np.zeros(0, bool)
    coarse = pairs.coarse_agreement()
    if look is None:
        return coarse >= _SAME_INK
    agree: npt.NDArray[np.bool_] = pairs.are_equal() | ~is_plain
    # What differs even in the copies is not worth a look at the thumbnails.
    open_ = np.flatnonzero(~pairs.are_equal() & (coarse > 0))
    ends = np.sort(
        pairs.rows[np.stack([pairs.left[open_], pairs.right[open_]])], axis=0
    )
    (first, second), which = np.unique(ends, axis=1, return_inverse=True)
    sleeves = PlainSleeves(
        lru_cache(_INKS_KEPT)(partial(_ink_of, look)),
        ink_agreement,
        (limits.ink_agreement, limits.part_agreement),
        same_strokes,
    )
    plain = np.zeros(len(first), bool)
    plain[which.ravel()] = is_plain[open_]
    agree[open_] = sleeves.agree(SleevePairs(first, second, plain))[which.ravel()]
    return agree


def _ink_of(look: Look | None, row: int) -> Ink | None:
    """Return what a cover's thumbnail shows on its background."""
    image = look(row) if look is not None else None
    return None if image is None else Ink.of(image)


def _correlate(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Return the Pearson correlation of each row of two arrays, shape (P,)."""
    a, b = first.astype(np.float32), second.astype(np.float32)
    a -= a.mean(axis=1, keepdims=True)
    b -= b.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    correlations: npt.NDArray[np.float32] = np.einsum("ij,ij->i", a, b) / lengths
    return correlations
