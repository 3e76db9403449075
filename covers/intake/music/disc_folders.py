"""Folders of single discs, in the spellings people use, and the album that they belong to.

``CD 1``, ``Disc Two - Live`` or ``LP 2`` is a disc by its name. ``Volume 2``,
``Bonus CD`` or a bare ``2`` may as well be an album: it is a disc only where the
tags agree and the cover lies above. A folder that has the name of a disc but
is an album of its own (its tags have its name, and it has a cover) stays one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

# In the languages of those who name folders; written "CD 3", "第3碟", "Диск 3".
_MEDIUM = (
    r"(?:cds?|cd-?rs?|sacd|hdcd|dis[ck]s?|disques?|discos?|dvd(?:-a(?:udio)?)?|blu-?ray|vinyls?|lps?"
    r"|records?|platte|scheibe|schallplatte|sides?|seite|tapes?|cassettes?|kassette|mc|digital media|media"
    r"|plaat|schijf|skiva|skive|plade|levy|płyta|plyta|dysk|lemez|deska|диски?|компакт-диск|кассета|пластинка"
    r"|ディスク|디스크|시디|光盘|光碟|唱片|碟片?|盘)"
)
_DIGITS = r"\d{1,3}"
_CHINESE = r"[一二三四五六七八九十]{1,3}"
_WORDS = (
    r"(?:[a-h]|x|ix|iv|v|v?i{1,3}|xi{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|eins|zwei|drei|vier|fünf|une?|deux|trois|quatre|uno|dos|due|tres|tre|quattro|cuatro|один|два|три)"
)
_LONG_WORDS = r"(?:one|two|three|four|five|six|seven|eight|nine|ten)"
_ORDINAL = (
    r"(?:first|second|third|fourth|\d(?:st|nd|rd|th)"
    r"|erste|zweite|dritte|primero?|segundo|premier|deuxième|первый|второй|третий|\d-?й)"
)
_ORDER = rf"(?:bonus|extra|special|live|{_ORDINAL})"
_NO = r"(?:n[or°º]\.?\s*|№\s*)?"
_NUMBER = rf"(?:[\s._#-]*{_NO}{_DIGITS}|[\s._#-]+{_WORDS}|{_LONG_WORDS})"
_OF = r"(?:\s*(?:of|von|de|di|из|/)\s*\d{1,3})?"
_OPEN, _SHUT = r"[\[({]?", r"[\])}]?"
# After a letter or a word only a mark may follow: "Side A" and not "Side A Man".
_TITLE = r"(?:\s*[-\u2013\u2014:._,(\[{].*)?"
_SIZE = r"(?:\d{1,2}(?:[\"\u2033'\u2032\u201d]{1,2}|[\s-]?inch)\s*)"
_DISC = re.compile(
    rf"{_OPEN}{_SIZE}?{_MEDIUM}(?:"
    rf"[\s._#-]*{_NO}{_DIGITS}{_OF}{_SHUT}(?:[^a-z0-9].*)?"
    rf"|(?:[\s._#-]+{_WORDS}|{_LONG_WORDS}){_OF}{_SHUT}{_TITLE})"
    rf"|{_OPEN}{_ORDER}\s+{_MEDIUM}{_SHUT}{_TITLE}|{_MEDIUM}\s+(?:bonus|extra|{_ORDINAL}){_TITLE}"
    rf"|{_OPEN}(?:第\s*(?:{_DIGITS}|{_CHINESE})\s*|{_DIGITS}\s*\.?\s*)(?:碟|張|张|枚|盘|ディスク|диск|디스크)[片目]?{_SHUT}{_TITLE}",
    re.IGNORECASE,
)
_PARTS = (
    r"(?:volume|vol\.?|part|pt\.?|teil|partie|parte|del|deel|часть|том|set|act|book|chapter|reel|box|band|tom|kötet"
    r"|day|night|concert|show|session|tag|abend|巻|上巻|下巻)"
)
_CODEC = r"(?:flac|mp3|aac|alac|m4a|ogg|opus|wav|wma|ape|dsd|dsf|aiff)"
_PERHAPS = re.compile(
    rf"{_DIGITS}{_OF}(?:\.?\s+.*|{_TITLE})|{_DIGITS}[\s._-]*{_MEDIUM}{_TITLE}|{_OPEN}(?:[a-d](?:-?sides?)?|d\d{{1,2}}|(?:hybrid|dual|audio|enhanced)\s+{_MEDIUM}|{_SIZE}{_MEDIUM}?|{_MEDIUM}){_SHUT}{_TITLE}"
    rf"|{_PARTS}{_NUMBER}{_OF}{_TITLE}"
    rf"|(?:bonus|extras?)(?:\s+(?:tracks?|songs?|material|album))?"
    rf"|{_OPEN}{_CODEC}{_SHUT}(?:[\s._-]+{_OPEN}[\dkvbhzit/. -]+{_SHUT})?|lossless|hi-?res|tracks|audio|music"
    rf"|[上中下前後后](?:编|編|篇|集|卷|巻)?|第?{_CHINESE}[集卷巻章]"
    rf"|(?:re)?mix(?:es)?|instrumentals?|live|demos?|outtakes|studio|acoustic|rarities"
    rf"|.*[\s,:(\[-](?:{_MEDIUM}|vol(?:ume|\.)?|part){_NUMBER}[\])}}]?",
    re.IGNORECASE,
)
_TITLE_SUFFIX = re.compile(
    rf"[\s,:-]*[\(\[{{]?\b(?:(?:cd|dis[ck]|lp|vinyl|диск){_NUMBER}|{_ORDER}\s+(?:cd|dis[ck])){_OF}[\)\]}}]?\s*$",
    re.IGNORECASE,
)
_DEPTH = 3


def strip_disc(title: str) -> str:
    """Take the number of the disc off a title.

    Examples
    --------
    >>> strip_disc("Live (Disc 2)"), strip_disc("Hits CD1"), strip_disc("LP1")
    ('Live', 'Hits', 'LP1')
    """
    return _TITLE_SUFFIX.sub("", title) or title


def title_key(title: str | None) -> str:
    """Reduce a title to what its discs and spellings have in common."""
    plain = unicodedata.normalize("NFC", title or "")
    return " ".join(strip_disc(plain).casefold().split())


def is_disc_name(name: str) -> bool:
    """Say whether a folder is a disc by its name alone.

    Examples
    --------
    >>> [is_disc_name(n) for n in ("CD1 - Early", "Disc One", "Side A", "Discovery", "Volume 2")]
    [True, True, True, False, False]
    """
    return bool(_DISC.fullmatch(_plain(name)))


def _plain(name: str) -> str:
    """Write a name in plain signs: "CD①" is "CD1"."""
    return unicodedata.normalize("NFKC", name).strip()


def find_album_folders(
    titles: Mapping[str, Sequence[str | None]],
    with_cover: Collection[str],
    with_art: Collection[str],
) -> dict[str, str]:
    """Return the folder of the album that each folder with music belongs to.

    Parameters
    ----------
    titles : mapping of str to sequence of str or None
        Album titles of the tracks in each folder, as tagged.
    with_cover : collection of str
        Folders with a picture that has the name of a cover.
    with_art : collection of str
        Folders whose music files hold pictures.

    Returns
    -------
    dict of str to str
        For each folder of `titles` itself, or the one above it.
    """
    usual = {
        folder: _commonest(map(title_key, filter(None, said)))
        for folder, said in titles.items()
    }
    names_below: dict[str, Counter[str]] = defaultdict(Counter)
    for folder, title in usual.items():
        above, slash, _ = folder.rpartition("/")
        if title:
            names_below[folder][title] += 1
            if slash:
                names_below[above][title] += 1
    albums = {}
    for folder in titles:
        album = folder
        for _ in range(_DEPTH):
            above, slash, name = album.rpartition("/")
            if not (slash or is_disc_name(name)) or not name:
                break
            own = usual[folder]
            is_alone = own == " ".join(name.casefold().split())
            if is_disc_name(name):
                has_own = album in with_cover or album in with_art
                if is_alone and has_own and above not in titles:
                    break
            elif (
                not _PERHAPS.fullmatch(_plain(name))
                or is_alone
                or album in with_cover
                or not (above in with_cover or above in titles)
                or not _agrees(own, above.rpartition("/")[2], names_below[above])
            ):
                break
            album = above
        albums[folder] = album
    return albums


def _agrees(title: str, above: str, below: Counter[str]) -> bool:
    """Say whether a title is that of the folder above, or of several below that folder."""
    if not title:
        return True
    plain = " ".join(re.sub(r"[\W_]+", " ", title).split())
    above = " ".join(re.sub(r"[\W_]+", " ", above.casefold()).split())
    return below[title] > 1 or (bool(plain) and f" {plain} " in f" {above} ")


def _commonest(values: Iterable[str]) -> str:
    """Return the most frequent text, the first of equals; empty where there is none."""
    counts = Counter(values)
    return counts.most_common(1)[0][0] if counts else ""
