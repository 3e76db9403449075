"""Thumbnails with captions as HTML that needs nothing else: what a notebook shows."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from covers.workspace.paths import Workspace

_TILE_PX = 120


@dataclass(frozen=True)
class Tile:
    """One picture of a gallery.

    Parameters
    ----------
    picture : bytes or None
        A small JPEG; a grey square stands for one that is not there.
    caption, detail : str
        Below the picture; shown when the pointer rests on it.
    """

    picture: bytes | None
    caption: str
    detail: str = ""


def gallery_html(tiles: Iterable[Tile], *, title: str = "") -> str:
    """Return a row of thumbnails that wraps, as HTML with the pictures inside.

    Parameters
    ----------
    tiles : iterable of Tile
    title : str, optional
        Above them.
    """
    head = f'<div style="margin:0 0 6px">{escape(title)}</div>' if title else ""
    inside = "".join(_tile_html(tile) for tile in tiles)
    return f'<div>{head}<div style="display:flex;flex-wrap:wrap;gap:10px">{inside}</div></div>'


def cover_tiles(workspace: Workspace | None, cover_ids: Iterable[str]) -> list[Tile]:
    """Return a tile for each cover; without its picture where no workspace is known."""
    from covers.images.thumbnails import read_thumbnail

    return [
        Tile(read_thumbnail(workspace, one) if workspace else None, one[:8], one)
        for one in cover_ids
    ]


def with_galleries(text: str, *galleries: str) -> str:
    """Return a result's text, as a terminal shows it, with rows of thumbnails below."""
    return "\n".join([f"<pre>{escape(text)}</pre>", *galleries])


def picture_uri(content: bytes | None) -> str:
    """Return a JPEG as a data URI; empty where there is none."""
    if not content:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def _tile_html(tile: Tile) -> str:
    uri = picture_uri(tile.picture)
    size = f"width:{_TILE_PX}px;height:{_TILE_PX}px;object-fit:cover;border-radius:3px"
    shown = (
        f'<img src="{uri}" alt="{escape(tile.detail or tile.caption)}" style="{size}">'
        if uri
        else f'<div style="{size};background:#8884"></div>'
    )
    return (
        f'<figure style="margin:0;width:{_TILE_PX}px" title="{escape(tile.detail)}">{shown}'
        f'<figcaption style="font-size:12px;line-height:1.3">{escape(tile.caption)}</figcaption></figure>'
    )
