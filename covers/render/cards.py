"""Covers as HTML: galleries, pairs, one cover in full; the same in the dashboard and on its site.

Everything is escaped here. What can be chosen is a button with ``data-pick``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from covers.render.html import dot, share_bars, swatches
from covers.render.numbers import unbroken
from covers.render.palette import NOISE_COLOUR, text_colour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Card:
    """One cover on a page.

    Parameters
    ----------
    pick : str
        What choosing it gives.
    url : str
        Of its small picture; a plain tile stands for one without.
    title, byline : str
        Album, and artist with year.
    is_named : bool
        False where `title` is no more than the name of its file.
    genres : mapping of str to str
        Colour of each of its genres.
    """

    pick: str
    url: str
    title: str
    byline: str = ""
    is_named: bool = True
    genres: Mapping[str, str] = field(default_factory=dict)

    @property
    def full_title(self) -> str:
        """Title with artist and year in one line."""
        return f"{self.title} ({self.byline})" if self.byline else self.title

    @property
    def said(self) -> str:
        """The words that a screen reader says."""
        return f"{self.full_title}, {', '.join(self.genres) or 'no genre'}"


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a page says of one cover, besides what it is.

    Parameters
    ----------
    badge : str
        Short text in the lower corner, such as a similarity.
    mark, mark_colour : str
        Short text in the upper corner, on a colour.
    line : str
        A further line below.
    tip : str
        Shown on hover and focus.
    ring : str
        Colour of a frame around the picture; none where empty.
    n_same : int
        Covers of this design, of which the picture stands for all.
    actions : sequence of (sign, pick, what it does)
        Small buttons on the picture.
    """

    badge: str = ""
    mark: str = ""
    mark_colour: str = NOISE_COLOUR
    line: str = ""
    tip: str = ""
    ring: str = ""
    n_same: int = 1
    actions: Sequence[tuple[str, str, str]] = ()


def picture(card: Card, *, lazy: bool = True) -> str:
    """Return a small picture with its text for those who do not see it; without one, a blank sleeve with its name."""
    if not card.url:
        return f'<span class="nopicture" role="img" aria-label="{escape(card.said)}" data-name="{escape(card.title)}"></span>'
    loading = ' loading="lazy"' if lazy else ""
    return f'<img src="{escape(card.url)}" alt="{escape(f"Cover of {card.full_title}")}"{loading} decoding="async">'


def genre_tag(card: Card) -> str:
    """Return the genres of a cover with their dots."""
    if not card.genres:
        return '<span class="line tags muted">no genre</span>'
    dots = "".join(dot(colour) for colour in list(card.genres.values())[:3])
    names = escape(", ".join(card.genres))
    return f'<span class="line tags" title="{names}">{dots}<span class="line">{names}</span></span>'


def genre_chips(card: Card) -> str:
    """Return each genre of a cover as a chip with its colour."""
    chips = "".join(
        f'<span class="chip">{dot(colour)}{escape(genre)}</span>'
        for genre, colour in card.genres.items()
    )
    return f'<div class="chips">{chips}</div>'


def gallery(
    shown: Sequence[tuple[Card, Note]],
    *,
    size: str = "",
    captions: bool = True,
    empty: str = "No cover fits.",
) -> str:
    """Return covers side by side.

    Parameters
    ----------
    shown : sequence of (Card, Note)
    size : {"", "small", "row"}
        Width of the pictures.
    captions : bool, default=True
        Whether title, artist and genres stand below.
    empty : str
        Said where there is no cover.
    """
    if not shown:
        return f'<div class="empty">{escape(empty)}</div>'
    tiles = "".join(tile(card, note, captions=captions) for card, note in shown)
    return f'<div class="gallery {size}">{tiles}</div>'


def tile(card: Card, note: Note, *, captions: bool = True) -> str:
    """Return one cover of a gallery."""
    tip = note.tip or (card.said if not captions else "")
    below = _caption(card) if captions else ""
    if note.line:
        below += f'<span class="line sub">{escape(note.line)}</span>'
    badge = f'<span class="badge">{escape(note.badge)}</span>' if note.badge else ""
    mark = (
        f'<span class="mark" style="background:{note.mark_colour};color:{text_colour(note.mark_colour)}">{escape(note.mark)}</span>'
        if note.mark
        else ""
    )
    same = f'<span class="same">×{note.n_same}</span>' if note.n_same > 1 else ""  # noqa: RUF001
    times = f"{note.n_same} covers of this design" if note.n_same > 1 else ""
    spoken = ", ".join(filter(None, (card.said, times, note.badge, note.mark)))
    ring = f' style="--ring:{note.ring}"' if note.ring else ""
    button = (
        f'<button type="button" class="cover{" ringed" * bool(note.ring)}"{ring} data-pick="{escape(card.pick)}" '
        f'data-tip="{escape(tip)}" aria-label="{escape(spoken)}">'
        f'<span class="art">{picture(card)}{badge}{mark}{same}</span>{below}</button>'
    )
    if not note.actions:
        return button
    buttons = "".join(
        f'<button type="button" class="act" data-pick="{escape(pick)}" data-tip="{escape(does)}" '
        f'aria-label="{escape(f"{does}: {card.full_title}")}">{escape(sign)}</button>'
        for sign, pick, does in note.actions
    )
    return f'<span class="with-acts">{button}<span class="acts">{buttons}</span></span>'


def _caption(card: Card) -> str:
    """Return what stands below a picture; a mere name of a file is no more than a hint."""
    if not card.is_named:
        name = f'<span class="line file" title="{escape(card.title)}">{escape(card.title)}</span>'
        return genre_tag(card) + name
    name = f'<span class="line name" title="{escape(card.title)}">{escape(card.title)}</span>'
    return f'{name}<span class="line sub">{escape(card.byline or " ")}</span>{genre_tag(card)}'


def pairs(shown: Sequence[tuple[Card, Card, float]]) -> str:
    """Return pairs of covers with their similarity."""
    parts = []
    for a, b, similarity in shown:
        halves = "".join(
            f'<button type="button" class="cover" data-pick="{escape(card.pick)}" data-tip="{escape(card.said)}" '
            f'aria-label="{escape(card.said)}"><span class="art">{picture(card)}</span>{genre_tag(card)}</button>'
            for card in (a, b)
        )
        parts.append(
            f'<div class="pair">{halves}<span class="caption">similarity {similarity:.2f}</span></div>'
        )
    return f'<div class="pairs">{"".join(parts)}</div>'


def full_cover(card: Card, below: str = "", *, beside: str = "") -> str:
    """Return one cover large, with all that the catalogue knows.

    Parameters
    ----------
    card : Card
    below : str
        HTML under its genres.
    beside : str
        HTML of a second picture, such as a heat map.
    """
    name = "h3" if card.is_named else 'h3 class="file"'
    said = (
        f"<{name}>{escape(card.title)}</h3>"
        f'<div class="muted">{escape(card.byline)}</div>{genre_chips(card)}{below}'
    )
    return in_full(picture(card, lazy=False), said, beside=beside)


def in_full(shown: str, said: str, *, beside: str = "") -> str:
    """Return a large picture, maybe a second one beside it, and what is said of it; all are HTML."""
    second = f'<div class="art">{beside}</div>' if beside else ""
    return (
        f'<div class="full{" two" * bool(beside)}"><div class="art">{shown}</div>{second}'
        f"<div>{said}</div></div>"
    )


def alike(
    pick: str,
    names: tuple[str, str],
    value: str,
    ends: str,
    sides: Sequence[tuple[Card, str]],
) -> str:
    """Return two genres that look alike, as pictures of both.

    Parameters
    ----------
    pick : str
        What choosing them gives.
    names : (str, str)
        The genres.
    value, ends : str
        How much they overlap, and how sure that is.
    sides : sequence of (Card, colour)
        Covers with the colour of their genre, those that look alike side by side.
    """
    both = f"{names[0]} and {names[1]}"
    shown = "".join(
        f'<span style="--ring:{colour}">{picture(card)}</span>'
        for card, colour in sides
    )
    return (
        f'<button type="button" class="alike" data-pick="{escape(pick)}" aria-label="{escape(f"{both}: overlap {value}")}">'
        f'<span class="head"><b>{escape(both)}</b><span class="value">{escape(value)}</span></span>'
        f'<span class="sides">{shown}</span><span class="muted">{escape(unbroken(ends))}</span></button>'
    )


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A cluster at a glance.

    Parameters
    ----------
    pick : str
        What choosing it gives.
    name : str
    size : str
        Such as ``"542 covers"``.
    exemplars : sequence of Card
        Covers that show it best.
    leading : sequence of (genre, share, text)
        Its most frequent genres.
    palette : (colours, shares)
        Leading colours.
    facts : sequence of str
    """

    pick: str
    name: str
    size: str
    exemplars: Sequence[Card]
    leading: Sequence[tuple[str, float, str]]
    palette: tuple[Sequence[str], Sequence[float]] = ((), ())
    facts: Sequence[str] = ()


def kinds(shown: Sequence[Kind], colours: Mapping[str, str]) -> str:
    """Return clusters as cards.

    Parameters
    ----------
    shown : sequence of Kind
    colours : mapping of str to str
        Of the genres.
    """
    return f'<div class="cards">{"".join(_kind(one, colours) for one in shown)}</div>'


def _kind(one: Kind, colours: Mapping[str, str]) -> str:
    pictures = "".join(picture(card) for card in one.exemplars)
    bars = share_bars(one.leading, colours)
    strip = swatches(*one.palette) if one.palette[0] else ""
    lines = "".join(f"<span>{escape(fact)}</span>" for fact in one.facts if fact)
    mostly = one.leading[0][0] if one.leading else "no genre"
    label = f"{one.name}, {one.size}, mostly {mostly}"
    return (
        f'<button type="button" class="card" data-pick="{escape(one.pick)}" aria-label="{escape(label)}">'
        f'<span class="head"><b>{escape(one.name)}</b><span class="muted">{escape(one.size)}</span></span>'
        f'<span class="sheet">{pictures}</span>{strip}{bars}'
        f'<span class="facts">{lines}</span></button>'
    )
