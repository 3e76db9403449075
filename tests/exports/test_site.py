"""Static pages: complete, self-contained, light, and alive without a server."""

import json
import re
import shutil

import pytest
from dashboard_browser import SCHEMES, SIZES

import covers
from covers.cluster.stage import read as read_clusters
from covers.overlap.page.sentences import say_overlap
from covers.overlap.stage import read as read_overlap


@pytest.fixture(scope="module")
def library(drawn_once):
    return covers.open(drawn_once / "workspace")


@pytest.fixture(scope="module")
def site(library, tmp_path_factory):
    out = tmp_path_factory.mktemp("site") / "shown"
    library.export("site", out)
    return out


def data_of(site):
    text = (site / "covers.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("window.COVERS=").rstrip().removesuffix(";"))


def test_the_pages_say_what_the_front_door_says(library, site):
    data = data_of(site)
    assert data["n"] == len(library)
    assert len(data["covers"]["tiles"]) == len(library)
    assert data["overlap"]["answer"] == say_overlap(read_overlap(library.workspace))
    assert sorted(data["map"]["rows"]) == list(range(len(library)))
    found = read_clusters(library.workspace)
    assert len(data["clusters"]["names"]) == found.n_clusters


def test_nothing_is_fetched_from_elsewhere_and_nothing_is_missing(library, site):
    for path in site.glob("*.*"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", text), path
    assert len(list((site / "pictures").iterdir())) == len(library)
    n_bytes = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    assert n_bytes / len(library) < 30e6 / 3000


def test_pictures_stay_at_home_when_asked_to(library, tmp_path):
    out = tmp_path / "bare"
    library.export("site", out, pictures=False)
    assert not (out / "pictures").exists()
    assert "<img" not in (out / "covers.js").read_text(encoding="utf-8")
    # A blank sleeve has its name on it.
    tiles = data_of(out)["covers"]["tiles"]
    names = [
        re.search(r'class="line (?:name|file)" title="([^"]+)"', tile)[1]
        for tile in tiles
    ]
    assert all(
        f'data-name="{name}"' in tile for name, tile in zip(names, tiles, strict=True)
    )


def test_names_from_files_cannot_become_html(library, tmp_path, monkeypatch):
    from covers.exports.table.cover_table import CoverTable

    nasty = "</script><img src=x onerror=alert(1)>"
    own = CoverTable.column

    def column(self, name):
        found = own(self, name)
        return [nasty] * len(found) if name in ("album", "artist") else found

    monkeypatch.setattr(CoverTable, "column", column)
    library.export("site", tmp_path / "nasty")
    tiles = data_of(tmp_path / "nasty")["covers"]["tiles"]
    assert not any("onerror=alert(1)>" in tile for tile in tiles)
    assert "&lt;/script&gt;" in tiles[0]


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_pages_open_from_disk_and_answer(browser, site, tmp_path, width, height):
    moved = tmp_path / "elsewhere"
    shutil.copytree(site, moved)
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()

    def assert_in_sight(place):
        place.wait_for()
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            light = page.evaluate(
                "getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)'"
            )
            assert light == (scheme == "light")
            box = place.bounding_box()
            assert 0 <= box["y"] < height, (place, box)
            assert box["x"] + box["width"] <= width, (place, box)

    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.goto((moved / "index.html").as_uri())
    page.locator(".covermap.ready").wait_for()
    assert_in_sight(page.locator("#overlap .answer").get_by_text("look"))
    page.locator("#overlap .matrix button").first.click()
    assert_in_sight(page.locator("#pair h3"))
    page.locator(".covermap").get_by_role("button", name="Select view").click()
    assert_in_sight(page.locator("#selected h3").get_by_text("covers selected"))
    page.locator("#clusters .card").first.click()
    page.get_by_text(re.compile(r"^\d+ covers of “")).wait_for()
    page.locator("#gallery .cover").first.click()
    assert_in_sight(page.locator("dialog[open] img"))
    page.locator("#close").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    context.close()
    assert not problems


@pytest.mark.browser
def test_of_many_genres_the_most_frequent_are_offered_first(browser, site, tmp_path):
    moved = tmp_path / "many"
    shutil.copytree(site, moved)
    data = data_of(site)
    # As if each cover had a genre of its own, and all of them the last one.
    n = len(data["covers"]["tiles"])
    data["covers"]["vocab"] = [f"genre {i}" for i in range(n)]
    data["covers"]["genres"] = [sorted({i, n - 1}) for i in range(n)]
    text = f"window.COVERS={json.dumps(data)};"
    (moved / "covers.js").write_text(text, encoding="utf-8")
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.goto(f"{(moved / 'index.html').as_uri()}#covers")
    chips = page.locator("#chips button:visible")
    chips.get_by_text(f"{n - 10} more genres").wait_for()
    assert chips.count() == 11
    assert chips.get_by_text(f"genre {n - 1}", exact=True).count() == 1
    chips.get_by_text("more genres").click()
    assert chips.count() == n
    page.close()


@pytest.mark.browser
def test_what_was_not_measured_is_not_promised(browser, site, tmp_path):
    moved = tmp_path / "bare"
    shutil.copytree(site, moved)
    data = data_of(site) | {"overlap": None, "model": None}
    text = f"window.COVERS={json.dumps(data)};"
    (moved / "covers.js").write_text(text, encoding="utf-8")
    page = browser.new_page()
    page.goto((moved / "index.html").as_uri())
    page.locator(".covermap.ready").wait_for()
    assert "genres" not in page.locator("h1").inner_text()
    assert "genres" not in page.locator("#lead").inner_text()
    links = [link.strip() for link in page.locator("nav a").all_inner_texts()]
    assert links == ["Map", "Clusters", "Covers", "What the figures mean"]
    page.close()


@pytest.mark.browser
def test_the_findings_are_folded_and_the_matrix_says_whose_it_is(browser, site):
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    model = page.locator("#model")
    model.get_by_text("held-out covers, columns what was read").wait_for()
    finding = model.locator("li").first
    assert not finding.is_visible()
    model.get_by_text("All findings in sentences").click()
    finding.wait_for()
    page.close()
