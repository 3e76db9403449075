"""A Chromium without a debugger's tools: first views as a reader gets them.

A browser that a test drives looks up source lines for whatever its pages report, which
costs a first view of Streamlit an eighth to a fifth of its time. Here a page only gets
a script that says when it has settled, and is asked for that time afterwards.
"""

import itertools
import json
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from dashboard_browser import ARGUMENTS, find_chromium, free_port
from websockets.sync.client import connect

from scripts.benches.shared.waiting import wait_until_it_answers

_LOOK_AGAIN_S = 0.25
_BREATH_S = 0.3
_START_S = 30


class PlainBrowser:
    """A Chromium that opens one tab after the other.

    Parameters
    ----------
    address : str
        Where it takes commands, such as ``"http://127.0.0.1:9222"``.
    """

    def __init__(self, address):
        self.address = address
        self._numbers = itertools.count(1)

    def first_view(self, url, script, condition, *, patience_s):
        """Open a page in a new tab and return the seconds until a condition holds.

        Parameters
        ----------
        url : str
        script : str
            What the condition needs, run before the page's own scripts.
        condition : str
            JavaScript that is looked at before every frame.
        patience_s : float

        Raises
        ------
        TimeoutError
            If it does not hold in time.
        """
        tab = json.loads(self._ask("/json/new?about:blank", method="PUT"))
        with connect(tab["webSocketDebuggerUrl"], max_size=None) as socket:
            self._call(socket, "Page.enable")
            # A condition may not make sense before there is a page.
            noted = f"""{script};(() => {{
              const look = () => {{
                try {{ if ({condition}) {{ window.settledAt = performance.now(); return; }} }} catch {{}}
                requestAnimationFrame(look);
              }};
              requestAnimationFrame(look);
            }})()"""
            self._call(socket, "Page.addScriptToEvaluateOnNewDocument", source=noted)
            time.sleep(_BREATH_S)  # a new tab is itself a page; it shall not run beside
            self._call(socket, "Page.navigate", url=url)
            settled_ms = self._settled(socket, patience_s)
        self._ask(f"/json/close/{tab['id']}")
        if not settled_ms:
            message = f"{url} did not settle within {patience_s:g} s"
            raise TimeoutError(message)
        return settled_ms / 1000

    def _settled(self, socket, patience_s):
        """Return when the page settled, in milliseconds since it was asked for; 0 if it did not."""
        begun, found = time.monotonic(), 0
        while not found and time.monotonic() - begun < patience_s:
            time.sleep(_LOOK_AGAIN_S)
            expression = "window.settledAt || 0"
            said = self._call(socket, "Runtime.evaluate", expression=expression)
            found = said.get("result", {}).get("value", 0)
        return found

    def _call(self, socket, method, **parameters):
        number = next(self._numbers)
        socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(socket.recv())
            if said.get("id") == number:
                return said.get("result", {})

    def _ask(self, path, *, method="GET"):
        request = urllib.request.Request(self.address + path, method=method)
        with urllib.request.urlopen(request, timeout=_START_S) as answer:
            return answer.read()


@contextmanager
def open_plain_browser(width, height):
    """Start a Chromium of its own, and end it again."""
    port = free_port()
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                *(find_chromium(), *ARGUMENTS, "--headless=new"),
                f"--remote-debugging-port={port}",
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                "about:blank",
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_it_answers(f"{address}/json/version")
            yield PlainBrowser(address)
        finally:
            process.terminate()
            process.wait(timeout=_START_S)
