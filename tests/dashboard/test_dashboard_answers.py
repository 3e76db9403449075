"""Every page leads with its answer: in sight at three widths, light and dark."""

import re

import pytest
from complete_workspace import GENRES
from dashboard_browser import LOOKS, first_cover, wait_for_map

pytestmark = pytest.mark.browser


def looks_of(reader):
    """Give the page every size and colour, one after the other."""
    for look in LOOKS:
        reader.look(*look)
        reader.settle()
        yield look


def assert_in_sight(reader, place, look):
    """Say that the beginning of an element is seen without scrolling."""
    place.wait_for()
    box = place.bounding_box()
    width, height, _ = look
    assert 0 <= box["y"] < height - 30, look
    assert 0 <= box["x"] < width, look
    assert box["width"] <= width, look


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("", [("browse", ".cover img")]),
        ("map", [("map", "canvas.dots")]),
        ("overlap", [("answer-first", ".answer"), ("most-alike", ".alike img")]),
        ("search?cover={cover}", [("query", ".likeliest")]),
        ("clusters", [("answer-first", ".answer"), ("cards", ".card .sheet img")]),
        ("clusters?cluster=0", [("strip", "button.chosen")]),
        ("model", [("answer-first", ".answer"), ("model-tiles", ".tile")]),
        ("review", [("doubt", ".way")]),
        ("?selection=cluster:0", [("selection-bar", "strong")]),
        (
            "map?selection=cluster:0",
            [("selection-bar", "strong"), ("selection-shares", ".share")],
        ),
        ("overlap?selection=cluster:0", [("selection-bar", "strong")]),
    ],
)
def test_the_answer_is_in_sight(read, workspace, path, first):
    reader = read(path.format(cover=first_cover(workspace, "Jazz")))
    for look in looks_of(reader):
        for key, where in first:
            assert_in_sight(reader, reader.element(key).locator(where).first, look)


def test_two_sides_of_a_comparison_are_named_in_sight(read):
    reader = read("compare?left=genre:Jazz&right=genre:Metal")
    for look in looks_of(reader):
        for side in ("Left: genre", "Right: genre"):
            field = reader.page.get_by_role("combobox", name=re.compile(side))
            assert_in_sight(reader, field, look)
        if look[0] > 400:  # on a phone the portraits lie below each other
            for name in ("Jazz", "Metal"):
                title = reader.page.get_by_role("heading", name=name, exact=True)
                assert_in_sight(reader, title, look)


def test_what_was_opened_on_the_map_is_beside_it(read, workspace):
    cover = first_cover(workspace, "Jazz")
    reader = read(f"map?cover={cover}")
    wait_for_map(reader)
    for look in looks_of(reader):
        opened = reader.element("opened").locator("img").first
        assert_in_sight(reader, opened, look)
        frame = reader.page.locator(".covermap .frame").bounding_box()
        if look[0] > 400:
            assert opened.bounding_box()["x"] > frame["x"] + frame["width"]
        else:  # on a phone it stands above the map
            assert opened.bounding_box()["y"] < frame["y"]


def test_the_model_leads_with_three_tiles_and_folds_the_rest(read):
    reader = read("model")
    tiles = reader.element("model-tiles").locator(".tile")
    tiles.first.wait_for()
    assert tiles.count() == 3
    said = tiles.all_inner_texts()
    of_all = (
        r"right, of \d+, each read by a head fitted without its \S+ \(95\s% interval"
    )
    assert re.search(rf"\d+ %\s+{of_all}", said[0])
    assert re.search(r"\d+ %\s+right by guessing", said[1])
    assert re.search("easiest .* and hardest", said[2])
    assert sum(genre in said[2] for genre in GENRES) == 2
    for key in ("methods", "differences", "by-genre", "growth"):
        assert not reader.element(key).count()  # folded: not even made


def test_clusters_can_be_joined_along_their_tree(read):
    reader = read("clusters?kinds=2")
    titles = reader.page.locator("h3").all_inner_texts()
    assert sum(bool(re.search(r": \d+ covers$", title)) for title in titles) == 2
    reader.unfold("How the kinds hang together")
    reader.figure("cluster-tree").wait_for()
    assert "AMI" not in reader.text()
    reader.unfold("What clusters have to do with genres")
    reader.page.get_by_text("agreement with genre (AMI").wait_for()


def test_a_cover_is_shown_on_the_map_with_where_the_network_looked_beside_it(
    read, workspace
):
    cover = first_cover(workspace, "Jazz")
    reader = read(f"search?cover={cover}&heat=true")
    heat = reader.element("query").get_by_role("img", name=re.compile("Heat map"))
    heat.wait_for(timeout=180_000)
    own = reader.element("query").locator("img").first.bounding_box()
    beside = heat.bounding_box()
    assert abs(beside["y"] - own["y"]) < 4
    assert beside["x"] > own["x"] + own["width"] - 4
    reader.page.get_by_role("button", name="Show on the map").click()
    reader.page.wait_for_url(re.compile(f"/map.*cover={cover}"))
    wait_for_map(reader)
    reader.element("opened").locator("img").first.wait_for()


def test_filters_and_orders_of_the_library_leave_and_sort(read):
    reader = read("?genre=Jazz&order=Darkest%20first")
    reader.page.get_by_text(re.compile(r"^\d+ covers\.")).wait_for()
    shown = reader.element("browse").locator(".tags").all_inner_texts()
    assert shown
    assert all("Jazz" in tags for tags in shown)
    order = reader.page.get_by_role("combobox", name=re.compile("Order"))
    assert "Darkest first" in order.evaluate(
        "e => e.closest('[data-baseweb=select]')?.innerText ?? e.value"
    )
    reader.page.get_by_role("button", name="More filters").click()
    for label in ("Years", "Side of the split", "Brightness", "Certainty"):
        reader.page.get_by_text(label, exact=True).first.wait_for()
    reader.page.get_by_role("button", name="held out").click()
    reader.page.wait_for_function("() => location.search.includes('side=')")


def test_filters_out_of_sight_hold_in_a_link_and_after_they_are_closed(read):
    reader = read()
    said = reader.page.get_by_text(re.compile(r"^\d+ covers\."))
    everything = said.inner_text()
    reader.page.get_by_role("button", name="More filters").click()
    reader.page.get_by_role("button", name="held out").click()
    reader.page.wait_for_function("() => location.search.includes('side=')")
    reader.settle()
    some = said.inner_text()
    assert some != everything
    reader.page.get_by_role("heading", name="Library").click()
    reader.settle()
    assert reader.page.get_by_role("button", name="held out").count() == 0
    assert "side=" in reader.query()
    assert said.inner_text() == some
    reader.page.reload()
    reader.page.wait_for_selector("h1")
    reader.settle()
    assert said.inner_text() == some
    shared = read(f"?{reader.query()}")
    assert shared.page.get_by_text(some).count() == 1
    shared.page.get_by_role("button", name="More filters").click()
    chosen = shared.page.get_by_role("button", name="held out", pressed=True)
    chosen.wait_for()
    chosen.click()
    shared.settle()
    assert "side=" not in shared.query()
    assert shared.page.get_by_text(everything).count() == 1


def test_loners_are_not_said_to_be_of_the_chosen_genre(read):
    reader = read("overlap?typical-open=true")
    reader.element("isolated").wait_for()
    assert "Loners among all genres" in reader.text()
