"""Search over a snapshot: candidates from each segment, one way of scoring.

Letters of shapes: Q queries, k neighbours, M candidates, D dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from indexer.backends.exact import exact_candidates
from indexer.backends.scoring import best_rows
from indexer.files.manifest import StructureEntry
from indexer.files.snapshot import Snapshot
from indexer.filters import Where, show_where
from indexer.local.selection import Few, Part, select
from indexer.result import SHORT, SearchResult
from indexer.structures.keys import lists_of

__all__ = ["Allowed", "LocalResult", "search_snapshot"]

Float32s = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Products round differently by their shape, so a few more than k are fetched,
# scored alike, and cut.
_SLACK = 4
# A filter that leaves no more numbers than this is searched exactly; where there are
# no inverted lists, one that leaves no more than that.
_EXACT_NUMBERS = 1 << 20
_EXACT_BESIDE_GRAPHS = 1 << 26
# Times as many lists as the share of rows asks for, unless that is nearly one.
_WIDER = 4
_NEARLY_ALL = 0.99
# Bytes of vectors that are read in the time of a byte of codes.
_BYTES_PER_CODE_BYTE = 2
# A batch reads vectors once for many queries, codes for each.
_BATCH = 16
_BATCH_GAIN = 12
_FEW_EXCLUDED = 8
_NO_ROWS: Rows = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalResult(SearchResult):
    """The nearest items of each query, best first, and where they stand in the index.

    Attributes
    ----------
    rows : ndarray of int64, shape (Q, k)
        Positions in `VectorIndex.ids` and `VectorIndex.columns` of the same
        generation; ``-1`` in an empty slot.
    """

    rows: Rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Allowed:
    """Which items a search may find; without arguments, all of them.

    Attributes
    ----------
    where : mapping
        A checked filter; empty for none.
    hidden : ndarray of int64
        Places that no query may find.
    excluded : sequence of ndarray of int64
        Places that one query may not find: one array per query, or none at all.
    """

    where: Where = field(default_factory=dict)
    hidden: Rows = field(default_factory=lambda: _NO_ROWS)
    excluded: Sequence[Rows] = ()


def search_snapshot(
    snapshot: Snapshot,
    queries: Float32s,
    k: int,
    allowed: Allowed,
    *,
    is_exact: bool = False,
) -> LocalResult:
    """Find the k nearest live items of each query.

    Parameters
    ----------
    snapshot : Snapshot
    queries : ndarray of float32, shape (Q, D)
        Unit rows.
    k : int
    allowed : Allowed
    is_exact : bool, default=False
        Leave the structures aside.
    """
    notes: list[str] = []
    hidden, excluded = allowed.hidden, allowed.excluded
    if 0 < len(hidden) <= _FEW_EXCLUDED:
        # A few more candidates cost less than a mask over all rows.
        excluded = excluded or [_NO_ROWS] * len(queries)
        excluded = [np.concatenate([some, hidden]) for some in excluded]
        hidden = _NO_ROWS
    selection = select(snapshot, allowed.where, hidden)
    n_wanted = k + max((len(places) for places in excluded), default=0)
    if selection.few is not None:
        places, similarities = _search_few(selection.few, queries, n_wanted)
    else:
        places, similarities = _search_parts(
            selection.parts, queries, n_wanted, is_exact=is_exact, notes=notes
        )
    if n_wanted > k:
        gone = _are_among(places, excluded)
        similarities[gone] = -np.inf
        places[gone] = -1
    places, similarities = _order(places, similarities, k)
    is_empty = places < 0
    if is_empty.any():
        n_allowed = sum(part.n_allowed for part in selection.parts)
        notes.append(_explain_short(snapshot, k, n_allowed, allowed.where, is_empty))
        similarities[is_empty] = np.nan
        ids = snapshot.ids_at(places)
    elif selection.few is not None:
        ids = selection.few.ids[np.searchsorted(selection.few.places, places)]
    else:
        ids = snapshot.ids_at(places)
    return LocalResult(
        ids=ids,
        rows=snapshot.rows_of(places),
        similarities=similarities,
        generation=snapshot.manifest.generation,
        notes=tuple(notes),
        read_columns=lambda: snapshot.columns_at(places.ravel()),
    )


def _are_among(places: Rows, excluded: Sequence[Rows]) -> Mask:
    """Say which places of each query are among those excluded for it."""
    width = max(len(some) for some in excluded)
    if width > _FEW_EXCLUDED:
        pairs = zip(places, excluded, strict=True)
        return np.stack([np.isin(found, some) for found, some in pairs])
    padded = np.full((len(places), width), -2, dtype=np.int64)
    for query, some in enumerate(excluded):
        padded[query, : len(some)] = some
    among: Mask = (places[:, :, np.newaxis] == padded[:, np.newaxis, :]).any(axis=2)
    return among


def _search_few(few: Few, queries: Float32s, n_wanted: int) -> tuple[Rows, Float32s]:
    """Search a few copied vectors exactly; places and similarities in any order."""
    found, similarities = exact_candidates(queries, few.vectors, n_wanted + _SLACK)
    return _fill_up(few.places[found], similarities, n_wanted)


def _search_parts(
    parts: Sequence[Part],
    queries: Float32s,
    n_wanted: int,
    *,
    is_exact: bool,
    notes: list[str],
) -> tuple[Rows, Float32s]:
    """Collect candidates of all segments with their similarities, in any order."""
    found = [
        _search_part(part, queries, n_wanted, is_exact=is_exact, notes=notes)
        for part in parts
    ]
    if len(found) == 1:  # the same, without copies
        return _fill_up(*found[0], n_wanted)
    nothing = np.zeros((len(queries), 0), dtype=np.int64)
    places = np.concatenate([nothing, *(some for some, _ in found)], axis=1)
    similarities = np.concatenate(
        [nothing.astype(np.float32), *(numbers for _, numbers in found)], axis=1
    )
    return _fill_up(places, similarities, n_wanted)


def _fill_up(
    places: Rows, similarities: Float32s, n_wanted: int
) -> tuple[Rows, Float32s]:
    """Add empty slots where fewer were found than are wanted."""
    n_missing = n_wanted - places.shape[1]
    if n_missing <= 0:
        return places, similarities
    missing = ((0, 0), (0, n_missing))
    return (
        np.pad(places, missing, constant_values=-1),
        np.pad(similarities, missing, constant_values=-np.inf),
    )


def _search_part(
    part: Part,
    queries: Float32s,
    n_wanted: int,
    *,
    is_exact: bool,
    notes: list[str],
) -> tuple[Rows, Float32s]:
    """Find the places of the nearest rows of one segment, ``-1`` where none is."""
    rows, similarities = _search_rows(
        part, queries, n_wanted, is_exact=is_exact, notes=notes
    )
    if part.start:
        rows = np.where(rows < 0, -1, rows + part.start)
    return rows, similarities


def _search_rows(
    part: Part,
    queries: Float32s,
    n_wanted: int,
    *,
    is_exact: bool,
    notes: list[str],
) -> tuple[Rows, Float32s]:
    """Find the nearest rows of one segment, ``-1`` where none is."""
    segment = part.segment
    n_exact = min(n_wanted + _SLACK, part.n_allowed)
    entry = segment.entry.structure
    is_exact = is_exact or _is_quick_exactly(part, entry, len(queries))
    structure = None if is_exact else segment.structure
    if not is_exact and entry is not None and structure is None:
        notes.append(
            f"{entry.file.path!r} is damaged, its segment was searched exactly: "
            f"run 'python -m indexer verify FOLDER --repair'"
        )
    segment.expect(is_scattered=structure is not None)
    if entry is None or structure is None:
        return exact_candidates(queries, segment.vectors, n_exact, part.allowed)
    effort = _effort_for(part, entry)
    refine = effort.pop("refine", 1)
    # Never fewer than the recall was measured with: codes are coarse.
    n_candidates = min(refine * max(n_wanted, entry.k + 1), part.n_allowed)
    rows = structure.search(queries, n_candidates, effort=effort, allowed=part.allowed)
    rows[rows >= len(segment)] = -1  # a list may have rotted on the disk
    rows, similarities = best_rows(queries, segment.vectors, rows, n_exact)
    if rows.min(initial=0) >= 0:
        return rows, similarities
    is_short = (rows >= 0).sum(axis=1) < min(n_wanted, part.n_allowed)
    if is_short.any():
        rows[is_short], similarities[is_short] = exact_candidates(
            queries[is_short], segment.vectors, rows.shape[1], part.allowed
        )
    return rows, similarities


def _effort_for(part: Part, entry: StructureEntry) -> dict[str, int]:
    """Search wider for rarer rows: more lists hold k of them, not more candidates.

    A filter may leave out what lies near a query and keep what lies far away: where
    it has to do with the vectors, lists in proportion to the rarity are not enough.
    """
    factor = max(1, round(len(part.segment) / part.n_allowed))
    if part.n_allowed < _NEARLY_ALL * part.segment.entry.n_live:
        factor *= _WIDER
    return {
        name: value if name == "refine" else value * factor
        for name, value in entry.effort.items()
    }


def _is_quick_exactly(part: Part, entry: StructureEntry | None, n_queries: int) -> bool:
    """Whether comparing all that a filter leaves takes no longer than the structure."""
    n_numbers = part.n_allowed * int(part.segment.vectors.shape[1])
    if entry is None or not part.is_filtered:
        return entry is None
    n_lists, n_probed = lists_of(entry.key), _effort_for(part, entry).get("nprobe", 0)
    if not n_lists or not n_probed:
        return n_numbers <= _EXACT_BESIDE_GRAPHS
    n_bytes = n_numbers * int(part.segment.vectors.itemsize)
    if n_queries >= _BATCH:
        n_bytes //= _BATCH_GAIN
    n_code_bytes = entry.file.n_bytes * min(1, n_probed / n_lists)
    is_less = n_bytes <= _BYTES_PER_CODE_BYTE * n_code_bytes
    return is_less or n_numbers <= _EXACT_NUMBERS


def _order(places: Rows, similarities: Float32s, k: int) -> tuple[Rows, Float32s]:
    """Sort by similarity, ties by place, and keep k."""
    if len(places) == 1:  # the same, without the cost of many axes
        first = np.lexsort((places[0], -similarities[0]))[:k]
        return places[:, first], similarities[:, first]
    order = np.lexsort((places, -similarities), axis=-1)[:, :k]
    return (
        np.take_along_axis(places, order, axis=1),
        np.take_along_axis(similarities, order, axis=1),
    )


def _explain_short(
    snapshot: Snapshot, k: int, n_allowed: int, where: Where, is_empty: Mask
) -> str:
    """Say why there are fewer than k answers."""
    n_short = int(is_empty.any(axis=1).sum())
    reason = f"the index holds {len(snapshot)} items"
    if where:
        reason += f", {n_allowed} match {show_where(where)} and may be found"
    elif n_allowed < len(snapshot):
        reason += f", {n_allowed} may be found"
    return f"{n_short} of {len(is_empty)} {SHORT}={k}: {reason}"
