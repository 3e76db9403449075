"""Whether predictions and labels have their genres in the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.errors import DataError, StaleError
from covers.stats.metrics import accuracy_of

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_SUSPICIOUS_DEVIATIONS = 4.0
_SUSPICIOUS_SHARE = 0.02
_LUCK_DRAWS = 30


def align_columns(
    vocab: Sequence[str], model_vocab: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Return the model's column of each genre, by name and never by position.

    Returns
    -------
    ndarray of int64, shape (n_genres,)
        Such that ``probabilities[:, columns]`` has the order of `vocab`.

    Raises
    ------
    StaleError
        If the model knows other genres than the catalogue.
    """
    if len(set(model_vocab)) != len(model_vocab) or set(vocab) != set(model_vocab):
        missing = sorted(set(vocab) - set(model_vocab))
        unknown = sorted(set(model_vocab) - set(vocab))
        message = (
            f"the model was trained for other genres than the catalogue has (not in the model: "
            f"{', '.join(missing) or 'none'}; not in the catalogue: {', '.join(unknown) or 'none'}): run 'covers train'"
        )
        raise StaleError(message)
    position = {genre: column for column, genre in enumerate(model_vocab)}
    return np.array([position[genre] for genre in vocab], np.int64)


def check_columns(name: str, confusion: Array, vocab: Sequence[str]) -> None:
    """Refuse predictions whose columns are in another order than the labels.

    If renaming the predicted genres among themselves would make the method far
    better than chance allows, its columns are mixed up.

    Parameters
    ----------
    name : str
        The method, for the message.
    confusion : ndarray of float64, shape (n_genres, n_genres)
    vocab : sequence of str

    Raises
    ------
    DataError
        Naming the genres that seem to be exchanged.
    """
    n = confusion.sum()
    true, predicted, gain = _best_exchange(confusion)
    moved = true != predicted
    if gain <= _SUSPICIOUS_SHARE * n:
        return
    noise = np.sqrt(
        confusion[true[moved], predicted[moved]].sum()
        + confusion[true[moved], true[moved]].sum()
    )
    if gain > _SUSPICIOUS_DEVIATIONS * noise and gain > _gain_by_luck(confusion):
        pairs = ", ".join(
            f"{vocab[p]!r} taken for {vocab[t]!r}"
            for t, p in zip(true[moved], predicted[moved], strict=True)
        )
        rate = confusion[true, predicted].sum() / n
        message = (
            f"the predictions of {name} seem to be in another order than the labels: accuracy is "
            f"{accuracy_of(confusion):.3f}, but {rate:.3f} with {pairs}: run 'covers train' or 'covers embed' again"
        )
        raise DataError(message)


def _best_exchange(
    confusion: Array,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], float]:
    """Return which predicted genre fits each true one best, all considered, and how many more covers that makes right."""
    from scipy.optimize import linear_sum_assignment

    # What genres and predictions share beyond their frequencies: a method that always
    # says the same is poor, but not in another order.
    n = confusion.sum()
    excess = confusion - np.outer(confusion.sum(axis=1), confusion.sum(axis=0)) / n
    true, predicted = linear_sum_assignment(excess, maximize=True)
    gain = float(excess[true, predicted].sum() - np.trace(excess))
    return np.asarray(true), np.asarray(predicted), gain


def _gain_by_luck(confusion: Array) -> float:
    """Return the gain that the best exchange hardly exceeds where predictions say nothing of the genres.

    Where genres are many and covers few, the best of all exchanges fits a good share
    of the covers by luck alone.
    """
    true, predicted = (_spread_out(confusion.sum(axis=axis)) for axis in (1, 0))
    rng = np.random.default_rng(0)
    gains = []
    for _ in range(_LUCK_DRAWS):
        drawn = np.zeros(confusion.shape)
        np.add.at(drawn, (true, rng.permutation(predicted)), 1)
        gains.append(_best_exchange(drawn)[2])
    return float(np.mean(gains) + _SUSPICIOUS_DEVIATIONS * np.std(gains))


def _spread_out(totals: Array) -> npt.NDArray[np.int64]:
    """Repeat each column number as often as its total says; fractions are rounded along the running sum."""
    ends = np.rint(np.cumsum(totals)).astype(np.int64)
    return np.repeat(np.arange(len(totals)), np.diff(ends, prepend=0))


def check_label_columns(
    name: str,
    p: Array,
    has: Flags,
    groups: npt.NDArray[np.int64],
    vocab: Sequence[str],
) -> None:
    """Refuse probabilities of independent genres whose columns are in another order than the labels.

    Each probability is compared with each genre by a score that is standard
    normal where they have nothing to do with each other. Genres that are nested
    or go together resemble each other's columns too; only an exchange that would
    fit far better than the order at hand, and better than the best of all
    exchanges would by luck, is taken for one.

    Parameters
    ----------
    name : str
        The method, for the message.
    p : ndarray of float64, shape (n_covers, n_genres)
        Raw.
    has : ndarray of bool, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
    vocab : sequence of str

    Raises
    ------
    DataError
        Naming the genres that seem to be exchanged.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.stats import rankdata

    n_covers, n_genres = p.shape
    ranks = rankdata(p, axis=0)
    spread = np.maximum(ranks.std(axis=0), 1e-9)
    rate = has.mean(axis=0)
    deviation = np.sqrt(np.maximum(n_covers * rate * (1 - rate), 1e-9))
    scores = (has - rate).T @ ((ranks - ranks.mean(axis=0)) / spread)
    scores = scores / deviation[:, None] * (len(np.unique(groups)) / n_covers) ** 0.5
    scores[(rate == 0) | (rate == 1)] = 0
    _, meant = linear_sum_assignment(scores, maximize=True)
    gain = scores[np.arange(n_genres), meant] - np.diag(scores)
    luck = (2 * np.log(max(n_genres, 2))) ** 0.5
    for cycle in _cycles(meant):
        n = len(cycle)
        if gain[cycle].sum() > luck * n + _SUSPICIOUS_DEVIATIONS * (2 * n) ** 0.5:
            pairs = ", ".join(
                f"{vocab[meant[j]]!r} taken for {vocab[j]!r}" for j in cycle
            )
            message = (
                f"the predictions of {name} seem to be in another order than the labels, such as {pairs}: "
                "run 'covers train' or 'covers embed' again"
            )
            raise DataError(message)


def _cycles(permutation: npt.NDArray[np.int64]) -> list[list[int]]:
    """Return the cycles of a permutation that move anything."""
    found, seen = [], set()
    for start in range(len(permutation)):
        cycle = []
        place = start
        while place not in seen:
            seen.add(place)
            cycle.append(place)
            place = int(permutation[place])
        if len(cycle) > 1:
            found.append(cycle)
    return found
