"""A Lance table: vectors, pictures and everything that is known, for LanceDB and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from covers.exports.table.cover_table import PROBABILITIES
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from covers.exports.table.cover_table import CoverTable


def write_lance(covers: CoverTable, out: Path) -> None:
    """Write a row per cover, with ``probabilities``, ``embedding`` (fixed-size list) and ``picture`` (large binary)."""
    import lance

    width = int(covers.vectors.shape[1])
    schema = pa.schema(
        [
            *covers.rows.schema,
            ("probabilities", PROBABILITIES),
            ("embedding", pa.list_(pa.float32(), width)),
            ("picture", pa.large_binary()),
        ]
    )
    reader = pa.RecordBatchReader.from_batches(schema, _batches(covers, schema))
    lance.write_dataset(reader, str(out), schema=schema)


def _batches(covers: CoverTable, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for part in covers.batches():
        pictures = [part.picture(row) for row in range(len(part))]
        table = part.rows.append_column("probabilities", part.probability_column())
        table = table.append_column("embedding", part.embedding_column())
        table = table.append_column("picture", make_array(pictures, pa.large_binary()))
        yield from table.cast(schema).combine_chunks().to_batches()
