"""Contact sheets: everything in its place, nothing that stops for one bad file."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.benches.shared.contact_sheet import contact_sheet

COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200)]


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    made = []
    for i, colour in enumerate(COLOURS):
        made.append(tmp_path / f"{i}.png")
        Image.new("RGB", (80, 80), colour).save(made[-1])
    return made


def tile_colours(sheet: Image.Image, tile_px: int) -> list[tuple[int, int, int]]:
    """Colours of all tiles in reading order, found without knowing the layout."""
    pixels = np.asarray(sheet).reshape(-1, 3)
    seen = []
    for colour in map(tuple, pixels.tolist()):
        if colour in COLOURS and colour not in seen:
            seen.append(colour)
    assert all((pixels == colour).all(axis=1).sum() == tile_px**2 for colour in seen)
    return seen


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 9])
def test_covers_are_laid_out_in_reading_order_at_full_size(paths, columns):
    sheet = contact_sheet(paths, columns=columns, tile_px=40)
    assert tile_colours(sheet, 40) == COLOURS


def test_a_short_list_makes_a_narrow_sheet(paths):
    assert contact_sheet(paths[:2], columns=8, tile_px=40).width < 3 * 44


def test_captions_take_room_and_ink_below_each_cover(paths):
    plain = contact_sheet(paths, columns=5, tile_px=60)
    captioned = contact_sheet(paths, columns=5, tile_px=60, labels=["one\n1974"] * 5)
    assert captioned.height > plain.height + 15
    strip = np.asarray(captioned.convert("L"))[66:]
    assert (strip < 150).any()


def test_a_long_caption_does_not_run_into_the_next_cover(paths):
    labels = [
        "An album title that is much longer than its cover is wide",
        "",
        "",
        "",
        "",
    ]
    sheet = contact_sheet(paths, columns=5, tile_px=60, labels=labels)
    below = np.asarray(sheet.convert("L"))[64:, 66:]
    assert (below == 255).all()


def test_dark_and_light_pages_differ(paths):
    light = np.asarray(contact_sheet(paths, columns=5, tile_px=40))[0, 0]
    dark = np.asarray(contact_sheet(paths, columns=5, tile_px=40, dark=True))[0, 0]
    assert light.min() > 240
    assert dark.max() < 40


def test_an_unreadable_file_becomes_a_grey_tile(paths, tmp_path):
    (tmp_path / "page.jpg").write_text("<html>")
    sheet = contact_sheet(
        [*paths, tmp_path / "page.jpg", tmp_path / "gone.jpg"], columns=7, tile_px=40
    )
    assert tile_colours(sheet, 40) == COLOURS
    assert sheet.width > 7 * 40


def test_a_wide_picture_keeps_its_proportions(tmp_path):
    Image.new("RGB", (90, 30), COLOURS[0]).save(tmp_path / "wide.png")
    pixels = np.asarray(contact_sheet([tmp_path / "wide.png"], columns=1, tile_px=60))
    assert (pixels == COLOURS[0]).all(axis=2).sum() == 60 * 20


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"columns": 0, "tile_px": 40}, "in 0 columns.*one column"),
        ({"columns": 2, "tile_px": 8}, "8 px.*16 px are needed"),
        ({"columns": 2, "tile_px": 40, "labels": ["x"]}, "1 labels for 5 pictures"),
    ],
)
def test_wrong_wishes_are_explained(paths, wrong, message):
    with pytest.raises(ValueError, match=message):
        contact_sheet(paths, **wrong)


def test_an_empty_sheet_is_refused():
    with pytest.raises(ValueError, match=r"0 pictures.*at least one picture"):
        contact_sheet([], columns=3, tile_px=40)
