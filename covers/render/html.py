"""Pieces of pages that are not drawings: tables, bars with names, swatches, numbers at a glance.

They look as ``charts.css`` says. Everything is escaped here, except `Html`.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from covers.render.numbers import unbroken
from covers.render.palette import NOISE_COLOUR

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


class Html(str):
    """Text that is HTML already and is shown as it is."""

    __slots__ = ()


def dot(colour: str) -> Html:
    """Return a round mark of a colour, such as a genre's."""
    return Html(f'<span class="dot" style="background:{colour}"></span>')


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    n_names: int = 1,
    strong: Collection[int] = (),
) -> str:
    """Return a table that scrolls by itself where the page is too narrow for it.

    Parameters
    ----------
    head : sequence of str
        Names of the columns.
    rows : sequence of sequence of str
        Texts, or `Html`.
    n_names : int, default=1
        So many columns are names; the others are numbers, on the right.
    strong : collection of int
        Numbers of the rows that are set in bold.
    """

    def cell(kind: str, column: int, text: str) -> str:
        number = ' class="number"' if column >= n_names else ""
        shown = text if isinstance(text, Html) else escape(unbroken(text))
        return f"<{kind}{number}>{shown}</{kind}>"

    def cells(kind: str, line: Sequence[str]) -> str:
        return "".join(cell(kind, column, text) for column, text in enumerate(line))

    kinds = ("<tr>", '<tr class="strong">')
    lines = "".join(
        f"{kinds[number in strong]}{cells('td', row)}</tr>"
        for number, row in enumerate(rows)
    )
    return f'<div class="table" tabindex="0"><table><thead><tr>{cells("th", head)}</tr></thead><tbody>{lines}</tbody></table></div>'


def share_bars(
    shown: Iterable[tuple[str, float, str]], colours: Mapping[str, str]
) -> str:
    """Return shares as bars between their names and what is written behind them.

    Parameters
    ----------
    shown : iterable of (name, share, text)
        Shares are from 0 to 1.
    colours : mapping of str to str
        By name; grey where it has none.
    """
    parts = []
    for name, share, text in shown:
        colour = colours.get(name, NOISE_COLOUR)
        width = 100 * min(max(share, 0.0), 1.0)
        parts.append(
            f'<div class="share"><span class="who">{dot(colour)}<span class="line">{escape(name)}</span></span>'
            f'<span class="track"><span class="fill" style="width:{width:.1f}%;background:{colour}"></span></span>'
            f'<span class="value">{escape(text)}</span></div>'
        )
    return "".join(parts)


def swatches(colours: Sequence[str], shares: Sequence[float]) -> str:
    """Return a strip of colours, each as wide as its share."""
    spans = "".join(
        f'<span style="background:{escape(colour)};flex:{max(share, 0.01):.3f}"></span>'
        for colour, share in zip(colours, shares, strict=False)
    )
    names = ", ".join(colours)
    return f'<div class="swatches" role="img" aria-label="Leading colours {escape(names)}">{spans}</div>'


def figures(shown: Sequence[tuple[str, str]]) -> str:
    """Return numbers at a glance: each a value and what it counts."""
    # A long name breaks where its words do.
    parts = [
        f'<div class="figure"><b>{escape(unbroken(value)).replace("_", "_<wbr>")}</b><span>{escape(unbroken(name))}</span></div>'
        for value, name in shown
    ]
    return f'<div class="figures">{"".join(parts)}</div>'
