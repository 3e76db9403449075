"""Texts and pictures of tags that are not what their form says: other encodings, other places."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from covers.images.audio.audio_tags import read_member, read_tags
from tests import audio_files

SOUND = b"\xff\xfb\x90\0" + bytes(413)


def art():
    buffer = io.BytesIO()
    Image.effect_mandelbrot((40, 40), (-2, -1.5, 1, 1.5), 20).convert("RGB").save(
        buffer, "JPEG"
    )
    return buffer.getvalue()


def id3(*frames, version=3):
    body = b"".join(
        name + len(content).to_bytes(4) + b"\0\0" + content for name, content in frames
    )
    return b"ID3" + bytes([version, 0, 0]) + audio_files._synchsafe(len(body)) + body


def read(tmp_path, content, name="a.mp3"):
    path = tmp_path / name
    path.write_bytes(content)
    tags = read_tags(path)
    return tags, [read_member(path, one.member) for one in tags.pictures]


@pytest.mark.parametrize(
    ("album", "genre", "encoding"),
    [
        ("Группа крови", "Рок", "cp1251"),
        ("范特西", "流行", "gb18030"),
        ("無罪モラトリアム", "ロック", "cp932"),
        ("Motörhead “Live”", "Música", "cp1252"),
        ("Björk, Début", "Électronique", "utf-8"),
    ],
)
def test_texts_that_should_be_latin_1_are_read_in_the_encoding_they_are_in(
    tmp_path, album, genre, encoding
):
    written = [text.encode(encoding) for text in (album, genre)]
    frames = [
        (name, b"\0" + text)
        for name, text in zip((b"TALB", b"TCON"), written, strict=True)
    ]
    tags, _ = read(tmp_path, id3(*frames) + SOUND)
    assert (tags.album, tags.genres) == (album, (genre,))
    pairs = [b"ALBUM=" + written[0], b"GENRE=" + written[1]]
    comments = struct.pack("<II", 0, 2) + b"".join(
        struct.pack("<I", len(pair)) + pair for pair in pairs
    )
    flac = (
        b"fLaC\0\0\0\x22" + bytes(34) + b"\x84" + len(comments).to_bytes(3) + comments
    )
    tags, _ = read(tmp_path, flac, "a.flac")
    assert (tags.album, tags.genres) == (album, (genre,))


def test_a_text_too_short_to_tell_is_read_as_the_others_of_its_file(tmp_path):
    texts = {b"TPE1": "ДДТ", b"TALB": "Чёрный пёс Петербург"}
    frames = [(name, b"\0" + text.encode("cp1251")) for name, text in texts.items()]
    tags, _ = read(tmp_path, id3(*frames) + SOUND)
    assert (tags.artist, tags.album) == (("ДДТ",), "Чёрный пёс Петербург")


def test_marks_of_an_encoding_are_no_letters(tmp_path):
    for text in (b"\0" + "\ufeffx".encode("utf-16-le"), b"\3\xef\xbb\xbfx", b"\4x"):
        assert read(tmp_path, id3((b"TALB", text)) + SOUND)[0].album == "x"


def test_frames_of_later_versions_in_a_tag_of_the_first_are_read(tmp_path):
    content = id3((b"TALB", b"\0x"), (b"TPE1", b"\0y"), version=2) + SOUND
    tags, _ = read(tmp_path, content)
    assert (tags.album, tags.artist) == ("x", ("y",))


@pytest.mark.parametrize("frame", [b"TDRL", b"TDOR", b"TORY"])
def test_a_file_without_a_year_has_that_of_its_release(tmp_path, frame):
    assert read(tmp_path, id3((frame, b"\x001971")) + SOUND)[0].year == 1971
    both = id3((frame, b"\x001971"), (b"TYER", b"\x001999")) + SOUND
    assert read(tmp_path, both)[0].year == 1999


@pytest.mark.parametrize("name", [b"ID32", b"ID3\0", b"tag "])
def test_a_tag_in_a_chunk_of_any_name_is_read(tmp_path, name):
    content = audio_files.wav({"album": "x"}, ((3, art()),)).replace(b"id3 ", name)
    tags, pictures = read(tmp_path, content, "a.wav")
    assert (tags.album, pictures) == ("x", [art()])


def test_tags_behind_a_file_in_chunks_are_read(tmp_path):
    bare = audio_files.wav({})
    behind = audio_files.id3({"album": "x"}, ((3, art()),))
    tags, pictures = read(tmp_path, bare + behind, "a.wav")
    assert (tags.album, pictures) == ("x", [art()])
    ape = audio_files.ape({"album": "y"})[len(b"MAC sound") * 9 :]
    assert read(tmp_path, bare + ape, "a.wav")[0].album == "y"
    oldest = b"TAG" + bytes(60) + b"z".ljust(30, b"\0") + bytes(34) + b"\x11"
    assert read(tmp_path, bare + oldest, "a.wav")[0].album == "z"


def test_the_comments_of_a_flac_file_count_more_than_an_id3_tag_before_them(tmp_path):
    content = id3((b"TALB", b"\0old")) + audio_files.flac(
        {"album": "x", "genres": ["Rock"]}
    )
    assert read(tmp_path, content, "a.flac")[0].album == "x"


def test_values_of_a_comment_may_stand_in_one(tmp_path):
    tags, _ = read(tmp_path, audio_files.flac({"genres": ["Rock\0Pop"]}), "a.flac")
    assert tags.genres == ("Rock", "Pop")


def test_pictures_of_mp4_and_wma_are_read_without_a_box_and_without_a_length(tmp_path):
    bare = audio_files._atom(b"covr", art())
    meta = audio_files._atom(b"meta", bytes(4) + audio_files._atom(b"ilst", bare))
    moov = audio_files._atom(b"moov", audio_files._atom(b"udta", meta))
    mp4 = audio_files._atom(b"ftyp", b"M4A \0\0\0\0") + moov
    assert read(tmp_path, mp4, "a.m4a")[1] == [art()]
    wma = audio_files.wma({}, ((3, art()),))
    unsized = wma.replace(struct.pack("<BI", 3, len(art())), bytes([3, 0, 0, 0, 0]))
    assert unsized != wma
    assert read(tmp_path, unsized, "a.wma")[1] == [art()]


def test_the_name_before_a_picture_of_an_ape_tag_may_be_in_utf_16(tmp_path):
    narrow, wide = b"cover.jpg\0", "cover".encode("utf-16-le")
    content = audio_files.ape({}, ((3, art()),))
    changed = content.replace(narrow, wide)
    assert len(wide) == len(narrow)
    assert read(tmp_path, changed, "a.ape")[1] == [art()]
