"""Names of artists as keys that tie covers together in splits."""

from __future__ import annotations

import re
import unicodedata

from covers.catalogue.placeholders import is_nobody

# "Various Artists" of MusicBrainz, and what stands where no artist does.
_NOBODY = frozenset({"", "-", "?", "none", "89ad4ac3-39f7-470e-963a-56509c546377"})
_GUEST = re.compile(r"\s+[\(\[]?(?:feat\.?|ft\.?|featuring|vs\.?)\s+.*$", re.IGNORECASE)
_SEVERAL = re.compile(r"[;\x00]")


def artist_keys(*names: str | None) -> tuple[str, ...]:
    """Return the keys of the artists in one or more names, the main one first.

    Names are split at ``;`` and NUL only: ``/``, ``,`` and ``&`` stand within
    the names of too many bands. Guests ("feat.") are left out; a name that
    stands for nobody ("Various Artists", "Unknown") gives no key.

    Examples
    --------
    >>> artist_keys("AC/DC"), artist_keys("Nina  Simone feat. X"), artist_keys("VA")
    (('ac/dc',), ('nina simone',), ())
    >>> artist_keys("Duke Ellington; John Coltrane")
    ('duke ellington', 'john coltrane')
    """
    keys: dict[str, None] = {}
    for name in names:
        for part in _SEVERAL.split(name or ""):
            key = " ".join(unicodedata.normalize("NFKC", part).casefold().split())
            key = _GUEST.sub("", key)
            if key not in _NOBODY and not is_nobody(key):
                keys[key] = None
    return tuple(keys)
