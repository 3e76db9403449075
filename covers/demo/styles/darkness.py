"""Dark styles: emblems under blackletter, burning skies."""

import numpy as np
from PIL import Image, ImageDraw

from covers.demo.brief import Brief
from covers.demo.figures import draw_skull
from covers.demo.lettering import stamp
from covers.demo.nature import hills
from covers.demo.painting import (
    Canvas,
    Field,
    coordinates,
    duotone,
    halftone,
    luminance,
    noise,
    smoothstep,
)

__all__ = ["emblem", "inferno"]

_Spot = tuple[float, float, float]
_Inks = tuple[Field, Field]


def _barbed(rng: np.random.Generator, mask: Field, size: int) -> Field:
    """Let spikes and roots grow out of lettering, mirrored about its middle."""
    rows, columns = mask.shape
    room = max(4, min(rows // 2, size // 10))
    sheet = np.pad(mask, ((room, room), (room // 2, room // 2)))
    image = Image.fromarray((sheet * 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    middle = sheet.shape[1] / 2
    wide = max(1.0, size * 0.006)
    for _ in range(int(rng.integers(8, 18))):
        column = int(rng.integers(0, columns // 2 + 1))
        reach = room * float(rng.uniform(0.4, 1.0))
        for place in (column, columns - 1 - column):
            inked = np.flatnonzero(mask[:, place] > 0.5)
            if len(inked) == 0:
                continue
            x = place + room // 2
            out = (x - middle) / middle
            for edge, way in ((int(inked[0]), -1), (int(inked[-1]), 1)):
                y = float(edge + room - way * 3)
                end = float(
                    np.clip(y + way * reach * (0.5 + abs(out)), 0, sheet.shape[0])
                )
                pen.polygon(
                    [(x - wide, y), (x + out * room * 0.7, end), (x + wide, y)], 255
                )
    return np.asarray(image, np.float32) / np.float32(255)


def _blades(b: Brief, canvas: Canvas, spot: _Spot, inks: _Inks) -> None:
    """Cross two swords."""
    cx, cy, r = spot
    for side in (-1, 1):
        lean = b.between(0.6, 1.0) * side
        dx, dy = float(np.sin(lean)) * r * 1.6, float(np.cos(lean)) * r * 1.6
        nx, ny = float(np.cos(lean)) * 0.016, -float(np.sin(lean)) * 0.016
        near, far = (cx - dx, cy + dy), (cx + dx * 0.86, cy - dy * 0.86)
        blade = [
            (near[0] + nx, near[1] + ny),
            (far[0] + nx, far[1] + ny),
            (cx + dx, cy - dy),
            (far[0] - nx, far[1] - ny),
            (near[0] - nx, near[1] - ny),
        ]
        hilt = (cx - dx * 0.6, cy + dy * 0.6)
        guard = [
            (hilt[0] + 4.5 * nx, hilt[1] + 4.5 * ny),
            (hilt[0] - 4.5 * nx, hilt[1] - 4.5 * ny),
        ]
        canvas.lay(canvas.polygon(blade), inks[1])
        canvas.lay(canvas.lines(guard, width=0.022), inks[1])


def _skull(b: Brief, canvas: Canvas, spot: _Spot, inks: _Inks) -> None:
    """Print a skull, some with crossed swords behind."""
    if b.rng.random() < 0.5:
        _blades(b, canvas, spot, inks)
    skull = draw_skull(b.rng, b.size, spot[:2], spot[2])
    grey = skull.grey
    dark, light = sorted(inks, key=luminance)
    if b.rng.random() < 0.5:
        grey = halftone(grey, b.size / 80, 0.8)
    else:
        grey = smoothstep(0.12, 0.6, grey)
    canvas.lay(skull.outline, duotone(grey, dark, light))


def _star(b: Brief, canvas: Canvas, spot: _Spot, inks: _Inks) -> None:
    """Draw a star in a circle."""
    cx, cy, r = spot
    n = int(b.rng.choice([5, 6, 7, 8, 9]))
    turn = 2 * np.pi * (2 if n < 7 else 3) / n
    reverse = float(b.rng.choice([1.0, -1.0]))
    paths = []
    for start in range(2 if n in {6, 9} else 1):
        shift = start * 2 * np.pi / n
        angles = [turn * i + shift for i in range(n + 1)]
        paths.append(
            [
                (cx + r * float(np.sin(a)), cy - reverse * r * float(np.cos(a)))
                for a in angles
            ]
        )
    t = np.linspace(0, 2 * np.pi, 80)
    for radius in (1.06, 1.18)[: int(b.rng.integers(1, 3))]:
        ring = [
            (cx + r * radius * float(np.cos(a)), cy + r * radius * float(np.sin(a)))
            for a in t
        ]
        paths.append(ring)
    canvas.lay(canvas.lines(*paths, width=b.between(0.012, 0.026)), inks[1])


def _eye(b: Brief, canvas: Canvas, spot: _Spot, inks: _Inks) -> None:
    """Draw an eye in a triangle."""
    cx, cy, r = spot
    ground, ink = inks
    t = np.linspace(0, np.pi, 40)
    xs = np.concatenate([-np.cos(t), np.cos(t)]) * r * 0.85
    ys = np.concatenate([-np.sin(t), np.sin(t)]) * r * 0.45
    lids = [(cx + float(x), cy + 0.06 + float(y)) for x, y in zip(xs, ys, strict=True)]
    canvas.lay(
        canvas.polygon(
            [(cx, cy - r * 1.3), (cx - r * 1.4, cy + r), (cx + r * 1.4, cy + r)]
        ),
        ink,
    )
    canvas.lay(canvas.polygon(lids), ground)
    canvas.lay(canvas.disc(cx, cy + 0.06, r * 0.36), ink)
    canvas.lay(canvas.disc(cx, cy + 0.06, r * b.between(0.08, 0.2)), ground)


def _cross(b: Brief, canvas: Canvas, spot: _Spot, inks: _Inks) -> None:
    """Draw a tall cross with barbs, upright or upside down."""
    cx, cy, r = spot
    way = float(b.rng.choice([1.0, -1.0]))
    beam = cy - way * r * 0.35
    paths = [
        [(cx, cy - r * 1.2), (cx, cy + r * 1.2)],
        [(cx - r * 0.8, beam), (cx + r * 0.8, beam)],
    ]
    for _ in range(int(b.rng.integers(4, 10))):
        y, reach = cy + b.between(-1.0, 1.0) * r, b.between(0.1, 0.5) * r
        tip = y - reach * 0.9
        paths += [[(cx, y), (cx + side * reach, tip)] for side in (-1, 1)]
    canvas.lay(canvas.lines(*paths, width=0.03), inks[1])


_SIGNS = {
    "skull": _skull,
    "star": _star,
    "eye": _eye,
    "cross": _cross,
    "blades": _blades,
}


def emblem(b: Brief) -> Canvas:
    """Draw a single-ink sign on a dark or bare ground under a heavy name."""
    p, rng = b.palette, b.rng
    pairs = [
        (p.ink, p.paper),
        (p.ink, p.accent),
        (p.deep, p.paper),
        (p.paper, p.ink),
        (p.main, p.ink),
    ]
    ground, ink = pairs[int(b.house.integers(5))]
    if abs(luminance(ground) - luminance(ink)) < 0.3:
        ink = p.paper if luminance(ground) < 0.5 else p.ink
    canvas = b.canvas(ground)
    canvas.shade(0.7 + 0.5 * noise(rng, b.size, 3, octaves=5))
    spot = (0.5, b.between(0.56, 0.6), b.between(0.2, 0.27))
    if rng.random() < 0.4:
        x, y = coordinates(b.size)
        beams = np.sin(np.arctan2(y - spot[1], x - spot[0]) * int(rng.integers(12, 40)))
        fade = smoothstep(0.62, 0.2, np.hypot(x - spot[0], y - spot[1]))
        canvas.lay(smoothstep(-0.1, 0.1, beams) * fade, ink, 0.35)
    _SIGNS[b.pick("skull", "skull", "star", "eye", "cross", "blades")](
        b, canvas, spot, (ground, ink)
    )
    face = b.face(
        "fraktur", "fraktur tall", "poster", "slab narrow", "heavy", "old style bold"
    )
    name = b.line(b.artist, face, 0.86, 0.2)
    if b.house.random() < 0.5:
        name = _barbed(b.house, name, b.size)
    stamp(canvas, name, 0.5, 0.17, ink)
    face = b.face("fraktur", "old style caps", "typewriter", "heavy")
    stamp(canvas, b.line(b.title, face, 0.76, 0.065), 0.5, 0.92, ink)
    return canvas


def _spires(b: Brief) -> list[list[tuple[float, float]]]:
    """Return the outlines of a castle."""
    middle, foot = b.between(0.3, 0.7), 0.88
    outlines = []
    for _ in range(int(b.rng.integers(4, 9))):
        x = middle + float(b.rng.normal(0, 0.1))
        tall, wide = b.between(0.15, 0.36), b.between(0.014, 0.035)
        eaves = foot - tall * 0.75
        outlines += [
            [(x - wide, foot), (x - wide, eaves), (x + wide, eaves), (x + wide, foot)],
            [
                (x - wide * 1.35, eaves),
                (x, foot - tall * 1.35),
                (x + wide * 1.35, eaves),
            ],
        ]
    return outlines


def _bolts(b: Brief) -> list[list[tuple[float, float]]]:
    """Return forked lightning."""
    paths = []
    for _ in range(int(b.rng.integers(1, 4))):
        x, y = b.between(0.15, 0.85), 0.0
        path = [(x, y)]
        while y < 0.75:
            x, y = x + float(b.rng.normal(0, 0.03)), y + b.between(0.02, 0.06)
            path.append((x, y))
            if b.rng.random() < 0.2:
                paths.append([(x, y), (x + float(b.rng.normal(0, 0.08)), y + 0.1)])
        paths.append(path)
    return paths


def inferno(b: Brief) -> Canvas:
    """Draw a burning sky over crags and spires, with a barbed name."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.ink)
    x, y = coordinates(b.size)
    warp = noise(rng, b.size, 3, octaves=4, stretch=float(rng.choice([0.4, 2.0])))
    swirl = np.sin(warp * 9 + y * b.between(2, 8)) * 0.5 + 0.5
    storm = swirl * 0.6 + noise(rng, b.size, 4, octaves=5) * 0.6
    heart = (x - b.between(0.3, 0.7)) ** 2 * 3 + (y - b.between(0.45, 0.7)) ** 2 * 8
    heat = storm * (0.35 + 0.9 * np.exp(-heart))
    canvas.pixels = duotone(heat, p.ink, p.deep, p.main, p.accent, p.paper)
    sight = b.pick("moon", "moon", "bolts", "none")
    if sight == "moon":
        moon = canvas.disc(
            b.between(0.3, 0.7), b.between(0.38, 0.52), b.between(0.08, 0.15), 0.01
        )
        craters = 0.75 + 0.35 * noise(rng, b.size, 9, octaves=3)
        canvas.lay(
            moon, (p.accent * 0.5 + p.paper * 0.5)[:, None, None] * craters, 0.95
        )
    elif sight == "bolts":
        canvas.lay(canvas.lines(*_bolts(b), width=0.006), p.paper)
    for i in range(3):
        t = (i + 1) / 3
        crags = hills(rng, b.size, 0.66 + 0.12 * i, 0.05, 1.0, 4)
        canvas.lay(crags, p.deep * (1 - t) * 0.8 + p.ink * 0.5 * t)
        if i == 1 and rng.random() < 0.6:
            canvas.lay(canvas.polygon(*_spires(b)), p.ink * 0.4)
    canvas.shade(np.clip(1.1 - 0.75 * np.hypot(x - 0.5, y - 0.5) ** 1.6, 0, 1))
    face = b.face("fraktur", "fraktur tall", "poster", "old style bold", "condensed")
    name = b.line(b.artist, face, 0.86, 0.2)
    if b.house.random() < 0.75:
        name = _barbed(b.house, name, b.size)
    ink = b.readable(
        canvas, (0.1, 0.08, 0.9, 0.26), p.paper if b.house.random() < 0.6 else p.accent
    )
    stamp(canvas, name, 0.508, 0.18, p.ink * 0.3)
    stamp(canvas, name, 0.5, 0.17, ink)
    title = b.line(b.title, b.face("fraktur", "old style caps", "spaced"), 0.7, 0.065)
    stamp(canvas, title, 0.5, 0.92, b.readable(canvas, (0.2, 0.88, 0.8, 0.96), p.paper))
    return canvas
