"""Decoding of picture files, good, odd and hostile."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from covers.errors import BrokenImageError, DataError
from covers.images.content import content_id
from covers.images.decode import decode, read_bytes, read_picture
from covers.images.locations import read_cover
from covers.model.pixels import to_pixels
from covers.workspace.paths import Workspace
from covers.workspace.settings import write_settings

FORMATS = ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"]


def draw(width: int = 60, height: int = 40) -> Image.Image:
    """Red above left, green above right, blue below left, white below right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2, 0] = 255
    pixels[: height // 2, width // 2 :, 1] = 255
    pixels[height // 2 :, : width // 2, 2] = 255
    pixels[height // 2 :, width // 2 :] = 255
    return Image.fromarray(pixels)


def encode(image: Image.Image, format_name: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def corners(image: Image.Image) -> list[str]:
    """Name the colours of the four quarters, in reading order."""
    names = {
        (1, 0, 0): "red",
        (0, 1, 0): "green",
        (0, 0, 1): "blue",
        (1, 1, 1): "white",
    }
    width, height = image.size
    return [
        names.get(tuple(v // 128 for v in image.getpixel((x, y))), "other")
        for y in (height // 4, 3 * height // 4)
        for x in (width // 4, 3 * width // 4)
    ]


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """Write a PNG whose header may promise any size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return (
            struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_is_decoded_by_its_content(format_name):
    options = {"quality": 95} if format_name in {"JPEG", "WEBP", "AVIF"} else {}
    picture = read_picture(encode(draw(), format_name, **options))
    assert (picture.format, picture.width, picture.height) == (format_name, 60, 40)
    assert picture.image.mode == "RGB"
    assert corners(picture.image) == ["red", "green", "blue", "white"]


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, ["red", "green", "blue", "white"]),
        (2, ["green", "red", "white", "blue"]),
        (3, ["white", "blue", "green", "red"]),
        (4, ["blue", "white", "red", "green"]),
        (5, ["red", "blue", "green", "white"]),
        (6, ["blue", "red", "white", "green"]),
        (7, ["white", "green", "blue", "red"]),
        (8, ["green", "white", "red", "blue"]),
    ],
)
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_turns_the_picture_upright(orientation, expected, format_name):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if format_name in {"JPEG", "WEBP"} else {}
    picture = read_picture(encode(draw(), format_name, exif=exif, **options))
    assert corners(picture.image) == expected
    assert (
        (picture.width, picture.height)
        == picture.image.size
        == ((40, 60) if orientation >= 5 else (60, 40))
    )


def test_damaged_exif_data_does_not_cost_the_picture():
    content = encode(
        draw(), "JPEG", quality=95, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01"
    )
    assert corners(decode(content)) == ["red", "green", "blue", "white"]


def test_cmyk_is_read_with_the_polarity_its_file_states():
    cyan = encode(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG", quality=95)
    assert b"Adobe" in cyan  # ink stored inverted, as Adobe's programs do
    red, green, blue = decode(cyan).getpixel((8, 8))
    assert red < 30
    assert min(green, blue) > 225
    plain = cyan.replace(b"Adobe", b"Other")  # the same bytes, now ink as it is
    red, green, blue = decode(plain).getpixel((8, 8))
    assert max(red, green, blue) < 30


def test_cmyk_tiff_keeps_its_colour():
    content = encode(Image.new("CMYK", (8, 8), (0, 255, 0, 0)), "TIFF")
    assert decode(content).getpixel((4, 4)) == (255, 0, 255)


def test_palettes_are_resolved_and_their_transparency_lies_on_white():
    paletted = draw().convert("P", palette=Image.Palette.ADAPTIVE)
    assert corners(decode(encode(paletted, "PNG"))) == ["red", "green", "blue", "white"]
    blue = next(i for n, i in paletted.getcolors() if paletted.getpixel((5, 35)) == i)
    content = encode(paletted, "PNG", transparency=blue)
    assert corners(decode(content)) == ["red", "green", "white", "white"]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_lies_on_white(mode):
    image = Image.new(mode, (8, 8), (0,) * len(mode))
    assert decode(encode(image, "PNG")).getpixel((4, 4)) == (255, 255, 255)
    half = Image.new(mode, (8, 8), (0,) * (len(mode) - 1) + (128,))
    assert decode(encode(half, "PNG")).getpixel((4, 4)) == pytest.approx(
        (127,) * 3, abs=1
    )


@pytest.mark.parametrize(("mode", "key"), [("L", 0), ("RGB", (0, 0, 0)), ("1", 0)])
def test_a_transparent_colour_lies_on_white(mode, key):
    content = encode(Image.new(mode, (8, 8), 0), "PNG", transparency=key)
    assert decode(content).getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("format_name", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_cut(format_name):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    pixels = np.asarray(decode(encode(Image.fromarray(ramp), format_name)))
    assert np.array_equal(pixels[..., 0].ravel(), np.arange(256))
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


@pytest.mark.parametrize("highest", [1.0, 255.0])
def test_floating_grey_is_scaled_to_its_range(highest):
    ramp = np.linspace(0, highest, 256, dtype=np.float32).reshape(16, 16)
    ramp[3, 3] = np.nan
    pixels = np.asarray(decode(encode(Image.fromarray(ramp), "TIFF")))[..., 0]
    assert pixels[0, 0] == 0
    assert pixels[-1, -1] == 255
    assert pixels[8, 0] == pytest.approx(128, abs=1)


def test_one_bit_pictures_become_black_and_white():
    assert corners(decode(encode(draw().convert("1"), "PNG")))[3] == "white"


@pytest.mark.parametrize("format_name", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(format_name):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if format_name == "WEBP" else {}
    content = encode(
        frames[0], format_name, save_all=True, append_images=frames[1:], **options
    )
    assert decode(content).getpixel((10, 10)) == (255, 0, 0)


@pytest.mark.parametrize("format_name", FORMATS)
def test_size_px_decodes_smaller_but_never_below_it(format_name):
    content = encode(draw(640, 480), format_name)
    picture = read_picture(content, size_px=100)
    assert (picture.width, picture.height) == (640, 480)
    assert 100 <= min(picture.image.size) < 200
    assert corners(picture.image) == ["red", "green", "blue", "white"]
    assert read_picture(content, size_px=1000).image.size == (640, 480)


def test_a_picture_leaves_its_metadata_behind():
    exif = Image.Exif()
    exif[0x010E] = "a secret"
    picture = decode(
        encode(draw(), "JPEG", exif=exif, icc_profile=b"x" * 200, comment=b"hello")
    )
    assert picture.info == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"^empty file \(0 bytes\)$"),
        (b"<!DOCTYPE html><html>404</html>", "^not a picture but an HTML page$"),
        (b"\xef\xbb\xbf\n <HTML>", "^not a picture but an HTML page$"),
        (b"%PDF-1.7 ...", "^not a picture but a PDF document$"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "^not a picture but a PostScript document$"),
        (b"ID3\x04\0\0\0", "^not a picture but an MP3 file$"),
        (b"\0" * 1000, "^not a picture: nothing but zero bytes$"),
        (
            b"hello world",
            r"^not a picture in a known format \(JPEG, .* starts with 'hello wo'$",
        ),
        (b"\xff\xd8\xff", "^header damaged: "),
        (b"\x89PNG\r\n\x1a\n", "^header damaged: "),
        (b"RIFF\0\0\0\0WEBPVP8 ", "^header damaged: "),
        (b"BM", "^header damaged: "),
        (b"II*\0\xff\xff\xff\xff", "^header damaged: "),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "^header damaged: "),
    ],
)
def test_what_is_no_picture_is_named(content, reason):
    with pytest.raises(BrokenImageError, match=reason):
        decode(content)


def test_a_bomb_is_refused_by_its_header():
    with pytest.raises(
        BrokenImageError,
        match=r"^too large: 60,000 x 60,000 pixels are 3,600 megapixels, the limit is 100$",
    ):
        decode(png(60_000, 60_000))
    with pytest.raises(BrokenImageError, match=r"the limit is 0.001"):
        decode(encode(draw(), "PNG"), max_megapixels=0.001)


def test_the_limit_in_pillow_neither_counts_nor_changes(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # 60 x 40 would be a bomb
    assert decode(encode(draw(), "PNG")).size == (60, 40)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_a_header_that_promises_more_than_there_is_is_refused():
    with pytest.raises(BrokenImageError, match=r"^truncated: "):
        decode(png(3000, 3000, b"\0" * 50))


def test_a_picture_that_was_cut_off_is_said_to_be_so_once():
    content = encode(draw(), "JPEG")
    with pytest.raises(BrokenImageError) as refused:
        decode(content[: len(content) * 2 // 3])
    assert str(refused.value) == "truncated: the file ends before its picture does"


def test_a_size_of_zero_is_refused():
    with pytest.raises(BrokenImageError, match=r"^header damaged: "):
        decode(png(0, 10))


@pytest.mark.parametrize("format_name", FORMATS)
def test_truncated_anywhere_is_refused_with_a_reason(format_name):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    content = encode(Image.fromarray(noise), format_name)
    for tenth in range(10):
        with pytest.raises(
            BrokenImageError,
            match=r"^(empty file|truncated|header damaged|picture data damaged)",
        ):
            decode(content[: len(content) * tenth // 10])


@settings(max_examples=150, deadline=None)
@given(data=st.data(), format_name=st.sampled_from(FORMATS))
def test_damaged_bytes_give_a_picture_or_a_reason_and_nothing_else(data, format_name):
    content = bytearray(encode(draw(24, 16), format_name))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(
            st.integers(0, 255)
        )
    try:
        image = decode(bytes(content), max_megapixels=1)
    except BrokenImageError:
        pass
    else:
        assert image.mode == "RGB"
        assert image.width * image.height <= 1e6


@pytest.mark.parametrize("size_px", [0, -3])
def test_a_size_below_one_is_the_callers_mistake(size_px):
    with pytest.raises(ValueError, match="size_px must be at least 1"):
        decode(encode(draw(), "PNG"), size_px=size_px)


def test_files_that_cannot_be_read_say_why(tmp_path):
    with pytest.raises(BrokenImageError, match=r"^cannot be read: No such file"):
        decode(tmp_path / "missing.jpg")
    with pytest.raises(
        BrokenImageError, match=r"^(not a regular file|cannot be read: Is a directory)$"
    ):
        decode(tmp_path)
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(
        BrokenImageError, match=r"^cannot be read: Too many levels of symbolic links$"
    ):
        decode(tmp_path / "loop.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(BrokenImageError, match=r"^not a regular file$"):
        decode(tmp_path / "pipe.jpg")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(BrokenImageError, match=r"^empty file"):
        decode(tmp_path / "empty.jpg")


def test_a_file_of_gigabytes_is_refused_unread(tmp_path):
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(3 * 2**30)  # sparse
    with pytest.raises(
        BrokenImageError, match=r"^too large: 3,072 MiB, the limit is 256 MiB$"
    ):
        read_bytes(path)


@pytest.fixture
def workspace(tmp_path):
    write_settings(tmp_path / "w", {"sources": [{"name": "a", "path": "../a"}]})
    (tmp_path / "a").mkdir()
    return Workspace(tmp_path / "w")


def test_a_cover_is_read_from_the_first_place_that_still_has_it(workspace):
    content = encode(draw(), "PNG")
    folder = workspace.source_root("a")
    (folder / "changed.png").write_bytes(content + b"x")
    (folder / "same.png").write_bytes(content)
    places = [
        {"source": "a", "path": name, "member": ""}
        for name in ("gone.png", "changed.png", "same.png")
    ]
    assert read_cover(workspace, content_id(content), places) == content


def test_a_cover_that_is_nowhere_any_more_names_every_place(workspace):
    (workspace.source_root("a") / "changed.png").write_bytes(b"x")
    places = [
        {"source": "a", "path": "gone.png", "member": ""},
        {"source": "a", "path": "changed.png", "member": ""},
        {"source": "b", "path": "x.png", "member": ""},
        {"source": "a", "path": "../../etc/passwd", "member": ""},
    ]
    with pytest.raises(DataError) as caught:
        read_cover(workspace, "0" * 32, places)
    message = str(caught.value)
    for part in (
        "'gone.png': cannot be read",
        "'changed.png': changed",
        "no source 'b'",
        "leads out of source",
        "covers scan",
    ):
        assert part in message


def test_scaled_decoding_gives_the_pixels_of_whole_decoding():
    coarse = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)
    content = encode(image, "JPEG", quality=90)
    scaled, whole = (
        to_pixels(decode(content, size_px=size), 160).astype(int)
        for size in (160, None)
    )
    assert decode(content, size_px=160).size == (320, 240)
    assert np.abs(scaled - whole).mean() < 1.5
    assert np.abs(scaled - scaled[::-1]).mean() > 30  # what another picture gives
