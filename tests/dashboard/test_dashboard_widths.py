"""What can be done on a page is in reach at three widths, light and dark."""

import re

import pytest
from complete_workspace import GENRES
from dashboard_browser import LOOKS, first_cover, serve

from covers.classify.methods import Method
from covers.evaluate.document import Split
from covers.evaluate.measures import GenreScore, MethodResult
from covers.evaluate.page.tables import genres_table
from covers.evaluate.result import Evaluation
from covers.render.charts.marks import chart_style
from covers.render.html import share_bars

pytestmark = pytest.mark.browser
LEAST_PX = 24
"""Smaller ones are missed by fingers (WCAG 2.5.8)."""


def at_every_look(reader):
    """Give the page every size and colour, one after the other."""
    for look in LOOKS:
        reader.look(*look)
        reader.settle()
        yield look


def assert_in_reach(look, *places):
    """Say that elements can be seen and hit without scrolling sideways."""
    for place in places:
        place.wait_for()
        box = place.bounding_box()
        assert box["x"] >= 0, (look, place, box)
        assert box["x"] + box["width"] <= look[0], (look, place, box)
        assert min(box["width"], box["height"]) >= LEAST_PX, (look, place, box)


def test_the_selection_bar_stays_with_all_it_offers(read):
    reader = read("?selection=cluster:0")
    bar = reader.element("selection-bar")
    ways = [bar.get_by_role("link", name=n) for n in ("On the map", "Compare with")]
    does = [bar.get_by_role("button", name=n) for n in ("Take along", "Clear")]
    for look in at_every_look(reader):
        assert_in_reach(look, *ways, *does)
        last = reader.element("browse").locator(".cover").last
        last.scroll_into_view_if_needed()
        if look[0] > 400:  # on a phone it would hide what it is about
            top = bar.bounding_box()["y"]
            assert 0 <= top < 20, look  # it goes along
        reader.page.get_by_role("heading", name="Library").scroll_into_view_if_needed()


def test_chips_filter_wherever_the_window_ends(read):
    reader = read()
    chips = [
        reader.element("genre").get_by_role("button", name=g, exact=True)
        for g in GENRES
    ]
    shown = reader.element("browse").locator(".tags")
    for look, chip, genre in zip(
        at_every_look(reader), [*chips, *chips], [*GENRES, *GENRES], strict=False
    ):
        assert_in_reach(look, *chips)
        chip.click()
        reader.page.wait_for_function(f"location.search.includes('{genre}')")
        reader.settle()
        assert all(genre in tags for tags in shown.all_inner_texts()), look
        first = reader.element("browse").locator(".cover img").first.bounding_box()
        assert 0 <= first["y"] < look[1] - LEAST_PX, look
        chip.click()
        reader.page.wait_for_function(f"!location.search.includes('{genre}')")
        reader.settle()


def test_an_opened_cover_leads_on_more_less_and_out(read, workspace):
    cover, other = first_cover(workspace, "Jazz"), first_cover(workspace, "Metal")
    reader = read(f"search?cover={cover}&plus={other}")
    query, alike = reader.element("query"), reader.element("alike")
    link = query.get_by_role("link", name=re.compile("Discogs"))
    assert re.fullmatch(
        r"https://www\.discogs\.com/release/\d+", link.get_attribute("href")
    )
    assert "noopener" in link.get_attribute("rel")
    tile = alike.locator(".with-acts").first
    acts = [tile.get_by_role("button", name=n) for n in ("More like", "Less like")]
    on_map = reader.page.get_by_role("button", name="Show on the map")
    for look in at_every_look(reader):
        tile.hover()
        assert_in_reach(look, *acts, on_map, reader.element("tray").locator("button"))
        box = link.bounding_box()
        assert 0 <= box["x"] < box["x"] + box["width"] <= look[0], look
        query.locator("img").first.scroll_into_view_if_needed()
    acts[1].click()
    reader.page.wait_for_function("location.search.includes('minus=')")
    reader.settle()
    assert reader.element("tray").locator(".cover").count() == 2
    for name in ("minus", "plus"):
        reader.element("tray").locator(".cover").last.click()
        reader.page.wait_for_function(f"!location.search.includes('{name}=')")
        reader.settle()


# Text that may be broken where a number ends and its unit begins. A badge is no text.
TORN = r"""() => {
  const found = [];
  const look = (node) => {
    if (node.shadowRoot) look(node.shadowRoot);
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) {
        if (child.data.length > 20 && /\d %|n = \d/.test(child.data)) found.push(child.data);
      } else if (child.tagName !== "STYLE") look(child);
    }
  };
  look(document.querySelector('[data-testid="stMain"]'));
  return found;
}"""


@pytest.mark.parametrize(
    "path",
    [
        "compare",
        "overlap?measured-open=true",
        "model?findings-open=true&trust-open=true",
        "clusters",
        "search",
    ],
)
def test_no_number_is_torn_from_its_unit(read, workspace, path):
    if path == "search":
        path += f"?cover={first_cover(workspace, 'Jazz')}"
    reader = read(path, width=400, height=800)
    assert "%" in reader.page.evaluate(SAID)
    assert reader.page.evaluate(TORN) == []


SAID = """() => { const all = (n) => n.textContent + [...n.querySelectorAll("*")]
  .filter((e) => e.shadowRoot).map((e) => all(e.shadowRoot)).join(" ");
  return all(document.querySelector('[data-testid="stMain"]')); }"""


def test_measures_stand_in_one_line_and_pairs_side_by_side_in_a_narrow_window(read):
    reader = read("overlap", width=1024, height=768)
    measures = reader.element("measure").get_by_role("radio").all()
    assert len(measures) == 4
    assert len({one.bounding_box()["y"] for one in measures}) == 1
    pairs = reader.element("closest").locator(".pair")
    first, second = (pairs.nth(i).bounding_box() for i in (0, 1))
    assert first["y"] == second["y"]


@pytest.mark.parametrize("is_audited", [True, False])
def test_what_decides_is_in_sight_without_scrolling(read, other, is_audited):
    if not is_audited:
        (other.analysis_folder / "audit.json").unlink()
    with serve(other.root, "--review") as url:
        reader = read("review", url=url)
        names = ("Keep", "Relabel", "Drop")
        buttons = [reader.page.get_by_role("button", name=re.compile(n)) for n in names]
        for look in at_every_look(reader):
            assert_in_reach(look, *buttons)
            for place in buttons:
                box = place.bounding_box()
                assert box["y"] + box["height"] <= look[1], (look, place)
            pictures = reader.page.locator(".review .art img").all()
            assert sum(one.is_visible() for one in pictures) == 1, look


def test_a_name_too_long_for_its_bar_ends_in_dots(context):
    bars = share_bars([("folkworldcountry", 0.5, "50 %")], {})
    page = context.new_page()
    page.set_content(
        f'<style>{chart_style()}</style><div style="width: 200px">{bars}</div>'
    )
    ends, cut = page.locator(".share .line").evaluate(
        "(e) => [getComputedStyle(e).textOverflow, e.scrollWidth > e.clientWidth]"
    )
    page.close()
    assert cut
    assert ends == "ellipsis"


def test_an_interval_stands_below_its_figure_in_a_table(context):
    score = GenreScore(n=10, f1=0.7294, ci95={"f1": (0.65, 0.79)})
    both = MethodResult(n=10, per_genre={"rock": score})
    split = Split(
        n_train=9, n_valid=9, measured="valid", n_groups=3, grouped_by="artist"
    )
    found = Evaluation(genres=("rock",), methods={Method.COMBINED: both}, split=split)
    page = context.new_page()
    page.set_content(f"<style>{chart_style()}</style>{genres_table(found)}")
    figure = page.locator("td:has(.ends)").inner_text()
    page.close()
    assert figure.splitlines() == ["0.729", "0.65 to 0.79"]
