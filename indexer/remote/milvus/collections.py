"""Collections of a Milvus server: making them, filling them, and the writer's lock."""

import os
import socket
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice

import pyarrow as pa

from indexer.errors import IndexBusyError, IndexReadError, IndexWriteError
from indexer.remote.milvus.client import Client, CollectionGoneError
from indexer.remote.milvus.fields import LONGEST_LIST, LONGEST_TEXT, Row, list_fields

__all__ = [
    "GROWING",
    "drop",
    "hold_lock",
    "insert_rows",
    "make_collection",
    "make_lists",
    "wait_until_searchable",
]

GROWING = 4000
"""From more unsealed rows the server makes lists of its own, which lose neighbours."""
_BLOCK_BYTES = 8 << 20
_LISTS_PER_ROOT, _MOST_LISTS = 4, 16_384
_WAIT_S = 0.25
_FEWEST_INDEXED = 1024  # the server's minSegmentNumRowsToEnableIndex
_SEARCHABLE_TIMEOUT_S = 180.0
_held = set[str]()
"""Locks that this process holds or waits for."""


def make_collection(
    client: Client, name: str, dimension: int, schema: pa.Schema, description: str = ""
) -> None:
    """Make an empty collection that holds the columns of a schema."""
    from pymilvus import DataType, MilvusClient

    made = MilvusClient.create_schema(
        auto_id=False, enable_dynamic_field=False, description=description
    )
    text = {"datatype": DataType.VARCHAR, "max_length": LONGEST_TEXT}
    array = {"datatype": DataType.ARRAY, "max_capacity": LONGEST_LIST}
    made.add_field("place", DataType.INT64, is_primary=True)
    made.add_field("id", **text)
    made.add_field("embedding", DataType.FLOAT_VECTOR, dim=dimension)
    made.add_field("born", DataType.INT64)
    made.add_field("died", DataType.INT64)
    made.add_field(
        "nulls", **array, element_type=DataType.VARCHAR, max_length=LONGEST_TEXT
    )
    for field, kind, is_list in list_fields(schema):
        plain = DataType[kind]
        longest = {"max_length": LONGEST_TEXT} if kind == "VARCHAR" else {}
        if is_list:
            made.add_field(field, **array, element_type=plain, **longest)
        else:
            made.add_field(field, plain, **longest)
    # One channel, so that whoever sees a row sees all that was written before it.
    client.write(
        "create_collection",
        name,
        schema=made,
        num_shards=1,
        consistency_level="Eventually",
    )


def insert_rows(client: Client, method: str, name: str, rows: Iterable[Row]) -> int:
    """Write rows by ``insert`` or ``upsert``, some at a time; return how many."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return 0
    n_block = max(1, min(4096, _BLOCK_BYTES // (4 * len(first["embedding"]) + 1024)))
    n_rows, block = 0, [first, *islice(rows, n_block - 1)]
    tries = {"retry_times": 1} if method == "insert" else {}
    while block:
        client.write(method, name, block, **tries)
        n_rows += len(block)
        block = list(islice(rows, n_block))
    return n_rows


def make_lists(client: Client, name: str, n_rows: int) -> None:
    """Let the server part the vectors of a collection into lists (IVF)."""
    from pymilvus import MilvusClient

    n_lists = int(min(_MOST_LISTS, max(16, _LISTS_PER_ROOT * n_rows**0.5)))
    lists = MilvusClient.prepare_index_params()
    lists.add_index(
        "embedding",
        index_type="IVF_FLAT",
        metric_type="IP",
        params={"nlist": n_lists},
    )
    client.write("create_index", name, lists)


def wait_until_searchable(client: Client, name: str) -> bool:
    """Wait until the server searches in files of all that was written.

    Returns
    -------
    bool
        Whether that was so within some minutes.
    """
    client.write("flush", name)
    until = time.monotonic() + _SEARCHABLE_TIMEOUT_S
    while time.monotonic() < until:
        made = client.read("list_persistent_segments", name)
        wanted = {one.segment_id for one in made if one.num_rows}
        loaded = {
            one.segment_id
            for one in client.read("list_loaded_segments", name)
            if "Sealed" in str(one.state)
            and (one.index_name or one.num_rows < _FEWEST_INDEXED)
        }
        if wanted <= loaded:
            return True
        time.sleep(_WAIT_S)
    return False


@contextmanager
def hold_lock(client: Client, timeout_s: float) -> Iterator[None]:
    """Hold the writer's lock of a store: a collection that only one can make.

    A lock of a process of this machine that is gone is taken over.

    Raises
    ------
    IndexBusyError
        If somebody else holds it all the time.
    """
    name = f"{client.address.collection}_writing"
    own = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4()}"
    _held.add(own)
    try:
        _take_lock(client, name, own, timeout_s)
        yield
    finally:
        _held.discard(own)
        with suppress(IndexWriteError, IndexReadError):
            if _holder(client, name) == own:
                client.write("drop_collection", name)


def _take_lock(client: Client, name: str, own: str, timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while not _make_lock(client, name, own):
        holder = _holder(client, name)
        if holder and _is_gone(holder) and _holder(client, name) == holder:
            client.write("drop_collection", name)
        elif time.monotonic() > until:
            message = (
                f"another process ({' '.join(holder.split()[:2]) or 'unknown'}) keeps writing to store "
                f"{str(client.address)!r}: wait until it is done, and try again; if it is gone for "
                f"good, drop the collection {name!r}"
            )
            raise IndexBusyError(message)
        else:
            time.sleep(0.05)


def _make_lock(client: Client, name: str, own: str) -> bool:
    try:
        make_collection(client, name, 2, pa.schema([]), own)
    except IndexWriteError as error:
        if "duplicate" not in str(error):
            raise  # a duplicate may be our own, made by a try whose answer was lost
    return _holder(client, name) == own


def _holder(client: Client, name: str) -> str:
    try:
        return str(client.read("describe_collection", name)["description"])
    except CollectionGoneError:
        return ""


def _is_gone(holder: str) -> bool:
    """Whether the holder is a process of this machine that has ended."""
    host, process, *_ = [*holder.split(), "", ""]
    if host != socket.gethostname() or not process.isdigit() or os.name == "nt":
        return False
    if int(process) == os.getpid():
        return holder not in _held  # what was left when the server went
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def drop(client: Client, *names: str) -> None:
    """Drop collections, where they are there."""
    for name in names:
        if name:
            with suppress(CollectionGoneError):
                client.write("drop_collection", name)
