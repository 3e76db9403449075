"""The tree of genres: which names mean the same, and which genre is part of which.

It is read from text files: ``genre_tree.toml``, which a person may copy and
change, and the lists that it names, of Discogs and MusicBrainz. Names are
looked up whatever their case, blanks and punctuation, so that ``funksoul`` is
``Funk / Soul`` and ``RnB/Swing`` is ``rnbswing``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from covers.catalogue.genre_names import (
    SEPARATORS,
    genre_key,
    loose_key,
    placeholders,
    protected_key,
    read_packaged,
)
from covers.errors import ConfigError
from covers.workspace.artefacts import fingerprint
from covers.workspace.disk.strangers import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

LISTS = ("discogs", "musicbrainz")
"""The tables in ``genre_lists`` that another table may name."""
_PARTS = ("protected", "aliases", "tree", "also", "lists")
_NEEDLESS = "music"  # "House Music" is House


@dataclass(frozen=True)
class GenreTree:
    """Which names mean the same genre, and which genre is part of which.

    Parameters
    ----------
    names : mapping of str to str
        Key of every known spelling to the name of the genre.
    loose_names : mapping of str to str
        The same by what is left of a spelling without "and" and "&".
    above : mapping of str to str
        Name of a genre to that of the one it stands below in the tree.
    also_above : mapping of str to tuple of str
        Further genres that a genre is part of, beside its place in the tree:
        Metal has a place of its own, and is Rock as well.
    protected : frozenset of str
        Keys of names that are never split.

    Examples
    --------
    >>> tree = GenreTree.read()
    >>> tree.canonical("heavymetal"), tree.canonical("Funk/Soul")
    ('Heavy Metal', 'Funk / Soul')
    >>> tree.path("black metal"), tree.broad("black metal")
    (('Metal', 'Black Metal'), 'Metal')
    >>> tree.parents("Blues Rock"), tree.ancestors("Black Metal")
    (('Blues', 'Rock'), ('Metal', 'Rock'))
    >>> tree.wider_among(["rock", "blackmetal", "jazz"])
    {'rock': (), 'blackmetal': ('rock',), 'jazz': ()}
    """

    names: Mapping[str, str] = field(default_factory=dict)
    loose_names: Mapping[str, str] = field(default_factory=dict)
    above: Mapping[str, str] = field(default_factory=dict)
    also_above: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    protected: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path | None = None) -> GenreTree:
        """Read a table; by default the one that comes with the program.

        Raises
        ------
        ConfigError
            If it cannot be read, names a genre twice, or goes round in circles.
        """
        shown = str(path) if path else "genre_tree.toml"
        try:
            text = read_text(path) if path else read_packaged("genre_tree.toml")
            written = tomllib.loads(text)
        except (
            OSError,
            UnicodeDecodeError,
            RecursionError,
            tomllib.TOMLDecodeError,
        ) as error:
            message = f"cannot read the genre table '{shown}': {error}"
            raise ConfigError(message) from error
        return cls.build(written, shown)

    @classmethod
    def build(cls, written: Mapping[str, Any], shown: str = "table") -> GenreTree:
        """Make a tree of ``tree``, ``also``, ``aliases``, ``protected`` and ``lists``.

        Raises
        ------
        ConfigError
            As for `read`.
        """
        _check_shape(written, shown)
        builder = _Builder(shown)
        builder.add(written)
        builder.is_strict = False
        for name in written.get("lists", ()):
            builder.add(tomllib.loads(read_packaged("genre_lists", f"{name}.toml")))
        return builder.build()

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that is in the tree."""
        return fingerprint(
            sorted(self.names.items()),
            sorted(self.above.items()),
            sorted(self.also_above.items()),
            sorted(self.protected),
        )

    def canonical(self, name: str) -> str | None:
        """Return the tree's name for a genre, None where the tree does not know it.

        Examples
        --------
        >>> tree = GenreTree.read()
        >>> [tree.canonical(name) for name in ("rock & roll", "rocknroll", "rockroll")]
        ['Rock and Roll', 'Rock and Roll', 'Rock and Roll']
        """
        key = genre_key(name)
        known = self.names.get(key) or self.loose_names.get(loose_key(name))
        if known is None and key.endswith(_NEEDLESS):
            known = self.names.get(key.removesuffix(_NEEDLESS))
        return known

    def parents(self, name: str) -> tuple[str, ...]:
        """Return the genres directly above one, that of the tree first.

        Empty for a genre at the top, and for one that the tree does not know.
        """
        known = self.canonical(name) or name
        main = (self.above[known],) if known in self.above else ()
        return (*main, *self.also_above.get(known, ()))

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Return all genres that one is part of, the nearest first."""
        found: dict[str, None] = {}
        waiting = list(self.parents(name))
        while waiting:
            nearest = waiting.pop(0)
            if nearest not in found:
                found[nearest] = None
                waiting += self.parents(nearest)
        return tuple(found)

    def path(self, name: str) -> tuple[str, ...]:
        """Return the way from the top of the tree to a genre, both included."""
        known = self.canonical(name) or name
        way = [known]
        while way[-1] in self.above:
            way.append(self.above[way[-1]])
        return tuple(reversed(way))

    def broad(self, name: str) -> str:
        """Return the top of the tree that a genre stands below; the genre itself if none."""
        return self.path(name)[0]

    def wider_among(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return which of some genres contain which others, in their own spelling.

        What holds by name need not hold by label: where a collection files each
        cover below one genre only, its Metal is not in its Rock. Compare with
        the labels before relying on it.

        Parameters
        ----------
        names : iterable of str
            Such as the genres of a catalogue.

        Returns
        -------
        dict of str to tuple of str
            For each name those that it is part of, the nearest first.
        """
        given = list(dict.fromkeys(names))
        spelled: dict[str, list[str]] = {}
        for name in given:
            spelled.setdefault(self.canonical(name) or name, []).append(name)
        return {
            name: tuple(
                wider
                for ancestor in self.ancestors(name)
                for wider in spelled.get(ancestor, ())
            )
            for name in given
        }


class _Builder:
    """Builds a genre tree from several tables; for a name that is in more than one, the first counts."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.is_strict = True  # a contradiction within one table is an error
        self.names: dict[str, str] = {}
        self.spellings: dict[str, str] = {}
        self.above: dict[str, str] = {}
        self.also: dict[str, tuple[str, ...]] = {}
        self.protected: set[str] = set(placeholders())
        self.resolved: set[str] = set()

    def add(self, written: Mapping[str, Any]) -> None:
        """Add the names of one table."""
        for name, others in written.get("aliases", {}).items():
            canonical = self._name(name, name)
            for other in others:
                known = self._name(other, canonical)
                if known != canonical and self.is_strict:
                    message = f"genre table '{self.shown}': {other!r} stands for both {known!r} and {canonical!r}"
                    raise ConfigError(message)
        in_tree: set[str] = set()
        for wide, finer in written.get("tree", {}).items():
            top = self._name(wide, wide)
            in_tree.add(top)
            for spelling in finer:
                name = self._name(spelling, spelling)
                in_tree.add(name)
                self._put_below(name, top, spelling)
        self.resolved |= in_tree
        for wide, parts in written.get("also", {}).items():
            top = self._name(wide, wide)
            for part in parts:
                name = self._name(part, part)
                self.also[name] = (*self.also.get(name, ()), top)
        self.protected.update(written.get("protected", ()))

    def _name(self, spelling: str, canonical: str) -> str:
        """Make a spelling known, and return the name it stands for."""
        known = self.names.setdefault(genre_key(spelling), canonical)
        self.spellings.setdefault(spelling, known)
        return known

    def _put_below(self, name: str, top: str, spelling: str) -> None:
        """Put a genre below another one, unless an earlier table has placed it."""
        if name in self.resolved:
            return
        other = self.above.setdefault(name, top)
        if other != top and self.is_strict:
            message = f"genre table '{self.shown}': {spelling!r} stands below both {other!r} and {top!r}"
            raise ConfigError(message)

    def build(self) -> GenreTree:
        """Return the tree, once names and parents are checked."""
        also = {
            name: tuple(t for t in dict.fromkeys(tops) if t != self.above.get(name))
            for name, tops in self.also.items()
        }
        _check_circles(self.above, also, self.shown)
        loose: dict[str, str] = {}
        for name in self.names.values():
            loose.setdefault(loose_key(name), name)
        for spelling, name in self.spellings.items():
            loose.setdefault(loose_key(spelling), name)
        protected = frozenset(
            protected_key(spelling)
            for spelling in (*self.spellings, *self.protected)
            if any(separator in spelling for separator in SEPARATORS)
        )
        return GenreTree(self.names, loose, self.above, also, protected)


def _check_shape(written: Mapping[str, Any], shown: str) -> None:
    """Refuse a table that is not built like the packaged one."""
    unknown = set(written) - set(_PARTS)
    if unknown:
        message = (
            f"genre table '{shown}': unknown {', '.join(sorted(unknown))}; "
            f"expected {', '.join(_PARTS[:-1])} and {_PARTS[-1]}"
        )
        raise ConfigError(message)
    for part in ("aliases", "tree", "also"):
        table = written.get(part, {})
        is_right = isinstance(table, dict) and all(map(_is_names, table.values()))
        if not is_right:
            message = f'genre table \'{shown}\': [{part}] must hold lines such as "Metal" = ["Black Metal"]'
            raise ConfigError(message)
    for part in ("protected", "lists"):
        if not _is_names(written.get(part, [])):
            message = f"genre table '{shown}': {part} must be a list of names, such as [\"R&B/Soul\"]"
            raise ConfigError(message)
    strange = set(written.get("lists", ())) - set(LISTS)
    if strange:
        message = f"genre table '{shown}': no list {min(strange)!r}; expected {' or '.join(LISTS)}"
        raise ConfigError(message)


def _is_names(value: Any) -> bool:
    """Say whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _check_circles(
    above: Mapping[str, str], also: Mapping[str, tuple[str, ...]], shown: str
) -> None:
    """Refuse a tree in which a genre is part of itself."""
    graph: dict[str, tuple[str, ...]] = dict(also)
    for name, top in above.items():
        graph[name] = (top, *graph.get(name, ()))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        message = f"genre table '{shown}': {error.args[1][0]!r} stands below itself"
        raise ConfigError(message) from error
