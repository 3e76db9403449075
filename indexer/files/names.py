"""Names of the files of an index; anything else in its folder does not belong to it.

Every name is checked against this before it is opened, written or removed, so
a manifest from a stranger can name no file outside the folder.
"""

import re

from indexer.errors import IndexWriteError

__all__ = [
    "CURRENT",
    "KINDS",
    "LOCK_FILES",
    "MANIFEST",
    "MOST_GENERATION",
    "OWNER",
    "TEMPORARY",
    "TEMPORARY_POINTER",
    "generation_name",
    "generation_of",
    "is_file_name",
    "is_path",
    "is_segment_name",
    "manifest_path",
]

CURRENT = "CURRENT"
MANIFEST = "manifest.json"
OWNER = "writer.json"
LOCK_FILES = ("writer.lock", "writer.turn")
TEMPORARY = ".tmp"
TEMPORARY_POINTER = CURRENT + TEMPORARY
MOST_GENERATION = 10**12 - 1
# Parts of a segment and how their files end.
KINDS = {
    "vectors": "vectors.npy",
    "items": "items.arrow",
    "lookup": "lookup.bin",
    "dead": "dead.bin",
    "structure": "structure.faiss",
}

_NUMBER = r"(?:[0-9]{6}|[1-9][0-9]{6,11})"
_GENERATION = re.compile(rf"gen-({_NUMBER})")
_SEGMENT = re.compile(_NUMBER)
_ENDS = "|".join(map(re.escape, KINDS.values()))
_FILE = re.compile(rf"{_NUMBER}(?:-mended)?\.({_ENDS})")


def generation_name(generation: int) -> str:
    """Name the folder of a generation.

    Raises
    ------
    IndexWriteError
        If the number is larger than any that an index reaches by itself.
    """
    if generation > MOST_GENERATION:
        message = (
            f"no generation can follow number {generation - 1}, which a folder of the "
            f"index is called after: remove that folder, no index wrote it"
        )
        raise IndexWriteError(message)
    return f"gen-{generation:06d}"


def generation_of(name: str) -> int | None:
    """Read the number off the name of a generation's folder; None of another name."""
    match = _GENERATION.fullmatch(name)
    return int(match[1]) if match else None


def manifest_path(generation: int) -> str:
    """Where the manifest of a generation lies, relative to the index."""
    return f"{generation_name(generation)}/{MANIFEST}"


def is_segment_name(name: object) -> bool:
    """Whether a segment can be called that."""
    return isinstance(name, str) and _SEGMENT.fullmatch(name) is not None


def is_file_name(name: str, kind: str | None = None) -> bool:
    """Whether the index calls a file of a generation that.

    Parameters
    ----------
    name : str
        Without the folder.
    kind : str, optional
        A key of `KINDS`; by default any file will do, also the manifest.
    """
    match = _FILE.fullmatch(name)
    if kind is None:
        return match is not None or name == MANIFEST
    return match is not None and match[1] == KINDS[kind]


def is_path(path: object, kind: str, *, newest: int) -> bool:
    """Whether generation `newest` can name this path for a part of a segment."""
    if not isinstance(path, str):
        return False
    folder, _, name = path.partition("/")
    generation = generation_of(folder)
    return (
        generation is not None and 0 < generation <= newest and is_file_name(name, kind)
    )
