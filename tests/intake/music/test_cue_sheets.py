"""Cue sheets: tracks of one long file, beside it or inside it."""

from __future__ import annotations

import time

import audio_files
import pytest
from music_folders import albums_of, jpeg, put, taken

from covers.images.audio.audio_tags import Tags
from covers.images.audio.cue_sheet import parse_cue_sheet
from covers.intake.music.album_notes import read_music_file

CUE = """REM GENRE "Post-Rock"
REM DATE 1999
PERFORMER "Godspeed"
TITLE "F# A# oo"
FILE "image.wav" WAVE
  TRACK 01 AUDIO
    TITLE "One"
    PERFORMER "Nobody"
    REM GENRE Polka
    INDEX 01 00:00:00
  TRACK 02 AUDIO
    TITLE "Two"
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("extension", ["flac", "ape", "wv", "wav"])
def test_a_cue_sheet_gives_genre_and_titles_to_one_long_file(
    tmp_path, encoding, extension
):
    content = (
        audio_files.WRITERS[extension]({}) if extension in audio_files.WRITERS else b"x"
    )
    put(tmp_path / f"A/image.{extension}", content)
    put(tmp_path / "A/cover.jpg", jpeg(1))
    put(tmp_path / "A/any.cue", CUE.replace("Godspeed", "Sigur Rós").encode(encoding))
    [(_, artist, album, genres)] = taken(tmp_path)
    assert (artist, album, genres) == ("Sigur Rós", "F# A# oo", ("Post-Rock",))
    [offer] = albums_of(tmp_path)
    assert offer.candidates[0].labels.year == 1999
    assert offer.candidates[0].labels.extra["n_tracks"] == 2


@pytest.mark.parametrize("extension", ["flac", "ogg", "mp3", "ape"])
def test_a_cue_sheet_inside_a_file_counts_like_one_beside_it(tmp_path, extension):
    write = {**audio_files.WRITERS, "ape": audio_files.ape}[extension]
    long = CUE + "".join(f"  TRACK {n} AUDIO\n    TITLE n{n}\n" for n in range(3, 400))
    put(tmp_path / f"A/image.{extension}", write({"cue_sheet": long}))
    put(tmp_path / "A/cover.jpg", jpeg(1))
    [(_, artist, album, genres)] = taken(tmp_path)
    assert (artist, album, genres) == ("Godspeed", "F# A# oo", ("Post-Rock",))
    [offer] = albums_of(tmp_path)
    assert offer.candidates[0].labels.year == 1999
    assert offer.candidates[0].labels.extra["n_tracks"] == 399
    put(
        tmp_path / f"A/image.{extension}",
        write({"cue_sheet": CUE, "album": "Tagged", "genres": ["Jazz"]}),
    )
    [(_, artist, album, genres)] = taken(tmp_path)
    assert (artist, album, genres) == ("Godspeed", "Tagged", ("Jazz",))


def test_a_flac_file_counts_its_tracks_in_a_block_of_their_own(tmp_path):
    content = audio_files.flac({"album": "One file", "artist": "Ann"})
    block = bytes(395) + bytes([8]) + bytes(36 * 8)
    head = bytes([5]) + len(block).to_bytes(3, "big")
    for name, cut in (("whole", len(block)), ("short", 100)):
        put(
            tmp_path / name / "image.flac",
            content[:4] + b"\0" + content[5:42] + head + block[:cut] + content[42:],
        )
        put(tmp_path / name / "cover.jpg", jpeg(1))
    tags = read_music_file(tmp_path / "whole/image.flac")
    assert (tags.album, tags.n_tracks) == ("One file", 7)
    assert read_music_file(tmp_path / "short/image.flac").problem


@pytest.mark.parametrize(
    ("encoding", "artist", "genre"),
    [
        ("shift_jis", "中島みゆき", "ニューミュージック"),
        ("gbk", "罗大佑", "流行"),
        ("euc-kr", "이문세", "발라드"),
        ("utf-16-le", "Björk", "Électro"),
        ("latin-1", "Björk", "Électro"),
    ],
)
def test_cue_sheets_in_the_encoding_of_their_country(tmp_path, encoding, artist, genre):
    put(tmp_path / "A/image.ape", b"x")
    put(tmp_path / "A/cover.jpg", jpeg(1))
    text = CUE.replace("Godspeed", artist).replace("Post-Rock", genre)
    put(tmp_path / "A/image.cue", text.encode(encoding))
    [(_, found, _, genres)] = taken(tmp_path)
    assert (found, genres) == (artist, (genre,))


def test_tags_come_before_a_cue_sheet(tmp_path):
    put(
        tmp_path / "A/image.flac",
        audio_files.flac({"album": "Tagged", "genres": ["Jazz"]}),
    )
    put(tmp_path / "A/cover.jpg", jpeg(1))
    put(tmp_path / "A/image.cue", CUE.encode())
    [(_, artist, album, genres)] = taken(tmp_path)
    assert (artist, album, genres) == ("Godspeed", "Tagged", ("Jazz",))


def test_each_long_file_has_its_own_cue_sheet(tmp_path):
    for name in ("one", "two"):
        put(tmp_path / f"A/{name}.ape", b"x")
        text = CUE.replace("image.wav", f"{name}.wav").replace("F# A# oo", name.title())
        put(
            tmp_path / f"A/sheet {name}.cue",
            text.replace("Post-Rock", f"G {name}").encode(),
        )
    put(tmp_path / "A/cover.jpg", jpeg(1))
    assert [(album, genres) for _, _, album, genres in taken(tmp_path)] == [
        ("One", ("G one",)),
        ("Two", ("G two",)),
    ]


def test_hostile_cue_sheets_take_little_time(tmp_path):
    began = time.process_time()
    for i, content in enumerate(
        (
            b"TITLE " + b" a" * 2**18,
            b"\n".join(b'FILE "%d.wav" WAVE' % n for n in range(40_000)),
            b"TITLE " * 90_000,
            bytes(2**19),
            b"\xff\xfe" + b"\0" * 99_999,
        )
    ):
        put(tmp_path / f"{i}.cue", content)
        assert isinstance(read_music_file(tmp_path / f"{i}.cue"), Tags)
    put(tmp_path / "large.cue", bytes(2**21))
    assert "larger" in (read_music_file(tmp_path / "large.cue").problem or "")
    assert time.process_time() - began < 5


def test_a_sheet_is_read_with_quotes_in_texts_other_years_and_other_kinds_of_files():
    lines = [
        '\ufeffTITLE "The ""Best"""',
        'PERFORMER "X "Y" Z"',
        "REM YEAR 1999",
        'FILE "a.flac" FLAC',
        "  TRACK 01 AUDIO",
    ]
    cue = parse_cue_sheet("\n".join(lines))
    assert (cue.title, cue.performer, cue.year) == ('The "Best"', 'X "Y" Z', 1999)
    assert (cue.files, cue.n_tracks) == (("a.flac",), 1)
