"""Covers of the library and the state of its files → HTML for `dashboard.components.pick`; any text → Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from covers.render import cards
from covers.render.cards import Card, Note
from covers.render.palette import NOISE_COLOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.pipeline.status import Stage
    from dashboard.data.library import Library


@dataclass(frozen=True, kw_only=True)
class Item(Note):
    """One cover in a gallery, and what is said of it; see `Note`.

    Parameters
    ----------
    row : int
        Of the library.
    """

    row: int


def plain(text: str) -> str:
    """Keep a text from being read as Markdown."""
    return "".join("\\" + sign if sign in "\\`*_[]<>#$|~:" else sign for sign in text)


def thumbnail_url(cover_id: str) -> str:
    """Return where the browser finds a thumbnail."""
    return f"/covers/thumbnail/{cover_id}.jpg"


def card_of(library: Library, row: int) -> Card:
    """Return what a page shows of a cover; choosing it gives its id."""
    return Card(
        pick=library.cover_ids[row],
        url=thumbnail_url(library.cover_ids[row]),
        title=library.title(row),
        byline=library.byline(row),
        is_named=library.is_named(row),
        genres={
            genre: library.colours.get(genre, NOISE_COLOUR)
            for genre in library.genres[row]
        },
    )


def picture(library: Library, row: int, *, lazy: bool = True) -> str:
    """Return a thumbnail with its text for those who do not see it."""
    return cards.picture(card_of(library, row), lazy=lazy)


def gallery(
    library: Library,
    items: Sequence[Item],
    *,
    size: str = "",
    captions: bool = True,
    empty: str = "No cover fits.",
) -> str:
    """Return covers side by side; choosing one gives its cover id. See `covers.render.cards.gallery`."""
    shown = [(card_of(library, item.row), item) for item in items]
    return cards.gallery(shown, size=size, captions=captions, empty=empty)


def pairs(library: Library, rows: Sequence[tuple[int, int, float]]) -> str:
    """Return pairs of covers with their similarity."""
    return cards.pairs(
        [(card_of(library, a), card_of(library, b), s) for a, b, s in rows]
    )


def full_cover(library: Library, row: int, below: str = "", *, beside: str = "") -> str:
    """Return one cover large, with all that the catalogue knows."""
    return cards.full_cover(card_of(library, row), below, beside=beside)


def chain(stages: Sequence[Stage]) -> str:
    """Return the artefacts with their state, and the command where one is due."""
    parts = []
    for stage in stages:
        command = f"<code>{escape(stage.command)}</code>" if stage.is_due else ""
        parts.append(
            f'<div class="stage"><span>{escape(stage.name)}</span><span class="state {stage.state}">{stage.state}</span>'
            f'<span class="why">{escape(stage.why)}{command}</span></div>'
        )
    return f'<div class="chain">{"".join(parts)}</div>'
