"""Styles cut from paper and wood: cut-outs and block prints."""

import numpy as np
from PIL import ImageDraw

from covers.demo.brief import Brief
from covers.demo.lettering import around, grown, hand_cut, stamp
from covers.demo.painting import (
    Canvas,
    Field,
    coordinates,
    luminance,
    noise,
    smoothstep,
)

__all__ = ["cutouts", "woodcut"]

_Outline = list[tuple[float, float]]


def _scrap(b: Brief) -> _Outline:
    """Return a block that scissors cut not quite square."""
    x, y = b.between(-0.1, 0.75), b.between(0.12, 0.75)
    wide, tall = b.between(0.15, 0.5), b.between(0.15, 0.5)
    skew = b.rng.normal(0, 0.025, (4, 2))
    corners = [(x, y), (x + wide, y), (x + wide, y + tall), (x, y + tall)]
    return [
        (cx + float(dx), cy + float(dy))
        for (cx, cy), (dx, dy) in zip(corners, skew, strict=True)
    ]


def _seaweed(b: Brief) -> _Outline:
    """Return a lobed leaf."""
    cx, cy, r = b.between(0.1, 0.9), b.between(0.25, 0.9), b.between(0.06, 0.2)
    lobes, turn, deep = int(b.rng.integers(3, 8)), b.between(0, 6), b.between(0.15, 0.5)
    t = np.linspace(0, 2 * np.pi, 90)
    wave = np.sin(lobes * t)
    radius = r * (1 + deep * np.sign(wave) * np.abs(wave) ** 0.7)
    px, py = radius * np.cos(t), radius * np.sin(t) * b.between(1, 2.2)
    xs = cx + px * np.cos(turn) - py * np.sin(turn)
    ys = cy + px * np.sin(turn) + py * np.cos(turn)
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]


def _bass(canvas: Canvas, x: float, y: float, colour: Field) -> None:
    """Lay a double bass on the canvas."""

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        for dy, w, h in ((0.2, 0.15, 0.13), (0.03, 0.11, 0.1), (-0.4, 0.035, 0.04)):
            pen.ellipse(
                [v * k for v in (x - w, y + dy - h, x + w, y + dy + h)], fill=255
            )
        pen.rectangle([v * k for v in (x - 0.02, y - 0.38, x + 0.02, y)], fill=255)

    canvas.lay(canvas.mask(draw), colour)


def _trumpet(canvas: Canvas, x: float, y: float, colour: Field) -> None:
    """Lay a trumpet on the canvas."""
    upper = [(0.05, -0.012), (0.22, -0.02), (0.34, -0.12)]
    bell = [(x + dx, y + dy) for dx, dy in upper] + [
        (x + dx, y - dy) for dx, dy in upper[::-1]
    ]
    canvas.lay(canvas.polygon(bell), colour)
    canvas.lay(canvas.box(x - 0.34, y - 0.012, x + 0.1, y + 0.012), colour)
    loop = canvas.box(x - 0.14, y - 0.01, x + 0.12, y + 0.1)
    loop = loop - canvas.box(x - 0.115, y + 0.012, x + 0.095, y + 0.075)
    canvas.lay(np.clip(loop, 0, 1), colour)
    for i in range(3):
        left = x - 0.07 + 0.055 * i
        canvas.lay(canvas.box(left, y - 0.07, left + 0.03, y + 0.09), colour)


def _keys(canvas: Canvas, x: float, y: float, colour: Field) -> None:
    """Lay a keyboard on the canvas."""
    light = np.full(3, 0.95 if luminance(colour) < 0.5 else 0.08, np.float32)
    top, n = y - 0.02 + 0 * x, 9
    canvas.lay(canvas.box(0.08, top, 0.92, top + 0.26), colour)
    step = 0.835 / n
    for i in range(n):
        left = 0.085 + step * i
        canvas.lay(
            canvas.box(left + 0.004, top + 0.005, left + step - 0.004, top + 0.25),
            light,
        )
    for i in (0, 1, 3, 4, 5, 7):
        left = 0.085 + step * i + 0.062
        canvas.lay(canvas.box(left, top, left + 0.056, top + 0.15), colour)


_INSTRUMENTS = {"bass": _bass, "trumpet": _trumpet, "keys": _keys}


def cutouts(b: Brief) -> Canvas:
    """Draw cut coloured papers: leaves, blocks, a hint of an instrument."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.paper if rng.random() < 0.65 else p.main)
    colours = [p.ink, p.deep, p.main, p.accent]
    for _ in range(int(rng.integers(2, 6))):
        canvas.lay(canvas.polygon(_scrap(b)), colours[int(rng.integers(4))])
    for _ in range(int(rng.integers(2, 7))):
        canvas.lay(canvas.polygon(_seaweed(b)), colours[int(rng.integers(4))])
    if rng.random() < 0.6:
        lay = _INSTRUMENTS[b.pick(*_INSTRUMENTS)]
        colour = p.ink if rng.random() < 0.7 else p.paper
        lay(canvas, b.between(0.3, 0.7), b.between(0.55, 0.68), colour)
    canvas.shade(0.96 + 0.06 * noise(rng, b.size, 30, octaves=2))
    face = b.face(
        "grotesque", "heavy", "condensed", "didone", "typewriter", "slab narrow"
    )
    if b.house.random() < 0.5:
        canvas.lay(
            canvas.box(-1, -1, 2, 0.235), p.paper if b.house.random() < 0.7 else p.main
        )
    position = b.keep("top left", "top", "top right")
    b.credit(
        canvas,
        face,
        p.ink,
        p.accent,
        position=position,
        height=float(b.house.uniform(0.07, 0.11)),
        y=0.045,
    )
    return canvas


def _leaf(x: float, y: float, angle: float, length: float, fat: float) -> _Outline:
    """Return a pointed leaf."""
    t = np.linspace(0, 1, 12)
    bow = np.sin(t * np.pi) * fat * length
    way = np.concatenate([t, t[::-1]]) * length
    side = np.concatenate([bow, -bow[::-1]])
    xs = x + np.cos(angle) * way - np.sin(angle) * side
    ys = y - np.sin(angle) * way - np.cos(angle) * side
    return [(float(px), float(py)) for px, py in zip(xs, ys, strict=True)]


def _branch(b: Brief, start: float, fat: float) -> list[_Outline]:
    """Return a branch with leaves that grows upwards."""
    x, y, step = start, 0.93, 0.045
    angle, bend = b.between(1.0, 2.1), float(b.rng.normal(0, 0.09))
    shapes = []
    for i in range(int(b.rng.integers(9, 16))):
        end_x, end_y = x + float(np.cos(angle)) * step, y - float(np.sin(angle)) * step
        if end_y < 0.33:
            break
        shapes.append(_leaf(x, y, angle, step * 1.3, 0.07))
        length = b.between(0.07, 0.12)
        shapes += [
            _leaf(end_x, end_y, angle + turn, length, fat) for turn in (0.9, -0.9)
        ]
        x, y, angle = end_x, end_y, angle + bend * (1 + i * 0.05)
    return shapes


def _bird(b: Brief) -> list[_Outline]:
    """Return a bird in flight."""
    x, y = b.between(0.25, 0.42), b.between(0.36, 0.5)
    parts = ((0.25, 0.2, 0.24), (2.5, 0.2, 0.14), (1.9, 0.17, 0.2), (-0.1, 0.05, 0.1))
    return [_leaf(x, y, *part) for part in parts]


def _flower(b: Brief) -> list[_Outline]:
    """Return a star of petals."""
    x, y, n = 0.5, b.between(0.45, 0.65), int(b.rng.integers(6, 15))
    r, fat = b.between(0.12, 0.22), b.between(0.12, 0.3)
    return [
        _leaf(x, y, 2 * np.pi * i / n, r * (1 - 0.25 * (i % 2)), fat) for i in range(n)
    ]


def woodcut(b: Brief) -> Canvas:
    """Draw a two-ink block print: branches, birds, moons, flowers, cut lettering."""
    p, rng = b.palette, b.rng
    pairs = [(p.paper, p.deep), (p.paper, p.ink), (p.deep, p.paper), (p.main, p.ink)]
    ground, ink = pairs[int(b.house.integers(4))]
    if abs(luminance(ground) - luminance(ink)) < 0.3:
        ink = p.paper if luminance(ground) < 0.5 else p.ink
    canvas = b.canvas(ground)
    if rng.random() < 0.6:
        moon = canvas.disc(
            b.between(0.35, 0.65), b.between(0.42, 0.58), b.between(0.1, 0.23)
        )
        canvas.lay(moon, p.accent)
    mirrored = bool(rng.random() < 0.6)
    fat = b.between(0.12, 0.32)
    shapes: list[_Outline] = []
    for _ in range(int(rng.integers(2, 5))):
        shapes += _branch(b, b.between(0.05, 0.5 if mirrored else 0.95), fat)
    if rng.random() < 0.5:
        shapes += _bird(b) if rng.random() < 0.6 else _flower(b)
    if mirrored:
        shapes += [[(1 - x, y) for x, y in shape] for shape in shapes]
    block = canvas.polygon(*shapes)
    x, y = coordinates(b.size)
    gouge = np.sin((x * 0.76 + y * 0.64 + 0.02 * noise(rng, b.size, 6)) * 330)
    patches = smoothstep(0.5, 0.62, noise(rng, b.size, 7, octaves=2))
    canvas.lay(block * (1 - 0.8 * smoothstep(0.55, 0.75, gouge) * patches), ink)
    edge = float(b.house.choice([0.035, 0.05]))
    if b.house.random() < 0.6:
        margin = p.paper if luminance(ground) < 0.6 else ink
        canvas.lay(1 - canvas.box(edge, edge, 1 - edge, 1 - edge), margin)
    canvas.lay(canvas.frame(edge + 0.012, 0.006), ink)
    _cut_lettering(b, canvas, (ground, ink))
    return canvas


def _cut_lettering(b: Brief, canvas: Canvas, inks: tuple[Field, Field]) -> None:
    """Cut artist and title above the picture, straight or in an arc."""
    ground, ink = inks
    face = b.face("slab", "poster", "old style bold", "script", "heavy", "didone caps")
    colour = b.readable(canvas, (0.3, 0.1, 0.7, 0.25), ink)
    if b.house.random() < 0.3:
        ring = around(b.artist.upper()[:20], face, b.size, 0.38, -np.pi / 2)
        canvas.lay(grown(ring, 2)[2:-2, 2:-2], ground)
        canvas.lay(ring, colour)
        title = b.line(b.title, face, 0.66, 0.06)
        stamp(canvas, grown(np.ones_like(title), 5), 0.5, 0.88, ground)
        stamp(canvas, title, 0.5, 0.88, colour)
        return
    name = hand_cut(b.house, b.line(b.artist, face, 0.8, 0.12), 0.12)
    title = hand_cut(b.house, b.line(b.title, face, 0.72, 0.07), 0.12)
    stamp(canvas, name, 0.5, 0.145, colour)
    stamp(
        canvas,
        title,
        0.5,
        0.245,
        b.readable(canvas, (0.2, 0.22, 0.8, 0.27), b.palette.accent, ink),
    )
