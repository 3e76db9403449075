"""What answers a query: the front door to the workspace that is shown."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING

from dashboard import place
from dashboard.loaders.kept import kept
from dashboard.loaders.state import at

if TYPE_CHECKING:
    from covers.library.door import Library


def front_door() -> Library:
    """Return the library of the workspace; it reads anew whatever is published anew."""
    return _front_door(str(place.workspace().root))


@kept(4)
def _front_door(root: str) -> Library:
    from covers.library.door import Library

    return Library(at(root), device="cpu")


@kept(1)
def warm_up() -> None:
    """Import the network's libraries in the background, so that the first upload is quick."""
    import threading

    def import_network() -> None:
        with contextlib.suppress(ImportError):
            importlib.import_module("covers.model.weights")

    threading.Timer(1.0, import_network).start()
