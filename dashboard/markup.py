"""Tables of covers and numbers → HTML for `dashboard.pick`. Everything is escaped here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from covers.render.palette import text_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.pipeline import Stage
    from dashboard.library import Library


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
    mark_colour: str = "#bdbdbd"
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
    dots = "".join(dot(library.colours.get(genre, "#bdbdbd")) for genre in genres[:3])
    return f'<span class="line tags">{dots}<span class="line">{escape(", ".join(genres))}</span></span>'


def dot(colour: str) -> str:
    """Return a round mark."""
    return f'<span class="dot" style="background:{colour}"></span>'


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


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of a matrix; `colour` None means that nothing is known."""

    text: str
    tip: str
    colour: str | None
    pick: str = ""
    uncertain: bool = False


def matrix(names: Sequence[str], cells: Sequence[Sequence[Cell]], *, label: str) -> str:
    """Return a square of cells that can be chosen, rows and columns named alike."""
    n = len(names)
    longest = max((len(name) for name in names), default=0)
    width = min(7 * longest + 10, 130)
    kind = "dense" if n > 24 else "wide" if n > 10 else ""
    parts = [
        (
            f'<div class="matrix {kind}" role="group" aria-label="{escape(label)}" style="'
            f"grid-template-columns:minmax(40px,{width}px) repeat({n},minmax(0,1fr))"
            '"><span></span>'
        )
    ]
    parts += [
        f'<span class="col" title="{escape(name)}">{escape(name)}</span>'
        for name in names
    ]
    for name, row in zip(names, cells, strict=True):
        parts.append(
            f'<span class="rowname" title="{escape(name)}">{escape(name)}</span>'
        )
        for cell in row:
            classes = " ".join(
                ["cell"]
                + ["none"] * (cell.colour is None)
                + ["uncertain"] * cell.uncertain
            )
            style = (
                f"background-color:{cell.colour};color:{text_colour(cell.colour)}"
                if cell.colour
                else ""
            )
            common = f'class="{classes}" style="{style}" data-tip="{escape(cell.tip)}" aria-label="{escape(cell.tip)}"'
            parts.append(
                f'<button type="button" {common} data-pick="{escape(cell.pick)}">{escape(cell.text)}</button>'
                if cell.pick
                else f"<span {common}>{escape(cell.text)}</span>"
            )
    return "".join(parts) + "</div>"


def scale(colours: Sequence[str], low: str, high: str, hatched: str = "") -> str:
    """Return the key of a matrix."""
    gradient = ",".join(colours)
    hatch = (
        f'<span class="hatch"></span><span>{escape(hatched)}</span>' if hatched else ""
    )
    return (
        f'<div class="scale"><span>{escape(low)}</span><span class="bar" style="background:linear-gradient(90deg,{gradient})">'
        f"</span><span>{escape(high)}</span>{hatch}</div>"
    )


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A line of the genre graph."""

    a: str
    b: str
    width: float
    tip: str
    pick: str


def graph(
    places: dict[str, tuple[float, float]],
    sizes: dict[str, float],
    colours: dict[str, str],
    edges: Sequence[Edge],
) -> str:
    """Return a drawing of genres and the lines between them.

    Parameters
    ----------
    places : dict of str to (x, y)
        In the unit square.
    sizes : dict of str to float
        Radius of each genre's dot in pixels.
    colours : dict of str to str
    edges : sequence of Edge
        A line can be chosen.
    """
    wide, high, margin = 760, 520, 70

    def at(name: str) -> tuple[float, float]:
        x, y = places[name]
        return margin + x * (wide - 2 * margin), 40 + y * (high - 80)

    parts = [
        f'<svg class="graph" viewBox="0 0 {wide} {high}" role="group" aria-label="Genres that look alike">'
    ]
    for edge in edges:
        (x0, y0), (x1, y1) = at(edge.a), at(edge.b)
        line = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
        parts.append(
            f'<g class="edge" tabindex="0" role="button" data-pick="{escape(edge.pick)}" data-tip="{escape(edge.tip)}" '
            f'aria-label="{escape(edge.tip)}"><line class="hit" {line}/><line class="line" {line} stroke-width="{edge.width:.1f}" '
            f'stroke-linecap="round"/></g>'
        )
    for name in places:
        x, y = at(name)
        r = sizes[name]
        anchor = "end" if x > wide - 130 else "start" if x < 130 else "middle"
        dx = -r if anchor == "end" else r if anchor == "start" else 0
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{colours[name]}"/>'
            f'<text x="{x + (0 if anchor == "middle" else -dx):.1f}" y="{y - r - 6:.1f}" text-anchor="{anchor}">{escape(name)}</text>'
        )
    return "".join(parts) + "</svg>"


def share_bar(name: str, share: float, colour: str, value: str, tip: str = "") -> str:
    """Return one bar with its name and value."""
    width = 100 * min(max(share, 0.0), 1.0)
    return (
        f'<div class="share" data-tip="{escape(tip)}"><span class="who">{dot(colour)}<span class="line">{escape(name)}</span></span>'
        f'<span class="track"><span class="fill" style="width:{width:.1f}%;background:{colour}"></span></span>'
        f'<span class="value">{escape(value)}</span></div>'
    )


def swatches(colours: Sequence[str], shares: Sequence[float]) -> str:
    """Return a strip of colours, wide by their shares."""
    spans = "".join(
        f'<span style="background:{escape(colour)};flex:{max(share, 0.01):.3f}"></span>'
        for colour, share in zip(colours, shares, strict=False)
    )
    names = ", ".join(colours)
    return f'<div class="swatches" role="img" aria-label="Leading colours {escape(names)}">{spans}</div>'


def figures(pairs_shown: Sequence[tuple[str, str]]) -> str:
    """Return numbers at a glance: value and what it counts."""
    parts = [
        f'<div class="figure"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for value, name in pairs_shown
    ]
    return f'<div class="figures">{"".join(parts)}</div>'


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, n_names: int = 1
) -> str:
    """Return a table; all columns but the first `n_names` are numbers."""

    def cell(kind: str, place: int, text: str) -> str:
        number = ' class="number"' if place >= n_names else ""
        return f"<{kind}{number}>{escape(text)}</{kind}>"

    lines = (
        "".join(cell(kind, place, text) for place, text in enumerate(line))
        for kind, line in [("th", head), *(("td", row) for row in rows)]
    )
    first, *others = (f"<tr>{text}</tr>" for text in lines)
    return f'<div class="table" tabindex="0"><table><thead>{first}</thead><tbody>{"".join(others)}</tbody></table></div>'


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
        f'<span class="chip">{dot(library.colours.get(genre, "#bdbdbd"))}{escape(genre)}</span>'
        for genre in library.genres[row]
    )
    return (
        f'<div class="full"><div class="art">{picture(library, row, lazy=False)}</div><div><h3>{escape(library.title(row))}</h3>'
        f'<div class="muted">{escape(library.byline(row))}</div><div class="chips">{chips}</div>{below}</div></div>'
    )


def per_cent(share: float, digits: int = 0) -> str:
    """Return a share in per cent."""
    return "?" if math.isnan(share) else f"{100 * share:.{digits}f} %"


def tidy(n: float) -> str:
    """Return a number of covers that may count in part, with one decimal where it has any.

    Examples
    --------
    >>> tidy(1200.0), tidy(98.1667)
    ('1,200', '98.2')
    """
    return f"{n:,.1f}".removesuffix(".0")


def count(n: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "cover"), count(1200, "cover")
    ('1 cover', '1,200 covers')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
