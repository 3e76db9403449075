"""Styles of the countryside: oil landscapes and faded photographs."""

import numpy as np
from PIL import Image

from covers.demo.brief import Brief
from covers.demo.figures import draw_portrait
from covers.demo.lettering import stamp
from covers.demo.nature import Tree, draw_trees, hills, player, reflect, sky
from covers.demo.painting import (
    Canvas,
    blur,
    coordinates,
    duotone,
    noise,
    smoothstep,
)

__all__ = ["landscape", "pastoral", "porch"]


def _brushed(canvas: Canvas, rng: np.random.Generator) -> None:
    """Smear the canvas and some bristle noise along a flow, as a brush does."""
    size = canvas.size
    angle = noise(rng, size, 3, octaves=2) * 5 - 1.2
    bristles = rng.normal(0, 0.09, (size, size)).astype(np.float32)
    wobble = (noise(rng, size, 28, octaves=1) - 0.5) * size * 0.03
    y, x = np.mgrid[0:size, 0:size]
    painted = np.clip(canvas.pixels + bristles, 0, 1).reshape(3, -1)
    total = np.zeros_like(painted)
    for step in (-3.0, -1.0, 1.0, 3.0):
        rows = np.clip(y + np.sin(angle) * step + wobble, 0, size - 1).astype(np.intp)
        columns = np.clip(x + np.cos(angle) * step + wobble, 0, size - 1).astype(
            np.intp
        )
        total += painted[:, (rows * size + columns).ravel()]
    canvas.pixels = (total / 4).reshape(3, size, size)


def _village(b: Brief, canvas: Canvas, x: float, foot: float) -> None:
    """Paint a church and some roofs."""
    p = b.palette
    walls = canvas.box(x - 0.012, foot - 0.1, x + 0.012, foot)
    roofs = [[(x - 0.018, foot - 0.1), (x, foot - 0.17), (x + 0.018, foot - 0.1)]]
    for _ in range(int(b.rng.integers(2, 6))):
        left, wide = x + b.between(-0.12, 0.1), b.between(0.03, 0.06)
        top = foot - b.between(0.02, 0.04)
        walls = np.maximum(walls, canvas.box(left, top, left + wide, foot))
        roofs.append(
            [
                (left - 0.005, top),
                (left + wide / 2, top - 0.025),
                (left + wide + 0.005, top),
            ]
        )
    canvas.lay(walls, p.paper * 0.85)
    canvas.lay(canvas.polygon(*roofs), p.accent * 0.5 + p.ink * 0.3)


def landscape(b: Brief) -> Canvas:
    """Paint fields, trees, water and sky in oil, without lettering."""
    p, rng, size = b.palette, b.rng, b.size
    canvas = b.canvas(p.paper)
    kind = b.pick("fields", "fields", "river", "mountains", "sea")
    sky(rng, canvas, p.main * 0.6 + p.paper * 0.4, p.paper, 0.9)
    horizon = b.between(0.42, 0.6)
    if kind == "mountains":
        peaks = hills(rng, size, horizon - 0.16, 0.07, 0.9, 3)
        snow = np.clip(0.75 + 0.5 * noise(rng, size, 9, octaves=3), 0, 1.2)
        canvas.lay(peaks, (p.main * 0.5 + p.paper * 0.4)[:, None, None] * snow)
    canvas.lay(
        hills(rng, size, horizon - 0.05, 0.045, 0.5, 2), p.main * 0.75 + p.deep * 0.25
    )
    if kind in {"river", "sea"}:
        reflect(canvas, rng, horizon + 0.02)
    grassy = 0.72 + 0.56 * noise(rng, size, 6, octaves=4, stretch=5)
    n_fields = 1 if kind == "sea" else 3
    for i in range(n_fields):
        t = (i + 1) / 3
        base = horizon + 0.1 + 0.15 * i + {"river": 0.1, "sea": 0.28}.get(kind, 0.0)
        green = p.accent * (1 - t) * 0.8 + p.main * 0.2 + p.deep * t * 0.8
        canvas.lay(
            hills(rng, size, base, 0.035, 0.25, 2),
            np.clip(green[:, None, None] * grassy, 0, 1),
        )
        if i == 0 and rng.random() < 0.45:
            _village(b, canvas, b.between(0.2, 0.8), base + 0.02)
        grown = 0.6 + 0.5 * i
        trees = [
            Tree(
                b.between(0.0, 1.0),
                base + b.between(0.03, 0.07),
                b.between(0.15, 0.26) * grown,
                b.between(0.6, 1.0),
            )
            for _ in range(int(rng.integers(1, 5 - i)))
        ]
        whole, lit = draw_trees(rng, canvas, trees)
        canvas.lay(whole, p.deep * 0.65 + p.ink * 0.35)
        canvas.lay(lit, p.accent * 0.35 + p.main * 0.35 + p.deep * 0.3, 0.8)
    _brushed(canvas, rng)
    canvas.shade(0.94 + 0.12 * noise(rng, size, 70, octaves=1, stretch=0.3))
    return canvas


def pastoral(b: Brief) -> Canvas:
    """Draw an oil painting of fields and trees, framed or with a title strip."""
    p = b.palette
    scene = landscape(b)
    layout = b.keep("framed", "strip", "full", "framed")
    face = b.face(
        "didone caps",
        "old style caps",
        "old style italic",
        "didone italic",
        "script",
        "slab",
    )
    if layout == "full":
        b.credit(scene, face, p.ink, position="top", height=0.085)
        return scene
    ground = (p.paper, p.ink, p.deep)[int(b.house.integers(3))]
    canvas = b.canvas(ground)
    top = float(b.house.uniform(0.2, 0.27))
    if layout == "strip":
        tall = b.size - b.pixels(top)
        canvas.pixels[:, -tall:] = scene.pixels[:, -tall:]
    else:
        margin = b.pixels(0.09)
        rows, columns = b.size - b.pixels(top) - margin, b.size - 2 * margin
        y, edge = b.pixels(top), max(1, b.pixels(0.009))
        gilt = canvas.pixels[
            :, y - edge : y + rows + edge, margin - edge : margin + columns + edge
        ]
        gilt[:] = p.accent[:, None, None]
        for plane, source in zip(canvas.pixels, scene.pixels, strict=True):
            image = Image.fromarray(np.ascontiguousarray(source, np.float32))
            small = image.resize((columns, rows), Image.Resampling.BILINEAR)
            plane[y : y + rows, margin : margin + columns] = small
    name, title = b.line(b.artist, face, 0.82, 0.085), b.line(b.title, face, 0.82, 0.06)
    where = (0.2, 0.03, 0.8, top * 0.8)
    stamp(canvas, name, 0.5, top * 0.35, b.readable(canvas, where))
    stamp(canvas, title, 0.5, top * 0.74, b.readable(canvas, where, p.accent))
    return canvas


def _cabin(b: Brief, canvas: Canvas, horizon: float) -> None:
    """Put up a plank cabin with a dark door."""
    y = coordinates(b.size)[1]
    left, wide = b.between(0.05, 0.55), b.between(0.25, 0.38)
    top, foot = horizon - b.between(0.12, 0.2), horizon + 0.05
    planks = (
        0.35 + 0.15 * (np.floor(y * 60) % 2) + 0.1 * noise(b.rng, b.size, 20, octaves=2)
    )
    canvas.lay(canvas.box(left, top, left + wide, foot), planks[None].repeat(3, 0))
    ridge, eaves = top - 0.12, top + 0.01
    roof = [
        (left - 0.04, eaves),
        (left + wide * 0.3, ridge),
        (left + wide * 0.7, ridge),
        (left + wide + 0.04, eaves),
    ]
    canvas.lay(canvas.polygon(roof), np.full(3, 0.15, np.float32))
    dark = np.full(3, 0.06, np.float32)
    canvas.lay(
        canvas.box(left + wide * 0.2, top + 0.04, left + wide * 0.38, top + 0.11), dark
    )
    canvas.lay(canvas.box(left + wide * 0.6, top + 0.04, left + wide * 0.8, foot), dark)


def _road(b: Brief, canvas: Canvas, horizon: float) -> None:
    """Lay a road that winds to the horizon."""
    x, y = coordinates(b.size)
    depth = np.clip((y - horizon) / (1 - horizon), 0, 1)
    middle = 0.5 + b.between(-0.5, 0.5) * (1 - depth) ** 2
    road = smoothstep(0.02, 0.0, np.abs(x - middle) - 0.02 - 0.3 * depth) * (
        y > horizon
    )
    canvas.lay(road, np.full(3, 0.72, np.float32), 0.85)


def _field(b: Brief) -> Canvas:
    """Take a photograph of a field, in grey."""
    rng = b.rng
    canvas = b.canvas(b.palette.paper)
    top, bottom = (
        np.full(3, b.between(0.4, 0.7), np.float32),
        np.full(3, 0.95, np.float32),
    )
    dark = np.full(3, 0.06, np.float32)
    sky(rng, canvas, top, bottom, 0.6)
    horizon = b.between(0.52, 0.68)
    canvas.lay(
        hills(rng, b.size, horizon - 0.04, 0.03, 0.4, 2), np.full(3, 0.5, np.float32)
    )
    grass = 0.25 + 0.4 * noise(rng, b.size, 14, octaves=5, stretch=0.4, persistence=0.7)
    canvas.lay(hills(rng, b.size, horizon, 0.008, 0.3, 2), grass[None].repeat(3, 0))
    if rng.random() < 0.35:
        _road(b, canvas, horizon)
    if rng.random() < 0.45:
        _cabin(b, canvas, horizon)
    if rng.random() < 0.6:
        stem = Tree(
            float(rng.choice([0.14, 0.86, 0.3, 0.7])),
            horizon + 0.08,
            b.between(0.4, 0.6),
            float(rng.choice([0.0, 0.6, 0.8])),
        )
        tree, lit = draw_trees(rng, canvas, [stem])
        canvas.lay(tree, dark)
        canvas.lay(lit, dark * 4, 0.6)
    if rng.random() < 0.7:
        for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
            foot = (b.between(0.2, 0.8), b.between(0.84, 0.95))
            canvas.lay(player(rng, canvas, foot, b.between(0.36, 0.56)), dark)
    return canvas


def _sitter(b: Brief) -> Canvas:
    """Take a photograph of a head before a wall of planks or a plain sky, in grey."""
    canvas = b.canvas(b.palette.paper)
    x, y = coordinates(b.size)
    wall = 0.45 + 0.3 * (1 - y) + 0.12 * noise(b.rng, b.size, 4, octaves=4)
    if b.rng.random() < 0.5:
        wall = wall - 0.12 * (np.sin(x * b.between(30, 70)) > 0.93)
    head = draw_portrait(
        b.rng,
        b.size,
        centre=(b.between(0.35, 0.65), b.between(0.46, 0.55)),
        scale=b.between(0.17, 0.23),
    )
    grey = wall * (1 - head.outline) + head.grey * head.outline
    canvas.pixels = grey[None].repeat(3, 0)
    return canvas


def porch(b: Brief) -> Canvas:
    """Draw a faded photograph: a road, a cabin, a tree, a player, a face."""
    p, rng = b.palette, b.rng
    canvas = _field(b) if rng.random() < 0.72 else _sitter(b)
    x, y = coordinates(b.size)
    sun = np.exp(-((x - b.between(0, 1)) ** 2 + (y - b.between(0, 0.5)) ** 2) * 5)
    canvas.pixels = duotone(canvas.grey() + 0.2 * sun, p.ink, p.main, p.paper)
    border = float(b.house.choice([0.0, 0.06, 0.1]))
    if border:
        inner = blur(canvas.box(border, border * 1.9, 1 - border, 1 - border), 2)
        framed = b.canvas(p.paper)
        framed.lay(inner, canvas.pixels)
        canvas = framed
    face = b.face(
        "slab", "slab narrow", "script", "old style bold", "typewriter", "didone italic"
    )
    position = b.keep("top", "top left", "bottom", "top right")
    ink = p.accent if b.house.random() < 0.5 else p.ink
    b.credit(
        canvas, face, ink, position=position, height=float(b.house.uniform(0.065, 0.1))
    )
    return canvas
