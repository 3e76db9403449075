"""Parquet of covers, written in parts and read by other programs; shared by several targets."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from covers.workspace.artefacts import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pyarrow as pa

KIND = "export"


def write_parquet(
    out: Path,
    tables: Iterable[pa.Table],
    *,
    target: str,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tables of one schema below each other.

    Parameters
    ----------
    out : Path
    tables : iterable of pyarrow.Table
        At least one; a row group each.
    target : str
        Goes into the stamp, by which the file is known again.
    metadata : mapping, optional
        Of the schema, for the program that reads it.
    """
    import pyarrow.parquet as pq

    stamp = Stamp(kind=KIND, parameters={"target": target})
    notes = {**(metadata or {}), "covers": json.dumps(asdict(stamp))}
    writer = None
    try:
        for table in tables:
            marked = table.replace_schema_metadata(notes)
            if writer is None:
                writer = pq.ParquetWriter(out, marked.schema, compression="zstd")
            writer.write_table(marked)
    finally:
        if writer is not None:
            writer.close()


def is_parquet_of(out: Path, target: str) -> bool:
    """Say whether a file was written by `write_parquet` for a target, whatever its name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from covers.workspace.disk.strangers import open_regular, parse_json

    try:
        with open_regular(out) as file:
            metadata = pq.read_schema(file).metadata or {}
        stamp = parse_json(metadata[b"covers"])
        return bool(stamp["kind"] == KIND and stamp["parameters"]["target"] == target)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return False
