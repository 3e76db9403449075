"""One wide table of covers, which every export is written from.

Letters: N covers, D dimensions.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from covers.catalogue.table import Catalogue, read_catalogue
from covers.errors import CoversError, DataError
from covers.exports.table.parts import Part
from covers.exports.table.read_parts import READ_PART
from covers.images.thumbnails import read_thumbnail
from covers.stats.neighbours import Neighbours, find_own_neighbours
from covers.stats.rows import RowsById
from covers.workspace.disk.strangers import open_regular
from indexer.errors import IndexerError
from indexer.files.arrow import as_take_indices, make_array

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from covers.exports.table.read_parts import Arrays, Columns
    from covers.workspace.paths import Workspace


LONGEST_TEXT = 1000
"""Characters; a longer name is cut in every export."""

N_NEIGHBOURS = 15
_MOST_NAMED = 5
_ROWS_AT_ONCE = 1000
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

PROBABILITIES = pa.list_(
    pa.struct([("genre", pa.string()), ("probability", pa.float32())])
)
"""Type of the column of probabilities, for targets that hold lists."""

_COLUMNS_OF = {
    Part.PREDICTION: ("prediction", "certainty", "named", "prediction_set", "verdict"),
    Part.MAP: ("x", "y"),
    Part.CLUSTER: ("cluster",),
}
PART_OF = {name: part for part, names in _COLUMNS_OF.items() for name in names}
"""The part that each joined column belongs to."""

SCHEMA = pa.schema(
    [
        ("cover_id", pa.string()),
        ("path", pa.string()),
        ("genres", pa.list_(pa.string())),
        ("artist", pa.string()),
        ("album", pa.string()),
        ("year", pa.int32()),
        ("split", pa.string()),
        ("x", pa.float32()),
        ("y", pa.float32()),
        ("cluster", pa.int32()),
        ("prediction", pa.string()),
        ("certainty", pa.float32()),
        ("named", pa.list_(pa.string())),
        ("prediction_set", pa.list_(pa.string())),
        ("verdict", pa.string()),
    ]
)
"""Columns of the table; what is not known is null."""

_TEXTS = ("path", "artist", "album")


@dataclass(frozen=True, kw_only=True, eq=False)
class CoverTable:
    """Covers, a row each, with everything that is known of them.

    Parameters
    ----------
    workspace : Workspace
    rows : pyarrow.Table
        Columns as in `SCHEMA`; a cluster of ``-1`` is none.
    vocab : tuple of str
        The genres with enough covers, in alphabetical order.
    catalogue : pyarrow.Table
        The same rows as they stand in the catalogue, places of the files among them.
    embeddings : ndarray of float32, shape (n_covers, n_dimensions), or None
        Unit rows; None where they were not asked for.
    probabilities : ndarray of float32, shape (n_covers, n_genres), or None
        Calibrated, columns as in `prediction_vocab`; NaN for covers without an
        embedding. None where they were not asked for.
    prediction_vocab : tuple of str
    final_path : Path
        Where the export will lie when it is whole.
    notes : tuple of str
        What is left empty, and why.
    has_pictures : bool, default=True
        Whether pictures are handed out; they belong to others.
    """

    workspace: Workspace
    rows: pa.Table
    vocab: tuple[str, ...]
    catalogue: pa.Table
    embeddings: npt.NDArray[np.float32] | None = None
    probabilities: npt.NDArray[np.float32] | None = None
    prediction_vocab: tuple[str, ...] = ()
    final_path: Path = Path()
    notes: tuple[str, ...] = ()
    has_pictures: bool = True

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def column(self, name: str) -> list[Any]:
        """Return a column as Python values, None where unknown."""
        return list(self.rows.column(name).to_pylist())

    @cached_property
    def cover_ids(self) -> list[str]:
        """Content ids, in row order."""
        return self.column("cover_id")

    @cached_property
    def titles(self) -> list[str]:
        """Artist and album of each cover; its path where neither is known."""
        names = zip(
            self.column("artist"),
            self.column("album"),
            self.column("path"),
            strict=True,
        )
        return [
            " - ".join(part for part in (artist, album) if part) or path or ""
            for artist, album, path in names
        ]

    @cached_property
    def vectors(self) -> npt.NDArray[np.float32]:
        """The embeddings, for targets that need them."""
        if self.embeddings is None:
            message = "this table was read without embeddings: ask for Part.EMBEDDING"
            raise ValueError(message)
        return self.embeddings

    @cached_property
    def neighbours(self) -> Neighbours:
        """The nearest 15 of each cover among these, itself left out; rows of this table."""
        alone = np.arange(len(self))
        return find_own_neighbours(self.vectors, alone, N_NEIGHBOURS)

    def picture(self, row: int) -> bytes | None:
        """Return the thumbnail of a cover, a JPEG of at most 256 px; None where there is none."""
        if not self.has_pictures:
            return None
        with contextlib.suppress(DataError):
            return read_thumbnail(self.workspace, self.cover_ids[row])
        return None

    def image_column(self) -> pa.Array:
        """Return the thumbnails as ``{bytes, path}``, as Hugging Face and Embedding Atlas read them."""
        pictures = [self.picture(row) for row in range(len(self))]
        return make_array(
            [
                None if content is None else {"bytes": content, "path": f"{one}.jpg"}
                for content, one in zip(pictures, self.cover_ids, strict=True)
            ],
            _IMAGE,
        )

    def probability_column(self) -> pa.Array:
        """Return genre and probability of each genre, likeliest first; null where a cover was not classified."""
        p = self.probabilities
        if p is None:
            return pa.nulls(len(self), PROBABILITIES)
        order = np.argsort(-p, axis=1, kind="stable")
        values = [
            None
            if np.isnan(row).any()
            else [
                {"genre": self.prediction_vocab[j], "probability": row[j]}
                for j in columns
            ]
            for row, columns in zip(p, order.tolist(), strict=True)
        ]
        return make_array(values, PROBABILITIES)

    def embedding_column(self) -> pa.Array:
        """Return the embeddings as lists of one length."""
        flat = make_array(np.ascontiguousarray(self.vectors).ravel(), pa.float32())
        return pa.FixedSizeListArray.from_arrays(flat, self.vectors.shape[1])

    def _saying(self, note: str) -> CoverTable:
        """Return the table with one more note."""
        return replace(self, notes=(*self.notes, note))

    def take(self, rows: npt.NDArray[np.int64]) -> CoverTable:
        """Return some rows, in the order given."""
        taken = as_take_indices(rows)
        return replace(
            self,
            rows=self.rows.take(taken),
            catalogue=self.catalogue.take(taken),
            embeddings=None if self.embeddings is None else self.embeddings[rows],
            probabilities=None
            if self.probabilities is None
            else self.probabilities[rows],
        )

    def batches(self) -> Iterator[CoverTable]:
        """Yield the table in parts of a thousand rows, so that few pictures are in memory at once."""
        for start in range(0, len(self), _ROWS_AT_ONCE):
            yield self.take(np.arange(start, min(start + _ROWS_AT_ONCE, len(self))))


def read_cover_table(
    workspace: Workspace,
    *,
    needs: Collection[Part] = (),
    uses: Collection[Part] = (),
) -> CoverTable:
    """Join everything that is known of the covers of a workspace.

    Parameters
    ----------
    workspace : Workspace
    needs : collection of Part
        Parts without which there is no export.
    uses : collection of Part
        Parts that are left empty where they are missing or stale.

    Raises
    ------
    CoversError, IndexerError
        If there is no catalogue, or a part that is needed is missing or stale;
        the message names the command that makes it.
    """
    catalogue = read_catalogue(workspace)
    known: Columns = {}
    arrays: Arrays = {}
    notes = []
    for part in Part:
        if part not in needs and part not in uses:
            continue
        try:
            more, columns = READ_PART[part](workspace, catalogue)
            arrays |= more
            known |= columns
        except (CoversError, IndexerError) as error:
            if part in needs:
                raise
            notes.append(
                f"without {', '.join(_COLUMNS_OF.get(part, (part,)))}: {error}"
            )
    rows, cut = _join(catalogue, known)
    if cut:
        notes.append(f"{cut:,} names were cut to {LONGEST_TEXT:,} characters")
    table = CoverTable(
        workspace=workspace,
        rows=rows,
        vocab=catalogue.vocab,
        catalogue=catalogue.table,
        notes=tuple(notes),
        **arrays,
    )
    if table.embeddings is None:
        return table
    embedded = np.flatnonzero(np.isfinite(table.embeddings).all(axis=1))
    if len(embedded) == len(table):
        return table
    n_absent = len(table) - len(embedded)
    said = f"{n_absent:,} covers left out, because they have no embedding"
    return table.take(embedded)._saying(said)


def choose_rows(
    table: CoverTable,
    *,
    cover_ids: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
) -> CoverTable:
    """Keep some covers of a table.

    Parameters
    ----------
    table : CoverTable
    cover_ids : sequence of str, optional
        These, in this order; those without what the export needs are left out.
    where : mapping, optional
        Column to value, list of values or ``(first, last)``.

    Raises
    ------
    DataError
        If an id, a column or a name is unknown, or nothing is left.
    """
    from covers.index.search import rows_where

    rows = np.arange(len(table))
    if cover_ids is not None:
        wanted = list(dict.fromkeys(cover_ids))
        found = RowsById(table.cover_ids).of(wanted)
        _refuse_unknown(
            table.workspace, [wanted[n] for n in np.flatnonzero(found < 0).tolist()]
        )
        rows = found[found >= 0]
    if where:
        passes = rows_where(table.rows, where)
        rows = rows[passes[rows]]
    if not len(rows):
        message = "no cover is left to export: ask for others, or leave out a filter"
        raise DataError(message)
    is_all = cover_ids is None and len(rows) == len(table)
    return table if is_all else table.take(rows)


def _refuse_unknown(workspace: Workspace, cover_ids: Sequence[str]) -> None:
    """Refuse ids that no cover of the catalogue has.

    Raises
    ------
    DataError
        Naming the first of them.
    """
    if not cover_ids:
        return
    rows = RowsById(read_catalogue(workspace).cover_ids).of(list(cover_ids))
    unknown = [
        one for one, row in zip(cover_ids, rows.tolist(), strict=True) if row < 0
    ]
    if not unknown:
        return
    shown = ", ".join(f"{one!r:.40}" for one in unknown[:_MOST_NAMED])
    more = (
        f" and {len(unknown) - _MOST_NAMED:,} more"
        if len(unknown) > _MOST_NAMED
        else ""
    )
    message = f"no cover of the library has the id {shown}{more}: check it, or run 'covers index update' where a search found it"
    raise DataError(message)


def begins_with(path: Path, head: bytes) -> bool:
    """Say whether a regular file begins with some bytes."""
    try:
        with open_regular(path) as file:
            return file.read(len(head)) == head
    except OSError:
        return False


def _join(catalogue: Catalogue, known: Mapping[str, Any]) -> tuple[pa.Table, int]:
    """Lay catalogue and parts side by side; also return how many names were cut."""
    columns: dict[str, Any] = {}
    n_cut = 0
    for column in SCHEMA:
        if column.name in PART_OF:
            values = known.get(column.name, [None] * len(catalogue))
        else:
            values = catalogue.column(column.name)
        if column.name in _TEXTS:
            n_cut += sum(
                text is not None and len(text) > LONGEST_TEXT for text in values
            )
            values = [cut_text(text) for text in values]
        columns[column.name] = make_array(values, column.type)
    return pa.table(columns), n_cut


def cut_text(text: str | None) -> str | None:
    """Cut a text that is longer than any program shows."""
    if text is None or len(text) <= LONGEST_TEXT:
        return text
    return f"{text[: LONGEST_TEXT - 1]}…"
