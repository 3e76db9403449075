import csv
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
from dashboard_browser import LOOKS, first_cover, names, serve, wait_for_map
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dashboard_parts import make_library, make_votes

from covers.catalogue.table import read_catalogue
from covers.cluster.map.cover_map import read_cover_map
from covers.cluster.map.regions import lay_down, name_regions, place_words
from covers.images.duplicates.designs import same_designs
from covers.library.tags import drop_tag, read_tags, tag_covers
from covers.workspace.artefacts import Stamp, fingerprint_file, write_json
from covers.workspace.registry import MAP_TABLE, NAMES_DOCUMENT
from dashboard.data.filters import Filters
from dashboard.data.looks import Looks
from dashboard.data.selection import (
    Selection,
    name_covers,
    named_covers,
    read_area,
    write_area,
)
from dashboard.pages import PAGES


@pytest.fixture
def library():
    return make_library()


# What an address can hold.
@given(st.lists(st.integers(0, 59), unique=True, max_size=60))
def test_covers_named_one_by_one_come_back_in_their_order(rows):
    library = make_library()
    # Ids of a hash differ in their first digits; these do not.
    object.__setattr__(library, "cover_ids", [f"{r:012x}{'0' * 20}" for r in range(60)])
    text = name_covers(library.cover_ids[row] for row in rows)
    assert named_covers(text.removeprefix("ids:"), library).tolist() == rows


def test_named_covers_that_make_no_sense_are_left_out(library):
    assert named_covers("%%%", library).tolist() == []
    assert named_covers("AAAA", library).tolist() == []


@given(
    st.lists(
        st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=3, max_size=9
    ),
    st.lists(st.integers(0, 40), unique=True, max_size=5),
)
def test_an_area_comes_back_from_its_text(corners, hidden):
    outline = [[x / 100, y / 100] for x, y in corners]
    kind, _, value = write_area(outline, "genre", hidden).partition(":")
    found, colour, off = read_area(value)
    assert kind == "area"
    assert found == outline
    assert off == sorted(hidden)
    assert colour == ("genre" if hidden else "")


@given(
    st.builds(
        Filters,
        genres=st.lists(st.text(max_size=8).filter(bool), max_size=3).map(tuple),
        sides=st.sampled_from([(), ("train",), ("valid", "test")]),
        bands=st.sampled_from([(), ("dark",)]),
        years=st.none() | st.tuples(st.integers(1900, 2000), st.integers(2000, 2030)),
        text=st.text(max_size=12).map(str.strip),
        sort=st.sampled_from(["filed", "year", "dark"]),
    )
)
def test_filters_come_back_from_their_text(filters):
    assert Filters.from_query(filters.to_query()) == filters


def test_filters_keep_what_has_all_that_is_asked_for(library):
    looks, votes = Looks.unknown(library), make_votes(library)
    wanted = Filters(genres=("Jazz",), sides=("valid",), text="artist", sort="newest")
    rows = wanted.rows(library, looks, votes)
    expected = [
        row
        for row in range(60)
        if "Jazz" in library.genres[row]
        and library.splits[row] == "valid"
        and "artist" in library.artists[row].casefold()
    ]
    assert sorted(rows.tolist()) == expected
    years = library.years[rows]
    known = years[np.isfinite(years)]
    assert (np.diff(known) <= 0).all()
    assert np.isfinite(years[: len(known)]).all()


def test_the_most_certain_come_first_when_asked_for(library):
    votes = make_votes(library)
    rows = Filters(sort="sure").rows(library, Looks.unknown(library), votes)
    certainty = [votes.certainty[votes.answer_of[r]] for r in rows if r < 59]
    assert certainty == sorted(certainty, reverse=True)


def test_a_selection_keeps_the_order_of_what_is_shown():
    chosen = Selection("ids:x", "some", np.array([5, 1, 9]))
    assert chosen.keep([1, 2, 9, 5]) == [1, 9, 5]
    assert np.flatnonzero(chosen.mask(12)).tolist() == [1, 5, 9]


# Covers of one design.
@given(st.integers(0, 10_000))
def test_designs_are_the_connected_covers_of_a_group(seed):
    rng = np.random.default_rng(seed)
    n = 24
    groups = rng.integers(0, 5, n)
    hashes = rng.integers(0, 2**63, 6).astype(np.uint64)[rng.integers(0, 6, n)]
    hashes ^= (1 << rng.integers(0, 20, n)).astype(np.uint64)
    hashed = rng.random(n) > 0.1
    found = same_designs(groups, hashes, hashed)
    expected = np.arange(n)
    for _ in range(n):
        for i in range(n):
            for j in range(n):
                near = int(hashes[i] ^ hashes[j]).bit_count() <= 8
                if groups[i] == groups[j] and near and hashed[i] and hashed[j]:
                    expected[i] = expected[j] = min(expected[i], expected[j])
    assert found.tolist() == expected.tolist()


def test_one_design_is_one_picture_with_a_count():
    looks = Looks.unknown(make_library(6))
    object.__setattr__(looks, "designs", np.array([0, 1, 0, 3, 1, 0]))
    order, counts = looks.fold(np.array([4, 2, 1, 0, 3]))
    assert order.tolist() == [0, 1, 4]
    assert counts.tolist() == [2, 2, 1]


# Names of regions.
def test_a_region_is_named_by_the_genre_that_is_frequent_there(library):
    places = [library.legend.main, np.linspace(-0.1, 0.1, 60)]
    points = np.column_stack(places).astype(np.float32)
    regions = name_regions(points, library.membership, library.vocab, None, {})
    assert regions
    for one in regions:
        code = round(one.x)
        assert one.text.startswith(library.vocab[code])


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_words_lie_on_the_page_where_they_lie_on_the_map(seed):
    rng = np.random.default_rng(seed)
    positions = rng.normal(0, [4, 1], (80, 2)) + rng.normal(0, 5, 2)
    points = lay_down(positions).astype(np.float32)
    at = rng.integers(80, size=3)
    words = [(*positions[i], f"word {i}", int(n)) for n, i in enumerate(at)]
    placed = place_words(words, positions, points)
    assert [one.n for one in placed] == [2, 1, 0]
    for one, i in zip(placed, at[::-1], strict=True):
        assert one.text == f"word {i}"
        assert [one.x, one.y] == pytest.approx(points[i].tolist(), abs=2e-3)
    assert place_words([], positions, points) == []


def test_words_stand_on_the_map_they_were_found_for(other, monkeypatch):
    from dashboard import loaders

    monkeypatch.setattr(sys, "argv", ["dashboard", str(other.root)])
    found = read_cover_map(other)
    x, y = map(float, found.positions[7])
    region = {"x": x, "y": y, "n": 20, "words": [{"word": "a piano", "effect": 0.8, "low": 0.4}]}  # fmt: skip
    empty = {"x": x, "y": y, "n": 9, "words": []}
    about = {"embedder": "clip:tiny", "n_words": 9, "margin": 0.2, "n_covers": 99}
    document = {**about, "clusters": [], "genres": [], "regions": [empty, region]}
    own = fingerprint_file(other.path(MAP_TABLE))
    for made_from, expected in ((own, 1), ("another map", 0)):
        stamp = Stamp(kind="names", made_from={"map": made_from})
        write_json(other.path(NAMES_DOCUMENT), document, stamp)
        words = [one for one in loaders.regions() if one.text == "a piano"]
        assert len(words) == expected
    rows = loaders.covermap().rows.tolist()
    place = loaders.library().position[found.cover_ids[7]]
    point = loaders.covermap().points[rows.index(place)]
    (at,) = place_words([(x, y, "a piano", 20)], *_both(loaders.covermap()))
    assert [at.x, at.y] == pytest.approx(point.tolist(), abs=2e-3)


def _both(found):
    return found.positions, found.points


# Tags.
def test_tags_are_kept_in_the_workspace_and_can_be_taken_away(other):
    assert read_tags(other) == {}
    assert tag_covers(other, " to  frame ", ["a" * 32]) == 1
    assert tag_covers(other, "to frame", ["b" * 32, "a" * 32]) == 2
    assert read_tags(other) == {"to frame": ["a" * 32, "b" * 32]}
    drop_tag(other, "to frame")
    assert read_tags(other) == {}


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
    after = reader.text()
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
def test_nothing_is_written_without_review(read, workspace):
    before = {p: p.stat().st_mtime_ns for p in workspace.root.rglob("*")}
    reader = read("review")
    assert reader.page.get_by_role("button", name=re.compile("Keep")).is_disabled()
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
