"""Covers of the library and the state of its files → HTML for `dashboard.components.pick`, all of it escaped."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from covers.render.html import dot
from covers.render.palette import NOISE_COLOUR, text_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.pipeline import Stage
    from dashboard.data.library import Library


@dataclass(frozen=True, kw_only=True)
class Item:
    """One cover in a gallery.

    Parameters
    ----------
    row : int
        Of the library.
    badge : str
        Short text on the picture, such as a similarity.
    mark : str
        Short text in the upper corner, on the colour `mark_colour`.
    line : str
        A further line below.
    tip : str
        Shown on hover and focus.
    """

    row: int
    badge: str = ""
    mark: str = ""
    mark_colour: str = NOISE_COLOUR
    line: str = ""
    tip: str = ""


def thumbnail_url(cover_id: str) -> str:
    """Return where the browser finds a thumbnail."""
    return f"/covers/thumbnail/{escape(cover_id)}.jpg"


def picture(library: Library, row: int, *, lazy: bool = True) -> str:
    """Return a thumbnail with its text for those who do not see it."""
    alt = f"Cover of {library.full_title(row)}"
    loading = ' loading="lazy"' if lazy else ""
    url = thumbnail_url(library.cover_ids[row])
    return f'<img src="{url}" alt="{escape(alt)}"{loading} decoding="async">'


def genre_tag(library: Library, row: int) -> str:
    """Return the genres of a cover with their dots."""
    genres = library.genres[row]
    if not genres:
        return '<span class="line tags muted">no genre</span>'
    dots = "".join(
        dot(library.colours.get(genre, NOISE_COLOUR)) for genre in genres[:3]
    )
    return f'<span class="line tags">{dots}<span class="line">{escape(", ".join(genres))}</span></span>'


def gallery(
    library: Library,
    items: Sequence[Item],
    *,
    size: str = "",
    captions: bool = True,
    empty: str = "No cover fits.",
) -> str:
    """Return covers side by side; choosing one gives its cover id.

    Parameters
    ----------
    library : Library
    items : sequence of Item
    size : {"", "small", "row"}
        Width of the pictures.
    captions : bool, default=True
        Whether title, artist and genres stand below.
    empty : str
        Said where there is no item.
    """
    if not items:
        return f'<div class="empty">{escape(empty)}</div>'
    parts = []
    for item in items:
        cover_id = library.cover_ids[item.row]
        label = f"{library.full_title(item.row)}, {', '.join(library.genres[item.row]) or 'no genre'}"
        tip = item.tip or (label if not captions else "")
        below = ""
        if captions:
            byline = library.byline(item.row) or " "
            below = (
                f'<span class="line name" title="{escape(library.title(item.row))}">{escape(library.title(item.row))}</span>'
                f'<span class="line sub">{escape(byline)}</span>{genre_tag(library, item.row)}'
            )
        if item.line:
            below += f'<span class="line sub">{escape(item.line)}</span>'
        badge = f'<span class="badge">{escape(item.badge)}</span>' if item.badge else ""
        mark = (
            f'<span class="mark" style="background:{item.mark_colour};color:{text_colour(item.mark_colour)}">{escape(item.mark)}</span>'
            if item.mark
            else ""
        )
        spoken = f"{label}{', ' + item.badge if item.badge else ''}{', ' + item.mark if item.mark else ''}"
        parts.append(
            f'<button type="button" class="cover" data-pick="{escape(cover_id)}" '
            f'data-tip="{escape(tip)}" aria-label="{escape(spoken)}">'
            f'<span class="art">{picture(library, item.row)}{badge}{mark}</span>{below}</button>'
        )
    return f'<div class="gallery {size}">{"".join(parts)}</div>'


def pairs(library: Library, rows: Sequence[tuple[int, int, float]]) -> str:
    """Return pairs of covers with their similarity."""
    parts = []
    for a, b, similarity in rows:
        halves = "".join(
            f'<button type="button" class="cover" data-pick="{escape(library.cover_ids[row])}" '
            f'data-tip="{escape(library.full_title(row))}" '
            f'aria-label="{escape(library.full_title(row))}"><span class="art">{picture(library, row)}</span>'
            f"{genre_tag(library, row)}</button>"
            for row in (a, b)
        )
        parts.append(
            f'<div class="pair">{halves}<span class="caption">similarity {similarity:.2f}</span></div>'
        )
    return f'<div class="pairs">{"".join(parts)}</div>'


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


def full_cover(library: Library, row: int, below: str = "") -> str:
    """Return one cover large, with all that the catalogue knows."""
    chips = "".join(
        f'<span class="chip">{dot(library.colours.get(genre, NOISE_COLOUR))}{escape(genre)}</span>'
        for genre in library.genres[row]
    )
    return (
        f'<div class="full"><div class="art">{picture(library, row, lazy=False)}</div><div><h3>{escape(library.title(row))}</h3>'
        f'<div class="muted">{escape(library.byline(row))}</div><div class="chips">{chips}</div>{below}</div></div>'
    )
