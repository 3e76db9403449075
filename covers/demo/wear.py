"""What print, shops and shelves do to a sleeve: borders, strips, wear, stickers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from covers.demo.brief import Brief
from covers.demo.lettering import FACES, set_lines, stamp
from covers.demo.painting import (
    Canvas,
    coordinates,
    fibres,
    halftone,
    noise,
    smoothstep,
)

_WHITE = np.full(3, 0.96, np.float32)
_BLACK = np.full(3, 0.04, np.float32)
_PAPER = np.array([0.93, 0.87, 0.74], np.float32)

#: Styles whose sleeves may carry a box of warning.
_FRANK = frozenset({"chrome", "wall", "city", "xerox", "emblem", "inferno", "ransom"})

__all__ = ["PrintLook", "finish", "print_look"]


@dataclass(frozen=True)
class PrintLook:
    """How a decade prints, each value a chance or an amount in ``[0, 1]``.

    Parameters
    ----------
    faded : float
        Loss of colour and contrast, yellowing.
    grain : float
        Coarseness of film and paper.
    border : float
        Chance of a bare paper border.
    wear : float
        Chance of the ring that a record rubs into its sleeve.
    """

    faded: float
    grain: float
    border: float
    wear: float


def print_look(year: int) -> PrintLook:
    """Return how covers of a year are printed: faded and coarse early, clean late."""
    age = float(np.clip((2010 - year) / 48, 0, 1))
    return PrintLook(
        faded=0.55 * age**1.5,
        grain=0.25 + 0.75 * age,
        border=0.35 * age,
        wear=0.6 * age,
    )


def _mark(b: Brief, canvas: Canvas) -> None:
    """Print a stereo strip, a catalogue number or a box of warning, as the year has it."""
    p, rng = b.palette, b.rng
    code = f"{b.label[:3].upper()}-{int(b.house.integers(1000, 9999))}"
    small = FACES["grotesque"]
    chance = rng.random()
    if b.year < 1976 and chance < 0.45:
        canvas.lay(canvas.box(-1, -1, 2, 0.036), p.paper)
        words = "STEREO" if b.year > 1966 else "HIGH FIDELITY"
        strip = b.line(words, FACES["wide light"], 0.5, 0.019)
        ink = b.readable(canvas, (0, 0, 1, 0.03), p.ink)
        stamp(canvas, strip, 0.05, 0.019, ink, anchor=(0, 0.5))
        stamp(
            canvas, b.line(code, small, 0.2, 0.018), 0.95, 0.019, ink, anchor=(1, 0.5)
        )
    elif b.year < 1998 and chance < 0.5:
        x, y = float(rng.choice([0.035, 0.965])), float(rng.choice([0.035, 0.965]))
        ink = b.readable(canvas, (x - 0.1, y - 0.03, x + 0.1, y + 0.03), p.paper)
        number = b.line(code, small, 0.16, 0.022)
        stamp(canvas, number, x, y, ink, anchor=(round(x), round(y)))
    elif b.year >= 1988 and b.style in _FRANK and chance < 0.3:
        lines = ["LISTENER", "FRANK WORDS", "DISCRETION"]
        box = set_lines(
            lines, FACES["heavy"], b.pixels(0.15), b.pixels(0.085), justify=True
        )
        box = np.pad(box, b.pixels(0.008))
        side = float(rng.choice([0.04, 0.96]))
        stamp(canvas, np.ones_like(box), side, 0.96, _WHITE, anchor=(round(side), 1))
        stamp(canvas, box, side, 0.96, _BLACK, anchor=(round(side), 1))


def _sticker(b: Brief, canvas: Canvas) -> None:
    """Stick a shop's price on the sleeve."""
    x, y = float(b.rng.choice([0.86, 0.14])), b.between(0.1, 0.2)
    colours = np.array(
        [[0.93, 0.75, 0.15], [0.85, 0.2, 0.2], [0.2, 0.5, 0.3]], np.float32
    )
    canvas.lay(canvas.disc(x, y, 0.065), colours[int(b.rng.integers(3))])
    words = b.pick("2.99", "NEW", "50p", "USED", "HIT")
    stamp(canvas, b.line(words, FACES["heavy"], 0.09, 0.04), x, y, _WHITE)


def _rub(b: Brief, canvas: Canvas) -> None:
    """Rub the record's ring and the edges bare."""
    rng, (x, y) = b.rng, coordinates(b.size)
    away = np.hypot(x - 0.5, y - 0.5)
    ring = np.exp(-(((away - b.between(0.44, 0.475)) / 0.012) ** 2))
    bare = noise(rng, b.size, 7, octaves=4)
    canvas.lay(ring * smoothstep(0.3, 0.8, bare), _PAPER, b.between(0.15, 0.5))
    edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    scuff = smoothstep(0.022, 0.0, edge) * smoothstep(0.35, 0.75, bare)
    canvas.lay(scuff, _PAPER, 0.7)


def finish(b: Brief, canvas: Canvas) -> npt.NDArray[np.uint8]:
    """Print, wear and photograph a drawn sleeve.

    Parameters
    ----------
    b : Brief
        The sleeve's brief; its year decides the print look.
    canvas : Canvas
        The drawn sleeve, which is changed.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
        The cover as a scan would show it.
    """
    rng, look = b.rng, print_look(b.year)
    x, y = coordinates(b.size)
    _mark(b, canvas)
    if rng.random() < 0.1 * look.wear:
        _sticker(b, canvas)
    if rng.random() < look.border:
        margin = b.between(0.015, 0.04)
        bare = 1 - canvas.box(margin, margin, 1 - margin, 1 - margin)
        canvas.lay(bare, np.clip(b.palette.paper * 1.02, 0, 1))
    if b.year < 1972 and rng.random() < 0.35:
        canvas.shade(0.82 + 0.22 * halftone(canvas.grey(), b.size / 110, 0.5))
    faded = look.faded * b.between(0.5, 1.3)
    kept = 1 - 0.3 * faded + 0.3 * faded * _PAPER
    canvas.pixels += (canvas.grey() - canvas.pixels) * np.float32(0.35 * faded)
    canvas.pixels *= kept[:, None, None]
    canvas.pixels += (_PAPER * (0.105 * faded))[:, None, None]
    if rng.random() < look.wear:
        _rub(b, canvas)
    canvas.pixels += fibres(rng, b.size) * np.float32(
        0.015 + 0.05 * look.grain * b.between(0.4, 1)
    )
    light = (
        1
        + float(rng.normal(0, 0.03)) * (x - 0.5)
        + float(rng.normal(0, 0.04)) * (y - 0.5)
    )
    if rng.random() < 0.4:
        spine = x if rng.random() < 0.8 else 1 - x
        light = light * (1 - 0.22 * np.exp(-spine / 0.012))
    canvas.shade(light)
    flat = np.clip(canvas.pixels, 0, 1) * np.float32(255) + np.float32(0.5)
    return np.ascontiguousarray(flat.astype(np.uint8).transpose(1, 2, 0))
