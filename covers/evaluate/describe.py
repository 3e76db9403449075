"""From arrays of figures to what an evaluation says of each method, by the names of the genres.

Letters: G genres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.evaluate.document import Sets, SetScore
from covers.evaluate.measures import IN_WORDS, Bin, Estimate, GenreScore, MethodResult
from covers.stats.labels.metrics import LabelMeasures
from covers.stats.metrics import precision_recall_f1

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from covers.stats.bootstrap import Interval
    from covers.stats.labels.metrics import GenreMeasures
    from covers.stats.metrics import Measures
    from covers.stats.reliability import Reliability

_OF_GENRES = ("average_precision", "precision", "recall", "f1")


def describe_method(
    found: Measures | LabelMeasures, vocab: Sequence[str]
) -> MethodResult:
    """Return the figures of one method with the names of the genres.

    Parameters
    ----------
    found : Measures or LabelMeasures
        Of covers with one genre, or with independent ones.
    vocab : sequence of str, length n_genres
    """
    estimates = _estimates(found.values, found.intervals)
    reliability = _bins(found.reliability)
    ece_if_calibrated = found.values["ece_if_calibrated"]
    if isinstance(found, LabelMeasures):
        return MethodResult(
            n=found.n,
            per_genre=_scores_of_independent(found.per_genre, vocab),
            confusion=(),
            reliability=reliability,
            ece_if_calibrated=ece_if_calibrated,
            **estimates,
        )
    precision, recall, f1 = precision_recall_f1(found.confusion)
    return MethodResult(
        n=found.n,
        per_genre={
            genre: GenreScore(
                n=float(found.confusion[j].sum()),
                precision=float(precision[j]),
                recall=float(recall[j]),
                f1=float(f1[j]),
            )
            for j, genre in enumerate(vocab)
        },
        confusion=tuple(map(tuple, found.confusion.tolist())),
        reliability=reliability,
        ece_if_calibrated=ece_if_calibrated,
        **estimates,
    )


def measure_sets(
    inside: npt.NDArray[np.bool_],
    membership: npt.NDArray[np.floating[Any]],
    *,
    level: float,
    vocab: Sequence[str],
) -> Sets:
    """Measure prediction sets on held-out covers.

    Parameters
    ----------
    inside : ndarray of bool, shape (n_covers, n_genres)
    membership : ndarray of float, shape (n_covers, n_genres)
        A cover of m genres counts 1/m for each that its set holds.
    level : float
        What was promised.
    vocab : sequence of str
        Names of the columns.
    """
    m = np.asarray(membership, np.float64)
    sizes = inside.sum(axis=1)
    n = m.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        covered = (m * inside).sum(axis=0) / n
        mean_size = (m * sizes[:, None]).sum(axis=0) / n
    return Sets(
        level=level,
        coverage=float((m * inside).sum() / m.sum()),
        mean_size=float(sizes.mean()),
        sizes=tuple(
            (np.bincount(sizes, minlength=m.shape[1] + 1) / max(1, len(sizes))).tolist()
        ),
        per_genre={
            genre: SetScore(
                coverage=float(covered[j]),
                mean_size=float(mean_size[j]),
                n=float(n[j]),
            )
            for j, genre in enumerate(vocab)
        },
    )


def _estimates(
    values: Mapping[str, float], intervals: Mapping[str, Interval]
) -> dict[str, Estimate]:
    """Return each measure with its interval, where there is one."""
    return {
        name: Estimate(value=value, ci95=intervals[name].ends)
        if name in intervals
        else Estimate(value=value)
        for name, value in values.items()
        if name in (*IN_WORDS, "micro_precision", "micro_recall")
    }


def _scores_of_independent(
    found: GenreMeasures, vocab: Sequence[str]
) -> dict[str, GenreScore]:
    """Return how well each of independent genres is read."""
    return {
        genre: GenreScore(
            n=int(found.n[j]),
            **{name: float(getattr(found, name)[j]) for name in _OF_GENRES},
            ci95={name: ends[j].ends for name, ends in found.intervals.items()},
        )
        for j, genre in enumerate(vocab)
    }


def _bins(found: Reliability) -> tuple[Bin, ...]:
    """Return how often predictions of similar certainty are right."""
    rows = zip(found.certainty, found.rate, found.n, strict=True)
    return tuple(Bin(certainty=float(c), rate=float(r), n=int(n)) for c, r, n in rows)
