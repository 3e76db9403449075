"""An index to and from plain files: ``vectors.npy`` beside ``items.parquet``."""

from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.errors import IndexMismatchError, IndexWriteError
from indexer.files import disk
from indexer.files.arrow import make_array
from indexer.files.columns import ID_COLUMN
from indexer.files.snapshot import Snapshot
from indexer.parquet_files import opened_parquet
from indexer.parquet_sizes import refuse_swollen

__all__ = [
    "ITEMS_FILE",
    "VECTORS_FILE",
    "export_snapshot",
    "read_export",
    "read_matrix",
]

VECTORS_FILE = "vectors.npy"
ITEMS_FILE = "items.parquet"

_BLOCK_ROWS = 16_384


def export_snapshot(
    snapshot: Snapshot, target: Path, *, overwrite: bool, dry_run: bool = False
) -> None:
    """Write all items as a matrix and a table, row by row the same.

    Parameters
    ----------
    snapshot : Snapshot
    target : Path
        A folder, made when it does not exist. The two files appear when they
        are whole.
    overwrite : bool
        Replace files of an earlier export.
    dry_run : bool, default=False
        Check, and write nothing.

    Raises
    ------
    IndexDamagedError
        If what is to be written is not what was stored.
    IndexWriteError
        If the files exist and may not be replaced, or the disk refuses.
    """
    import pyarrow.parquet as pq

    taken = [name for name in (VECTORS_FILE, ITEMS_FILE) if (target / name).exists()]
    if taken and not overwrite:
        message = (
            f"{str(target / taken[0])!r} exists: give another folder, or overwrite=True"
        )
        raise IndexWriteError(message)
    for segment in snapshot.segments:
        segment.refuse_damaged(segment.entry.vectors, segment.entry.items)
    if dry_run:
        return
    vectors, items = target / f"{VECTORS_FILE}.tmp", target / f"{ITEMS_FILE}.tmp"
    shape = (len(snapshot), snapshot.manifest.dimension)
    try:
        with disk.translate_write_errors(target):
            target.mkdir(parents=True, exist_ok=True)
            for left in (vectors, items):  # a link there would lead the writing away
                left.unlink(missing_ok=True)
            with vectors.open("xb", buffering=0) as file:
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                for start in range(0, len(snapshot), _BLOCK_ROWS):
                    rows = np.arange(start, min(start + _BLOCK_ROWS, len(snapshot)))
                    block = snapshot.vectors_at(snapshot.places_of(rows))
                    disk.write_bytes(file, np.ascontiguousarray(block).data)
            disk.make_durable(vectors)
            pq.write_table(_items_of(snapshot), items)
            disk.make_durable(items)
            disk.swap(vectors, target / VECTORS_FILE)
            disk.swap(items, target / ITEMS_FILE)
    finally:
        vectors.unlink(missing_ok=True)
        items.unlink(missing_ok=True)


def read_export(
    vectors: Path, items: Path, *, id_column: str = ID_COLUMN
) -> tuple[list[str], npt.NDArray[Any], pa.Table]:
    """Read a matrix and a table, of `export_snapshot` or of anybody else.

    Parameters
    ----------
    vectors : Path
        A .npy file of shape (N, D), memory-mapped.
    items : Path
        A Parquet file of N rows.
    id_column : str, default="id"
        Which of its columns holds the ids.

    Returns
    -------
    ids : list of str
    vectors : ndarray, shape (N, D)
    columns : pyarrow.Table
        Without the ids.

    Raises
    ------
    IndexMismatchError
        If a file cannot be read, or the column does not exist.
    """
    matrix = read_matrix(vectors)
    _refuse_other_file(items)
    try:
        with items.open("rb") as source, opened_parquet(source) as file:
            _refuse_mismatch(file, items, len(np.atleast_1d(matrix)), id_column)
            refuse_swollen(source, file)
            table = file.read()
            table.validate(full=True)
    except (OSError, ValueError, pa.ArrowException) as error:
        message = f"cannot read {str(items)!r} as a Parquet file: {error}"
        raise IndexMismatchError(message) from error
    ids = [str(value) for value in table.column(id_column).to_pylist()]
    return ids, matrix, table.drop_columns([id_column])


def _refuse_mismatch(file: Any, items: Path, n_vectors: int, id_column: str) -> None:
    """Refuse a table without the ids, or with another number of rows than vectors."""
    names = file.schema_arrow.names
    if id_column not in names:
        message = (
            f"{str(items)!r} has no column {id_column!r}: its columns are "
            f"{', '.join(names)}; name the one with the ids as id_column"
        )
        raise IndexMismatchError(message)
    n_rows = file.metadata.num_rows
    if n_rows != n_vectors:
        message = (
            f"{str(items)!r} has {n_rows:,} rows, and there are {n_vectors:,} vectors: "
            "each row must stand for one vector"
        )
        raise IndexMismatchError(message)


def read_matrix(path: Path) -> npt.NDArray[Any]:
    """Map an .npy file of anybody.

    Raises
    ------
    IndexMismatchError
        If it is none, or holds objects.
    """
    _refuse_other_file(path)
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError, OverflowError, TokenError) as error:
        message = (
            f"cannot read {str(path)!r} as an .npy file of numbers: {error}; write it "
            f"with numpy.save"
        )
        raise IndexMismatchError(message) from error


def _refuse_other_file(path: Path) -> None:
    """Refuse a folder, and a pipe, which would keep whoever opens it waiting."""
    if path.exists() and not path.is_file():
        message = f"{str(path)!r} is no regular file: give the file itself"
        raise IndexMismatchError(message)


def _items_of(snapshot: Snapshot) -> pa.Table:
    ids = make_array(snapshot.ids.tolist(), pa.string())
    return snapshot.columns.add_column(0, pa.field(ID_COLUMN, pa.string()), ids)
