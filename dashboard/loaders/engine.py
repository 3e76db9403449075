"""What answers a query: the front door to the workspace that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard import arguments
from dashboard.loaders.cached import cached
from dashboard.loaders.state import at

if TYPE_CHECKING:
    from covers.library.library import Library


def front_door() -> Library:
    """Return the library of the workspace; it reads anew whatever is published anew."""
    return _front_door(str(arguments.workspace().root))


@cached(4)
def _front_door(root: str) -> Library:
    from covers.library.library import Library

    return Library(at(root), device="cpu")
