"""What a store on Milvus holds, looked at without searching: ids, columns, vectors."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from indexer.errors import IndexBusyError
from indexer.files.columns import distinct_values
from indexer.filters import Where, check_where
from indexer.remote.about import About
from indexer.remote.milvus.about import MilvusAbout, read_about
from indexer.remote.milvus.client import Client, CollectionGoneError
from indexer.remote.milvus.expressions import all_of, filter_expression, one_of
from indexer.remote.milvus.fields import Row, decode_rows, field_name, vectors_of
from indexer.remote.milvus.searching import MOST_ROWS, Session
from indexer.remote.remote_store import RemoteStore, Result, show_some
from indexer.result import Batch

__all__ = ["CollectionContents"]

_N_TRIES = 8
_FEW = 1000
_published = dict[str, int]()
"""The newest generation that this process published, by address."""


class CollectionContents(RemoteStore):
    """What a store on Milvus holds; `MilvusStore` is what to use."""

    def __init__(
        self, client: Client, about: MilvusAbout, *, lock_timeout_s: float = 10.0
    ) -> None:
        self._client = client
        self._about: MilvusAbout = about
        self._lock_timeout_s = lock_timeout_s

    def refresh(self) -> bool:
        """Look up the newest generation; say whether there was a newer one.

        What another process published some tenths of a second ago may be missed.
        """
        before = self._about.generation
        return self._session().about.generation != before

    def close(self) -> None:
        """Close the connection; a later call opens a new one."""
        self._client.close()

    def __contains__(self, item_id: object) -> bool:
        if not isinstance(item_id, str):
            return False
        expression = one_of("id", [item_id])
        return self._read(
            lambda session: session.count(all_of(expression, session.alive)) > 0
        )

    @property
    def address(self) -> str:
        """Where it lies, as `indexer.open_store` takes it; never with a password."""
        return str(self._client.address)

    def batches(
        self,
        batch_size: int = 16_384,
        *,
        with_vectors: bool = True,
        columns: Collection[str] | None = None,
    ) -> Iterator[Batch]:
        """Give all items of one generation, in the order in which they came.

        Raises
        ------
        IndexBusyError
            If it was changed so often meanwhile that the generation is no longer kept.
        """
        if batch_size < 1:
            message = f"batch_size must be at least 1, got {batch_size}"
            raise ValueError(message)
        session = self._session()
        schema = session.about.schema
        if columns is not None:
            schema = pa.schema([field for field in schema if field.name in columns])
        names = [field_name(session.about.schema, one) for one in schema.names]
        wanted = ["id", "nulls", *names, *(["embedding"] if with_vectors else [])]
        wanted = [one for one in wanted if one in {"id", "embedding", *session.columns}]
        waiting = list[Row]()
        for page in self._pages(session, wanted, batch_size):
            waiting += page
            while len(waiting) >= batch_size:
                yield _batch(waiting[:batch_size], session.about, schema, with_vectors)
                waiting = waiting[batch_size:]
        if waiting:
            yield _batch(waiting, session.about, schema, with_vectors)

    def _pages(
        self, session: Session, fields: Sequence[str], size: int
    ) -> Iterator[list[Row]]:
        """Give pages of a generation that is kept until they were read."""
        for page in session.pages("", fields, size=min(size, 4096)):
            if not self._is_readable(session):
                message = f"store {self.address!r} was changed again and again while it was read: read it again"
                raise IndexBusyError(message)
            yield page

    def ids_beginning(self, start: str, most: int = 2) -> list[str]:
        """Give ids that begin with some text, at most so many."""
        low, high = one_of("id", [start, start + "\U0010ffff"])[7:-1].split(", ")
        window = f"id >= {low} and id < {high}" if start else ""

        def read(session: Session) -> list[str]:
            expression = all_of(window, session.alive)
            rows = session.query(expression, ["id"], limit=max(most, _FEW))
            return sorted(row["id"] for row in rows)[:most]

        return self._read(read)

    def ids_where(self, where: Where) -> list[str]:
        """Give the ids of all items that a filter lets through."""

        def read(session: Session) -> list[str]:
            schema = session.about.schema
            expression = filter_expression(check_where(where, schema), schema)
            pages = session.pages(expression, ["id"], size=MOST_ROWS)
            return [row["id"] for page in pages for row in page]

        return self._read(read)

    def distinct(self, column: str) -> set[Any]:
        """Give the values of a column, those inside its lists too, each once; no null."""

        def read(session: Session) -> set[Any]:
            schema = session.about.schema
            check_where({column: None}, schema)
            field = schema.field(column)
            if field.type == pa.null():
                return set()
            names, found = ["nulls", field_name(schema, column)], set[Any]()
            for page in session.pages("", names, size=MOST_ROWS):
                part = decode_column(page, schema, column)
                found |= distinct_values(part)
            return found

        return self._read(read)

    def has_values(self, column: str) -> bool:
        """Whether any item has a value in a column; not where there is no such column."""

        def read(session: Session) -> bool:
            schema = session.about.schema
            if column not in schema.names or schema.field(column).type == pa.null():
                return False
            null = f'array_contains(nulls, "{field_name(schema, column)}")'
            return session.count(all_of(session.alive, f"not {null}")) > 0

        return self._read(read)

    def _session(self) -> Session:
        known = max(self._about.generation, _published.get(self.address, 0))
        self._about = read_about(self._client, is_newest=False, at_least=known)
        return Session(self._client, self._about)

    def _remember(self, about: About) -> None:
        """Let every store of this process see at least a generation."""
        _published[self.address] = about.generation

    def _is_readable(self, session: Session) -> bool:
        """Whether no row of the generation that was looked at is taken away, or sorted in, yet."""
        about, seen = read_about(self._client, is_newest=False), session.about
        if about.collection != seen.collection:
            return False  # one that is being released answers in part
        if about.is_catching_up and not seen.is_catching_up:
            return False
        return about.oldest <= seen.generation

    def _read(self, do: Callable[[Session], Result]) -> Result:
        for _ in range(_N_TRIES):
            try:
                session = self._session()
                result = do(session)
                if self._is_readable(session):
                    return result
            except CollectionGoneError:
                continue
        message = f"store {self.address!r} was changed again and again while it was read: try again"
        raise IndexBusyError(message)

    def _items(
        self, session: Session, names: Sequence[str], *, with_vectors: bool = True
    ) -> Batch:
        """Read some items, in the order of their ids."""
        fields = ["id", *session.columns, *(["embedding"] if with_vectors else [])]
        found = {
            row["id"]: row
            for row in session.rows_with(
                "id", list(dict.fromkeys(names)), fields, session.alive
            )
        }
        unknown = sorted(set(names) - set(found))
        if unknown:
            message = f"{len(unknown)} ids are not in store {self.address!r}: {show_some(unknown)}"
            raise ValueError(message)
        rows = [found[name] for name in names]
        return _batch(rows, session.about, session.about.schema, with_vectors)


def decode_column(rows: Sequence[Row], schema: pa.Schema, name: str) -> Any:
    """Return one column of some rows."""
    one = pa.schema([schema.field(name)])
    renamed = field_name(one, name)
    own = field_name(schema, name)
    if renamed != own:
        rows = [
            {
                renamed: row[own],
                "nulls": [null.replace(own, renamed, 1) for null in row["nulls"]],
            }
            for row in rows
        ]
    return decode_rows(rows, one).column(0)


def _batch(
    rows: Sequence[Row], about: MilvusAbout, schema: pa.Schema, with_vectors: bool
) -> Batch:
    """Make a batch of rows, with the columns of a schema."""
    ids = np.empty(len(rows), dtype=object)
    ids[:] = [row["id"] for row in rows]
    vectors = np.zeros((len(rows), 0), dtype=np.float32)
    if with_vectors:
        vectors = vectors_of(rows, about.dimension)
    return Batch(ids, vectors, decode_rows(rows, schema))
