"""The visual styles: for each its painter, palettes, tone of title and decades."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from covers.demo.brief import Brief
from covers.demo.painting import Canvas, jitter_palette
from covers.demo.styles.air import fog, glow
from covers.demo.styles.countryside import pastoral, porch
from covers.demo.styles.darkness import emblem, inferno
from covers.demo.styles.engraving import cartouche, rosette
from covers.demo.styles.geometry import contours, grid, swiss
from covers.demo.styles.paper import cutouts, woodcut
from covers.demo.styles.photocopy import ransom, xerox
from covers.demo.styles.streets import city, wall
from covers.demo.styles.studio import chrome, portrait
from covers.demo.wear import finish

__all__ = ["DESIGNS", "PALETTES", "Design", "Sleeve", "draw_sleeve"]

#: Five colours from dark to light: ink, deep, main, accent, paper. Most serve
#: several styles, so that colour alone does not tell the style.
PALETTES: MappingProxyType[str, str] = MappingProxyType(
    {
        "midnight": "0a0d1c 1b2a57 3f62b0 e8a33d f1ead7",
        "ember": "120806 4a120c b8321a f0952b f6e3b8",
        "moss": "10160f 2c4428 6d8a4b d8a441 efe6cc",
        "slate": "0e1114 30393f 76848b c4553b e6e4dc",
        "rose": "1c0a16 5c1d44 c0517f f4a6a0 f8ece6",
        "lagoon": "041619 0d4a52 2f9a97 f2c14e eef3e6",
        "sepia": "1d120a 4a3220 9a7148 b5432b efe0c0",
        "bone": "0b0a09 2b2723 8d857a a3201c ece5d6",
        "acid": "0d0d0d 2a2a2a f4e409 ff2f92 fafaf2",
        "signal": "0c0c0e 7c0f14 e0241f f6c915 f7f3e8",
        "violet": "0b0618 2d1466 7d3ec8 ff5fb2 f0e3ff",
        "neon": "06030f 240a52 c01f9a 22e0e8 fdf3c4",
        "cream": "1a1714 5a4632 c8a064 7c2d26 f6efdc",
        "forest": "0a110e 15382f 3f7a5f cfa75c e9ecd9",
        "sky": "0d1a2b 2c5c8f 86b8d9 e8734a f5f3ea",
        "ash": "060606 1d1d1f 5b5b60 b9b9bd e9e9ea",
        "blood": "080303 2e0505 7d0c0c d9261c eadfce",
        "gold": "0e0a05 3d2a0e 8a6420 e3b341 fbf1cf",
        "mint": "0f1f1c 2d6b60 8fd3bd f26d5b fbf7ec",
        "plum": "150a1a 40204f 8d5a97 d9a05b eee4e8",
        "dusk": "120f24 3b2f63 a0658f f2a07b fbe6d0",
        "ice": "0d1720 33566e 9cc3d5 d7e6ea f7fafa",
        "orange": "1a0d05 6b2a0c e2661c 2d7f86 f7ecd6",
        "field": "17160a 48521f a39a3e c96f2b f0e8c8",
    }
)


@dataclass(frozen=True)
class Design:
    """One visual style.

    Parameters
    ----------
    paint : callable
        Draws a brief on a canvas.
    palettes : tuple of str
        Names in `PALETTES` that the style uses, equally often.
    tone : str
        Kind of album title, see `covers.demo.names.album_title`.
    years : tuple of int
        First, most frequent and last year.
    """

    paint: Callable[[Brief], Canvas]
    palettes: tuple[str, ...]
    tone: str
    years: tuple[int, int, int]


def _design(
    paint: Callable[[Brief], Canvas], palettes: str, tone: str, *years: int
) -> Design:
    first, mode, last = years
    return Design(paint, tuple(palettes.split()), tone, (first, mode, last))


DESIGNS: MappingProxyType[str, Design] = MappingProxyType(
    {
        "cartouche": _design(
            cartouche,
            "cream gold slate forest plum sky sepia signal",
            "formal",
            1962,
            1978,
            2012,
        ),
        "chrome": _design(
            chrome,
            "gold midnight blood violet lagoon ember forest",
            "street",
            1988,
            1999,
            2015,
        ),
        "city": _design(
            city,
            "midnight ember rose lagoon violet sepia gold dusk",
            "street",
            1964,
            1995,
            2024,
        ),
        "contours": _design(
            contours,
            "ash midnight lagoon signal neon ice mint bone orange violet",
            "still",
            1978,
            2005,
            2024,
        ),
        "cutouts": _design(
            cutouts,
            "signal orange lagoon mint cream sky rose field",
            "cool",
            1962,
            1964,
            1998,
        ),
        "emblem": _design(
            emblem,
            "ash blood bone ember signal gold forest violet",
            "loud",
            1978,
            1992,
            2024,
        ),
        "fog": _design(
            fog,
            "slate ice forest dusk ash sky plum moss",
            "still",
            1974,
            2010,
            2024,
        ),
        "glow": _design(
            glow,
            "dusk lagoon rose violet ice midnight ember mint sky plum",
            "still",
            1974,
            2012,
            2024,
        ),
        "grid": _design(
            grid,
            "neon violet midnight lagoon rose ember dusk",
            "still",
            1979,
            1986,
            2024,
        ),
        "inferno": _design(
            inferno,
            "ember blood forest midnight violet slate lagoon",
            "loud",
            1974,
            1994,
            2024,
        ),
        "pastoral": _design(
            pastoral,
            "field moss sky cream forest sepia dusk",
            "formal",
            1962,
            1972,
            2016,
        ),
        "porch": _design(
            porch,
            "sepia cream bone field moss slate ash",
            "earth",
            1963,
            1972,
            2020,
        ),
        "portrait": _design(
            portrait,
            "midnight signal ash lagoon orange sepia moss rose bone",
            "cool",
            1962,
            1966,
            2018,
        ),
        "ransom": _design(
            ransom,
            "acid signal orange mint rose lagoon neon",
            "loud",
            1976,
            1979,
            2012,
        ),
        "rosette": _design(
            rosette,
            "gold plum forest midnight cream blood slate",
            "formal",
            1962,
            1985,
            2018,
        ),
        "swiss": _design(
            swiss,
            "signal mint orange sky acid ash lagoon rose",
            "still",
            1979,
            2000,
            2024,
        ),
        "wall": _design(
            wall,
            "orange slate signal lagoon sepia violet acid",
            "street",
            1982,
            1996,
            2020,
        ),
        "woodcut": _design(
            woodcut,
            "moss cream sepia forest bone orange midnight field signal",
            "earth",
            1964,
            2008,
            2024,
        ),
        "xerox": _design(
            xerox,
            "ash bone acid signal blood orange mint",
            "loud",
            1976,
            1984,
            2018,
        ),
    }
)


@dataclass(frozen=True)
class Sleeve:
    """What is decided about a cover before it is painted.

    Parameters
    ----------
    style : str
        A key of `DESIGNS`.
    artist, title, label : str
        Lettering.
    year : int
        Year of release.
    house_seed, cover_seed : tuple of int
        Seeds of what the artist's covers share, and of this cover.
    """

    style: str
    artist: str
    title: str
    label: str
    year: int
    house_seed: tuple[int, ...]
    cover_seed: tuple[int, ...]


def draw_sleeve(sleeve: Sleeve, size_px: int) -> npt.NDArray[np.uint8]:
    """Draw one cover.

    Parameters
    ----------
    sleeve : Sleeve
        What to draw; equal sleeves give equal pixels.
    size_px : int
        Side in pixels.

    Returns
    -------
    ndarray of uint8, shape (size_px, size_px, 3)
        The cover in RGB.
    """
    design = DESIGNS[sleeve.style]
    house = np.random.default_rng(sleeve.house_seed)
    rng = np.random.default_rng(sleeve.cover_seed)
    favourite = design.palettes[int(house.integers(len(design.palettes)))]
    other = design.palettes[int(rng.integers(len(design.palettes)))]
    name = favourite if rng.random() < 0.6 else other
    brief = Brief(
        rng=rng,
        house=house,
        palette=jitter_palette(rng, PALETTES[name], 0.8),
        style=sleeve.style,
        artist=sleeve.artist,
        title=sleeve.title,
        label=sleeve.label,
        year=sleeve.year,
        size=size_px,
    )
    return finish(brief, design.paint(brief))
