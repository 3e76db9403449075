"""Which pairs of plain sleeves show one design, at a cost that grows with the covers, not with the pairs.

Two plain sleeves are looked at closely (`covers.images.duplicates.ink`), which takes about ten
milliseconds. Among thousands of white sleeves with a line of text millions of pairs
could be the same, so that where a sleeve resembles many others, only its likeliest
pairs are looked at, those whose ink is most alike in a small copy, best first:

- A sleeve is refused once, and up to 400 times more are shared among all: of 100
  sleeves each may be refused five times, of 1,000 once. After that it is looked at
  only beside one that was refused less often.
- Copies of each other count as one: what was said of one holds for the others.

Letters: P pairs of covers, C covers in a crowd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.images.duplicates.ink import Ink, InkAgreement

Rows = npt.NDArray[np.int64]

FEW = 8
"""A cover with at most so many partners is looked at beside each of them."""
_SPARE_REFUSALS = 400
_LIKELIEST = 16
_LEAST_LIKENESS = 0.75
_CODE_PX = 64
_CODE_WINDOW_PX = 9
_CODE_NOISE = 0.2
_BLOCK = 256
_COPIES = 0.95  # agreement of two that are copies of each other


@dataclass(frozen=True)
class SleevePairs:
    """Pairs of covers to look at, each once.

    Parameters
    ----------
    first, second : ndarray of int64, shape (P,)
        Rows of the covers, ``first < second``.
    plain : ndarray of bool, shape (P,)
        Of which a cover is a plain sleeve, so that the ink must agree. In others it
        must not say other words.
    """

    first: Rows
    second: Rows
    plain: npt.NDArray[np.bool_]

    def take(self, chosen: Rows) -> SleevePairs:
        """Return some of the pairs."""
        return SleevePairs(self.first[chosen], self.second[chosen], self.plain[chosen])


class PlainSleeves:
    """Closer looks at plain sleeves, as few as tell which show one design.

    Parameters
    ----------
    ink_of : callable
        Returns the ink of a cover by its row, None where it has no thumbnail.
    compare : callable
        Compares two inks, as `covers.images.duplicates.ink.ink_agreement`.
    least : pair of float
        The agreement of the whole and of the parts that two plain sleeves of one
        design reach.
    same_strokes : callable
        Says whether no stroke differs between two inks that agree otherwise, as
        `covers.images.duplicates.ink.same_strokes`.
    """

    def __init__(
        self,
        ink_of: Callable[[int], Ink | None],
        compare: Callable[[Ink, Ink], InkAgreement],
        least: tuple[float, float],
        same_strokes: Callable[[Ink, Ink], bool],
    ) -> None:
        self._ink_of, self._compare, self._least = ink_of, compare, least
        self._same_strokes = same_strokes
        self.n_looks = 0

    def agree(self, pairs: SleevePairs) -> npt.NDArray[np.bool_]:
        """Say which pairs show one design, shape (P,)."""
        found = np.zeros(len(pairs.first), bool)
        n_partners = np.bincount(np.concatenate([pairs.first, pairs.second]))
        least = np.minimum(n_partners[pairs.first], n_partners[pairs.second])
        for pair in np.flatnonzero(least <= FEW).tolist():
            found[pair] = self._is_one_design(self._look(pairs, pair), pairs, pair)
        crowded = np.flatnonzero(least > FEW)
        if len(crowded):
            found[crowded] = self._agree_in_crowd(pairs.take(crowded))
        return found

    def _is_one_design(
        self, seen: InkAgreement | None, pairs: SleevePairs, pair: int
    ) -> bool:
        if not pairs.plain[pair]:
            return seen is None or not seen.is_other_words()
        if seen is None or not seen.reaches(*self._least):
            return False
        one, other = self._inks(pairs, pair)
        return one is not None and other is not None and self._same_strokes(one, other)

    def _look(self, pairs: SleevePairs, pair: int) -> InkAgreement | None:
        """Look at two covers; None where one cannot be seen."""
        one, other = self._inks(pairs, pair)
        if one is None or other is None:
            return None
        self.n_looks += 1
        return self._compare(one, other)

    def _inks(self, pairs: SleevePairs, pair: int) -> tuple[Ink | None, Ink | None]:
        first, second = int(pairs.first[pair]), int(pairs.second[pair])
        return self._ink_of(first), self._ink_of(second)

    def _agree_in_crowd(self, pairs: SleevePairs) -> npt.NDArray[np.bool_]:
        """Say which pairs show one design, by looks at the likeliest."""
        both = np.stack([pairs.first, pairs.second])
        crowd, ends = np.unique(both, return_inverse=True)
        ends = ends.reshape(2, -1)
        agree = np.zeros(len(pairs.first), bool)
        classes, refused = _Classes(len(crowd)), [0] * len(crowd)
        patience = 1 + _SPARE_REFUSALS // len(crowd)
        for pair in _likeliest(ends, self._likeness(crowd, ends)).tolist():
            a, b = (classes.root(end) for end in ends[:, pair].tolist())
            if a == b or min(refused[a], refused[b]) >= patience:
                continue
            seen = self._look(pairs, pair)
            agree[pair] = self._is_one_design(seen, pairs, pair)
            if agree[pair] and seen is not None and seen.reaches(_COPIES, _COPIES):
                refused[classes.join(a, b)] = min(refused[a], refused[b])
            elif not agree[pair]:
                refused[a] += 1
                refused[b] += 1
        roots = np.array([classes.root(n) for n in range(len(crowd))], np.int64)
        result: npt.NDArray[np.bool_] = agree | (roots[ends[0]] == roots[ends[1]])
        return result

    def _likeness(self, crowd: Rows, ends: Rows) -> npt.NDArray[np.float32]:
        """Return how alike the small copies of each pair are, shape (P,), at most 1."""
        codes = np.stack([_codes(self._ink_of(row)) for row in crowd.tolist()])
        likeness = np.zeros(ends.shape[1], np.float32)
        order = np.argsort(ends[0], kind="stable")
        limits = np.arange(0, len(crowd) + _BLOCK, _BLOCK)
        starts = np.searchsorted(ends[0][order], limits)
        for begin, *span in zip(limits, starts[:-1], starts[1:], strict=False):
            pairs = order[slice(*span)]
            partners, places = np.unique(ends[1][pairs], return_inverse=True)
            for kind in range(codes.shape[1]):
                block = codes[begin : begin + _BLOCK, kind] @ codes[partners, kind].T
                alike = block[ends[0][pairs] - begin, places]
                likeness[pairs] = np.maximum(likeness[pairs], alike)
        return likeness


def _codes(ink: Ink | None) -> npt.NDArray[np.float32]:
    """Return small copies of the ink, of its box and of the whole, faint ink as strong as dark; each of length 1."""
    if ink is None:
        return np.zeros((2, _CODE_PX**2), np.float32)
    return np.stack([_code(picture) for picture in (ink.box, ink.whole.values)])


def _code(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    from scipy.ndimage import uniform_filter

    if min(picture.shape) < 2:
        return np.zeros(_CODE_PX**2, np.float32)
    size = (_CODE_PX, _CODE_PX)
    image = Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR)
    small = np.asarray(image, np.float32)
    level = uniform_filter(small, _CODE_WINDOW_PX, mode="constant")
    square = uniform_filter(small * small, _CODE_WINDOW_PX, mode="constant")
    variance = np.maximum(square - level**2, 0)
    even = (small - level) / np.sqrt(variance + _CODE_NOISE * max(variance.max(), 1))
    even -= even.mean()
    code: npt.NDArray[np.float32] = even.ravel() / max(
        float(np.linalg.norm(even)), 1e-6
    )
    return code.astype(np.float32)


def _likeliest(ends: Rows, likeness: npt.NDArray[np.float32]) -> Rows:
    """Return the pairs that are among the likeliest of one of their covers, best first."""
    alike = np.flatnonzero(likeness >= _LEAST_LIKENESS)
    owners = np.concatenate([ends[0][alike], ends[1][alike]])
    pairs = np.concatenate([alike, alike])
    order = np.lexsort((-likeness[pairs], owners))
    owners, pairs = owners[order], pairs[order]
    ranks = np.arange(len(owners)) - np.searchsorted(owners, owners)
    chosen = np.unique(pairs[ranks < _LIKELIEST])
    return chosen[np.argsort(-likeness[chosen], kind="stable")]


class _Classes:
    """Covers that are copies of each other."""

    def __init__(self, n: int) -> None:
        self._above = list(range(n))

    def root(self, member: int) -> int:
        """Return the member that stands for all."""
        above = self._above
        while above[member] != member:
            above[member] = above[above[member]]
            member = above[member]
        return member

    def join(self, one: int, other: int) -> int:
        """Make two classes one; return the member that stands for it."""
        self._above[other] = one
        return one
