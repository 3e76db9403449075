"""Names of genres as people write them: what is one name, and which are the same.

The key of a name is what all its spellings have in common. Case, blanks,
punctuation and accents go; what tells words apart stays: vowel signs of Indian
and Southeast Asian scripts, voicing marks of Japanese, й beside и, C++ beside C.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache, lru_cache
from html.entities import html5
from importlib import resources
from itertools import islice

from covers.catalogue.placeholders import says_unknown

SEPARATORS = ";/,|\x00"
LONGEST_TEXT = 4096
"""Characters of one raw string that are looked at: whole lists of genres are shorter."""
LONGEST_NAME = 120
"""Characters of one name; what is longer is a text, not a genre."""
MOST_NAMES = 64
"""Names that are taken from one raw string."""

_MOST_KEPT = 2**16
_OPENING, _CLOSING = "([{", ")]}"
_TELLING = frozenset("&+#$€£¥")  # signs that are part of a name
# The Turkish letter without its dot is written with one, and the other way round, in capitals.
_ALIKE = str.maketrans("♯♭\u02bc\u02bb\u0131", "#b''i")
_WIDE = {
    "\uff1b": ";",
    "\uff0f": "/",
    "\uff0c": ",",
    "\uff5c": "|",
    "\u3001": ",",
    "\uff64": ",",
    "\u060c": ",",
    "\u061b": ";",
    **dict.fromkeys("\n\r\x0b\x0c\x85\u2028\u2029", "\x00"),
}
"""What separates as another character does: wide forms and those of other scripts, and the end of a line as NUL."""
_SEVERAL = "\\\\"
"""What Mp3tag shows, and exports, between the values of a field that has several."""
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u0640\u180e\u200b\u2060\ufeff"))
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#\d{1,6}|#[xX][0-9A-Fa-f]{1,5});")
# Scripts whose marks are accents, which people write or leave out.
_ACCENTED = ("LATIN", "GREEK")
_VARIANTS = range(0xFE00, 0xFE10)  # how an emoji is drawn

_WRAPPING = "<>[](){}\"'«»“”„*_-\u2013\u2014\u2015\u2018\u2019~.!?…\\/|= \t"


@lru_cache(_MOST_KEPT)
def genre_key(name: str) -> str:
    """Return the key of a name, which is the same for all its spellings.

    Examples
    --------
    >>> genre_key("Hip-Hop") == genre_key("HIP HOP") == genre_key("hiphop")
    True
    >>> genre_key("R & B"), genre_key("Raï"), genre_key("C++")
    ('r&b', 'rai', 'c++')
    >>> genre_key("गीत") == genre_key("गत"), genre_key("バラード") == genre_key("パラード")
    (False, False)
    """
    return _reduce(name) or _fold(name).strip()


@lru_cache(_MOST_KEPT)
def protected_key(name: str) -> str:
    """Return the key of a name, as `genre_key`, with the separators within it.

    Examples
    --------
    >>> protected_key("R&B / Soul")
    'r&b/soul'
    """
    return _reduce(name, SEPARATORS)


@lru_cache(_MOST_KEPT)
def loose_key(name: str) -> str:
    """Return the key of a name without "and" and "&".

    Examples
    --------
    >>> loose_key("Rock & Roll"), loose_key("Folk, World, & Country")
    ('rockroll', 'folkworldcountry')
    >>> loose_key("Drum and Bass"), loose_key("R&B")
    ('drumbass', 'rb')
    """
    plain = re.sub(r"\b(?:and|und|et|n)\b|&", " ", _fold(name))
    return _reduce(plain)


@cache
def placeholders() -> frozenset[str]:
    """Return what people write where a genre is not known, in small letters."""
    lines = read_packaged("genre_lists", "no_genre.txt").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("# "))


@cache
def _placeholder_keys() -> frozenset[str]:
    """Return the placeholders as keys, so that "No-Genre" is found as "no genre"."""
    keys = map(_reduce, placeholders())
    return frozenset(key for key in keys if len(key) > 2 or not key.isascii())


def read_packaged(*path: str) -> str:
    """Read a text file that lies beside this module."""
    folder = resources.files("covers.catalogue")
    return folder.joinpath(*path).read_text(encoding="utf-8")


def is_placeholder(name: str) -> bool:
    """Say whether a name stands where a genre is not known.

    Examples
    --------
    >>> is_placeholder("N/A"), is_placeholder("<Unknown>"), is_placeholder("?")
    (True, True, True)
    >>> is_placeholder("Nothingcore")
    False
    """
    return _is_placeholder(name[:LONGEST_TEXT])


@lru_cache(_MOST_KEPT)
def _is_placeholder(name: str) -> bool:
    seen = "".join(c for c in name if unicodedata.category(c) != "Cf")
    text = " ".join(unicodedata.normalize("NFKC", seen).casefold().split())
    bare = text.strip(_WRAPPING)
    if not bare:
        return "!" not in text  # "-" and "???" say nothing, "!!!" may be meant
    if {text, bare} & placeholders() or _reduce(bare) in _placeholder_keys():
        return True
    return says_unknown(bare, "genre")


def split_genres(
    raw: str, separators: str = SEPARATORS, protected: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    r"""Split one raw string into genre names.

    Takes time in proportion to the length of the string. Only the first
    `LONGEST_TEXT` characters are looked at, names longer than `LONGEST_NAME`
    are left out, and at most `MOST_NAMES` are given; `loses_names` says where
    that happens.

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
    >>> split_genres("R&amp;B; Rock &#38; Roll")
    ('R&B', 'Rock & Roll')
    """
    names = _split(raw, separators, protected)
    short = (name for name in names if len(name) <= LONGEST_NAME)
    return tuple(islice(short, MOST_NAMES))


def one_line(name: str) -> str:
    """Return a name with single blanks, its accents composed as most programs write them.

    Examples
    --------
    >>> one_line("Cafe\u0301  Jazz") == "Caf\u00e9 Jazz"
    True
    """
    return unicodedata.normalize("NFC", " ".join(name.split()))


def _unescape(match: re.Match[str]) -> str:
    """Return the character that a web page writes as such a text, if it is one."""
    is_known = match.group().startswith("&#") or match.group()[1:] in html5
    return html.unescape(match.group()) if is_known else match.group()


def loses_names(
    raw: str, separators: str = SEPARATORS, protected: frozenset[str] = frozenset()
) -> bool:
    """Say whether `split_genres` leaves out a part of a raw string for its length."""
    if len(raw) <= LONGEST_NAME:
        return False  # nor can there be more than MOST_NAMES
    names = _split(raw, separators, protected)
    is_long = len(raw) > LONGEST_TEXT or len(names) > MOST_NAMES
    return is_long or any(len(name) > LONGEST_NAME for name in names)


def _split(raw: str, separators: str, protected: frozenset[str]) -> list[str]:
    """Return the distinct names in the part of a raw string that counts."""
    plain = _ENTITY.sub(_unescape, raw[:LONGEST_TEXT]).translate(_UNSEEN)
    if "\x00" in separators:
        plain = plain.replace(_SEVERAL, "\x00")
    pieces = _cut(plain, separators)
    if len(raw) > LONGEST_TEXT and len(pieces) > 1:
        del pieces[-2:]  # the last name is cut in two
    most = max((_count_separators(key) for key in protected), default=0)
    names: dict[str, None] = {}
    start = 0
    while start < len(pieces):
        end = start
        for longer in range(min(len(pieces) - 1, start + 2 * most), start, -2):
            if protected_key("".join(pieces[start : longer + 1])) in protected:
                end = longer
                break
        name = one_line("".join(pieces[start : end + 1]).replace("\x00", " "))
        if name:
            names[name] = None
        start = end + 2
    return list(names)


@cache
def _count_separators(key: str) -> int:
    return sum(map(key.count, SEPARATORS))


def _cut(raw: str, separators: str) -> list[str]:
    """Cut at separators outside of brackets; every second piece is a separator."""
    pieces: list[str] = []
    depth = start = 0
    unbalanced = sum(map(raw.count, _OPENING)) != sum(map(raw.count, _CLOSING))
    for i, character in enumerate(raw):
        depth += (character in _OPENING) - (character in _CLOSING)
        separator = _WIDE.get(character, character)
        if separator in separators and (unbalanced or depth <= 0):
            pieces += [raw[start:i], separator]
            start = i + 1
    pieces.append(raw[start:])
    return pieces


def _fold(name: str) -> str:
    """Bring a text into one form: compatible signs, no case, no accents."""
    composed = unicodedata.normalize("NFKC", name).translate(_ALIKE)
    if composed.isascii():
        return composed.casefold()
    kept: list[str] = []
    for character in unicodedata.normalize("NFD", composed.casefold()):
        is_accent = unicodedata.combining(character) and _is_accented(kept)
        if not is_accent and ord(character) not in _VARIANTS:
            kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def _is_accented(before: list[str]) -> bool:
    """Say whether marks after this text are accents."""
    return bool(before) and unicodedata.name(before[-1], "").startswith(_ACCENTED)


def _reduce(name: str, also: str = "") -> str:
    """Keep the letters, digits, vowel signs and telling signs of a name."""
    return "".join(
        character
        for character in _fold(name)
        if character.isalnum()
        or character in _TELLING
        or character in also
        or unicodedata.category(character).startswith("M")
    )
