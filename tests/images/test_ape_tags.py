"""APE tags, and the ID3 tags of DSF files, are read whole and within bounds."""

from __future__ import annotations

import io
import struct
import time

import audio_files
import pytest
from PIL import Image

from covers.images.audio.audio_tags import read_member, read_tags

TAGS = {
    "title": "Über",
    "artist": "Ann",
    "album_artist": "Žofie",
    "album": "Řeka",
    "year": "1987-03-01",
    "genres": ["Black Metal", "(17)"],
    "release_id": "11111111-1111-1111-1111-111111111111",
}


def art(red=9):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), (red, 90, 20)).save(buffer, "JPEG")
    return buffer.getvalue()


def read(tmp_path, content, name="a.ape"):
    path = tmp_path / name
    path.write_bytes(content)
    tags = read_tags(path)
    return tags, [read_member(path, p.member) for p in tags.pictures]


@pytest.mark.parametrize("extension", ["ape", "wv", "mpc", "tak", "ofr", "tta", "mp3"])
@pytest.mark.parametrize("old_tag", [b"", b"TAG" + bytes(125)])
def test_an_ape_tag_gives_every_field(tmp_path, extension, old_tag):
    content = audio_files.ape(TAGS, ((8, art(1)), (3, art())), old_tag=old_tag)
    tags, pictures = read(tmp_path, content, f"a.{extension}")
    assert (tags.title, tags.artist, tags.album_artist) == (
        "Über",
        ("Ann",),
        ("Žofie",),
    )
    assert (tags.album, tags.year) == ("Řeka", 1987)
    assert tags.genres[:2] == ("Black Metal", "Rock")
    assert tags.release_id == TAGS["release_id"]
    assert [p.type for p in tags.pictures] == ["artist", "front_cover"]
    assert pictures == [art(1), art()]
    assert tags.problem is None


def test_dsf_files_point_to_their_tag(tmp_path):
    tags, pictures = read(tmp_path, audio_files.dsf(TAGS, ((3, art()),)), "a.dsf")
    assert (tags.album, tags.genres, pictures) == (
        "Řeka",
        ("Black Metal", "Rock"),
        [art()],
    )
    for at in (0, 10, 2**63, 2**64 - 1):
        content = b"DSD " + struct.pack("<QQQ", 28, 99, at) + bytes(99)
        assert read(tmp_path, content, "a.dsf")[0].problem is None


def test_a_file_without_a_tag_is_no_problem(tmp_path):
    for name in ("a.ape", "a.wv", "a.dsf", "a.aac"):
        tags, pictures = read(tmp_path, b"sound", name)
        assert (tags.problem, tags.album, pictures) == (None, None, [])


def test_damaged_and_hostile_tags_are_bounded(tmp_path):
    good = audio_files.ape(TAGS, ((3, art()),))
    assert "damaged" in (read(tmp_path, good[-40:])[0].problem or "")
    began = time.process_time()
    for size, count, body in (
        (2**32 - 1, 5, b""),
        (32, 2**32 - 1, b""),
        (2**20 + 32, 2**32 - 1, bytes(2**20)),
        (2**20 + 32, 2**32 - 1, b"\0\0\0\0\0\0\0\0k\0" * 104_857 + bytes(6)),
        (31, 1, b""),
    ):
        footer = b"APETAGEX" + struct.pack("<4I", 2000, size, count, 0) + bytes(8)
        read(tmp_path, body + footer)
    assert time.process_time() - began < 5


def test_a_picture_without_a_file_name_before_it_is_read(tmp_path):
    item = struct.pack("<II", len(art()), 2) + b"Cover Art (Front)\0" + art()
    size = len(item) + 32
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, 0) + bytes(8)
    tags, pictures = read(tmp_path, b"sound" + item + footer)
    assert (pictures, tags.problem) == ([art()], None)
