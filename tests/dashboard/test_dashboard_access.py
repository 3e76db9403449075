"""Everybody can use it: checked by axe at three widths, light and dark, and by keyboard."""

from pathlib import Path

import pytest
from dashboard_browser import first_cover, wait_for_map

from dashboard.pages import PAGES

pytestmark = pytest.mark.browser
SERIOUS = {"serious", "critical"}


def axe_script():
    import axe_playwright_python

    folder = Path(axe_playwright_python.__file__).parent
    return next(folder.rglob("axe.min.js")).read_text(encoding="utf-8")


def findings(reader):
    """Return what axe finds serious; what is not our page, but Streamlit's frame, is left out."""
    reader.page.evaluate(axe_script())
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 1024, 400])
def test_axe_finds_nothing_serious_on_any_page(read, workspace, width, scheme):
    cover = first_cover(workspace, "Jazz")
    paths = [page.path for page in PAGES]
    paths += [
        f"search?cover={cover}&genre=Jazz",
        "?genre=Jazz&selection=cluster:0",
        "clusters?cluster=0",
    ]
    serious = {}
    for path in paths:
        reader = read(path, width=width, scheme=scheme)
        if path == "map":
            wait_for_map(reader)
        if found := findings(reader):
            serious[path] = found
        assert not reader.scrolls_sideways(), path
        reader.close()
    assert not serious


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
