"""A dashboard that runs and a Chromium that looks at it."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from urllib.parse import urlparse

import pytest
from complete_workspace import write_complete_workspace
from filelock import FileLock
from PIL import Image

from covers.catalogue.table import read_catalogue
from covers.workspace.paths import Workspace

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
LONGEST_MS = 45_000
SIZES = [(1440, 900), (1024, 768), (400, 800)]
SCHEMES = ("light", "dark")
LOOKS = [(*size, scheme) for size in SIZES for scheme in SCHEMES]


def find_chromium():
    """Return a Chromium; without one skip, but fail where CI promises one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("CI"):
        pytest.fail("there is no chromium, and CI must have one")
    pytest.skip("there is no chromium on this machine")


def free_port():
    from covers.cli.dashboard import find_port

    # Workers that start servers at once must not be after one port.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return find_port(18_500 + 100 * int(worker))


@contextmanager
def serve(root, *options):
    """Run ``covers dashboard`` on a workspace and give its address."""
    port = free_port()
    command = [sys.executable, "-m", "covers", "dashboard", "-w", str(root)]
    log = root.parent / f"{root.name}-dashboard.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, "--port", str(port), "--no-browser", *options],
            stdout=out,
            stderr=out,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(server, url, log)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)


def wait_for(server, url, log):
    begun = time.monotonic()
    while time.monotonic() - begun < 120:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"no answer at {url}: {log.read_text()}")


# Notes when the page last asked its server for something, and was last answered.
# An answer that never comes is not waited for longer than this, in milliseconds.
LISTENING = """(() => {
  window.asked = window.answered = 0;
  window.isAnswered = () => answered >= asked || performance.now() - asked > 20000;
  const send = WebSocket.prototype.send;
  const heard = new WeakSet();
  WebSocket.prototype.send = function (...what) {
    window.asked = performance.now();
    if (!heard.has(this)) {
      heard.add(this);
      this.addEventListener("message", () => { window.answered = performance.now(); });
    }
    return send.apply(this, what);
  };
})()"""

SETTLED = """async () => {
  const drawn = (e) => [e, ...e.querySelectorAll("*")].some((n) => n.shadowRoot?.querySelector(".root, .covermap, [hidden]"));
  const quiet = () => isAnswered() && document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning"
    && !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')
    && [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')].every(drawn);
  // Looks are counted, not time: a page that stood still meanwhile has not had its turn.
  for (let calm = 0; calm < 9;) {
    await new Promise((go) => setTimeout(go, 15));
    calm = quiet() ? calm + 1 : 0;
  }
}"""


class Reader:
    """One browser tab, and everything it complained about."""

    def __init__(self, context, url, *, width=1280, height=900, scheme="light"):
        self.url = url
        self.page = context.new_page()
        self.page.add_init_script(LISTENING)
        self.look(width, height, scheme)
        self.page.set_default_timeout(LONGEST_MS)
        self.complaints = []
        self.strangers = set()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._watch)

    def _hear(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def _watch(self, request):
        address = urlparse(request.url)
        if (
            address.scheme in ("http", "https", "ws", "wss")
            and address.hostname != "127.0.0.1"
        ):
            self.strangers.add(address.hostname)

    def open(self, path=""):
        self.page.goto(f"{self.url}/{path}")
        self.page.wait_for_selector("h1")
        self.settle()
        return self

    def look(self, width, height, scheme):
        """Give the window a size and its colours."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=scheme)

    def settle(self):
        """Wait until the script has run, and nothing is about to run."""
        self.page.evaluate(SETTLED)

    def text(self):
        said = self.page.inner_text('[data-testid="stMain"]')
        return said.replace("\N{NO-BREAK SPACE}", " ")

    def pick(self, name, *, within=None):
        """Choose a cover, cell or card by its accessible name."""
        place = within if within is not None else self.page
        place.get_by_role("button", name=name).first.click()
        self.settle()

    def element(self, key):
        """Return the part of the page that was made with a key."""
        return self.page.locator(f".st-key-{key}")

    def figure(self, key):
        """Return the figure that was made with a key."""
        return self.element(key).locator(".chart")

    def tip(self, key, pattern):
        """Wait until what explains an element on hover says something."""
        place = self.element(key).locator(".tip.on")
        place.get_by_text(re.compile(pattern, re.DOTALL)).wait_for()

    def unnamed(self):
        """Return what a screen reader could not name: pictures, buttons, figures."""
        return self.page.evaluate(
            """() => { const all = (n) => [...n.querySelectorAll("*")].flatMap(
                 (e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
               const named = (e) => e.getAttribute("aria-label") || e.title || e.getAttribute("aria-labelledby")
                 || e.textContent.trim() || [...e.querySelectorAll("img")].some((i) => i.alt);
               return all(document.querySelector('[data-testid="stMain"]')).filter((e) =>
                 e.tagName === "IMG" ? !e.hasAttribute("alt")
                 : e.tagName === "BUTTON" || e.getAttribute("role") === "button" ? !named(e)
                 : e.getAttribute("role") === "img" && !e.getAttribute("aria-label") && !e.closest("button"))
               .map((e) => e.outerHTML.slice(0, 200)); }"""
        )

    def unfold(self, title):
        """Open what is folded away under a title."""
        self.page.get_by_text(re.compile(re.escape(title))).first.click()
        self.settle()

    def query(self):
        return urlparse(self.page.url).query

    def scrolls_sideways(self):
        return self.page.evaluate(
            "(() => { const m = document.querySelector('[data-testid=stMain]');"
            " return m.scrollWidth > m.clientWidth + 1"
            " || document.documentElement.scrollWidth > innerWidth + 1 })()"
        )

    def close(self):
        self.page.close()


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    find_chromium()
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # one for all workers of this run
    root /= "complete"
    with FileLock(f"{root}.lock"):
        if not (root / "done").is_file():
            write_complete_workspace(root)
            (root / "done").touch()
    return Workspace(root / "workspace")


@pytest.fixture(scope="session")
def url(workspace):
    with serve(workspace.root) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=ARGUMENTS
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def context(browser):
    """What tabs share: the browser's cache, so that only the first one fetches all scripts."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def read(context, url):
    """Open tabs that must not have complained or called anyone by the end."""
    readers = []

    def open_window(path="", **options):
        reader = Reader(context, options.pop("url", url), **options)
        readers.append(reader)
        return reader.open(path)

    yield open_window
    complaints = [one for reader in readers for one in reader.complaints]
    strangers = set().union(*(reader.strangers for reader in readers))
    for reader in readers:
        reader.close()
    assert not complaints
    assert not strangers


@pytest.fixture
def other(workspace, tmp_path):
    """A copy of the workspace that a test may break."""
    shutil.copytree(workspace.root.parent, tmp_path / "copy")
    return Workspace(tmp_path / "copy" / workspace.root.name)


def first_cover(workspace, genre):
    catalogue = read_catalogue(workspace)
    return next(
        c
        for c, g in zip(catalogue.cover_ids, catalogue.genres, strict=True)
        if g == [genre]
    )


def tiles(place):
    """Return the covers of a gallery, without the small buttons on them."""
    place.get_by_role("button").first.wait_for()
    return place.locator("button[data-pick]:not(.act)").all()


def names(place):
    return [tile.get_attribute("aria-label") for tile in tiles(place)]


def label(figure):
    figure.wait_for()
    return figure.get_attribute("aria-label")


def wait_for_map(reader):
    reader.page.locator(".covermap.ready").wait_for()
    reader.page.wait_for_function(
        """() => { const find = n => { if (n.shadowRoot) { const r = n.shadowRoot.querySelector('.covermap'); if (r) return r; }
          for (const c of n.children || []) { const r = find(c); if (r) return r; } };
          const map = find(document.body); return map && Number(map.dataset.shown) > 0; }"""
    )


def png(size=(80, 80), colour=(50, 80, 170), mode="RGB"):
    content = io.BytesIO()
    Image.new(mode, size, colour).save(content, "PNG")
    return content.getvalue()
