"""Genres that tags write as numbers, in all the ways that taggers mix them with names."""

from __future__ import annotations

import pytest

from covers.images.audio.genre_numbers import NAMES, name_genres


@pytest.mark.parametrize(
    ("text", "genres"),
    {
        "17": ("Rock",),
        "017": ("Rock",),
        "(17)": ("Rock",),
        "(17)Rock": ("Rock",),
        "(17) Rock": ("Rock",),
        "Rock (17)": ("Rock",),
        "Rock(9)": ("Rock(9)",),
        "(9)(138)Viking Metal": ("Metal", "Black Metal", "Viking Metal"),
        "(51)(39)": ("Techno-Industrial", "Noise"),
        "(4)Eurodisco": ("Disco", "Eurodisco"),
        "(4)((Foo)": ("Disco", "(Foo)"),
        "(CR)": ("Cover",),
        "(RX)(18)": ("Remix", "Techno"),
        "(rx)": ("Remix",),
        "１７": ("Rock",),  # noqa: RUF001
        "（17）Rock": ("Rock",),  # noqa: RUF001
        "RX": ("Remix",),
        "CR": ("Cover",),
        "Cr": ("Cr",),
        "17/13": ("Rock", "Pop"),
        "17, 13": ("Rock", "Pop"),
        "17;13": ("Rock", "Pop"),
        "17\x00Viking Metal": ("Rock", "Viking Metal"),
        "(17);(13)": ("Rock", "Pop"),
        "(17)/(13)Pop": ("Rock", "Pop"),
        "17; Viking Metal": ("Rock", "Viking Metal"),
        "255": (),
        "(255)": (),
        "(999)": (),
        "0": ("Blues",),
        "1980": ("1980",),
        "80s": ("80s",),
        "Top/40": ("Top/40",),
        "Drum; Bass": ("Drum; Bass",),
    }.items(),
)
def test_numbers_become_names_and_names_stay(text, genres):
    assert name_genres([text]) == genres


def test_every_number_of_the_list_is_a_name_however_it_is_written():
    for number, name in enumerate(NAMES):
        for text in (f"{number}", f"({number})", f"({number}){name}"):
            assert name_genres([text]) == (name,)
