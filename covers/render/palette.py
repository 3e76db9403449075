"""One colour per genre, the same in every figure, report and page.

Eight colours come first: those of Okabe and Ito [1]_ without black and grey,
because readers know them and all common kinds of colour blindness tell them
apart, each as near as it can be while it stands out from white paper and from
the dark page alike (a contrast of at least 3). The colours after them are found
by looking, again and again, for the colour with that contrast that is farthest
from all before it as seen by normal, protanopic, deuteranopic and tritanopic
eyes. Beyond some twenty colours nobody can name a
genre by its colour alone, so figures also write the names; the colours stay
distinct for up to `MOST_COLOURS` genres and repeat after that. Of more than
`MOST_NAMED` genres, those below one broad genre are therefore shades of its colour.

References
----------
.. [1] Okabe, M., Ito, K. (2008). "Color Universal Design: how to make figures
   and presentations that are friendly to colorblind people".
.. [2] Machado, G., Oliveira, M., Fernandes, L. (2009). "A Physiologically-based
   Model for Simulation of Color Vision Deficiency". IEEE TVCG 15(6), table 1.
.. [3] Ottosson, B. (2020). "A perceptual color space for image processing" (Oklab).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from covers.catalogue.genre_tree import GenreTree

__all__ = [
    "DIVERGING_SCALE",
    "GROUNDS",
    "MOST_COLOURS",
    "MOST_NAMED",
    "NOISE_COLOUR",
    "SEQUENTIAL_SCALE",
    "cluster_colours",
    "colour_sequence",
    "contrast",
    "genre_colours",
    "genre_families",
    "seen_by",
    "shades",
    "text_colour",
]

NOISE_COLOUR = "#bdbdbd"
"""Grey of everything that belongs to no genre or cluster; no genre gets a grey."""

SEQUENTIAL_SCALE = "cividis"
"""Name, in matplotlib, of the scale for shares and overlaps."""

DIVERGING_SCALE = "PuOr"
"""Name, in matplotlib, of the scale for values around a middle, such as log lift."""

MOST_COLOURS = 300
"""How many distinct colours there are; they repeat after that."""

MOST_NAMED = 20
"""With more genres than this a colour stands for a broad genre, its shades for the finer ones."""

GROUNDS = ("#ffffff", "#15171b")
"""What colours stand on: paper and the light page, and the dark page."""

_FIRST = (
    "#0078c8",
    "#d87800",
    "#008058",
    "#c870a0",
    "#4898d0",
    "#c85000",
    "#70a060",
    "#904898",
)

_LEAST_CONTRAST = 3.0
_SHADED = 0.17
_PALE = 0.6
"""Part of the chroma that every other shade keeps: lightness alone has little room."""

# Full dichromacy in linear RGB (Machado et al. 2009, severity 1.0).
_VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}

_RGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def genre_colours(genres: Iterable[str], further: Iterable[str] = ()) -> dict[str, str]:
    """Give each genre its colour.

    Parameters
    ----------
    genres : iterable of str
        *All* genres of the catalogue (``Catalogue.vocab``), not only those that a
        page shows, so that a genre keeps its colour from page to page. Their order
        and repetitions do not matter.
    further : iterable of str
        Genres too rare to be among these. They change no colour: each has that of
        its broad genre, or one that comes after.

    Returns
    -------
    dict of str to str
        ``"#rrggbb"`` by genre, in alphabetical order of the genres.

    Examples
    --------
    >>> genre_colours(["Rock", "Jazz"])
    {'Jazz': '#0078c8', 'Rock': '#d87800'}
    """
    names = sorted(set(genres))
    more = sorted(set(further) - set(names))
    if len(names) <= MOST_NAMED:
        names = [*names, *more]
        return dict(zip(names, colour_sequence(len(names)), strict=True))
    families = genre_families(names)
    found: dict[str, str] = {}
    for family, colour in zip(
        families.values(), colour_sequence(len(families)), strict=True
    ):
        found |= dict(zip(family, shades(colour, len(family)), strict=True))
    tree = _tree()
    base = {tree.broad(family[0]): found[family[0]] for family in families.values()}
    new = dict.fromkeys(
        broad for name in more if (broad := tree.broad(name)) not in base
    )
    after = colour_sequence(len(families) + len(new))[len(families) :]
    base |= dict(zip(new, after, strict=True))
    found |= {name: base[tree.broad(name)] for name in more}
    return {name: found[name] for name in sorted(found)}


def genre_families(genres: Iterable[str]) -> dict[str, list[str]]:
    """Put genres below the broad genre that they belong to by their names.

    Parameters
    ----------
    genres : iterable of str

    Returns
    -------
    dict of str to list of str
        By name of the broad genre, largest families first: the genres below it, the
        broad genre itself first. It is called as among `genres`, and as in the shipped
        tree where it is not one of them. A name that the tree does not know is a
        family of its own.

    Examples
    --------
    >>> genre_families(["house", "jazz", "techno", "bebop", "hard bop"])
    {'jazz': ['jazz', 'bebop', 'hard bop'], 'Electronic': ['house', 'techno']}
    """
    tree = _tree()
    families: dict[str, list[str]] = {}
    for name in sorted(set(genres)):
        families.setdefault(tree.broad(name), []).append(name)
    found: dict[str, list[str]] = {}
    for broad, family in families.items():
        own = [name for name in family if (tree.canonical(name) or name) == broad]
        found[own[0] if own else broad] = [*own, *(n for n in family if n not in own)]
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def shades(colour: str, n: int) -> list[str]:
    """Return a colour and `n` - 1 shades of it, lighter and darker in turn.

    Examples
    --------
    >>> shades("#0078c8", 1)
    ['#0078c8']
    """
    if n < 2:
        return [colour][:n]
    base = seen_by([colour], "normal")[0]
    tried = base[0] + np.linspace(-_SHADED, _SHADED, 69)
    usable = tried[
        np.logical_and.reduce(
            [_stands_out(_toned(base, tried, chroma)) for chroma in (1.0, _PALE)]
        )
    ]
    ends = (usable[0], usable[-1]) if len(usable) else (base[0], base[0])
    levels = np.linspace(*ends, n)
    levels = levels[np.argsort(np.abs(levels - base[0]), kind="stable")]
    chroma = np.where(np.arange(n) % 2, _PALE, 1.0)
    return [colour, *(_format(rgb) for rgb in _toned(base, levels, chroma)[1:])]


def cluster_colours(labels: Iterable[int]) -> dict[int, str]:
    """Give each cluster id its colour; negative ids are noise and grey.

    The colour depends on the id alone, so that a cluster that kept its id keeps
    its colour.

    Examples
    --------
    >>> cluster_colours([-1, 0])
    {-1: '#bdbdbd', 0: '#0078c8'}
    """
    ids = sorted({int(label) for label in labels})
    colours = colour_sequence(max(ids, default=-1) + 1)
    return {i: NOISE_COLOUR if i < 0 else colours[i] for i in ids}


def colour_sequence(n: int) -> list[str]:
    """Return the first `n` colours of the palette; they repeat after `MOST_COLOURS`.

    Raises
    ------
    ValueError
        If `n` is negative.
    """
    if n < 0:
        message = f"the number of colours must be at least 0, got {n}"
        raise ValueError(message)
    if n <= len(_FIRST):
        return list(_FIRST[:n])
    colours = _all_colours()
    return [colours[i % len(colours)] for i in range(n)]


def text_colour(background: str) -> str:
    """Return black or white, whichever reads better on `background` (WCAG contrast).

    Examples
    --------
    >>> text_colour("#f0e442"), text_colour("#0072b2")
    ('#000000', '#ffffff')
    """
    black, white = "#000000", "#ffffff"
    reads_better = contrast(black, background) >= contrast(white, background)
    return black if reads_better else white


def contrast(colour: str, ground: str) -> float:
    """Return how much a colour stands out from what it stands on, from 1 to 21 (WCAG).

    Examples
    --------
    >>> round(contrast("#ffffff", "#000000"))
    21
    """
    low, high = sorted(_luminance(_parse([colour, ground])))
    return float((high + 0.05) / (low + 0.05))


def seen_by(colours: Iterable[str], vision: str) -> npt.NDArray[np.float64]:
    """Return colours in Oklab as one kind of colour vision sees them.

    Parameters
    ----------
    colours : iterable of str
        As ``"#rrggbb"``.
    vision : {"normal", "protanopia", "deuteranopia", "tritanopia"}
        Whose eyes.

    Returns
    -------
    ndarray of float64, shape (n_colours, 3)
        Oklab coordinates; a Euclidean distance of 0.02 is just noticeable.
    """
    return _oklab(_linear(_parse(colours)), _VISIONS[vision])


@cache
def _tree() -> GenreTree:
    from covers.catalogue.genre_tree import GenreTree

    return GenreTree.read()


@cache
def _all_colours() -> tuple[str, ...]:
    """Extend the first colours by the farthest candidate, one at a time."""
    steps = np.linspace(0, 255, 24).round().astype(int)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    candidates = grid.reshape(-1, 3) / 255  # (C, 3)
    lab = _oklab(_linear(candidates), _VISIONS["normal"])
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    # Never mistaken for the grey of noise either.
    usable = _stands_out(candidates) & (chroma > 0.05)
    candidates = candidates[usable]
    first = _parse(_FIRST)
    points = np.concatenate([first, candidates])
    seen = np.stack([_oklab(_linear(points), m) for m in _VISIONS.values()])
    grey = np.stack(
        [_oklab(_linear(_parse([NOISE_COLOUR])), m) for m in _VISIONS.values()]
    )
    nearest = np.linalg.norm(seen - grey, axis=2).min(axis=0)  # (C,)
    chosen: list[int] = []
    for i in range(MOST_COLOURS):
        best = i if i < len(_FIRST) else int(nearest.argmax())
        chosen.append(best)
        # Tritanopia is rare (1 in 10,000), so it counts half as much.
        distances = np.linalg.norm(seen - seen[:, best : best + 1], axis=2)
        distances[3] = distances[3] * 2
        nearest = np.minimum(nearest, distances.min(axis=0))
    return tuple(_format(points[i]) for i in chosen)


def _stands_out(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return which colours, sRGB in 0..1, have the least contrast to every ground."""
    seen = _luminance(rgb)[:, None] + 0.05  # (n, 1)
    grounds = _luminance(_parse(GROUNDS)) + 0.05  # (grounds,)
    ratio = np.maximum(seen / grounds, grounds / seen)
    # A little more, because written colours are rounded.
    least = ratio.min(axis=1, initial=np.inf)
    stands_out: npt.NDArray[np.bool_] = least > _LEAST_CONTRAST + 0.04
    return stands_out


def _toned(
    base: npt.NDArray[np.float64],
    lightness: npt.NDArray[np.float64],
    chroma: npt.NDArray[np.float64] | float,
) -> npt.NDArray[np.float64]:
    """Return a colour in Oklab as sRGB, with other lightness and a part of its chroma."""
    a, b = base[1] * chroma, base[2] * chroma
    return _from_oklab(
        np.column_stack([lightness, *np.broadcast_arrays(a, b, lightness)[:2]])
    )


def _luminance(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the luminance (WCAG) of sRGB in 0..1, shape (n, 3)."""
    luminance: npt.NDArray[np.float64] = _linear(rgb) @ (0.2126, 0.7152, 0.0722)
    return luminance


def _parse(colours: Iterable[str]) -> npt.NDArray[np.float64]:
    """Turn ``"#rrggbb"`` into sRGB in 0..1, shape (n, 3)."""
    rows = [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours]
    return np.array(rows, np.float64).reshape(-1, 3)


def _format(rgb: npt.NDArray[np.float64]) -> str:
    """Turn sRGB in 0..1 into ``"#rrggbb"``."""
    return "#" + "".join(f"{round(float(v) * 255):02x}" for v in rgb)


def _linear(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Undo the sRGB transfer curve."""
    linear: npt.NDArray[np.float64] = np.where(
        rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4
    )
    return linear


def _oklab(
    linear: npt.NDArray[np.float64], vision: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Turn linear RGB, as seen through `vision`, into Oklab."""
    seen = np.clip(linear @ vision.T, 0, 1)
    lab: npt.NDArray[np.float64] = np.cbrt(seen @ _RGB_TO_LMS.T) @ _LMS_TO_LAB.T
    return lab


def _from_oklab(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turn Oklab into sRGB in 0..1, what lies outside brought to the edge."""
    linear = np.clip(
        (lab @ np.linalg.inv(_LMS_TO_LAB).T) ** 3 @ np.linalg.inv(_RGB_TO_LMS).T, 0, 1
    )
    srgb: npt.NDArray[np.float64] = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return srgb
