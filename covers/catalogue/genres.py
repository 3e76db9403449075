"""Genre names: splitting raw strings, spellings that mean the same, and the tree.

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

import tomllib
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

from covers.errors import ConfigError
from covers.workspace.artefacts import fingerprint
from covers.workspace.source_files import SourceKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SEPARATORS = ";/,\x00"
_OPENING, _CLOSING = "([{", ")]}"


class Level(StrEnum):
    """How fine genres are told apart."""

    BROAD = "broad"
    FINE = "fine"


class Resolve(StrEnum):
    """Which names go through the aliases of the table."""

    TAGS = "tags"
    ALL = "all"
    NONE = "none"


@cache
def genre_key(name: str) -> str:
    """Reduce a name to what is the same in all its spellings.

    Examples
    --------
    >>> genre_key("Hip-Hop") == genre_key("HIP HOP") == genre_key("hiphop")
    True
    >>> genre_key("R & B"), genre_key("Raï")
    ('r&b', 'rai')
    """
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    key = "".join(c for c in decomposed if c.isalnum() or c == "&")
    return key or decomposed.strip()


@cache
def protected_key(name: str) -> str:
    """Reduce a name like `genre_key`, but keep the separators within it.

    Examples
    --------
    >>> protected_key("R&B / Soul")
    'r&b/soul'
    """
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in decomposed if c.isalnum() or c in f"&{SEPARATORS}")


def split_genres(
    raw: str, separators: str = SEPARATORS, protected: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    r"""Split one raw string into genre names.

    Parameters
    ----------
    raw : str
        As it stands in a tag or a table.
    separators : str
        Each of its characters separates, unless within brackets.
    protected : frozenset of str
        Keys (see `protected_key`) of names that may contain separators.

    Examples
    --------
    >>> split_genres("Techno (Peak / Time); Rock/Pop")
    ('Techno (Peak / Time)', 'Rock', 'Pop')
    >>> split_genres("Jazz, R&B/Soul", protected=frozenset({protected_key("R&B/Soul")}))
    ('Jazz', 'R&B/Soul')
    """
    pieces: list[str] = [""]
    depth = 0
    unbalanced = sum(map(raw.count, _OPENING)) != sum(map(raw.count, _CLOSING))
    for character in raw:
        depth += (character in _OPENING) - (character in _CLOSING)
        if character in separators and (unbalanced or depth <= 0):
            pieces += [character, ""]
        else:
            pieces[-1] += character
    names: list[str] = []
    start = 0
    while start < len(pieces):
        end = start
        for longer in range(len(pieces) - 1, start, -2):
            if protected_key("".join(pieces[start : longer + 1])) in protected:
                end = longer
                break
        name = " ".join("".join(pieces[start : end + 1]).replace("\x00", " ").split())
        if name and name not in names:
            names.append(name)
        start = end + 2
    return tuple(names)


@dataclass(frozen=True)
class GenreTable:
    """Which names mean the same, and which genre belongs to which.

    Parameters
    ----------
    names : mapping of str to str
        Key of every known spelling to the name of the genre.
    parents : mapping of str to str
        Name of a genre to that of the one above it.
    protected : frozenset of str
        Keys of names that are never split.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    protected: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path | None = None) -> GenreTable:
        """Read a table; by default the one that comes with the program.

        Raises
        ------
        ConfigError
            If it cannot be read, names a genre twice, or goes round in circles.
        """
        shown = str(path) if path else "genre_tree.toml"
        try:
            text = (
                path.read_text(encoding="utf-8")
                if path
                else resources.files("covers.catalogue")
                .joinpath("genre_tree.toml")
                .read_text(encoding="utf-8")
            )
            written = tomllib.loads(text)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            message = f"cannot read the genre table '{shown}': {error}"
            raise ConfigError(message) from error
        return cls.build(written, shown)

    @classmethod
    def build(cls, written: Mapping[str, Any], shown: str = "table") -> GenreTable:
        """Make a table from ``protected``, ``aliases`` and ``tree``; see `read`."""
        _check_shape(written, shown)
        names: dict[str, str] = {}
        parents: dict[str, str] = {}
        for broad, finer in written.get("tree", {}).items():
            for name in (broad, *finer):
                names.setdefault(genre_key(name), name)
            for name in finer:
                child, parent = names[genre_key(name)], names[genre_key(broad)]
                if child in parents and parents[child] != parent:
                    message = f"genre table '{shown}': {name!r} stands below both {parents[child]!r} and {parent!r}"
                    raise ConfigError(message)
                parents[child] = parent
        for name, others in written.get("aliases", {}).items():
            canonical = names.setdefault(genre_key(name), name)
            for other in others:
                known = names.setdefault(genre_key(other), canonical)
                if known != canonical:
                    message = f"genre table '{shown}': {other!r} stands for both {known!r} and {canonical!r}"
                    raise ConfigError(message)
        _check_circles(parents, shown)
        tables = (written.get("tree", {}), written.get("aliases", {}))
        spellings = [
            spelling
            for table in tables
            for name, others in table.items()
            for spelling in (name, *others)
        ]
        protected = frozenset(
            protected_key(spelling)
            for spelling in (*spellings, *written.get("protected", ()))
            if any(separator in spelling for separator in SEPARATORS)
        )
        return cls(names, parents, protected)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that is in the table."""
        return fingerprint(
            sorted(self.names.items()),
            sorted(self.parents.items()),
            sorted(self.protected),
        )

    def canonical(self, name: str) -> str | None:
        """Return the table's name for a genre, None where the table does not know it."""
        return self.names.get(genre_key(name))

    def broad(self, name: str) -> str:
        """Climb from a genre of the table to the top of its tree."""
        while name in self.parents:
            name = self.parents[name]
        return name


def _check_shape(written: Mapping[str, Any], shown: str) -> None:
    """Refuse a table that is not built like the packaged one."""
    unknown = set(written) - {"protected", "aliases", "tree"}
    if unknown:
        message = f"genre table '{shown}': unknown {', '.join(sorted(unknown))}; expected protected, aliases and tree"
        raise ConfigError(message)
    for part in ("aliases", "tree"):
        table = written.get(part, {})
        is_right = isinstance(table, dict) and all(
            isinstance(names, list) and all(isinstance(name, str) for name in names)
            for names in table.values()
        )
        if not is_right:
            message = f'genre table \'{shown}\': [{part}] must hold lines such as "Metal" = ["Black Metal"]'
            raise ConfigError(message)


def _check_circles(parents: Mapping[str, str], shown: str) -> None:
    """Refuse a tree in which a genre is below itself."""
    for start in parents:
        seen = {start}
        name = start
        while name in parents:
            name = parents[name]
            if name in seen:
                message = f"genre table '{shown}': {name!r} stands below itself"
                raise ConfigError(message)
            seen.add(name)


@dataclass(frozen=True)
class GenreMapper:
    """Turns raw names into the genres of the catalogue.

    Parameters
    ----------
    table : GenreTable
        Aliases, tree, protected names.
    separators : str
        What separates names in tags and manifests.
    level : Level
        ``broad`` climbs to the top of the tree.
    mapping : Resolve
        Which names go through the aliases: those of tags, all, or none.
    chosen : Counter of str
        How often each name of a genre folder or manifest occurs.
    tagged : Counter of str
        How often each name of a music tag occurs.
    """

    table: GenreTable
    separators: str = SEPARATORS
    level: Level = Level.FINE
    mapping: Resolve = Resolve.TAGS
    chosen: Counter[str] = field(default_factory=Counter)
    tagged: Counter[str] = field(default_factory=Counter)

    def split(self, raw: str, kind: SourceKind) -> tuple[str, ...]:
        """Split a raw string; the name of a folder is one genre, whatever is in it."""
        if kind is SourceKind.FOLDERS:
            return (raw,)
        return split_genres(raw, self.separators, self.table.protected)

    def map(self, raw_genres: Iterable[str], kind: SourceKind) -> tuple[str, ...]:
        """Return the distinct genres of one place, in alphabetical order."""
        return tuple(
            sorted(
                {
                    self.map_name(name, kind)
                    for raw in raw_genres
                    for name in self.split(raw, kind)
                }
            )
        )

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
