"""Pictures that are made to cost memory or time, or hold less than they say."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from covers.errors import BrokenImageError
from covers.images import to_rgb as module
from covers.images.decode import decode, read_picture


def chunk(name, data):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width, height, rows, *, depth=8, colour=0):
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(rows, 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def jpeg(size=(64, 64), **options):
    noise = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, "JPEG", **options)
    return content.getvalue()


def refused(content, match):
    begun = time.process_time()
    with pytest.raises(BrokenImageError, match=match):
        read_picture(content, size_px=96)
    assert time.process_time() - begun < 1


def test_a_line_of_pixels_is_no_cover():
    refused(
        png(1, 100_000_000, b"\x00\xff" * 100),
        "too oblong for a cover: 1 x 100,000,000",
    )
    refused(png(2000, 10, (b"\x00" + b"\xff" * 2000) * 10), "too oblong")
    assert read_picture(png(500, 10, (b"\x00" + b"\xff" * 500) * 10)).width == 500


def test_a_png_whose_data_end_early_is_refused():
    whole = (b"\x00" + bytes(range(200))) * 200
    assert decode(png(200, 200, whole)).size == (200, 200)
    refused(png(200, 200, whole[:-1]), "truncated: its data do not fill 200 x 200")
    refused(png(9000, 9000, whole), "truncated")


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_whole_png_of_any_kind_is_taken(colour, depth):
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    row = b"\x00" + b"\x7f" * (31 * samples * depth // 8)
    assert decode(png(31, 17, row * 17, depth=depth, colour=colour)).size == (31, 17)


def test_an_interlaced_png_is_taken():
    # Adam7 of 9 x 9 grey pixels: rows of its seven passes, each with a filter byte.
    sizes = [(2, 2), (1, 2), (3, 1), (2, 3), (5, 2), (4, 5), (9, 4)]
    rows = b"".join((b"\x00" + b"\x55" * w) * h for w, h in sizes)
    head = struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 1)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    end = chunk(b"IEND", b"")
    assert decode(start + chunk(b"IDAT", zlib.compress(rows)) + end).size == (9, 9)
    refused(start + chunk(b"IDAT", zlib.compress(rows[:-1])) + end, "truncated")


def test_a_jpeg_of_thousands_of_scans_or_exif_segments_is_refused():
    plain = jpeg(progressive=True)
    assert decode(plain).size == (64, 64)
    at = plain.rindex(b"\xff\xda")
    scan = plain[at:-2]
    refused(plain[:-2] + scan * 3000 + b"\xff\xd9", "too costly: 3,0.. scans")
    exif = (
        b"\xff\xe1"
        + struct.pack(">H", 2 + 6 + 8)
        + b"Exif\x00\x00"
        + b"II*\x00\x08\x00\x00\x00"
    )
    assert decode(plain[:2] + exif + plain[2:]).size == (64, 64)
    refused(plain[:2] + exif * 3000 + plain[2:], "too costly: 3,000 Exif segments")


def test_a_jpeg_too_small_for_its_pixels_is_refused():
    content = bytearray(jpeg())
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", 9000, 9000)
    refused(bytes(content), "truncated: .* bytes cannot hold 9,000 x 9,000")


@pytest.mark.parametrize("mode", ["I;16", "I", "F", "RGBA", "LA", "P"])
def test_strips_give_what_the_whole_picture_gives(mode, monkeypatch):
    rng = np.random.default_rng(1)
    if mode == "F":
        image = Image.fromarray(rng.normal(0, 900, (41, 30)).astype(np.float32))
    elif mode.startswith("I"):
        kind = np.uint16 if mode == "I;16" else np.int32
        image = Image.fromarray(rng.integers(0, 65535, (41, 30)).astype(kind))
    else:
        image = Image.fromarray(
            rng.integers(0, 255, (41, 30, 4), dtype=np.uint8)
        ).convert(mode)
        if mode == "P":
            image.info["transparency"] = 3
    whole = np.asarray(module.to_rgb(image.copy()))
    assert whole.shape == (41, 30, 3)
    monkeypatch.setattr(module, "_STRIP_PIXELS", 100)
    np.testing.assert_array_equal(np.asarray(module.to_rgb(image)), whole)


@pytest.mark.parametrize("filling", [b"\xff", b"\xff\0"])
def test_a_jpeg_filled_up_before_its_picture_is_refused(filling):
    refused(b"\xff\xd8" + filling * 10**6 + jpeg()[2:], "long runs of fill bytes")
    assert decode(b"\xff\xd8" + filling * 10 + jpeg()[2:]).size == (64, 64)


TEXTS = {
    "profile": chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(50_000_000))),
    "packed text": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000))),
    "description of a photo": chunk(
        b"iTXt",
        b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b" " * 3_000_000),
    ),
    "very many texts": chunk(b"tEXt", b"k\0v") * 50_000,
    "long texts": chunk(b"tEXt", b"k\0" + b"v" * 1_000_000) * 66,
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_png_with_large_texts_or_profile_is_its_picture(what):
    buffer = io.BytesIO()
    Image.effect_mandelbrot((60, 60), (-2, -1.5, 1, 1.5), 20).save(buffer, "PNG")
    plain = buffer.getvalue()
    end = plain.index(b"IDAT") - 4
    last = plain.index(b"IEND") - 4
    before = plain[:end] + TEXTS[what] + plain[end:]
    behind = plain[:last] + TEXTS[what] + plain[last:]
    for content in (before, behind):
        assert decode(content).tobytes() == decode(plain).tobytes()
    with pytest.raises(BrokenImageError):
        decode(before[: end + len(TEXTS[what]) + 60])


def test_a_webp_may_have_fewer_pixels_for_its_decoder_holds_them_four_times():
    image, contents = Image.new("RGB", (100, 100)), {}
    for format_name in ("WEBP", "PNG"):
        buffer = io.BytesIO()
        image.save(buffer, format_name)
        contents[format_name] = buffer.getvalue()
    assert read_picture(contents["PNG"], max_megapixels=0.015).width == 100
    with pytest.raises(
        BrokenImageError, match=r"too large: 100 x 100 .* limit is 0\.009"
    ):
        read_picture(contents["WEBP"], max_megapixels=0.015)
    assert read_picture(contents["WEBP"], max_megapixels=0.02).width == 100
