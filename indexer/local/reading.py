"""The reading half of `VectorIndex`: opening, looking, searching.

Letters of shapes: Q queries, k neighbours, N items, I ids given, D dimensions.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from indexer.changes import updates
from indexer.errors import refuse_other_fingerprints
from indexer.files.problems import VerifyReport
from indexer.files.snapshot import Snapshot, open_snapshot
from indexer.filters import Where, check_where
from indexer.ids import as_ids
from indexer.local.contents import IndexContents
from indexer.local.search import Allowed, LocalResult, search_snapshot
from indexer.local.verification import measure_index_recall, verify_folder
from indexer.searches import check_k, check_n_sampled, split_excluded
from indexer.structures import RecallMeasure
from indexer.vectors import as_matrix, unit_queries

__all__ = ["IndexReader"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_NO_ROWS: Rows = np.zeros(0, dtype=np.int64)


class IndexReader(IndexContents):
    """An index that is read and searched, never changed; `indexer.VectorIndex` is what to use."""

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        expect: Mapping[str, str] | None = None,
        lock_timeout_s: float = 10.0,
    ) -> Self:
        """Open the current generation; nothing is read that is not needed yet.

        Parameters
        ----------
        folder : str or Path
            May be read-only.
        expect : mapping of str to str, optional
            Fingerprints that the index must have.
        lock_timeout_s : float, default=10
            How long changes wait for another writer.

        Raises
        ------
        IndexNotFoundError
            If there is no index.
        IndexMismatchError
            If a fingerprint differs, or a newer release wrote the index.
        IndexDamagedError
            If a file is missing or has another size; `verify` looks closer.
        """
        index = cls(open_snapshot(Path(folder)), lock_timeout_s=lock_timeout_s)
        index.refuse_mismatch(expect)
        return index

    def refuse_mismatch(self, expect: Mapping[str, str] | None) -> None:
        """Refuse fingerprints that differ from those of the index.

        Raises
        ------
        IndexMismatchError
            Shows both values.
        """
        refuse_other_fingerprints(
            f"index {str(self.folder)!r}", self.fingerprints, expect
        )

    def refresh(self) -> bool:
        """Move to the newest generation; say whether there was a newer one."""
        before = self._snapshot
        self._snapshot = open_snapshot(before.folder, before)
        return self._snapshot is not before

    def __repr__(self) -> str:
        return (
            f"<VectorIndex {str(self.folder)!r}, generation {self.generation}: "
            f"{len(self)} items of {self.dimension} dimensions>"
        )

    def search(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        where: Where | None = None,
        exclude_ids: Collection[str] | Sequence[Collection[str]] | None = None,
        exact: bool = False,
    ) -> LocalResult:
        """Find the k most similar items of each query.

        Parameters
        ----------
        queries : array-like, shape (Q, D) or (D,)
            Of any length but zero.
        k : int, default=10
            May exceed the number of items; the answer is then short and
            `SearchResult.notes` says why.
        where : mapping, optional
            Filter on columns, see `indexer.filters`.
        exclude_ids : collection of str, or one such collection per query, optional
            Items that may not be found; unknown ids are ignored.
        exact : bool, default=False
            Leave the approximate structure aside.

        Returns
        -------
        LocalResult

        Raises
        ------
        ValueError
            If ``k < 1``, a query has no direction, or a column does not exist.
        IndexMismatchError
            If the queries have another dimension.
        """
        snapshot = self._snapshot
        matrix = as_matrix(
            queries, what="the queries", dimension=snapshot.manifest.dimension
        )
        hidden, excluded = _resolve_excluded(snapshot, exclude_ids, len(matrix))
        return search_snapshot(
            snapshot,
            unit_queries(matrix),
            check_k(k),
            Allowed(
                where=check_where(where, snapshot.schema),
                hidden=hidden,
                excluded=excluded,
            ),
            is_exact=exact,
        )

    def neighbours_of(
        self,
        ids: Sequence[str],
        k: int = 10,
        *,
        where: Where | None = None,
        exclude_ids: Collection[str] | Sequence[Collection[str]] | None = None,
        exact: bool = False,
    ) -> LocalResult:
        """Find the k most similar items of each item, itself left out.

        Parameters
        ----------
        ids : sequence of str, length Q
            Items of the index.
        k, where, exclude_ids, exact
            As in `search`.

        Raises
        ------
        ValueError
            As in `search`, and for ids that are not in the index.
        """
        snapshot = self._snapshot
        names = as_ids(ids)
        places = updates.places_of(snapshot, names)
        hidden, excluded = _resolve_excluded(snapshot, exclude_ids, len(names))
        own = places[:, np.newaxis]
        if excluded:
            pairs = zip(own, excluded, strict=True)
            excluded = [np.concatenate(pair) for pair in pairs]
        else:
            excluded = list(own)
        return search_snapshot(
            snapshot,
            snapshot.vectors_at(places),
            check_k(k),
            Allowed(
                where=check_where(where, snapshot.schema),
                hidden=hidden,
                excluded=excluded,
            ),
            is_exact=exact,
        )

    def info(self) -> dict[str, Any]:
        """Say what the index holds, as plain values that go into JSON."""
        return updates.describe(self._snapshot)

    def verify(self, *, n_sampled: int = 256) -> VerifyReport:
        """Check every file and what it holds, on disk and in the newest generation.

        Parameters
        ----------
        n_sampled : int, default=256
            Items that are searched for, to check self-retrieval and recall.

        Returns
        -------
        VerifyReport
        """
        return verify_folder(self.folder, n_sampled=check_n_sampled(n_sampled))

    def measure_recall(
        self, k: int = 10, *, n_sampled: int = 256, seed: int = 0
    ) -> RecallMeasure:
        """Measure how many of the true neighbours searches find.

        Parameters
        ----------
        k : int, default=10
        n_sampled : int, default=256
            Stored items that are searched for, themselves left out.
        seed : int, default=0
            Chooses them.
        """
        return measure_index_recall(
            self._snapshot,
            k=check_k(k),
            n_sampled=check_n_sampled(n_sampled),
            seed=seed,
        )


def _resolve_excluded(
    snapshot: Snapshot,
    exclude_ids: Collection[str] | Sequence[Collection[str]] | None,
    n_queries: int,
) -> tuple[Rows, list[Rows]]:
    """Find the places to leave out: for all queries, or for each."""
    hidden, each = split_excluded(exclude_ids, n_queries)
    if hidden:
        places = snapshot.find(hidden)
        return np.unique(places[places >= 0]), []
    if not each:
        return _NO_ROWS, []
    places = snapshot.find([name for some in each for name in some])
    ends = np.cumsum([len(some) for some in each])
    split = np.split(places, ends[:-1])
    return _NO_ROWS, [some[some >= 0] for some in split]
