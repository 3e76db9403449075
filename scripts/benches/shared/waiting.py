"""Waiting for a server that was just started."""

import time
import urllib.request

_PATIENCE_S = 60


def wait_until_it_answers(url):
    """Ask a server until it answers.

    Raises
    ------
    OSError
        If it does not within a minute.
    """
    begun = time.monotonic()
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() - begun > _PATIENCE_S:
                raise
            time.sleep(0.2)
