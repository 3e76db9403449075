"""Checks that an evaluation must pass before its figures are written.

They catch what published cover-genre results have suffered from: covers or
artists on both sides of the split, predictions and labels in different orders,
figures that do not follow from their own confusion matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.classify.methods import Method
from covers.errors import DataError, StaleError
from covers.evaluate.document import Shuffled
from covers.stats.metrics import accuracy_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.stats.labels.metrics import LabelMeasures
    from covers.stats.metrics import Measures
    from covers.stats.neighbours import Neighbours

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

TWIN_SIMILARITY = 0.9995
_SUSPICIOUS_DEVIATIONS = 4.0
_SUSPICIOUS_SHARE = 0.02
_LUCK_DRAWS = 30
_ROUNDING = 1e-9


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


def check_figures(name: str, measures: Measures, membership: Array, p: Array) -> None:
    """Refuse figures that do not follow from their own confusion matrix.

    Parameters
    ----------
    name : str
        The method, for the message.
    measures : Measures
        What is about to be written.
    membership, p : ndarray of float64, shape (n_covers, n_genres)
        The covers' genres and the probabilities, to count accuracy once more.

    Raises
    ------
    DataError
        If the accuracy, recounted from the confusion matrix or from the
        predictions, is another, or the matrix has lost or gained covers.
    """
    recounted = float(accuracy_of(measures.confusion))
    right = membership[np.arange(len(p)), p.argmax(axis=1)] > 0
    reported = measures.values["accuracy"]
    off = max(abs(recounted - reported), abs(right.mean() - reported))
    if off > _ROUNDING:
        message = (
            f"{name} reports accuracy {reported:.4f}, but its confusion matrix gives {recounted:.4f} "
            f"and its predictions give {right.mean():.4f}"
        )
        raise DataError(message)
    if abs(measures.confusion.sum() - measures.n) > 1e-6 * measures.n:
        message = f"the confusion matrix of {name} holds {measures.confusion.sum():.1f} covers, not {measures.n}"
        raise DataError(message)


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


def accuracy_if_shuffled(confusion: Array, membership: Array) -> float:
    """Return the accuracy the same predictions would have on covers in random order."""
    predicted = confusion.sum(axis=0) / confusion.sum()
    return float(predicted @ (membership > 0).mean(axis=0))


def check_label_figures(
    name: str, measures: LabelMeasures, p: Array, named: Flags, has: Flags
) -> None:
    """Refuse figures of independent genres that do not follow from the names and genres.

    Everything is counted once more, cover by cover instead of genre by genre.

    Parameters
    ----------
    name : str
        The method, for the message.
    measures : LabelMeasures
        What is about to be written.
    p : ndarray of float64, shape (n_covers, n_genres)
    named, has : ndarray of bool, shape (n_covers, n_genres)

    Raises
    ------
    DataError
        Naming the first figure that differs.
    """
    rows = range(len(has))
    hits = sum(np.count_nonzero(named[i] & has[i]) for i in rows)
    n_named, n_has = np.count_nonzero(named), np.count_nonzero(has)
    recounted = {
        "micro_f1": 2 * hits / (n_named + n_has) if n_named + n_has else 0.0,
        "named_per_cover": n_named / len(named),
        "first_right": sum(bool(has[i, int(p[i].argmax())]) for i in rows) / len(has),
    }
    for figure, again in recounted.items():
        if abs(measures.values[figure] - again) > _ROUNDING:
            message = f"{name} reports {figure} {measures.values[figure]:.4f}, but its predictions give {again:.4f}"
            raise DataError(message)
    n_genres = np.count_nonzero(has, axis=0)
    if (measures.per_genre.n != n_genres).any():
        genre = int((measures.per_genre.n != n_genres).argmax())
        message = f"{name} reports {measures.per_genre.n[genre]} covers of genre {genre}, but {n_genres[genre]} have it"
        raise DataError(message)


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


def find_twins(neighbours: Neighbours) -> npt.NDArray[np.int64]:
    """Return the queries whose nearest reference is all but identical, shape (n,).

    Such pairs have slipped through the search for near-duplicates: the figures
    are then somewhat too high.
    """
    if not neighbours.rows.shape[1]:
        return np.empty(0, np.int64)
    nearest = np.nan_to_num(neighbours.similarities[:, 0], nan=-1.0)
    return np.flatnonzero(nearest >= TWIN_SIMILARITY).astype(np.int64)


def summarise_checks(
    measures: dict[str, Measures], membership: Array
) -> dict[str, Shuffled]:
    """Say for each method but chance how it compares with its own shuffled predictions."""
    report = {}
    for name, found in measures.items():
        if name == Method.CHANCE:
            continue
        shuffled = accuracy_if_shuffled(found.confusion, membership)
        interval = found.intervals.get("accuracy")
        report[name] = Shuffled(
            accuracy_if_shuffled=float(shuffled),
            above_shuffled=None if interval is None else bool(interval.low > shuffled),
        )
    return report
