"""Parquet for Embedding Atlas, which shows the map in a browser with pictures and neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from covers.exports.parquet import is_parquet_of, write_parquet
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from covers.exports.table.cover_table import CoverTable

_NEIGHBOURS = pa.struct(
    [("ids", pa.list_(pa.int64())), ("distances", pa.list_(pa.float64()))]
)
# Atlas draws a chart for each column, in this order.
_ORDER = (
    "genres",
    "prediction",
    "certainty",
    "named",
    "prediction_set",
    "verdict",
    "cluster",
    "year",
    "split",
    "title",
    "artist",
    "album",
    "image",
    "x",
    "y",
    "neighbors",
    "path",
    "cover_id",
)


def is_own(out: Path) -> bool:
    """Say whether a file is such a table."""
    return is_parquet_of(out, "atlas")


def write_atlas(covers: CoverTable, out: Path) -> None:
    """Write a row per cover: ``x``, ``y``, ``neighbors`` (rows from 0, cosine distances), ``image``."""
    write_parquet(out, _tables(covers), target="atlas")


def _tables(covers: CoverTable) -> Iterator[pa.Table]:
    near = covers.neighbours
    n_filled = int(
        (near.rows >= 0).sum(axis=1).min()
    )  # the same for all: Atlas wants a matrix
    start = 0
    for part in covers.batches():
        rows = slice(start, start + len(part))
        start += len(part)
        ids = near.rows[rows, :n_filled]
        distances = 1.0 - near.similarities[rows, :n_filled].astype(float)
        table = part.rows.append_column("title", make_array(part.titles, pa.string()))
        clusters = [
            None if c is None else "in none" if c < 0 else f"kind {c}"
            for c in part.column("cluster")
        ]
        place = table.column_names.index("cluster")
        table = table.set_column(place, "cluster", make_array(clusters, pa.string()))
        neighbours = [
            {"ids": i, "distances": d}
            for i, d in zip(ids.tolist(), distances.tolist(), strict=True)
        ]
        table = table.append_column("neighbors", make_array(neighbours, _NEIGHBOURS))
        table = table.append_column("image", part.image_column())
        yield table.select(_ORDER)
