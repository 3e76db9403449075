"""The folder of an index: generations, one pointer, atomic publishing.

::

    CURRENT                     which generation readers open
    gen-000007/manifest.json    the generation: names files, also of older folders
    gen-000007/000012.*         what this generation wrote: vectors, items, …
    gen-000003/000004.*         still named by generation 7
    writer.lock, writer.json    who writes now

A generation is written into ``gen-000008.tmp``, made durable, renamed, and only
then named by ``CURRENT``. What no kept generation names is swept by the next
writer.
"""

import hashlib
import json
import logging
import mmap
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from indexer.errors import (
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
)
from indexer.files import disk
from indexer.files.checking import read_manifest
from indexer.files.disk import HashedFile
from indexer.files.manifest import MOST_BYTES, FileEntry, Manifest, write_manifest
from indexer.files.names import (
    CURRENT,
    MANIFEST,
    MOST_GENERATION,
    TEMPORARY,
    TEMPORARY_POINTER,
    generation_name,
    generation_of,
    manifest_path,
)
from indexer.files.opening import (
    is_real_file,
    is_real_folder,
    parse_json,
    read_small,
    translate_read_errors,
)
from indexer.files.sweeping import is_own, remove_generation

__all__ = [
    "CURRENT",
    "GenerationWriter",
    "current_generation",
    "generations_on_disk",
    "manifest_path",
    "next_generation",
    "past_manifest",
    "point_to",
    "read_current",
    "refuse_foreign_folder",
    "whole_generations",
]

_POINTER_BYTES = 1024

_log = logging.getLogger(__name__)


def current_generation(folder: Path) -> int:
    """Read which generation is current.

    A lost ``CURRENT`` beside whole generations is answered with the newest of
    them, which is what it named, and a warning; a first build that died just
    before writing it has the same effect, and counts.

    Raises
    ------
    IndexNotFoundError
        If the folder does not exist or holds no index.
    IndexDamagedError
        If ``CURRENT`` is not what was written.
    IndexReadError
        If the system refuses to read it, or it is a link.
    """
    try:
        data = read_small(folder, CURRENT, _POINTER_BYTES)
    except FileNotFoundError as error:
        whole = whole_generations(folder)
        if whole:
            _log.warning("index %s has lost CURRENT: reading %d", folder, max(whole))
            return max(whole)
        message = (
            f"no index in {str(folder)!r}: build one, or give the folder of an index"
        )
        raise IndexNotFoundError(message) from error
    except NotADirectoryError as error:
        message = f"no index in {str(folder)!r}: it is a file, not a folder"
        raise IndexNotFoundError(message) from error
    try:
        generation = parse_json(data)["generation"]
    except (ValueError, KeyError, TypeError):
        generation = None
    is_number = type(generation) is int and 0 < generation <= MOST_GENERATION
    if not is_number or data != _pointer_to(generation).encode():
        message = (
            f"{CURRENT!r} of index {str(folder)!r} is damaged: "
            f"run 'python -m indexer verify {folder} --repair'"
        )
        raise IndexDamagedError(message)
    return int(generation)


def read_current(folder: Path) -> Manifest:
    """Read the manifest of the current generation."""
    return past_manifest(folder, current_generation(folder))


def past_manifest(folder: Path, generation: int) -> Manifest:
    """Read the manifest of a generation.

    Raises
    ------
    IndexDamagedError
        If it is missing or not what was written.
    IndexMismatchError
        If a newer release wrote it.
    IndexReadError
        If the system refuses to read it.
    """
    path = manifest_path(generation)
    try:
        data = read_small(folder, path, MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        message = (
            f"index {str(folder)!r} is damaged: {path!r} is missing; "
            f"run 'python -m indexer verify {folder} --repair'"
        )
        raise IndexDamagedError(message) from error
    manifest = read_manifest(data, path)
    if manifest.generation != generation:
        message = (
            f"index {str(folder)!r} is damaged: {path!r} is that of generation "
            f"{manifest.generation}; run 'python -m indexer verify {folder} --repair'"
        )
        raise IndexDamagedError(message)
    return manifest


def whole_generations(folder: Path) -> list[int]:
    """List the generations on disk whose manifest is whole, oldest first."""
    whole = []
    for generation in generations_on_disk(folder):
        try:
            manifest = past_manifest(folder, generation)
        except (IndexDamagedError, IndexMismatchError):
            continue
        if all(_has_size(folder, entry) for entry in manifest.files):
            whole.append(generation)
    return whole


def refuse_foreign_folder(folder: Path) -> None:
    """Refuse to build where files lie that are no part of an index.

    Raises
    ------
    IndexMismatchError
        Names some of the files.
    """
    if folder.exists() and not folder.is_dir():
        message = f"{str(folder)!r} is a file: an index needs a folder"
        raise IndexMismatchError(message)
    if not folder.exists():
        return
    with translate_read_errors(folder), os.scandir(folder) as entries:
        foreign = sorted(entry.name for entry in entries if not is_own(entry))
    if foreign:
        shown = ", ".join(map(repr, foreign[:3])) + (", …" if len(foreign) > 3 else "")
        message = (
            f"{str(folder)!r} holds files that are no part of an index ({shown}): "
            f"give an empty or new folder"
        )
        raise IndexMismatchError(message)


class GenerationWriter:
    """Write a new generation beside the old ones, then publish it in one step.

    Leaving the ``with`` block without `publish` removes what was written. Only
    the holder of the writer lock may use it.
    """

    def __init__(self, folder: Path, generation: int) -> None:
        self.generation = generation
        self._is_published = False
        self._folder = folder
        self._final = folder / generation_name(generation)
        self._temporary = folder / (generation_name(generation) + TEMPORARY)

    def __enter__(self) -> Self:
        with disk.translate_write_errors(self._folder):
            disk.make_folder(self._temporary)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        remove_generation(self._folder, self._temporary.name)
        if not self._is_published:
            remove_generation(self._folder, self._final.name)

    def new_file(self, name: str) -> HashedFile:
        """Open a new file of this generation; use it in a ``with`` block."""
        return HashedFile(self._temporary / name, f"{self._final.name}/{name}")

    def map_vectors(
        self, entry: FileEntry, shape: tuple[int, int]
    ) -> npt.NDArray[np.float32]:
        """Map vectors that this generation has just written."""
        vectors = np.load(self._path_of(entry), mmap_mode="r", allow_pickle=False)
        return np.asarray(vectors).reshape(shape)

    def map_file(self, entry: FileEntry) -> mmap.mmap:
        """Map a file that this generation has just written."""
        with self._path_of(entry).open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def drop_file(self, entry: FileEntry) -> None:
        """Remove a file that this generation has just written."""
        self._path_of(entry).unlink()

    def _path_of(self, entry: FileEntry) -> Path:
        return self._temporary / entry.path.rpartition("/")[2]

    def publish(self, manifest: Manifest) -> None:
        """Make the generation the current one."""
        with self.new_file(MANIFEST) as file:
            file.write(write_manifest(manifest).encode())
        disk.make_durable(self._temporary)
        disk.swap(self._temporary, self._final)
        disk.make_durable(self._folder)
        point_to(self._folder, self.generation)
        self._is_published = True


def point_to(folder: Path, generation: int) -> None:
    """Let ``CURRENT`` name a generation; until the swap nothing has changed."""
    target = folder / CURRENT
    temporary = folder / TEMPORARY_POINTER
    disk.write_text(temporary, _pointer_to(generation))
    disk.swap(temporary, target)
    try:
        disk.make_durable(folder)
    except OSError as error:
        # Readers see the new generation already, so the change did happen.
        _log.warning("generation %d may not outlive a power cut: %s", generation, error)


def next_generation(folder: Path) -> int:
    """Return the first number that no generation on disk has, damaged ones included."""
    return max(_numbers_on_disk(folder), default=0) + 1


def _pointer_to(generation: int) -> str:
    """Write the content of ``CURRENT``; the checksum guards the number."""
    checksum = hashlib.sha256(f"generation {generation}".encode()).hexdigest()[:16]
    return json.dumps({"generation": generation, "check": checksum}) + "\n"


def generations_on_disk(folder: Path) -> list[int]:
    """List the generations that have a manifest, whole or not, oldest first."""
    numbers = sorted(set(_numbers_on_disk(folder)))
    return [
        number
        for number in numbers
        if is_real_folder(folder / generation_name(number))
        and os.path.lexists(folder / manifest_path(number))
    ]


def _numbers_on_disk(folder: Path) -> list[int]:
    """List the numbers of all generations that anything on disk is named after, links included."""
    if not folder.is_dir():
        return []
    with translate_read_errors(folder), os.scandir(folder) as entries:
        numbers = [generation_of(e.name.removesuffix(TEMPORARY)) for e in entries]
    return [number for number in numbers if number is not None]


def _has_size(folder: Path, entry: FileEntry) -> bool:
    path = folder / entry.path
    return is_real_file(path) and path.stat().st_size == entry.n_bytes
