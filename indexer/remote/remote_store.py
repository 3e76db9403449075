"""What all stores on servers have in common, whatever engine keeps their vectors.

Letters of shapes: Q queries, k neighbours, N items, I ids given, D dimensions.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.changes.change import Change
from indexer.changes.plan import NewRows
from indexer.errors import refuse_other_fingerprints
from indexer.files.columns import as_table
from indexer.files.problems import VerifyReport
from indexer.filters import Where, check_where
from indexer.ids import as_ids, refuse_repeated_ids
from indexer.remote.about import About, as_fingerprints
from indexer.remote.search_request import SearchRequest
from indexer.result import Batch, SearchResult
from indexer.searches import check_k, check_n_sampled, split_excluded
from indexer.vectors import as_matrix, unit_queries

__all__ = ["Applied", "Counts", "RemoteStore", "refuse_put_and_removed", "show_some"]

Float32s = npt.NDArray[np.float32]
Result = TypeVar("Result")
Excluded = Collection[str] | Sequence[Collection[str]] | None

_N_SHOWN = 5


@dataclass(frozen=True)
class Applied:
    """What a change brings: rows to put, ids to remove, fingerprints to change."""

    new: NewRows | None
    remove: Sequence[str]
    fingerprints: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many items a change added, updated and removed, and what then holds."""

    about: About
    added: int = 0
    updated: int = 0
    removed: int = 0


class RemoteStore(ABC):
    """Vectors with ids and columns on a server; threads may share it.

    Every search sees one published state, whole. What it can do is described by
    `indexer.VectorStore`. An engine says how to read one state (`_read`), and what
    to do with a session that sees one.
    """

    _about: About

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it lies, as `indexer.open_store` takes it; never with a password."""

    @abstractmethod
    def _read(self, do: Callable[[Any], Result]) -> Result:
        """Do something with a session that sees one state."""

    @abstractmethod
    def _find(self, session: Any, request: SearchRequest) -> SearchResult:
        """Search."""

    @abstractmethod
    def _items(
        self, session: Any, names: Sequence[str], *, with_vectors: bool = True
    ) -> Batch:
        """Give some items; unknown ids are a ValueError."""

    @abstractmethod
    def _replace(self, new: NewRows, fingerprints: Mapping[str, str]) -> About:
        """Replace everything."""

    @abstractmethod
    def _apply(self, change: Applied) -> Counts:
        """Put and remove items."""

    @abstractmethod
    def _put_columns(
        self, ids: Sequence[str], given: pa.Table, fingerprints: Mapping[str, str]
    ) -> Counts:
        """Change columns of items."""

    @abstractmethod
    def _check(self, session: Any, n_sampled: int) -> VerifyReport:
        """Check what is stored."""

    @abstractmethod
    def _describe(self, session: Any) -> dict[str, Any]:
        """Say what it holds."""

    def __len__(self) -> int:
        return self._about.n_items

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.address!r}, generation {self.generation}: "
            f"{len(self)} items of {self.dimension} dimensions>"
        )

    @property
    def generation(self) -> int:
        """The generation that answered last; it grows with every published change."""
        return self._about.generation

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._about.dimension

    @property
    def fingerprints(self) -> dict[str, str]:
        """What the vectors were made with."""
        return dict(self._about.fingerprints)

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return self._about.schema

    def refuse_mismatch(self, expect: Mapping[str, str] | None) -> None:
        """Refuse fingerprints that differ from those of the store.

        Raises
        ------
        IndexMismatchError
            Shows both values.
        """
        refuse_other_fingerprints(f"store {self.address!r}", self.fingerprints, expect)

    def get(self, ids: Sequence[str], *, with_vectors: bool = True) -> Batch:
        """Give some items, in the order asked for.

        Raises
        ------
        ValueError
            Names ids that are not in the store.
        """
        names = as_ids(ids)
        return self._read(
            lambda session: self._items(session, names, with_vectors=with_vectors)
        )

    def reconstruct(self, ids: Sequence[str]) -> Float32s:
        """Give the unit vectors of some items: float32, shape (I, D)."""
        return self.get(ids).vectors

    def search(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        where: Where | None = None,
        exclude_ids: Excluded = None,
        exact: bool = False,
    ) -> SearchResult:
        """Find the k most similar items of each query, see `VectorIndex.search`."""

        def find(session: Any) -> SearchResult:
            dimension = session.about.dimension
            matrix = as_matrix(queries, what="the queries", dimension=dimension)
            hidden, excluded = split_excluded(exclude_ids, len(matrix))
            request = SearchRequest(
                queries=unit_queries(matrix),
                k=check_k(k),
                where=check_where(where, session.about.schema),
                hidden=hidden,
                excluded=excluded,
                exact=exact,
            )
            return self._find(session, request)

        return self._read(find)

    def neighbours_of(
        self,
        ids: Sequence[str],
        k: int = 10,
        *,
        where: Where | None = None,
        exclude_ids: Excluded = None,
        exact: bool = False,
    ) -> SearchResult:
        """Find the k most similar items of each item, itself left out."""
        names = as_ids(ids)
        hidden, excluded = split_excluded(exclude_ids, len(names))
        more = excluded or [[]] * len(names)

        def find(session: Any) -> SearchResult:
            request = SearchRequest(
                queries=self._items(session, names).vectors,
                k=check_k(k),
                where=check_where(where, session.about.schema),
                hidden=hidden,
                excluded=[[one, *some] for one, some in zip(names, more, strict=True)],
                exact=exact,
            )
            return self._find(session, request)

        return self._read(find)

    def replace(
        self,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        columns: Any = None,
        *,
        fingerprints: Mapping[str, str] | None = None,
    ) -> None:
        """Replace everything by other items, in one step."""
        new = NewRows.check(ids, vectors, columns)
        self._about = self._replace(new, as_fingerprints(fingerprints))

    def apply(
        self,
        *,
        upsert: Batch | None = None,
        remove: Sequence[str] = (),
        fingerprints: Mapping[str, str] | None = None,
    ) -> Change:
        """Put items, remove others and change fingerprints, in one step."""
        new = None
        if upsert is not None and len(upsert):
            new = NewRows.check(
                upsert.ids.tolist(),
                upsert.vectors,
                upsert.columns,
                dimension=self.dimension,
            )
        gone = list(dict.fromkeys(as_ids(remove, what="remove")))
        change = Applied(new, gone, as_fingerprints(fingerprints))
        return self._publish(self._apply(change))

    def update_columns(
        self,
        ids: Sequence[str],
        columns: Any,
        *,
        fingerprints: Mapping[str, str] | None = None,
    ) -> Change:
        """Change columns of items, whose vectors stay as they are."""
        names = as_ids(ids)
        refuse_repeated_ids(names)
        table = as_table(columns, len(names))
        made_of = as_fingerprints(fingerprints)
        return self._publish(self._put_columns(names, table, made_of))

    def verify(self, *, n_sampled: int = 64) -> VerifyReport:
        """Check counts, lengths of vectors, and searches against exact ones."""
        size = check_n_sampled(n_sampled)
        return self._read(lambda session: self._check(session, size))

    def info(self) -> dict[str, Any]:
        """Say what the store holds, as plain values that go into JSON."""
        return self._read(self._describe)

    def _publish(self, counts: Counts) -> Change:
        self._about = counts.about
        return Change(
            generation=counts.about.generation,
            n_items=counts.about.n_items,
            added=counts.added,
            updated=counts.updated,
            removed=counts.removed,
            is_published=True,
        )


def show_some(names: Sequence[str]) -> str:
    """Name the first few."""
    more = ", …" if len(names) > _N_SHOWN else ""
    return ", ".join(map(repr, names[:_N_SHOWN])) + more


def refuse_put_and_removed(change: Applied) -> None:
    """Refuse ids that are to be put and removed in one change.

    Raises
    ------
    ValueError
        Names them.
    """
    both = set(change.remove).intersection(change.new.ids if change.new else ())
    if both:
        message = (
            f"{len(both)} ids are to be put and removed: {show_some(sorted(both))}"
        )
        raise ValueError(message)
