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
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests"))

from dashboard_browser import ARGUMENTS, find_chromium, free_port
from playwright.sync_api import sync_playwright

from covers.catalogue.table import read_catalogue
from covers.workspace.artefacts import library_versions
from covers.workspace.paths import Workspace
from scripts.benches.shared import dashboard_pages as pages
from scripts.benches.shared.dashboard_window import Window
from scripts.benches.shared.drawn_workspace import draw_workspace


@contextmanager
def serve(workspace):
    """Run the dashboard and give what it says of itself."""
    command = [sys.executable, "-m", "covers", "dashboard", "-w", str(workspace.root)]
    server = subprocess.Popen(
        [*command, "--port", str(free_port()), "--no-browser", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")
    finally:
        server.terminate()
        server.wait(timeout=30)
        server.stdout.close()


def bench_size(folder, n, repeats, browser):
    """Draw a workspace of n covers, serve it, and time everything."""
    workspace = draw_workspace(
        folder / f"drawn-{n}", n, say=lambda text: print(text, file=sys.stderr)
    )
    catalogue = read_catalogue(workspace)
    artists = sorted(set(catalogue.column("artist")))[:: len(catalogue) // 40]
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    with serve(workspace) as said:
        window = Window(context, said["url"], repeats)
        idle = memory_mib(said["pid"])
        pages.bench_library(window)
        pages.bench_map(window)
        pages.bench_overlap(window)
        pages.bench_search(window, catalogue.cover_ids[len(catalogue) // 2], artists)
        pages.bench_clusters(window)
        pages.bench_model(window)
        pages.bench_compare(window)
        context.close()
        return {
            "covers": n,
            "views": window.views,
            "answers": window.answers,
            "memory_mib": {
                "at_start": idle,
                "after_all_pages": memory_mib(said["pid"]),
            },
        }


def bench_network(workspace, repeats, browser):
    """Time uploaded pictures on a workspace with a trained network."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    with serve(workspace) as said:
        window = Window(context, said["url"], repeats)
        pages.bench_upload(window)
        context.close()
    n = len(read_catalogue(workspace))
    return [{"covers": n, "views": window.views, "answers": window.answers}]


def memory_mib(pid):
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024)


def _spread_of(times):
    return "{median_s:.2f} ({least_s:.2f} to {most_s:.2f}) s".format(**times)


def print_table(rows, sizes):
    """Print the table of the docs."""

    def tell(*cells):
        print("| " + " | ".join(cells) + " |", file=sys.stderr)

    rows, others = rows[: len(sizes)], rows[len(sizes) :]
    n = sizes and rows[0]["views"]["library"]["n"]
    for row in others:
        for name, times in row["answers"].items():
            tell(f"{name}, {row['covers']:,} covers", _spread_of(times))
    if not rows:
        return
    tell(f"median of {n}", *(f"{row['covers']:,} covers" for row in rows))
    tell("---", *("---:" for _ in rows))
    for kind, before in (("views", "first view of "), ("answers", "")):
        for name in rows[0][kind]:
            times = [row[kind][name] for row in rows]
            tell(
                before + name,
                *map(_spread_of, times),
            )
    tell(
        "first view of library after a start of the server",
        *(f"{row['views']['library']['first_s']:.2f} s" for row in rows),
    )
    tell(
        "memory of the server",
        *(f"{r['memory_mib']['after_all_pages']:,} MiB" for r in rows),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--covers", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--repeats", type=int, default=5, choices=range(1, 8))
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
        rows = [
            bench_size(given.folder or Path(temporary), n, given.repeats, browser)
            for n in given.covers
        ]
        if given.network:
            rows += bench_network(Workspace(given.network), given.repeats, browser)
        version = browser.version
        browser.close()
    print_table(rows, given.covers)
    document = {
        "bench": "dashboard",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "chromium": version,
        "versions": library_versions(["streamlit", "numpy", "faiss-cpu"]),
        "result": rows,
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
