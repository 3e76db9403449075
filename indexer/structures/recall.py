"""Recall of a structure over a sample of stored vectors, each without itself.

Letters of shapes: N vectors, S sampled queries, k neighbours, D dimensions.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from indexer.backends import StructureBackend
from indexer.backends.exact import exact_candidates
from indexer.backends.scoring import best_rows
from indexer.vectors import decoded

__all__ = ["RecallMeasure", "Sample", "measure_recall"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

# Fewer than exact search leaves to FAISS: that took three times as long on two busy
# cores (300,000 x 256).
_N_QUERIES = 480
_N_TIMED = 48
_SLACK = 8
_ONE_SIDED_95 = 1.645


@dataclass(frozen=True)
class RecallMeasure:
    """How many of the true neighbours were found, over sampled stored vectors.

    Attributes
    ----------
    recall_at_k : float
        Mean share of the k true neighbours that were found; ties count.
    low : float
        Lower end of the one-sided 95 % interval of the mean.
    k, n_queries : int
    """

    recall_at_k: float
    low: float
    k: int
    n_queries: int

    def of(self, whole: Self) -> Self:
        """Combine the share found of what another search finds with that one's recall.

        Parameters
        ----------
        whole : RecallMeasure
            Of the other search, measured on other vectors.
        """
        mean = self.recall_at_k * whole.recall_at_k
        errors = (
            whole.recall_at_k * (self.recall_at_k - self.low),
            self.recall_at_k * (whole.recall_at_k - whole.low),
        )
        low = mean - math.hypot(*errors)
        return type(self)(mean, low, self.k, self.n_queries)


def measure_recall(found: Float32s, true: Float32s) -> RecallMeasure:
    """Compare the similarities that were found with those of the true neighbours.

    Comparing numbers rather than rows lets ties count, and is exact because
    both are scored by the same function.

    Parameters
    ----------
    found : ndarray of float32, shape (S, k)
        ``-inf`` or NaN in empty slots.
    true : ndarray of float32, shape (S, k)
        Of an exact search, sorted; empty slots alike.

    Returns
    -------
    RecallMeasure
    """
    is_real = np.isfinite(true)
    worst = np.where(is_real, true, np.inf).min(axis=1, keepdims=True)
    hits = (found >= worst).sum(axis=1)
    n_true = is_real.sum(axis=1)
    shares = np.minimum(hits, n_true)[n_true > 0] / n_true[n_true > 0]
    if not len(shares):
        return RecallMeasure(1.0, 1.0, true.shape[1], 0)
    mean = float(shares.mean())
    error = float(shares.std() / math.sqrt(len(shares)))
    low = mean - _ONE_SIDED_95 * error
    return RecallMeasure(mean, low, true.shape[1], len(shares))


@dataclass(frozen=True)
class Sample:
    """A sample of stored vectors with the similarities of their true neighbours.

    Attributes
    ----------
    vectors : ndarray of float32, float16 or int8, shape (N, D)
        As they are stored.
    rows : ndarray of int64, shape (S,)
    queries : ndarray of float32, shape (S, D)
        The vectors of those rows.
    true : ndarray of float32, shape (S, k)
    """

    vectors: npt.NDArray[Any]
    rows: Rows
    queries: Float32s
    true: Float32s

    @classmethod
    def draw(
        cls,
        vectors: npt.NDArray[Any],
        k: int,
        *,
        seed: int,
        n_queries: int = _N_QUERIES,
    ) -> Self:
        """Draw up to `n_queries` vectors and search for their k neighbours exactly."""
        n = len(vectors)
        rng = np.random.default_rng(seed)
        rows = np.sort(rng.choice(n, min(n_queries, n), replace=False))
        k = max(1, min(k, n - 1))
        queries = decoded(vectors[rows])
        found, similarities = exact_candidates(queries, vectors, min(k + 1 + _SLACK, n))
        true = _nearest_others(rows, found, similarities, k)
        return cls(vectors, rows, queries, true)

    def of_others(
        self,
        structure: StructureBackend,
        effort: Mapping[str, int],
        *,
        seed: int,
        n_queries: int,
    ) -> Self:
        """Draw other vectors, with the neighbours that a generous search finds for them.

        It takes a tenth of the time of an exact one.

        Parameters
        ----------
        structure : StructureBackend
        effort : mapping
            Of the generous search.
        seed, n_queries : int
        """
        n = len(self.vectors)
        drawn = np.random.default_rng(seed).choice(n, min(n_queries, n), replace=False)
        rows = np.setdiff1d(drawn, self.rows)
        queries = decoded(self.vectors[rows])
        found, similarities = self._search(structure, queries, effort)
        true = _nearest_others(rows, found, similarities, self.k)
        return type(self)(self.vectors, rows, queries, true)

    @property
    def k(self) -> int:
        """Neighbours per query."""
        return int(self.true.shape[1])

    def measure(
        self, structure: StructureBackend, effort: Mapping[str, int]
    ) -> RecallMeasure:
        """Measure the recall of one setting."""
        found, similarities = self._search(structure, self.queries, effort)
        best = _nearest_others(self.rows, found, similarities, self.k)
        return measure_recall(best, self.true)

    def times(
        self, contenders: Sequence[tuple[StructureBackend, Mapping[str, int]]]
    ) -> list[float]:
        """Seconds of one query alone with each structure and effort.

        All are timed in turn, so that other work on the machine slows them alike,
        and the lower quartile over 48 queries counts: what a query takes that
        nothing interrupted.
        """
        seconds = np.zeros((_N_TIMED, len(contenders)))
        for number in range(_N_TIMED):
            query = self.queries[number % len(self.queries)][np.newaxis]
            for place, (structure, effort) in enumerate(contenders):
                start = time.perf_counter()
                self._search(structure, query, effort)
                seconds[number, place] = time.perf_counter() - start
        quartiles: list[float] = np.percentile(seconds, 25, axis=0).tolist()
        return quartiles

    def _search(
        self,
        structure: StructureBackend,
        queries: Float32s,
        effort: Mapping[str, int],
    ) -> tuple[Rows, Float32s]:
        settings = {name: value for name, value in effort.items() if name != "refine"}
        wanted = min(effort["refine"] * (self.k + 1), len(self.vectors))
        found = structure.search(queries, wanted, effort=settings)
        return best_rows(queries, self.vectors, found, self.k + 1 + _SLACK)


def _nearest_others(
    rows: Rows, found: Rows, similarities: Float32s, k: int
) -> Float32s:
    """Leave out each stored row itself among what was found for it; keep k."""
    similarities[found == rows[:, np.newaxis]] = -np.inf
    best: Float32s = -np.sort(-similarities, axis=1)[:, :k]
    return best
