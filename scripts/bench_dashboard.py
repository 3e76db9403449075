"""Time the dashboard in a real browser: first views and answers to clicks, on drawn workspaces.

Run with ``scripts/bench dashboard``; needs Chromium. Prints one JSON document on
stdout and a table on stderr. A first view is timed in a new tab, with a server that
has shown the page before and a browser that has been here before, until the page has
settled and every picture in view is there. An answer is timed from the click until
what it asked for is on the page and nothing runs any more.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from dashboard_browser import ARGUMENTS, find_chromium, free_port
from drawn_workspace import GENRES, draw_workspace
from playwright.sync_api import sync_playwright

from covers.artefact import library_versions

SETTLED = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  if (!app || app.dataset.testScriptState !== "notRunning") return false;
  if (document.querySelector('[data-stale="true"]') || !document.querySelector("h1")) return false;
  const pictures = (node) => [...node.querySelectorAll("*")].flatMap(
    (e) => [...(e.tagName === "IMG" ? [e] : []), ...(e.shadowRoot ? pictures(e.shadowRoot) : [])]);
  return pictures(document).every((image) => {
    const box = image.getBoundingClientRect();
    return image.complete || box.bottom < 0 || box.top > innerHeight || !box.width;
  });
}"""


CONTENT = """window.content = (key) => {
  const inside = (node) => [...node.querySelectorAll("*")].map((e) => e.shadowRoot ? inside(e.shadowRoot) : "").join("")
    + (node.host ? node.innerHTML : "");
  const element = document.querySelector(".st-key-" + key);
  return element ? inside(element) || element.innerText : "";
};"""


class Bench:
    """One browser window on one page."""

    def __init__(self, context, url, repeats):
        self.context, self.url, self.repeats = context, url, repeats
        self.answers, self.views = {}, {}

    def settle(self):
        self.page.wait_for_function(SETTLED, polling="raf")

    def view(self, name, path, shown):
        """Open a page several times; the last window stays."""
        times = []
        for _ in range(self.repeats + 1):
            self.page = self.context.new_page()
            self.page.set_default_timeout(30_000)
            begun = time.perf_counter()
            self.page.goto(f"{self.url}/{path}", wait_until="commit")
            self.page.locator(shown).first.wait_for()
            self.settle()
            times.append(time.perf_counter() - begun)
            if len(times) <= self.repeats:
                self.page.close()
        # The first one filled the server's caches and the browser's.
        self.views[name] = {"first_s": round(times[0], 3), **spread(times[1:])}
        print(f"first view of {name}: {self.views[name]}", file=sys.stderr, flush=True)

    def answer(self, name, actions):
        """Time actions, each followed by waiting for what it shows; (act, shown) pairs."""
        times = []
        for act, shown in actions:
            if isinstance(shown, Change):
                shown.note()
            begun = time.perf_counter()
            act()
            shown.first.wait_for()
            self.settle()
            times.append(time.perf_counter() - begun)
            self.page.wait_for_timeout(250)
        self.answers[name] = spread(times)
        print(f"{name}: {self.answers[name]}", file=sys.stderr, flush=True)

    def changed(self, key):
        """Return what waits until an element shows something else than when this was called."""
        return Change(self.page, key)

    def part(self, key):
        return self.page.locator(f".st-key-{key}")

    def text(self, pattern):
        return self.page.get_by_text(re.compile(pattern))

    def close(self):
        self.page.close()


class Change:
    """Waits until the element of a key shows something else than when `note` was called."""

    def __init__(self, page, key):
        self.page, self.key, self.first, self.old = page, key, self, ""

    def note(self):
        self.old = self.page.evaluate("key => content(key)", self.key)

    def wait_for(self):
        self.page.wait_for_function(
            "([key, old]) => ![old, ''].includes(content(key))",
            arg=[self.key, self.old],
            polling="raf",
        )


def spread(times):
    """Return median and extremes in seconds."""
    return {
        "median_s": round(statistics.median(times), 3),
        "least_s": round(min(times), 3),
        "most_s": round(max(times), 3),
        "n": len(times),
    }


def bench_library(bench):
    bench.view("library", "", ".st-key-browse button")
    find = bench.page.get_by_label("Find", exact=True)

    def look(text):
        def act():
            find.fill(text)
            find.press("Enter")

        return act

    words = [f"Album {n}" for n in (11, 222, 13, 144, 155, 166)]
    bench.answer(
        "library: find an album",
        [
            (look(w), bench.part("browse").get_by_text(w, exact=True))
            for w in words[: bench.repeats]
        ],
    )
    look("")()
    bench.text(r"^\d+,\d+ covers\. Choose").wait_for()
    pages = bench.part("browse-page")
    bench.answer(
        "library: next page",
        [
            (
                lambda n=n: pages.get_by_role(
                    "button", name=f"Page {n}", exact=True
                ).click(),
                bench.changed("browse"),
            )
            for n in (2, 3, 4, 5, 4)[: bench.repeats]
        ],
    )
    bench.close()


def bench_map(bench):
    bench.view("map", "map", ".covermap.ready")
    legend = bench.page.locator(".covermap .legend")
    said = {"Cluster": "Cluster 0", "Year": r"19[67]\d", "Certainty": "unsure",
            "Right or wrong": "not held out", "Genre": "Ambient"}  # fmt: skip
    bench.answer(
        "map: colour by something else",
        [
            (
                lambda name=name: bench.page.get_by_role("radio", name=name).click(),
                legend.get_by_text(re.compile(text)),
            )
            for name, text in said.items()
        ],
    )
    box = bench.page.locator(".dots").bounding_box()
    bench.page.get_by_role("button", name="Lasso").click()

    def surround(size):
        def act():
            mouse = bench.page.mouse
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            mouse.move(x - size, y - size)
            mouse.down()
            for dx, dy in ((size, -size), (size, size), (-size, size), (-size, -size)):
                mouse.move(x + dx, y + dy, steps=3)
            mouse.up()

        return act

    bench.answer(
        "map: lasso",
        [
            (surround(40 + 25 * i), bench.changed("selection"))
            for i in range(bench.repeats)
        ],
    )
    bench.page.get_by_role("button", name="Move").click()
    frames = []
    for step in range(12):
        bench.page.mouse.move(box["x"] + 400 + step, box["y"] + 300)
        bench.page.mouse.wheel(0, -120 if step % 2 else 120)
        bench.page.wait_for_timeout(30)
        took = bench.page.locator(".covermap").get_attribute("data-took")
        frames.append(float(took) / 1000)
    bench.answers["map: one frame while zooming"] = spread(frames)
    find = bench.page.get_by_label("Find on the map")

    def look(n):
        def act():
            find.fill(f"Album {n}")
            find.press("Enter")

        return act

    bench.answer(
        "map: find an album",
        [
            (
                look(n),
                bench.part("selection")
                .or_(bench.part("found"))
                .first.get_by_role("button"),
            )
            for n in (11, 222, 13, 144, 155)[: bench.repeats]
        ],
    )
    bench.close()


def bench_overlap(bench):
    bench.view("overlap", "overlap", ".st-key-matrix button")
    pairs = [(GENRES[i], GENRES[i + 1]) for i in range(10, 10 + bench.repeats)]
    matrix = bench.part("matrix")
    bench.answer(
        "overlap: choose a cell",
        [
            (
                lambda a=a, b=b: matrix.get_by_role(
                    "button", name=re.compile(f"^{a} and {b}: ")
                ).first.click(),
                bench.page.get_by_role("heading", name=f"{a} and {b}"),
            )
            for a, b in pairs
        ],
    )
    slider = bench.page.get_by_role("slider")
    slider.focus()
    change = bench.changed("matrix")
    change.note()
    bench.page.keyboard.press("Home")
    change.wait_for()
    bench.settle()
    bench.answer(
        "overlap: move the slider of k",
        [(lambda: bench.page.keyboard.press("ArrowRight"), change)]
        * min(5, bench.repeats),
    )
    said = {"Neighbour mixing": "times chance", "Confusion, network": "taken for",
            "Overlap coefficient": ": overlap "}  # fmt: skip
    bench.answer(
        "overlap: another measure",
        [
            (
                lambda name=name: bench.page.get_by_role("radio", name=name).click(),
                matrix.get_by_role("button", name=re.compile(text)),
            )
            for name, text in [*said.items(), *said.items()][: bench.repeats]
        ],
    )
    bench.close()


def bench_search(bench, cover_id, artists):
    bench.view("search", f"search?cover={cover_id}", ".st-key-alike button")
    alike, query = bench.part("alike"), bench.part("query")
    walk = []
    times = []
    for step in range(bench.repeats):
        button = alike.get_by_role("button").nth(step + 1)
        title = button.locator(".name").inner_text()
        begun = time.perf_counter()
        button.click()
        query.get_by_role("heading", name=title, exact=True).wait_for()
        bench.settle()
        times.append(time.perf_counter() - begun)
        walk.append(title)
        bench.page.wait_for_timeout(250)
    bench.answers["search: walk on to a neighbour"] = spread(times)
    field = bench.page.get_by_label("Artist", exact=True)

    def only(name):
        def act():
            field.fill(name)
            field.press("Enter")

        return act

    bench.answer(
        "search: filter by an artist",
        [(only(name), bench.changed("alike")) for name in artists[: bench.repeats]],
    )
    bench.close()


def bench_clusters(bench):
    bench.view("clusters", "clusters", ".st-key-cards button")
    cards = bench.part("cards").get_by_role("button")
    ids = [
        cards.nth(i).get_attribute("data-pick")
        for i in range(min(cards.count(), bench.repeats))
    ]
    bench.answer(
        "clusters: open one",
        [
            (
                lambda i=i: bench.part("cards").locator(f'[data-pick="{i}"]').click(),
                bench.page.get_by_role("heading", name=re.compile(f"^Cluster {i}: ")),
            )
            for i in ids
        ],
    )
    bench.close()


def bench_model(bench):
    bench.view("model", "model", ".st-key-confusion button")
    confusion = bench.part("confusion")
    bench.answer(
        "model: choose a cell",
        [
            (
                lambda g=g: confusion.get_by_role(
                    "button", name=re.compile(f"^{g} read as {g}")
                ).click(),
                bench.page.get_by_role("heading", name=re.compile(f"^{g}, read right")),
            )
            for g in GENRES[: bench.repeats]
        ],
    )
    bench.close()


def bench_compare(bench):
    bench.view(
        "compare",
        "compare?left=genre:Jazz&right=genre:Metal",
        ".st-key-right-typical button",
    )
    actions = []
    for genre in GENRES[: bench.repeats]:

        def act(genre=genre):
            field = bench.page.get_by_role("combobox", name=re.compile("Left: genre"))
            field.fill(genre)
            bench.page.keyboard.press("Enter")

        actions.append((act, bench.page.get_by_role("heading", name=genre, exact=True)))
    bench.answer("compare: another genre", actions)
    bench.close()


def bench_size(folder, n, repeats, browser):
    """Draw a workspace of n covers, serve it, and time everything."""
    workspace = draw_workspace(
        folder / f"drawn-{n}", n, say=lambda text: print(text, file=sys.stderr)
    )
    catalogue = workspace.catalogue()
    port = free_port()
    command = [sys.executable, "-m", "covers", "dashboard", "-w", str(workspace.root)]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--no-browser", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said = json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(CONTENT)
        bench = Bench(context, said["url"], repeats)
        idle = memory_mib(said["pid"])
        bench_library(bench)
        bench_map(bench)
        bench_overlap(bench)
        artists = sorted(set(catalogue.column("artist")))[:: len(catalogue) // 40]
        bench_search(bench, catalogue.cover_ids[len(catalogue) // 2], artists)
        bench_clusters(bench)
        bench_model(bench)
        bench_compare(bench)
        context.close()
        return {
            "covers": n,
            "views": bench.views,
            "answers": bench.answers,
            "memory_mib": {
                "at_start": idle,
                "after_all_pages": memory_mib(said["pid"]),
            },
        }
    finally:
        server.terminate()
        server.wait(timeout=30)
        server.stdout.close()


def memory_mib(pid):
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024)


def print_table(rows):
    """Print the table of the docs."""
    sizes = [f"{row['covers']:,}" for row in rows]
    print(
        f"| median of {rows[0]['views']['library']['n']} | " + " | ".join(sizes) + " |",
        file=sys.stderr,
    )
    print("| --- |" + " ---: |" * len(sizes), file=sys.stderr)
    for kind in ("views", "answers"):
        for name in rows[0][kind]:
            found = [row[kind][name] for row in rows]
            cells = " | ".join(
                f"{f['median_s']:.2f} ({f['least_s']:.2f} to {f['most_s']:.2f}) s"
                for f in found
            )
            print(
                f"| {'first view of ' if kind == 'views' else ''}{name} | {cells} |",
                file=sys.stderr,
            )
    cells = " | ".join(f"{row['memory_mib']['after_all_pages']:,} MiB" for row in rows)
    print(f"| memory of the server | {cells} |", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--covers", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--folder", type=Path, help="where drawn workspaces lie, or are made and kept"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=ARGUMENTS
        )
        rows = [
            bench_size(given.folder or Path(temporary), n, given.repeats, browser)
            for n in given.covers
        ]
        version = browser.version
        browser.close()
    print_table(rows)
    document = {
        "bench": "dashboard",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "chromium": version,
        "versions": library_versions(["streamlit", "plotly", "numpy", "faiss-cpu"]),
        "result": rows,
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
