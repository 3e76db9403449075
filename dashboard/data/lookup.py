"""Pictures from outside, taken in for the pages. No Streamlit here."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from covers.cli.dashboard import MOST_MEBIBYTES
from covers.errors import BrokenImageError

if TYPE_CHECKING:
    from PIL import Image

    from covers.classify.query import Query
    from covers.library.library import Library

_SHOWN_PX = 384


def take_picture(library: Library, content: bytes) -> tuple[Query, str]:
    """Decode and embed a picture from outside; nothing is written anywhere.

    Returns
    -------
    query : Query
    shown : str
        A small copy as a data URI.

    Raises
    ------
    BrokenImageError
        If it is too large or no readable picture; the message says why.
    """
    from covers.classify.query import read_picture

    if len(content) > MOST_MEBIBYTES * 2**20:
        message = f"too large: {len(content) / 2**20:,.0f} MiB, the limit is {MOST_MEBIBYTES} MiB"
        raise BrokenImageError(message)
    queries = library.ask([content])
    if queries.broken:
        raise BrokenImageError(next(iter(queries.broken.values())))
    limit = library.workspace.settings.intake.max_megapixels
    image = read_picture(content, max_megapixels=limit)
    return queries.items[0], data_uri(image)


def data_uri(image: Image.Image) -> str:
    """Return a small copy of a picture for an HTML page."""
    small = image.convert("RGB")
    small.thumbnail((_SHOWN_PX, _SHOWN_PX))
    content = io.BytesIO()
    small.save(content, "WEBP", quality=82)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
