"""Parquet artefacts some thousand rows at a time: those that would fill the memory."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from covers.workspace.artefacts import METADATA_KEY, Stamp, check_stamp, opened_table
from covers.workspace.disk.publish import publish
from covers.workspace.disk.strangers import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_ROWS_AT_ONCE = 1 << 14
_BYTES_AT_ONCE = 1 << 20


def read_batches(
    path: Path, kind: str, repair: str, columns: Sequence[str] | None = None
) -> Iterator[Any]:
    """Yield a parquet artefact, or some columns of it, as ``pyarrow.RecordBatch``; see `read_table`."""
    with opened_table(path, kind, repair, buffer_size=_BYTES_AT_ONCE) as file:
        found = parse_json((file.metadata.metadata or {}).get(METADATA_KEY, b"{}"))
        check_stamp(found, path, kind, repair)
        for group in range(file.num_row_groups):  # of all, it would read far ahead
            for batch in file.iter_batches(_ROWS_AT_ONCE, [group], columns):
                batch.validate(full=True)
                yield batch


def write_batches(
    path: Path, schema: Any, batches: Iterable[Any], stamp: Stamp
) -> None:
    """Publish batches of rows with their `stamp` as a parquet file; see `write_table`."""
    import pyarrow.parquet as pq

    metadata = {METADATA_KEY: json.dumps(asdict(stamp)).encode()}
    stamped = schema.with_metadata(metadata)
    with (
        publish(path, "wb") as file,
        pq.ParquetWriter(file, stamped, compression="zstd") as writer,
    ):
        for batch in batches:
            stamped_batch = batch.replace_schema_metadata(metadata)
            writer.write_batch(stamped_batch, row_group_size=_ROWS_AT_ONCE)
