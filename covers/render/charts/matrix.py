"""Matrices of genres by genres as HTML: cells that can be chosen, hatched where uncertain.

HTML instead of a drawing, because hundreds of cells that are buttons are quicker so, and
because keys and fingers reach them without a script.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from covers.render.charts.scales import scale_colours
from covers.render.numbers import per_cent, tidy
from covers.render.palette import text_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WIDE, _DENSE = 10, 24


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of a matrix.

    Parameters
    ----------
    text : str
        Written in it.
    tip : str
        Explains it on hover, and is read aloud.
    colour : str or None
        ``"#rrggbb"``; None where nothing is known.
    pick : str
        What choosing the cell gives; empty where it cannot be chosen.
    uncertain : bool, default=False
        Hatched, except behind its text.
    """

    text: str
    tip: str
    colour: str | None
    pick: str = ""
    uncertain: bool = False


def matrix(
    names: Sequence[str],
    cells: Sequence[Sequence[Cell]],
    *,
    label: str,
    attribute: str = "data-pick",
) -> str:
    """Return a square of cells, rows and columns named alike.

    Parameters
    ----------
    names : sequence of str
    cells : sequence of sequence of Cell
        Row by row.
    label : str
        What it shows, for those who do not see it.
    attribute : str, default="data-pick"
        Of the buttons; holds `Cell.pick`.
    """
    n = len(names)
    longest = max((len(name) for name in names), default=0)
    width = min(7 * longest + 10, 130)
    kind = "dense" if n > _DENSE else "wide" if n > _WIDE else ""
    parts = [
        (
            f'<div class="matrix {kind}" role="group" aria-label="{escape(label)}" style="'
            f'grid-template-columns:minmax(40px,{width}px) repeat({n},minmax(0,1fr))"><span></span>'
        )
    ]
    parts += [_name("col", name) for name in names]
    for name, row in zip(names, cells, strict=True):
        parts += [_name("rowname", name), *(_cell(cell, attribute) for cell in row)]
    return "".join(parts) + "</div>"


def _name(kind: str, name: str) -> str:
    return f'<span class="{kind}" title="{escape(name)}">{escape(name)}</span>'


def _cell(cell: Cell, attribute: str) -> str:
    classes, style = "cell", ""
    if cell.colour is None:
        classes += " none"
    else:
        style = f"background-color:{cell.colour};color:{text_colour(cell.colour)}"
        classes += " uncertain" * cell.uncertain
    text = f"<b>{escape(cell.text)}</b>" if cell.text else ""
    common = f'class="{classes}" style="{style}" title="{escape(cell.tip)}" aria-label="{escape(cell.tip)}"'
    if cell.pick:
        return f'<button type="button" {common} {attribute}="{escape(cell.pick)}">{text}</button>'
    return f'<span {common} role="img">{text}</span>'


def key(colours: Sequence[str], low: str, high: str, hatched: str = "") -> str:
    """Return the key of a matrix: what the ends of its scale mean, and what hatching means."""
    hatch = (
        f'<span class="hatch"></span><span>{escape(hatched)}</span>' if hatched else ""
    )
    return (
        f'<div class="scale"><span>{escape(low)}</span><span class="ramp" style="background:linear-gradient(90deg,{",".join(colours)})">'
        f"</span><span>{escape(high)}</span>{hatch}</div>"
    )


def say_confusion(n_covers: int) -> str:
    """Return what rows, columns and numbers of a confusion matrix are; a sentence to go on with.

    Examples
    --------
    >>> say_confusion(1200)
    'Rows are the own genres of the 1,200 held-out covers, columns what was read; numbers are covers'
    """
    return f"Rows are the own genres of the {n_covers:,} held-out covers, columns what was read; numbers are covers"


def confusion_matrix(
    confusion: Sequence[Sequence[float]],
    genres: Sequence[str],
    pick: Callable[[str, str], str],
    *,
    attribute: str = "data-pick",
) -> str:
    """Return which genre is taken for which, shaded by the share of the row, with its key.

    Parameters
    ----------
    confusion : sequence of sequence of float
        Covers by own genre (row) and predicted genre (column); a cover of several genres
        counts in parts.
    genres : sequence of str
        Of the rows and columns; further ones are left out.
    pick : callable
        From own and predicted genre to what choosing their cell gives.
    attribute : str
        As in `matrix`.

    Notes
    -----
    The brightest colour is the largest share there is, not 100 %.
    """
    n = len(genres)
    counts = np.asarray(confusion, float)[:n, :n]  # (G, G)
    totals = counts.sum(axis=1)
    share = counts / np.maximum(totals[:, None], 1e-9)
    top = float(share.max(initial=0)) or 1.0
    colours = scale_colours(share / top)
    cells = [
        [
            Cell(
                text=f"{counts[i, j]:.0f}" if counts[i, j] >= 0.5 else "",
                tip=f"{_say(own, said)}\n{tidy(counts[i, j])} of {tidy(totals[i])} covers, {per_cent(share[i, j])}",
                colour=colours[i * n + j] if counts[i, j] else None,
                pick=pick(own, said) if counts[i, j] else "",
            )
            for j, said in enumerate(genres)
        ]
        for i, own in enumerate(genres)
    ]
    return matrix(genres, cells, label="Confusion matrix", attribute=attribute) + key(
        scale_colours(np.linspace(0, 1, 9)), "0 %", f"{per_cent(top)} of the row"
    )


def _say(own: str, said: str) -> str:
    """Say what covers of a genre were taken for."""
    return f"{own} recognised" if own == said else f"{own} taken for {said}"
