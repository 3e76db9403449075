"""Why a segment is searched as it is, in one sentence."""

from indexer.files.manifest import SegmentEntry, StructureRequest, TriedStructure
from indexer.structures.keys import AUTO, EXACT, EXACT_BYTES

__all__ = ["explain_choice"]


def explain_choice(
    segment: SegmentEntry, dimension: int, request: StructureRequest
) -> str:
    """Say why a segment has its structure, or none.

    Parameters
    ----------
    segment : SegmentEntry
    dimension : int
    request : StructureRequest

    Returns
    -------
    str
        A sentence without a full stop.
    """
    entry = segment.structure
    if entry is None:
        if request.key == EXACT:
            return "every vector is compared, as was asked for"
        size = 4 * segment.n_rows * dimension >> 20
        return (
            f"every vector is compared: they take {size} MiB, and no structure is made "
            f"for up to {EXACT_BYTES >> 20} MiB, or for the smaller part of an index"
        )
    if entry.tried:
        return _explain_tried(entry.key, entry.tried, entry.target_recall, request)
    if request.key != AUTO:
        return "it was asked for"
    return "no other fits the number of vectors, their dimensions and the bound"


def _explain_tried(
    key: str,
    tried: tuple[TriedStructure, ...],
    target: float,
    request: StructureRequest,
) -> str:
    """Say what decided among structures that were tried, by what was measured then."""
    able = [one for one in tried if one.recall_at_k >= target]
    chosen = next((one for one in tried if one.key.endswith(_code(key))), None)
    if chosen is None or chosen not in able:
        return f"none of {len(tried)} found {target:g} of the true neighbours; this found most"
    of = f"of {len(able)} that find {target:g} of the true neighbours"
    if request.prefer == "small":
        return f"the smallest {of}"
    first = min(able, key=lambda one: one.read_bytes)
    if first is chosen:
        return (
            f"a query reads {_mib(chosen)} of codes and vectors, the least {of}, and no "
            f"other is clearly quicker"
        )
    share = chosen.query_ms / first.query_ms if first.query_ms else 1.0
    return (
        f"a query takes {share:.2f} of the time that {_code(first.key)} takes, which "
        f"reads the least {of} ({_mib(first)}; this {_mib(chosen)})"
    )


def _code(key: str) -> str:
    """Leave out the number of lists, which may have grown since."""
    return key.partition(",")[2] or key


def _mib(one: TriedStructure) -> str:
    return f"{one.read_bytes / 2**20:.2f} MiB"
