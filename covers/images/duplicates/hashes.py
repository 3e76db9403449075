"""Hashes that differ in few bits, found without comparing each with each.

64 bits are cut into bands. Of two hashes that differ in at most `r` bits, at
least one band differs in few, or the bits would sum to more than `r` [1]_; so
only hashes whose band is one of the few near ones are compared. Nothing is
missed. Letters: N hashes, P pairs.

References
----------
.. [1] Qin, J., Wang, Y., Xiao, C., Wang, W., Lin, X., Ishikawa, Y. (2018). "GPH:
   Similarity Search in Hamming Space". ICDE, sec. 3.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.workspace.cores import count_cores

if TYPE_CHECKING:
    from collections.abc import Iterator

    Codes = npt.NDArray[np.uint64]
    Rows = npt.NDArray[np.int64]

_BITS = 64
_MOST_BITS = 16  # above, so many bands are near that comparing all is as fast
_FOUR_BANDS_BELOW = 2_500_000
_BLOCK = 1 << 20  # pairs compared at once by a thread


@dataclass(frozen=True)
class NearHashes:
    """Pairs of hashes, each once.

    Parameters
    ----------
    first, second : ndarray of int64, shape (P,)
        Rows, ``first <= second``; each row is paired with itself too.
    bits : ndarray of int64, shape (P,)
        In which they differ.
    """

    first: Rows
    second: Rows
    bits: Rows


def find_near_hashes(hashes: npt.NDArray[np.uint8], most_bits: int) -> NearHashes:
    """Find all pairs of different hashes that differ in at most some bits.

    Parameters
    ----------
    hashes : ndarray of uint8, shape (N, 8)
        No two the same.
    most_bits : int
        Bits in which two may differ.

    Returns
    -------
    NearHashes
        In the order of `first`, then `second`.
    """
    codes = np.ascontiguousarray(hashes).view(np.uint64).reshape(-1)
    if most_bits > _MOST_BITS:
        return _compare_all(hashes, most_bits)
    n_bands = 4 if len(codes) < _FOUR_BANDS_BELOW else 3
    rows = np.arange(len(codes))
    found = [(rows << 32) | rows]
    with ThreadPoolExecutor(count_cores(), thread_name_prefix="hashes") as pool:
        for number in range(n_bands):
            # Bands may differ in `most` bits: were all to differ in more, the sum were too.
            most = (most_bits + 1 + number) // n_bands - 1
            band = _Band(codes, number, n_bands)
            flips = _flips(band.width, most)
            found += pool.map(lambda flip, at=band: at.near(flip, most_bits), flips)
    pairs = np.unique(np.concatenate(found))
    first, second = pairs >> 32, pairs & 0xFFFFFFFF
    bits = np.bitwise_count(codes[first] ^ codes[second]).astype(np.int64)
    return NearHashes(first, second, bits)


def _flips(width: int, most: int) -> list[int]:
    """Return the numbers of `width` bits of which at most `most` are set; none below 0."""
    return [
        sum(1 << bit for bit in bits)
        for n_set in range(most + 1)
        for bits in combinations(range(width), n_set)
    ]


class _Band:
    """Some bits of all hashes, and the hashes in the order of them."""

    def __init__(self, codes: Codes, number: int, n_bands: int) -> None:
        bits = range(number, _BITS, n_bands)  # neighbouring bits say much the same
        self.width = len(bits)
        values = np.zeros(len(codes), np.uint32)
        for place, bit in enumerate(bits):
            values |= ((codes >> np.uint64(bit)).astype(np.uint32) & 1) << place
        self._order = np.argsort(values, kind="stable")
        self._codes = codes[self._order]
        self._values, starts = np.unique(values[self._order], return_index=True)
        self._starts = np.append(starts, len(codes)).astype(np.int64)
        self._row = np.full(1 << self.width, -1, np.int32)
        self._row[self._values] = np.arange(len(self._values), dtype=np.int32)

    def near(self, flip: int, most_bits: int) -> Rows:
        """Return pairs that agree in the band but for the bits of `flip`, as ``first << 32 | second``."""
        here = np.arange(len(self._values), dtype=np.int32)
        there = self._row[self._values ^ np.uint32(flip)]
        ours = np.flatnonzero(there >= here if flip == 0 else there > here)
        found = [
            self._compare(left, begin, sizes, most_bits)
            for left, begin, sizes in self._blocks(ours, there[ours])
        ]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def _blocks(self, ours: Rows, theirs: Rows) -> Iterator[tuple[Rows, Rows, Rows]]:
        """Yield positions of hashes, where their candidates begin, and how many they are."""
        n_ours = self._starts[ours + 1] - self._starts[ours]
        left = _ranges(self._starts[ours], n_ours)
        begin = np.repeat(self._starts[theirs], n_ours)
        sizes = np.repeat(self._starts[theirs + 1], n_ours) - begin
        ends = np.cumsum(sizes)
        start = 0
        while start < len(left):
            before = ends[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + _BLOCK)))
            yield left[start:stop], begin[start:stop], sizes[start:stop]
            start = stop

    def _compare(self, left: Rows, begin: Rows, sizes: Rows, most_bits: int) -> Rows:
        """Compare hashes with their candidates."""
        right = _ranges(begin, sizes)
        differ = np.repeat(self._codes[left], sizes) ^ self._codes[right]
        good = np.flatnonzero(np.bitwise_count(differ) <= most_bits)
        # Few are good: only of those it is asked which they are.
        owner = np.searchsorted(np.cumsum(sizes), good, side="right")
        a, b = self._order[left[owner]], self._order[right[good]]
        pairs: Rows = (np.minimum(a, b) << 32) | np.maximum(a, b)
        return pairs


def _ranges(begin: Rows, sizes: Rows) -> Rows:
    """Return ``begin[0], begin[0] + 1, …`` and so on for each, `sizes` of them."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    shift = np.repeat(begin - ends + sizes, sizes)
    ranges: Rows = np.arange(total) + shift
    return ranges


def _compare_all(hashes: npt.NDArray[np.uint8], most_bits: int) -> NearHashes:
    """Compare each hash with each."""
    import faiss

    index = faiss.IndexBinaryFlat(_BITS)
    index.add(hashes)
    # FAISS returns distances below the radius, and finds each pair from both sides.
    limits, distances, found = index.range_search(hashes, most_bits + 1)
    queries = np.repeat(np.arange(len(hashes)), np.diff(limits.astype(np.int64)))
    once = queries <= found
    queries, found, distances = queries[once], found[once], distances[once]
    order = np.lexsort((found, queries))
    return NearHashes(queries[order], found[order], distances[order].astype(np.int64))
