"""Finding the name a person means: case and accents do not matter, and for a wrong name the nearest is suggested."""

from __future__ import annotations

import difflib
import unicodedata
from typing import TYPE_CHECKING

from covers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_LISTED = 12
SPLITS = ("train", "valid", "test")
_HELD_OUT = {"held-out", "held out", "heldout", "held_out"}
_ACCENTED = ("LATIN", "GREEK")


def fold_name(text: str) -> str:
    """Return a name without case, accents on Latin and Greek letters, and surplus spaces.

    Examples
    --------
    >>> fold_name("  Électro   POP ")
    'electro pop'
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept: list[str] = []
    for character in decomposed:
        if not (unicodedata.combining(character) and _takes_accents(kept)):
            kept.append(character)
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split())


def _takes_accents(before: list[str]) -> bool:
    """Say whether marks after this text are accents, which people write or leave out."""
    return bool(before) and unicodedata.name(before[-1], "").startswith(_ACCENTED)


def match_name(wanted: str, known: Iterable[str], *, what: str) -> str:
    """Return the one of `known` names that a person means by `wanted`.

    Parameters
    ----------
    wanted : str
        As it was typed.
    known : iterable of str
    what : str
        What is named, for the message: ``"genre"``, ``"column"``.

    Raises
    ------
    DataError
        If there is no such name; the message gives the nearest ones, or all
        where there are few.

    Examples
    --------
    >>> match_name("hiphop", ["Jazz", "HipHop"], what="genre")
    'HipHop'
    """
    names = list(dict.fromkeys(known))
    if wanted in names:
        return wanted
    folded = {fold_name(name): name for name in reversed(names)}
    if fold_name(wanted) in folded:
        return folded[fold_name(wanted)]
    near = difflib.get_close_matches(fold_name(wanted), folded, n=3, cutoff=0.6)
    if near:
        hint = f"did you mean {' or '.join(repr(folded[name]) for name in near)}?"
    elif len(names) <= _MOST_LISTED:
        hint = f"there are {', '.join(sorted(names)) or 'none'}"
    else:
        shown = ", ".join(sorted(names)[:_MOST_LISTED])
        hint = f"there are {len(names)}: {shown}, …"
    message = f"no {what} {wanted!r}: {hint}"
    raise DataError(message)


def match_split(wanted: str) -> str:
    """Return the side of the split that is meant.

    Raises
    ------
    DataError
        If there is no such side.

    Examples
    --------
    >>> match_split("Train")
    'train'
    >>> match_split("held-out")
    Traceback (most recent call last):
    covers.errors.DataError: no split 'held-out': did you mean 'valid' (held out to measure on) or 'test' (for a last test of your own)?
    """
    if fold_name(wanted) in _HELD_OUT:
        message = f"no split {wanted!r}: did you mean 'valid' (held out to measure on) or 'test' (for a last test of your own)?"
        raise DataError(message)
    return match_name(wanted, SPLITS, what="split")
