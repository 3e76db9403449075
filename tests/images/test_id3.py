"""ID3 tags are read as taggers write them, not only as the standard has them."""

from __future__ import annotations

import io
import re
import struct
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from covers.images.audio.audio_tags import read_member, read_tags
from covers.images.audio.id3 import MAX_FRAMES, MAX_TAG_BYTES, read_id3

SOUND = b"\xff\xfb\x90\0" + bytes(413)


def picture(format_name="JPEG"):
    noise = np.random.default_rng(4).integers(0, 255, (150, 150, 3)).astype("uint8")
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format_name)
    return buffer.getvalue()


ART = picture()
assert b"\xff\0" in ART
assert b"\xff\xe0" in ART


def safe(number):
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def plain(number):
    return struct.pack(">I", number)


def frame(name, content, *, flags=0, size=safe):
    return name + size(len(content)) + flags.to_bytes(2) + content


def tag(*frames, version=4, flags=0, padding=0):
    body = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes([version, 0, flags]) + safe(len(body)) + body


def hide(content):
    """Unsynchronise: a zero behind every 0xff that could begin a sound frame."""
    return re.sub(rb"\xff(?=[\xe0-\xff\0])", b"\xff\0", content)


def apic(data=ART, kind=3, description=b"\0", encoding=b"\0"):
    return encoding + b"image/jpeg\0" + bytes([kind]) + description + data


def read(tmp_path, content, name="a.mp3"):
    path = tmp_path / name
    path.write_bytes(content)
    tags = read_tags(path)
    return tags, [read_member(path, p.member) for p in tags.pictures]


TEXTS = frame(b"TALB", b"\3Album"), frame(b"TCON", b"\3Rock")


@pytest.mark.parametrize("flags", [0x80, 0])
@pytest.mark.parametrize("frame_flags", [0x02, 0x03, 0])
def test_a_picture_is_itself_whoever_says_that_it_is_unsynchronised(
    tmp_path, flags, frame_flags
):
    content = hide(apic())
    if frame_flags & 1:
        content = safe(len(apic())) + content
    data = tag(frame(b"APIC", content, flags=frame_flags), *TEXTS, flags=flags)
    tags, pictures = read(tmp_path, data + SOUND)
    assert (tags.album, tags.genres, tags.problem) == ("Album", ("Rock",), None)
    assert pictures == [ART]


@pytest.mark.parametrize("flags", [0x80, 0])
@pytest.mark.parametrize("frame_flags", [0x02, 0])
def test_a_picture_is_itself_where_unsynchronisation_is_only_claimed(
    tmp_path, flags, frame_flags
):
    data = tag(frame(b"APIC", apic(), flags=frame_flags), *TEXTS, flags=flags)
    assert read(tmp_path, data)[1] == [ART]


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("sizes", ["before", "after"])
def test_old_tags_are_unsynchronised_as_a_whole_or_frame_by_frame(
    tmp_path, version, sizes
):
    size = plain if version == 3 else safe
    frames = [
        frame(b"TALB", b"\1" + "Alt".encode("utf-16"), size=size),
        frame(b"APIC", apic(), size=size),
        frame(b"TCON", b"\0Rock", size=size),
    ]
    if sizes == "after":
        frames = [
            f[:4] + size(len(hide(f[10:]))) + f[8:10] + hide(f[10:]) for f in frames
        ]
    else:
        frames = [hide(b"".join(frames))]
    tags, pictures = read(tmp_path, tag(*frames, version=version, flags=0x80) + SOUND)
    assert (tags.album, tags.genres) == ("Alt", ("Rock",))
    assert pictures == [ART]


@pytest.mark.parametrize(("version", "wrong"), [(4, plain), (3, safe)])
@pytest.mark.parametrize("padding", [0, 500])
def test_sizes_are_read_in_the_other_versions_spelling(
    tmp_path, version, wrong, padding
):
    right = safe if version == 4 else plain
    data = tag(
        frame(b"TALB", b"\3" + b"A" * 200, size=right),
        frame(b"APIC", apic(), size=wrong),
        frame(b"TCON", b"\3Rock", size=wrong),
        version=version,
        padding=padding,
    )
    tags, pictures = read(tmp_path, data + SOUND)
    assert tags.album == "A" * 200
    assert (tags.genres, tags.problem) == (("Rock",), None)
    assert pictures == [ART]


EXTENDED = {
    "2.3": (3, plain(6) + b"\0\0" + plain(0)),
    "2.3 with checksum": (3, plain(10) + b"\x80\0" + plain(0) + b"abcd"),
    "2.3 that counts itself": (3, plain(10) + b"\0\0" + plain(0)),
    "2.4": (4, safe(6) + b"\1\0"),
    "2.4 with checksum": (4, safe(12) + b"\1\x20\5" + bytes(5)),
    "2.4 that leaves itself out": (4, safe(2) + b"\1\0"),
    "claimed only": (3, b""),
}


@pytest.mark.parametrize("name", EXTENDED)
@pytest.mark.parametrize("flags", [0x40, 0xC0])
def test_extended_headers_are_passed_over(tmp_path, name, flags):
    version, extended = EXTENDED[name]
    size = safe if version == 4 else plain
    body = frame(b"APIC", apic(), size=size) + frame(b"TALB", b"\0x", size=size)
    if flags & 0x80 and version == 3:
        body = hide(body)
    tags, pictures = read(tmp_path, tag(extended + body, version=version, flags=flags))
    assert (tags.album, pictures, tags.problem) == ("x", [ART], None)


@pytest.mark.parametrize("kind", [*range(18, 24), 128, 255])
def test_a_type_out_of_range_costs_no_picture(tmp_path, kind):
    other = picture("PNG")
    data = tag(frame(b"APIC", apic(other, kind)), frame(b"APIC", apic()))
    tags, pictures = read(tmp_path, data)
    assert tags.problem is None
    assert sorted(pictures) == sorted([ART, other])
    assert [p.type for p in tags.pictures][1] == "front_cover"
    assert tags.pictures[0].type == ("unknown" if kind > 20 else tags.pictures[0].type)


UTF16 = {
    "marked, little": (1, "Ärger".encode("utf-16-le"), b"\xff\xfe"),
    "marked, big": (1, "Ärger".encode("utf-16-be"), b"\xfe\xff"),
    "unmarked, little": (1, "Ärger".encode("utf-16-le"), b""),
    "unmarked, big": (1, "Ärger".encode("utf-16-be"), b""),
    "big by its number": (2, "Ärger".encode("utf-16-be"), b""),
    "big by its number, marked": (2, "Ärger".encode("utf-16-be"), b"\xfe\xff"),
    "marked against its number": (2, "Ärger".encode("utf-16-le"), b"\xff\xfe"),
    "unmarked Cyrillic": (1, "Ленинград".encode("utf-16-be"), b""),
    "unmarked Kana": (1, "カタカナ".encode("utf-16-le"), b""),
    "marked twice": (1, "Ärger".encode("utf-16-le"), b"\xff\xfe\xff\xfe"),
}


@pytest.mark.parametrize("name", UTF16)
def test_utf_16_is_read_with_or_without_its_mark(tmp_path, name):
    number, text, mark = UTF16[name]
    data = tag(frame(b"TALB", bytes([number]) + mark + text + b"\0\0"))
    expected = text.decode(
        "utf-16-be" if "big" in name or "Cyr" in name else "utf-16-le"
    )
    assert read(tmp_path, data)[0].album == expected


def test_one_mark_serves_all_texts_of_a_frame_and_each_may_have_its_own(tmp_path):
    big = [text.encode("utf-16-be") for text in ("Rock", "Jazz", "Soul")]
    one = b"\1\xfe\xff" + b"\0\0".join(big)
    assert read(tmp_path, tag(frame(b"TCON", one)))[0].genres == (
        "Rock",
        "Jazz",
        "Soul",
    )
    mixed = b"\1" + "Rock\0".encode("utf-16") + b"\xfe\xff" + big[1]
    assert read(tmp_path, tag(frame(b"TCON", mixed)))[0].genres == ("Rock", "Jazz")
    custom = (
        b"\1" + "MusicBrainz Album Id\0".encode("utf-16") + "abc".encode("utf-16-le")
    )
    assert read(tmp_path, tag(frame(b"TXXX", custom)))[0].release_id == "abc"


def test_pictures_of_the_second_version_are_read(tmp_path):
    def short(name, content):
        return name + len(content).to_bytes(3) + content

    wide = b"\1JPG\3" + "c".encode("utf-16") + b"\0\0" + ART
    for content in (b"\0JPG\3\0" + ART, b"\0PNG\3word\0" + ART, wide):
        data = tag(
            short(b"TAL", b"\0Old"),
            short(b"PIC", content),
            short(b"TCO", b"\0(17)"),
            version=2,
            padding=99,
        )
        tags, pictures = read(tmp_path, data + SOUND)
        assert (tags.album, tags.genres, pictures) == ("Old", ("Rock",), [ART])


def test_old_names_in_newer_tags_are_known(tmp_path):
    data = tag(frame(b"TAL\0", b"\0Old", size=plain), version=3)
    assert read(tmp_path, data)[0].album == "Old"


DESCRIPTIONS = {
    "none": b"",
    "stray zeros": b"\0\0\0",
    "wide without a mark": b"c\0\0\0",
    "wide, ended by one zero": b"\xff\xfec\0\0",
    "long": b"words " * 100 + b"\0",
}


@pytest.mark.parametrize("description", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
@pytest.mark.parametrize("encoding", [0, 1, 2, 3])
def test_a_picture_is_found_behind_any_description(tmp_path, description, encoding):
    content = apic(description=description, encoding=bytes([encoding]))
    assert read(tmp_path, tag(frame(b"APIC", content)))[1] == [ART]


@pytest.mark.parametrize("format_name", ["AVIF", "TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("description", [b"", b"\0"])
def test_a_picture_of_any_format_is_found_behind_a_wide_text_that_ends_as_a_narrow_one(
    tmp_path, description, format_name
):
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(buffer, format_name)
    content = apic(buffer.getvalue(), description=description, encoding=b"\1")
    found = read(tmp_path, tag(frame(b"APIC", content)))[1]
    assert found == [buffer.getvalue()]


def test_packed_grouped_and_locked_frames_do_what_their_flags_say(tmp_path):
    packed = safe(len(apic())) + zlib.compress(apic())
    data = tag(
        frame(b"APIC", packed, flags=0x09),
        frame(b"TALB", b"g\3Album", flags=0x40),
        frame(b"TCON", b"\3secret", flags=0x04),
    )
    tags, pictures = read(tmp_path, data)
    assert (tags.album, tags.genres, pictures) == ("Album", (), [ART])
    old = frame(
        b"APIC", plain(len(apic())) + zlib.compress(apic()), flags=0x80, size=plain
    )
    assert read(tmp_path, tag(old, version=3))[1] == [ART]


def test_a_length_indicator_that_is_claimed_or_not_claimed_does_no_harm(tmp_path):
    for content, flags in ((b"\3Rock", 1), (safe(5) + b"\3Rock", 0)):
        assert read(tmp_path, tag(frame(b"TCON", content, flags=flags)))[0].genres == (
            "Rock",
        )


def test_what_begins_not_as_a_picture_is_never_one_and_is_named(tmp_path):
    heic = b"\0\0\0\x18ftypheic" + bytes(50)
    data = tag(
        frame(b"APIC", apic(heic)),
        frame(b"APIC", b"\0-->\0\3\0http://example.org/a.jpg"),
        frame(b"APIC", apic()),
    )
    tags, pictures = read(tmp_path, data)
    assert pictures == [ART]
    assert tags.pictures[0].member == "front_cover/2"
    assert "HEIC" in (tags.problem or "")
    assert "http://" not in (tags.problem or "") or "starts with" in (
        tags.problem or ""
    )


def test_several_tags_add_up_and_the_first_counts(tmp_path):
    first = tag(frame(b"TALB", b"\3First", size=plain), version=3, padding=50)
    second = tag(frame(b"TALB", b"\3Second"), *TEXTS[1:], frame(b"APIC", apic()))
    last = b"TAG" + b"Title".ljust(30, b"\0") + bytes(94) + bytes([17])
    tags, pictures = read(tmp_path, first + second + SOUND + last)
    assert (tags.album, tags.title, pictures) == ("First", "Title", [ART])
    assert tags.genres == ("Rock",)


def test_a_tag_with_a_footer_before_a_flac_file_is_passed_over(tmp_path):
    import audio_files

    front = tag(*TEXTS[:1], flags=0x10) + b"3DI" + bytes(7)
    flac = audio_files.flac({"genres": ["Jazz"], "title": "T"}, ((3, ART),))
    tags, pictures = read(tmp_path, front + flac, "a.flac")
    assert (tags.album, tags.genres, tags.title) == ("Album", ("Jazz",), "T")
    assert pictures == [ART]


def test_a_file_is_known_by_its_bytes_and_not_its_ending(tmp_path):
    import audio_files

    m4a = audio_files.m4a({"album": "A"}, ((3, ART),))
    tags, pictures = read(tmp_path, m4a, "a.mp3")
    assert (tags.album, pictures) == ("A", [ART])


def test_a_cut_tag_gives_what_is_there_and_says_so(tmp_path):
    data = tag(*TEXTS, frame(b"APIC", apic()))
    tags, _ = read(tmp_path, data[: len(data) // 2])
    assert (tags.album, tags.genres) == ("Album", ("Rock",))
    assert "cut short" in (tags.problem or "")
    assert "no frame" in (read(tmp_path, tag(b"!" * 200))[0].problem or "")
    unknown = read(tmp_path, tag(*TEXTS, version=9))[0]
    assert "unknown version 2.9" in (unknown.problem or "")


def bomb():
    packed = zlib.compress(bytes(2**24), 9)
    return [frame(b"APIC", safe(2**24) + packed, flags=9) for _ in range(200)]


HOSTILE = {
    "a megabyte of text": [frame(b"TCON", b"\3" + b"a;" * 2**19)],
    "a megabyte of texts": [
        frame(b"TCON", b"\3" + b"\0".join(b"%d" % i for i in range(150_000)))
    ],
    "many frames": [frame(b"TCON", b"\3%d" % i) for i in range(90_000)],
    "many fields": [frame(b"TXXX", b"\3k%d\0v" % i) for i in range(50_000)],
    "empty frames": [frame(b"TALB", b"")] * 100_000,
    "sizes that lead nowhere": [b"APIC\x7f\x7f\x7f\x7f\0\0" + bytes(100)] * 9000,
    "sizes with high bits": [b"APIC\xff\xff\xff\xff\0\0" + b"x" * 100] * 9000,
    "descriptions without end": [frame(b"APIC", b"\1x\0\3" + b"\0a" * 2**19)] * 2,
    "packed zeros": bomb(),
    "many tiny pictures": [frame(b"APIC", apic(b"\xff\xd8\xff"))] * 30_000,
    "false starts": [frame(b"APIC", b"\0x\0\3" + b"\xff" * 2**20)],
}


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tags_take_little_time(tmp_path, name, version):
    data = tag(*HOSTILE[name], version=version, flags=0xC0)
    began = time.process_time()
    tags, _ = read(tmp_path, data + SOUND)
    assert time.process_time() - began < 5
    assert len(tags.genres) <= 256
    assert all(len(genre) <= 4096 for genre in tags.genres)


def test_a_declared_size_takes_no_memory():
    data = b"ID3\4\0\0" + safe(2**28 - 1) + b"".join(TEXTS)
    found = read_id3(io.BytesIO(data))
    assert found is not None
    assert found[0].fields["genre"] == ["Rock"]
    assert found[1] == 10 + 2**28 - 1 > MAX_TAG_BYTES
    many = read_id3(io.BytesIO(tag(*HOSTILE["many frames"])))
    assert many is not None
    assert f"more than {MAX_FRAMES:,} frames" in many[0].problems[0]


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    version=st.integers(2, 4),
    flags=st.sampled_from([0, 0x40, 0x80, 0xC0, 0xFF]),
)
def test_a_tag_of_any_bytes_is_read_without_an_error(data, version, flags):
    names = [b"TALB", b"TCON", b"APIC", b"TXXX", b"TT2", b"PIC", b"\0\0\0\0"]
    body = b"".join(
        data.draw(st.sampled_from(names)) + data.draw(st.binary(max_size=40))
        for _ in range(data.draw(st.integers(0, 6)))
    )
    found = read_id3(io.BytesIO(tag(body, version=version, flags=flags) + SOUND))
    assert found is not None


@pytest.mark.parametrize("flags", [0x08, 0x09])
@pytest.mark.parametrize("has_length", [True, False])
def test_packed_frames_need_not_state_their_length(tmp_path, flags, has_length):
    packed = (safe(len(apic())) if has_length else b"") + zlib.compress(apic())
    path = tmp_path / "a.mp3"
    path.write_bytes(tag(frame(b"APIC", packed, flags=flags)) + SOUND)
    assert [read_member(path, p.member) for p in read_tags(path).pictures] == [ART]


def test_a_picture_of_version_2_2_counts_in_2_3(tmp_path):
    old = frame(b"PIC\0", b"\0JPG\3\0" + ART, size=plain)
    path = tmp_path / "a.mp3"
    path.write_bytes(tag(old, version=3) + SOUND)
    (found,) = read_tags(path).pictures
    assert found.member == "front_cover/0"
    assert read_member(path, found.member) == ART


@pytest.mark.parametrize(
    ("said", "meant"), [(b"1", True), (b"TRUE", True), (b"yes", True), (b"0", False)]
)
def test_a_compilation_says_so_in_many_ways(tmp_path, said, meant):
    path = tmp_path / "a.mp3"
    path.write_bytes(tag(frame(b"TXXX", b"\3COMPILATION\0" + said)) + SOUND)
    assert read_tags(path).is_compilation is meant
