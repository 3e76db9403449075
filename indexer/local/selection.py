"""What a search may find: per segment, the rows that live and match a filter.

A filter that is used again costs nothing the second time: the last few
selections of a snapshot are kept, with a copy of the vectors where these are
few, so that a repeated search is an exact search over one small matrix.

Letters of shapes: N rows of a segment, M rows that may be found, D dimensions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from indexer.files.segment import Segment
from indexer.files.snapshot import Snapshot
from indexer.filters import Where, match_rows

if TYPE_CHECKING:
    from collections import OrderedDict

__all__ = ["Few", "Part", "Selection", "select"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_N_KEPT = 8
# Copies of vectors that one selection may keep; so a snapshot keeps up to 256 MiB.
_KEPT_BYTES = 32 << 20


@dataclass(frozen=True)
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
    """

    segment: Segment
    start: int
    allowed: Mask | None
    n_allowed: int

    @property
    def is_filtered(self) -> bool:
        """Whether a filter leaves items out, beside those that were removed."""
        return self.allowed is not self.segment.alive

    @property
    def places(self) -> Rows:
        """Places of the rows that may be found, sorted."""
        if self.allowed is None:
            return np.arange(self.start, self.start + len(self.segment))
        return np.flatnonzero(self.allowed) + self.start


@dataclass(frozen=True)
class Few:
    """The few vectors that a filter lets through, copied into one small matrix.

    Attributes
    ----------
    snapshot : Snapshot
    places : ndarray of int64, shape (M,)
        Sorted.
    vectors : ndarray of float32, shape (M, D)
    """

    snapshot: Snapshot
    places: Rows
    vectors: Float32s

    @cached_property
    def ids(self) -> npt.NDArray[np.object_]:
        """Their ids: str, shape (M,)."""
        return self.snapshot.ids_at(self.places)


@dataclass(frozen=True)
class Selection:
    """All that may be found.

    Attributes
    ----------
    parts : sequence of Part
        Segments of which something may be found.
    few : Few or None
        The same, copied; None where it is too much.
    """

    parts: Sequence[Part]
    few: Few | None = None


def select(snapshot: Snapshot, where: Where, hidden: Rows) -> Selection:
    """Say which rows may be found.

    Parameters
    ----------
    snapshot : Snapshot
    where : mapping
        A checked filter; empty for none.
    hidden : ndarray of int64
        Places that may not be found.
    """
    selection = _select_matching(snapshot, where) if where else snapshot.everything
    if selection is None:
        selection = snapshot.everything = _select_alive(snapshot)
    if not len(hidden):
        return selection
    return _select_possible(_hide(part, hidden) for part in selection.parts)


def _select_possible(parts: Iterable[Part]) -> Selection:
    return Selection([part for part in parts if part.n_allowed])


def _select_alive(snapshot: Snapshot) -> Selection:
    pairs = zip(snapshot.segments, snapshot.starts.tolist(), strict=False)
    return _select_possible(
        Part(s, start, s.alive, s.entry.n_live) for s, start in pairs
    )


def _select_matching(snapshot: Snapshot, where: Where) -> Selection:
    """Evaluate a filter, or remember what it gave."""
    # Exact, as `check_where` has made plain lists: an array's repr leaves values out.
    key = repr(sorted(where.items(), key=lambda item: item[0]))
    kept: OrderedDict[str, Selection] = snapshot.selections
    with snapshot.lock:
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    parts = []
    for part in _select_alive(snapshot).parts:
        columns = part.segment.columns_for(snapshot.schema, where.keys())
        mask = match_rows(columns, where, snapshot.schema)
        if part.allowed is not None:
            mask &= part.allowed
        n_allowed = int(np.count_nonzero(mask))
        parts.append(Part(part.segment, part.start, mask, n_allowed))
    selection = _select_possible(parts)
    selection = Selection(selection.parts, _copy_few(snapshot, selection.parts))
    with snapshot.lock:
        kept[key] = selection
        while len(kept) > _N_KEPT:
            kept.popitem(last=False)
    return selection


def _copy_few(snapshot: Snapshot, parts: Sequence[Part]) -> Few | None:
    """Copy what may be found, unless it is much, or a good part of all."""
    n_allowed = sum(part.n_allowed for part in parts)
    n_bytes = 4 * n_allowed * snapshot.manifest.dimension
    if not n_allowed or n_bytes > _KEPT_BYTES or 4 * n_allowed > len(snapshot):
        return None
    joined = np.concatenate([part.places for part in parts])
    return Few(snapshot, joined, snapshot.vectors_at(joined))


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
