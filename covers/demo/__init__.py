"""A drawn library of record covers with known genre overlaps."""

from covers.demo.genres import Mixture, demo_mixture
from covers.demo.library import DemoLibrary, LibrarySettings, draw_library

__all__ = [
    "DemoLibrary",
    "LibrarySettings",
    "Mixture",
    "demo_mixture",
    "draw_library",
]
