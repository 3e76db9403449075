"""Checks that an evaluation must pass before its figures are written.

They catch what published cover-genre results have suffered from: covers or
artists on both sides of the split, predictions and labels in different orders,
figures that do not follow from their own confusion matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.errors import DataError, StaleError
from covers.stats.metrics import accuracy_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.stats.metrics import Measures
    from covers.stats.neighbours import Neighbours

Array = npt.NDArray[np.float64]

TWIN_SIMILARITY = 0.9995
_SUSPICIOUS_DEVIATIONS = 4.0
_SUSPICIOUS_SHARE = 0.02


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
    sides, side_of = np.unique(splits, return_inverse=True)
    if "train" not in sides or len(sides) < 2:
        message = f"an evaluation needs train covers and held-out ones, found only {', '.join(sides) or 'none'}: run 'covers scan' again"
        raise DataError(message)
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
    if abs(recounted - reported) > 1e-9 or abs(right.mean() - reported) > 1e-9:
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
    from scipy.optimize import linear_sum_assignment

    # What genres and predictions share beyond their frequencies: a method that always
    # says the same is poor, but not in another order.
    n = confusion.sum()
    excess = confusion - np.outer(confusion.sum(axis=1), confusion.sum(axis=0)) / n
    true, predicted = linear_sum_assignment(excess, maximize=True)
    moved = true != predicted
    if not moved.any():
        return
    now, then = (true[moved], true[moved]), (true[moved], predicted[moved])
    gain = excess[then].sum() - excess[now].sum()
    noise = np.sqrt(confusion[then].sum() + confusion[now].sum())
    if gain > _SUSPICIOUS_SHARE * n and gain > _SUSPICIOUS_DEVIATIONS * noise:
        pairs = ", ".join(
            f"{vocab[p]!r} read as {vocab[t]!r}"
            for t, p in zip(true[moved], predicted[moved], strict=True)
        )
        rate = confusion[true, predicted].sum() / n
        message = (
            f"the predictions of {name} seem to be in another order than the labels: accuracy is "
            f"{accuracy_of(confusion):.3f}, but {rate:.3f} with {pairs}: run 'covers train' or 'covers embed' again"
        )
        raise DataError(message)


def accuracy_if_shuffled(p: Array, membership: Array) -> float:
    """Return the accuracy the same predictions would have on covers in random order."""
    predicted = np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p)
    return float(predicted @ (membership > 0).mean(axis=0))


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
    methods: dict[str, Array], membership: Array, measures: dict[str, Measures]
) -> dict[str, Any]:
    """Say for each method how it compares with its own shuffled predictions."""
    report = {}
    for name, p in methods.items():
        shuffled = accuracy_if_shuffled(p, membership)
        interval = measures[name].intervals.get("accuracy")
        report[name] = {
            "accuracy_if_shuffled": shuffled,
            "above_shuffled": None if interval is None else interval.low > shuffled,
        }
    return report
