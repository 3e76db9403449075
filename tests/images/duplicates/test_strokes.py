"""One stroke that differs tells plain sleeves apart; copies keep all of theirs."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from covers.images.decode import decode
from covers.images.duplicates.groups import group_near_duplicates
from covers.images.duplicates.ink import Ink, same_strokes
from covers.images.measures import measure_picture, measures_table

GROUNDS = {"white": (250, 10), "dark": (12, 250)}
CLOSE = ["GOLD/COLD", "DREAM/CREAM", "DARK/BARK", "SYMPHONY No 5/SYMPHONY No 6"]


def sleeve(words, ground="white", size=20, mark=None):
    """A line of text, and perhaps a ring above it that all sleeves of a label share."""
    level, ink = GROUNDS[ground]
    image = Image.new("L", (256, 256), level).convert("RGB")
    draw = ImageDraw.Draw(image)
    if mark == "ring":
        draw.ellipse((68, 40, 188, 160), outline=(ink,) * 3, width=9)
    font = ImageFont.load_default(size=size)
    draw.text((128, 205), words, fill=(ink,) * 3, font=font, anchor="mm")
    return image


def recompressed(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return decode(buffer.getvalue())


COPIES = {
    "packed": lambda image: recompressed(image, 40),
    "packed much": lambda image: recompressed(image, 15),
    "half the size": lambda image: image.resize((128, 128), Image.Resampling.LANCZOS),
    "90 px": lambda image: image.resize((90, 90), Image.Resampling.LANCZOS),
    "cropped": lambda image: image.crop((3, 2, 254, 253)),
    "paler": lambda image: image.point(lambda value: 128 + (value - 128) * 3 // 4),
}


@pytest.mark.parametrize(
    ("ground", "mark"), [("white", None), ("dark", None), ("white", "ring")]
)
@pytest.mark.parametrize("pair", CLOSE)
def test_one_stroke_tells_two_sleeves_apart(pair, ground, mark):
    images = [sleeve(words, ground, mark=mark) for words in pair.split("/")]
    one, other = map(Ink.of, images)
    is_same = same_strokes(one, other)
    assert not is_same
    assert same_strokes(one, one)
    table = measures_table(["a", "b"], [measure_picture(image) for image in images])
    assert group_near_duplicates(table, look=images.__getitem__).tolist() == [0, 1]


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_copies_keep_their_strokes(ground, copy):
    for words in ("GOLD", "SYMPHONY No 5"):
        image = sleeve(words, ground)
        assert same_strokes(Ink.of(image), Ink.of(COPIES[copy](image)))


def test_a_blank_sleeve_has_the_strokes_of_another():
    blank = Ink.of(Image.fromarray(np.full((256, 256, 3), 250, np.uint8)))
    assert same_strokes(blank, blank)
