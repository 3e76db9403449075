import csv
import io
import json
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest
from complete_workspace import GENRES, STRANGE_ARTIST, write_complete_workspace
from dashboard_browser import ARGUMENTS, Reader, find_chromium, serve
from PIL import Image

from covers.workspace import Workspace
from dashboard.colouring import CHOICES
from dashboard.pages import PAGES

pytestmark = pytest.mark.browser

PATHS = [page.path for page in PAGES]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    find_chromium()
    return write_complete_workspace(tmp_path_factory.mktemp("complete"))


@pytest.fixture(scope="module")
def url(workspace):
    with serve(workspace.root) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=ARGUMENTS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def read(browser, url):
    """Open windows that must not have complained or called anyone by the end."""
    readers = []

    def open_window(path="", **options):
        reader = Reader(browser, options.pop("url", url), **options)
        readers.append(reader)
        return reader.open(path)

    yield open_window
    complaints = [one for reader in readers for one in reader.complaints]
    strangers = set().union(*(reader.strangers for reader in readers))
    for reader in readers:
        reader.close()
    assert not complaints
    assert not strangers


def first_cover(workspace, genre):
    catalogue = workspace.catalogue()
    return next(
        c
        for c, g in zip(catalogue.cover_ids, catalogue.genres, strict=True)
        if g == [genre]
    )


def png(size=(80, 80), colour=(50, 80, 170)):
    content = io.BytesIO()
    Image.new("RGB", size, colour).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize("path", PATHS)
def test_each_page_opens_in_the_dark_on_a_phone_without_sideways_scrolling(read, path):
    reader = read(path, width=400, height=800, scheme="dark")
    assert not reader.scrolls_sideways()
    assert "Traceback" not in reader.text()
    assert "went wrong" not in reader.text()
    assert not reader.unnamed()


def test_the_library_counts_genres_years_and_sources(read, workspace):
    reader = read()
    n = len(workspace.catalogue())
    assert f"n = {n} covers" in reader.text()
    for genre in GENRES:
        reader.figure("genres-bars").get_by_text(genre, exact=True).wait_for()
    assert "Covers per year from" in label(reader.figure("year-bars"))
    numbers = reader.element("numbers").locator(".figures").inner_text()
    assert re.search(r"1\s+source", numbers)
    bar = reader.element("year-bars").locator("rect").first
    bar.hover()
    reader.tip("year-bars", r"\w+, \d{4}( to \d{4})?: \d+")


def label(figure):
    figure.wait_for()
    return figure.get_attribute("aria-label")


def test_a_cover_of_the_library_leads_to_its_neighbours_and_on(read, workspace):
    reader = read()
    reader.page.get_by_label("Find", exact=True).fill("Jazz Album 5.")
    reader.page.keyboard.press("Enter")
    reader.settle()
    reader.page.get_by_text(re.compile(r"^3 covers\.")).wait_for()
    reader.pick(re.compile("Jazz Album 5"), within=reader.element("browse"))
    reader.page.wait_for_url(re.compile("/search"))
    reader.settle()
    assert re.search("cover=[0-9a-f]{32}", reader.query())
    assert "Covers most like it" in reader.text()
    before = reader.query()
    reader.element("alike").get_by_role("button").nth(1).click()
    reader.page.wait_for_function("q => location.search !== '?' + q", arg=before)
    reader.settle()
    assert re.search("cover=[0-9a-f]{32}", reader.query())


def test_a_shared_link_shows_the_same_to_someone_else(read, workspace):
    cover = first_cover(workspace, "Jazz")
    one = read(f"search?cover={cover}")
    one.page.get_by_text("One per artist", exact=True).click()
    one.settle()
    one.page.wait_for_function("() => location.search.includes('once')")
    other = read(f"search?{one.query()}")
    assert names(one.element("alike")) == names(other.element("alike"))
    artists = [
        name.split("(")[-1].split(" ·")[0] for name in names(other.element("alike"))
    ]
    assert len(set(artists)) == len(artists)


def names(place):
    place.get_by_role("button").first.wait_for()
    return [b.get_attribute("aria-label") for b in place.get_by_role("button").all()]


def test_a_filter_leaves_only_covers_of_that_genre(read, workspace):
    reader = read(f"search?cover={first_cover(workspace, 'Jazz')}&genre=Metal")
    found = names(reader.element("alike"))
    assert found
    assert all("Metal" in name for name in found)


def test_filters_of_artist_and_year_leave_what_fits(read, workspace):
    catalogue = workspace.catalogue()
    artist = next(a for a in catalogue.column("artist") if a)
    address = f"search?cover={first_cover(workspace, 'Jazz')}"
    found = names(read(f"{address}&artist={quote(artist)}").element("alike"))
    assert found
    assert all(artist in name for name in found)
    found = names(read(f"{address}&years=1980&years=1985").element("alike"))
    assert found
    assert all(re.search(r"198[0-5]\)", name) for name in found)


def test_what_a_cover_looks_like_is_said_with_its_evidence(read, workspace):
    reader = read(f"search?cover={first_cover(workspace, 'Jazz')}")
    verdict = reader.element("query").locator(".full").inner_text()
    assert re.search(r"Looks like|Not sure|Unlike anything|Could be any", verdict)
    assert len(names(reader.element("voters"))) > 3
    assert all("% of the vote" in t for t in tips(reader.element("voters")))
    reader.element("reading").locator(".row").first.hover()
    reader.tip("reading", "both: .*vote: .*network: ")


def tips(place):
    return [b.get_attribute("data-tip") for b in place.get_by_role("button").all()]


def test_an_uploaded_picture_is_read_and_found_again(read, workspace):
    catalogue = workspace.catalogue()
    cover = first_cover(workspace, "Pop")
    row = catalogue.cover_ids.index(cover)
    path = workspace.resolve(
        catalogue.column("source")[row], catalogue.column("path")[row]
    )
    reader = read("search")
    reader.page.set_input_files('input[type="file"]', path)
    # The first picture of a server waits for the network's libraries.
    reader.page.get_by_text("Covers most like it").wait_for(timeout=180_000)
    reader.settle()
    album = catalogue.column("album")[row]
    reader.element("query").get_by_text(
        f"Your picture; it is in the library as {album}"
    ).wait_for()
    assert "covers vote" in reader.text()
    assert "cover=" not in reader.query()
    reader.page.get_by_text("Where the network looked").click()
    reader.page.get_by_alt_text(re.compile("Heat map")).wait_for()


def test_a_pasted_picture_is_read(read):
    reader = read("search")
    data = list(png())
    reader.page.evaluate(
        """bytes => {
          const file = new File([new Uint8Array(bytes)], "it.png", { type: "image/png" });
          const held = new DataTransfer();
          held.items.add(file);
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: held, bubbles: true }));
        }""",
        data,
    )
    reader.page.get_by_text("Covers most like it").wait_for(timeout=180_000)
    reader.element("query").get_by_text("Your picture").wait_for()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n and then nothing of the kind", "cannot be used"),
        (b"", "cannot be used"),
        (png()[:60], "cannot be used"),
    ],
    ids=["garbage", "empty", "cut off"],
)
def test_a_broken_upload_is_explained(read, content, reason):
    reader = read("search")
    reader.page.set_input_files(
        'input[type="file"]',
        {"name": "it.png", "mimeType": "image/png", "buffer": content},
    )
    reader.page.get_by_text(reason).wait_for()
    assert "Traceback" not in reader.text()


def test_a_dead_link_is_explained(read):
    reader = read(f"search?cover={'0' * 32}")
    assert "no longer, in the library" in reader.text()


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


def wait_for_map(reader):
    reader.page.locator(".covermap.ready").wait_for()
    reader.page.wait_for_function(
        """() => { const find = n => { if (n.shadowRoot) { const r = n.shadowRoot.querySelector('.covermap'); if (r) return r; }
          for (const c of n.children || []) { const r = find(c); if (r) return r; } };
          const map = find(document.body); return map && Number(map.dataset.shown) > 0; }"""
    )


def test_a_box_on_the_map_gives_a_gallery_and_the_genres_of_the_selection(
    read, workspace
):
    n = len(workspace.catalogue())
    reader = read("map")
    wait_for_map(reader)
    assert map_state(reader)["shown"] == str(n)
    drag(reader, (0.01, 0.01), (0.99, 0.99), shift=True)
    reader.page.get_by_text(f"Selection: {n} covers").wait_for()
    reader.settle()
    for genre in GENRES:
        reader.element("selection-shares").get_by_text(genre).first.wait_for()
    assert "95 % intervals" in reader.text()
    assert reader.element("selection").get_by_role("button").count() >= 20
    other = read(f"map?{reader.query()}")
    other.page.get_by_text(f"Selection: {n} covers").wait_for()


def test_the_lasso_selects_what_it_surrounds(read, workspace):
    reader = read("map")
    wait_for_map(reader)
    reader.page.get_by_role("button", name="Lasso").click()
    box = reader.page.locator(".dots").bounding_box()
    mouse = reader.page.mouse
    corners = [(0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98)]
    for k, (x, y) in enumerate([*corners, corners[0]]):
        place = box["x"] + x * box["width"], box["y"] + y * box["height"]
        mouse.move(*place, steps=1 if k == 0 else 12)
        if k == 0:
            mouse.down()
    mouse.up()
    heading = reader.page.get_by_text(re.compile(r"Selection: \d+ cover"))
    heading.wait_for()
    n_inside = int(re.search(r"\d+", heading.inner_text())[0])
    assert 0 < n_inside < len(workspace.catalogue())
    reader.page.get_by_role("button", name="Clear").click()
    heading.wait_for(state="detached")
    reader.page.locator(".dots").focus()
    reader.page.keyboard.press("Enter")
    n = len(workspace.catalogue())
    reader.page.get_by_text(f"Selection: {n} covers").wait_for()


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
        assert map_state(reader)["shown"] == str(len(other.catalogue()))


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
    reader.page.mouse.click(*middle)
    reader.page.get_by_role("button", name="What looks like it?").click()
    reader.page.wait_for_url(re.compile("/search.*cover="))


@pytest.mark.parametrize("colour", ["cluster", "year", "certainty", "error"])
def test_the_map_can_be_coloured_otherwise(read, colour):
    reader = read(f"map?colour={quote(CHOICES[colour])}")
    wait_for_map(reader)
    legend = reader.page.locator(".covermap .legend")
    said = {
        "cluster": "Cluster",
        "year": "1970",
        "certainty": "unsure",
        "error": "right",
    }
    legend.get_by_text(re.compile(said[colour])).first.wait_for()


def test_a_cell_of_the_matrix_shows_the_covers_behind_it(read):
    reader = read("overlap")
    reader.pick(
        re.compile("Jazz and Metal: overlap|Metal and Jazz: overlap"),
        within=reader.element("matrix"),
    )
    reader.element("bridges").get_by_role("button").first.wait_for()
    reader.element("closest").get_by_role("button").first.wait_for()
    assert "pair=" in reader.query()
    assert any("95 % interval" in name for name in names(reader.element("matrix")))
    assert reader.element("matrix").locator(".cell.chosen").count() == 2
    reader.element("matrix").locator(".cell.chosen").first.hover()
    reader.tip("matrix", "95 % interval")
    reader.page.get_by_text("Neighbour mixing", exact=True).click()
    reader.settle()
    reader.element("matrix").get_by_role(
        "button", name=re.compile("times chance")
    ).first.wait_for()
    reader.page.get_by_text("Confusion, vote", exact=True).click()
    reader.settle()
    reader.element("matrix").get_by_role(
        "button", name=re.compile("taken for")
    ).first.wait_for()
    reader.element("bridges").get_by_role("button").first.click()
    reader.page.wait_for_url(re.compile("/search.*cover="))


def test_overlap_can_be_measured_with_other_neighbours(read):
    reader = read("overlap?measure=Neighbour%20mixing&k-lift=3")
    reader.page.get_by_text("times chance").first.wait_for(state="attached")
    near = names(reader.element("matrix"))
    wide = names(read("overlap?measure=Neighbour%20mixing&k-lift=50").element("matrix"))
    assert near != wide


def test_a_cluster_opens_to_its_members_and_boundary(read, workspace):
    found = json.loads((workspace.analysis_folder / "clusters.json").read_text())
    largest = max(found["clusters"], key=lambda c: c["n"])
    reader = read("clusters")
    card = reader.element("cards").locator(f'[data-pick="{largest["id"]}"]')
    assert card.locator(".sheet img").count() > 1
    assert "stability" in card.inner_text()
    assert re.search(r"\d+ %", card.inner_text())
    assert "#" in card.locator(".swatches").get_attribute("aria-label")
    reader.pick(re.compile(f"Cluster {largest['id']},"))
    reader.page.get_by_text(
        f"Cluster {largest['id']}: {largest['n']} covers"
    ).wait_for()
    assert f"cluster={largest['id']}" in reader.query()
    reader.element("members-Members").get_by_role("button").first.wait_for()
    reader.page.get_by_text("Boundary", exact=True).click()
    reader.settle()
    shown = names(reader.element("members-Boundary"))
    assert len(shown) == len(largest["boundary"])


def test_a_cell_of_the_confusion_matrix_shows_as_many_covers_as_it_says(read):
    reader = read("model")
    cell = reader.element("confusion").get_by_role(
        "button", name=re.compile("Metal read as Metal")
    )
    said = cell.get_attribute("aria-label")
    cell.click()
    reader.page.get_by_text(re.compile("Metal, read right")).wait_for()
    n_covers = int(re.search(r"Metal, read right: (\d+)", reader.text())[1])
    assert n_covers == round(float(re.search(r"\n([\d.]+) of", said)[1]))


def test_every_method_is_shown_beside_its_baselines_and_how_far_to_trust_it(read):
    reader = read("model")
    assert re.match("Macro-F1 of each method: chance", label(reader.figure("methods")))
    reader.page.get_by_text("Accuracy", exact=True).first.click()
    reader.settle()
    reader.figure("methods").get_by_text("chance", exact=True).hover()
    reader.tip("methods", r"chance: \d\.\d{3}")
    for key, said in {
        "reliability": "How often predictions are right",
        "coverage": "% answered: accuracy",
        "growth": "covers: macro-F1",
    }.items():
        assert said in label(reader.figure(key))
    reader.page.get_by_text("Genre by genre").click()
    reader.element("by-genre").get_by_text("Jazz", exact=True).wait_for()


def test_the_mistakes_can_be_taken_along(read):
    reader = read("model")
    with reader.page.expect_download() as download:
        reader.page.get_by_role("button", name=re.compile("along as CSV")).click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows
    assert all(row["read_as"] not in row["genres"].split("; ") for row in rows)
    certainty = [float(row["certainty"]) for row in rows]
    assert certainty == sorted(certainty, reverse=True)


def test_two_genres_and_two_covers_can_be_compared(read, workspace):
    reader = read("compare?left=genre:Jazz&right=genre:Metal")
    assert "n = 42 covers" in reader.text()
    reader.element("left-typical").get_by_role("button").first.wait_for()
    assert "#" in label(reader.element("left-colours").get_by_role("img"))
    assert "held-out covers" in reader.text()
    reader.page.get_by_role("combobox", name=re.compile("Right: genre")).fill("Pop")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url(re.compile("right=genre(:|%3A)Pop"))
    one, other = first_cover(workspace, "Jazz"), first_cover(workspace, "Pop")
    reader = read(f"compare?left=cover:{one}&right=cover:{other}")
    reader.page.get_by_text("similarity of the two covers").wait_for()


def test_covers_can_be_chosen_by_keyboard(read):
    reader = read("search")
    button = reader.element("suggested").get_by_role("button").first
    button.focus()
    reader.page.keyboard.press("Enter")
    reader.page.get_by_text("Covers most like it").wait_for()
    assert "cover=" in reader.query()


def test_names_from_files_are_shown_as_text(read):
    reader = read(f"?find={'Söhne'}")
    reader.element("browse").get_by_text(STRANGE_ARTIST).first.wait_for()


def test_findings_of_the_audit_and_unreadable_files_are_listed(read):
    reader = read()
    reader.page.get_by_role("tab", name="State and problems").click()
    reader.page.get_by_text("Files that could not be taken in").wait_for()
    finding = reader.page.locator("[class*='st-key-finding-'] img").first
    finding.wait_for()
    assert finding.get_attribute("src").startswith("/covers/thumbnail/")
    reader.element("chain").get_by_text("embeddings").first.wait_for()
    reader.element("chain").get_by_text("fresh").first.wait_for()


def test_addresses_that_make_no_sense_are_ignored(read):
    for path in (
        "map?area=1_2_x",
        "map?area=1_2_3_4_5_nan&colour=none",
        "overlap?pair=<script>~x&measure=7",
        "clusters?cluster=-99",
        "model?cell=Jazz",
        "compare?left=cover:../../etc&right=genre:",
        "search?cover=..%2F..&k=1000000",
    ):
        reader = read(path)
        assert "went wrong" not in reader.text()
        reader.close()


def test_pictures_come_from_the_workspace_and_nowhere_else(url, workspace):
    cover = first_cover(workspace, "Pop")
    with urllib.request.urlopen(f"{url}/covers/thumbnail/{cover}.jpg") as answer:
        assert answer.read() == workspace.thumbnail_path(cover).read_bytes()
    for name in ("..%2f..%2fcovers.toml", "%2e%2e", "0" * 32):
        content = fetch(f"{url}/covers/thumbnail/{name}.jpg")
        assert content == b"" or content.startswith((b"<svg", b"<!DOCTYPE", b"<!--"))


def fetch(address):
    """Return what the server sends, nothing where it refuses."""
    try:
        with urllib.request.urlopen(address) as answer:
            return answer.read()
    except urllib.error.HTTPError:
        return b""


@pytest.fixture
def other(workspace, tmp_path):
    """A copy of the workspace that a test may break."""
    shutil.copytree(workspace.root.parent, tmp_path / "copy")
    return Workspace(tmp_path / "copy" / workspace.root.name)


def test_the_graph_leads_to_covers_and_decades_stand_beside_the_tree(read, other):
    # Too small a workspace to be certain of anything: say that it was.
    path = other.analysis_folder / "overlap.json"
    found = json.loads(path.read_text())
    pair = found["pairs"][0] | {"overlap": 0.5, "overlap_ci95": [0.4, 0.6]}
    edge = {"a": pair["a"], "b": pair["b"], "lift": 1.5, "overlap": 0.5, "q": 0.01}
    part = found | {"pairs": [pair]}
    found |= {"edges": [edge], "by": "year", "parts": {"1970s": part, "1980s": part}}
    path.write_text(json.dumps(found))
    with serve(other.root) as url:
        reader = read("overlap", url=url)
        assert label(reader.figure("tree")).startswith("Family tree of genres: ")
        assert "1970s 0.50, 1980s 0.50" in label(reader.figure("over-time"))
        line = reader.element("graph").locator(".edge")
        line.focus()
        reader.page.keyboard.press("Enter")
        title = f"{pair['a']} and {pair['b']}"
        reader.page.get_by_role("heading", name=title, exact=True).wait_for()
        reader.element("bridges").get_by_role("button").first.wait_for()


def test_two_readers_go_on_while_the_index_is_rebuilt(read, other):
    from covers.indexing import open_index

    cover = first_cover(other, "Jazz")
    with serve(other.root) as url:
        readers = [read(f"search?cover={cover}", url=url) for _ in range(2)]
        index = open_index(other)
        before = index.generation
        assert all(
            f"generation {before} of the index" in reader.text() for reader in readers
        )
        index.rebuild()
        assert index.generation > before
        for reader in readers:
            reader.page.get_by_text("One per artist", exact=True).click()
            reader.page.get_by_text(
                f"generation {index.generation} of the index"
            ).wait_for()
            assert names(reader.element("alike"))


def test_an_empty_workspace_names_the_command_on_every_page(read, tmp_path):
    empty = tmp_path / "nothing"
    empty.mkdir()
    with serve(empty) as url:
        for path in PATHS:
            reader = read(path, url=url)
            assert "covers scan SOURCE" in reader.text()
            reader.close()


def test_a_workspace_that_vanishes_while_it_is_open_is_explained(read, other):
    with serve(other.root) as url:
        reader = read("map", url=url)
        wait_for_map(reader)
        shutil.rmtree(other.root)
        reader.page.get_by_role("radio", name="Cluster").click()
        reader.page.get_by_text(re.compile("covers scan SOURCE")).wait_for()
        assert "went wrong" not in reader.text()


def test_what_is_missing_or_damaged_is_said_in_its_place(read, other):
    (other.analysis_folder / "clusters.json").unlink()
    (other.analysis_folder / "evaluation.json").write_text("{}")
    overlap = other.analysis_folder / "overlap.json"
    stamped = json.loads(overlap.read_text())["stamp"]
    overlap.write_text(json.dumps({"stamp": stamped, "genres": ["a", "b"]}))
    shutil.rmtree(other.index_folder)
    expected = {
        "clusters": "covers cluster",
        "model": "covers evaluate",
        "overlap": "Something went wrong",
        "search": "covers index build",
        "map?colour=Cluster": "n = 168",
        "compare?left=genre:Jazz": "Some of its covers",
    }
    with serve(other.root) as url:
        for path, said in expected.items():
            reader = read(path, url=url)
            reader.page.get_by_text(re.compile(said)).first.wait_for()
            assert "Traceback" not in reader.text()
            reader.close()
