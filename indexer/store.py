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
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from indexer import disk
from indexer.disk import HashedFile
from indexer.errors import (
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
    IndexReadError,
)
from indexer.lock import LOCK_FILES
from indexer.manifest import FileEntry, Manifest, read_manifest, write_manifest

__all__ = [
    "CURRENT",
    "GenerationWriter",
    "MappedFile",
    "current_generation",
    "generations_on_disk",
    "manifest_path",
    "next_generation",
    "past_manifest",
    "point_to",
    "read_current",
    "refuse_foreign_folder",
    "sweep",
    "translate_read_errors",
    "whole_generations",
]

CURRENT = "CURRENT"
_TEMPORARY = ".tmp"
_GENERATION = re.compile(r"gen-(\d{6,})")

_log = logging.getLogger(__name__)


def manifest_path(generation: int) -> str:
    """Where the manifest of a generation lies, relative to the index."""
    return f"gen-{generation:06d}/manifest.json"


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
        If the system refuses to read it.
    """
    try:
        with translate_read_errors(folder, CURRENT):
            data = (folder / CURRENT).read_bytes()
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
        generation = json.loads(data)["generation"]
        is_whole = data == _pointer_to(generation).encode()
    except (ValueError, KeyError, TypeError):
        is_whole = False
        generation = 0
    if not is_whole:
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
        with translate_read_errors(folder, path):
            data = (folder / path).read_bytes()
    except FileNotFoundError as error:
        message = (
            f"index {str(folder)!r} is damaged: {path!r} is missing; "
            f"run 'python -m indexer verify {folder} --repair'"
        )
        raise IndexDamagedError(message) from error
    return read_manifest(data, path)


@contextmanager
def translate_read_errors(folder: Path, path: str = "") -> Iterator[None]:
    """Turn an `OSError` of a read, but for what is missing, into `IndexReadError`."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        message = (
            f"cannot read {str(folder / path)!r}: {error.strerror or error}; nothing is "
            f"lost by that: let this user read the folder and its files, and run again"
        )
        raise IndexReadError(message) from error


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
    foreign = sorted(entry.name for entry in folder.iterdir() if not _is_own(entry))
    if foreign:
        shown = ", ".join(map(repr, foreign[:3])) + (", …" if len(foreign) > 3 else "")
        message = (
            f"{str(folder)!r} holds files that are no part of an index ({shown}): "
            f"give an empty or new folder"
        )
        raise IndexMismatchError(message)


def sweep(folder: Path, kept: Iterable[Manifest]) -> None:
    """Remove everything that no kept generation names: litter and old files.

    Only the holder of the writer lock may call this.
    """
    wanted = {CURRENT, *LOCK_FILES}
    for manifest in kept:
        wanted.add(manifest_path(manifest.generation))
        wanted.update(entry.path for entry in manifest.files)
    folders = {path.partition("/")[0] for path in wanted}
    for entry in folder.iterdir():
        if entry.name not in folders:
            if _is_own(entry):
                disk.remove_tree(entry)
        elif entry.is_dir():
            for file in entry.iterdir():
                if f"{entry.name}/{file.name}" not in wanted:
                    disk.remove_tree(file)


class MappedFile:
    """A file of the index, mapped into memory and never parsed as a whole.

    Parameters
    ----------
    folder : Path
    entry : FileEntry
        The size is checked at once, the checksum on demand.

    Attributes
    ----------
    is_untouched : bool
        Whether its time of modification is the one at which it was made; also
        no for a copy that did not keep the time.

    Raises
    ------
    IndexDamagedError
        If the file is missing or has another size.
    IndexReadError
        If the system refuses to read it.
    """

    def __init__(self, folder: Path, entry: FileEntry) -> None:
        self.entry = entry
        try:
            with (
                translate_read_errors(folder, entry.path),
                (folder / entry.path).open("rb") as file,
            ):
                found = os.fstat(file.fileno())
                if found.st_size != entry.n_bytes:
                    message = (
                        f"index {str(folder)!r} is damaged: {entry.path!r} has "
                        f"{found.st_size} bytes instead of {entry.n_bytes}; "
                        f"run 'python -m indexer verify {folder} --repair'"
                    )
                    raise IndexDamagedError(message)
                self.is_untouched = found.st_mtime_ns == entry.mtime_ns
                self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError as error:
            message = (
                f"index {str(folder)!r} is damaged: {entry.path!r} is missing; "
                f"run 'python -m indexer verify {folder} --repair'"
            )
            raise IndexDamagedError(message) from error

    def is_whole(self) -> bool:
        """Compare the bytes with the checksum of the manifest."""
        return hashlib.sha256(self.data).hexdigest() == self.entry.sha256


class GenerationWriter:
    """Write a new generation beside the old ones, then publish it in one step.

    Leaving the ``with`` block without `publish` removes what was written. Only
    the holder of the writer lock may use it.
    """

    def __init__(self, folder: Path, generation: int) -> None:
        self.generation = generation
        self._is_published = False
        self._folder = folder
        self._final = folder / f"gen-{generation:06d}"
        self._temporary = folder / f"gen-{generation:06d}{_TEMPORARY}"

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
        disk.remove_tree(self._temporary)
        if not self._is_published:
            disk.remove_tree(self._final)

    def new_file(self, name: str) -> HashedFile:
        """Open a new file of this generation; use it in a ``with`` block."""
        return HashedFile(self._temporary / name, f"{self._final.name}/{name}")

    def map_vectors(
        self, entry: FileEntry, shape: tuple[int, int]
    ) -> npt.NDArray[np.float32]:
        """Map vectors that this generation has just written."""
        path = self._temporary / entry.path.rpartition("/")[2]
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        return np.asarray(vectors).reshape(shape)

    def publish(self, manifest: Manifest) -> None:
        """Make the generation the current one."""
        with self.new_file("manifest.json") as file:
            file.write(write_manifest(manifest).encode())
        disk.make_durable(self._temporary)
        disk.swap(self._temporary, self._final)
        disk.make_durable(self._folder)
        point_to(self._folder, self.generation)
        self._is_published = True


def point_to(folder: Path, generation: int) -> None:
    """Let ``CURRENT`` name a generation; until the swap nothing has changed."""
    target = folder / CURRENT
    temporary = folder / (CURRENT + _TEMPORARY)
    disk.write_text(temporary, _pointer_to(generation))
    disk.swap(temporary, target)
    try:
        disk.make_durable(folder)
    except OSError as error:
        # Readers see the new generation already, so the change did happen.
        _log.warning("generation %d may not outlive a power cut: %s", generation, error)


def next_generation(folder: Path) -> int:
    """Give a number that no generation on disk has, whole or not."""
    return max(_numbers_on_disk(folder), default=0) + 1


def _pointer_to(generation: int) -> str:
    """Write the content of ``CURRENT``; the checksum guards the number."""
    checksum = hashlib.sha256(f"generation {generation}".encode()).hexdigest()[:16]
    return json.dumps({"generation": generation, "check": checksum}) + "\n"


def _numbers_on_disk(folder: Path) -> list[int]:
    """List the generations that have a folder; some only lend files to later ones."""
    if not folder.is_dir():
        return []
    with translate_read_errors(folder):
        matches = [_GENERATION.fullmatch(entry.name) for entry in folder.iterdir()]
    return sorted(int(match[1]) for match in matches if match)


def generations_on_disk(folder: Path) -> list[int]:
    """List the generations that have a manifest, whole or not, oldest first."""
    numbers = _numbers_on_disk(folder)
    return [n for n in numbers if (folder / manifest_path(n)).exists()]


def _has_size(folder: Path, entry: FileEntry) -> bool:
    path = folder / entry.path
    return path.is_file() and path.stat().st_size == entry.n_bytes


def _is_own(entry: Path) -> bool:
    name = entry.name.removesuffix(_TEMPORARY)
    return name == CURRENT or name in LOCK_FILES or bool(_GENERATION.fullmatch(name))
