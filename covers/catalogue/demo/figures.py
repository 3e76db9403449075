"""Things that stand in a picture: lit heads, players, trees, ridges, skulls.

Heads are height fields made of ellipsoids and lit from the side, so that after
halftone or duotone they read as studio photographs.
"""

from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from covers.catalogue.demo.painting import (
    Canvas,
    Field,
    blur,
    coordinates,
    noise,
    relief,
    ridge_line,
    smoothstep,
)

__all__ = [
    "Portrait",
    "draw_portrait",
    "guitarist",
    "hills",
    "leaf_tree",
    "pine_tree",
    "skull",
]


@dataclass(frozen=True)
class Portrait:
    """A head and shoulders in grey.

    Parameters
    ----------
    grey : ndarray of float32, shape (size, size)
        Brightness; meaningful inside the outline only.
    outline : ndarray of float32, shape (size, size)
        1 inside the figure.
    """

    grey: Field
    outline: Field


class _Sculptor:
    """Collects ellipsoids into a height field with an albedo."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.x, self.y = coordinates(size)
        self.height: Field = np.zeros((size, size), np.float32)
        self.albedo: Field = np.full((size, size), 0.5, np.float32)

    def add(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        depth: float,
        albedo: float | None = None,
        *,
        lift: float = 0.0,
    ) -> Field:
        """Add one ellipsoid; return where it is on top."""
        inside = (
            1
            - ((self.x - centre[0]) / radii[0]) ** 2
            - ((self.y - centre[1]) / radii[1]) ** 2
        )
        height = np.sqrt(np.maximum(inside, 0)) * depth + lift * (inside > 0)
        on_top: Field = np.asarray((height > self.height) & (inside > 0), np.float32)
        self.height = np.maximum(self.height, height).astype(np.float32)
        if albedo is not None:
            self.albedo += (albedo - self.albedo) * on_top
        return on_top

    def stain(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        albedo: float,
        strength: float = 1.0,
    ) -> None:
        """Darken or lighten a soft spot."""
        away = ((self.x - centre[0]) / radii[0]) ** 2 + (
            (self.y - centre[1]) / radii[1]
        ) ** 2
        self.albedo += (albedo - self.albedo) * (strength * smoothstep(1.25, 0.7, away))


def draw_portrait(
    rng: np.random.Generator,
    size: int,
    *,
    centre: tuple[float, float] = (0.5, 0.42),
    scale: float = 0.21,
) -> Portrait:
    """Draw a lit head with shoulders, hair, and now and then hat or glasses.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : int
        Side of the picture in pixels.
    centre : tuple of float, default=(0.5, 0.42)
        Middle of the face.
    scale : float, default=0.21
        Half the height of the face as a fraction of the side.

    Returns
    -------
    Portrait
        The figure, to be toned and laid on a canvas.
    """
    s = _Sculptor(size)
    x, y = centre
    r = scale
    turn = float(rng.uniform(-0.45, 0.45))
    skin = float(rng.uniform(0.45, 0.95))
    hair = float(rng.choice([0.06, 0.1, 0.25, 0.5]))
    cloth = float(rng.choice([0.08, 0.15, 0.3, 0.7]))
    s.add((x - turn * 0.2 * r, y + 2.55 * r), (1.95 * r, 1.25 * r), 0.8 * r, cloth)
    s.add((x - turn * 0.2 * r, y + 1.2 * r), (0.46 * r, 0.8 * r), 0.5 * r, skin * 0.9)
    style = str(rng.choice(["short", "short", "afro", "long", "bald", "bob"]))
    if style == "afro":
        s.add((x - turn * 0.2 * r, y - 0.35 * r), (1.35 * r, 1.2 * r), 0.6 * r, hair)
    if style in {"long", "bob"}:
        fall = 1.0 if style == "long" else 0.45
        s.add(
            (x - turn * 0.25 * r, y + fall * 0.5 * r),
            (1.02 * r, (1.15 + fall * 0.6) * r),
            0.55 * r,
            hair,
        )
    s.add((x, y), (0.76 * r, 1.02 * r), 0.78 * r, skin)
    s.add((x + turn * 0.25 * r, y + 0.5 * r), (0.56 * r, 0.62 * r), 0.72 * r, skin)
    if style not in {"bald"}:
        cap = s.add(
            (x - turn * 0.35 * r, y - 0.42 * r), (0.92 * r, 0.78 * r), 0.92 * r, hair
        )
        brow = smoothstep(-0.3, -0.12, (s.y - y) / r + 0.35 * ((s.x - x) / r) ** 2)
        front = cap * brow
        s.albedo += (skin - s.albedo) * front
    middle = x + turn * 0.5 * r
    s.add(
        (middle + turn * 0.12 * r, y + 0.18 * r),
        (0.13 * r, 0.26 * r),
        0.3 * r,
        lift=0.68 * r,
    )
    for side in (-1, 1):
        eye = (middle + side * 0.33 * r * (1 - 0.25 * side * turn), y - 0.06 * r)
        s.stain(eye, (0.21 * r, 0.13 * r), 0.15 * skin, 0.75)
        s.stain((eye[0], eye[1] - 0.2 * r), (0.24 * r, 0.06 * r), hair * 0.6, 0.9)
        s.stain((eye[0] + 0.03 * r, eye[1]), (0.07 * r, 0.05 * r), 0.02, 1.0)
    s.stain((middle, y + 0.6 * r), (0.27 * r, 0.07 * r), 0.3 * skin, 0.85)
    s.stain((middle, y + 0.42 * r), (0.16 * r, 0.05 * r), 0.35 * skin, 0.6)
    extra = str(rng.choice(["none", "none", "shades", "hat", "beard", "beret"]))
    if extra == "shades":
        for side in (-1, 1):
            s.stain((middle + side * 0.36 * r, y - 0.04 * r), (0.31 * r, 0.2 * r), 0.02)
        s.stain((middle, y - 0.08 * r), (0.5 * r, 0.05 * r), 0.02)
    elif extra == "hat":
        s.add(
            (x - turn * 0.2 * r, y - 1.02 * r),
            (0.82 * r, 0.62 * r),
            1.0 * r,
            cloth * 0.7,
        )
        s.add(
            (x + turn * 0.1 * r, y - 0.62 * r),
            (1.35 * r, 0.2 * r),
            0.4 * r,
            cloth * 0.5,
            lift=0.8 * r,
        )
    elif extra == "beret":
        s.add(
            (x - turn * 0.6 * r, y - 0.82 * r), (1.0 * r, 0.4 * r), 1.0 * r, cloth * 0.6
        )
    elif extra == "beard":
        s.stain((middle, y + 0.78 * r), (0.55 * r, 0.45 * r), hair, 0.8)
    height = blur(s.height, max(1.6, 0.05 * r * size))
    side = float(rng.choice([-1.0, 1.0]))
    light = np.pi / 2 - side * rng.uniform(0.6, 1.3)
    lit = relief(height * 1.25, float(light), float(rng.uniform(0.25, 0.6)))
    texture = noise(rng, size, 40, octaves=2, stretch=0.4) - 0.5
    albedo = s.albedo + texture * 0.25 * smoothstep(0.4, 0.1, s.albedo)
    outline = np.clip(blur(np.asarray(s.height > 0, np.float32), 1.6) * 1.4 - 0.2, 0, 1)
    rim = blur(s.height, 9) / (r + 1e-6)
    grey = albedo * (0.1 + 1.05 * lit) + 0.04 * rim
    return Portrait(np.clip(grey, 0, 1).astype(np.float32), outline.astype(np.float32))


def guitarist(
    rng: np.random.Generator, canvas: Canvas, x: float, foot: float, height: float
) -> Field:
    """Return the mask of a standing or seated player with a guitar."""
    seated = bool(rng.random() < 0.4)
    flip = float(rng.choice([-1.0, 1.0]))
    hat = bool(rng.random() < 0.5)
    lean = float(rng.uniform(-0.04, 0.04))

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        h = height * k
        px, py = x * k, foot * k

        def at(dx: float, dy: float) -> tuple[float, float]:
            return px + flip * (dx - lean * dy) * h, py - dy * h

        def limb(*points: tuple[float, float], width: float) -> None:
            places = [at(*p) for p in points]
            pen.line(places, fill=255, width=max(2, round(width * h)), joint="curve")
            for cx, cy in places:
                w = width * h / 2
                pen.ellipse((cx - w, cy - w, cx + w, cy + w), fill=255)

        hip = 0.32 if seated else 0.48
        top = hip + 0.34
        if seated:
            limb((0, hip), (0.16, hip + 0.02), (0.17, 0.02), width=0.085)
            limb((-0.02, hip), (0.1, hip - 0.03), (0.08, 0.02), width=0.085)
            limb(
                (-0.12, 0),
                (-0.1, hip - 0.05),
                (0.08, hip - 0.05),
                (0.1, 0),
                width=0.025,
            )
        else:
            limb((-0.03, hip), (-0.06, 0.24), (-0.07, 0.01), width=0.085)
            limb((0.03, hip), (0.06, 0.24), (0.08, 0.01), width=0.085)
        pen.polygon(
            [at(-0.075, hip), at(0.075, hip), at(0.1, top), at(-0.1, top)], fill=255
        )
        limb((0, top), (0, top + 0.06), width=0.05)
        hx, hy = at(0.01, top + 0.11)
        pen.ellipse(
            (hx - 0.05 * h, hy - 0.065 * h, hx + 0.05 * h, hy + 0.065 * h), fill=255
        )
        if hat:
            limb((-0.085, top + 0.145), (0.1, top + 0.145), width=0.02)
            limb((-0.02, top + 0.175), (0.035, top + 0.175), width=0.055)
        limb((-0.09, top - 0.03), (-0.15, top - 0.17), (-0.02, top - 0.22), width=0.05)
        limb((0.09, top - 0.03), (0.2, top - 0.16), (0.26, top - 0.1), width=0.045)
        for dx, radius in ((-0.06, 0.085), (0.03, 0.065)):
            gx, gy = at(dx, hip + 0.1)
            pen.ellipse(
                (gx - radius * h, gy - radius * h, gx + radius * h, gy + radius * h),
                fill=255,
            )
        limb((0.05, hip + 0.12), (0.36, hip + 0.28), width=0.026)

    return canvas.mask(draw)


def hills(
    rng: np.random.Generator,
    size: int,
    base: float,
    relief_: float,
    roughness: float,
    cells: int = 3,
) -> Field:
    """Return the mask of everything below a random skyline."""
    line = base + ridge_line(rng, size, roughness, cells) * relief_
    y = coordinates(size)[1]
    return np.asarray(np.clip((y - line[None, :]) * size + 0.5, 0, 1), np.float32)


def pine_tree(
    rng: np.random.Generator,
    pen: ImageDraw.ImageDraw,
    x: float,
    foot: float,
    height: float,
) -> None:
    """Draw a fir on a Pillow drawing, in its pixels."""
    width = height * float(rng.uniform(0.13, 0.2))
    tiers = 9
    points: list[tuple[float, float]] = [(x, foot - height)]
    for i in range(1, tiers):
        spread = width * i / tiers
        y = foot - height * (1 - i / tiers)
        jag = float(rng.uniform(0.7, 1.2))
        points += [(x + spread * jag, y), (x + spread * 0.45, y - height * 0.012)]
    right = points[1:]
    left = [(2 * x - px, py) for px, py in reversed(right)]
    pen.polygon([points[0], *right, *left], fill=255)
    pen.rectangle(
        (x - width * 0.08, foot - height * 0.12, x + width * 0.08, foot), fill=255
    )


def leaf_tree(
    rng: np.random.Generator, canvas: Canvas, x: float, foot: float, height: float
) -> tuple[Field, Field]:
    """Return masks of a broad tree: the whole, and its lit foliage."""
    branches: list[tuple[float, float, float, float, float]] = []
    tips: list[tuple[float, float]] = []

    def grow(x0: float, y0: float, angle: float, length: float, level: int) -> None:
        x1, y1 = x0 + np.cos(angle) * length, y0 - np.sin(angle) * length
        branches.append((x0, y0, x1, y1, length * 0.16))
        if level == 0:
            tips.append((x1, y1))
            return
        for turn in (-0.5, 0.45, 0.02)[: 2 + (level > 2)]:
            grow(
                x1,
                y1,
                angle + turn + rng.normal(0, 0.12),
                length * rng.uniform(0.62, 0.8),
                level - 1,
            )

    grow(x, foot, np.pi / 2, height * 0.3, 4)
    leafy = float(rng.uniform(0.04, 0.075)) * height

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        for x0, y0, x1, y1, width in branches:
            pen.line(
                (x0 * k, y0 * k, x1 * k, y1 * k),
                fill=255,
                width=max(1, round(width * k)),
            )
        for tx, ty in tips:
            pen.ellipse(
                [(v) * k for v in (tx - leafy, ty - leafy, tx + leafy, ty + leafy)],
                fill=255,
            )

    def draw_lit(pen: ImageDraw.ImageDraw, k: float) -> None:
        for tx, ty in tips:
            small = leafy * 0.7
            cx, cy = tx - leafy * 0.3, ty - leafy * 0.4
            pen.ellipse(
                [v * k for v in (cx - small, cy - small, cx + small, cy + small)],
                fill=255,
            )

    return canvas.mask(draw), canvas.mask(draw_lit)


def skull(
    rng: np.random.Generator, size: int, x: float, y: float, r: float
) -> tuple[Field, Field]:
    """Return brightness and mask of a skull of half height `r`."""
    s = _Sculptor(size)
    wide = float(rng.uniform(0.82, 0.95))
    s.add((x, y - 0.15 * r), (wide * r, 0.88 * r), 0.9 * r, 0.95)
    s.add((x, y + 0.45 * r), (0.56 * r, 0.55 * r), 0.62 * r, 0.9)
    for side in (-1, 1):
        s.add((x + side * 0.55 * r, y + 0.18 * r), (0.26 * r, 0.18 * r), 0.75 * r, 0.95)
        s.stain((x + side * 0.36 * r, y - 0.02 * r), (0.27 * r, 0.25 * r), 0.0)
    s.stain((x - 0.05 * r, y + 0.36 * r), (0.08 * r, 0.16 * r), 0.0)
    s.stain((x + 0.05 * r, y + 0.36 * r), (0.08 * r, 0.16 * r), 0.0)
    for i in range(-4, 5):
        s.stain((x + i * 0.1 * r, y + 0.74 * r), (0.018 * r, 0.15 * r), 0.05)
    s.stain((x, y + 0.73 * r), (0.45 * r, 0.022 * r), 0.02)
    crack = noise(rng, size, 14, octaves=3)
    lit = relief(
        blur(s.height, max(1.5, 0.05 * r * size)),
        np.pi / 2 + float(rng.uniform(-0.8, 0.8)),
        0.5,
    )
    mask = np.clip(blur(np.asarray(s.height > 0, np.float32), 1.6) * 1.4 - 0.2, 0, 1)
    grey = s.albedo * (0.18 + 1.0 * lit) * (0.7 + 0.45 * crack)
    return np.clip(grey, 0, 1).astype(np.float32), mask.astype(np.float32)
