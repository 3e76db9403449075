"""Five things that people come for: each in at most three clicks, its result in sight."""

import csv
import io
import re
from pathlib import Path

import pytest
from complete_workspace import GENRES
from dashboard_browser import first_cover, png, wait_for_map

pytestmark = pytest.mark.browser
SIZES = pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1024, "dark"), (1440, "dark")]
)


def in_sight(reader, place):
    """Say whether the beginning of an element can be seen without scrolling."""
    place.wait_for()
    box = place.bounding_box()
    size = reader.page.viewport_size
    return 0 <= box["y"] < size["height"] - 40 and box["x"] < size["width"]


@SIZES
def test_which_genres_overlap_most_and_why(read, width, scheme):
    reader = read(width=width, scheme=scheme)
    reader.page.get_by_role("link", name="Overlap", exact=True).click()  # 1
    sentence = reader.element("answer-first").locator(".answer")
    sentence.wait_for()
    found = re.match(
        r"(\w+) and (\w+) (?:look most|most surely look) alike", sentence.inner_text()
    )
    assert found, sentence.inner_text()
    assert set(found.groups()) <= set(GENRES)
    assert in_sight(reader, sentence)
    title = f"{found[1]} and {found[2]}"
    assert in_sight(reader, reader.page.get_by_role("heading", name=title, exact=True))
    first = reader.element("most-alike").locator(".alike").first
    assert in_sight(reader, first.locator("img").first)
    assert first.locator("img").count() >= 2


@SIZES
def test_what_is_this_picture_and_why(read, width, scheme):
    reader = read(width=width, scheme=scheme)
    reader.page.get_by_role("link", name="Search", exact=True).click()  # 1
    reader.page.locator('input[type="file"]').wait_for(state="attached")
    reader.page.set_input_files(  # 2
        'input[type="file"]',
        {"name": "it.png", "mimeType": "image/png", "buffer": png()},
    )
    likeliest = reader.element("query").locator(".likeliest")
    likeliest.wait_for(timeout=180_000)
    reader.settle()
    assert re.search(r"\d+ %", likeliest.inner_text())
    assert in_sight(reader, likeliest)
    assert in_sight(reader, reader.element("voters").locator("img").first)


@SIZES
def test_ten_doubtful_labels_and_the_decisions_along(read, width, scheme):
    reader = read(width=width, scheme=scheme)
    reader.page.get_by_role("link", name="Model", exact=True).click()  # 1
    button = reader.page.get_by_role("button", name=re.compile("along as CSV"))
    with reader.page.expect_download() as download:
        button.click()  # 2
    text = Path(download.value.path()).read_text(encoding="utf-8")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert lines
    assert {"cover_id", "kind", "action", "suggestion"} <= set(lines[0])


@SIZES
def test_what_is_this_region_of_the_map(read, width, scheme):
    reader = read(width=width, scheme=scheme)
    reader.page.get_by_role("link", name="Map", exact=True).click()  # 1
    wait_for_map(reader)
    reader.page.locator(".covermap").get_by_role("button", name="Zoom in").click()
    reader.page.locator(".covermap").get_by_role("button", name="Select view").click()
    heading = reader.page.get_by_role("heading", name=re.compile("covers? selected"))
    assert in_sight(reader, heading)
    reader.settle()
    assert in_sight(reader, reader.element("selection-shares").locator(".share").first)
    assert in_sight(reader, reader.element("selection").locator("img").first)


@SIZES
def test_what_i_see_can_be_shared_by_its_address(read, workspace, width, scheme):
    reader = read(
        f"search?cover={first_cover(workspace, 'Pop')}", width=width, scheme=scheme
    )
    reader.page.get_by_role("button", name=re.compile("Select these")).click()  # 1
    reader.settle()
    other = read(f"search?{reader.query()}", width=width, scheme=scheme)
    mine = reader.element("selection-bar").get_by_text("covers selected").inner_text()
    assert (
        mine
        == other.element("selection-bar").get_by_text("covers selected").inner_text()
    )
    assert other.element("query").inner_text() == reader.element("query").inner_text()
