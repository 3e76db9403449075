"""Where else something is known about a cover: pages of MusicBrainz and Discogs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DISCOGS_FILE = re.compile(r"(?:^|/)R-(\d{1,10})(?:-|\.)")
_PAGES = {
    "release_group": "https://musicbrainz.org/release-group/",
    "musicbrainz_releasegroupid": "https://musicbrainz.org/release-group/",
    "musicbrainz_albumid": "https://musicbrainz.org/release/",
    "musicbrainz_releaseid": "https://musicbrainz.org/release/",
    "discogs_release": "https://www.discogs.com/release/",
    "discogs_release_id": "https://www.discogs.com/release/",
    "discogs_master": "https://www.discogs.com/master/",
    "discogs_master_id": "https://www.discogs.com/master/",
}


def find_links(known: Mapping[str, object]) -> dict[str, str]:
    """Return addresses of pages about a cover, by the name of their site.

    Parameters
    ----------
    known : mapping of str to object
        What the catalogue knows of the cover: ``path``, ``release_group``, and
        columns of a manifest such as ``musicbrainz_albumid`` or
        ``discogs_release``. Only whole ids count, so nothing of a file can lead
        to another site.

    Examples
    --------
    >>> find_links({"path": "Rock/R-591332-1556362.jpg"})
    {'Discogs': 'https://www.discogs.com/release/591332'}
    """
    found: dict[str, str] = {}
    for column, page in _PAGES.items():
        value = str(known.get(column) or "").strip().lower()
        is_discogs = "discogs" in column
        fits = (
            value.isdecimal() and len(value) < 11
            if is_discogs
            else _UUID.fullmatch(value)
        )
        if fits:
            found.setdefault("Discogs" if is_discogs else "MusicBrainz", page + value)
    # Discogs calls its own pictures R-<release>-<number>.
    file = _DISCOGS_FILE.search(str(known.get("path") or ""))
    if file and "Discogs" not in found:
        found["Discogs"] = _PAGES["discogs_release"] + file[1]
    return found
