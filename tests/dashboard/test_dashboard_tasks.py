"""Five things that people come for: each in at most three clicks, its result in sight."""

import csv
import io
import re
from pathlib import Path

import pytest
from complete_workspace import GENRES
from dashboard_browser import SCHEMES, SIZES, first_cover, png, wait_for_map

from covers.audit.review import read_review
from covers.catalogue.table import read_catalogue
from covers.overlap.page.pairs import name_pair

pytestmark = pytest.mark.browser
AT_EVERY_WIDTH = pytest.mark.parametrize(("width", "height"), SIZES)


def in_sight(reader, *places):
    """Say that elements begin within the window without scrolling, light and dark."""
    width, height = (reader.page.viewport_size[name] for name in ("width", "height"))
    for scheme in SCHEMES:
        reader.look(width, height, scheme)
        reader.settle()
        for place in places:
            place.wait_for()
            box = place.bounding_box()
            assert 0 <= box["y"] < height - 40, (place, box, scheme)
            assert box["x"] >= 0, (place, box, scheme)
            assert box["x"] + box["width"] <= width, (place, box, scheme)


def click(reader, place):
    """Click on what can be seen without scrolling; return what can."""
    place.wait_for()
    reader.settle()
    box = place.bounding_box()
    assert 0 <= box["y"] < reader.page.viewport_size["height"] - 20, box
    place.click()


@AT_EVERY_WIDTH
def test_which_genres_overlap_most_and_why(read, width, height):
    reader = read(width=width, height=height)
    click(reader, reader.page.get_by_role("link", name="Overlap", exact=True))  # 1
    sentence = reader.element("answer-first").locator(".answer")
    found = re.match(
        r"(\w+) and (\w+) (?:look most|most surely look) alike", sentence.inner_text()
    )
    assert found, sentence.inner_text()
    assert set(found.groups()) <= set(GENRES)
    first = reader.element("most-alike").locator(
        f'[data-pick="{name_pair(*found.groups())}"]'
    )
    in_sight(reader, sentence, first.locator("img").first)
    assert first.locator("img").count() >= 2
    click(reader, first)  # 2
    title = f"{found[1]} and {found[2]}"
    reader.settle()
    in_sight(reader, reader.page.get_by_role("heading", name=title, exact=True))


@AT_EVERY_WIDTH
def test_what_is_this_picture_and_why(read, width, height):
    reader = read(width=width, height=height)
    click(reader, reader.page.get_by_role("link", name="Search", exact=True))  # 1
    field = reader.page.locator('input[type="file"]')
    field.wait_for(state="attached")
    in_sight(reader, reader.page.get_by_test_id("stFileUploaderDropzone"))
    field.set_input_files(  # 2
        {"name": "it.png", "mimeType": "image/png", "buffer": png()},
    )
    likeliest = reader.element("query").locator(".likeliest")
    likeliest.wait_for(timeout=180_000)
    reader.settle()
    assert re.search(r"\d+ %", likeliest.inner_text())
    in_sight(reader, likeliest, reader.element("voters").locator("img").first)


@AT_EVERY_WIDTH
def test_ten_doubtful_labels_and_the_decisions_along(
    read, workspace, tmp_path, width, height
):
    reader = read(width=width, height=height)
    click(reader, reader.page.get_by_role("link", name="Review", exact=True))  # 1
    button = reader.page.get_by_role("button", name=re.compile("along as CSV"))
    in_sight(reader, button, reader.element("doubt").locator(".way"))
    with reader.page.expect_download() as download:
        click(reader, button)  # 2
    text = Path(download.value.path()).read_text(encoding="utf-8")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == int(re.search(r"\d+", button.inner_text())[0]) > 0
    # The decisions go along: what a person fills in is what the audit takes.
    path = tmp_path / "reviewed.csv"
    path.write_text(text.replace(",,,", ",relabel,,", 1), encoding="utf-8")
    catalogue = read_catalogue(workspace)
    known = dict(zip(catalogue.cover_ids, catalogue.column("path"), strict=True))
    (decision,) = read_review(path, known)
    assert decision.cover_id == lines[0]["cover_id"]
    assert list(decision.genres) == lines[0]["suggestion"].split(";")


@AT_EVERY_WIDTH
def test_what_is_this_region_of_the_map(read, width, height):
    reader = read(width=width, height=height)
    click(reader, reader.page.get_by_role("link", name="Map", exact=True))  # 1
    wait_for_map(reader)
    tools = reader.page.locator(".covermap")
    click(reader, tools.get_by_role("button", name="Zoom in"))  # 2
    click(reader, tools.get_by_role("button", name="Select view"))  # 3
    heading = reader.page.get_by_role("heading", name=re.compile("covers? selected"))
    heading.wait_for()
    reader.settle()
    in_sight(
        reader,
        heading,
        reader.element("selection-shares").locator(".share").first,
        reader.element("selection").locator("img").first,
    )


@AT_EVERY_WIDTH
def test_what_i_see_can_be_shared_by_its_address(read, workspace, width, height):
    looks = {"width": width, "height": height}
    reader = read(f"search?cover={first_cover(workspace, 'Pop')}", **looks)
    reader.page.get_by_role("button", name=re.compile("Select these")).click()  # 1
    reader.page.wait_for_function("() => location.search.includes('selection=')")
    reader.settle()
    other = read(f"search?{reader.query()}", **looks)
    said = [r.element("selection-bar").get_by_text("selected") for r in (reader, other)]
    assert said[0].inner_text() == said[1].inner_text()
    shown = [r.element("query").locator(".full").inner_text() for r in (reader, other)]
    assert shown[0] == shown[1] != ""
    in_sight(other, said[1], other.element("query").locator(".likeliest"))
