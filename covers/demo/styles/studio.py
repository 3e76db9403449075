"""Styles from the photographer's studio: portraits in two inks, chrome letters."""

import numpy as np
from PIL import ImageDraw

from covers.demo.brief import Brief
from covers.demo.figures import draw_portrait
from covers.demo.lettering import Face, grown, stamp
from covers.demo.painting import (
    Canvas,
    Field,
    coordinates,
    duotone,
    halftone,
    noise,
    smoothstep,
)

__all__ = ["chrome", "portrait"]


def _sitting(b: Brief, across: float) -> Field:
    """Take a studio photograph, in grey."""
    x, y = coordinates(b.size)
    close = b.between(0.19, 0.32)
    head = draw_portrait(
        b.rng, b.size, centre=(across, b.between(0.42, 0.56)), scale=close
    )
    lamp = ((x - across + float(b.rng.normal(0, 0.2))) ** 2 + (y - 0.4) ** 2) * 6
    backdrop = b.between(0.08, 0.4) + 0.5 * np.exp(-lamp) * b.between(0.3, 1.2)
    grey = backdrop * (1 - head.outline) + head.grey * head.outline
    return np.asarray(grey + b.rng.normal(0, 0.05, grey.shape), np.float32)


def _toned(b: Brief, grey: Field) -> Field:
    """Print a grey photograph in one or two inks."""
    p = b.palette
    look = b.keep("two inks", "two inks", "dots", "mono", "tint")
    if look == "dots":
        light = p.main if b.rng.random() < 0.5 else p.paper
        return duotone(halftone(grey * 1.1, b.size / 75, 0.6), p.ink, light)
    if look == "mono":
        black, middle = np.full(3, 0.04, np.float32), np.full(3, 0.5, np.float32)
        return duotone(grey, black, middle, p.paper)
    if look == "tint":
        return duotone(smoothstep(0.0, 0.8, grey), p.ink, p.accent, p.paper)
    return duotone(smoothstep(0.0, 0.8, grey), p.ink, p.main, p.paper)


def _band(b: Brief, canvas: Canvas, face: Face) -> None:
    """Print the lettering on a plain band above or below."""
    p, tall = b.palette, float(b.house.uniform(0.2, 0.32))
    top = 0.0 if b.house.random() < 0.6 else 1 - tall
    ground = p.paper if b.house.random() < 0.7 else p.accent
    canvas.lay(canvas.box(-1, top - (top == 0), 2, top + tall + (top > 0)), ground)
    b.credit(
        canvas,
        face,
        p.ink,
        p.accent,
        position="left",
        height=tall * 0.36,
        y=top + tall * 0.14,
    )


def _column(b: Brief, canvas: Canvas, face: Face) -> None:
    """Print the lettering down a column."""
    p, wide = b.palette, float(b.house.uniform(0.26, 0.36))
    left = float(b.house.choice([0.0, 1 - wide]))
    ground = (p.accent, p.ink, p.paper)[int(b.house.integers(3))]
    canvas.lay(canvas.box(left - (left == 0), -1, left + wide + (left > 0), 2), ground)
    block = b.block(f"{b.artist} {b.title}", face, wide * 0.84, 0.62)
    where = (left, 0.05, left + wide, 0.6)
    stamp(
        canvas,
        block,
        left + wide * 0.08,
        0.06,
        b.readable(canvas, where, p.paper),
        anchor=(0, 0),
    )


def _blocks(b: Brief, canvas: Canvas, face: Face) -> None:
    """Print a row of coloured blocks and the lettering opposite."""
    p = b.palette
    for i in range(int(b.house.integers(3, 8))):
        left, tall = 0.05 + 0.13 * i, float(b.house.uniform(0.05, 0.22))
        canvas.lay(
            canvas.box(left, 0.05, left + 0.11, 0.05 + tall),
            (p.accent, p.main, p.paper)[i % 3],
        )
    b.credit(canvas, face, p.paper, p.accent, position="bottom left", height=0.1)


def _over(b: Brief, canvas: Canvas, face: Face) -> None:
    """Print a large title over the photograph."""
    p = b.palette
    justify = bool(b.house.random() < 0.5)
    block = b.block(
        b.title, face, float(b.house.uniform(0.45, 0.8)), 0.36, justify=justify
    )
    ink = b.readable(canvas, (0.06, 0.05, 0.6, 0.35), p.accent, p.paper)
    stamp(canvas, block, 0.06, 0.05, ink, anchor=(0, 0))
    name = b.line(b.artist, face, 0.85, 0.07)
    ink = b.readable(canvas, (0.06, 0.87, 0.6, 0.94), p.paper)
    stamp(canvas, name, 0.06, 0.94, ink, anchor=(0, 1))


_LAYOUTS = {"band": _band, "column": _column, "blocks": _blocks, "over": _over}


def portrait(b: Brief) -> Canvas:
    """Draw a studio portrait in two inks beside blocks of bold type."""
    across = float(b.house.choice([0.36, 0.5, 0.64]))
    canvas = b.canvas(b.palette.paper)
    canvas.pixels = _toned(b, _sitting(b, across))
    face = b.face("heavy", "grotesque", "condensed", "slab", "poster", "didone")
    _LAYOUTS[b.keep(*_LAYOUTS)](b, canvas, face)
    return canvas


def _stage(b: Brief) -> Canvas:
    """Light a stage with beams and smoke, or set a tiled backdrop."""
    p, rng = b.palette, b.rng
    x, y = coordinates(b.size)
    canvas = b.canvas(p.ink)
    canvas.gradient(p.main * 0.7 + p.deep * 0.3, p.ink)
    kind = b.pick("beams", "beams", "tiles", "halo")
    if kind == "tiles":
        n = b.between(5, 10)
        u, v = (x + y) * n, (x - y) * n
        facets = np.abs(u - np.round(u)) + np.abs(v - np.round(v))
        canvas.lay(smoothstep(0.2, 0.9, facets), p.accent, 0.55)
    elif kind == "halo":
        away = np.hypot(x - 0.5, y - 0.42)
        canvas.lay(np.exp(-((away / 0.36) ** 4)), p.accent, 0.75)
        rays = smoothstep(
            0.2, 0.9, np.sin(np.arctan2(y - 0.42, x - 0.5) * int(rng.integers(9, 20)))
        )
        canvas.lay(rays * smoothstep(0.75, 0.2, away), p.paper, 0.35)
    else:
        for _ in range(int(rng.integers(3, 7))):
            foot, lean = b.between(0, 1), float(rng.normal(0, 0.5))
            away = (x - foot - lean * y) / (b.between(0.03, 0.1) * (0.3 + y))
            canvas.lay(
                np.exp(-(away**2)) * np.sqrt(1 - y), p.paper * 0.5 + p.main * 0.5, 0.6
            )
    smoke = noise(rng, b.size, 3, octaves=5)
    canvas.lay(smoothstep(0.45, 0.9, smoke), p.main * 0.6 + p.paper * 0.2, 0.4)
    return canvas


def _chain(canvas: Canvas, x: float) -> Field:
    """Return the mask of a chain with a pendant, every second link in the shade."""
    turns = np.linspace(-1, 1, 21)
    links = [(x + t * 0.1, 0.72 + 0.1 * (1 - t * t), 0.011) for t in turns.tolist()]
    links.append((x, 0.85, 0.035))

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        for i, (at, level, r) in enumerate(links):
            box = [v * k for v in (at - r, level - r, at + r, level + r)]
            pen.ellipse(box, fill=160 if i % 2 else 255)

    return canvas.mask(draw)


def _glint(pixels: int) -> Field:
    """Return the mask of a sparkle with four rays."""
    axis = np.abs(np.linspace(-0.16, 0.16, pixels, dtype=np.float32))
    x, y = np.meshgrid(axis, axis)
    return np.asarray(np.exp(-np.minimum(x, y) * 420 - np.hypot(x, y) * 32))


def _stars_of(b: Brief, canvas: Canvas) -> None:
    """Put one to three people on the stage, some with a chain."""
    p, rng = b.palette, b.rng
    n_heads = int(rng.choice([1, 1, 1, 2, 3]))
    for i in range(n_heads):
        x = 0.5 + (i - (n_heads - 1) / 2) * 0.31
        scale = b.between(0.2, 0.27) * (1.13 - 0.13 * n_heads)
        head = draw_portrait(rng, b.size, centre=(x, b.between(0.4, 0.5)), scale=scale)
        skin = p.main * 0.4 + np.array([0.5, 0.36, 0.26], np.float32)
        tones = duotone(
            smoothstep(0, 0.85, head.grey), p.ink, skin * 0.55, skin, p.paper
        )
        canvas.lay(head.outline, tones)
        if rng.random() < 0.75:
            canvas.lay(_chain(canvas, x), p.accent)


def chrome(b: Brief) -> Canvas:
    """Draw bevelled gold and chrome letters before stars in the spotlight."""
    p, rng = b.palette, b.rng
    y = coordinates(b.size)[1]
    canvas = _stage(b)
    _stars_of(b, canvas)
    face = b.face("wide", "heavy", "slab", "italic heavy", "poster", "fraktur")
    name = b.line(b.artist, face, 0.92, float(b.house.uniform(0.18, 0.27)))
    at = 0.77 if b.house.random() < 0.6 else 0.16
    canvas.lay(
        smoothstep(0.55, 1.0, y) if at > 0.5 else smoothstep(0.4, 0.0, y), p.ink, 0.75
    )
    for i in range(b.pixels(0.02), 0, -1):
        stamp(canvas, name, 0.5 + i / b.size, at + i / b.size, p.accent * 0.3)
    ramp = np.linspace(0, 1, name.shape[0], dtype=np.float32)[:, None]
    sheen = 0.3 + 0.7 * np.abs(np.cos(ramp * 4 + float(b.house.uniform(0.4, 1.6))))
    tones = (
        p.accent * 0.5,
        p.accent * 0.7 + p.paper * 0.3,
        np.full(3, 0.99, np.float32),
    )
    stamp(canvas, grown(name, max(1, b.size // 130)), 0.5, at, p.ink * 0.6)
    stamp(canvas, name, 0.5, at, duotone(np.broadcast_to(sheen, name.shape), *tones))
    glint = _glint(b.pixels(0.32))
    for _ in range(int(rng.integers(2, 6))):
        sx, sy = b.between(0.08, 0.92), at + float(rng.normal(0, 0.05))
        stamp(canvas, glint, sx, sy, np.full(3, 1.0, np.float32))
    title = b.line(
        b.title, b.face("script", "spaced", "italic heavy", "slab"), 0.76, 0.085
    )
    where = 0.92 if at > 0.5 else 0.31
    ink = b.readable(canvas, (0.2, where - 0.04, 0.8, where + 0.04), p.paper)
    stamp(canvas, title, 0.5, where, ink)
    return canvas
