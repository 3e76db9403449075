"""Time the dashboard in a real browser: first views and answers to clicks, on drawn workspaces.

Run with ``scripts/bench dashboard``; needs Chromium. Prints one JSON document on
stdout and a table on stderr. A first view is timed in a new tab, with a server that
has shown the page before and a browser that has been here before, until the page has
settled and every picture in view is there; that browser is driven by nothing, because a
debugger's tools take part of a page's time. An answer is timed by the page's own
clock, from the click or key that it feels until what was asked for is there and nothing
runs any more. The same is then timed
with the server of an earlier commit, and each median given as a ratio to that one's.
Beside them stands an empty page of Streamlit, in the same browser in the same run: what
no page can be quicker than.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests"))

from dashboard_browser import ARGUMENTS, find_chromium, free_port
from playwright.sync_api import Error, sync_playwright

from covers.catalogue.table import read_catalogue
from covers.workspace.artefacts import library_versions
from covers.workspace.paths import Workspace
from scripts.benches.shared import dashboard_pages as pages
from scripts.benches.shared.dashboard_window import Window
from scripts.benches.shared.drawn_workspace import draw_workspace
from scripts.benches.shared.earlier_version import (
    ROOT,
    add_ratios,
    checked_out,
    describe,
)
from scripts.benches.shared.empty_page import serve_empty_page
from scripts.benches.shared.plain_browser import open_plain_browser
from scripts.benches.shared.small_network import make_network_workspace

EARLIER = "11ef51a"
"""The first version whose pages lead with their answers; older ones cannot read what is drawn today."""
VIEWPORT = {"width": 1280, "height": 900}
PATIENCE_MS = 60_000
LITTLE_PATIENCE_MS = 8_000
"""For an earlier version, whose pages may lack what is waited for."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of the program, and how it is timed."""

    code: Path = ROOT
    patience_ms: int = PATIENCE_MS
    repeats: int = 5
    browser: Any = None
    plain: Any = None


@contextmanager
def serve(workspace, code=ROOT):
    """Run a version of the dashboard and give what it says of itself."""
    command = [sys.executable, "-m", "covers", "dashboard"]
    place = ["-w", str(workspace.root.resolve())]
    server = subprocess.Popen(
        [*command, *place, "--port", str(free_port()), "--no-browser", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=code,
        env={**os.environ, "PYTHONPATH": str(code)},
    )
    try:
        yield json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")
    finally:
        server.terminate()
        server.wait(timeout=30)
        server.stdout.close()


def draw(folder, n):
    """Draw a workspace of n covers, or take the one that is there."""
    return draw_workspace(
        folder / f"drawn-{n}", n, say=lambda text: print(text, file=sys.stderr)
    )


def bench_pages(workspace, version):
    """Serve a workspace, and time every page and click."""
    catalogue = read_catalogue(workspace)
    artists = sorted(set(catalogue.column("artist")))[:: max(1, len(catalogue) // 40)]
    cover = catalogue.cover_ids[len(catalogue) // 2]
    with serve(workspace, version.code) as said:
        window = _open(version, said["url"])
        idle = memory_mib(said["pid"])
        _go_through(
            version,
            lambda: pages.bench_library(window),
            lambda: pages.bench_map(window),
            lambda: pages.bench_overlap(window),
            lambda: pages.bench_search(window, cover, artists),
            lambda: pages.bench_clusters(window),
            lambda: pages.bench_model(window),
            lambda: pages.bench_compare(window),
        )
        window.context.close()
        return {
            "covers": len(catalogue),
            "views": window.views,
            "answers": window.answers,
            "memory_mib": {
                "at_start": idle,
                "after_all_pages": memory_mib(said["pid"]),
            },
        }


def bench_network(workspace, version):
    """Time uploaded pictures on a workspace with a trained network."""
    with serve(workspace, version.code) as said:
        window = _open(version, said["url"])
        _go_through(version, lambda: pages.bench_upload(window))
        window.context.close()
    n = len(read_catalogue(workspace))
    return {"covers": n, "views": window.views, "answers": window.answers}


def bench_empty_page(version):
    """Time the first view of an empty page of Streamlit."""
    with serve_empty_page() as url:
        window = _open(version, url)
        window.view("empty page", "", "h1")
        window.page.close()
        window.context.close()
    return window.views["empty page"]


def _open(version, url):
    context = version.browser.new_context(viewport=VIEWPORT)
    return Window(
        context,
        version.plain,
        url,
        version.repeats,
        patience_ms=version.patience_ms,
    )


def _go_through(version, *parts):
    """Time each part; what an earlier version does not have is left out."""
    for part in parts:
        try:
            part()
        except (Error, TimeoutError) as error:
            if version.code == ROOT:
                raise
            said = str(error).splitlines()[0]
            print(f"left out of the earlier version: {said}", file=sys.stderr)


def memory_mib(pid):
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024)


def _spread_of(times):
    said = "{median_s:.2f} ({least_s:.2f} to {most_s:.2f}) s".format(**times)
    return f"{said}, {times['ratio']:.2f} of before" if "ratio" in times else said


def print_table(found, repeats):
    """Print the table of the docs."""
    rows, uploads = found["result"], found["uploads"]

    def tell(*cells):
        print("| " + " | ".join(cells) + " |", file=sys.stderr)

    for row in uploads:
        for name, times in row["answers"].items():
            tell(f"{name}, {row['covers']:,} covers", _spread_of(times))
    if not rows:
        return
    tell(f"median of {repeats}", *(f"{row['covers']:,} covers" for row in rows))
    tell("---", *("---:" for _ in rows))
    for kind, before in (("views", "first view of "), ("answers", "")):
        for name in rows[0][kind]:
            times = [row[kind][name] for row in rows]
            tell(before + name, *map(_spread_of, times))
    floor = _spread_of(found["empty_page"])
    tell("first view of an empty page of Streamlit", *(floor for _ in rows))
    tell(
        "first view of library after a start of the server",
        *(f"{row['views']['library']['first_s']:.2f} s" for row in rows),
    )
    tell(
        "memory of the server",
        *(f"{r['memory_mib']['after_all_pages']:,} MiB" for r in rows),
    )


def bench_all(given, folder, browser, plain):
    """Time all sizes and uploads, now and at the earlier commit; the drawing is not timed."""
    against = None if given.against == "none" else describe(given.against)
    now = Version(repeats=given.repeats, browser=browser, plain=plain)
    drawn = [draw(folder, n) for n in given.covers]
    network = Workspace(given.network) if given.network else None
    if network is None and given.uploads:
        network = make_network_workspace(
            folder / "network", say=lambda text: print(text, file=sys.stderr)
        )
    found = {
        "empty_page": bench_empty_page(now),
        "result": [bench_pages(workspace, now) for workspace in drawn],
        "uploads": [bench_network(network, now)] if network else [],
    }
    if against:
        with checked_out(given.against, folder / "earlier") as code:
            before = Version(
                code=code,
                patience_ms=LITTLE_PATIENCE_MS,
                repeats=given.repeats,
                browser=browser,
                plain=plain,
            )
            for row, workspace in zip(found["result"], drawn, strict=True):
                print(f"now {given.against}:", file=sys.stderr)
                row["before"] = bench_pages(workspace, before)
                add_ratios(row, row["before"])
            for row in found["uploads"]:
                row["before"] = bench_network(network, before)
                add_ratios(row, row["before"])
    return {"against": against, **found}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--covers", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--repeats", type=int, default=5, choices=range(1, 8))
    parser.add_argument(
        "--against",
        default=EARLIER,
        metavar="COMMIT",
        help=f"an earlier version to compare with; 'none' leaves it out (default: {EARLIER})",
    )
    parser.add_argument(
        "--no-uploads",
        dest="uploads",
        action="store_false",
        help="leave out uploaded pictures, timed on a small workspace with a network",
    )
    parser.add_argument(
        "--network",
        type=Path,
        metavar="WORKSPACE",
        help="a workspace with a trained network: times uploaded pictures there",
    )
    parser.add_argument(
        "--folder", type=Path, help="where drawn workspaces lie, or are made and kept"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=ARGUMENTS
        )
        folder = given.folder or Path(temporary)
        with open_plain_browser(**VIEWPORT) as plain:
            found = bench_all(given, folder, browser, plain)
        version = browser.version
        browser.close()
    print_table(found, given.repeats)
    document = {
        "bench": "dashboard",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "chromium": version,
        "versions": library_versions(["streamlit", "numpy", "faiss-cpu"]),
        **found,
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
