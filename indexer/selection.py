"""What a search may find: per segment, the rows that live and match a filter.

A filter that is used again costs nothing the second time: the last few
selections of a snapshot are kept, with a copy of the vectors where these are
few, so that a repeated search is an exact search over one small matrix.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from indexer.filters import Where, match_rows
from indexer.segment import Segment
from indexer.snapshot import Snapshot

if TYPE_CHECKING:
    from collections import OrderedDict

__all__ = ["Part", "select_parts"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_N_KEPT = 8
# Copies of vectors that one snapshot keeps, over all its selections.
_KEPT_BYTES = 256 << 20


@dataclass
class Part:
    """One segment and the rows of it that may be found.

    Attributes
    ----------
    segment : Segment
    start : int
        Place of its first row.
    allowed : ndarray of bool, shape (N,), or None
        None when every row may be found.
    n_allowed : int
    few : tuple of (rows, vectors) or None
        Copy of the rows that may be found, when they are few.
    """

    segment: Segment
    start: int
    allowed: Mask | None
    n_allowed: int
    few: tuple[Rows, Float32s] | None = field(default=None, repr=False)

    @property
    def is_filtered(self) -> bool:
        """Whether more than tombstones is left out."""
        return self.allowed is not self.segment.alive


def select_parts(snapshot: Snapshot, where: Where, hidden: Rows) -> Sequence[Part]:
    """Say for each segment which rows may be found.

    Parameters
    ----------
    snapshot : Snapshot
    where : mapping
        A checked filter; empty for none.
    hidden : ndarray of int64
        Places that may not be found.

    Returns
    -------
    sequence of Part
        Segments of which nothing may be found are left out.
    """
    parts = _select_matching(snapshot, where) if where else _select_alive(snapshot)
    if len(hidden):
        parts = [_hide(part, hidden) for part in parts]
    return [part for part in parts if part.n_allowed]


def _select_alive(snapshot: Snapshot) -> list[Part]:
    pairs = zip(snapshot.segments, snapshot.starts.tolist(), strict=False)
    return [Part(s, start, s.alive, s.entry.n_live) for s, start in pairs]


def _select_matching(snapshot: Snapshot, where: Where) -> Sequence[Part]:
    """Evaluate a filter, or remember what it gave."""
    # Exact, as `check_where` has made plain lists: an array's repr leaves values out.
    key = repr(sorted(where.items(), key=lambda item: item[0]))
    kept: OrderedDict[str, list[Part]] = snapshot.selections
    with snapshot.lock:
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    parts = []
    for part in _select_alive(snapshot):
        mask = match_rows(part.segment.columns, where, snapshot.schema)
        if part.allowed is not None:
            mask &= part.allowed
        n_allowed = int(np.count_nonzero(mask))
        parts.append(Part(part.segment, part.start, mask, n_allowed))
    room = _KEPT_BYTES // _N_KEPT
    for part in parts:
        n_bytes = 4 * part.n_allowed * snapshot.manifest.dimension
        if n_bytes <= room and 4 * part.n_allowed <= len(part.segment):
            rows = np.flatnonzero(part.allowed)  # type: ignore[arg-type]
            part.few = (rows, part.segment.vectors[rows])
            room -= n_bytes
    with snapshot.lock:
        kept[key] = parts
        while len(kept) > _N_KEPT:
            kept.popitem(last=False)
    return parts


def _hide(part: Part, hidden: Rows) -> Part:
    """Leave some places out, too."""
    segment, start = part.segment, part.start
    here = hidden[(hidden >= start) & (hidden < start + len(segment))] - start
    if not len(here):
        return part
    if part.allowed is None:
        allowed = np.ones(len(segment), dtype=bool)
    else:
        allowed = part.allowed.copy()
    n_gone = int(np.count_nonzero(allowed[here]))
    allowed[here] = False
    return Part(segment, start, allowed, part.n_allowed - n_gone)
