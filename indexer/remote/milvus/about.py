"""What a store on Milvus says of itself: one row of the collection that it describes.

::

    covers       an alias of the collection that is current
    covers_g7    place, id, embedding, born, died, nulls, then the columns: one row
                 per item, and one at place -1, whose id says all this
    covers_writing   there while somebody writes

An item that changes gets a new row. Rows say in which generation they were born and
died, so a generation is the rows with ``born <= generation < died``: what a writer
has not published is not seen, and older generations stay for a while.
"""

import json
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np

from indexer.errors import IndexDamagedError
from indexer.files.columns import decode_schema, encode_schema
from indexer.remote.about import FORMAT, About, Structure, refuse_other_format
from indexer.remote.milvus.client import Client, CollectionGoneError, no_index
from indexer.remote.milvus.fields import LONGEST_TEXT, Row, list_fields

__all__ = ["ALWAYS", "KEPT", "MilvusAbout", "Past", "publish_about", "read_about"]

ALWAYS = 2**62
"""When a row dies that nobody removed."""
KEPT = 3
"""So many older generations stay readable."""
_NAMES_BEFORE = {"next_place": "next_position", "is_settling": "is_catching_up"}
"""What earlier stores call things, and their names of today."""
_ABOUT_POSITION = -1
_N_LOOKS = 20
_N_MISSING = 3
_PAUSE_S = 0.1


@dataclass(frozen=True)
class Past:
    """An older generation that can be gone back to."""

    generation: int
    n_items: int
    fingerprints: dict[str, str]
    changed: str


@dataclass(frozen=True, kw_only=True)
class MilvusAbout(About):
    """What one generation of a store holds, and what its writer has to know.

    Attributes
    ----------
    collection : str
    next_position : int
        The position that a new row gets.
    n_growing : int
        Rows written since the server last made files of them.
    pasts : tuple of Past
        Older generations within the collection, oldest first.
    before : str
        The collection that was current before this one was built; or empty.
    is_catching_up : bool
        Whether so much is being written that the server searches in lists of its own
        for a while, which lose neighbours.
    """

    collection: str
    next_position: int
    n_growing: int = 0
    pasts: tuple[Past, ...] = ()
    before: str = ""
    is_catching_up: bool = False

    @property
    def oldest(self) -> int:
        """The oldest generation whose rows are still there."""
        return self.pasts[0].generation if self.pasts else self.generation

    def following(self, **changes: Any) -> Self:
        """Return the next generation, with some values changed."""
        past = Past(self.generation, self.n_items, self.fingerprints, self.changed)
        return replace(
            self,
            generation=self.generation + 1,
            pasts=(*self.pasts, past)[-KEPT:],
            changed=now(),
            **changes,
        )


def now() -> str:
    """Return the time in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read_about(client: Client, *, is_newest: bool, at_least: int = 0) -> MilvusAbout:
    """Read what the current generation holds.

    Parameters
    ----------
    client : Client
    is_newest : bool
        Wait until the server knows all that was ever published; else it may be some
        tenths of a second behind.
    at_least : int, default=0
        A generation that is known; where the server is behind it, it is waited for.

    Raises
    ------
    IndexNotFoundError
        If nothing was ever published.
    IndexMismatchError, IndexDamagedError
        If a newer release wrote it, or it cannot be understood.
    """
    alias = client.address.collection
    n_missing, gone = 0, None
    for _ in range(_N_LOOKS):
        try:
            about = None if is_newest else _look(client, alias, "Eventually")
            if about is None or about.generation < at_least:
                about = _look(client, alias, "Strong")
            if about is not None:
                return about
        except CollectionGoneError as error:
            gone = error
            if client.real_name(alias) is not None:
                client.load(
                    alias
                )  # after a start of the server, or a swing of the alias
                continue
        n_missing += 1
        if n_missing == _N_MISSING:
            break
        time.sleep(_PAUSE_S)
    if n_missing < _N_MISSING and gone is not None:
        raise gone
    raise no_index(client.address)


def read_about_of(client: Client, collection: str) -> MilvusAbout | None:
    """Read what a collection says of itself, current or not."""
    return _look(client, collection, "Strong")


def _look(client: Client, name: str, level: str) -> MilvusAbout | None:
    rows = client.read(
        "query",
        name,
        filter=f"place == {_ABOUT_POSITION}",
        output_fields=["id"],
        consistency_level=level,
    )
    return understand_about(client, rows[0]["id"]) if rows else None


def understand_about(client: Client, text: str) -> MilvusAbout:
    """Parse what a store said of itself, in names of today or those before.

    Raises
    ------
    IndexMismatchError, IndexDamagedError
        If a newer release wrote it, or it cannot be understood.
    """
    try:
        given = json.loads(text)
        refuse_other_format(client.address, given.pop("format"))
        given["schema"] = decode_schema(given["schema"])
        given["structure"] = Structure(**given["structure"])
        given["pasts"] = tuple(Past(**past) for past in given["pasts"])
        named = {_NAMES_BEFORE.get(name, name): value for name, value in given.items()}
        return MilvusAbout(**named)
    except (ValueError, TypeError, KeyError, OSError) as error:
        message = f"store {str(client.address)!r} is damaged: what it says of itself cannot be understood ({error}); build the index again"
        raise IndexDamagedError(message) from error


def publish_about(client: Client, about: MilvusAbout) -> None:
    """Publish a generation of a collection.

    Raises
    ------
    ValueError
        If it says more than fits.
    """
    given = {field: getattr(about, field) for field in about.__dataclass_fields__}
    given["schema"] = encode_schema(about.schema)
    given["structure"] = asdict(about.structure)
    given["pasts"] = [asdict(past) for past in about.pasts]
    text = json.dumps({"format": FORMAT, **given})
    if len(text.encode()) > LONGEST_TEXT:
        message = f"columns and fingerprints take {len(text.encode()):,} bytes to name, a store on Milvus keeps {LONGEST_TEXT:,}: have fewer columns"
        raise ValueError(message)
    client.write("upsert", about.collection, [{**_empty_row(about), "id": text}])


def _empty_row(about: MilvusAbout) -> Row:
    vector = np.zeros(about.dimension, np.float32)
    vector[0] = 1
    empty = {"VARCHAR": "", "INT64": 0, "DOUBLE": 0.0, "BOOL": False}
    columns = {
        name: [] if is_list else empty[kind]
        for name, kind, is_list in list_fields(about.schema)
    }
    return {
        "place": _ABOUT_POSITION,
        "embedding": vector,
        "born": ALWAYS,
        "died": ALWAYS,
        "nulls": [],
        **columns,
    }
