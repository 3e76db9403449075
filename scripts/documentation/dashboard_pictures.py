"""The pictures of the dashboard in the docs: its pages in Chromium, on drawn covers.

    python -m scripts.documentation.dashboard_pictures [WORKSPACE]

needs Chromium. It makes a workspace by ``covers demo``, which takes some minutes, or
takes one that was made so. Covers of others are never shown.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from dashboard_browser import ARGUMENTS, Reader, find_chromium, serve, wait_for_map

import covers
from covers.cluster.stage import read_cluster_table
from dashboard.data.library import Library
from dashboard.data.points import MapPoints
from dashboard.data.selection import write_area
from scripts.documentation.pages import ROOT

WIDTH, HEIGHT = 1280, 900
GENRE, CERTAINTY = "Jazz", 0.65
"""Of the cover that is looked up."""
EDGE = 0.03
HAS_PICTURES = """() => {
  const all = (n) => [...n.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  const inView = (e) => { const b = e.getBoundingClientRect(); return b.width && b.top < innerHeight && b.bottom > 0; };
  return all(document.body).filter((e) => e.tagName === "IMG" && inView(e)).every((e) => e.complete && e.naturalWidth);
}"""
"""Whether every cover in view is there."""


def make_workspace(root):
    """Do the whole job on drawn covers, where it is not done; refuse others."""
    is_made = (root / "library" / "truth.json").exists()
    for command in ["audit"] if is_made else ["demo", "audit"]:
        line = [sys.executable, "-m", "covers", command, "-w", str(root)]
        subprocess.run(line, check=True)
    library = covers.open(root)
    drawn = {path.name for path in (root / "library" / "covers").rglob("*.*")}
    shown = {Path(path).name for path in library.catalogue.column("path")}
    if others := shown - drawn:
        sys.exit(f"'{root}' holds covers that were not drawn, as '{min(others)}'")
    return library


def mixed_area(library):
    """Return the box on the map around the cluster whose genres are most mixed."""
    most = max(library.clusters().clusters, key=lambda one: one.entropy)
    table = read_cluster_table(library.workspace).to_pydict()
    members = [
        cover_id
        for cover_id, label in zip(table["cover_id"], table["label"], strict=True)
        if label == most.id
    ]
    shown = Library.of(library.catalogue)
    found = MapPoints.of(library.map(), shown)
    points = found.points[found.points_of(np.asarray(shown.rows_of(members)))]
    left, low = np.quantile(points, 0.02, axis=0).round(2).tolist()
    right, high = np.quantile(points, 0.98, axis=0).round(2).tolist()
    left, low, right, high = left - EDGE, low - EDGE, right + EDGE, high + EDGE
    corners = [[left, low], [right, low], [right, high], [left, high]]
    return write_area(corners, "genre", [])


def typical_cover(library):
    """Return a held-out cover that is read right, with about the usual certainty."""
    frame = library.covers({"genre": GENRE})
    ids = frame.index[frame["split"] != "train"].tolist()
    certainty = {
        cover_id: answer.probabilities[GENRE]
        for cover_id, answer in zip(ids, library.classify(ids), strict=True)
        if answer.likeliest == GENRE
    }
    return min(certainty, key=lambda one: abs(certainty[one] - CERTAINTY))


def draw(library):
    """Yield the name of each picture, and the page as Chromium shows it."""
    pages = {
        "map": (f"map?selection={mixed_area(library)}", "dark"),
        "overlap": ("overlap", "light"),
        "search": (f"search?cover={typical_cover(library)}", "light"),
        "clusters": ("clusters", "light"),
        "review": ("review", "dark"),
    }
    look = {"width": WIDTH, "height": HEIGHT}
    with serve(library.workspace.root, "--review") as url, sync_playwright() as made:
        browser = made.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        context = browser.new_context()
        for name, (address, scheme) in pages.items():
            reader = Reader(context, url, **look, scheme=scheme).open(address)
            if name == "map":
                wait_for_map(reader)
            reader.page.wait_for_load_state("networkidle")
            reader.settle()
            reader.page.wait_for_function(HAS_PICTURES)
            yield name, reader.page.screenshot()
            reader.close()
        browser.close()


def main():
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(sys.argv[1] if len(sys.argv) > 1 else f"{temporary}/workspace")
        for name, picture in draw(make_workspace(root.resolve())):
            path = ROOT / "docs" / "images" / f"dashboard-{name}.webp"
            image = Image.open(io.BytesIO(picture)).convert("RGB")
            image.save(path, quality=80, method=6)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
