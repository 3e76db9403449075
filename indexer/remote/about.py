"""What a store on PostgreSQL says of itself: one row of a small table beside its own.

::

    covers          place, id, embedding, then the columns: one row per item
    covers_about    generation, dimension, columns, fingerprints, structure: one row
"""

from dataclasses import dataclass, field, replace
from typing import Any, Self

import pyarrow as pa

from indexer.errors import IndexMismatchError, IndexNotFoundError
from indexer.files.columns import decode_schema, encode_schema
from indexer.remote.address import Address

__all__ = ["About", "Structure", "names_of", "read_about", "write_about"]

FORMAT = 1
EXACT_UP_TO = 65_000
"""So many matches are searched exactly; above it a structure proposes."""


@dataclass(frozen=True)
class Structure:
    """How a store is searched.

    Attributes
    ----------
    kind : {"auto", "exact"}
        What was asked for: a graph (HNSW) where there are many items, or none.
    exact_up_to : int
        Up to so many matches every one is compared.
    target_recall : float
        Share of the true ten nearest that searches by the graph must find.
    has_graph : bool
        Whether there is a graph.
    effort : int
        ``hnsw.ef_search`` that reaches the recall.
    recall_at_k, recall_low : float
        As it was measured when the graph was built; 1 where there is none.
    """

    kind: str = "auto"
    exact_up_to: int = EXACT_UP_TO
    target_recall: float = 0.99
    has_graph: bool = False
    effort: int = 80
    recall_at_k: float = 1.0
    recall_low: float = 1.0


@dataclass(frozen=True, kw_only=True)
class About:
    """What one generation of a store holds.

    Attributes
    ----------
    generation, dimension, n_items : int
    schema : pyarrow.Schema
        Of the columns.
    fingerprints : dict of str to str
    structure : Structure
    changed : str
        When, in ISO 8601.
    """

    generation: int
    dimension: int
    n_items: int
    schema: pa.Schema
    fingerprints: dict[str, str] = field(default_factory=dict)
    structure: Structure = Structure()
    changed: str = ""

    def with_changes(self, **changes: Any) -> Self:
        """Return the next generation with some values changed."""
        return replace(self, generation=self.generation + 1, **changes)


@dataclass(frozen=True)
class Names:
    """Quoted names of the tables of a store, as `psycopg.sql` objects."""

    table: Any
    about: Any
    new: Any


def names_of(address: Address) -> Names:
    """Return the names of the tables that an address means."""
    from psycopg import sql

    def name(suffix: str = "") -> Any:
        parts = [address.schema] if address.schema else []
        return sql.Identifier(*parts, address.table + suffix)

    return Names(name(), name("_about"), name("_new"))


_CREATE = """
CREATE TABLE IF NOT EXISTS {} (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  format integer NOT NULL,
  generation bigint NOT NULL,
  dimension integer NOT NULL,
  n_items bigint NOT NULL,
  columns text NOT NULL,
  fingerprints jsonb NOT NULL,
  structure jsonb NOT NULL,
  changed timestamptz NOT NULL DEFAULT now()
)
"""
_READ = """
SELECT format, generation, dimension, n_items, columns, fingerprints, structure, changed
FROM {}
"""
_WRITE = """
INSERT INTO {} (format, generation, dimension, n_items, columns, fingerprints, structure)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (only_row) DO UPDATE SET
  format = excluded.format, generation = excluded.generation,
  dimension = excluded.dimension, n_items = excluded.n_items,
  columns = excluded.columns, fingerprints = excluded.fingerprints,
  structure = excluded.structure, changed = now()
"""


def create_about(connection: Any, address: Address) -> None:
    """Make the small table where there is none."""
    from psycopg import sql

    connection.execute(sql.SQL(_CREATE).format(names_of(address).about))


def read_about(connection: Any, address: Address) -> About:
    """Read what the current generation holds.

    Raises
    ------
    IndexNotFoundError
        If nothing was ever published.
    IndexMismatchError
        If a newer release wrote it.
    """
    from psycopg import sql

    query = sql.SQL(_READ).format(names_of(address).about)
    row = connection.execute(query).fetchone()
    if row is None:
        message = f"no index in {str(address)!r}: build one"
        raise IndexNotFoundError(message)
    if row[0] != FORMAT:
        message = f"store {str(address)!r} has format {row[0]}, this release reads {FORMAT}: use the release that wrote it"
        raise IndexMismatchError(message)
    return About(
        generation=row[1],
        dimension=row[2],
        n_items=row[3],
        schema=decode_schema(row[4]),
        fingerprints={str(k): str(v) for k, v in row[5].items()},
        structure=Structure(**row[6]),
        changed=row[7].isoformat(),
    )


def write_about(connection: Any, address: Address, about: About) -> None:
    """Publish a generation, within the transaction that made it."""
    from dataclasses import asdict

    from psycopg import sql
    from psycopg.types.json import Jsonb

    connection.execute(
        sql.SQL(_WRITE).format(names_of(address).about),
        (
            FORMAT,
            about.generation,
            about.dimension,
            about.n_items,
            encode_schema(about.schema),
            Jsonb(about.fingerprints),
            Jsonb(asdict(about.structure)),
        ),
    )
