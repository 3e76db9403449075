"""What every store of vectors can do, wherever it lies, and opening one by its address.

A store is a folder (`indexer.VectorIndex`), a table of PostgreSQL or a collection of Milvus. What
they answer is the same; similarities are the same numbers, as every store scores
its answers by `indexer.vectors.cosine_similarities`.

Letters of shapes: Q queries, k neighbours, N items, I ids given, D dimensions.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.changes.change import Change
from indexer.changes.plan import NewRows
from indexer.files.problems import VerifyReport
from indexer.filters import Where
from indexer.remote.about import Options, as_fingerprints
from indexer.remote.address import Address, MilvusAddress, is_remote, read_address
from indexer.result import Batch, SearchResult

__all__ = ["VectorStore", "build_store", "open_store"]

Columns: TypeAlias = Mapping[str, Sequence[Any]] | None
"""Or a pyarrow.Table, or a data frame."""
Excluded: TypeAlias = Collection[str] | Sequence[Collection[str]] | None


class VectorStore(Protocol):
    """Vectors with ids and columns, searched by cosine similarity.

    Every change becomes visible in one step: whoever reads meanwhile sees the old
    state or the new one. No method needs all vectors in memory.
    """

    def __len__(self) -> int:
        """Count the items."""

    def __contains__(self, item_id: object) -> bool:
        """Whether there is an item of that id."""

    @property
    def address(self) -> str:
        """Where it lies, as `open_store` takes it; never with a password."""

    @property
    def generation(self) -> int:
        """Grows with every published change."""

    @property
    def dimension(self) -> int:
        """Length of each vector."""

    @property
    def fingerprints(self) -> dict[str, str]:
        """What the vectors were made with."""

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""

    def refresh(self) -> bool:
        """Move to the newest generation; say whether there was a newer one."""

    def refuse_mismatch(self, expect: Mapping[str, str] | None) -> None:
        """Refuse fingerprints that differ, by an `IndexMismatchError`."""

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

    def get(self, ids: Sequence[str], *, with_vectors: bool = True) -> Batch:
        """Give some items, in the order asked for; unknown ids are a ValueError."""

    def reconstruct(self, ids: Sequence[str]) -> npt.NDArray[np.float32]:
        """Give the unit vectors of some items: float32, shape (I, D)."""

    def batches(
        self,
        batch_size: int = 16_384,
        *,
        with_vectors: bool = True,
        columns: Collection[str] | None = None,
    ) -> Iterator[Batch]:
        """Give all items of one generation, in an order that stays."""

    def ids_beginning(self, start: str, most: int = 2) -> list[str]:
        """Give ids that begin with some text, at most so many."""

    def ids_where(self, where: Where) -> list[str]:
        """Give the ids of all items that a filter lets through."""

    def distinct(self, column: str) -> set[Any]:
        """Give the values of a column, those inside its lists too, each once; no null."""

    def has_values(self, column: str) -> bool:
        """Whether any item has a value in a column."""

    def replace(
        self,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        columns: Columns = None,
        *,
        fingerprints: Mapping[str, str] | None = None,
    ) -> None:
        """Replace everything by other items, in one step."""

    def apply(
        self,
        *,
        upsert: Batch | None = None,
        remove: Sequence[str] = (),
        fingerprints: Mapping[str, str] | None = None,
    ) -> Change:
        """Put items, remove others and change fingerprints, in one step."""

    def update_columns(
        self,
        ids: Sequence[str],
        columns: Any,
        *,
        fingerprints: Mapping[str, str] | None = None,
    ) -> Change:
        """Change columns of items, whose vectors stay as they are."""

    def rollback(self, to: int | None = None, *, dry_run: bool = False) -> Change:
        """Go back to an older generation; `IndexHistoryError` says what to do where none is kept."""

    def verify(self, *, n_sampled: int = 256) -> VerifyReport:
        """Check what is stored, and searches against exact ones."""

    def info(self) -> dict[str, Any]:
        """Say what it holds, as plain values that go into JSON."""


def open_store(
    address: str | Path, *, expect: Mapping[str, str] | None = None
) -> VectorStore:
    """Open a store by its address.

    Parameters
    ----------
    address : str or Path
        A folder, ``"postgresql://host/database?table=covers"`` or
        ``"milvus://host:19530/covers"``. A password comes from the environment only:
        ``PGPASSWORD`` (or ``~/.pgpass``), ``MILVUS_TOKEN``.
    expect : mapping of str to str, optional
        Fingerprints that it must have.

    Raises
    ------
    IndexNotFoundError
        If there is none.
    IndexMismatchError
        If a fingerprint differs, or a newer release made it.
    IndexReadError
        If the server cannot be reached.
    ValueError
        If the address is malformed, or holds a password.

    Examples
    --------
    >>> import numpy as np, tempfile, indexer
    >>> folder = tempfile.mkdtemp()
    >>> made = indexer.build_store(folder, ["a", "b"], np.eye(2), {"genre": ["Rock", "Pop"]})
    >>> store = indexer.open_store(folder)
    >>> store.search(np.array([1, 0.5]), k=1).hits().columns.to_pydict()
    {'genre': ['Rock']}
    """
    if is_remote(address):
        where = read_address(str(address))
        store: VectorStore = _engine(where).open(where)
    else:
        from indexer.index import VectorIndex

        store = VectorIndex.open(address)
    store.refuse_mismatch(expect)
    return store


def build_store(
    address: str | Path,
    ids: Sequence[str],
    vectors: npt.ArrayLike,
    columns: Columns = None,
    *,
    fingerprints: Mapping[str, str] | None = None,
    **options: Any,
) -> VectorStore:
    """Make a store, or replace the content of one; see `VectorIndex.build`.

    Parameters
    ----------
    address : str or Path
        As `open_store` takes it.
    ids, vectors, columns, fingerprints
        As `VectorIndex.build` takes them.
    **options
        Of a folder: those of `VectorIndex.build`; of a server: ``structure``
        (``"auto"`` or ``"exact"``) and ``target_recall``.
    """
    if is_remote(address):
        where = read_address(str(address))
        new = NewRows.check(ids, vectors, columns)
        built: VectorStore = _engine(where).build(
            where, new, as_fingerprints(fingerprints), Options(**options)
        )
        return built
    from indexer.index import VectorIndex

    made: VectorStore = VectorIndex.build(
        address, ids, vectors, columns, fingerprints=fingerprints, **options
    )
    return made


def _engine(where: Address) -> Any:
    """Return the class of stores that an address means."""
    if isinstance(where, MilvusAddress):
        from indexer.remote.milvus.store import MilvusStore

        return MilvusStore
    from indexer.remote.postgres.store import PostgresStore

    return PostgresStore
