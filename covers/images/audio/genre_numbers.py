"""Genres that tags write as numbers: ID3's list, and how it is mixed with names."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMES = """
Blues; Classic Rock; Country; Dance; Disco; Funk; Grunge; Hip-Hop; Jazz;
Metal; New Age; Oldies; Other; Pop; R&B; Rap; Reggae; Rock; Techno;
Industrial; Alternative; Ska; Death Metal; Pranks; Soundtrack; Euro-Techno;
Ambient; Trip-Hop; Vocal; Jazz-Funk; Fusion; Trance; Classical;
Instrumental; Acid; House; Game; Sound Clip; Gospel; Noise; Alternative
Rock; Bass; Soul; Punk; Space; Meditative; Instrumental Pop; Instrumental
Rock; Ethnic; Gothic; Darkwave; Techno-Industrial; Electronic; Pop-Folk;
Eurodance; Dream; Southern Rock; Comedy; Cult; Gangsta; Top 40; Christian
Rap; Pop/Funk; Jungle; Native American; Cabaret; New Wave; Psychedelic;
Rave; Showtunes; Trailer; Lo-Fi; Tribal; Acid Punk; Acid Jazz; Polka; Retro;
Musical; Rock & Roll; Hard Rock; Folk; Folk-Rock; National Folk; Swing; Fast
Fusion; Bebop; Latin; Revival; Celtic; Bluegrass; Avantgarde; Gothic Rock;
Progressive Rock; Psychedelic Rock; Symphonic Rock; Slow Rock; Big Band;
Chorus; Easy Listening; Acoustic; Humour; Speech; Chanson; Opera; Chamber
Music; Sonata; Symphony; Booty Bass; Primus; Porn Groove; Satire; Slow Jam;
Club; Tango; Samba; Folklore; Ballad; Power Ballad; Rhythmic Soul;
Freestyle; Duet; Punk Rock; Drum Solo; A Cappella; Euro-House; Dancehall;
Goa; Drum & Bass; Club-House; Hardcore Techno; Terror; Indie; Britpop;
Afro-Punk; Polsk Punk; Beat; Christian Gangsta Rap; Heavy Metal; Black
Metal; Crossover; Contemporary Christian; Christian Rock; Merengue; Salsa;
Thrash Metal; Anime; J-Pop; Synthpop; Abstract; Art Rock; Baroque; Bhangra;
Big Beat; Breakbeat; Chillout; Downtempo; Dub; EBM; Eclectic; Electro;
Electroclash; Emo; Experimental; Garage; Global; IDM; Illbient;
Industro-Goth; Jam Band; Krautrock; Leftfield; Lounge; Math Rock; New
Romantic; Nu-Breakz; Post-Punk; Post-Rock; Psytrance; Shoegaze; Space Rock;
Trop Rock; World Music; Neoclassical; Audiobook; Audio Theatre; Neue
Deutsche Welle; Podcast; Indie Rock; G-Funk; Dubstep; Garage Rock; Psybient
"""
NAMES = tuple(name.strip() for name in _NAMES.replace("\n", " ").split(";"))
"""Name of each number: 80 of the first version of ID3, the rest from Winamp."""
_REFERENCE = re.compile(r"\((\d{1,3}|CR|RX)\)", re.IGNORECASE)
_HALF_BRACKET = re.compile(r"\((\d{1,3})|(\d{1,3})\)", re.ASCII)
_BEHIND = re.compile(r"(.*\S)\s*\((\d{1,3})\)")
_WORDS = {"CR": "Cover", "RX": "Remix"}


def name_genres(values: Iterable[str]) -> tuple[str, ...]:
    """Put names in place of the numbers of genres.

    Examples
    --------
    >>> name_genres(["17", "(9)(138)Viking Metal", "(RX)", "255", "(2)Country"])
    ('Rock', 'Metal', 'Black Metal', 'Viking Metal', 'Remix', 'Country')
    >>> name_genres(["17/13", "(9);(79)", "Top/40", "Rock (17)"])
    ('Rock', 'Pop', 'Metal', 'Hard Rock', 'Top/40')
    >>> name_genres(["(17", "8)"])
    ('Rock', 'Jazz')
    """
    found: dict[str, str] = {}
    for value in values:
        for piece in _cut(value):
            for name in _read_genre(piece.strip()):
                found.setdefault(name.casefold(), name)
    return tuple(found.values())


def _cut(value: str) -> list[str]:
    """Cut a text that lists numbers; one of names stays whole."""
    if value.isascii() and not any(map(str.isdigit, value)):
        return [value]
    for separators, enough in ((";\0", any), (";\0/,", all)):
        pieces = re.split(f"[{separators}]", value)
        if len(pieces) > 1 and enough(_is_reference(piece.strip()) for piece in pieces):
            return pieces
    return [value]


def _is_reference(piece: str) -> bool:
    """Say whether a part of a list is a number, or begins with one in brackets."""
    return _is_number(piece) or _REFERENCE.match(piece) is not None


def _is_number(value: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,3}", value)) and int(value) < 256


def _read_genre(value: str) -> list[str]:
    """Return the genres of one text: numbers in brackets, then perhaps a name."""
    plain = unicodedata.normalize("NFKC", value)
    if plain.isascii() and not value.isascii():
        value = plain  # wide digits, in wide brackets perhaps
    if _is_number(value) or value in _WORDS:
        return _look_up(value)
    if match := _HALF_BRACKET.fullmatch(value):
        return _look_up(match.group(1) or match.group(2))
    if (match := _BEHIND.fullmatch(value)) and _look_up(match.group(2)) == [
        match.group(1)
    ]:
        return [match.group(1)]  # a name with its own number behind it
    names = []
    while match := _REFERENCE.match(value):
        names += _look_up(match.group(1).upper())
        value = value[match.end() :].strip()
    if value.startswith("(("):
        value = value[1:]  # a name that begins with a bracket
    return [*names, value] if value else names


def _look_up(reference: str) -> list[str]:
    """Return the name of a number, none where it has none."""
    if reference in _WORDS:
        return [_WORDS[reference]]
    return [NAMES[int(reference)]] if int(reference) < len(NAMES) else []
