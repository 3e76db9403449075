"""Scales from a number to a position on an axis, or to a colour; and when a figure counts as uncertain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from covers.render.palette import DIVERGING_SCALE, SEQUENTIAL_SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

__all__ = [
    "UNCERTAIN_WIDTH",
    "Axis",
    "is_uncertain",
    "number_axis",
    "scale_colours",
]

UNCERTAIN_WIDTH = 0.3
"""A share whose 95 per cent interval is wider than this is hatched, on every page and slide."""

_MOST_TICKS = 6
# Colours equally far apart; the names are matplotlib's.
_ANCHORS = {
    SEQUENTIAL_SCALE: "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
    DIVERGING_SCALE: "7f3b08 b35806 e08214 fdb863 fee0b6 f7f7f7 d8daeb b2abd2 8073ac 542788 2d004b",
}


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A scale from a number to a position.

    Parameters
    ----------
    low, high : float
        What lies at 0 and at 100 per cent of the drawing.
    ticks : sequence of (float, str)
        Values that are named, and their names.
    title : str
        What is measured, with its unit.
    log : bool, default=False
        Equal factors are equally far apart.
    """

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    title: str = ""
    log: bool = False

    def at(self, value: float) -> float:
        """Return the place of a value in per cent, kept within the axis."""
        low, high, value = (
            (math.log(max(v, 1e-9)) for v in (self.low, self.high, value))
            if self.log
            else (self.low, self.high, value)
        )
        share = (value - low) / (high - low) if high != low else 0.5
        return round(100 * min(max(share, 0.0), 1.0), 2)


def number_axis(
    low: float,
    high: float,
    name: Callable[[float], str] = "{:g}".format,
    title: str = "",
) -> Axis:
    """Return an axis with at most some six round ticks, begun and ended on one.

    Examples
    --------
    >>> [text for _, text in number_axis(0, 0.83).ticks]
    ['0', '0.2', '0.4', '0.6', '0.8', '1']
    """
    span = max(high - low, 1e-9)
    rough = span / (_MOST_TICKS - 1)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(m * unit for m in (1, 2, 2.5, 5, 10) if m * unit >= rough - 1e-12)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    places = [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]
    return Axis(
        low=places[0],
        high=places[-1],
        ticks=[(p, name(p).replace("-", "\N{MINUS SIGN}")) for p in places],
        title=title,
    )


def scale_colours(
    shares: npt.NDArray[np.float64], name: str = SEQUENTIAL_SCALE
) -> list[str]:
    """Return the colours at some places, 0 to 1, of a scale of `covers.render.palette`.

    Examples
    --------
    >>> scale_colours(np.array([0.0, 1.0]))
    ['#00224e', '#fee838']
    """
    anchors = np.array([list(bytes.fromhex(text)) for text in _ANCHORS[name].split()])
    places = np.clip(shares, 0, 1).ravel() * (len(anchors) - 1)
    mixed = [
        np.interp(places, np.arange(len(anchors)), anchors[:, channel])
        for channel in range(3)
    ]
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in np.rint(mixed).astype(int).T]


def is_uncertain(low: float, high: float) -> bool:
    """Say whether the 95 % interval of a share is too wide to trust it, or not known.

    Examples
    --------
    >>> is_uncertain(0.2, 0.4), is_uncertain(0.2, 0.6), is_uncertain(0.2, math.nan)
    (False, True, True)
    """
    return not high - low <= UNCERTAIN_WIDTH
