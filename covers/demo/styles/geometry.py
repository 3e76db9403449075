"""Styles of line and plane: contours, neon grids, flat geometry."""

from collections.abc import Callable

import numpy as np
from PIL import ImageDraw

from covers.demo.brief import Brief
from covers.demo.lettering import stamp
from covers.demo.nature import hills
from covers.demo.painting import (
    Canvas,
    Field,
    coordinates,
    luminance,
    mix,
    noise,
    smoothstep,
)

__all__ = ["contours", "grid", "swiss"]

_Inks = tuple[Field, Field]


def _stacked(b: Brief, canvas: Canvas, inks: _Inks) -> None:
    """Draw waves below each other, near ones hiding far ones."""
    rng, (ground, line) = b.rng, inks
    n_rows, n = int(rng.integers(14, 34)), 90
    xs = np.linspace(0.12, 0.88, n)
    middle, spread = 0.5 + float(rng.normal(0, 0.05)), b.between(0.09, 0.18)
    rise = b.between(0.05, 0.1)
    pen_width = 0.0045

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        for i in range(n_rows):
            base = 0.24 + 0.62 * i / n_rows
            envelope = np.exp(-(((xs - middle) / spread) ** 2))
            hums = np.convolve(rng.normal(size=n + 8), np.hanning(9) / 3, "valid")
            ys = base - np.abs(hums) * envelope * rise - 0.004 * rng.random(n)
            points = [
                (float(px) * k, float(py) * k) for px, py in zip(xs, ys, strict=True)
            ]
            floor = (base + 0.01) * k
            pen.polygon(
                [(points[0][0], floor), *points, (points[-1][0], floor)], fill=0
            )
            pen.line(points, fill=255, width=max(2, round(k * pen_width)))

    canvas.lay(canvas.mask(draw), line)
    del ground


def _moire(b: Brief, canvas: Canvas, inks: _Inks) -> None:
    """Draw rings about one to three centres that interfere."""
    x, y = coordinates(b.size)
    n_centres = int(b.rng.integers(1, 4))
    waves = np.ones_like(x)
    for _ in range(n_centres):
        away = np.hypot(x - b.between(0.1, 0.9), y - b.between(0.1, 0.9))
        ripple = np.sin(away * b.between(70, 170))
        waves = waves * (np.clip(ripple * 3, -1, 1) if n_centres > 1 else ripple)
    canvas.lay(smoothstep(-0.2, 0.2, waves), inks[1])


def _heights(b: Brief, canvas: Canvas, inks: _Inks) -> None:
    """Draw the height lines of a map."""
    land = noise(b.rng, b.size, b.between(1.5, 3.5), octaves=3, persistence=0.35)
    level = land * b.between(9, 22)
    slope_y, slope_x = np.gradient(level)
    near = np.abs(level - np.round(level)) / (np.hypot(slope_x, slope_y) + 1e-3)
    if b.rng.random() < 0.5:
        canvas.lay(smoothstep(0.66, 0.67, land), b.palette.accent, 0.9)
    canvas.lay(smoothstep(1.5, 0.5, near), inks[1])


def _threads(b: Brief, canvas: Canvas, inks: _Inks) -> None:
    """Draw a twisting bundle of threads."""
    n_threads = int(b.rng.integers(25, 60))
    xs = np.linspace(-0.02, 1.02, 70)
    slow, fast = b.between(2, 6), b.between(4, 11)
    tall, fine = b.between(0.08, 0.22), b.between(0.02, 0.08)
    shift = b.rng.uniform(0, 6, 2)
    paths = []
    for i in range(n_threads):
        t = i / n_threads
        swing = tall * np.sin(slow * xs + shift[0] + t * 2.2) * (0.3 + t)
        ys = 0.52 + swing + fine * np.sin(fast * xs + shift[1] - t * 4)
        paths.append([(float(px), float(py)) for px, py in zip(xs, ys, strict=True)])
    canvas.lay(canvas.lines(*paths, width=0.003), inks[1])


def _dots(b: Brief, canvas: Canvas, inks: _Inks) -> None:
    """Draw a field of dots whose size swells and shrinks."""
    x, y = coordinates(b.size)
    n = int(b.rng.integers(12, 26))
    swell = noise(b.rng, b.size, 2, octaves=2)
    u, v = x * n - np.floor(x * n) - 0.5, y * n - np.floor(y * n) - 0.5
    size = 0.06 + 0.44 * swell
    canvas.lay(np.clip((size - np.hypot(u, v)) * b.size / n + 0.5, 0, 1), inks[1])


_CONTOURS: dict[str, Callable[[Brief, Canvas, _Inks], None]] = {
    "stacked": _stacked,
    "moire": _moire,
    "heights": _heights,
    "threads": _threads,
    "dots": _dots,
}
_OPEN = ("stacked", "threads")


def contours(b: Brief) -> Canvas:
    """Draw fine lines: stacked waves, interference, height lines, threads, dots."""
    p, rng = b.palette, b.rng
    pairs = [
        (p.ink, p.paper),
        (p.paper, p.ink),
        (p.deep, p.accent),
        (p.main, p.paper),
        (p.ink, p.accent),
    ]
    ground, line = pairs[int(b.house.integers(len(pairs)))]
    if abs(luminance(ground) - luminance(line)) < 0.3:
        line = p.paper if luminance(ground) < 0.5 else p.ink
    canvas = b.canvas(ground)
    if rng.random() < 0.4:
        canvas.gradient(ground, ground * 0.65 + p.main * 0.35, b.between(0, 6))
    kind = b.pick(*_CONTOURS)
    _CONTOURS[kind](b, canvas, (ground, line))
    face = b.face("terminal", "spaced", "thin", "grotesque", "wide light")
    position = b.keep("top left", "top", "bottom left", "bottom right")
    height = float(b.house.uniform(0.035, 0.055))
    if kind not in _OPEN:
        first = b.line(b.artist, face, 0.7, 0.05)
        tall, wide = first.shape[0] / b.size, first.shape[1] / b.size
        canvas.lay(canvas.box(0.05, 0.82, 0.11 + wide, 0.9 + 2 * tall), ground)
        stamp(canvas, first, 0.08, 0.845, line, anchor=(0, 0))
        second = b.line(b.title, face, wide, 0.035)
        stamp(canvas, second, 0.08, 0.865 + tall, line, anchor=(0, 0))
        return canvas
    b.credit(canvas, face, line, position=position, height=height, width=0.75)
    return canvas


def _sun(b: Brief, canvas: Canvas, spot: tuple[float, float, float]) -> None:
    """Draw a sun with bars cut out of its lower half."""
    y, (cx, cy, r) = coordinates(b.size)[1], spot
    low = (y - cy) / r
    bars = 1 - (np.sin(low * 16) > 0.9 - 0.75 * low) * (low > -0.1)
    shaded = mix(b.palette.paper, b.palette.accent, smoothstep(-1, 1, low))
    canvas.lay(canvas.disc(cx, cy, r) * bars, shaded)


def _pyramid(b: Brief, canvas: Canvas, spot: tuple[float, float, float]) -> None:
    """Draw a pyramid lit from one side."""
    cx, cy, r = spot
    tip, foot, edge = (cx, cy - r), cy + r, cx + 0.3 * r
    canvas.lay(
        canvas.polygon([tip, (cx - 1.4 * r, foot), (edge, foot)]), b.palette.accent
    )
    canvas.lay(
        canvas.polygon([tip, (cx + 1.4 * r, foot), (edge, foot)]),
        b.palette.accent * 0.5,
    )


def _gate(b: Brief, canvas: Canvas, spot: tuple[float, float, float]) -> None:
    """Draw nested squares."""
    cx, cy, r = spot
    p = b.palette
    for i, colour in enumerate((p.accent, p.deep, p.main)):
        q = r * (1 - 0.3 * i)
        canvas.lay(canvas.box(cx - q, cy - q, cx + q, cy + q), colour, 0.9)


_SIGHTS = {"sun": _sun, "pyramid": _pyramid, "gate": _gate}


def _plane(b: Brief, canvas: Canvas, horizon: float) -> None:
    """Draw a ruled plane that runs to the horizon."""
    p, (x, y) = b.palette, coordinates(b.size)
    below = y > horizon
    canvas.lay(below, p.ink * 0.7 + p.deep * 0.3)
    depth = np.maximum(y - horizon, 1e-3)
    u = (x - 0.5) / depth * b.between(0.9, 1.5)
    v = b.between(0.5, 0.9) / depth
    near_u = np.abs(u - np.round(u)) * depth * b.size
    near_v = np.abs(v - np.round(v)) * depth**2 * b.size * 1.4
    mesh = np.maximum(smoothstep(1.6, 0.3, near_u), smoothstep(1.6, 0.3, near_v))
    canvas.lay(mesh * below, p.main * 0.5 + p.accent * 0.5, 0.95)


def grid(b: Brief) -> Canvas:
    """Draw a neon plane to the horizon under a striped sun."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.ink)
    y = coordinates(b.size)[1]
    horizon = b.between(0.55, 0.68)
    canvas.gradient(p.ink, p.deep)
    canvas.lay(np.exp(-(((y - horizon) / 0.16) ** 2)), p.main, 0.9)
    stars = rng.random((b.size, b.size), np.float32) > 0.997
    canvas.lay(stars * (y < horizon), p.paper, 0.9)
    r = b.between(0.16, 0.27)
    spot = (
        float(rng.choice([0.5, 0.5, 0.35, 0.65])),
        horizon - r * b.between(0.5, 0.95),
        r,
    )
    _SIGHTS[b.pick("sun", "sun", "pyramid", "gate")](b, canvas, spot)
    far = hills(rng, b.size, horizon - 0.02, 0.03, 0.9, 5) * (y < horizon)
    canvas.lay(far, p.ink)
    _plane(b, canvas, horizon)
    face = b.face("italic heavy", "script", "wide", "terminal", "condensed")
    name = b.line(b.artist, face, 0.88, float(b.house.uniform(0.1, 0.16)))
    stamp(canvas, name, 0.508, 0.172, p.main)
    if b.house.random() < 0.5:
        ramp = np.linspace(0, 1, name.shape[0], dtype=np.float32)[:, None]
        ramp = np.broadcast_to(ramp, name.shape)
        shiny = mix(p.paper, p.accent, ramp) * np.where(
            (ramp > 0.48) & (ramp < 0.56), 0.35, 1
        )
        stamp(canvas, name, 0.5, 0.16, shiny)
    else:
        stamp(canvas, name, 0.5, 0.16, p.paper)
    title = b.line(b.title, b.face("spaced", "terminal", "script"), 0.7, 0.055)
    stamp(canvas, title, 0.5, 0.92, p.paper)
    return canvas


def _tiles(b: Brief, canvas: Canvas, colours: list[Field]) -> None:
    """Draw quarter discs on a square grid."""
    rng, n = b.rng, int(b.rng.integers(3, 7))
    step = 1 / n
    for row in range(1 + (n > 4), n):
        for column in range(n):
            if rng.random() < 0.25:
                continue
            x, y = column / n, row / n
            tile = canvas.box(x, y, x + step, y + step)
            picked = rng.permutation(len(colours))
            if rng.random() < 0.4:
                canvas.lay(tile, colours[picked[0]])
            corner = (
                x + step * float(rng.integers(2)),
                y + step * float(rng.integers(2)),
            )
            canvas.lay(canvas.disc(*corner, step) * tile, colours[picked[1]])


def _bars(b: Brief, canvas: Canvas, colours: list[Field]) -> None:
    """Draw parallel bars of several widths."""
    rng, (x, y) = b.rng, coordinates(b.size)
    angle = float(rng.choice([0.0, np.pi / 4, -np.pi / 4, np.pi / 2, 0.3]))
    way = x * np.cos(angle) + y * np.sin(angle)
    limit = smoothstep(0.28, 0.283, y) if rng.random() < 0.7 else np.ones_like(y)
    at = b.between(-0.5, 0.0) if angle < 0 else b.between(-0.1, 0.3)
    while at < 1.4:
        wide = float(rng.choice([0.02, 0.04, 0.08, 0.14]))
        bar = np.clip(np.minimum(way - at, at + wide - way) * b.size + 0.5, 0, 1)
        canvas.lay(bar * limit, colours[int(rng.integers(len(colours)))])
        at += wide + b.between(0.02, 0.12)


def _circles(b: Brief, canvas: Canvas, colours: list[Field]) -> None:
    """Draw discs within discs, a little off centre."""
    x, y, radius = b.between(0.3, 0.7), b.between(0.5, 0.7), b.between(0.3, 0.5)
    for i in range(int(b.rng.integers(3, 8))):
        canvas.lay(canvas.disc(x, y, radius), colours[i % len(colours)])
        x += float(b.rng.choice([0, 0, 1, -1])) * radius * 0.07
        radius *= b.between(0.7, 0.88)


def _numeral(b: Brief, canvas: Canvas, colours: list[Field]) -> None:
    """Draw a huge number and a disc."""
    face = b.face("heavy", "grotesque", "poster")
    mask = b.line(str(int(b.rng.integers(2, 100))), face, 0.9, 0.62)
    stamp(canvas, mask, 0.95, 0.95, colours[0], anchor=(1, 1))
    disc = canvas.disc(b.between(0.2, 0.8), b.between(0.4, 0.8), b.between(0.08, 0.25))
    canvas.lay(disc, colours[1], 0.92)


_SWISS = {"tiles": _tiles, "bars": _bars, "circles": _circles, "numeral": _numeral}


def swiss(b: Brief) -> Canvas:
    """Draw flat geometry on a module grid with a small ranged credit."""
    p = b.palette
    grounds = [p.paper, p.main, p.accent, p.ink]
    chosen = int(b.house.integers(4))
    colours = [c for i, c in enumerate(grounds) if i != chosen] + [p.deep]
    canvas = b.canvas(grounds[chosen])
    _SWISS[b.pick(*_SWISS)](b, canvas, colours)
    face = b.face("grotesque", "heavy", "grotesque caps", "terminal")
    position = b.keep("top left", "top right")
    height = float(b.house.uniform(0.045, 0.09))
    b.credit(canvas, face, p.ink, position=position, height=height)
    return canvas
