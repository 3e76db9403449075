"""The outline of a FAISS file, checked before FAISS's own C++ reads it.

FAISS believes what a file says of itself: it takes the memory that a number
asks for, and follows links of a graph wherever they lead. This walks through
the file without copying it and holds each number to the others, to the size of
the file and to the vectors that it should be over. Kinds that it does not know
are refused.

Letters of shapes: N vectors, D dimensions, L inverted lists.
"""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["check_outline"]

# Bytes of code of D dimensions, numbers that were trained, by kind of quantiser.
_SCALAR_KINDS: dict[int, tuple[Callable[[int], int], Callable[[int], int]]] = {
    0: (lambda d: d, lambda d: 2 * d),
    1: (lambda d: (d + 1) // 2, lambda d: 2 * d),
    2: (lambda d: d, lambda _: 2),
    3: (lambda d: (d + 1) // 2, lambda _: 2),
    4: (lambda d: 2 * d, lambda _: 0),
    5: (lambda d: d, lambda _: 0),
    6: (lambda d: (d * 6 + 7) // 8, lambda d: 2 * d),
    7: (lambda d: 2 * d, lambda _: 0),
    8: (lambda d: d, lambda _: 0),
}
_MOST_BITS = 16
_MOST_TRANSFORMS = 8
_DEEPEST = 4
_BLOCK = 1 << 16  # of links: what stays in the cache of a core
_FAST_BITS = 4
_FAST_BLOCK = 32
_MOST_QUERY_BITS = 8


def check_outline(data: Any, shape: tuple[int, int]) -> None:
    """Check that a file is a FAISS index over N vectors of D dimensions.

    Parameters
    ----------
    data : bytes-like
        The file.
    shape : (int, int)
        N and D.

    Raises
    ------
    ValueError
        Says what is wrong.
    """
    walk = _Walk(memoryview(data))
    _check_index(walk, *shape, depth=0)
    _require(walk.place == len(walk.view), "it goes on after its end")


class _Walk:
    """Reads numbers of a file from front to back, and refuses to go beyond its end."""

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.place = 0

    def skip(self, n_bytes: int) -> int:
        """Move forward by some bytes; return the offset before."""
        start = self.place
        _require(0 <= n_bytes <= len(self.view) - start, "it ends too early")
        self.place = start + n_bytes
        return start

    def read(self, form: str) -> Any:
        form = f"<{form}"
        return struct.unpack_from(form, self.view, self.skip(struct.calcsize(form)))[0]

    def name(self) -> str:
        start = self.skip(4)
        return bytes(self.view[start : start + 4]).decode("latin-1")

    def vector(self, dtype: str) -> npt.NDArray[Any]:
        """See a vector, whose length is written before it."""
        kind = np.dtype(dtype)
        n = self.read("Q")
        start = self.skip(n * kind.itemsize)
        return np.frombuffer(self.view, kind, n, start)


def _require(is_right: bool, what: str) -> None:
    if not is_right:
        raise ValueError(what)


def _check_header(walk: _Walk, n: int, dimension: int) -> None:
    said = walk.read("i"), walk.read("q")
    _require(said == (dimension, n), f"it is over {said[1]} vectors of {said[0]}")
    walk.skip(16)
    _require(walk.read("B") == 1, "it is not trained")
    # Of vectors of length one the nearest are the same by product and by distance.
    _require(walk.read("i") in {0, 1}, "it measures otherwise")


def _check_index(walk: _Walk, n: int, dimension: int, depth: int) -> None:
    """Check an index, which may hold others."""
    _require(depth <= _DEEPEST, "it is nested too deep")
    name = walk.name()
    check = _KINDS.get(name)
    if check is None:
        message = f"it is of a kind that cannot be checked ({name!r})"
        raise ValueError(message)
    _check_header(walk, n, dimension)
    check(walk, n, dimension, depth)


def _check_flat(walk: _Walk, n: int, dimension: int, _: int) -> None:
    _require(len(walk.vector("<f4")) == n * dimension, "its vectors are cut")


def _check_scalar_quantiser(walk: _Walk, dimension: int) -> int:
    kind = walk.read("i")
    walk.skip(8)
    said = walk.read("Q"), walk.read("Q")
    n_trained = len(walk.vector("<f4"))
    _require(kind in _SCALAR_KINDS, f"its quantiser is of kind {kind}")
    n_bytes, most = _SCALAR_KINDS[kind]
    _require(said == (dimension, n_bytes(dimension)), "its codes have another length")
    _require(n_trained == most(dimension), "its quantiser is cut")
    return int(said[1])


def _check_product_quantiser(walk: _Walk, dimension: int) -> int:
    said, n_parts, n_bits = walk.read("Q"), walk.read("Q"), walk.read("Q")
    n_centroids = len(walk.vector("<f4"))
    is_split = said == dimension and n_parts > 0 and dimension % n_parts == 0
    _require(is_split and 0 < n_bits <= _MOST_BITS, "its parts do not add up")
    _require(n_centroids == dimension << n_bits, "its centroids are cut")
    return int(n_parts * n_bits + 7) // 8


def _check_scalar(walk: _Walk, n: int, dimension: int, _: int) -> None:
    n_bytes = _check_scalar_quantiser(walk, dimension)
    _require(len(walk.vector("u1")) == n * n_bytes, "its codes are cut")


def _check_product(walk: _Walk, n: int, dimension: int, _: int) -> None:
    n_bytes = _check_product_quantiser(walk, dimension)
    _require(len(walk.vector("u1")) == n * n_bytes, "its codes are cut")
    _require((walk.read("i"), walk.read("B")) == (0, 0), "it searches otherwise")
    walk.skip(4)


def _check_lists_flat(walk: _Walk, n: int, dimension: int, depth: int) -> None:
    n_lists = _check_coarse(walk, n, dimension, depth)
    _check_lists(walk, n, n_lists, 4 * dimension)


def _check_lists_scalar(walk: _Walk, n: int, dimension: int, depth: int) -> None:
    n_lists = _check_coarse(walk, n, dimension, depth)
    n_bytes = _check_scalar_quantiser(walk, dimension)
    _require(walk.read("Q") == n_bytes, "its codes have another length")
    walk.skip(1)
    _check_lists(walk, n, n_lists, n_bytes)


def _check_lists_product(walk: _Walk, n: int, dimension: int, depth: int) -> None:
    n_lists = _check_coarse(walk, n, dimension, depth)
    walk.skip(1)
    said = walk.read("Q")
    n_bytes = _check_product_quantiser(walk, dimension)
    _require(said == n_bytes, "its codes have another length")
    _check_lists(walk, n, n_lists, n_bytes)


def _check_lists_fast(walk: _Walk, n: int, dimension: int, depth: int) -> None:
    """Check lists of codes of four bits, in blocks of 32 vectors."""
    n_lists = _check_coarse(walk, n, dimension, depth)
    walk.skip(1)
    n_bytes, per_block, n_parts = walk.read("Q"), walk.read("i"), walk.read("Q")
    said = walk.read("i"), walk.read("Q")
    start = walk.place
    code_bytes = _check_product_quantiser(walk, dimension)
    _, n_own, n_bits = struct.unpack_from("<QQQ", walk.view, start)
    _require(n_bits == _FAST_BITS and said == (0, 0), "it searches otherwise")
    _require(n_bytes == code_bytes, "its codes have another length")
    fits = per_block == _FAST_BLOCK and n_parts == n_own + n_own % 2
    _require(fits, "its blocks are of another size")
    _check_blocks(walk, n, n_lists, per_block * n_parts // 2)


def _check_blocks(walk: _Walk, n: int, n_lists: int, block_bytes: int) -> None:
    """Check inverted lists in blocks: their sizes, and that so many codes follow."""
    _require(walk.name() == "ilbl", "its lists are elsewhere")
    n_said, _ = walk.read("Q"), walk.read("Q")
    said = walk.read("Q"), walk.read("Q")
    _require(n_said == n_lists, "its lists are others")
    _require(said == (_FAST_BLOCK, block_bytes), "its blocks are of another size")
    total = 0
    for _ in range(n_lists):
        rows = walk.vector("<i8")
        n_codes = walk.read("Q")
        walk.skip(n_codes)
        n_blocks = -(-len(rows) // _FAST_BLOCK)
        _require(n_codes == n_blocks * block_bytes, "its codes are cut")
        total += len(rows)
    _require(total == n, "its lists do not hold every vector once")


def _check_lists_rabitq(walk: _Walk, n: int, dimension: int, depth: int) -> None:
    """Check lists of RaBitQ's codes: a bit per dimension and two numbers."""
    n_lists = _check_coarse(walk, n, dimension, depth)
    n_bytes = (dimension + 7) // 8 + 8
    said = walk.read("Q"), walk.read("Q"), walk.read("i"), walk.read("Q")
    _require(said[0] == dimension, "its codes are of other vectors")
    _require(said[1] == said[3] == n_bytes, "its codes have another length")
    _require(said[2] in {0, 1}, "it measures otherwise")
    walk.skip(1)
    _require(walk.read("B") <= _MOST_QUERY_BITS, "it searches otherwise")
    _check_lists(walk, n, n_lists, n_bytes)


def _check_lists_rabitq_fast(walk: _Walk, n: int, dimension: int, depth: int) -> None:
    """Check lists of RaBitQ's codes in blocks of 32, with two numbers per vector."""
    n_lists = _check_coarse(walk, n, dimension, depth)
    n_bytes = (dimension + 7) // 8 + 8
    said = walk.read("Q"), walk.read("Q"), walk.read("i"), walk.read("Q")
    _require(said[0] == dimension, "its codes are of other vectors")
    _require(said[2] in {0, 1} and said[3] == 1, "it measures otherwise")
    walk.skip(1)
    _require(said[1] == walk.read("Q") == n_bytes, "its codes have another length")
    per_block, second, n_parts = walk.read("i"), walk.read("Q"), walk.read("Q")
    is_plain = (second, walk.read("i")) == (0, 0)
    is_plain &= 0 < walk.read("B") <= _MOST_QUERY_BITS and walk.read("B") <= 1
    _require(is_plain, "it searches otherwise")
    n_quarters = (dimension + 3) // 4
    fits = per_block == _FAST_BLOCK and n_parts == n_quarters + n_quarters % 2
    _require(fits, "its blocks are of another size")
    _check_blocks(walk, n, n_lists, per_block * (n_parts // 2 + 8))


def _check_coarse(walk: _Walk, n: int, dimension: int, depth: int) -> int:
    """Check the quantiser that chooses lists; give their number."""
    n_lists = int(walk.read("Q"))
    walk.skip(8)
    _require(0 < n_lists <= len(walk.view), f"it has {n_lists} lists")
    _check_index(walk, n_lists, dimension, depth + 1)
    is_plain = walk.read("B") == 0 and len(walk.vector("<i8")) == 0
    _require(is_plain, "it holds a map of its vectors")
    return n_lists


def _check_lists(walk: _Walk, n: int, n_lists: int, n_bytes: int) -> None:
    """Check inverted lists: their sizes, and that so many codes and rows follow."""
    _require(walk.name() == "ilar", "its lists are elsewhere")
    said = walk.read("Q"), walk.read("Q")
    _require(said == (n_lists, n_bytes), "its lists are others")
    form = walk.name()
    sizes = walk.vector("<u8")
    if form == "sprs":
        places, sizes = sizes[::2], sizes[1::2]
        are_lists = len(places) == len(sizes) == len(np.unique(places))
        is_one = are_lists and bool((places < n_lists).all())
        _require(is_one, "its lists are others")
    else:
        _require(form == "full" and len(sizes) == n_lists, "its lists are others")
    _require(bool((sizes <= n).all()), "a list is longer than all vectors")
    _require(int(sizes.sum()) == n, "its lists do not hold every vector once")
    walk.skip(n * (n_bytes + 8))


def _check_graph(walk: _Walk, n: int, dimension: int, depth: int) -> None:
    """Check that every link of a graph leads to a vector of its level."""
    walk.vector("<f8")
    ends, levels = walk.vector("<i4"), _aligned(walk.vector("<i4"))
    offsets, links = _aligned(walk.vector("<u8").view("<i8")), walk.vector("<i4")
    entry, top = walk.read("i"), walk.read("i")
    walk.skip(12)
    _require(len(levels) == n and len(offsets) == n + 1, "its levels are cut")
    is_rising = len(ends) > 1 and ends[0] == 0 and (ends[1:] >= ends[:-1]).all()
    _require(bool(is_rising), "its levels do not follow each other")
    is_known = levels.min() > 0 and levels.max() < len(ends)
    _require(bool(is_known), "a vector is on no level")
    fits = bool(offsets[0] == 0 and offsets[-1] == len(links))
    steps = offsets[1:] - offsets[:-1]
    _require(bool(fits and (steps == ends[levels]).all()), "its links are cut")
    _require(0 <= entry < n and levels[entry] == top + 1, "it begins nowhere")
    for start in range(0, len(links), _BLOCK):
        block = _aligned(links[start : start + _BLOCK])
        is_inside = block.min() >= -1 and block.max() < n
        _require(bool(is_inside), "a link leads to no vector")
    for level in range(1, int(levels.max())):
        here = np.flatnonzero(levels > level)
        width = np.arange(int(ends[level]), int(ends[level + 1]))
        found = links[offsets[here][:, np.newaxis] + width]
        is_there = (found < 0) | (levels[found] > level)
        _require(bool(is_there.all()), "a link leads out of its level")
    _check_index(walk, n, dimension, depth + 1)


def _aligned(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Copy numbers that lie at odd offsets of the file: what follows is then twice as fast."""
    if numbers.flags.aligned:
        return numbers
    whole = np.empty(len(numbers), numbers.dtype)
    whole.view(np.uint8)[:] = numbers.view(np.uint8)
    return whole


def _check_transformed(walk: _Walk, n: int, dimension: int, depth: int) -> None:
    n_transforms = walk.read("i")
    _require(0 < n_transforms <= _MOST_TRANSFORMS, f"it has {n_transforms} transforms")
    for _ in range(n_transforms):
        dimension = _check_transform(walk, dimension)
    _check_index(walk, n, dimension, depth + 1)


def _check_transform(walk: _Walk, dimension: int) -> int:
    """Check a transform; give the dimensions of what comes out."""
    name = walk.name()
    _require(name in {"rrot", "LTra", "Pcam", "VNrm"}, f"its transform is {name!r}")
    if name == "VNrm":
        walk.skip(4)
        said = walk.read("i"), walk.read("i"), walk.read("B")
        _require(said == (dimension, dimension, 1), "its transform is of other vectors")
        return dimension
    mean: npt.NDArray[Any] = np.zeros(dimension)
    if name == "Pcam":
        walk.skip(13)
        mean, _, _ = (walk.vector("<f4") for _ in range(3))
    has_bias = walk.read("B")
    matrix, bias = walk.vector("<f4"), walk.vector("<f4")
    n_in, n_out = walk.read("i"), walk.read("i")
    _require(n_in == dimension and n_out > 0, "its transform is of other vectors")
    fits = len(matrix) == n_in * n_out and len(mean) == n_in
    _require(fits and len(bias) == (n_out if has_bias else 0), "its transform is cut")
    _require(walk.read("B") == 1, "its transform is not trained")
    return int(n_out)


_KINDS: dict[str, Callable[[_Walk, int, int, int], None]] = {
    "IxFI": _check_flat,
    "IxF2": _check_flat,
    "IxSQ": _check_scalar,
    "IxPq": _check_product,
    "IwFl": _check_lists_flat,
    "IwSq": _check_lists_scalar,
    "IwPQ": _check_lists_product,
    "IwPf": _check_lists_fast,
    "Iwrq": _check_lists_rabitq,
    "Iwrn": _check_lists_rabitq_fast,
    "IHNf": _check_graph,
    "IHNs": _check_graph,
    "IHNp": _check_graph,
    "IxPT": _check_transformed,
}
