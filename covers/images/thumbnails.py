"""Small copies of the covers, for lists and maps."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from covers.workspace.artefacts import publish_unflushed

if TYPE_CHECKING:
    from pathlib import Path

SIZE_PX = 256
LEAST_PX = 192
"""Short side that is enough to make a thumbnail of, so that decoding may stop early."""

SUFFIX = ".jpg"
# JPEG, not WebP: 15 % larger at the same looks, and made in a fourteenth of the time.
_QUALITY = 80


def write_thumbnail(image: Image.Image, path: Path) -> None:
    """Publish a JPEG of at most 256 px long side; a smaller picture is not enlarged.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB.
    path : Path
        Where it goes; missing folders are made, an older file is replaced at once.
        It is not flushed to disk, which would take longer than making it.
    """
    longest = max(image.size)
    if longest > SIZE_PX:
        width, height = (max(1, round(side * SIZE_PX / longest)) for side in image.size)
        image = image.resize(
            (width, height), Image.Resampling.HAMMING, reducing_gap=2.0
        )
    content = io.BytesIO()
    image.save(content, "JPEG", quality=_QUALITY)
    publish_unflushed(path, content.getvalue())
