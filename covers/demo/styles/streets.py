"""Styles of the street: cities at night, sprayed walls."""

import numpy as np

from covers.demo.brief import Brief
from covers.demo.lettering import grown, hand_cut, rotated, stamp
from covers.demo.nature import player, reflect
from covers.demo.painting import (
    Canvas,
    Field,
    coordinates,
    duotone,
    mix,
    noise,
)

__all__ = ["city", "wall"]


def _towers(b: Brief, canvas: Canvas, street: float, layer: int) -> None:
    """Put up a row of towers with lit windows."""
    p, rng = b.palette, b.rng
    x, y = coordinates(b.size)
    edges = np.cumsum(rng.uniform(0.05, 0.17, 24)) - 0.1
    tops = street - rng.uniform(0.08, 0.52, 25) * (1.15 - 0.3 * layer)
    number = np.searchsorted(edges, x[0])
    top = tops[number]
    tower = (y > top[None, :]) & (y < street)
    tone = p.main * 0.55 * (1 - layer / 3) + p.ink * (0.6 + layer / 9)
    canvas.lay(tower, tone)
    columns, rows = b.between(34, 55), b.between(28, 44)
    u, v = x * columns, (y - top[None, :]) * rows
    pane = (u - np.floor(u) > 0.35) & (v - np.floor(v) > 0.4) & (v > 0.6)
    code = np.sin(np.floor(u) * 12.99 + np.floor(v) * 78.23 + layer * 7) * 43758.5
    dark_share = rng.uniform(0.45, 0.9, 25)[number]
    lit = tower & pane & (code - np.floor(code) > dark_share[None, :])
    canvas.lay(lit, p.accent if rng.random() < 0.6 else p.paper, 0.9)


def city(b: Brief) -> Canvas:
    """Draw a city at night: towers, lit windows, lamps out of focus, wet streets."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.ink)
    canvas.gradient(p.deep * 0.7, p.main * 0.85 + p.accent * 0.15)
    if rng.random() < 0.5:
        moon = canvas.disc(
            b.between(0.2, 0.8), b.between(0.12, 0.25), b.between(0.04, 0.1), 0.01
        )
        canvas.lay(moon, p.paper, 0.9)
    street = b.between(0.66, 0.82)
    for layer in range(3):
        _towers(b, canvas, street, layer)
    reflect(canvas, rng, street)
    lamps = np.zeros((3, b.size, b.size), np.float32)
    for i in range(int(rng.integers(5, 22))):
        r = b.between(0.012, 0.07)
        lamp = canvas.disc(b.between(0, 1), b.between(street - 0.25, 1), r, 0.012)
        lamps[i % 3] += lamp * b.between(0.15, 0.6)
    for lamp, colour in zip(lamps, (p.accent, p.paper, p.main), strict=True):
        canvas.lay(np.clip(lamp, 0, 0.85), colour)
    if rng.random() < 0.35:
        figure = player(rng, canvas, (b.between(0.3, 0.7), 0.97), b.between(0.4, 0.55))
        canvas.lay(figure, p.ink * 0.4)
    if b.house.random() < 0.3:
        canvas.pixels = duotone(canvas.grey() * 1.6, p.ink, p.main, p.paper)
    face = b.face(
        "script",
        "condensed",
        "wide",
        "didone italic",
        "poster",
        "italic heavy",
        "spaced",
    )
    position = b.keep("top", "top left", "bottom", "middle")
    height = float(b.house.uniform(0.08, 0.14))
    b.credit(canvas, face, p.paper, p.accent, position=position, height=height)
    return canvas


def _bricks(b: Brief, canvas: Canvas) -> None:
    """Lay bricks."""
    p, (x, y) = b.palette, coordinates(b.size)
    rows = b.between(11, 20)
    row = np.floor(y * rows)
    u, v = x * rows / 2.4 + 0.5 * (row % 2), y * rows
    mortar = np.minimum(np.abs(u - np.round(u)) * 2.4, np.abs(v - np.round(v))) < 0.07
    code = np.sin(np.floor(u) * 12.99 + row * 78.23) * 43758.5
    tone = (0.75 + 0.4 * (code - np.floor(code)))[None]
    canvas.pixels = np.clip((p.main * 0.5 + p.deep * 0.5)[:, None, None] * tone, 0, 1)
    canvas.pixels = canvas.pixels.astype(np.float32)
    canvas.lay(mortar, p.paper * 0.6 + p.deep * 0.4, 0.8)


def _shutter(b: Brief, canvas: Canvas) -> None:
    """Pull down a ribbed shutter."""
    p, y = b.palette, coordinates(b.size)[1]
    ribs = 0.5 + 0.4 * np.sin(y * b.between(100, 150))
    canvas.pixels = duotone(ribs, p.deep, p.main * 0.5 + p.paper * 0.3)


def _concrete(b: Brief, canvas: Canvas) -> None:
    """Cast concrete panels."""
    p, (x, y) = b.palette, coordinates(b.size)
    rough = noise(b.rng, b.size, 6, octaves=6, persistence=0.7)
    canvas.pixels = duotone(0.35 + 0.5 * rough, p.deep, p.paper)
    n = float(b.rng.integers(2, 4))
    joint = np.minimum(np.abs(x * n - np.round(x * n)), np.abs(y * n - np.round(y * n)))
    canvas.lay(joint < 0.012, p.ink, 0.5)


_WALLS = {"bricks": _bricks, "shutter": _shutter, "concrete": _concrete}


def _litter(b: Brief, canvas: Canvas) -> None:
    """Paste old posters and spray patches on the wall."""
    p, rng = b.palette, b.rng
    for i in range(int(rng.integers(1, 5))):
        sheet = np.ones(
            (b.pixels(b.between(0.15, 0.3)), b.pixels(b.between(0.12, 0.25))),
            np.float32,
        )
        position = (b.between(0, 1), b.between(0.1, 1))
        colour = (p.paper, p.accent, p.ink)[i % 3]
        stamp(
            canvas,
            rotated(sheet, float(rng.normal(0, 6))),
            *position,
            colour,
            opacity=b.between(0.3, 0.8),
        )
    for i in range(int(rng.integers(2, 6))):
        patch = canvas.disc(
            b.between(0, 1), b.between(0.2, 1), b.between(0.05, 0.2), 0.12
        )
        canvas.lay(patch, (p.accent, p.main, p.paper)[i % 3], 0.5)


def _spray(
    b: Brief,
    canvas: Canvas,
    word: Field,
    position: tuple[float, float],
    inks: tuple[Field, Field],
) -> None:
    """Spray a word with outline, shadow, fill and drips."""
    p, rng, (ink, fill) = b.palette, b.rng, inks
    outlined = grown(word, b.pixels(0.02))
    stamp(canvas, outlined, position[0] + 0.014, position[1] + 0.018, p.deep * 0.3)
    stamp(canvas, outlined, *position, ink)
    ramp = np.linspace(0, 1, word.shape[0], dtype=np.float32)[:, None]
    stamp(
        canvas, word, *position, mix(fill, p.paper, np.broadcast_to(ramp, word.shape))
    )
    for _ in range(int(rng.integers(2, 7))):
        x = position[0] + b.between(-0.5, 0.5) * word.shape[1] / b.size
        drip = canvas.box(x, position[1], x + 0.007, position[1] + b.between(0.1, 0.28))
        canvas.lay(drip, ink if rng.random() < 0.5 else fill, 0.9)


def wall(b: Brief) -> Canvas:
    """Draw a sprayed name on bricks or concrete, with drips and old posters."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.deep)
    _WALLS[b.pick("bricks", "bricks", "concrete", "shutter")](b, canvas)
    canvas.shade(0.7 + 0.5 * noise(rng, b.size, 6, octaves=5, persistence=0.7))
    _litter(b, canvas)
    face = b.face("heavy", "italic heavy", "wide", "poster", "slab")
    inks = [(p.ink, p.accent), (p.paper, p.accent), (p.ink, p.main), (p.deep, p.paper)]
    pair = inks[int(b.house.integers(4))]
    words = b.artist.split()
    turn = float(b.house.uniform(0, 9))
    for i, text in enumerate(words):
        word = hand_cut(b.house, b.line(text, face, 0.84, 0.52 / len(words)), 0.3)
        position = (
            0.5 + float(rng.normal(0, 0.02)),
            0.5 + (i - (len(words) - 1) / 2) * 0.27,
        )
        _spray(b, canvas, rotated(np.pad(word, 3), turn), position, pair)
    tag = b.line(b.title, b.face("script", "typewriter", "heavy"), 0.6, 0.08)
    halo = grown(tag, max(1, b.size // 160))
    stamp(canvas, halo, 0.5, 0.92, p.ink, opacity=0.6)
    stamp(canvas, tag, 0.5, 0.92, p.paper)
    return canvas
