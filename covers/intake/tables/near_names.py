"""Finding a file whose name a table spells otherwise: case, accents, separators.

Accented letters have two spellings in Unicode: one character, or a letter and
its mark. macOS and some archives write the second, keyboards the first. They are the
same name; a name in another case, or with a slip, is only suggested.
"""

from __future__ import annotations

import difflib
import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from covers.workspace.remote import AnyPath

_MOST_NAMES = 5000
_MOST_SUGGESTIONS = 20


class NearNames:
    """Looks for files below a folder by the names that they are near to.

    Parameters
    ----------
    root : Path
        The folder; each one below is listed once.
    listed : iterable of str, optional
        Paths of all files, where it is no folder of this machine.
    """

    def __init__(self, root: AnyPath, listed: Iterable[str] | None = None) -> None:
        self._root = root
        self._listed = {} if listed is None else _by_folder(listed)
        self._by_key: dict[tuple[str, bool], dict[str, str]] = {}
        self._n_suggested = 0

    def find(self, path: str) -> str | None:
        """Return the path of the same name in another Unicode form; None where it is not there."""
        if path.isascii():
            return None
        return self._walk(path, fold=False)

    def suggest(self, path: str) -> str | None:
        """Return a path that may be meant; None where nothing is near."""
        found = self._walk(path, fold=True)
        if found is not None or self._n_suggested >= _MOST_SUGGESTIONS:
            return found
        self._n_suggested += 1
        folder, slash, name = path.rpartition("/")
        names = self._list(folder)
        near = difflib.get_close_matches(name, names[:_MOST_NAMES], 1, 0.85)
        return f"{folder}{slash}{near[0]}" if near else None

    def _walk(self, path: str, *, fold: bool) -> str | None:
        """Follow a path folder by folder, each name by its key."""
        found = ""
        for part in path.split("/"):
            names = self._keys(found, fold=fold)
            name = names.get(_key(part, fold=fold))
            if name is None:
                return None
            found = f"{found}/{name}" if found else name
        return found

    def _keys(self, folder: str, *, fold: bool) -> dict[str, str]:
        """Return the names in a folder by key."""
        known = self._by_key.get((folder, fold))
        if known is None:
            known = {_key(name, fold=fold): name for name in self._list(folder)}
            self._by_key[folder, fold] = known
        return known

    def _list(self, folder: str) -> list[str]:
        """Return the names in a folder, none where it cannot be listed."""
        if folder not in self._listed:
            if not isinstance(self._root, Path):
                return []
            try:
                names = os.listdir(os.path.join(self._root, folder))  # noqa: PTH118, PTH208  strings
            except OSError:
                names = []
            self._listed[folder] = sorted(names)
        return self._listed[folder]


def _by_folder(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the names in each folder by its path."""
    names: dict[str, set[str]] = {}
    for path in paths:
        while path:
            folder, _, name = path.rpartition("/")
            if name in names.setdefault(folder, set()):
                break
            names[folder].add(name)
            path = folder
    return {folder: sorted(found) for folder, found in names.items()}


def _key(name: str, *, fold: bool) -> str:
    """Reduce a name to what does not depend on its Unicode form, or its case."""
    key = unicodedata.normalize("NFC", name)
    return unicodedata.normalize("NFC", key.casefold()) if fold else key
