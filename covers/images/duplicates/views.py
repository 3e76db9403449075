"""The views of each cover that are compared to find near-duplicates: the whole, and the part inside its border."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from covers.images.measures import SCHEMA, SIGNATURE_SIDE
from indexer.files.arrow import as_mask

if TYPE_CHECKING:
    from collections.abc import Iterable

_BLOCK = 2**16


@dataclass(frozen=True)
class Views:
    """The views of covers that are compared.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_views,)
        The cover each view belongs to, in ``0 .. n_covers - 1``, ascending.
    hashes : ndarray of uint8, shape (n_views, 8)
        Perceptual hashes.
    signatures : ndarray of uint8, shape (n_views, 256)
        Small grey copies.
    n_covers : int
        Covers without a view are alone.
    """

    rows: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint8]
    signatures: npt.NDArray[np.uint8]
    n_covers: int

    @classmethod
    def of(cls, pictures: pa.Table) -> Views:
        """Take the views from a table of picture measures, rows as they come.

        Covers whose measures are missing (null) get no view.
        """
        whole, inner = pictures.column("phash"), pictures.column("phash_inner")
        has_inner = pc.and_(
            inner.is_valid(), pc.or_kleene(whole.is_null(), pc.not_equal(inner, whole))
        )
        parts = [
            _views_where(whole.is_valid(), whole, pictures.column("signature")),
            _views_where(has_inner, inner, pictures.column("signature_inner")),
        ]
        rows, hashes, copies = (
            np.concatenate(some) for some in zip(*parts, strict=True)
        )
        order = np.argsort(rows, kind="stable")  # the whole before its inside
        return cls(rows[order], hashes[order], copies[order], pictures.num_rows)

    @classmethod
    def of_batches(cls, batches: Iterable[pa.RecordBatch]) -> Views:
        """Take the views from a table in batches, so that the table is never in memory whole."""
        some = [cls.of(pa.Table.from_batches([batch])) for batch in batches]
        if not some:
            return cls.of(pa.Table.from_batches([], SCHEMA))
        starts = np.cumsum([0, *(views.n_covers for views in some)])
        rows = [v.rows + start for v, start in zip(some, starts[:-1], strict=True)]
        return cls(
            np.concatenate(rows),
            np.concatenate([views.hashes for views in some]),
            np.concatenate([views.signatures for views in some]),
            int(starts[-1]),
        )

    def structured(self, least: float) -> Views:
        """Return the views that are not blank, by the standard deviation of their copies."""
        good = _structure(self.signatures) >= least
        if good.all():
            return self  # a copy of all would take as much room again
        return Views(
            self.rows[good], self.hashes[good], self.signatures[good], self.n_covers
        )


def _views_where(
    mask: pa.ChunkedArray, hashes: pa.ChunkedArray, copies: pa.ChunkedArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return rows, hashes and grey copies of the covers that have a view."""
    rows = np.flatnonzero(as_mask(mask))
    text = "".join(hashes.filter(mask).to_pylist())
    some = pa.chunked_array([copies.filter(mask).combine_chunks()]).chunk(0)
    width = SIGNATURE_SIDE**2
    grey = np.frombuffer(some.buffers()[1] or b"", np.uint8)
    start = some.offset * width
    return (
        rows,
        np.frombuffer(bytes.fromhex(text), np.uint8).reshape(-1, 8),
        grey[start : start + len(rows) * width].reshape(-1, width),
    )


def _structure(signatures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the standard deviation of each grey copy, shape (V,)."""
    structure = np.empty(len(signatures), np.float32)
    for start in range(0, len(signatures), _BLOCK):
        block = slice(start, start + _BLOCK)
        structure[block] = signatures[block].std(axis=1, dtype=np.float32)
    return structure
