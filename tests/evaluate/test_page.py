import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image
from synthetic_library import VOCAB, simulate

from covers.classify.methods import Method
from covers.evaluate.evaluate import EvaluationSettings, evaluate_arrays
from covers.evaluate.page.csv_tables import write_tables
from covers.evaluate.page.page import write_report
from covers.evaluate.result import Evaluation


class Outline(HTMLParser):
    """Collects what a page is made of, and whether its elements are closed."""

    void = frozenset({"meta", "img", "br", "line", "polygon"})

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text, self.attributes = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.void:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def outline_of(page):
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    return outline


@pytest.fixture(scope="module")
def evaluation():
    inputs = simulate(400, n_groups=120)
    return evaluate_arrays(inputs, EvaluationSettings(n_bootstraps=50, leakage=True))


@pytest.fixture(scope="module")
def page(evaluation):
    file = io.StringIO()
    write_report(file, evaluation, None)
    return file.getvalue()


def test_the_page_is_well_formed_and_loads_nothing(page):
    outline = outline_of(page)
    assert "script" not in outline.tags
    assert "link" not in outline.tags
    for name, value in outline.attributes:
        if name in {"src", "href"}:
            assert value.startswith("data:")
    assert "http" not in re.sub(r"data:[^\"]*", "", page)


def test_the_page_shows_every_method_and_genre_and_ends_with_the_conclusions(
    page, evaluation
):
    text = " ".join(outline_of(page).text)
    for genre in VOCAB:
        assert genre in text
    for found in evaluation.result.methods.values():
        assert f"{found.macro_f1.value:.3f}" in text
    for said in evaluation.result.conclusions:
        assert said in text
    assert text.rstrip().endswith(evaluation.result.conclusions[-1])
    assert "price of a leak" in text


def test_every_filled_cell_of_the_confusion_matrix_opens_its_covers(page, evaluation):
    targets = set(re.findall(r'popovertarget="(cell-\d+-\d+)"', page))
    panels = set(re.findall(r'<div popover id="(cell-\d+-\d+)"', page))
    assert targets == panels
    votes, inputs = evaluation.votes, evaluation.inputs
    held = votes.held_out
    predicted = votes.probabilities.combined[held].argmax(axis=1)
    own = inputs.membership[votes.rows[held]]
    right = own[range(len(own)), predicted] > 0
    shown = re.findall(r"recognised: (\d+) covers", page)
    assert sum(map(int, shown)) == right.sum()


def test_names_from_the_catalogue_cannot_become_markup(evaluation):
    nasty = ("<script>alert(1)</script>", 'a"b', "c&d", "e")
    payload = evaluation.result.to_json()
    renamed = dict(zip(VOCAB, nasty, strict=True))
    payload["genres"] = list(nasty)
    payload["methods"] = {
        name: {
            **found,
            "per_genre": {renamed[g]: row for g, row in found["per_genre"].items()},
        }
        for name, found in payload["methods"].items()
    }
    payload["sets"] = {
        **payload["sets"],
        "per_genre": {
            renamed[g]: row for g, row in payload["sets"]["per_genre"].items()
        },
    }
    payload["conclusions"] = ["<u>bold</u>"]
    payload["split"] = {**payload["split"], "grouped_by": "<em>"}
    file = io.StringIO()
    renamed_all = replace(evaluation, result=Evaluation.from_json(payload))
    write_report(file, renamed_all, None)
    outline = outline_of(file.getvalue())
    assert "script" not in outline.tags
    assert not {"u", "em"} & set(outline.tags)
    assert any("<script>alert(1)</script>" in text for text in outline.text)


def test_tables_hold_the_same_figures_and_no_formulas(tmp_path, evaluation):
    methods = evaluation.result.methods
    write_tables(tmp_path, evaluation.result)
    with (tmp_path / "evaluation-methods.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == list(Method)
    for row in rows:
        found = methods[row["method"]]
        assert float(row["macro_f1"]) == pytest.approx(found.macro_f1.value, abs=1e-5)
    with (tmp_path / "evaluation-confusion.csv").open(encoding="utf-8") as file:
        cells = [
            row for row in csv.DictReader(file) if row["method"] == "network + vote"
        ]
    total = sum(float(row["covers"]) for row in cells)
    assert total == pytest.approx(methods["network + vote"].n, rel=1e-4)
    assert len(cells) == len(VOCAB) ** 2
    genres = ("=HYPERLINK(1)", *VOCAB[1:])
    write_tables(tmp_path, replace(evaluation.result, genres=genres))
    text = (tmp_path / "evaluation-confusion.csv").read_text(encoding="utf-8")
    assert ",'=HYPERLINK(1)," in text
    assert ",=HYPERLINK" not in text


@pytest.mark.browser
def test_the_page_looks_right_in_a_browser(tmp_path, page):
    import shutil

    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        for scheme in ("light", "dark"):
            view = browser.new_page(
                viewport={"width": 1100, "height": 900}, color_scheme=scheme
            )
            view.goto(path.as_uri())
            wide = view.evaluate("document.documentElement.scrollWidth")
            assert wide <= 1100
            cell = view.locator(".matrix button").first
            cell.click()
            panel = view.locator(f"#{cell.get_attribute('popovertarget')}")
            assert panel.is_visible()
            panel.locator(".close").click()
            assert not panel.is_visible()
            background = view.evaluate(
                "getComputedStyle(document.body).backgroundColor"
            )
            light = sum(map(int, re.findall(r"\d+", background)[:3])) > 384
            assert light == (scheme == "light")
            shot = Image.open(io.BytesIO(view.screenshot(full_page=True)))
            assert len(shot.convert("RGB").getcolors(maxcolors=2**24)) > 50
        browser.close()
