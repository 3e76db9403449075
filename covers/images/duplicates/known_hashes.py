"""Near hashes of a large library, kept from scan to scan: only new ones are compared.

``near-hashes.parquet`` has a row for each distinct hash, in ascending order, and
the rows of the later ones near it. What is kept is only where to look: which of
these pairs are near, and in how many bits they differ, is worked out again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from covers.errors import DataError
from covers.images.duplicates.hashes import NearHashes, find_near_hashes
from covers.workspace.artefacts import Stamp, write_table
from covers.workspace.read_artefacts import read_rows
from covers.workspace.registry import NEAR_HASHES
from indexer.files.arrow import as_numbers, make_array

if TYPE_CHECKING:
    from covers.workspace.paths import Workspace

    Codes = npt.NDArray[np.uint64]
    Rows = npt.NDArray[np.int64]

_FEWEST = 100_000
"""Fewer hashes are compared again in a second or two."""
_MOST_NEW = 2_000
_SCHEMA = pa.schema(
    [
        pa.field("hash", pa.uint64(), nullable=False),
        pa.field("near", pa.list_(pa.uint32()), nullable=False),
    ]
)


@dataclass(frozen=True)
class KnownHashes:
    """Finds near hashes, beginning with those that a workspace knows.

    Parameters
    ----------
    workspace : Workspace
        Where they are kept.
    fewest : int
        With fewer hashes nothing is kept.
    """

    workspace: Workspace
    fewest: int = _FEWEST

    def find(self, hashes: npt.NDArray[np.uint8], most_bits: int) -> NearHashes:
        """Find what `find_near_hashes` finds, and keep it for the next time."""
        path = self.workspace.path(NEAR_HASHES)
        if len(hashes) < self.fewest:
            path.unlink(missing_ok=True)
            return find_near_hashes(hashes, most_bits)
        codes = np.ascontiguousarray(hashes).view(np.uint64).reshape(-1)
        order = np.argsort(codes)
        known = self._read(most_bits)
        fresh = np.flatnonzero(~np.isin(codes, known[0]))
        if len(fresh) > min(_MOST_NEW, len(codes) // 50):
            found = find_near_hashes(hashes, most_bits)
        elif not len(fresh) and len(known[0]) == len(codes):
            return _check(codes, order[known[1]], order[known[2]], most_bits)
        else:
            found = _add_new(codes, order, known, fresh, most_bits)
        self._write(codes, order, found, most_bits)
        return found

    def _read(self, most_bits: int) -> tuple[Codes, Rows, Rows]:
        """Return hashes, ascending, and the rows of pairs of them; none where they cannot be read."""
        nothing = np.zeros(0, np.int64)
        unknown = np.zeros(0, np.uint64), nothing, nothing
        try:
            table, stamp = read_rows(self.workspace, NEAR_HASHES)
        except DataError:
            return unknown
        if (
            stamp.parameters != {"most_bits": most_bits}
            or table.schema.remove_metadata() != _SCHEMA
        ):
            return unknown
        codes = as_numbers(table.column("hash"))
        near = table.column("near").combine_chunks()
        sizes = as_numbers(near.value_lengths()).astype(np.int64)
        second = as_numbers(near.flatten()).astype(np.int64)
        is_sound = len(sizes) == 0 or (codes[1:] > codes[:-1]).all()
        if not is_sound or (second >= len(codes)).any():
            return unknown
        return codes, np.repeat(np.arange(len(codes)), sizes), second

    def _write(
        self, codes: Codes, order: Rows, found: NearHashes, most_bits: int
    ) -> None:
        """Keep near hashes."""
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        ends = np.sort(np.stack([place[found.first], place[found.second]]), axis=0)
        first, second = ends[:, ends[0] != ends[1]]
        by = np.lexsort((second, first))
        starts = np.searchsorted(first[by], np.arange(len(codes) + 1))
        near = pa.ListArray.from_arrays(
            make_array(starts, pa.int32()), make_array(second[by], pa.uint32())
        )
        table = pa.table([make_array(codes[order]), near], schema=_SCHEMA)
        stamp = Stamp(kind=NEAR_HASHES.kind, parameters={"most_bits": most_bits})
        write_table(self.workspace.path(NEAR_HASHES), table, stamp)


def _add_new(
    codes: Codes,
    order: Rows,
    known: tuple[Codes, Rows, Rows],
    fresh: Rows,
    most_bits: int,
) -> NearHashes:
    """Keep the known pairs that are still there, and compare what is new with all."""
    before, first, second = known
    at = np.searchsorted(codes[order], before)
    at = np.minimum(at, len(codes) - 1)
    row = np.where(codes[order][at] == before, order[at], -1)
    stays = (row[first] >= 0) & (row[second] >= 0)
    firsts, seconds = [row[first[stays]]], [row[second[stays]]]
    for new in fresh.tolist():
        near = np.flatnonzero(np.bitwise_count(codes ^ codes[new]) <= most_bits)
        firsts.append(np.full(len(near), new))
        seconds.append(near)
    return _check(codes, np.concatenate(firsts), np.concatenate(seconds), most_bits)


def _check(codes: Codes, first: Rows, second: Rows, most_bits: int) -> NearHashes:
    """Return the pairs that are near, each once, as `find_near_hashes` does."""
    all_rows = np.arange(len(codes))
    low = np.concatenate([all_rows, np.minimum(first, second)])
    high = np.concatenate([all_rows, np.maximum(first, second)])
    pairs = np.unique((low << 32) | high)
    low, high = pairs >> 32, pairs & 0xFFFFFFFF
    bits = np.bitwise_count(codes[low] ^ codes[high]).astype(np.int64)
    near = bits <= most_bits
    return NearHashes(low[near], high[near], bits[near])
