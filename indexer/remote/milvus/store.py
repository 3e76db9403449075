"""`MilvusStore`: vectors, ids and columns in collections of Milvus."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import pyarrow as pa

from indexer.changes.change import Change
from indexer.changes.plan import NewRows
from indexer.files.problems import VerifyReport
from indexer.remote.about import About, Options
from indexer.remote.address import MilvusAddress
from indexer.remote.milvus.about import MilvusAbout, read_about
from indexer.remote.milvus.checking import check_collection, describe_collection
from indexer.remote.milvus.client import Client
from indexer.remote.milvus.collections import hold_lock
from indexer.remote.milvus.contents import CollectionContents
from indexer.remote.milvus.rollback import Back, find_way_back, go_back
from indexer.remote.milvus.searching import Session, search_collection
from indexer.remote.milvus.writing import (
    apply_change,
    begin,
    put_columns,
    replace_collection,
)
from indexer.remote.remote_store import Applied, Counts
from indexer.remote.search_request import SearchRequest
from indexer.result import SearchResult

__all__ = ["MilvusStore"]


class MilvusStore(CollectionContents):
    """Vectors with ids and columns in a collection of Milvus; threads may share it.

    Made by `build` or `open`. Every search sees one published state, whole; what
    another process publishes it sees some tenths of a second later, or after
    `refresh`. What it can do is described by `indexer.VectorStore`.
    """

    @classmethod
    def open(cls, where: MilvusAddress) -> Self:
        """Open a store; raises as `indexer.open_store` does."""
        client = Client(where)
        return cls(client, read_about(client, is_newest=True))

    @classmethod
    def build(
        cls,
        where: MilvusAddress,
        new: NewRows,
        fingerprints: Mapping[str, str],
        options: Options,
    ) -> Self:
        """Make a store, or replace the content of one, in one step.

        Raises
        ------
        ValueError
            If a column cannot be kept by Milvus.
        IndexMismatchError
            If there is a collection of that name that is no store.
        IndexReadError, IndexWriteError, IndexBusyError
            If the server cannot be reached or refuses, or another process writes.
        """
        client = Client(where)
        with hold_lock(client, options.lock_timeout_s):
            about = replace_collection(client, new, fingerprints, options.begin())
        store = cls(client, about, lock_timeout_s=options.lock_timeout_s)
        store._remember(about)
        return store

    def rollback(self, to: int | None = None, *, dry_run: bool = False) -> Change:
        """Go back to one of the last generations, or to what was there before a build.

        Parameters
        ----------
        to : int, optional
            The generation before this one by default.
        dry_run : bool, default=False
            Count only.

        Raises
        ------
        IndexHistoryError
            Names those that are kept.
        """
        with hold_lock(self._client, self._lock_timeout_s):
            session = begin(self._client)
            back = find_way_back(session, to)
            if dry_run:
                return _change(back, session.about, is_dry_run=True)
            self._about = go_back(session, back)
            self._remember(self._about)
            return _change(back, self._about)

    def _find(self, session: Session, request: SearchRequest) -> SearchResult:
        return search_collection(session, request)

    def _check(self, session: Session, n_sampled: int) -> VerifyReport:
        return check_collection(session, n_sampled)

    def _describe(self, session: Session) -> dict[str, Any]:
        return describe_collection(session)

    def _replace(self, new: NewRows, fingerprints: Mapping[str, str]) -> About:
        structure = self._about.structure
        with hold_lock(self._client, self._lock_timeout_s):
            about = replace_collection(self._client, new, fingerprints, structure)
            self._remember(about)
            return about

    def _apply(self, change: Applied) -> Counts:
        return self._changing(lambda session: apply_change(session, change))

    def _put_columns(
        self, ids: Sequence[str], given: pa.Table, fingerprints: Mapping[str, str]
    ) -> Counts:
        return self._changing(
            lambda session: put_columns(session, ids, given, fingerprints)
        )

    def _changing(self, do: Callable[[Session], Counts]) -> Counts:
        with hold_lock(self._client, self._lock_timeout_s):
            counts = do(begin(self._client))
            self._remember(counts.about)
            return counts


def _change(back: Back, about: MilvusAbout, *, is_dry_run: bool = False) -> Change:
    return Change(
        generation=about.generation,
        n_items=back.n_items,
        added=back.n_added,
        updated=back.n_updated,
        removed=back.n_removed,
        is_published=not is_dry_run,
        is_dry_run=is_dry_run,
    )
