"""Names that say nothing: that a genre, an artist or an album is not known, or that artists are various.

They are known by the words that they are made of, in any order, and in many languages.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib import resources
from typing import Literal

from covers.catalogue.matching import fold_name

What = Literal["genre", "artist", "album"]
_MOST_KEPT = 2**16
_LONGEST = 120


@cache
def _lists() -> dict[str, frozenset[str]]:
    """Read the lists: words by their name, or whole lines of phrases."""
    folder = resources.files("covers.catalogue") / "genre_lists"
    text = (folder / "placeholder_words.txt").read_text(encoding="utf-8")
    found: dict[str, frozenset[str]] = {}
    for name, lines in re.findall(r"^\[([a-z ]+)\].*\n([^\[]*)", text, re.MULTILINE):
        folded = map(fold_name, lines.splitlines())
        words = folded if name.startswith("phrases") else fold_name(lines).split()
        found[name] = frozenset(filter(None, words))
    return found


@lru_cache(_MOST_KEPT)
def says_unknown(name: str, what: What) -> bool:
    """Say whether a name is made of nothing but words for what is not known.

    Examples
    --------
    >>> says_unknown("Genre: unbekannt", "genre"), says_unknown("No Wave", "genre")
    (True, False)
    >>> says_unknown("Artista sconosciuto", "artist"), says_unknown("Unknown Pleasures", "album")
    (True, False)
    """
    lists = _lists()
    if what == "album" and fold_name(name[:_LONGEST]) in lists["phrases album"]:
        return True
    words = _words(name)
    nouns = lists["genre"] | lists[what]
    if not words <= lists["unknown"] | lists["no"] | nouns:
        return False
    return bool(words & lists["unknown"]) or bool(words & lists["no"] and words & nouns)


@lru_cache(_MOST_KEPT)
def is_nobody(name: str) -> bool:
    """Say whether the name of an artist stands for nobody, or for many.

    Examples
    --------
    >>> is_nobody("V. A."), is_nobody("Verschiedene Interpreten"), is_nobody("群星")
    (True, True, True)
    >>> is_nobody("Vario"), is_nobody("No Doubt"), is_nobody("The Band")
    (False, False, False)
    """
    lists = _lists()
    if fold_name(name[:_LONGEST]).strip("<>[](){}") in lists["phrases"]:
        return True
    words = _words(name)
    is_various = bool(words & lists["various"])
    known = lists["various"] | lists["artist"]
    return (is_various and words <= known) or says_unknown(name, "artist")


def _words(name: str) -> set[str]:
    """Return the words of a name, without numbers and apostrophes."""
    plain = fold_name(unicodedata.normalize("NFKC", name[:_LONGEST]))
    plain = plain.replace("'", "").replace("\u2019", "")
    return {word for word in re.findall(r"[^\W_]+", plain) if not word.isdigit()}
