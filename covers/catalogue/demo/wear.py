"""What print, shops and shelves do to a sleeve: borders, strips, wear, stickers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from covers.catalogue.demo.brief import Brief
from covers.catalogue.demo.lettering import FACES, set_lines, stamp
from covers.catalogue.demo.painting import (
    Canvas,
    coordinates,
    fibres,
    halftone,
    noise,
    smoothstep,
)

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


def _strip(b: Brief, canvas: Canvas, look: PrintLook) -> None:
    """Print the stereo strip, the catalogue number or the warning box."""
    p, rng = b.palette, b.rng
    code = f"{b.label[:3].upper()}-{int(b.house.integers(1000, 9999))}"
    if b.year < 1976 and rng.random() < 0.45:
        canvas.lay(canvas.box(-1, -1, 2, 0.034), p.paper)
        text = b.line(
            "STEREO" if b.year > 1966 else "HIGH FIDELITY",
            FACES["wide light"],
            0.5,
            0.017,
        )
        stamp(canvas, text, 0.06, 0.018, p.ink, anchor=(0, 0.5))
        stamp(
            canvas,
            b.line(code, FACES["grotesque"], 0.2, 0.016),
            0.95,
            0.018,
            p.ink,
            anchor=(1, 0.5),
        )
    elif b.year < 1998 and rng.random() < 0.5:
        corner = (float(rng.choice([0.035, 0.965])), float(rng.choice([0.035, 0.965])))
        ink = p.paper if float(canvas.pixels[: b.size // 8].mean()) < 0.5 else p.ink
        stamp(
            canvas,
            b.line(code, FACES["grotesque"], 0.16, 0.022),
            *corner,
            ink,
            anchor=(round(corner[0]), round(corner[1])),
        )
    elif b.year >= 1988 and rng.random() < 0.12:
        lines = set_lines(
            ["LISTENER", "FRANK WORDS", "DISCRETION"],
            FACES["heavy"],
            b.pixels(0.15),
            b.pixels(0.085),
            justify=True,
        )
        pad = np.pad(lines, b.pixels(0.008))
        side = float(rng.choice([0.04, 0.96]))
        stamp(
            canvas,
            np.ones_like(pad),
            side,
            0.96,
            np.full(3, 0.95, np.float32),
            anchor=(round(side), 1),
        )
        stamp(
            canvas,
            pad,
            side,
            0.96,
            np.full(3, 0.04, np.float32),
            anchor=(round(side), 1),
        )
    if look.wear > 0.15 and rng.random() < 0.06:
        x, y = float(rng.choice([0.86, 0.14])), float(rng.uniform(0.1, 0.2))
        canvas.lay(
            canvas.disc(x, y, 0.065),
            np.array([0.93, 0.75, 0.15], np.float32)
            if rng.random() < 0.5
            else np.array([0.85, 0.2, 0.2], np.float32),
        )
        stamp(
            canvas,
            b.line(
                str(rng.choice(["2.99", "NEW", "50p", "USED", "HIT"])),
                FACES["heavy"],
                0.09,
                0.04,
            ),
            x,
            y,
            np.full(3, 0.97, np.float32),
        )


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
    _strip(b, canvas, look)
    if rng.random() < look.border:
        margin = float(rng.uniform(0.015, 0.04))
        canvas.lay(
            1 - canvas.box(margin, margin, 1 - margin, 1 - margin),
            np.clip(b.palette.paper * 1.02, 0, 1),
        )
    if b.year < 1972 and rng.random() < 0.35:
        grey = canvas.pixels.mean(axis=2)
        dots = halftone(grey, b.size / 110, 0.5)
        canvas.pixels *= (0.82 + 0.22 * dots)[..., None]
    faded = look.faded * float(rng.uniform(0.5, 1.3))
    paper = np.array([0.93, 0.87, 0.74], np.float32)
    grey3 = canvas.pixels.mean(axis=2, keepdims=True)
    canvas.pixels = canvas.pixels * (1 - 0.35 * faded) + grey3 * (0.35 * faded)
    canvas.pixels = canvas.pixels * (1 - 0.3 * faded) + paper * (0.3 * faded) * (
        0.35 + canvas.pixels
    )
    if rng.random() < look.wear:
        away = np.hypot(x - 0.5, y - 0.5)
        ring = np.exp(-(((away - float(rng.uniform(0.44, 0.475))) / 0.012) ** 2))
        rubbed = ring * smoothstep(0.3, 0.8, noise(rng, b.size, 5, octaves=4))
        canvas.lay(rubbed.astype(np.float32), paper, float(rng.uniform(0.15, 0.5)))
        edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
        scuff = smoothstep(0.022, 0.0, edge) * smoothstep(
            0.35, 0.75, noise(rng, b.size, 14, octaves=3)
        )
        canvas.lay(scuff.astype(np.float32), paper, 0.7)
    canvas.pixels += (
        fibres(rng, b.size) * (0.015 + 0.05 * look.grain * float(rng.uniform(0.4, 1)))
    )[..., None]
    if rng.random() < 0.4:
        canvas.shade(1 - 0.22 * np.exp(-(x if rng.random() < 0.8 else 1 - x) / 0.012))
    canvas.shade(
        (
            1
            + float(rng.normal(0, 0.03)) * (x - 0.5)
            + float(rng.normal(0, 0.04)) * (y - 0.5)
        ).astype(np.float32)
    )
    return np.asarray(np.clip(canvas.pixels, 0, 1) * 255 + 0.5, np.uint8)
