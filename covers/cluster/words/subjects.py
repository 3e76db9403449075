"""Which words fit some covers better than the rest of the library.

A word fits a set of covers if their pictures lie nearer to it, in the space of
an embedder that knows words, than the pictures of all others do. Letters:
N covers, W words, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = npt.NDArray[np.floating]

MARGIN = 0.25
"""By how many standard deviations of a word's fit a set must at least lie above the rest."""
FEWEST_GROUPS = 5
MOST_WORDS = 3
_ALIKE = 0.9
_ERROR_RATE = 0.05


@dataclass(frozen=True, kw_only=True)
class FittingWord:
    """A word that fits some covers better than the rest.

    Parameters
    ----------
    word : str
    effect : float
        How many standard deviations of the word's fit they lie above the rest.
    low : float
        That difference is larger than this, with all words looked at together
        (95 %, Bonferroni).
    """

    word: str
    effect: float
    low: float


def score_words(vectors: Floats, words: Floats) -> npt.NDArray[np.float32]:
    """Return how well words fit covers, in standard deviations of each word over all covers.

    Parameters
    ----------
    vectors : ndarray, shape (n_covers, n_dimensions)
        Unit vectors of the covers.
    words : ndarray, shape (n_words, n_dimensions)
        Unit vectors of the words.

    Returns
    -------
    ndarray of float32, shape (n_covers, n_words)
        Each column has mean 0 and standard deviation 1; a column without any
        spread is 0.
    """
    scores = np.asarray(vectors @ words.T, np.float32)
    scores -= scores.mean(axis=0)
    spread = scores.std(axis=0)
    return np.asarray(scores / np.where(spread > 1e-9, spread, np.inf), np.float32)


@dataclass(frozen=True)
class WordSet:
    """The words that covers may be named by.

    Parameters
    ----------
    names : sequence of str, length n_words
    alike : ndarray, shape (n_words, n_words)
        Cosines of the words: of two that say the same only the surer is named.
    margin : float, default=0.25
        How much better a word must fit some covers than the rest, in standard
        deviations: what the lower end of the difference must reach.
    """

    names: Sequence[str]
    alike: Floats
    margin: float = MARGIN


def find_words(
    scores: npt.NDArray[np.float32],
    shares: Floats,
    groups: npt.NDArray[np.int64],
    words: WordSet,
    rest: Floats | None = None,
) -> list[FittingWord]:
    """Return the words that fit a set of covers better than the rest, the surest first.

    Parameters
    ----------
    scores : ndarray of float32, shape (n_covers, n_words)
        As `score_words` returns them.
    shares : ndarray, shape (n_covers,)
        How much each cover belongs to the set, 0 to 1.
    groups : ndarray of int64, shape (n_covers,)
        Covers of one artist or near-duplicates of each other: they count as one
        draw in the error of a mean.
    words : WordSet
    rest : ndarray, shape (n_covers,), optional
        How much each cover belongs to the rest; by default what is not in the set.

    Returns
    -------
    list of FittingWord
        At most `MOST_WORDS`; none where no word fits by the margin, or the set or
        the rest has fewer than `FEWEST_GROUPS` groups.
    """
    from scipy.stats import norm

    inside = np.asarray(shares, np.float64)
    outside = 1 - inside if rest is None else np.asarray(rest, np.float64)
    enough = [
        len(np.unique(groups[weights > 0])) >= FEWEST_GROUPS
        for weights in (inside, outside)
    ]
    if not len(words.names) or not all(enough):
        return []
    mean_in, variance_in = _mean_and_variance(scores, inside, groups)
    mean_out, variance_out = _mean_and_variance(scores, outside, groups)
    effect = mean_in - mean_out
    reach = float(norm.isf(_ERROR_RATE / (2 * len(words.names))))
    low = effect - reach * np.sqrt(variance_in + variance_out)
    chosen: list[int] = []
    for word in np.argsort(-low, kind="stable"):
        if not low[word] >= words.margin or len(chosen) == MOST_WORDS:
            break
        if all(words.alike[word, other] < _ALIKE for other in chosen):
            chosen.append(int(word))
    return [
        FittingWord(word=words.names[i], effect=float(effect[i]), low=float(low[i]))
        for i in chosen
    ]


def _mean_and_variance(
    scores: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the weighted mean of each word's scores, and its variance with groups as draws.

    That of a ratio of sums over groups: the sum of squares of each group's
    weighted deviations, over the square of all weight.
    """
    rows = np.flatnonzero(weights)
    own = weights[rows]
    _, numbers = np.unique(groups[rows], return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    values = scores[rows].astype(np.float64)
    mean = own @ values / own.sum()
    deviations = (own[:, None] * (values - mean))[order]
    by_group = np.add.reduceat(deviations, starts, axis=0)
    n = len(starts)
    small = n / max(n - 1, 1)
    return mean, small * (by_group**2).sum(axis=0) / own.sum() ** 2
