"""Skies, ridges, trees, water and the people in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from covers.demo.painting import (
    Canvas,
    Field,
    coordinates,
    noise,
    ridge_line,
    smoothstep,
)

__all__ = ["Tree", "draw_trees", "fir", "hills", "player", "reflect", "sky"]


def sky(
    rng: np.random.Generator, canvas: Canvas, top: Field, bottom: Field, clouds: float
) -> None:
    """Fill the canvas with a sky; `clouds` is their opacity."""
    canvas.gradient(top, bottom)
    drift = noise(rng, canvas.size, 2.5, octaves=5, stretch=4)
    canvas.lay(smoothstep(0.45, 0.85, drift), np.clip(bottom * 1.18, 0, 1), clouds)


def hills(
    rng: np.random.Generator,
    size: int,
    base: float,
    height: float,
    roughness: float,
    cells: int = 3,
) -> Field:
    """Return the mask of everything below a random skyline at `base`."""
    line = base + ridge_line(rng, size, roughness, cells) * height
    y = coordinates(size)[1]
    return np.clip((y - line[None, :]) * size + 0.5, 0, 1)


def reflect(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """Turn everything below the horizon into rippled water."""
    size = canvas.size
    line = int(horizon * size)
    rows = np.arange(line, size)
    depth = ((rows - line) / max(1, size - line)).astype(np.float32)
    ripple = rng.normal(0, 1, len(rows)) * (0.5 + 5 * depth)
    source = np.clip(2 * line - rows + ripple, 0, line - 1).astype(int)
    canvas.pixels[:, line:] = canvas.pixels[:, source] * (0.85 - 0.25 * depth[:, None])


def fir(
    rng: np.random.Generator,
    pen: ImageDraw.ImageDraw,
    x: float,
    foot: float,
    height: float,
) -> None:
    """Draw a fir on a Pillow drawing, in its pixels."""
    width = height * float(rng.uniform(0.13, 0.2))
    tiers = 9
    right: list[tuple[float, float]] = []
    for i in range(1, tiers):
        spread = width * i / tiers
        y = foot - height * (1 - i / tiers)
        jag = float(rng.uniform(0.7, 1.2))
        right += [(x + spread * jag, y), (x + spread * 0.45, y - height * 0.012)]
    left = [(2 * x - px, py) for px, py in reversed(right)]
    pen.polygon([(x, foot - height), *right, *left], fill=255)
    trunk = width * 0.08
    pen.rectangle((x - trunk, foot - height * 0.12, x + trunk, foot), fill=255)


@dataclass(frozen=True)
class Tree:
    """A broad tree.

    Parameters
    ----------
    x, foot : float
        Where the trunk stands, as fractions of the side.
    height : float
        About its height as a fraction of the side.
    fullness : float
        0 is bare, 1 a closed crown.
    """

    x: float
    foot: float
    height: float
    fullness: float


def draw_trees(
    rng: np.random.Generator, canvas: Canvas, trees: Sequence[Tree]
) -> tuple[Field, Field]:
    """Return the masks of some trees and of their lit leaves."""
    branches: list[tuple[float, float, float, float, float]] = []
    tips: list[tuple[float, float, float]] = []

    def grow(
        start: tuple[float, float], angle: float, length: float, level: int, leaf: float
    ) -> None:
        x, y = start
        end_x = x + float(np.cos(angle)) * length
        end_y = y - float(np.sin(angle)) * length
        branches.append((x, y, end_x, end_y, length * 0.15))
        if level < 2:
            tips.append((end_x, end_y, leaf * float(rng.uniform(0.7, 1.3))))
        if level:
            for turn in (-0.52, 0.48, 0.02)[: 2 + (level > 2)]:
                bend = angle + turn + float(rng.normal(0, 0.13))
                shorter = length * float(rng.uniform(0.6, 0.8))
                grow((end_x, end_y), bend, shorter, level - 1, leaf)

    for tree in trees:
        leaf = tree.height * (0.02 + 0.075 * tree.fullness)
        grow((tree.x, tree.foot), np.pi / 2, tree.height * 0.28, 4, leaf)

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        for x0, y0, x1, y1, width in branches:
            pen.line((x0 * k, y0 * k, x1 * k, y1 * k), 255, max(1, round(width * k)))
        _dab(pen, k, tips)

    lit = [(x - r * 0.3, y - r * 0.35, r * 0.55) for x, y, r in tips]
    return canvas.mask(draw), canvas.mask(lambda pen, k: _dab(pen, k, lit))


def _dab(
    pen: ImageDraw.ImageDraw, k: float, leaves: list[tuple[float, float, float]]
) -> None:
    """Dab leaves on a Pillow drawing."""
    for x, y, r in leaves:
        pen.ellipse([v * k for v in (x - r, y - r * 0.8, x + r, y + r * 0.8)], 255)


def player(
    rng: np.random.Generator, canvas: Canvas, foot: tuple[float, float], height: float
) -> Field:
    """Return the mask of a player with a guitar, standing or on a chair."""
    seated = bool(rng.random() < 0.4)
    hatted = bool(rng.random() < 0.5)
    flip = float(rng.choice([-1.0, 1.0]))
    hip = 0.32 if seated else 0.48
    neck = hip + 0.34
    legs = (
        [
            ((0, hip), (0.16, hip + 0.02), (0.17, 0.02)),
            ((0, hip), (0.1, hip - 0.03), (0.08, 0.02)),
        ]
        if seated
        else [
            ((-0.03, hip), (-0.06, 0.24), (-0.07, 0.01)),
            ((0.03, hip), (0.06, 0.24), (0.08, 0.01)),
        ]
    )
    limbs: list[tuple[float, tuple[tuple[float, float], ...]]] = [
        (0.085, leg) for leg in legs
    ]
    if seated:
        limbs.append(
            (0.025, ((-0.12, 0), (-0.1, hip - 0.05), (0.08, hip - 0.05), (0.1, 0)))
        )
    limbs += [
        (0.05, ((0, neck), (0, neck + 0.06))),
        (0.05, ((-0.09, neck - 0.03), (-0.15, neck - 0.17), (-0.02, neck - 0.22))),
        (0.045, ((0.09, neck - 0.03), (0.2, neck - 0.16), (0.26, neck - 0.1))),
        (0.026, ((0.05, hip + 0.12), (0.36, hip + 0.28))),
    ]
    if hatted:
        limbs.append((0.02, ((-0.085, neck + 0.145), (0.1, neck + 0.145))))
        limbs.append((0.055, ((-0.02, neck + 0.175), (0.035, neck + 0.175))))
    blobs = [
        (0.01, neck + 0.11, 0.055),
        (-0.06, hip + 0.1, 0.085),
        (0.03, hip + 0.1, 0.065),
    ]

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        h = height * k

        def at(dx: float, dy: float) -> tuple[float, float]:
            return foot[0] * k + flip * dx * h, foot[1] * k - dy * h

        for width, points in limbs:
            places = [at(*point) for point in points]
            pen.line(places, fill=255, width=max(2, round(width * h)), joint="curve")
            w = width * h / 2
            for cx, cy in places:
                pen.ellipse((cx - w, cy - w, cx + w, cy + w), fill=255)
        body = [(-0.075, hip), (0.075, hip), (0.1, neck), (-0.1, neck)]
        pen.polygon([at(*point) for point in body], fill=255)
        for dx, dy, radius in blobs:
            cx, cy = at(dx, dy)
            r = radius * h
            pen.ellipse((cx - r, cy - r, cx + r, cy + r), fill=255)

    return canvas.mask(draw)
