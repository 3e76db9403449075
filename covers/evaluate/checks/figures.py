"""Whether figures follow from the predictions that they are computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.classify.methods import Method
from covers.errors import DataError
from covers.evaluate.document import Shuffled
from covers.stats.metrics import accuracy_of

if TYPE_CHECKING:
    from covers.stats.labels.metrics import LabelMeasures
    from covers.stats.metrics import Measures

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_ROUNDING = 1e-9


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
