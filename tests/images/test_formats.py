"""A picture is known by what it is, and one in a format that is not read is named."""

import io

import pytest
from PIL import Image

from covers.errors import BrokenImageError
from covers.images.decode import read_picture
from covers.images.formats import describe_stranger, find_format


def avif(n_frames):
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (64, 48), (200, 30, 60 + i)) for i in range(n_frames)]
    frames[0].save(buffer, "AVIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("n_frames", "brand"),
    [
        (1, b"avif"),
        (1, b"mif1"),
        (1, b"miaf"),
        (1, b"msf1"),
        (2, b"avis"),
        (2, b"msf1"),
    ],
)
def test_avif_is_read_under_whatever_brand_it_names_first(n_frames, brand):
    content = avif(n_frames)
    assert content[4:8] == b"ftyp"
    picture = read_picture(content[:8] + brand + content[12:])
    assert (picture.format, picture.width, picture.height) == ("AVIF", 64, 48)
    assert picture.image.getpixel((30, 20))[0] > 150


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\0\0\1\0\1\0", "ICO"),
    ],
)
def test_pictures_in_formats_that_are_not_read_are_named(content, name):
    assert find_format(content) is None
    assert f"a picture in the format {name}, which is not read" in describe_stranger(
        content
    )
    with pytest.raises(BrokenImageError, match=f"format {name}.*save it as JPEG"):
        read_picture(content + bytes(500))
