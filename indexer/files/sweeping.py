"""Cleaning the folder of an index: leftovers are removed, foreign files are named.

Only names that the index itself writes are ever removed, and only from real
folders of its own: a link is never followed, nor is what a stranger put there
touched.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from indexer.files import disk
from indexer.files.manifest import Manifest
from indexer.files.names import (
    CURRENT,
    LOCK_FILES,
    OWNER,
    TEMPORARY,
    TEMPORARY_POINTER,
    generation_of,
    is_file_name,
    manifest_path,
)
from indexer.files.opening import is_real_folder

__all__ = ["find_strangers", "is_own", "remove_generation", "sweep"]

_TOP_FILES = frozenset({CURRENT, TEMPORARY_POINTER, OWNER, *LOCK_FILES})


def sweep(folder: Path, manifests: Iterable[Manifest]) -> None:
    """Remove everything of the index that no kept generation names.

    Only the holder of the writer lock may call this.

    Raises
    ------
    IndexWriteError
        If the folder cannot be listed.
    """
    wanted: dict[str, set[str]] = {}
    for manifest in manifests:
        paths = [entry.path for entry in manifest.files]
        for path in (manifest_path(manifest.generation), *paths):
            parent, _, name = path.partition("/")
            wanted.setdefault(parent, set()).add(name)
    with disk.translate_write_errors(folder), os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    if TEMPORARY_POINTER in names:
        _remove_files(folder, [TEMPORARY_POINTER])
    for name in names:
        if _is_generation(name):
            remove_generation(folder, name, stays=wanted.get(name, ()))


def remove_generation(folder: Path, name: str, *, stays: Collection[str] = ()) -> None:
    """Remove the files that a generation wrote, and its folder once it is empty.

    Parameters
    ----------
    folder : Path
    name : str
        Of the folder of the generation, which may still be a temporary one.
    stays : collection of str
        Names of the files in it that stay.
    """
    inner = folder / name
    if not is_real_folder(inner):
        return
    with suppress(OSError):  # what another system still holds open stays
        found = [entry.name for entry in os.scandir(inner)]
        _remove_files(
            inner, [one for one in found if is_file_name(one) and one not in stays]
        )
        if not stays:
            inner.rmdir()


def is_own(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry of the folder is of a name and type that the index writes."""
    if _is_generation(entry.name):
        return entry.is_dir(follow_symlinks=False)
    return entry.name in _TOP_FILES and entry.is_file(follow_symlinks=False)


def find_strangers(folder: Path) -> Iterator[tuple[str, str]]:
    """Give path and nature of all that the index did not write; follow no link."""
    for entry in _scan(folder):
        if not is_own(entry):
            yield entry.name, _describe(entry, has_name=entry.name in _TOP_FILES)
        elif _is_generation(entry.name):
            for file in _scan(folder / entry.name):
                has_name = is_file_name(file.name)
                if not has_name or not file.is_file(follow_symlinks=False):
                    path = f"{entry.name}/{file.name}"
                    yield path, _describe(file, has_name=has_name)


def _is_generation(name: str) -> bool:
    return generation_of(name.removesuffix(TEMPORARY)) is not None


def _remove_files(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        path = folder / name
        with suppress(OSError):  # Windows: still mapped by a reader, for the next sweep
            if not path.is_symlink() and path.is_file():
                path.unlink()


def _scan(folder: Path) -> list["os.DirEntry[str]"]:
    """List a folder by name; a writer may have removed it meanwhile."""
    with suppress(OSError), os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)
    return []


def _describe(entry: "os.DirEntry[str]", *, has_name: bool) -> str:
    if entry.is_symlink():
        return "is a link, which is not followed"
    if has_name or _is_generation(entry.name):
        return "is of another type than what the index writes there"
    return "is no part of the index"
