"""Which covers are measured and have a thumbnail: ``pictures.parquet`` and its folder."""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from covers.errors import DataError
from covers.images import measures as measure
from covers.images.thumbnail_shards import SUFFIX, list_shards
from covers.images.thumbnails import load_thumbnails
from covers.stats.rows import rows_in
from covers.workspace.artefacts import Stamp, opened_table, read_table
from covers.workspace.registry import CATALOGUE, quote
from covers.workspace.table_stream import read_batches, write_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from covers.workspace.paths import Workspace

_VIEWS = ("phash", "phash_inner", "signature", "signature_inner")


class MeasuredPictures:
    """``pictures.parquet``: its ids at once, its measures when they are needed.

    Parameters
    ----------
    path : Path
        The file; taken for empty where it is missing, damaged or of an older make.

    Attributes
    ----------
    cover_ids : pyarrow.ChunkedArray of str
        Covers whose measures are known.
    """

    def __init__(self, path: Path) -> None:
        self.cover_ids = pa.chunked_array([], pa.string())
        self._path = path
        with (
            contextlib.suppress(DataError),
            opened_table(path, measure.KIND, "covers scan") as file,
        ):
            if file.schema_arrow.remove_metadata().equals(measure.SCHEMA):
                self.cover_ids = file.read(columns=["cover_id"]).column(0)

    @property
    def table(self) -> pa.Table:
        """The whole table.

        Raises
        ------
        DataError
            If its ids could be read but its measures cannot.
        """
        if not len(self.cover_ids):
            return pa.Table.from_batches([], measure.SCHEMA)
        table, _ = read_table(self._path, measure.KIND, self._repair)
        return table.replace_schema_metadata(None)

    def update(
        self, cover_ids: pa.Array, measures: Mapping[str, measure.PictureMeasures]
    ) -> None:
        """Publish the measures of exactly these covers, where they are others than before.

        Parameters
        ----------
        cover_ids : pyarrow.Array of str
            All covers of the catalogue.
        measures : mapping of str to PictureMeasures
            Of at least those that are not known yet.

        Raises
        ------
        DataError
            If measures are missing.
        """
        is_known = pc.is_in(cover_ids, value_set=self.cover_ids)
        missing = cover_ids.filter(pc.invert(is_known)).to_pylist()
        is_kept = pc.is_in(self.cover_ids, value_set=cover_ids)
        if not missing and pc.all(is_kept).as_py() is not False:
            return
        if any(cover_id not in measures for cover_id in missing):
            message = f"measures are missing in '{self._path}': run 'covers scan -w {quote(self._path.parent)}'"
            raise DataError(message)
        added = measure.measures_table(missing, [measures[c] for c in missing])
        write_batches(
            self._path,
            measure.SCHEMA,
            itertools.chain(self._kept(is_kept), added.to_batches()),
            Stamp(kind=measure.KIND),
        )
        self.cover_ids = pa.chunked_array(
            [
                *self.cover_ids.filter(is_kept).chunks,
                *added.column("cover_id").chunks,
            ],
            pa.string(),
        )

    def _kept(self, is_kept: pa.ChunkedArray) -> Iterator[pa.RecordBatch]:
        """Yield the rows that stay."""
        start = 0
        if len(is_kept):
            for batch in read_batches(self._path, measure.KIND, self._repair):
                stays = is_kept.slice(start, batch.num_rows).combine_chunks()
                start += batch.num_rows
                yield batch.filter(stays)

    def group(self, workspace: Workspace, cover_ids: pa.Array) -> npt.NDArray[np.int64]:
        """Return a number for each cover; near-duplicates have the same."""
        from covers.images.duplicates.groups import connect
        from covers.images.duplicates.known_hashes import KnownHashes
        from covers.images.duplicates.near_duplicates import find_near_duplicates
        from covers.images.duplicates.views import Views

        if not len(self.cover_ids):
            return np.full(len(cover_ids), -1)
        batches = read_batches(self._path, measure.KIND, self._repair, _VIEWS)
        views = Views.of_batches(batches)
        look = load_thumbnails(workspace, self.cover_ids.to_pylist())
        find = KnownHashes(workspace).find
        pairs = find_near_duplicates(views, look=look, near_hashes=find)
        groups = connect(pairs, views.n_covers)
        rows = rows_in(cover_ids, self.cover_ids)
        return np.where(rows < 0, -1, groups[rows])

    @property
    def _repair(self) -> str:
        """The command that makes the file anew."""
        again = CATALOGUE.repair(self._path.parent)
        return f"rm {quote(self._path)} && {again}"


def list_thumbnails(workspace: Workspace, *, look_inside: bool = False) -> set[str]:
    """Return the ids of all covers that have a thumbnail.

    Parameters
    ----------
    look_inside : bool, default=False
        Leave out empty files, which a power cut makes of what a scan wrote
        but had not flushed yet.
    """
    found: set[str] = set(list_shards(workspace))
    with (
        contextlib.suppress(FileNotFoundError),
        os.scandir(workspace.thumbnails_folder) as folders,
    ):
        for folder in folders:
            if folder.is_dir():
                with os.scandir(folder.path) as files:
                    found.update(
                        file.name.removesuffix(SUFFIX)
                        for file in files
                        if file.name.endswith(SUFFIX)
                        and not file.name.startswith(".")
                        and (not look_inside or file.stat().st_size)
                    )
    return found
