"""What is done on each page of the dashboard while it is timed."""

import io
import re

import numpy as np
from PIL import Image

from scripts.benches.shared.dashboard_window import spread
from scripts.benches.shared.drawn_workspace import GENRES


def bench_library(window):
    window.view("library", "", ".st-key-browse", "<img")
    words = [f"Album {n}" for n in (11, 222, 13, 144, 155, 166, 77)][: window.repeats]
    window.answer(
        "library: find an album",
        [(window.typing("Find", w), ".st-key-browse", f">{w}<") for w in words],
    )
    window.answer(
        "library: all again",
        [(window.typing("Find", ""), ".st-key-browse", ">Album 0<")],
    )
    pages = window.page.locator(".st-key-browse-page")

    def turn(n):
        return lambda: pages.get_by_role("button", name=f"Page {n}", exact=True).click()

    window.answer(
        "library: next page",
        [
            (turn(n), ".st-key-browse", None)
            for n in (2, 3, 4, 5, 4, 3, 2)[: window.repeats]
        ],
    )
    del window.answers["library: all again"]
    chips = window.page.locator(".st-key-genre")

    def filter_by(genre):
        return lambda: chips.get_by_role("button", name=genre, exact=True).click()

    chosen = chips.get_by_role("button").all_inner_texts()[: window.repeats]
    if chosen:
        window.answer(
            "library: filter by a genre",
            [(filter_by(genre), ".st-key-browse", None) for genre in chosen],
        )
    else:  # an earlier version offers many genres in a list only
        genres = window.page.get_by_role("combobox", name="Genres")
        window.answer(
            "library: filter by a genre",
            [(lambda: genres.press("Enter"), ".st-key-browse", None)] * window.repeats,
            before_each=[
                _typing_a_genre(window, g) for g in GENRES[::-1][: window.repeats]
            ],
        )
        window.page.keyboard.press("Escape")

    def open_cover():
        window.page.locator(".st-key-browse button.cover").nth(1).click()

    def back():
        window.page.goto(f"{window.url}/")
        window.wait_for("settled() && shows('.st-key-browse', '<img')")
        window.page.wait_for_timeout(300)

    window.answer(
        "library: open a cover",
        [(open_cover, ".st-key-alike", "<img")] * window.repeats,
        before_each=[back] * window.repeats,
    )
    window.page.close()


def _typing_a_genre(window, genre):
    """Return what types a genre into the filter until it is offered."""
    genres = window.page.get_by_role("combobox", name="Genres")
    option = window.page.get_by_role("option", name=genre).first

    def type_it():
        for _ in range(9):  # the first letters may only open the list
            genres.fill(genre)
            window.page.wait_for_timeout(400)
            if option.is_visible():
                return
        option.wait_for()

    return type_it


def bench_map(window):
    window.view("map", "map", ".stMain", 'class="covermap ready"')
    page = window.page
    said = {"Cluster": r">[^<]+, \w+ and \w+", "Year": r">19[67]\d<|19[67]\d", "Certainty": "unsure",
            "Right or wrong": "not held out", "Genre": "Ambient"}  # fmt: skip

    def choose(name):
        return lambda: page.get_by_role("radio", name=name).click()

    window.answer(
        "map: colour by something else",
        [(choose(name), ".st-key-map", text) for name, text in said.items()],
    )
    box = page.locator(".dots").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.get_by_role("button", name="Lasso").click()

    def surround(size):
        def act():
            x, y = middle
            page.mouse.move(x - size, y - size)
            page.mouse.down()
            for dx, dy in ((size, -size), (size, size), (-size, size), (-size, -size)):
                page.mouse.move(x + dx, y + dy, steps=3)

        return act

    window.answer(
        "map: lasso",
        [(page.mouse.up, ".st-key-selection-shares", None)] * window.repeats,
        before_each=[surround(40 + 20 * i) for i in range(window.repeats)],
    )
    page.get_by_role("button", name="Move").click()
    frames = []
    for step in range(12):
        page.mouse.move(middle[0] + step, middle[1])
        page.mouse.wheel(0, -120 if step % 2 else 120)
        page.wait_for_timeout(30)
        frames.append(
            float(page.locator(".covermap").get_attribute("data-took")) / 1000
        )
    window.answers["map: one frame while zooming"] = spread(frames)
    page.locator(".covermap").get_by_role("button", name="Clear").click()
    # What is typed before the selection is gone would be taken back with it.
    window.wait_for("settled() && !document.querySelector('.st-key-selection-shares')")
    window.answer(
        "map: find an album",
        [
            (window.typing("Find on the map", w), ".st-key-found", rf"{w}\b")
            for w in [f"Album {n}" for n in (11, 222, 13, 144, 155, 166, 77)][
                : window.repeats
            ]
        ],
    )
    page.close()


def bench_overlap(window):
    window.view("overlap", "overlap", ".st-key-matrix", "<button")
    page = window.page
    first = 10
    neighbours = [
        (GENRES[i], GENRES[i + 1]) for i in range(first, first + window.repeats)
    ]
    window.answer(
        "overlap: choose a cell",
        [
            (window.button("matrix", f"{a} and {b}: ").click, "h3", f"^{a} and {b}$")
            for a, b in neighbours
        ],
    )
    page.get_by_role("button", name="Neighbours looked at").click()
    page.get_by_role("slider").focus()
    window.answer(
        "overlap: move the slider of k",
        [(lambda: page.keyboard.press("Home"), ".st-key-matrix", None)]
        + [(lambda: page.keyboard.press("ArrowRight"), ".st-key-matrix", None)]
        * (min(6, window.repeats) - 1),
    )
    page.keyboard.press("Escape")
    said = {"Neighbour mixing": "times chance", "Confusion, network": "taken for",
            "Overlap coefficient": ": overlap "}  # fmt: skip

    def measure(name):
        return lambda: page.get_by_role("radio", name=name).click()

    window.answer(
        "overlap: another measure",
        [(measure(name), ".st-key-matrix", text) for name, text in [*said.items()] * 3][
            : window.repeats
        ],
    )
    page.close()


def bench_search(window, cover_id, artists):
    window.view("search", f"search?cover={cover_id}", ".st-key-alike", "<img")
    page = window.page

    def walk():
        page.locator(".st-key-alike button.cover").nth(2).click()

    window.answer(
        "search: walk on to a neighbour",
        [(walk, ".st-key-query", None)] * window.repeats,
    )
    window.answer(
        "search: filter by an artist",
        [
            (window.typing("Artist", name), ".st-key-alike", None)
            for name in artists[: window.repeats]
        ],
    )
    page.close()


def bench_upload(window):
    """Time a picture from outside, from its upload until its genre is said."""

    def upload():
        noise = np.random.default_rng(len(taken)).integers(0, 255, (9, 9, 3), np.uint8)
        content = io.BytesIO()
        Image.fromarray(noise).resize((600, 600)).save(content, "JPEG")
        taken.append(1)
        name = f"{len(taken)}.jpg"
        file = {"name": name, "mimeType": "image/jpeg", "buffer": content.getvalue()}
        window.page.set_input_files('input[type="file"]', file)

    def ask_again():
        window.page.goto(f"{window.url}/search")
        window.wait_for("settled() && document.querySelector('input[type=file]')")

    taken = []
    where = (upload, ".st-key-query", "likeliest")
    window.open("search")
    ask_again()
    window.answer("search: upload the first picture", [where])
    window.answer(
        "search: upload a picture",
        [where] * window.repeats,
        before_each=[ask_again] * window.repeats,
    )
    window.page.close()


def bench_clusters(window):
    window.view("clusters", "clusters", ".st-key-cards", "<img")
    cards = window.page.locator(".st-key-cards [data-pick]")
    found = [card.get_attribute("data-pick") for card in cards.all()]

    def choose(cluster):
        return window.page.locator(
            f'.st-key-cards [data-pick="{cluster}"], .st-key-strip [data-pick="{cluster}"]'
        ).first.click

    window.answer(
        "clusters: open one",
        [(choose(c), ".st-key-members-Members", None) for c in found[: window.repeats]],
    )
    window.page.close()


def bench_model(window):
    window.view("model", "model", ".st-key-confusion", "<button")
    window.answer(
        "model: choose a cell",
        [
            (
                window.button("confusion", f"{g} recognised").click,
                "h3",
                f"^{g}, recognised",
            )
            for g in GENRES[: window.repeats]
        ],
    )
    window.page.close()


def bench_compare(window):
    window.view(
        "compare",
        "compare?left=genre:Jazz&right=genre:Metal",
        ".st-key-right-typical",
        "<img",
    )
    page = window.page

    def choose(genre):
        def act():
            page.get_by_role("combobox", name=re.compile("Left: genre")).fill(genre)
            page.keyboard.press("Enter")

        return act

    window.answer(
        "compare: another genre",
        [(choose(g), "h3", f"^{g}$") for g in GENRES[: window.repeats]],
    )
    page.close()
