"""FAISS factory keys: which may be built for how many vectors, and how large they are.

=====================  ==========================================================
vectors                structures that ``"auto"`` tries
=====================  ==========================================================
up to 256 MiB          none: exact search over the stored vectors
above, D up to 128     ``HNSW32`` where a million rows or fewer fit the bound
above                  ``IVF{n}`` over ``PQ{D/4}x4fs``, ``PQ{D/2}x4fs``, ``RaBitQ``,
                       ``RaBitQfs`` and ``SQ8``, as far as they fit the bound;
                       graphs over ``SQ8`` too where the quickest search was
                       asked for
too large for a bound  ``IVF{n},PQ{m}x4fs`` with the longest code that fits
=====================  ==========================================================

``PQ…x4fs`` are codes of four bits per part, laid out so that a processor compares
32 vectors at once (André et al. 2015, 2017), as ``RaBitQfs`` are of RaBitQ's bits
(Gao & Long 2024). They are coarse, which costs little here: what they propose is scored again with the stored
vectors.

Letters of shapes: N vectors, D dimensions.
"""

import math
import re

from indexer.files.manifest import PREFERENCES, StructureRequest

__all__ = [
    "AUTO",
    "EXACT",
    "EXACT_BYTES",
    "PREFERENCES",
    "bytes_per_vector",
    "candidate_keys",
    "lists_of",
    "refuse_wild_key",
]

AUTO = "auto"
EXACT = "exact"

EXACT_BYTES = 256 << 20
_GRAPH_DIMENSIONS = 128
_GRAPH_ROWS = 1_000_000
_GRAPH_LINK_BYTES = 280
_ID_BYTES = 8
_BITS = ("RaBitQ", "RaBitQfs")
_LONGEST_KEY = 100
_MOST_LINKS = 512


def candidate_keys(
    n: int, dimension: int, request: StructureRequest
) -> tuple[str, ...]:
    """Give the structures that may be built for a segment, the likeliest first.

    Parameters
    ----------
    n : int
        Rows of the segment.
    dimension : int
    request : StructureRequest
        An explicit key is taken as it is.

    Returns
    -------
    tuple of str
        ``"exact"`` alone, or FAISS factory keys; more than one has to be measured.
    """
    if request.key != AUTO:
        return (request.key,)
    if 4 * n * dimension <= EXACT_BYTES:
        return (EXACT,)
    bound = math.inf if request.memory_mib is None else request.memory_mib << 20
    graphs = [key for key in _graph_keys(n, dimension, request) if key]
    keys = [
        key
        for key in (*graphs, *_list_keys(n, dimension))
        if _structure_bytes(key, n, dimension) <= bound
    ]
    if "HNSW32" in keys and request.prefer == "fast":
        return ("HNSW32",)
    if keys:
        return tuple(keys)
    n_lists = _number_of_lists(n)
    room = 2 * max(1, (bound - 4 * n_lists * dimension) // n - _ID_BYTES)
    n_parts = max(
        m for m in range(1, dimension + 1) if dimension % m == 0 and m <= room
    )
    return (f"IVF{n_lists},PQ{n_parts}x4fs",)


def _graph_keys(n: int, dimension: int, request: StructureRequest) -> tuple[str, ...]:
    keys: tuple[str, ...] = ()
    if dimension <= _GRAPH_DIMENSIONS and n <= _GRAPH_ROWS:
        keys += ("HNSW32",)
    if request.prefer == "quick-search":
        keys += ("HNSW32_SQ8",)
    return keys


def _list_keys(n: int, dimension: int) -> tuple[str, ...]:
    n_lists = _number_of_lists(n)
    parts = [dimension // step for step in (4, 2) if dimension % step == 0]
    codes = [f"PQ{n_parts}x4fs" for n_parts in parts]
    return tuple(f"IVF{n_lists},{code}" for code in (*codes, *_BITS, "SQ8"))


def _number_of_lists(n: int) -> int:
    return int(2 ** round(math.log2(2 * math.sqrt(n))))


def _structure_bytes(key: str, n: int, dimension: int) -> int:
    return n * bytes_per_vector(key, dimension) + 4 * lists_of(key) * dimension


def bytes_per_vector(key: str, dimension: int) -> int:
    """Size per vector, without the lists' centres, for the keys that ``"auto"`` gives."""
    if key.startswith("HNSW"):
        n_bytes = dimension if key.endswith("SQ8") else 4 * dimension
        return n_bytes + _GRAPH_LINK_BYTES
    return _ID_BYTES + _code_bytes(key, dimension)


def _code_bytes(key: str, dimension: int) -> int:
    code = key.partition(",")[2]
    if code in _BITS:  # a bit per dimension and two numbers
        return (dimension + 7) // 8 + 8
    parts = re.fullmatch(r"PQ(\d+)x4fs", code)
    return (int(parts[1]) + 1) // 2 if parts else dimension


def refuse_wild_key(key: str, n: int, dimension: int) -> None:
    """Refuse numbers in a key that FAISS would take memory for, or end the process by.

    Raises
    ------
    ValueError
        Names the number.
    """
    limits = {"IVF": n, "HNSW": _MOST_LINKS}
    for name, number in re.findall(r"([A-Za-z]*)_?([0-9]+)", key[:_LONGEST_KEY]):
        limit = limits.get(name, 4 * dimension + 64)
        is_large = len(key) > _LONGEST_KEY or int(number) > limit
        if is_large or int(number) < (2 if name == "HNSW" else 1):
            size = "large" if is_large else "small"
            message = (
                f"FAISS cannot build structure {key!r:.80} over {n} vectors of "
                f"{dimension} dimensions ({name}{number} is too {size}): give 'auto', "
                f"'exact' or another factory key"
            )
            raise ValueError(message)


def lists_of(key: str) -> int:
    """Read the number of inverted lists off a key; 0 without any."""
    for part in key.split(","):
        digits = part.removeprefix("IVF").partition("_")[0]
        if part.startswith("IVF") and digits.isdigit():
            return int(digits)
    return 0
