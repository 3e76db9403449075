"""Vectors that were made elsewhere: read from a file that may come from anybody, and kept in the workspace.

A file is Parquet with a column of ids or paths and one of lists of numbers, all
of one length; or ``NAME.npy`` with ``NAME.ids.txt`` beside it, one id or path a
line. Letters: N covers, D dimensions.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.errors import DataError
from covers.workspace.disk.strangers import open_regular
from indexer.files.arrow import as_numbers
from indexer.parquet_files import opened_parquet
from indexer.parquet_sizes import refuse_swollen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from covers.catalogue.table import Catalogue
    from covers.workspace.paths import Workspace
    from covers.workspace.remote import AnyPath

    Block = tuple[list[str], npt.NDArray[np.float32]]

KEY_COLUMNS = ("cover_id", "id", "path")
_MOST_WIDTH, _BOUND = 1 << 14, 1e6
_ROWS_AT_ONCE = 8192
_LONGEST_KEY = 4096
_SHOWN = 3


@dataclass(frozen=True)
class CoverVectors:
    """Vectors of covers of a catalogue.

    Parameters
    ----------
    cover_ids : list of str
    vectors : ndarray of float32, shape (n_covers, n_dimensions)
        Each as long as the root of its width, as untouched networks give them.
    foreign : int
        Rows of the file that are of no cover in the catalogue.
    """

    cover_ids: list[str]
    vectors: npt.NDArray[np.float32]
    foreign: int

    def told(self, catalogue: Catalogue) -> str:
        """Say what was matched, and which covers have no vector."""
        known = set(self.cover_ids)
        lacking = [
            str(path)
            for cover_id, path in zip(
                catalogue.cover_ids, catalogue.column("path"), strict=True
            )
            if cover_id not in known
        ]
        text = f"vectors of {len(known):,} of {len(catalogue):,} covers, {self.vectors.shape[1]}-d"
        if self.foreign:
            text += f"; {self.foreign:,} rows are of no cover of this library"
        if lacking:
            more = (
                f" and {len(lacking) - _SHOWN:,} more" if len(lacking) > _SHOWN else ""
            )
            text += f"; none for {', '.join(map(repr, lacking[:_SHOWN]))}{more}"
        return text

    @property
    def fingerprint(self) -> str:
        """Changes when a vector changes."""
        digest = hashlib.sha256(f"file {self.vectors.shape[1]}".encode())
        for row in np.argsort(self.cover_ids):
            digest.update(self.cover_ids[row].encode())
            digest.update(self.vectors[row].tobytes())
        return digest.hexdigest()[:32]


def read_vectors(
    path: Path, workspace: Workspace, catalogue: Catalogue
) -> CoverVectors:
    """Read the vectors of a catalogue's covers from a file; memory holds no others.

    Parameters
    ----------
    path : Path
        A ``.parquet`` or ``.npy`` file.
    workspace : Workspace
        Knows where sources lie: covers are named by id, or by path.
    catalogue : Catalogue

    Raises
    ------
    DataError
        If the file is missing or damaged, a number is not finite or out of
        bounds, a vector is zero, a cover has two vectors, or no cover has one.
    """
    cover_of = _keys(workspace, catalogue)
    ids: list[str] = []
    blocks: list[npt.NDArray[np.float32]] = []
    seen: set[str] = set()
    foreign = 0
    for keys, values in _read_blocks(path):
        found = [cover_of.get(key) or cover_of.get(_plain(key)) for key in keys]
        rows = [row for row, cover_id in enumerate(found) if cover_id]
        foreign += len(keys) - len(rows)
        own = [str(found[row]) for row in rows]
        for row, cover_id in zip(rows, own, strict=True):
            if cover_id in seen:
                raise _wrong(path, f"cover {keys[row]!r:.100} has more than one vector")
            seen.add(cover_id)
        ids += own
        blocks.append(_checked(values[rows], [keys[row] for row in rows], path))
    if not ids:
        raise _wrong(
            path,
            f"none of its {foreign:,} rows is a cover of this library: name covers by id (see 'covers search --json') or by path",
        )
    return CoverVectors(ids, np.concatenate(blocks), foreign)


def _checked(
    values: npt.NDArray[np.float32], keys: list[str], path: Path
) -> npt.NDArray[np.float32]:
    """Bring vectors to the length of the root of their width, or say which one cannot be used."""
    vectors = values.astype(np.float64)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    wrong = ~(np.abs(vectors) <= _BOUND).all(axis=1) | ~(norms[:, 0] > 1e-12)
    if wrong.any():
        row = int(wrong.argmax())
        raise _wrong(
            path,
            f"the vector of {keys[row]!r:.100} holds {_worst(vectors[row])}, expected finite numbers up to {_BOUND:,.0f} in size, not all zero",
        )
    return np.asarray(vectors / norms * vectors.shape[1] ** 0.5, np.float32)


def _worst(vector: npt.NDArray[np.float64]) -> str:
    """Return the number that a vector is refused for."""
    bad = vector[~(np.abs(vector) <= _BOUND)]
    return str(bad[0]) if len(bad) else "only zeros"


def _wrong(path: Path, what: str) -> DataError:
    return DataError(f"cannot use the vectors in '{path}': {what}")


def _keys(workspace: Workspace, catalogue: Catalogue) -> Mapping[str, str]:
    """Return the cover that an id or a path means; a path that means two is left out."""
    cover_of: dict[str, str] = {}
    twice: set[str] = set()
    roots: dict[str, AnyPath] = {}
    locations = catalogue.table.column("locations").to_pylist()
    for cover_id, places in zip(catalogue.cover_ids, locations, strict=True):
        for place in places:
            source = place["source"]
            if source not in roots:
                roots[source] = workspace.source_root(source)
            file = roots[source] / place["path"]
            whole = str(file)
            if isinstance(file, Path):
                whole = os.path.abspath(file)  # noqa: PTH100 - no link is followed
            for key in (place["path"], whole):
                if cover_of.setdefault(key, cover_id) != cover_id:
                    twice.add(key)
    for key in twice:
        del cover_of[key]
    return {**cover_of, **{cover_id: cover_id for cover_id in catalogue.cover_ids}}


def _plain(key: str) -> str:
    """Return a path without what does not change it."""
    return os.path.normpath(key) if len(key) <= _LONGEST_KEY else ""


def _read_blocks(path: Path) -> Iterator[Block]:
    """Yield ids and vectors, some thousand at a time."""
    if not path.is_file():
        message = f"no vectors in '{path}': give a .parquet file, or a .npy file with NAME.ids.txt beside it"
        raise DataError(message)
    if path.suffix == ".parquet":
        return _read_parquet(path)
    if path.suffix == ".npy":
        return _read_numpy(path)
    raise _wrong(path, "its name ends in neither .parquet nor .npy")


def _read_numpy(path: Path) -> Iterator[Block]:
    """Read ``NAME.npy`` with ``NAME.ids.txt``; no pickle is read."""
    names = path.with_suffix(".ids.txt")
    try:
        with open_regular(path) as file:
            if file.read(6) != b"\x93NUMPY":
                raise _wrong(path, "it is no array of NumPy")
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, OverflowError) as error:
        raise _wrong(path, f"it is no array of numbers ({error!s:.200})") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind != "f":
        told = (
            f"{array.dtype} {array.shape}"
            if isinstance(array, np.ndarray)
            else "an archive"
        )
        raise _wrong(
            path,
            f"it holds {told}, expected floating-point numbers of shape (covers, dimensions)",
        )
    _check_width(array.shape[1], path)
    try:
        with open_regular(names) as file:
            for start in range(0, array.shape[0], _ROWS_AT_ONCE):
                block = array[start : start + _ROWS_AT_ONCE]
                lines = list(itertools.islice(_lines(file), len(block)))
                if len(lines) < len(block):
                    raise _wrong(
                        path,
                        f"it has {array.shape[0]:,} rows, '{names.name}' has {start + len(lines):,} lines",
                    )
                yield lines, np.asarray(block, np.float32)
            if next(_lines(file), None) is not None:
                raise _wrong(
                    path,
                    f"it has {array.shape[0]:,} rows, '{names.name}' has more lines",
                )
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(
            path, f"the ids in '{names}' cannot be read ({error!s:.200})"
        ) from error


def _lines(file: Any) -> Iterator[str]:
    """Yield the lines of a file in UTF-8; one that is longer than any path is cut."""
    while line := file.readline(_LONGEST_KEY):
        text = line.decode("utf-8").strip()
        if text:
            yield text


def _read_parquet(path: Path) -> Iterator[Block]:
    """Read a Parquet file with a column of ids or paths and one of lists of numbers."""
    import pyarrow as pa

    try:
        with open_regular(path) as source, opened_parquet(source) as file:
            refuse_swollen(source, file)
            key, vector = _choose_columns(file.schema_arrow, path)
            width = 0
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[key, vector]):
                batch.validate(full=True)
                keys = batch.column(key)
                lists = batch.column(vector)
                if keys.null_count or lists.null_count:
                    raise _wrong(path, f"column {key!r} or {vector!r} has empty places")
                width = width or len(lists[0])
                _check_width(width, path)
                flat = lists.flatten()
                if (
                    flat.null_count
                    or len(flat) != width * len(lists)
                    or (
                        not pa.types.is_fixed_size_list(lists.type)
                        and set(np.diff(as_numbers(lists.offsets))) - {width}
                    )
                ):
                    raise _wrong(
                        path,
                        f"the vectors in column {vector!r} are not all {width} numbers long",
                    )
                values = as_numbers(flat).astype(np.float32)
                yield keys.to_pylist(), values.reshape(len(lists), width)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _wrong(
            path,
            f"it is damaged, or no Parquet file ({' '.join(str(error).split())[:200]})",
        ) from error


def _choose_columns(schema: Any, path: Path) -> tuple[str, str]:
    """Return the names of the columns of ids or paths, and of vectors."""
    import pyarrow as pa

    keys = [name for name in KEY_COLUMNS if name in schema.names]
    lists = [
        field.name
        for field in schema
        if (pa.types.is_fixed_size_list(field.type) or pa.types.is_list(field.type))
        and pa.types.is_floating(field.type.value_type)
    ]
    if not keys or not pa.types.is_string(schema.field(keys[0]).type):
        raise _wrong(
            path,
            f"it has the columns {', '.join(schema.names)[:200]}, expected texts in one called {', '.join(KEY_COLUMNS)}",
        )
    if len(lists) != 1:
        raise _wrong(
            path,
            f"it has {len(lists)} columns of lists of floating-point numbers, expected one",
        )
    return keys[0], lists[0]


def _check_width(width: int, path: Path) -> None:
    if not 2 <= width <= _MOST_WIDTH:
        raise _wrong(
            path, f"its vectors have {width:,} numbers, expected 2 to {_MOST_WIDTH:,}"
        )
