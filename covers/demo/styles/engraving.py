"""Styles of the concert hall: ruled panels and engraved rosettes."""

import numpy as np

from covers.demo.brief import Brief
from covers.demo.figures import draw_portrait
from covers.demo.lettering import stamp
from covers.demo.painting import (
    Canvas,
    Field,
    coordinates,
    duotone,
    luminance,
    mix,
    noise,
    smoothstep,
)
from covers.demo.styles.countryside import landscape

__all__ = ["cartouche", "rosette"]


def _musician(b: Brief) -> Field:
    """Take a photograph of a soloist in the dark, in grey."""
    head = draw_portrait(
        b.rng,
        b.size,
        centre=(b.between(0.35, 0.65), b.between(0.56, 0.64)),
        scale=b.between(0.16, 0.21),
    )
    ground = 0.1 + 0.35 * noise(b.rng, b.size, 3, octaves=4)
    return np.asarray(ground * (1 - head.outline) + head.grey * head.outline)


def _velvet(b: Brief) -> Field:
    """Take a photograph of a curtain, in grey."""
    x, y = coordinates(b.size)
    folds = np.sin(x * b.between(15, 40) + 4 * noise(b.rng, b.size, 2, octaves=2))
    return np.asarray((0.3 + 0.3 * folds) * smoothstep(0.0, 0.6, 1 - np.abs(y - 0.55)))


def _columns(b: Brief) -> Field:
    """Take a photograph of a row of columns, in grey."""
    x, y = coordinates(b.size)
    n = float(b.rng.integers(4, 8))
    across = x * n - np.floor(x * n)
    shaft = (across > 0.22) & (across < 0.78) & (y > 0.44) & (y < 0.93)
    round_ = np.sqrt(np.clip(1 - ((across - 0.42) / 0.4) ** 2, 0, 1))
    flutes = 0.12 * np.sin(across * 60)
    stone = 0.75 + 0.2 * noise(b.rng, b.size, 9, octaves=4)
    grey = np.where(shaft, (round_ * 0.9 + flutes) * stone, 0.1 + 0.25 * y)
    beam = (y > 0.4) & (y < 0.45) | (y > 0.93)
    return np.asarray(np.where(beam, 0.7 * stone, grey))


def _strings(b: Brief) -> Field:
    """Take a photograph of a fiddle's body, in grey."""
    x, y = coordinates(b.size)
    turn = b.between(-0.5, 0.5)
    u = (x - 0.5) * np.cos(turn) + (y - 0.72) * np.sin(turn)
    v = (y - 0.72) * np.cos(turn) - (x - 0.5) * np.sin(turn)
    waist = 0.21 - 0.05 * np.cos(v * 22) + 0.05 * v
    body = smoothstep(0.01, 0.0, np.abs(u) - waist) * smoothstep(0.34, 0.33, np.abs(v))
    grain = 0.5 + 0.25 * np.sin(u * 260 + 6 * noise(b.rng, b.size, 3, octaves=2))
    lit = grain * (0.9 - np.abs(u) * 2)
    holes = smoothstep(
        0.012, 0.006, np.abs(np.abs(u) - 0.1 - 0.03 * np.sin(v * 26))
    ) * (np.abs(v - 0.03) < 0.1)
    neck = (np.abs(u) < 0.028) & (v < 0.08)
    strings = (
        smoothstep(0.25, 0.1, np.abs((u * 75) - np.round(u * 75)))
        * (np.abs(u) < 0.026)
        * (v < 0.2)
    )
    grey = 0.1 + 0.1 * y + (lit - 0.1) * body
    grey = grey * (1 - 0.9 * holes * body)
    grey = np.where(neck, 0.06, grey)
    return np.asarray(np.maximum(grey, strings * 0.85))


_PICTURES = {
    "musician": _musician,
    "velvet": _velvet,
    "columns": _columns,
    "strings": _strings,
}


def cartouche(b: Brief) -> Canvas:
    """Draw a picture under a ruled panel with centred titling."""
    p = b.palette
    kind = b.pick("landscape", "musician", "musician", "velvet", "columns", "strings")
    if kind == "landscape":
        canvas = landscape(b)
    else:
        canvas = b.canvas(p.deep)
        canvas.pixels = duotone(_PICTURES[kind](b), p.ink, p.deep, p.main, p.paper)
    panel = (p.accent, p.paper, p.accent)[int(b.house.integers(3))]
    ink = p.ink if luminance(panel) > 0.4 else p.paper
    tall, inset = (
        float(b.house.uniform(0.31, 0.39)),
        float(b.house.choice([0.0, 0.05, 0.09])),
    )
    right, bottom = 1 - inset, inset + tall
    edge = 1.0 if inset == 0 else 0.0
    canvas.lay(canvas.box(inset - edge, inset - edge, right + edge, bottom), panel)
    for step, thick in ((0.018, 0.006), (0.03, 0.003)):
        near, far = inset + step, inset + step + thick
        outer = canvas.box(near, near, 1 - near, bottom - step)
        canvas.lay(
            np.clip(outer - canvas.box(far, far, 1 - far, bottom - step - thick), 0, 1),
            ink,
        )
    face = b.face(
        "didone", "old style", "didone caps", "old style caps", "old style bold"
    )
    second = b.face("didone italic", "old style italic", "old style caps")
    third = b.face("old style caps", "spaced")
    wide = 1 - 2 * inset - 0.14
    stamp(canvas, b.line(b.title, face, wide, 0.115), 0.5, inset + tall * 0.33, ink)
    stamp(
        canvas,
        b.line(b.artist, second, wide - 0.06, 0.075),
        0.5,
        inset + tall * 0.6,
        ink,
    )
    stamp(
        canvas,
        b.line(b.label.upper(), third, 0.32, 0.03),
        0.5,
        inset + tall * 0.81,
        ink,
    )
    return canvas


def _mandala(b: Brief, centre_y: float, reach: float) -> Field:
    """Return engraved line density of a rosette in polar coordinates."""
    x, y = coordinates(b.size)
    dx, dy = x - 0.5, y - centre_y
    away, angle = np.hypot(dx, dy) / reach, np.arctan2(dy, dx)
    total = np.zeros_like(x)
    petals = int(b.rng.integers(6, 17))
    for ring in range(int(b.rng.integers(3, 6))):
        n = petals * (1 + ring % 2)
        mean, swing = 0.2 + 0.2 * ring, b.between(0.04, 0.16)
        kind = int(b.rng.integers(3))
        wave = np.cos(n * angle)
        wave = (
            wave
            if kind == 0
            else np.abs(wave) * 2 - 1
            if kind == 1
            else np.sign(wave) * np.abs(wave) ** 0.4
        )
        line = np.abs(away - mean - swing * wave)
        total = np.maximum(total, smoothstep(0.022, 0.01, line))
        if b.rng.random() < 0.5:
            total = np.maximum(
                total,
                0.8
                * smoothstep(0.05, 0.035, np.abs(line - 0.06))
                * (np.sin(away * 150) > 0),
            )
        if b.rng.random() < 0.4:
            total = np.maximum(
                total,
                smoothstep(0.3, 0.5, wave)
                * smoothstep(0.05, 0.04, np.abs(away - mean - swing)),
            )
    rims = np.minimum(np.abs(away - 1.0), np.abs(away - 1.06))
    return np.asarray(np.maximum(total * (away < 1), smoothstep(0.016, 0.008, rims)))


def rosette(b: Brief) -> Canvas:
    """Draw engraved rosettes, staves and rules in one metallic ink."""
    p, rng = b.palette, b.rng
    dark = bool(b.house.random() < 0.6)
    ground, ink = (p.deep * 0.75, p.accent) if dark else (p.paper, p.deep)
    if abs(luminance(ground) - luminance(ink)) < 0.3:
        ink = p.paper if luminance(ground) < 0.5 else p.ink
    canvas = b.canvas(ground)
    canvas.shade(0.85 + 0.25 * noise(rng, b.size, 3, octaves=5))
    centre_y = float(rng.choice([0.5, 0.53, 0.48]))
    reach = b.between(0.25, 0.31)
    gilt = mix(ink, np.clip(ink * 0.7 + 0.25, 0, 1), noise(rng, b.size, 3, octaves=2))
    canvas.lay(_mandala(b, centre_y, reach), gilt)
    if rng.random() < 0.5:
        x, y = coordinates(b.size)
        row = (y - 0.86) / 0.012
        staff = (np.abs(row - np.round(row)) < 0.14) & (np.abs(np.round(row) - 2) < 3)
        canvas.lay(staff * ((x > 0.1) & (x < 0.9)), ink, 0.85)
    canvas.lay(canvas.frame(0.03, 0.005), gilt)
    canvas.lay(canvas.frame(0.044, 0.003), gilt)
    face = b.face("old style caps", "didone caps", "fraktur", "script", "didone italic")
    title, name = b.line(b.title, face, 0.78, 0.085), b.line(b.artist, face, 0.7, 0.06)
    if b.house.random() < 0.5:
        stamp(canvas, title, 0.5, 0.105, ink)
        stamp(canvas, name, 0.5, 0.925, ink)
    else:
        half = max(title.shape[1], name.shape[1]) / b.size / 2 + 0.04
        plate = canvas.box(0.5 - half, centre_y - 0.09, 0.5 + half, centre_y + 0.1)
        inner = canvas.box(
            0.507 - half, centre_y - 0.083, 0.493 + half, centre_y + 0.093
        )
        canvas.lay(plate, ink)
        canvas.lay(inner, ground)
        stamp(canvas, title, 0.5, centre_y - 0.03, ink)
        stamp(canvas, name, 0.5, centre_y + 0.055, ink)
    return canvas
