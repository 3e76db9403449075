"""What answers a query: the front door to the workspace that is shown."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from covers.errors import CoversError
from dashboard import arguments
from dashboard.loaders.cached import cached
from dashboard.loaders.state import at
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from covers.library.library import Library

_UNTIL_SHOWN_S = 2.0
"""A page is in sight by then; loading a network takes both of two cores for some seconds."""


def front_door() -> Library:
    """Return the library of the workspace; it reads anew whatever is published anew."""
    return _front_door(str(arguments.workspace().root))


@cached(4)
def _front_door(root: str) -> Library:
    from covers.library.library import Library

    return Library(at(root), device="cpu")


def warm_up() -> None:
    """Load the network in the background once the page is there, so that the first upload is quick.

    Where there is none, nothing is loaded.
    """
    _warm_up(str(arguments.workspace().root))


@cached(1)
def _warm_up(root: str) -> None:
    waiting = threading.Timer(_UNTIL_SHOWN_S, read_one_picture, [_front_door(root)])
    waiting.daemon = True
    waiting.start()


def read_one_picture(door: Library) -> None:
    """Have a library read a plain picture, which loads all that reading takes."""
    from PIL import Image

    with contextlib.suppress(CoversError, IndexerError):
        door.ask([Image.new("RGB", (64, 64))])
