"""Comments and pictures of FLAC and Ogg files are read whole and within bounds."""

from __future__ import annotations

import base64
import io
import struct
import time

import audio_files
import pytest
from PIL import Image

from covers.images.audio.audio_tags import read_member, read_tags


def art(red=9):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), (red, 90, 20)).save(buffer, "JPEG")
    return buffer.getvalue()


def block(kind, content, *, is_last=False):
    return bytes([kind | (0x80 if is_last else 0)]) + len(content).to_bytes(3) + content


def comments(*pairs):
    content = struct.pack("<I", 4) + b"test" + struct.pack("<I", len(pairs))
    return content + b"".join(struct.pack("<I", len(p)) + p for p in pairs)


def picture(data, kind=3):
    return audio_files._flac_picture(kind, data)


def flac(*blocks):
    return (
        b"fLaC" + block(0, bytes(34)) + b"".join(blocks) + block(1, b"", is_last=True)
    )


def read(tmp_path, content, name="a.flac"):
    path = tmp_path / name
    path.write_bytes(content)
    tags = read_tags(path)
    return tags, [read_member(path, p.member) for p in tags.pictures]


@pytest.mark.parametrize("kind", [20, 21, 22, 255, 2**32 - 1])
@pytest.mark.parametrize("extension", ["flac", "ogg", "opus"])
def test_a_type_out_of_range_costs_no_picture(tmp_path, kind, extension):
    content = audio_files.WRITERS[extension](
        {"album": "A"}, ((kind, art(1)), (3, art()))
    )
    tags, pictures = read(tmp_path, content, f"a.{extension}")
    assert (tags.album, tags.problem) == ("A", None)
    assert pictures == [art(1), art()]
    assert tags.pictures[1].member == "front_cover/0"


def test_a_damaged_picture_costs_no_other(tmp_path):
    damaged = picture(art())[:-20]
    content = flac(
        block(6, damaged), block(4, comments(b"ALBUM=A")), block(6, picture(art()))
    )
    tags, pictures = read(tmp_path, content)
    assert tags.album == "A"
    assert pictures[-1] == art()
    in_text = [
        b"METADATA_BLOCK_PICTURE=" + base64.b64encode(p)
        for p in (b"xyz", picture(art()))
    ]
    tags, pictures = read(tmp_path, flac(block(4, comments(*in_text))))
    assert "damaged" in (tags.problem or "")
    assert pictures == [art()]


def test_a_picture_without_a_length_is_taken_from_its_block_and_an_empty_one_is_named(
    tmp_path,
):
    unsized = audio_files._flac_picture(3, b"")
    tags, pictures = read(
        tmp_path, flac(block(6, unsized + art()), block(4, comments()))
    )
    assert (pictures, tags.problem) == ([art()], None)
    tags, pictures = read(tmp_path, flac(block(6, unsized), block(6, picture(art()))))
    assert pictures == [art()]
    assert tags.problem == "a picture in it is truncated or damaged"


@pytest.mark.parametrize(
    "comment",
    [
        b"METADATA_BLOCK_PICTURE=" + base64.urlsafe_b64encode(picture(art())),
        b"METADATA_BLOCK_PICTURE=" + base64.b64encode(art()),
        b"COVERART=" + base64.b64encode(picture(art())),
        b"COVERART=data:image/jpeg;base64," + base64.b64encode(art()),
    ],
)
def test_a_picture_in_a_comment_is_read_whatever_its_name_promises(tmp_path, comment):
    tags, pictures = read(tmp_path, flac(block(4, comments(comment))))
    assert (pictures, tags.problem) == ([art()], None)


def test_a_picture_larger_than_its_block_can_say_is_read(tmp_path):
    large = art() + bytes(2**24)
    content = b"fLaC" + block(0, bytes(34)) + b"\x06\0\0\x20" + picture(large)
    tags, pictures = read(
        tmp_path, content + block(4, comments(b"ALBUM=A"), is_last=True)
    )
    assert (tags.album, pictures) == ("A", [large])


def test_the_old_way_to_write_a_cover_and_names_in_any_case_are_known(tmp_path):
    old = b"COVERART=" + base64.b64encode(art())
    pairs = (
        b"Album Artist=Ann",
        b"date=1999-01-02",
        b"Genre=17",
        b"genre=(9)(138)Viking",
        old,
    )
    tags, pictures = read(tmp_path, flac(block(4, comments(*pairs))))
    assert (tags.album_artist, tags.year) == (("Ann",), 1999)
    assert tags.genres == ("Rock", "Metal", "Black Metal", "Viking")
    assert pictures == [art()]


def test_flac_in_ogg_gives_its_pictures(tmp_path):
    first = b"\x7fFLAC\1\0\0\2fLaC" + block(0, bytes(34))
    packets = [
        first,
        block(4, comments(b"ALBUM=A")),
        block(6, picture(art()), is_last=True),
    ]
    tags, pictures = read(tmp_path, audio_files._ogg_pages(packets), "a.oga")
    assert (tags.album, pictures) == ("A", [art()])


def test_a_picture_of_another_format_is_named_and_not_taken(tmp_path):
    tags, pictures = read(
        tmp_path, flac(block(6, picture(b"\xff\x0a jxl")), block(6, picture(art())))
    )
    assert pictures == [art()]
    assert "JPEG XL" in (tags.problem or "")


HOSTILE = {
    "repeated": comments(*(b"GENRE=%d" % i for i in range(80_000))),
    "different": comments(*(b"K%d=v" % i for i in range(80_000))),
    "long": comments(b"GENRE=" + b"a;" * 2**19),
    "a count that is a lie": struct.pack("<II", 0, 2**32 - 1) + bytes(2**20),
    "a writer without end": struct.pack("<I", 2**32 - 1) + bytes(99),
    "pictures": comments(*[b"COVERART=/9j/"] * 80_000),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("extension", ["flac", "ogg"])
def test_hostile_comments_take_little_time(tmp_path, name, extension):
    content = HOSTILE[name]
    if extension == "flac":
        content = flac(block(4, content))
    else:
        content = audio_files._ogg_pages(
            [b"\x01vorbis" + bytes(23), b"\x03vorbis" + content]
        )
    path = tmp_path / f"a.{extension}"
    path.write_bytes(content)
    began = time.process_time()
    tags = read_tags(path)
    assert time.process_time() - began < 5
    assert len(tags.genres) <= 256
    assert len(tags.pictures) <= 32


def atom(name, content):
    return struct.pack(">I", 8 + len(content)) + name + content


def test_hostile_mp4_and_wma_files_take_little_time(tmp_path):
    data = b"".join(audio_files._mp4_data(1, b"%d" % i) for i in range(60_000))
    names = atom(b"mean", bytes(4) + b"m") + atom(b"name", bytes(4) + b"genre")
    custom = atom(b"----", names + data)
    several = b"".join(
        atom(b"\xa9gen", audio_files._mp4_data(1, b"%d" % i)) for i in range(60_000)
    )
    began = time.process_time()
    for items in (custom, several):
        meta = atom(b"meta", bytes(4) + atom(b"ilst", items))
        moov = atom(b"moov", atom(b"udta", meta))
        path = tmp_path / "a.m4a"
        path.write_bytes(atom(b"ftyp", b"M4A \0\0\0\0M4A ") + moov)
        assert len(read_tags(path).genres) <= 256
    wma = audio_files.wma({"genres": [f"{i}" for i in range(60_000)]})
    (tmp_path / "a.wma").write_bytes(wma)
    assert "60,000 attributes" in (read_tags(tmp_path / "a.wma").problem or "")
    extension = bytes.fromhex("B503BF5F2EA9CF118EE300C00C205365")
    deep = b""
    for _ in range(3000):
        deep = extension + struct.pack("<Q", 46 + len(deep)) + bytes(22) + deep
    head = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
    deep = head + struct.pack("<QIBB", 30 + len(deep), 1, 1, 2) + deep
    (tmp_path / "b.wma").write_bytes(deep)
    assert not read_tags(tmp_path / "b.wma").pictures
    assert time.process_time() - began < 10


def test_genre_numbers_of_mp4_files_are_named_as_id3_numbers_them(tmp_path):
    for number, expected in (
        (18, ("Rock",)),
        (0, ()),
        (140, ("Crossover",)),
        (256, ()),
    ):
        item = atom(b"gnre", audio_files._mp4_data(0, struct.pack(">H", number)))
        meta = atom(b"meta", bytes(4) + atom(b"ilst", item))
        content = atom(b"ftyp", b"M4A \0\0\0\0M4A ") + atom(
            b"moov", atom(b"udta", meta)
        )
        assert read(tmp_path, content, "a.m4a")[0].genres == expected
