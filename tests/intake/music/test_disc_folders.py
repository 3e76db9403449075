"""Folders of single discs, as people name them."""

from __future__ import annotations

import pytest

from covers.intake.music.disc_folders import (
    find_album_folders,
    is_disc_name,
    strip_disc,
)

DISCS = """CD1|cd 01|CD-2|CD_3|CD 100|CD①|CDOne|CD Eleven|CD B|CD1 - Early|CD1 Live|CD 1 of 3|CD n°1|{CD 2}|[Disc 2]|
(CD 2)|Disc One|disc two (bonus)|Disk 3|Disc VII|Disc.1|Disc#1|2nd CD|First Disc|Bonus CD|Bonus Disc|CD Bonus|Special Disc|
Live CD|LP 2|LP2|Vinyl 1|12" Vinyl 1|Side A|Seite B|DVD 1|Bonus DVD|SACD 2|Tape 1|Record One|Digital Media 01|
Disque 1|Disque premier|Диск первый|Disc First - Live|Disco 2|Disco Uno|Scheibe 1|Platte 2|Диск 1|ДИСК 2|Диск1|ディスク1|ディスク 2|第1碟|第二碟|第十张|碟2|płyta 1|plaat 1|skiva 2"""  # noqa: RUF001
MAYBE = """2|02|1 - Studio|2 Live|Volume 2|Vol. 1|Volume II|Vol.III|Part One|Pt. 2|Teil 1|Parte 1|Del 2|Часть 1|Act I|Box 1|
D1|D01|A|1CD|2 LP|FLAC|MP3 (320 kbit)|FLAC [24-96]|Lossless|Tracks|Day 1|Night Two|Concert 1|Enhanced CD|上|下巻|第一集|Kötet 1|A-Side|SACD|Hybrid SACD|12"|12" Vinyl|Vinyl|DVD|Bonus|Bonus Tracks|Extras|Remixes|Live|Demos|Instrumentals|
Album CD2|Album (Disc 2)|The Wall [Disc 2]|Live Vol. 2|Album - CD1"""
NONE = """Discovery|Discography|CDrama|Side Effects|Media Player|Record Collection|Tapestry|Part of Me|2112|1984|
Tapes 'n Tapes|Artwork|Scans|Diskotek|Volume|Aha|Flac Attack|Music for Airports|Daydream|Nightfall|上海"""


def names(text: str) -> list[str]:
    return text.replace("\n", "").split("|")


@pytest.mark.parametrize("name", names(DISCS))
def test_a_disc_is_known_by_its_name(name):
    assert is_disc_name(name)
    titles = {f"B/Album/{name}": ["Album"]}
    assert find_album_folders(titles, (), ()) == {f"B/Album/{name}": "B/Album"}


@pytest.mark.parametrize("name", names(MAYBE))
def test_what_may_be_a_disc_is_one_where_the_cover_lies_above(name):
    assert not is_disc_name(name)
    titles = {f"B/Album/{name}": ["Album"]}
    above, own = {"B/Album"}, {"B/Album", f"B/Album/{name}"}
    assert find_album_folders(titles, above, ()) == {f"B/Album/{name}": "B/Album"}
    assert find_album_folders(titles, (), ()) == {f"B/Album/{name}": f"B/Album/{name}"}
    assert find_album_folders(titles, own, ()) == {f"B/Album/{name}": f"B/Album/{name}"}


@pytest.mark.parametrize("name", names(MAYBE))
def test_an_album_of_such_a_name_stays_one(name):
    titles = {f"Band/{name}": [name]}
    assert find_album_folders(titles, {"Band"}, ()) == {f"Band/{name}": f"Band/{name}"}


@pytest.mark.parametrize("name", names(NONE))
def test_other_names_are_no_discs(name):
    titles = {f"Band/{name}": [name]}
    assert not is_disc_name(name)
    assert find_album_folders(titles, {"Band"}, ()) == {f"Band/{name}": f"Band/{name}"}


def test_the_number_of_a_disc_is_taken_off_titles():
    for title in ("Live (Disc 2)", "Live [CD2]", "Live, Disc Two", "Live - CD 100"):
        assert strip_disc(title) == "Live"
    for title in ("LP1", "CD", "Abacab", "Disc"):
        assert strip_disc(title) == title
