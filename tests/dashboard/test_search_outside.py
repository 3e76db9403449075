"""Pictures from outside on the search page: the answer, walking on, and the way back."""

from pathlib import Path

import pytest
from dashboard_browser import first_cover, png

from covers.catalogue.table import read_catalogue

pytestmark = pytest.mark.browser
TOO_LARGE = 26 * 2**20


def give(reader, content):
    """Upload a picture and wait for the answer."""
    reader.page.set_input_files(
        'input[type="file"]',
        {"name": "it.jpg", "mimeType": "image/jpeg", "buffer": content},
    )
    # The first picture of a server waits for the network's libraries.
    reader.element("query").locator(".likeliest").wait_for(timeout=180_000)
    reader.settle()


def content_of(workspace, cover):
    catalogue = read_catalogue(workspace)
    row = catalogue.cover_ids.index(cover)
    return Path(
        workspace.resolve(
            catalogue.column("source")[row], catalogue.column("path")[row]
        )
    ).read_bytes()


def test_back_from_walking_on_shows_the_uploaded_picture_again(read, workspace):
    reader = read("search")
    give(reader, content_of(workspace, first_cover(workspace, "Pop")))
    page, query, alike = reader.page, reader.element("query"), reader.element("alike")
    said = query.locator(".full").inner_text()
    assert said.startswith("Your picture")
    assert query.locator(".chips").inner_text().split() == ["Pop"]
    alike.get_by_role("button", name="More like").nth(1).click()
    page.wait_for_function("location.search.includes('plus=')")
    reader.settle()
    before = reader.query()
    alike.locator("button[data-pick]:not(.act)").nth(2).click()
    page.wait_for_function("location.search.includes('cover=')")
    reader.settle()
    assert "plus=" not in reader.query()
    assert "picture=" not in reader.query()
    page.go_back()
    query.get_by_text("Your picture").wait_for()
    reader.settle()
    assert reader.query() == before
    assert query.locator(".full").inner_text() == said
    assert reader.element("tray").locator(".cover").count() == 1


def test_the_heat_map_is_first_of_the_genre_that_was_answered(read, workspace):
    reader = read("search?heat=true")
    give(reader, content_of(workspace, first_cover(workspace, "Jazz")))
    likeliest = reader.element("query").locator(".likeliest b").inner_text()
    shown = reader.page.get_by_alt_text(f"Heat map of what speaks for {likeliest}")
    shown.wait_for()
    box, picture = (
        one.bounding_box()
        for one in (shown, reader.page.get_by_alt_text("Your picture"))
    )
    assert box["y"] == picture["y"]
    assert box["x"] >= picture["x"] + picture["width"]


def test_the_address_of_a_picture_that_is_no_longer_there_says_so(read):
    reader = read("search?picture=0123456789ab")
    assert "are not kept" in reader.text()
    assert reader.page.get_by_test_id("stFileUploaderDropzone").is_visible()


def test_a_file_above_the_limit_is_refused_in_sight(read):
    reader = read("search", width=400, height=800)
    reader.page.set_input_files(
        'input[type="file"]',
        {"name": "it.png", "mimeType": "image/png", "buffer": bytes(TOO_LARGE)},
    )
    said = reader.page.get_by_test_id("stFileChip").get_by_role("alert")
    said.wait_for()
    assert "25" in said.inner_text()
    box = said.bounding_box()
    assert min(box["width"], box["height"]) > 12
    assert box["x"] + box["width"] <= 400


def test_a_picture_from_elsewhere_is_shown_on_the_map_by_the_cover_most_like_it(read):
    reader = read("search")
    give(reader, png((120, 120), (9, 200, 90)))
    page, address = reader.page, reader.page.url
    page.get_by_role("button", name="Show the cover most like it on the map").click()
    page.wait_for_function("location.pathname === '/map'")
    reader.element("opened").locator("img").first.wait_for()
    reader.settle()
    page.go_back()
    reader.element("query").get_by_text("Your picture").wait_for()
    reader.settle()
    assert page.url == address
