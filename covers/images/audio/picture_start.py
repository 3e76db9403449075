"""Where a picture begins in a part of a tag that should say so, and says it wrongly."""

from __future__ import annotations

from covers.images.formats import find_format

_SEARCH = 1024
_FIRST_BYTES = (
    b"\xff\x89GR"  # of JPEG, PNG, GIF, WebP; two letters of BMP say too little
)


def find_start(content: bytes, first: int = 0) -> int | None:
    """Return where a picture begins near where it should; None where none does.

    Parameters
    ----------
    content : bytes
        What stands in the tag: a description and the picture.
    first : int, default=0
        Where it may begin at the earliest.
    """
    for offset in range(first, min(len(content), first + _SEARCH)):
        if content[offset] in _FIRST_BYTES and find_format(
            content[offset : offset + 256]
        ):
            return offset
    return None
