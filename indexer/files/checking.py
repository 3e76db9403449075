"""Reading a manifest; everything in it is checked before it is used.

Whoever can write a manifest can also write its checksum. So each field has a
type and bounds, names must be of the forms that the index writes, and counts
must fit the sizes of the files: nothing is opened and no memory is taken for a
number that nothing else agrees with.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from indexer.errors import IndexDamagedError, IndexMismatchError
from indexer.files.manifest import (
    FORMAT,
    PREFERENCES,
    FileEntry,
    Manifest,
    PastGeneration,
    SegmentEntry,
    StructureEntry,
    StructureRequest,
    TriedStructure,
)
from indexer.files.names import MOST_GENERATION, is_path, is_segment_name, manifest_path
from indexer.files.opening import parse_json
from indexer.vectors import STORES

__all__ = ["MOST_DIMENSION", "inconsistencies", "read_manifest"]

Made = TypeVar("Made")
Check = Callable[[Any], bool]

MOST_DIMENSION = 2**31 - 1
_FORMATS = (1, FORMAT)
_MOST_TRIED = 32
_MOST_ROWS = 2**40
_MOST_BYTES = 2**62
_MOST_K = 1000
_MOST_EFFORT = {"refine": 64, "nprobe": 2**31 - 1, "efSearch": 4096}
_DIGITS = frozenset("0123456789abcdef")
_ZEROS = "0" * 64
_REPAIR = "run 'python -m indexer verify FOLDER --repair'"


def read_manifest(data: bytes, path: str) -> Manifest:
    """Parse and check the bytes of a manifest.

    Parameters
    ----------
    data : bytes
    path : str
        Where they came from, for messages.

    Raises
    ------
    IndexDamagedError
        If the bytes are not what an index writes.
    IndexMismatchError
        If a newer release wrote them.
    """
    try:
        content = parse_json(data)
        claimed = content["sha256"]
        zeroed = data.replace(claimed.encode(), _ZEROS.encode(), 1)
        is_whole = hashlib.sha256(zeroed).hexdigest() == claimed
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path!r} is damaged: it is no manifest ({error}); {_REPAIR}"
        raise IndexDamagedError(message) from error
    if not is_whole:
        message = f"{path!r} is damaged: its checksum is wrong; {_REPAIR}"
        raise IndexDamagedError(message)
    if content.get("format") not in _FORMATS:
        message = (
            f"{path!r} has format {content.get('format')!r:.40}, this release reads "
            f"formats up to {FORMAT}: update the package, or build the index again"
        )
        raise IndexMismatchError(message)
    try:
        return _manifest_from(content)
    except (ValueError, KeyError, TypeError) as error:
        message = (
            f"{path!r} is damaged: a field is missing or wrong ({error}); {_REPAIR}"
        )
        raise IndexDamagedError(message) from error


def inconsistencies(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Give the file and what is wrong, where counts and sizes do not fit."""
    for segment in manifest.segments:
        if segment.lookup.n_bytes != 16 * segment.n_rows:
            n_ids = segment.lookup.n_bytes / 16
            what = f"it holds {n_ids:g} ids, the manifest says {segment.n_rows}"
            yield segment.lookup.path, what
        n_dead = segment.dead.n_bytes / 8 if segment.dead else 0
        if n_dead != segment.n_dead:
            path = (segment.dead or segment.vectors).path
            what = f"it holds {n_dead:g} tombstones, the manifest says {segment.n_dead}"
            yield path, what
        size = np.dtype(STORES[segment.store]).itemsize
        n_bytes = size * segment.n_rows * manifest.dimension
        if not 0 < segment.vectors.n_bytes - n_bytes <= 2**16:
            what = (
                f"it has {segment.vectors.n_bytes} bytes, the manifest says "
                f"{segment.n_rows} vectors of {manifest.dimension} numbers"
            )
            yield segment.vectors.path, what
    n_live = sum(segment.n_live for segment in manifest.segments)
    if n_live != manifest.n_items:
        what = f"the segments hold {n_live} items, the manifest says {manifest.n_items}"
        yield manifest_path(manifest.generation), what


def _manifest_from(content: Mapping[str, Any]) -> Manifest:
    newest = content["generation"]
    _require(_is_whole(1, MOST_GENERATION)(newest), "generation", newest)
    fields = {key: content[key] for key in content if key not in {"sha256", "format"}}
    fields["request"] = _make(StructureRequest, _REQUEST, fields["request"])
    fields["segments"] = tuple(
        _segment_from(entry, newest) for entry in _listed(fields, "segments")
    )
    fields["history"] = tuple(
        _make(PastGeneration, _PAST, entry) for entry in _listed(fields, "history")
    )
    manifest = _make(Manifest, _MANIFEST, fields)
    _require(manifest.content <= newest, "content", manifest.content)
    before = newest
    for past in manifest.history:
        _require(past.generation < before, "history", past.generation)
        before = past.generation
    paths = [file.path for file in manifest.files]
    _require(len(set(paths)) == len(paths), "segments", "one file twice")
    return manifest


def _segment_from(entry: Any, newest: int) -> SegmentEntry:
    _require(isinstance(entry, dict), "segments", entry)
    fields = dict(entry)
    for part in ("vectors", "items", "lookup"):
        fields[part] = _file_from(fields[part], part, newest)
    if fields["dead"] is not None:
        fields["dead"] = _file_from(fields["dead"], "dead", newest)
    if fields["structure"] is not None:
        _require(isinstance(fields["structure"], dict), "structure", fields)
        structure = dict(fields["structure"])
        structure["file"] = _file_from(structure["file"], "structure", newest)
        structure["tried"] = _tried_from(structure.get("tried", []))
        fields["structure"] = _make(StructureEntry, _STRUCTURE, structure)
    segment = _make(SegmentEntry, _SEGMENT, fields)
    _require(segment.n_dead <= segment.n_rows, "n_dead", segment.n_dead)
    return segment


def _tried_from(entries: Any) -> tuple[TriedStructure, ...]:
    is_list = isinstance(entries, list) and len(entries) <= _MOST_TRIED
    _require(is_list, "tried", entries)
    return tuple(_make(TriedStructure, _TRIED, entry) for entry in entries)


def _file_from(entry: Any, kind: str, newest: int) -> FileEntry:
    file = _make(FileEntry, _FILE, entry)
    _require(is_path(file.path, kind, newest=newest), f"path of {kind}", file.path)
    return file


def _make(kind: type[Made], checks: Mapping[str, Check], fields: Any) -> Made:
    """Build a dataclass of fields that all have a check and pass it."""
    _require(isinstance(fields, dict), kind.__name__, fields)
    for name, value in fields.items():
        _require(name in checks and checks[name](value), name, value)
    return kind(**fields)


def _require(is_right: bool, name: str, value: object) -> None:
    if not is_right:
        message = f"{name} is {value!r:.80}"
        raise ValueError(message)


def _listed(fields: Mapping[str, Any], name: str) -> list[Any]:
    entries = fields[name]
    _require(isinstance(entries, list), name, entries)
    return list(entries)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_tuple(value: object) -> bool:
    return isinstance(value, tuple)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and _DIGITS.issuperset(value)


def _is_one_of(words: Collection[str]) -> Check:
    return lambda value: isinstance(value, str) and value in words


def _is_whole(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _is_number(low: float, high: float) -> Check:
    return lambda value: type(value) in {int, float} and low <= value <= high


def _is_maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _is_made(kind: type) -> Check:
    return lambda value: isinstance(value, kind)


def _are_texts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_effort(value: object) -> bool:
    return isinstance(value, dict) and all(
        name in _MOST_EFFORT and _is_whole(1, _MOST_EFFORT[name])(effort)
        for name, effort in value.items()
    )


_COUNT = _is_whole(0, _MOST_ROWS)
_FILE: dict[str, Check] = {
    "path": _is_text,
    "n_bytes": _is_whole(1, _MOST_BYTES),
    "sha256": _is_digest,
    "mtime_ns": _is_maybe(_is_whole(-_MOST_BYTES, 2 * _MOST_BYTES)),
}
_REQUEST: dict[str, Check] = {
    "key": _is_text,
    "target_recall": _is_number(0, 1),
    "k": _is_whole(1, _MOST_K),
    "memory_mib": _is_maybe(_is_whole(1, _MOST_BYTES)),
    "prefer": _is_one_of(PREFERENCES),
    "store": _is_one_of(STORES),
}
_TRIED: dict[str, Check] = {
    "key": _is_text,
    "n_bytes": _is_number(0, _MOST_BYTES),
    "query_ms": _is_number(0, _MOST_BYTES),
    "recall_at_k": _is_number(0, 1),
    "refine": _is_whole(1, _MOST_EFFORT["refine"]),
    "n_rows": _COUNT,
    "seconds": _is_number(0, _MOST_BYTES),
    "read_bytes": _is_number(0, _MOST_BYTES),
}
_STRUCTURE: dict[str, Check] = {
    "file": _is_made(FileEntry),
    "key": _is_text,
    "effort": _is_effort,
    "recall_at_k": _is_number(0, 1),
    "recall_low": _is_number(-1, 1),
    "k": _is_whole(1, _MOST_K),
    "n_queries": _COUNT,
    "target_recall": _is_number(0, 1),
    "is_target_met": _is_bool,
    "tried": _is_tuple,
    "n_trained": _COUNT,
    "trained_fit": _is_maybe(_is_number(-1.01, 1.01)),
    "cell_fit": _is_maybe(_is_number(-1.01, 1.01)),
}
_SEGMENT: dict[str, Check] = {
    "name": is_segment_name,
    "n_rows": _is_whole(1, _MOST_ROWS),
    "vectors": _is_made(FileEntry),
    "items": _is_made(FileEntry),
    "lookup": _is_made(FileEntry),
    "structure": _is_maybe(_is_made(StructureEntry)),
    "dead": _is_maybe(_is_made(FileEntry)),
    "n_dead": _COUNT,
    "store": _is_one_of(STORES),
}
_PAST: dict[str, Check] = {
    "generation": _is_whole(1, MOST_GENERATION),
    "content": _is_whole(1, MOST_GENERATION),
    "n_items": _COUNT,
    "created": _is_text,
}
_MANIFEST: dict[str, Check] = {
    "generation": _is_whole(1, MOST_GENERATION),
    "content": _is_whole(1, MOST_GENERATION),
    "operation": _is_text,
    "created": _is_text,
    "dimension": _is_whole(1, MOST_DIMENSION),
    "n_items": _COUNT,
    "schema": _is_text,
    "next_segment": _is_whole(1, MOST_GENERATION),
    "keep_generations": _is_whole(0, _MOST_BYTES),
    "request": _is_made(StructureRequest),
    "fingerprints": _are_texts,
    "segments": _is_tuple,
    "history": _is_tuple,
    "versions": _are_texts,
    "parent": _is_maybe(_is_whole(1, MOST_GENERATION)),
}
