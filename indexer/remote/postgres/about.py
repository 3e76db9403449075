"""What a store on PostgreSQL says of itself: one row of a small table beside its own.

::

    covers          place, id, embedding, then the columns: one row per item
    covers_about    generation, dimension, columns, fingerprints, structure: one row
"""

from dataclasses import asdict, dataclass
from typing import Any

from indexer.errors import IndexDamagedError, IndexNotFoundError
from indexer.files.columns import decode_schema, encode_schema
from indexer.remote.about import FORMAT, About, Structure, refuse_other_format
from indexer.remote.address import PostgresAddress

__all__ = ["Names", "create_about", "names_of", "read_about", "write_about"]


@dataclass(frozen=True)
class Names:
    """Quoted names of the tables of a store, as `psycopg.sql` objects."""

    table: Any
    about: Any


def names_of(address: PostgresAddress) -> Names:
    """Return the names of the tables that an address means."""
    from psycopg import sql

    def name(suffix: str = "") -> Any:
        parts = [address.schema] if address.schema else []
        return sql.Identifier(*parts, address.table + suffix)

    return Names(name(), name("_about"))


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


def create_about(connection: Any, address: PostgresAddress) -> None:
    """Make the small table where there is none."""
    from psycopg import sql

    connection.execute(sql.SQL(_CREATE).format(names_of(address).about))


def read_about(connection: Any, address: PostgresAddress) -> About:
    """Read what the current generation holds.

    Raises
    ------
    IndexNotFoundError
        If nothing was ever published.
    IndexMismatchError
        If a newer release wrote it.
    IndexDamagedError
        If somebody else wrote to it.
    """
    from psycopg import sql

    query = sql.SQL(_READ).format(names_of(address).about)
    row = connection.execute(query).fetchone()
    if row is None:
        message = f"no index in {str(address)!r}: build one"
        raise IndexNotFoundError(message)
    refuse_other_format(address, row[0])
    try:
        return About(
            generation=row[1],
            dimension=row[2],
            n_items=row[3],
            schema=decode_schema(row[4]),
            fingerprints={str(k): str(v) for k, v in row[5].items()},
            structure=Structure(**row[6]),
            changed=row[7].isoformat(),
        )
    except (AttributeError, TypeError, ValueError, OSError) as error:
        message = f"what store {str(address)!r} says of itself cannot be read ({error}): somebody else wrote to it; build it again"
        raise IndexDamagedError(message) from error


def write_about(connection: Any, address: PostgresAddress, about: About) -> None:
    """Publish a generation, within the transaction that made it."""
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
