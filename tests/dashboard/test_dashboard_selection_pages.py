"""A selection of covers on the pages, in a browser."""

import csv
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import urlparse

import pytest
from dashboard_browser import LOOKS, first_cover, names, serve, tiles, wait_for_map

from covers.catalogue.table import read_catalogue
from covers.library.tags import drop_tag, read_tags, tag_covers
from dashboard.data.selection import (
    name_covers,
)
from dashboard.pages import PAGES


# In the browser.
def test_a_selection_follows_its_tag(other, monkeypatch):
    from dashboard import loaders

    monkeypatch.setattr(sys, "argv", ["dashboard", str(other.root)])
    first, second, *_ = read_catalogue(other).cover_ids
    for ids in ([first], [first, second]):
        tag_covers(other, "to frame", ids)
        selected = loaders.selection("tag:to frame")
        assert len(selected) == len(ids)
    drop_tag(other, "to frame")
    assert loaders.selection("tag:to frame") is None


@pytest.mark.browser
def test_a_tag_is_given_found_again_and_taken_away(read, other):
    tag = "=to frame: *<b>*"
    with serve(other.root, "--review") as url:
        reader = read("?selection=cluster:0", url=url)
        bar = reader.element("selection-bar")
        n = int(re.search(r"(\d+) covers selected", bar.inner_text())[1])
        reader.element("tag").get_by_role("button").click()
        field = reader.page.get_by_role("textbox", name="Tag", exact=True)
        field.fill(tag)
        field.press("Enter")
        reader.settle()
        reader.page.get_by_role("button", name="Give this tag").click()
        reader.page.get_by_text("More filters of the Library").wait_for()
        assert len(read_tags(other)[tag]) == n
        reader.open()
        for look in LOOKS:
            reader.look(*look)
            reader.settle()
            reader.element("more").get_by_role("button").first.click()
            reader.page.get_by_role("radio", name=tag, exact=True).click()
            bar.get_by_text(f"{n} covers selected: tagged “{tag}”").wait_for()
            reader.settle()
            assert "selection=tag" in reader.query()
            reader.page.keyboard.press("Escape")
            reader.settle()
            reader.page.go_back()
            bar.wait_for(state="detached")
            reader.settle()
        reader.page.go_forward()
        bar.wait_for()
        reader.settle()
        reader.element("tag").get_by_role("button").click()
        reader.page.get_by_role("button", name=re.compile("^Take “=to frame")).click()
        bar.wait_for(state="detached")
        assert read_tags(other) == {}


@pytest.mark.browser
def test_a_cluster_is_selected_and_goes_along_to_every_page(read, workspace):
    reader = read("clusters?cluster=0")
    reader.page.get_by_role("button", name=re.compile("Select these")).click()
    reader.settle()
    bar = reader.element("selection-bar")
    said = bar.inner_text()
    n = int(re.search(r"(\d+) covers selected", said)[1])
    assert "selection=cluster" in reader.query()
    for page in ("Map", "Overlap", "Search", "Model", "Compare", "Review", "Library"):
        reader.page.get_by_role("link", name=page, exact=True).click()
        reader.page.get_by_role("heading", name=page, exact=True).wait_for()
        reader.settle()
        bar.get_by_text(f"{n} covers selected").wait_for()
        assert "selection=cluster" in reader.query()
    reader.page.get_by_text(re.compile(rf"^{n} covers\.")).wait_for()
    main = reader.page.get_by_test_id("stMain")
    assert main.evaluate("m => { m.scrollTop = 400; return m.scrollTop }") > 100
    assert 0 <= bar.bounding_box()["y"] < 50  # it stays in sight
    bar.get_by_role("button", name="Clear").click()
    reader.settle()
    assert "selection" not in reader.query()
    assert not bar.count()


@pytest.mark.browser
def test_back_goes_back_one_step(read, workspace):
    reader = read("clusters")
    reader.element("cards").get_by_role("button").first.click()
    reader.page.wait_for_function("() => location.search.includes('cluster=')")
    reader.settle()
    reader.page.go_back()
    reader.page.wait_for_function("() => !location.search.includes('cluster=')")
    reader.settle()
    reader.element("cards").get_by_role("button").first.wait_for()
    reader.page.go_forward()
    reader.element("strip").get_by_role("button").first.wait_for()


@pytest.mark.browser
def test_back_from_another_page_shows_what_was_open(read):
    reader = read("clusters")
    page = reader.page
    reader.element("cards").get_by_role("button").first.click()
    page.wait_for_function("location.search.includes('cluster=')")
    reader.settle()
    opened = page.url
    page.get_by_role("button", name="On the map").click()
    page.wait_for_function("location.pathname === '/map'")
    reader.settle()
    page.go_back()
    reader.element("strip").get_by_role("button").first.wait_for()
    reader.settle()
    assert page.url == opened


@pytest.mark.browser
def test_back_from_a_cover_leaves_nothing_of_it_in_the_address(read):
    reader = read()
    page, before = reader.page, reader.page.url
    tiles(reader.element("browse"))[1].click()
    page.wait_for_function("location.pathname === '/search'")
    reader.settle()
    page.go_back()
    page.wait_for_function("location.pathname === '/'")
    reader.element("browse").get_by_role("button").first.wait_for()
    reader.settle()
    assert page.url == before


@pytest.mark.browser
@pytest.mark.parametrize(
    ("path", "choose", "written", "look"),
    [
        ("overlap", ("radio", "Neighbour mixing"), "measure=Neighbour", LOOKS[0]),
        ("overlap", ("fold", "Family tree"), "tree-open=true", LOOKS[5]),
        ("model", ("fold", "Genre by genre"), "genres-open=true", LOOKS[3]),
        ("", ("genre", "Jazz"), "genre=Jazz", LOOKS[4]),
        ("map", ("radio", "Year"), "colour=Year", LOOKS[2]),
        ("map", ("radio", "Year"), "colour=Year", LOOKS[5]),
    ],
    ids=["measure", "fold", "fold of the model", "filter", "colour", "small"],
)
def test_what_was_chosen_in_a_field_is_in_the_address_and_back_undoes_it(
    read, path, choose, written, look
):
    width, height, scheme = look
    reader = read(path, width=width, height=height, scheme=scheme)
    page, (kind, name) = reader.page, choose
    before = page.url
    if kind == "fold":
        reader.unfold(name)
    elif kind == "genre":
        page.get_by_role("button", name=name, exact=True).first.click()
    else:
        page.get_by_role("radio", name=name).click()
    page.wait_for_function("w => location.search.includes(w)", arg=written)
    reader.settle()
    after = page.inner_text('[data-testid="stMain"]')
    page.go_back()
    page.wait_for_function("u => location.href === u", arg=before)
    reader.settle()
    page.wait_for_function(
        "t => document.querySelector('[data-testid=stMain]').innerText !== t", arg=after
    )
    page.go_forward()
    page.wait_for_function("w => location.search.includes(w)", arg=written)
    reader.settle()
    page.wait_for_function(
        "t => document.querySelector('[data-testid=stMain]').innerText === t", arg=after
    )


@pytest.mark.browser
def test_a_selection_is_taken_along_as_table_and_pictures(read, workspace):
    cover = first_cover(workspace, "Jazz")
    reader = read(f"?selection={name_covers([cover])}")
    reader.element("selection-bar").get_by_text("1 cover selected").wait_for()
    reader.page.get_by_role("button", name="Take along").click()
    with reader.page.expect_download() as download:
        reader.page.get_by_role("button", name=re.compile("Table")).click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["cover_id"] for row in rows] == [cover]
    catalogue = read_catalogue(workspace)
    row = catalogue.cover_ids.index(cover)
    assert rows[0]["path"] == catalogue.column("path")[row]
    with reader.page.expect_download() as download:
        reader.page.get_by_role("button", name=re.compile("Pictures")).click()
    with zipfile.ZipFile(download.value.path()) as file:
        assert set(file.namelist()) == {"covers.csv", f"{cover}.png"}
        path = workspace.resolve(catalogue.column("source")[row], rows[0]["path"])
        assert file.read(f"{cover}.png") == Path(path).read_bytes()


@pytest.mark.browser
def test_what_filters_the_library_does_not_limit_a_search(read):
    reader = read()
    chip = reader.element("genre").get_by_role("button", name="Jazz", exact=True)
    chip.click()
    reader.page.wait_for_function("() => location.search.includes('genre=Jazz')")
    reader.settle()
    reader.element("browse").get_by_role("button").first.click()
    reader.element("alike").get_by_role("button").first.wait_for()
    reader.settle()
    assert "genre" not in reader.query()
    assert not all("Jazz" in name for name in names(reader.element("alike")))
    reader.page.go_back()
    reader.page.wait_for_function("() => location.search.includes('genre=Jazz')")


@pytest.mark.browser
def test_more_and_less_change_what_is_found(read, workspace):
    cover, other = first_cover(workspace, "Jazz"), first_cover(workspace, "Metal")
    reader = read(f"search?cover={cover}")
    before = reader.element("alike").locator(".badge").all_inner_texts()
    tile = reader.element("alike").locator(".with-acts").first
    tile.hover()
    tile.get_by_role("button", name=re.compile("Less like this")).click()
    reader.settle()
    assert "minus=" in reader.query()
    reader.element("tray").get_by_role("button").first.wait_for()
    assert reader.element("alike").locator(".badge").all_inner_texts() != before
    reader = read(f"search?cover={cover}&plus={other}")
    assert "Metal" in " ".join(
        reader.element("alike").locator(".tags").all_inner_texts()
    )


@pytest.mark.browser
def test_decisions_are_written_with_review_and_survive_a_scan(read, other):
    from covers.catalogue.corrections import Action, Overlay
    from covers.intake.scan import scan_workspace

    with serve(other.root, "--review") as url:
        reader = read("review?look=mistakes", url=url)
        reader.page.get_by_role("radio", name="Confident mistakes").click()
        for look in LOOKS:
            reader.look(*look)
            reader.settle()
            reader.page.keyboard.press("k")
            reader.page.get_by_text(re.compile("^1 of ")).wait_for()
            (kept,) = Overlay.read(other).decisions
            assert kept.action is Action.KEEP
            reader.settle()
            reader.page.keyboard.press("u")
            reader.page.get_by_text(re.compile("^0 of ")).wait_for()
            assert Overlay.read(other).decisions == ()
            reader.settle()
        reader.page.get_by_role("button", name=re.compile("Drop")).click()
        reader.page.get_by_text(re.compile("^1 of ")).wait_for()
        (dropped,) = Overlay.read(other).dropped
        reader.page.get_by_role("button", name="Put in force now").click()
        reader.settle()
        reader.page.get_by_role("button", name="Put in force now").wait_for(
            state="detached"
        )
    assert dropped not in read_catalogue(other).cover_ids
    scan_workspace(other.root)
    assert dropped not in read_catalogue(other).cover_ids


@pytest.mark.browser
def test_a_decision_of_another_sitting_is_said_and_can_be_taken_back(read, other):
    from covers.catalogue.corrections import Overlay

    with serve(other.root, "--review") as url:
        reader = read("review?look=mistakes", url=url)
        reader.page.get_by_role("radio", name="Confident mistakes").click()
        reader.settle()
        relabel = reader.page.get_by_role("button", name=re.compile("^Relabel"))
        relabel.click()
        reader.page.get_by_text(re.compile("^1 of ")).wait_for()
        (genre,) = next(iter(Overlay.read(other).genres.values()))
        reader.page.reload()
        reader.page.get_by_text(re.compile("^1 of ")).wait_for()
        reader.settle()
        assert reader.page.get_by_role("button", name=re.compile("Undo")).is_disabled()
        marks = reader.element("doubts").locator(".mark")
        marks.get_by_text(f"filed as {genre}", exact=True).click()
        said = reader.element("doubt").locator(".decided")
        said.wait_for()
        assert said.inner_text() == f"Decided: filed as {genre}."
        reader.settle()
        shown = reader.query()
        reader.page.get_by_role("button", name=re.compile("Take it back")).click()
        reader.page.get_by_text(re.compile("^0 of ")).wait_for()
        said.wait_for(state="detached")
        assert Overlay.read(other).decisions == ()
        assert reader.query() == shown


@pytest.mark.browser
def test_nothing_is_written_without_review(read, workspace):
    before = {p: p.stat().st_mtime_ns for p in workspace.root.rglob("*")}
    reader = read("review")
    keep, relabel = (
        reader.page.get_by_role("button", name=re.compile(name))
        for name in ("Keep", "Relabel")
    )
    assert keep.is_disabled()
    colour = "e => getComputedStyle(e.querySelector('p') || e).color"
    assert relabel.evaluate(colour) == keep.evaluate(colour)  # not white on white
    reader.page.keyboard.press("k")
    reader.settle()
    assert not reader.element("tag").count()
    after = {p: p.stat().st_mtime_ns for p in workspace.root.rglob("*")}
    assert after == before


@pytest.mark.browser
def test_an_area_of_the_map_is_a_selection_elsewhere(read, workspace):
    reader = read("map")
    wait_for_map(reader)
    reader.page.locator(".covermap").get_by_role("button", name="Select view").click()
    bar = reader.element("selection-bar")
    bar.get_by_text("an area of the map").wait_for()
    reader.settle()
    bar.get_by_text("Compare with the rest").click()
    reader.page.get_by_text("The rest", exact=True).wait_for()


def test_library_and_map_are_read_without_pandas(workspace):
    code = f"""
import sys
from pathlib import Path
from covers.catalogue.table import read_catalogue
from covers.cluster.map.cover_map import read_cover_map
from covers.evaluate.stage import read_votes
from covers.workspace.paths import Workspace
from covers.workspace.read_artefacts import read_rows
from covers.workspace.registry import PICTURES
from dashboard.data.analysis import Votes
from dashboard.data.library import Library
from dashboard.data.looks import Looks
from dashboard.data.points import MapPoints
here = Workspace(Path({str(workspace.root)!r}))
covers = Library.of(read_catalogue(here))
Looks.of(read_rows(here, PICTURES)[0], covers).colour_words
table, stamp = read_votes(here)
Votes.of(table, tuple(stamp.parameters["vocab"]), covers).certainty
MapPoints.of(read_cover_map(here), covers)
covers.legend, covers.genre_counts
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.browser
def test_pages_are_shown_without_pandas(read, workspace):
    with serve(workspace.root) as url:
        for page in PAGES:
            read(page.path, url=url)
        port = f"--server.port={urlparse(url).port}"
        (server,) = (
            folder
            for folder in Path("/proc").glob("[0-9]*")
            if port in read_or_nothing(folder / "cmdline")
        )
        assert "pyarrow" in read_or_nothing(server / "maps")
        assert "pandas" not in read_or_nothing(server / "maps")


def read_or_nothing(path):
    """Return what a process says of itself; it may have ended."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@pytest.mark.browser
def test_the_page_of_a_gallery_is_in_the_address_and_other_covers_begin_at_the_first(
    read,
):
    reader = read()
    browse = reader.element("browse")
    shown = {}
    for number in (2, 3):
        reader.page.get_by_role("button", name=f"Page {number}", exact=True).click()
        reader.page.wait_for_function(
            "n => location.search.includes(`browse-page=${n}-`)", arg=number
        )
        reader.settle()
        shown[number] = names(browse)
    assert shown[2] != shown[3]
    assert names(read(f"?{reader.query()}").element("browse")) == shown[3]
    chip = reader.element("genre").get_by_role("button", name="Jazz", exact=True)
    chip.click()
    reader.page.wait_for_function("() => location.search.includes('genre=Jazz')")
    reader.settle()
    first = reader.page.get_by_role("button", name="Page 1", exact=True)
    assert first.get_attribute("aria-current") == "page"
    for number in (3, 2):
        reader.page.go_back()
        reader.page.wait_for_function(
            "n => location.search.endsWith(`browse-page=${n}-` + location.search.slice(-4))",
            arg=number,
        )
        reader.settle()
        assert names(browse) == shown[number]
