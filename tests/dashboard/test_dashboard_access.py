"""Everybody can use it: checked by axe at three widths, light and dark, and by keyboard."""

from functools import cache
from pathlib import Path

import pytest
from dashboard_browser import LOOKS, first_cover, serve, wait_for_map

from dashboard.pages import PAGES

pytestmark = pytest.mark.browser
SERIOUS = {"serious", "critical"}


@cache
def axe_script():
    import axe_playwright_python

    folder = Path(axe_playwright_python.__file__).parent
    return next(folder.rglob("axe.min.js")).read_text(encoding="utf-8")


def findings(reader):
    """Return what axe finds serious; what is not our page, but Streamlit's frame, is left out."""
    found = reader.page.evaluate(
        """() => axe.run(document.querySelector('[data-testid="stMain"]'),
             {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})"""
    )
    return [
        (one["id"], node["target"], node["failureSummary"][:300])
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


IS_LIT = """light => { const [r] = getComputedStyle(document.querySelector('[data-testid="stApp"]'))
  .backgroundColor.match(/\\d+/g).map(Number); return (r > 127) === light; }"""
FOLDS = {
    "overlap": "?graph-open=true&tree-open=true&time-open=true&typical-open=true&measured-open=true",
    "model": "?methods-open=true&differences-open=true&genres-open=true&trust-open=true&growth-open=true&findings-open=true",
    "clusters": "?tree-open=true&noise-open=true&relation-open=true",
    "review": "?state-open=true&files-open=true",
    "": "?numbers-open=true",
}


@pytest.mark.parametrize(
    "path",
    [
        *(page.path + FOLDS.get(page.path, "") for page in PAGES),
        "search?cover={cover}&of-genre=Jazz&another-open=true",
        "?genre=Jazz&selection=cluster:0",
        "clusters?cluster=0&firm-open=true",
        "map?cover={cover}",
    ],
)
def test_axe_finds_nothing_serious_at_any_width_light_or_dark(read, workspace, path):
    check(read(path.format(cover=first_cover(workspace, "Jazz"))), path)


@pytest.mark.parametrize("is_audited", [True, False])
def test_axe_finds_nothing_serious_where_a_person_decides(read, other, is_audited):
    if not is_audited:  # then a command is named
        (other.analysis_folder / "audit.json").unlink()
    with serve(other.root, "--review") as url:
        check(read("review", url=url), "review")


def check(reader, path):
    """Look at a page at every width, light and dark."""
    reader.page.evaluate(axe_script())
    serious, sideways = {}, []
    for look in LOOKS:
        reader.look(*look)
        reader.page.wait_for_function(IS_LIT, arg=look[2] == "light")
        reader.settle()
        if path == "map":
            wait_for_map(reader)
        if found := findings(reader):
            serious[look] = found
        if reader.scrolls_sideways():
            sideways.append(look)
    assert not serious
    assert not sideways


@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_the_keyboard_reaches_what_the_page_offers(read, path):
    reader = read(path)
    if path == "map":
        wait_for_map(reader)
    reached = set()
    reader.page.locator("body").press("Tab")
    for _ in range(60):
        reached.add(
            reader.page.evaluate(
                """() => { let e = document.activeElement;
                  while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
                  return e ? `${e.tagName} ${e.dataset.pick || e.getAttribute("aria-label") || e.textContent || e.className}`.slice(0, 90) : ""; }"""
            )
        )
        reader.page.keyboard.press("Tab")
    assert sum("Map" in one or "Overlap" in one for one in reached) >= 2  # navigation
    assert len(reached) > 10


def test_what_has_the_focus_can_be_told_from_the_page_that_is_shown(read):
    reader = read("review")
    link = reader.page.get_by_role("link", name="Overlap", exact=True)
    for look in LOOKS:
        reader.look(*look)
        reader.settle()
        reader.page.locator("body").press("Tab")
        link.focus()
        assert link.evaluate("e => e.matches(':focus-visible')")
        assert link.evaluate("e => getComputedStyle(e).outlineStyle") == "solid", look
