"""Tags are found wherever real software puts them: odd chunks, old atoms, the end of a file."""

from __future__ import annotations

import io
import struct

import audio_files
import pytest
from audio_files import _atom as atom
from audio_files import _mp4_data as data
from PIL import Image

from covers.images.audio.audio_tags import read_member, read_tags

TAGS = {"title": "Žluť", "artist": "Ann", "album": "Řeka", "genres": ["Black Metal"]}
SOUND = b"\xff\xfb\x90\x00" + bytes(413)
_GUID_END = bytes.fromhex("F3ACD3118CD100C04F8EDB8A")


def art():
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), (9, 90, 20)).save(buffer, "JPEG")
    return buffer.getvalue()


def tag():
    return audio_files.id3(TAGS, ((3, art()),))


def read(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    tags = read_tags(path)
    return tags, [read_member(path, p.member) for p in tags.pictures]


def check(tmp_path, content, name):
    tags, pictures = read(tmp_path, content, name)
    assert (tags.album, tags.artist, tags.genres) == (
        "Řeka",
        ("Ann",),
        ("Black Metal",),
    )
    assert pictures == [art()]
    assert tags.problem is None


def chunk(name, content, *, pads=True, spelling="<I"):
    fill = bytes(len(content) % 2) if pads else b""
    return name + struct.pack(spelling, len(content)) + content + fill


def footer_tag():
    whole = tag()
    head = whole[:5] + b"\x10" + whole[6:10]
    return head + whole[10:] + b"3DI" + head[3:]


def ape(*, at_start=False):
    whole = audio_files.ape(TAGS, ((3, art()),)).removeprefix(b"MAC sound" * 9)
    if not at_start:
        return whole
    body, footer = whole[:-32], whole[-32:]
    flags = struct.pack("<I", 0xA0000000)
    return footer[:20] + flags + bytes(8) + body


@pytest.mark.parametrize("n_odd", [1, 7, 23])
@pytest.mark.parametrize("pads", [True, False])
@pytest.mark.parametrize("name", [b"id3 ", b"ID3 "])
def test_a_tag_behind_an_odd_chunk_is_found_with_and_without_its_filling(
    tmp_path, n_odd, pads, name
):
    for kind, order in ((b"RIFF", "<I"), (b"RIFX", ">I")):
        body = chunk(b"data", b"\x80" * n_odd, pads=pads, spelling=order)
        body += chunk(b"note", bytes(n_odd), pads=pads, spelling=order)
        body += chunk(name, tag(), pads=pads, spelling=order)
        size = struct.pack(order, len(body) + 4)
        check(tmp_path, kind + size + b"WAVE" + body, "a.wav")
    body = chunk(b"SSND", bytes(n_odd), pads=pads, spelling=">I")
    body += chunk(name, tag(), pads=pads, spelling=">I")
    size = struct.pack(">I", len(body) + 4)
    check(tmp_path, b"FORM" + size + b"AIFC" + body, "a.aif")


@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
def test_long_recordings_have_the_length_of_their_sound_elsewhere(tmp_path, kind):
    sizes = struct.pack("<QQQI", 0, 1001, 0, 0)
    body = chunk(b"ds64", sizes)
    body += b"data" + b"\xff" * 4 + bytes(1001) + b"\0" + chunk(b"id3 ", tag())
    content = kind + b"\xff" * 4 + b"WAVE" + body
    for name in ("a.wav", "a.rf64"):
        check(tmp_path, content, name)


def test_wave_64_and_dsdiff_files_are_read(tmp_path):
    def long(name, content):
        size = struct.pack("<Q", 24 + len(content))
        return name + _GUID_END + size + content + bytes(-len(content) % 8)

    body = long(b"data", bytes(1001)) + long(b"id3 ", tag())
    head = b"riff" + bytes.fromhex("2E91CF11A5D628DB04C10000")
    content = head + struct.pack("<Q", 40 + len(body)) + b"wave" + _GUID_END + body
    check(tmp_path, content, "a.w64")
    texts = struct.pack("<I", 2)
    for name, text in ((b"IPRD", "Řeka"), (b"IGNR", "Dub")):
        written = text.encode("utf-16-le")
        texts += name + struct.pack("<I", len(written)) + written
    summary = bytes.fromhex("BC945F925A52D21186DC00C04F8EDB8A")
    size = struct.pack("<Q", 24 + len(texts))
    tags, _ = read(tmp_path, content[:40] + summary + size + texts, "a.w64")
    assert (tags.album, tags.genres) == ("Řeka", ("Dub",))
    body = chunk(b"DSD ", bytes(1001), spelling=">Q") + chunk(
        b"ID3 ", tag(), spelling=">Q"
    )
    size = struct.pack(">Q", len(body) + 4)
    check(tmp_path, b"FRM8" + size + b"DSD " + body, "a.dff")


def test_the_short_texts_of_wav_and_aiff_are_read_in_any_encoding(tmp_path):
    for encoding in ("utf-8", "cp1252"):
        for pads in (True, False):
            texts = b"INFO"
            for name, text in (("IART", "Björk"), ("IPRD", "Öl"), ("IGNR", "Électro")):
                texts += chunk(name.encode(), text.encode(encoding) + b"\0", pads=pads)
            body = chunk(b"LIST", texts)
            size = struct.pack("<I", len(body) + 4)
            tags, _ = read(tmp_path, b"RIFF" + size + b"WAVE" + body, "a.wav")
            assert (tags.artist, tags.album) == (("Björk",), "Öl")
            assert tags.genres == ("Électro",)
        body = chunk(b"NAME", "Été".encode(encoding), spelling=">I")
        body += chunk(b"AUTH", "Björk".encode(encoding), spelling=">I")
        size = struct.pack(">I", len(body) + 4)
        tags, _ = read(tmp_path, b"FORM" + size + b"AIFF" + body, "a.aiff")
        assert (tags.title, tags.artist) == ("Été", ("Björk",))


def items(kind=1, encoding="utf-8"):
    texts = {b"\xa9nam": "Žluť", b"\xa9ART": "Ann", b"\xa9alb": "Řeka"}
    texts[b"\xa9gen"] = "Black Metal"
    content = b"".join(
        atom(name, data(kind, text.encode(encoding))) for name, text in texts.items()
    )
    return content + atom(b"covr", data(13, art()))


HANDLER = atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
FTYP = atom(b"ftyp", b"M4A \0\0\0\0M4A ")


@pytest.mark.parametrize("version", [b"", bytes(4)], ids=["without", "with"])
@pytest.mark.parametrize("handler", [b"", HANDLER], ids=["bare", "handler"])
@pytest.mark.parametrize(
    ("kind", "encoding"),
    [(1, "utf-8"), (0, "utf-8"), (2, "utf-16-be"), (2, "utf-16"), (5, "utf-16-be")],
)
def test_mp4_tags_are_read_with_and_without_a_version_in_any_type_of_text(
    tmp_path, version, handler, kind, encoding
):
    meta = atom(b"meta", version + handler + atom(b"ilst", items(kind, encoding)))
    for content in (
        FTYP + atom(b"moov", atom(b"udta", meta)),
        atom(b"mdat", bytes(99)) + atom(b"moov", atom(b"udta", meta)),
        FTYP + atom(b"moov", meta),
        bytes(4096) + atom(b"free", b"") + FTYP + atom(b"moov", atom(b"udta", meta)),
    ):
        if content.startswith(bytes(8)):
            content = content.replace(bytes(4099), bytes(3) + bytes(4096), 1)[4096:]
        check(tmp_path, content, "a.m4a")


def test_mp4_tags_by_key_and_as_phones_and_quicktime_write_them(tmp_path):
    named = {"title": "Žluť", "artist": "Ann", "album": "Řeka", "genre": "Black Metal"}
    for prefix in ("", "com.apple.quicktime."):
        keys, values = bytes(4) + struct.pack(">I", len(named) + 1), b""
        for number, (name, text) in enumerate(named.items(), 1):
            keys += atom(b"mdta", (prefix + name).encode())
            values += atom(struct.pack(">I", number), data(1, text.encode()))
        keys += atom(b"mdta", (prefix + "artwork").encode())
        values += atom(struct.pack(">I", 5), data(13, art()))
        meta = atom(b"meta", HANDLER + atom(b"keys", keys) + atom(b"ilst", values))
        check(tmp_path, FTYP + atom(b"moov", meta), "a.m4a")
    for encoding in ("utf-8", "utf-16"):
        texts = b"".join(
            atom(name, bytes(4) + b"\x15\xc7" + text.encode(encoding))
            for name, text in ((b"albm", "Řeka"), (b"perf", "Ann"), (b"gnre", "Dub"))
        )
        texts += atom(b"yrrc", bytes(4) + struct.pack(">H", 1987))
        content = FTYP + atom(b"moov", atom(b"udta", texts))
        tags, _ = read(tmp_path, content, "a.m4a")
        assert (tags.album, tags.artist, tags.genres) == ("Řeka", ("Ann",), ("Dub",))
        assert tags.year == 1987
    for text, written in (("Été", b"\x83t\x8e"), ("Été", "Été".encode())):
        user = atom(b"\xa9alb", struct.pack(">HH", len(written), 0) + written)
        tags, _ = read(tmp_path, FTYP + atom(b"moov", atom(b"udta", user)), "a.mp4")
        assert tags.album == text


def test_mp4_files_say_that_they_are_of_a_compilation_and_which_disc(tmp_path):
    content = atom(b"cpil", data(21, b"\1")) + atom(b"disk", data(0, b"\0\0\0\2\0\3"))
    meta = atom(b"meta", bytes(4) + atom(b"ilst", content))
    whole = FTYP + atom(b"moov", atom(b"udta", meta))
    tags, _ = read(tmp_path, whole, "a.m4a")
    assert (tags.is_compilation, tags.disc) == (True, 2)
    cut = read(tmp_path, whole[:-9], "a.m4a")[0]
    assert "truncated" in (cut.problem or "")


@pytest.mark.parametrize(
    "content",
    [
        SOUND + footer_tag(),
        SOUND + footer_tag() + b"TAG" + bytes(124) + b"\xff",
        SOUND + footer_tag() + bytes(100),
        SOUND + ape(),
        SOUND + ape() + bytes(64),
        SOUND + ape() + b"LYRICSBEGINla" + b"000013LYRICS200",
        SOUND + ape() + b"LYRICSBEGINlaLYRICSEND" + b"TAG" + bytes(125),
        SOUND + ape() + b"TAG+" + bytes(223) + b"TAG" + bytes(125),
        ape(at_start=True) + SOUND,
        bytes(9) + ape(at_start=True) + SOUND,
        bytes(1) * 4 + tag() + SOUND,
        bytes(2000) + tag() + SOUND,
        tag() + bytes(500) + tag() + SOUND,
    ],
)
@pytest.mark.parametrize("name", ["a.mp3", "a.aac", "a.flac"])
def test_tags_are_found_at_either_end_whatever_stands_around_them(
    tmp_path, content, name
):
    tags, pictures = read(tmp_path, content, name)
    assert (tags.album, tags.genres) == ("Řeka", ("Black Metal",))
    assert pictures[0] == art()
    assert tags.problem is None


def test_the_first_version_of_id3_is_the_last_choice(tmp_path):
    old = b"TAG" + b"Song".ljust(30, b"\0") + b"Ann".ljust(30, b"\0")
    old += "Öl".encode("cp1252").ljust(30) + b"1987" + bytes(30)
    tags, _ = read(tmp_path, SOUND + old + bytes([17]), "a.mp3")
    assert (tags.title, tags.artist, tags.album) == ("Song", ("Ann",), "Öl")
    assert (tags.year, tags.genres) == (1987, ("Rock",))
    check(tmp_path, tag() + SOUND + old + bytes([17]), "a.mp3")


def test_odd_containers_stay_within_bounds(tmp_path):
    many = atom(b"\xa9gen", data(1, b"a")) * 300_000
    deep = atom(b"ilst", many)
    for name in (b"meta", b"udta", b"moov"):
        deep = atom(name, deep)
    for content in (
        FTYP + deep,
        FTYP + atom(b"free", b"") * 300_000,
        FTYP + b"\0\0\0\1moov" + b"\xff" * 8 + bytes(90),
        b"RIFF\0\0\0\0WAVE" + chunk(b"note", b"") * 300_000,
        b"RF64" + b"\xff" * 4 + b"WAVE" + chunk(b"ds64", b"\xff" * 28) + b"data" * 2,
        b"riff" + bytes.fromhex("2E91CF11A5D628DB04C10000") + b"\xff" * 90,
        SOUND + b"999999LYRICS200" * 40_000,
        SOUND + (b"TAG" + bytes(125)) * 40_000,
        SOUND + b"3DI\4\0\0\x7f\x7f\x7f\x7f",
        bytes(2**20),
        b"APETAGEX" + b"\xff" * 24 + SOUND,
    ):
        for name in ("a.mp3", "a.m4a", "a.wav"):
            read(tmp_path, content, name)
