"""From the raw names that sources give to the genres of the catalogue.

Raw strings are always kept; what is made of them can be changed at any time
without reading a source again.

Two sorts of names are treated differently. Names in the tags of music files
were written by many hands: they are split, aliases are resolved, and they can
be taken up the tree. Names of genre folders and of manifests are labels that
somebody chose: they stay as they are, only spellings that differ in nothing
but case, blanks and punctuation become one, and tags that mean the same genre
take over the chosen spelling.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from covers.catalogue.genre_names import (
    SEPARATORS,
    genre_key,
    is_placeholder,
    one_line,
    split_genres,
)
from covers.workspace.source_files import SourceKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from covers.catalogue.genre_tree import GenreTree


class Level(StrEnum):
    """How fine genres are told apart."""

    BROAD = "broad"
    FINE = "fine"


class Resolve(StrEnum):
    """Which names go through the aliases of the table."""

    TAGS = "tags"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True)
class GenreMapper:
    """Turns raw names into the genres of the catalogue.

    Parameters
    ----------
    table : GenreTree
        Spellings, tree, names that are never split.
    separators : str
        What separates names in tags and manifests.
    level : Level
        ``broad`` climbs to the top of the tree.
    mapping : Resolve
        Which names go through the aliases: those of tags, all, or none.
    ignored : tuple of str
        Names that are no genre here, beside those that nobody takes for one.
    chosen : Counter of str
        How often each name of a genre folder or manifest occurs.
    tagged : Counter of str
        How often each name of a music tag occurs.
    """

    table: GenreTree
    separators: str = SEPARATORS
    level: Level = Level.FINE
    mapping: Resolve = Resolve.TAGS
    ignored: tuple[str, ...] = ()
    chosen: Counter[str] = field(default_factory=Counter)
    tagged: Counter[str] = field(default_factory=Counter)

    def split(self, raw: str, kind: SourceKind) -> tuple[str, ...]:
        """Split a raw string; the name of a folder is one genre, whatever is in it."""
        if kind is SourceKind.FOLDERS:
            return (one_line(raw),)
        return split_genres(raw, self.separators, self.table.protected)

    def is_none(self, name: str) -> bool:
        """Say whether a name is no genre: it says so ("N/A"), or is to be ignored."""
        return is_placeholder(name) or genre_key(name) in self._ignored_keys

    def map(self, raw_genres: Iterable[str], kind: SourceKind) -> tuple[str, ...]:
        """Return the distinct genres of the labels at one location, in alphabetical order.

        What only says that the genre is not known ("N/A", "Unknown") is none.
        """
        key = (*raw_genres, kind)
        if key not in self._mapped:
            names = {
                self.map_name(name, kind)
                for raw in key[:-1]
                for name in self.split(raw, kind)
                if not self.is_none(name)
            }
            self._mapped[key] = tuple(sorted(names))
        return self._mapped[key]

    def map_name(self, name: str, kind: SourceKind) -> str:
        """Return the genre that one name stands for."""
        is_chosen = kind is not SourceKind.MUSIC
        known = self.table.canonical(name)
        if known is not None and self.level is Level.BROAD:
            top = self.table.broad(known)
            if top != known:
                return self._spell(top)
        resolves = self.mapping is Resolve.ALL or (
            self.mapping is Resolve.TAGS and not is_chosen
        )
        if known is not None and resolves:
            return self._spell(known)
        key = genre_key(name)
        return self._spellings.get(key) or self._tag_spellings.get(key, name)

    def _spell(self, canonical: str) -> str:
        """Spell a genre of the table as the person who chose labels did."""
        if self.mapping is Resolve.ALL:
            return canonical
        same = self._spellings.get(genre_key(canonical))
        if same is not None:
            return same
        others = self._chosen_names.get(canonical, ())
        return others[0] if len(others) == 1 else canonical

    @cached_property
    def _mapped(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """Labels that were mapped before, with their genres: thousands of covers have the same ones."""
        return {}

    @cached_property
    def _ignored_keys(self) -> frozenset[str]:
        """The keys of ignored names."""
        return frozenset(map(genre_key, self.ignored))

    @cached_property
    def _spellings(self) -> dict[str, str]:
        """The most frequent spelling of each key among the chosen names."""
        return _find_spellings(self.chosen)

    @cached_property
    def _tag_spellings(self) -> dict[str, str]:
        """The most frequent spelling of each key among the names in tags."""
        return _find_spellings(self.tagged)

    @cached_property
    def _chosen_names(self) -> dict[str, list[str]]:
        """The chosen names of each genre of the table."""
        names: dict[str, list[str]] = {}
        for name in self._spellings.values():
            canonical = self.table.canonical(name)
            if canonical is not None:
                names.setdefault(canonical, []).append(name)
        return names


def _find_spellings(counts: Counter[str]) -> dict[str, str]:
    """Return the most frequent name of each key, the first by name of equals."""
    spellings: dict[str, str] = {}
    for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        spellings.setdefault(genre_key(name), name)
    return spellings
