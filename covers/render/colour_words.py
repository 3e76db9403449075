"""What colours are called."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from covers.render.palette import seen_by

if TYPE_CHECKING:
    from collections.abc import Sequence

COLOUR_WORDS = {
    "red": "#c8322b",
    "orange": "#e2782b",
    "yellow": "#e8c93a",
    "green": "#4c9a4f",
    "turquoise": "#39a79b",
    "blue": "#3a68b0",
    "purple": "#7b4fa3",
    "pink": "#d976a8",
    "brown": "#7a5236",
    "tan": "#d2b48c",
    "cream": "#efe3c8",
    "white": "#f6f6f4",
    "grey": "#8b8b8b",
    "black": "#151515",
}
"""Every word, with a colour that is called so."""

_GREY = 0.035
_PALE = 0.09
_VIVID = 0.11
"""Chroma in OKLab from which on tan is orange or yellow, and pink is red."""
_DIM = 0.022
"""Chroma from which on something dark and warm is rather brown than grey."""
_ROSE = 0.3
"""Hue up to which a pale or dark red is rather pink than brown."""
_OLIVE = 1.75
"""Hue from which on a dark yellow is rather green than brown."""
_HUES = (
    (0.60, "red"),
    (1.25, "orange"),
    (2.00, "yellow"),
    (2.90, "green"),
    (3.75, "turquoise"),
    (4.85, "blue"),
    (5.45, "purple"),
    (6.15, "pink"),
    (7.00, "red"),
)
"""Upper end of each hue in OKLab, in radians."""


def name_colours(colours: Sequence[str]) -> list[str]:
    """Return what each of some colours is called.

    Parameters
    ----------
    colours : sequence of str
        ``"#rrggbb"``.

    Examples
    --------
    >>> name_colours(["#ff0000", "#101010", "#2b5fb0"])
    ['red', 'black', 'blue']
    """
    if not colours:
        return []
    return [_name(*map(float, lab)) for lab in seen_by(colours, "normal")]


def _name(lightness: float, a: float, b: float) -> str:
    """Return what a colour in OKLab is called."""
    if lightness < 0.22:
        return "black"
    chroma, hue = math.hypot(a, b), math.atan2(b, a) % (2 * math.pi)
    is_dark_brown = lightness < 0.5 and _ROSE < hue < _OLIVE and chroma > _DIM
    if chroma < _GREY and not is_dark_brown:
        return "white" if lightness > 0.86 else "black" if lightness < 0.3 else "grey"
    word = next(name for end, name in _HUES if hue < end)
    if word in ("orange", "yellow"):
        return _name_warm(lightness, chroma, hue, word)
    if word == "red" and chroma < _VIVID:
        is_brown = lightness < 0.4 or (chroma < _PALE and _ROSE < hue < 1)
        is_pink = lightness > 0.6 or hue < _ROSE
        word = "pink" if is_pink else "brown" if is_brown else "red"
    elif word == "red" and lightness > 0.7:
        return "pink"
    return "purple" if word == "pink" and lightness < 0.5 else word


def _name_warm(lightness: float, chroma: float, hue: float, word: str) -> str:
    """Return what a colour between red and green is called: few are orange or yellow."""
    if lightness < 0.62:
        return "green" if hue > _OLIVE else "brown"
    if chroma >= _VIVID or (chroma >= _PALE and hue > _OLIVE):
        return word
    return "cream" if lightness > 0.84 and chroma < _PALE else "tan"
