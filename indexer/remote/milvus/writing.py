"""Changes to a store on Milvus, each seen in one step.

A writer puts rows that are born in the next generation, and lets others die in it;
nobody sees either until the row that says which generation is current is put. What
a writer left that was killed before that, the next one takes away.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from indexer.changes.plan import NewRows
from indexer.errors import IndexMismatchError
from indexer.files.columns import align_table, merge_schemas
from indexer.remote.about import Structure
from indexer.remote.milvus.about import (
    ALWAYS,
    MilvusAbout,
    now,
    publish_about,
    read_about,
    read_about_of,
)
from indexer.remote.milvus.checking import measure_lists
from indexer.remote.milvus.client import Client
from indexer.remote.milvus.collections import (
    GROWING,
    drop,
    insert_rows,
    make_collection,
    make_lists,
    wait_until_searchable,
)
from indexer.remote.milvus.fields import Row, encode_table, list_fields
from indexer.remote.milvus.searching import Session
from indexer.remote.remote_store import (
    Applied,
    Counts,
    refuse_put_and_removed,
    show_some,
)
from indexer.vectors import iterate_unit_rows

__all__ = ["apply_change", "begin", "put_columns", "replace_collection", "write_change"]

_BLOCK_ROWS = 4096
_FIELDS = ["place", "id", "embedding", "born", "died"]


@dataclass(frozen=True)
class Written:
    """Rows that a change adds, without positions and generations, and rows that it removes."""

    new: Sequence[Row]
    dying: Sequence[Row]
    about: MilvusAbout


def begin(client: Client) -> Session:
    """Look at the newest generation, and take away what a killed writer left."""
    about = read_about(client, is_newest=True)
    session, now_ = Session(client, about), about.generation
    left = f"place >= 0 and (born > {now_} or (died > {now_} and died < {ALWAYS}))"
    if session.count(left):
        client.write("delete", about.collection, filter=f"place >= 0 and born > {now_}")
        fields = [*_FIELDS[1:], *session.columns]
        marked = f"born <= {now_} and died > {now_} and died < {ALWAYS}"
        for page in session.scan(marked, fields):
            rows = [{**row, "died": ALWAYS} for row in page]
            insert_rows(client, "upsert", about.collection, rows)
    if about.is_catching_up:
        about = _caught_up(client, replace(about, n_growing=GROWING + 1))
        publish_about(client, about)
        session = Session(client, about)
    return session


def replace_collection(
    client: Client,
    new: NewRows,
    fingerprints: Mapping[str, str],
    structure: Structure,
) -> MilvusAbout:
    """Fill a new collection, and let the alias mean that one.

    Raises
    ------
    IndexMismatchError
        If there is a collection of that name that is no store.
    """
    schema = new.columns.schema.remove_metadata()
    before = _current(client)
    generation = before.generation + 1 if before else 1
    about = MilvusAbout(
        generation=generation,
        dimension=new.vectors.shape[1],
        n_items=len(new.ids),
        schema=schema,
        fingerprints=dict(fingerprints),
        structure=replace(structure, has_graph=False),
        changed=now(),
        collection=f"{client.address.collection}_g{generation}",
        next_position=0,
        before=before.collection if before else "",
    )
    list_fields(schema)  # refuses types before anything is made
    rows = (
        {**row, "born": generation, "died": ALWAYS, "place": position}
        for position, row in enumerate(_items(new, schema))
    )
    about = _fill(client, about, rows)
    about = measure_lists(client, about)
    publish_about(client, about)
    swing(client, about, before)
    return about


def swing(client: Client, about: MilvusAbout, before: MilvusAbout | None) -> None:
    """Point the alias to another collection; the one before is kept, and the one before that dropped."""
    alias = client.address.collection
    if before is None:
        client.write("create_alias", about.collection, alias)
        return
    client.write("alter_alias", about.collection, alias)
    if before.before != about.collection:
        drop(client, before.before)
    client.write("release_collection", before.collection)


def apply_change(session: Session, change: Applied) -> Counts:
    """Put items over those of the same ids, and remove others.

    Raises
    ------
    ValueError
        Names ids that are to be removed and are not there, or are to be put, too.
    """
    about = session.about
    refuse_put_and_removed(change)
    ids = change.new.ids if change.new else []
    fields = [*_FIELDS, *session.columns]
    wanted = [*change.remove, *ids]
    old = {
        row["id"]: row for row in session.rows_with("id", wanted, fields, session.alive)
    }
    _refuse_unknown(session, change.remove, old)
    items = list[Row]()
    if change.new is not None:
        schema = merge_schemas(about.schema, change.new.columns.schema)
        items = [
            _over(old.get(row["id"]), row, schema) for row in _items(change.new, schema)
        ]
        about = replace(about, schema=schema)
    n_updated = sum(one in old for one in ids)
    about = about.following(
        n_items=about.n_items + len(ids) - n_updated - len(change.remove),
        fingerprints={**about.fingerprints, **change.fingerprints},
    )
    about = write_change(session, Written(items, list(old.values()), about))
    return Counts(
        about=about,
        added=len(ids) - n_updated,
        updated=n_updated,
        removed=len(change.remove),
    )


def put_columns(
    session: Session,
    ids: Sequence[str],
    given: pa.Table,
    fingerprints: Mapping[str, str],
) -> Counts:
    """Change columns of items, whose vectors stay.

    Raises
    ------
    ValueError
        Names ids that are not there.
    """
    about = session.about
    fields = [*_FIELDS, *session.columns]
    old = {
        row["id"]: row for row in session.rows_with("id", ids, fields, session.alive)
    }
    _refuse_unknown(session, ids, old)
    schema = merge_schemas(about.schema, given.schema)
    part = pa.schema([schema.field(name) for name in given.column_names])
    coded = encode_table(align_table(given, part), schema)
    items = [_over(old[one], row, schema) for one, row in zip(ids, coded, strict=True)]
    about = replace(about, schema=schema).following(
        fingerprints={**about.fingerprints, **fingerprints}
    )
    about = write_change(session, Written(items, list(old.values()), about))
    return Counts(about=about, updated=len(ids))


def write_change(session: Session, change: Written) -> MilvusAbout:
    """Write the next generation, and publish it."""
    client, about, before = session.client, change.about, session.about
    is_wider = list_fields(about.schema) != list_fields(before.schema)
    if is_wider:
        about, dying = _copied(session, change), list[Row]()
    else:
        dying = [{**row, "died": about.generation} for row in change.dying]
    born = (
        {
            **row,
            "born": about.generation,
            "died": ALWAYS,
            "place": about.next_position + n,
        }
        for n, row in enumerate(change.new)
    )
    n_growing = about.n_growing + len(change.new) + len(dying)
    if n_growing > GROWING and not is_wider:
        publish_about(client, replace(before, is_catching_up=True))
    insert_rows(client, "upsert", about.collection, born)
    insert_rows(client, "upsert", about.collection, dying)
    about = replace(
        about, next_position=about.next_position + len(change.new), n_growing=n_growing
    )
    about = _caught_up(client, about)
    if not about.structure.has_graph:
        about = measure_lists(client, about)
    publish_about(client, about)
    if is_wider:
        swing(client, about, before)
    elif about.oldest > before.oldest:
        gone = f"place >= 0 and died <= {about.oldest}"
        client.write("delete", about.collection, filter=gone)
    return about


def _caught_up(client: Client, about: MilvusAbout) -> MilvusAbout:
    """Wait until the server searches in files of what was written, where it is much."""
    if about.n_growing <= GROWING:
        return replace(about, is_catching_up=False)
    is_done = wait_until_searchable(client, about.collection)
    n_growing = 0 if is_done else about.n_growing
    return replace(about, n_growing=n_growing, is_catching_up=not is_done)


def _copied(session: Session, change: Written) -> MilvusAbout:
    """Copy what stays into a collection with more columns, as fields cannot be added."""
    about, gone = change.about, {row["place"] for row in change.dying}
    about = replace(
        about,
        collection=f"{session.client.address.collection}_g{about.generation}",
        next_position=0,
        pasts=(),
        before=session.about.collection,
    )

    def rows() -> Iterator[Row]:
        position = 0
        for page in session.pages("", [*_FIELDS[1:], *session.columns]):
            for row in page:
                if row["place"] not in gone:
                    more = {"born": about.generation, "place": position}
                    yield {**_over(None, row, about.schema), **more}
                    position += 1

    return _fill(session.client, about, rows())


def _fill(client: Client, about: MilvusAbout, rows: Iterator[Row]) -> MilvusAbout:
    """Make a collection of rows, ready to be searched."""
    name = about.collection
    drop(client, name)  # what a killed writer left
    make_collection(client, name, about.dimension, about.schema)
    n_rows = insert_rows(client, "insert", name, rows)
    is_large = n_rows > GROWING
    if is_large:
        client.write("flush", name)
    make_lists(client, name, n_rows)
    client.load(name)
    return replace(about, next_position=n_rows, n_growing=0 if is_large else n_rows)


def _current(client: Client) -> MilvusAbout | None:
    """Return what is current; refuse a collection that is no store."""
    alias = client.address.collection
    real = client.real_name(alias)
    if real is None:
        return None
    if real == alias or not real.startswith(f"{alias}_g"):
        message = f"{str(client.address)!r} names a collection that is no store of vectors: give another name"
        raise IndexMismatchError(message)
    client.load(real)
    return read_about_of(client, real)


def _items(new: NewRows, schema: pa.Schema) -> Iterator[Row]:
    """Give new rows as fields, scaled to length one, a block at a time."""
    part = pa.schema([schema.field(name) for name in new.columns.column_names])
    columns = align_table(new.columns, part)
    for start in range(0, len(new.ids), _BLOCK_ROWS):
        some = slice(start, start + _BLOCK_ROWS)
        (scaled,) = iterate_unit_rows(new.vectors[some])
        block: Iterable[Row] = ({"nulls": []} for _ in new.ids[some])
        if columns.num_columns:  # a slice of none forgets how many rows it has
            block = encode_table(columns.slice(start, _BLOCK_ROWS), schema)
        for one, vector, row in zip(new.ids[some], scaled, block, strict=True):
            yield {"id": one, "embedding": np.asarray(vector, np.float32), **row}


def _over(old: Row | None, given: Row, schema: pa.Schema) -> Row:
    """Put the fields that are given over those of the row before; what neither has is null."""
    old = old or {"nulls": []}
    kept = [one for one in old["nulls"] if one.partition("[")[0] not in given]
    row: dict[str, Any] = {**old, **given, "nulls": [*kept, *given["nulls"]]}
    for name, kind, is_list in list_fields(schema):
        if name not in row:
            empty = {"VARCHAR": "", "INT64": 0, "DOUBLE": 0.0, "BOOL": False}
            row[name] = [] if is_list else empty[kind]
            row["nulls"].append(name)
    return row


def _refuse_unknown(
    session: Session, ids: Sequence[str], known: Mapping[str, Row]
) -> None:
    unknown = [one for one in ids if one not in known]
    if unknown:
        message = f"{len(unknown)} ids are not in store {str(session.client.address)!r}: {show_some(unknown)}"
        raise ValueError(message)
