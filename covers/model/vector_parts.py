"""Vectors of covers in batch files, so that an interrupted run loses at most one of them."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from covers.errors import DataError
from covers.stats.rows import RowsById
from covers.workspace.artefacts import (
    Stamp,
    read_table,
    write_table,
)
from covers.workspace.disk.strangers import open_regular, refuse_link
from indexer.files.arrow import as_numbers, make_array
from indexer.parquet_files import opened_parquet
from indexer.parquet_sizes import refuse_swollen

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class VectorParts:
    """Batch files in one folder, each with ids and one or more arrays.

    Parameters
    ----------
    folder : Path
        Where ``part-000000-0123456789abcdef.parquet`` … lie.
    kind : str
        What they hold, such as ``"embeddings"``.
    """

    folder: Path
    kind: str

    def paths(self) -> list[Path]:
        """Return the batch files in order."""
        return sorted(self.folder.glob("part-*.parquet"))

    def append(self, cover_ids: Sequence[str], arrays: Arrays, stamp: Stamp) -> None:
        """Publish one more batch file.

        Parameters
        ----------
        cover_ids : sequence of str
            One id per row.
        arrays : dict of str to ndarray, shape (n, width)
            float16 or float32.
        stamp : Stamp
            Provenance.
        """
        columns: dict[str, pa.Array] = {
            "cover_id": make_array(list(cover_ids), pa.string())
        }
        for name, array in arrays.items():
            flat = make_array(np.ascontiguousarray(array).reshape(-1))
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, array.shape[1])
        paths = self.paths()
        number = int(paths[-1].stem.split("-")[1]) + 1 if paths else 0
        # The number says what came later. Writers that list the folder at the same
        # time take the same one: what is in a file keeps their names apart.
        name = f"part-{number:06d}-{_digest(cover_ids, arrays)}.parquet"
        write_table(self.folder / name, pa.table(columns), stamp)

    def ids(self) -> pa.ChunkedArray:
        """Return the ids of all rows, in order; a damaged batch file is removed and left out."""
        chunks: list[pa.Array] = []
        for path in self.paths():
            try:
                chunks += _read_ids(path).chunks
            except (pa.ArrowException, OSError) as error:
                if getattr(error, "errno", None) is not None:
                    raise  # the machine failed; nothing says that the file is damaged
                refuse_link(self.folder)
                path.unlink(missing_ok=True)
        return pa.chunked_array(chunks, pa.string())

    def read(
        self,
        names: Sequence[str],
        repair: str,
        *,
        among: Collection[str] | None = None,
    ) -> tuple[list[str], list[npt.NDArray[np.float32]]]:
        """Read all covers, or those of the batch files that hold some of them.

        Of a cover that was written twice, the last row counts.

        Parameters
        ----------
        names : sequence of str
            Which arrays.
        repair : str
            The command that makes the parts, named in errors.
        among : collection of str, optional
            Covers that are asked for: batch files that have none of them are
            left out, but the last never is, so that the arrays have a width.

        Returns
        -------
        cover_ids : list of str
        arrays : list of ndarray of float32, shape (n, width)

        Raises
        ------
        DataError
            If there are none, or one cannot be read.
        """
        paths = self.paths()
        if not paths:
            message = f"no {self.kind} in '{self.folder}': make them with '{repair}'"
            raise DataError(message)
        if among is not None:
            wanted = make_array(list(among), pa.string())
            paths = [p for p in paths[:-1] if _has_any(p, wanted)] + paths[-1:]
        ids: list[str] = []
        blocks: list[list[npt.NDArray[np.float32]]] = [[] for _ in names]
        for path in paths:
            table, _ = read_table(path, self.kind, repair)
            _check_columns(table, names, path, repair)
            ids += table.column("cover_id").to_pylist()
            for name, block in zip(names, blocks, strict=True):
                column = table.column(name)
                flat = as_numbers(column.combine_chunks().flatten())
                block.append(flat.reshape(len(column), -1).astype(np.float32))
        arrays = [np.concatenate(block) for block in blocks]
        last = RowsById(ids).position
        if len(last) == len(ids):
            return ids, arrays
        rows = np.fromiter(last.values(), np.int64, len(last))
        return list(last), [array[rows] for array in arrays]

    def delete(self) -> None:
        """Remove the batch files, and the folder once it is empty; no link is followed."""
        refuse_link(self.folder)
        for path in self.paths():
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def _digest(cover_ids: Sequence[str], arrays: Arrays) -> str:
    """Hash what goes into a batch file."""
    digest = hashlib.sha256("\n".join(cover_ids).encode())
    for array in arrays.values():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _check_columns(
    table: pa.Table, names: Sequence[str], path: Path, repair: str
) -> None:
    """Refuse a batch file whose columns are not ids and arrays of numbers."""
    kinds = dict(zip(table.column_names, table.schema.types, strict=True))
    are_arrays = all(
        pa.types.is_fixed_size_list(kinds.get(name, pa.null()))
        and pa.types.is_floating(kinds[name].value_type)
        for name in names
    )
    has_gaps = any(table.column(n).null_count for n in names) if are_arrays else True
    if kinds.get("cover_id") != pa.string() or has_gaps:
        message = (
            f"'{path}' does not hold vectors of covers: make it anew with '{repair}'"
        )
        raise DataError(message)


def _read_ids(path: Path) -> pa.ChunkedArray:
    """Return the ids in a batch file."""
    # Not pq.read_table: that imports pyarrow.dataset and with it pandas.
    with open_regular(path) as source, opened_parquet(source) as file:
        try:
            refuse_swollen(source, file)
            ids = file.read(columns=["cover_id"])
            ids.validate(full=True)
        except ValueError as error:
            raise pa.ArrowInvalid(str(error)) from error
    if ids.schema.types != [pa.string()]:
        message = f"its ids are {ids.schema.types}"
        raise pa.ArrowInvalid(message)
    return ids.column(0)


def _has_any(path: Path, wanted: pa.Array) -> bool:
    """Say whether a batch file has some of these covers; a damaged one may."""
    import pyarrow.compute as pc

    try:
        ids = _read_ids(path)
    except (pa.ArrowException, OSError):
        return True
    return bool(pc.any(pc.is_in(ids, value_set=wanted)).as_py())
