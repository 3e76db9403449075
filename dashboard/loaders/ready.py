"""What is read and loaded in the background, before a reader asks for it."""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import TYPE_CHECKING

from covers.errors import CoversError
from dashboard import arguments
from dashboard.loaders.cached import cached
from dashboard.loaders.engine import front_door
from dashboard.loaders.tables import chain
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.library.library import Library

_UNTIL_SHOWN_S = 1.0
"""A page is in sight by then, and its reader looks at it."""
_UNTIL_LOOKED_AT_S = 2.0
"""Loading a network takes both of two cores for some seconds."""
_PAGE_OF_A_COVER = "dashboard.views.search"


def get_ready() -> None:
    """Read what an answer takes once a page is there, so that the first cover opens quickly.

    The network is not among it.
    """
    _get_ready(str(arguments.workspace().root))


@cached(1)
def _get_ready(root: str) -> None:
    _do_later(_UNTIL_SHOWN_S, _open_a_cover, front_door())


def _open_a_cover(door: Library) -> None:
    importlib.import_module(_PAGE_OF_A_COVER)
    with contextlib.suppress(CoversError, IndexerError, OSError):
        chain()
    answer_about_one_cover(door)


def answer_about_one_cover(door: Library) -> None:
    """Have a library answer about one of its covers, which reads all that answering takes."""
    with contextlib.suppress(CoversError, IndexerError, OSError):
        door.refuse_unfinished()
        door.classify(door.catalogue.cover_ids[:1])


def warm_up() -> None:
    """Load the network once the page is there, so that the first upload is quick.

    Where there is none, nothing is loaded.
    """
    _warm_up(str(arguments.workspace().root))


@cached(1)
def _warm_up(root: str) -> None:
    _do_later(_UNTIL_LOOKED_AT_S, read_one_picture, front_door())


def read_one_picture(door: Library) -> None:
    """Have a library read a plain picture, which loads all that reading takes."""
    from PIL import Image

    with contextlib.suppress(CoversError, IndexerError):
        door.ask([Image.new("RGB", (64, 64))])


def _do_later(seconds: float, load: Callable[[Library], None], door: Library) -> None:
    waiting = threading.Timer(seconds, load, [door])
    waiting.daemon = True
    waiting.start()
