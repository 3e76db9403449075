"""Which covers are measured and have a thumbnail: ``pictures.parquet`` and its folder."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from covers.errors import DataError
from covers.images import measures as measure
from covers.images.thumbnails import SUFFIX, load_thumbnails
from covers.stats.rows import RowsById
from covers.workspace.artefacts import Stamp, read_table, write_table
from covers.workspace.registry import CATALOGUE, quote
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
    cover_ids : list of str
        Covers whose measures are known.
    """

    def __init__(self, path: Path) -> None:
        self.cover_ids: list[str] = []
        self._path = path
        with (
            contextlib.suppress(OSError, pa.ArrowException),
            pq.ParquetFile(path) as file,
        ):
            if file.schema_arrow.remove_metadata().equals(measure.SCHEMA):
                ids = file.read(columns=["cover_id"])
                self.cover_ids = ids.column(0).to_pylist()

    @functools.cached_property
    def table(self) -> pa.Table:
        """The whole table.

        Raises
        ------
        DataError
            If its ids could be read but its measures cannot.
        """
        if not self.cover_ids:
            return measure.SCHEMA.empty_table()
        table, _ = read_table(self._path, measure.KIND, self._repair)
        return table.replace_schema_metadata(None)

    def update(
        self,
        cover_ids: Sequence[str],
        measures: Mapping[str, measure.PictureMeasures],
    ) -> None:
        """Publish the measures of exactly these covers, where they are others than before.

        Parameters
        ----------
        cover_ids : sequence of str
            All covers of the catalogue.
        measures : mapping of str to PictureMeasures
            Of at least those that are not known yet.

        Raises
        ------
        DataError
            If measures are missing.
        """
        rows = RowsById(self.cover_ids).position
        missing = [cover_id for cover_id in cover_ids if cover_id not in rows]
        kept = [rows[cover_id] for cover_id in cover_ids if cover_id in rows]
        if not missing and len(kept) == len(rows):
            return
        if any(cover_id not in measures for cover_id in missing):
            message = f"measures are missing in '{self._path}': run 'covers scan -w {self._path.parent}'"
            raise DataError(message)
        added = measure.measures_table(missing, [measures[c] for c in missing])
        old = self.table.take(make_array(kept, pa.int64()))
        self.table = pa.concat_tables([old, added])
        self.cover_ids = self.table.column("cover_id").to_pylist()
        write_table(self._path, self.table, Stamp(kind=measure.KIND))

    def _views(self) -> pa.Table:
        """Return what near-duplicates are found by, without reading all that is measured."""
        if "table" in self.__dict__ or not self.cover_ids:
            return self.table
        return read_table(self._path, measure.KIND, self._repair, _VIEWS)[0]

    @property
    def _repair(self) -> str:
        """The command that makes the file anew."""
        again = CATALOGUE.repair(self._path.parent)
        return f"rm {quote(self._path)} && {again}"

    def group(self, workspace: Workspace) -> dict[str, int]:
        """Return a number for each cover; near-duplicates have the same."""
        from covers.images.duplicates.groups import group_near_duplicates

        look = load_thumbnails(workspace, self.cover_ids)
        groups = group_near_duplicates(self._views(), look=look)
        return dict(zip(self.cover_ids, groups.tolist(), strict=True))


def list_thumbnails(workspace: Workspace, *, look_inside: bool = False) -> set[str]:
    """Return the ids of all covers that have a thumbnail.

    Parameters
    ----------
    look_inside : bool, default=False
        Leave out empty files, which a power cut makes of what a scan wrote
        but had not flushed yet.
    """
    found: set[str] = set()
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
