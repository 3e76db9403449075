"""Small copies of the covers, for lists and maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from covers.artefact import publish

if TYPE_CHECKING:
    from pathlib import Path

SIZE_PX = 256
_QUALITY = 82
# Slower methods make files only 3 % smaller and take twice the time (measured).
_METHOD = 2


def write_thumbnail(image: Image.Image, path: Path) -> None:
    """Publish a WebP of at most 256 px long side; a smaller picture is not enlarged.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB.
    path : Path
        Where it goes; missing folders are made, an older file is replaced at once.
        It is not flushed to disk, which would take longer than making it.
    """
    small = image
    if max(image.size) > SIZE_PX:
        small = image.copy()
        small.thumbnail((SIZE_PX, SIZE_PX), Image.Resampling.LANCZOS, reducing_gap=2.0)
    with publish(path, "wb", flush_to_disk=False) as file:
        small.save(file, "WEBP", quality=_QUALITY, method=_METHOD)
