"""A browser window on the dashboard that times what it waits for, frame by frame."""

import json
import math
import re
import statistics
import sys
from itertools import zip_longest

from dashboard_browser import LISTENING
from playwright.sync_api import Error

# What is seen of an element, that inside components included; whether it shows some
# text; and whether the page has settled: all that was asked of the server is answered,
# nothing runs, every picture in view is there. It looks before every frame, on the time
# of the page it looks at: so first at what costs nothing, and at text only in the end.
# And when the page last felt a click, a key or a file: answers are timed from there,
# not from when the driver began to look for the button.
LOOK = r"""
window.roots = (element) => [...element.querySelectorAll('[data-testid="stBidiComponentIsolated"]')]
  .map((e) => e.shadowRoot).filter((root) => root && root.childElementCount);
window.content = (element) => element
  ? roots(element).map((root) => root.innerHTML).join("") || element.innerText : "";
window.shows = (where, pattern) => [...document.querySelectorAll(where)]
  .some((e) => new RegExp(pattern).test(content(e)));
window.settled = () => {
  const app = document.querySelector('[data-testid="stApp"]');
  if (!isAnswered() || !app || app.dataset.testScriptState !== "notRunning") return false;
  if (document.querySelector('[data-stale="true"]') || !document.querySelector("h1")) return false;
  return [document, ...roots(document)].every((root) => [...root.querySelectorAll("img")].every((image) => {
    if (image.complete) return true;
    const box = image.getBoundingClientRect();
    return box.bottom < 0 || box.top > innerHeight || !box.width;
  }));
};
window.waitFor = (isSo) => new Promise((go) => {
  const look = () => isSo() ? go(performance.now() - window.acted) : requestAnimationFrame(look);
  look();
});
window.acted = NaN;
for (const kind of ["pointerup", "keydown", "change"])
  addEventListener(kind, (event) => {
    if (kind !== "change" || event.target.type === "file") window.acted = event.timeStamp;
  }, true);"""


class Window:
    """One browser window; first views are timed beside it, in a `PlainBrowser`.

    Waiting is left to the page itself, which looks before every frame; the driver's
    own waits look again after up to half a second, and bring scripts of their own that
    a page would have to read while it starts.
    """

    def __init__(self, context, plain, url, repeats, *, patience_ms=60_000):
        context.add_init_script(LISTENING + LOOK)
        self.context, self.plain = context, plain
        self.url, self.repeats = url, repeats
        self.patience_ms = patience_ms
        self.answers, self.views = {}, {}

    def open(self, path):
        """Open a page in a new tab."""
        self.page = self.context.new_page()
        self.page.set_default_timeout(self.patience_ms)
        self.page.goto(f"{self.url}/{path}")

    def view(self, name, path, where, pattern="."):
        """Time opening a page in a new tab until it shows something; then open it here."""
        times = [
            self.plain.first_view(
                f"{self.url}/{path}",
                f"{LISTENING};{LOOK}",
                f"settled() && shows({json.dumps(where)}, {json.dumps(pattern)})",
                patience_s=self.patience_ms / 1000,
            )
            for _ in range(self.repeats + 1)
        ]
        self.open(path)
        self._wait(where, pattern)
        # The first one filled the server's caches and the browser's.
        self.views[name] = {"first_s": round(times[0], 3), **spread(times[1:])}
        self._say(f"first view of {name}", self.views[name])

    def answer(self, name, actions, *, before_each=()):
        """Time actions until the page has settled and shows what was asked for.

        Parameters
        ----------
        name : str
        actions : iterable of (act, where, pattern)
            The pattern None means: something else than before.
        before_each : iterable of callable
            What is done before the clock starts, such as drawing what a release selects.
        """
        times = []
        for (act, where, pattern), prepare in zip_longest(actions, before_each):
            if prepare:
                prepare()
            before = self.page.evaluate(
                "w => (window.acted = NaN, content(document.querySelector(w)))", where
            )
            act()
            took_ms = self._wait(where, pattern, before)
            if not math.isfinite(took_ms):
                message = f"{name}: the page felt neither a click nor a key"
                raise RuntimeError(message)
            times.append(took_ms / 1000)
            self.page.wait_for_timeout(250)
        self.answers[name] = spread(times)
        self._say(name, self.answers[name])

    def _wait(self, where, pattern, before=""):
        shown = (
            "shows(where, pattern)"
            if pattern
            else '![before, ""].includes(content(document.querySelector(where)))'
        )
        return self.wait_for(f"settled() && {shown}", where, pattern, before)

    def wait_for(self, condition, where="", pattern="", before=""):
        """Wait until some JavaScript is true of the page; it may say where, pattern and before.

        Returns
        -------
        float
            Milliseconds since the page last felt a click, a key or a file; NaN if it never did.
        """
        try:
            took_ms = self.page.evaluate(
                f"""([where, pattern, before, most]) => Promise.race([
                  waitFor(() => {condition}),
                  new Promise((_, end) => setTimeout(() => end(new Error("not seen: " + where)), most))])""",
                [where, pattern, before, self.patience_ms],
            )
        except Error as error:
            if "context was destroyed" not in str(error):
                raise
            return self.wait_for(condition, where, pattern, before)
        return float("nan") if took_ms is None else took_ms

    def button(self, key, name):
        """Return a button within the element of a key, by the beginning of its name."""
        place = self.page.locator(f".st-key-{key}")
        return place.get_by_role("button", name=re.compile(f"^{name}")).first

    def typing(self, label, text):
        """Return what types a text into a field."""
        field = self.page.get_by_label(label, exact=True)

        def act():
            field.fill(text)
            field.press("Enter")

        return act

    def _say(self, name, times):
        print(f"{name}: {times}", file=sys.stderr, flush=True)


def spread(times):
    """Return median and extremes in seconds."""
    return {
        "median_s": round(statistics.median(times), 3),
        "least_s": round(min(times), 3),
        "most_s": round(max(times), 3),
        "n": len(times),
    }
