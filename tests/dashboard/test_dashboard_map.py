import re
import shutil
from urllib.parse import quote

import pytest
from complete_workspace import GENRES
from dashboard_browser import first_cover, serve, wait_for_map

from covers.catalogue.table import read_catalogue
from dashboard.data.colouring import CHOICES

pytestmark = pytest.mark.browser


def map_state(reader):
    return reader.page.locator(".covermap").evaluate("e => ({...e.dataset})")


def drag(reader, start, end, *, shift=False):
    box = reader.page.locator(".dots").bounding_box()

    def at(x, y):
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    mouse, keys = reader.page.mouse, reader.page.keyboard
    mouse.move(*at(*start))
    if shift:
        keys.down("Shift")
    mouse.down()
    for step in range(1, 9):
        mouse.move(
            *at(*(a + (b - a) * step / 8 for a, b in zip(start, end, strict=True)))
        )
    mouse.up()
    if shift:
        keys.up("Shift")


def test_a_box_on_the_map_gives_a_gallery_and_the_genres_of_the_selection(
    read, workspace
):
    n = len(read_catalogue(workspace))
    reader = read("map")
    wait_for_map(reader)
    assert map_state(reader)["shown"] == str(n)
    drag(reader, (0.01, 0.01), (0.99, 0.99), shift=True)
    reader.page.get_by_role("heading", name=f"{n} covers selected").wait_for()
    reader.settle()
    for genre in GENRES:
        reader.element("selection-shares").get_by_text(genre).first.wait_for()
    assert "95 % interval" in reader.text()
    assert reader.element("selection").get_by_role("button").count() >= 12
    bottom = reader.element("selection").locator(".cover").first.bounding_box()
    assert bottom["y"] + bottom["height"] < 900  # beside the map, not below it
    other = read(f"map?{reader.query()}")
    other.page.get_by_role("heading", name=f"{n} covers selected").wait_for()


def surround(reader, left, right):
    """Draw a line around a part of the map, from its top to its bottom."""
    box, before = reader.page.locator(".dots").bounding_box(), reader.query()
    mouse = reader.page.mouse
    corners = [(left, 0.02), (right, 0.02), (right, 0.98), (left, 0.98)]
    for k, (x, y) in enumerate([*corners, corners[0]]):
        place = box["x"] + x * box["width"], box["y"] + y * box["height"]
        mouse.move(*place, steps=1 if k == 0 else 12)
        if k == 0:
            mouse.down()
    mouse.up()
    reader.page.wait_for_function("q => location.search.slice(1) !== q", arg=before)
    reader.settle()


def test_the_lasso_selects_what_it_surrounds_and_stays_in_hand(read, workspace):
    reader = read("map")
    wait_for_map(reader)
    lasso = reader.page.get_by_role("button", name="Lasso")
    lasso.click()
    heading = reader.page.get_by_role(
        "heading", name=re.compile(r"\d+ covers? selected")
    )
    n_inside = []
    for right in (0.5, 0.98):
        surround(reader, 0.02, right)
        n_inside.append(int(re.search(r"\d+", heading.inner_text())[0]))
        assert lasso.get_attribute("aria-pressed") == "true"
    assert 0 < n_inside[0] < n_inside[1] <= len(read_catalogue(workspace))
    reader.page.locator(".covermap").get_by_role("button", name="Clear").click()
    heading.wait_for(state="detached")
    reader.page.locator(".dots").focus()
    reader.page.keyboard.press("Enter")
    n = len(read_catalogue(workspace))
    reader.page.get_by_role("heading", name=f"{n} covers selected").wait_for()


def test_a_map_made_anew_before_it_was_fetched_is_shown(read, other):
    made = other.analysis_folder / "map.parquet"

    def renew(route):
        if not renewed:
            renewed.append(shutil.copy(made, tmp := made.with_suffix(".new")))
            tmp.replace(made)
        route.continue_()

    renewed = []
    with serve(other.root) as url:
        reader = read("model", url=url)
        reader.page.route(re.compile("/covers/map/.*/points.bin"), renew)
        reader.page.get_by_role("link", name="Map", exact=True).click()
        wait_for_map(reader)
        assert renewed
        assert map_state(reader)["shown"] == str(len(read_catalogue(other)))


def test_thumbnails_replace_dots_when_few_covers_are_in_view_and_a_dot_opens(
    read, workspace
):
    reader = read("map")
    wait_for_map(reader)
    assert map_state(reader)["pictures"] == "false"
    reader.page.get_by_label("Find on the map").fill("Metal Album 5.1")
    reader.page.keyboard.press("Enter")
    reader.page.get_by_text("1 cover found").wait_for()
    reader.settle()
    reader.page.wait_for_timeout(400)
    assert map_state(reader)["pictures"] == "true"
    box = reader.page.locator(".dots").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    reader.page.mouse.move(*middle)
    reader.page.locator(".covermap .card.on").get_by_text("Metal Album 5.1").wait_for()
    shown = reader.page.locator(".covermap .card img").element_handle()
    reader.page.wait_for_function("image => image.naturalWidth > 0", arg=shown)
    address = shown.get_attribute("src")
    assert (
        reader.page.request.get(f"{reader.url}{address}")
        .headers["content-type"]
        .startswith("image/jpeg")
    )
    reader.page.mouse.click(*middle)
    reader.page.get_by_role("button", name="What looks like it?").click()
    reader.page.wait_for_url(re.compile("/search.*cover="))


@pytest.mark.parametrize("colour", ["cluster", "year", "certainty", "error"])
def test_the_map_can_be_coloured_otherwise(read, colour):
    reader = read(f"map?colour={quote(CHOICES[colour])}")
    wait_for_map(reader)
    legend = reader.page.locator(".covermap .legend")
    said = {
        "cluster": "Jazz",
        "year": "1970",
        "certainty": "unsure",
        "error": "right",
    }
    legend.get_by_text(re.compile(said[colour])).first.wait_for()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (400, 800)])
def test_the_cloud_uses_its_frame_and_its_regions_have_names(read, width, height):
    reader = read("map", width=width, height=height)
    wait_for_map(reader)
    for part in (".frame", ".tools"):
        box = reader.page.locator(f".covermap {part}").bounding_box()
        assert box["y"] + box["height"] <= height  # in sight as a whole
    state = map_state(reader)
    assert int(state["names"]) >= 2
    assert state["level"] == "0"
    painted = reader.page.locator(".covermap").evaluate(
        """root => { const dots = root.querySelector(".dots"), c = dots.getContext("2d");
          const {width: w, height: h} = dots, data = c.getImageData(0, 0, w, h).data;
          let x0 = w, x1 = 0, y0 = h, y1 = 0;
          for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
            const p = 4 * (y * w + x);
            if (Math.abs(data[p] - data[0]) + Math.abs(data[p+1] - data[1]) + Math.abs(data[p+2] - data[2]) > 90) {
              x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y); } }
          return [(x1 - x0) / w, (y1 - y0) / h]; }"""
    )
    assert max(painted) > 0.85
    assert min(painted) > 0.5


def test_the_place_that_is_looked_at_is_in_the_address(read, workspace):
    reader = read("map")
    wait_for_map(reader)
    assert "at=" not in reader.query()
    reader.page.locator(".dots").focus()
    for press in ("+", "+", "+", "+", "ArrowLeft", "ArrowUp"):
        reader.page.keyboard.press(press)
    reader.page.wait_for_function("() => location.search.includes('at=')")
    reader.page.wait_for_timeout(400)
    shown, query = map_state(reader)["shown"], reader.query()
    assert 0 < int(shown) < len(read_catalogue(workspace))
    other = read(f"map?{query}")
    other.page.locator(f'.covermap.ready[data-shown="{shown}"]').wait_for()
    # What is chosen there is a step; Back shows the same place, and the page stays.
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_function("() => location.search.includes('selection=')")
    reader.settle()
    assert query.split("at=")[1] in reader.query()
    reader.page.go_back()
    reader.page.wait_for_function("() => !location.search.includes('selection=')")
    reader.settle()
    assert reader.query() == query
    reader.page.locator(f'.covermap.ready[data-shown="{shown}"]').wait_for()
    reader.page.locator(".covermap").get_by_role("button", name="Whole map").click()
    reader.page.wait_for_function("() => !location.search.includes('at=')")


def test_a_dot_that_is_chosen_leaves_the_map_where_it_is(read, workspace):
    reader = read(f"map?cover={first_cover(workspace, 'Jazz')}")
    wait_for_map(reader)
    opened = reader.element("opened").locator("img").first
    opened.wait_for()
    reader.page.get_by_role("button", name="Close").click()
    opened.wait_for(state="detached")
    reader.settle()
    reader.page.locator(".dots").focus()
    for _ in range(3):
        before = reader.query()
        reader.page.keyboard.press("+")
        reader.page.wait_for_function("q => location.search !== `?${q}`", arg=before)
    place = re.search("at=[^&]*", reader.query()).group()
    box = reader.page.locator(".dots").bounding_box()
    reader.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    opened.wait_for()
    reader.settle()
    assert place in reader.query()


def test_colours_without_data_are_not_offered(read, other):
    for name in ("clusters.parquet", "votes.parquet"):
        (other.analysis_folder / name).unlink()
    with serve(other.root) as url:
        reader = read("map", url=url)
        wait_for_map(reader)
        offered = reader.element("colour").get_by_role("radio").all_inner_texts()
        assert [one.strip() for one in offered] == ["Genre", "Year"]


def test_a_colour_that_is_switched_off_is_in_the_address_and_back_brings_it_again(read):
    reader = read("map")
    wait_for_map(reader)
    everything = map_state(reader)["shown"]
    chip = reader.page.locator(".covermap .legend button").filter(has_text="Jazz")
    chip.click()
    reader.page.wait_for_function(
        "() => new URLSearchParams(location.search).get('off') === 'genre&Jazz'"
    )
    reader.settle()
    assert chip.get_attribute("aria-pressed") == "false"
    reader.page.locator(f'.covermap:not([data-shown="{everything}"])').wait_for()
    fewer = map_state(reader)["shown"]
    assert int(fewer) < int(everything)
    other = read(f"map?{reader.query()}")
    other.page.locator(f'.covermap[data-shown="{fewer}"]').wait_for()
    reader.page.go_back()
    reader.page.wait_for_function("() => !location.search.includes('off=')")
    reader.settle()
    pressed = reader.page.locator('.covermap .legend button[aria-pressed="true"]')
    pressed.filter(has_text="Jazz").wait_for()
    reader.page.locator(f'.covermap[data-shown="{everything}"]').wait_for()
