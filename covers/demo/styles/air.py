"""Styles of light and haze: glow and fog."""

from collections.abc import Callable

import numpy as np
from PIL import ImageDraw

from covers.demo.brief import Brief
from covers.demo.nature import fir, hills, reflect, sky
from covers.demo.painting import (
    Canvas,
    Field,
    coordinates,
    duotone,
    mix,
    noise,
    smoothstep,
)

__all__ = ["fog", "glow"]

_Spot = tuple[float, float, float]


def _disc(b: Brief, canvas: Canvas, spot: _Spot) -> None:
    """Paint a shaded disc, now and then half sunk in a sea."""
    p, (cx, cy, r) = b.palette, spot
    y = coordinates(b.size)[1]
    canvas.lay(canvas.disc(cx, cy, r * 1.5, r), p.paper, 0.35)
    shaded = mix(p.accent, p.paper, smoothstep(cy - r, cy + r, y))
    canvas.lay(canvas.disc(cx, cy, r, 0.008), shaded)
    if b.rng.random() < 0.5:
        sea = smoothstep(cy + r * 0.35, cy + r * 0.36, y)
        canvas.lay(sea, p.deep * 0.5 + p.main * 0.5, 0.85)


def _clouds(b: Brief, canvas: Canvas, spot: _Spot) -> None:
    """Paint patches of colour out of focus."""
    p = b.palette
    for i in range(int(b.rng.integers(3, 7))):
        patch = canvas.disc(
            b.between(0.1, 0.9), b.between(0.1, 0.9), spot[2] * b.between(0.8, 1.4), 0.4
        )
        canvas.lay(patch, (p.accent, p.paper, p.main, p.deep)[i % 4], 0.75)


def _eclipse(b: Brief, canvas: Canvas, spot: _Spot) -> None:
    """Paint a dark disc before its corona."""
    cx, cy, r = spot
    canvas.lay(canvas.disc(cx, cy, r * 1.5, r * 0.9), b.palette.paper, 0.9)
    canvas.lay(canvas.disc(cx, cy, r, 0.012), b.palette.ink)


def _slit(b: Brief, canvas: Canvas, spot: _Spot) -> None:
    """Paint a bar of light."""
    x, y = coordinates(b.size)
    wide = b.between(0.03, 0.2)
    away = ((x if b.rng.random() < 0.6 else y) - spot[0]) ** 2
    canvas.lay(np.exp(-away / wide**2), b.palette.paper, 0.9)
    canvas.lay(np.exp(-away / (wide * 0.2) ** 2), b.palette.accent, 0.8)


def _rings(b: Brief, canvas: Canvas, spot: _Spot) -> None:
    """Paint rings that spread like a sound."""
    x, y = coordinates(b.size)
    away = np.hypot(x - spot[0], y - spot[1])
    waves = 0.5 + 0.5 * np.cos(away * b.between(25, 60))
    canvas.lay(waves * smoothstep(0.7, 0.1, away), b.palette.paper, 0.6)


def _beams(b: Brief, canvas: Canvas, spot: _Spot) -> None:
    """Paint overlapping veils of light, as through a prism."""
    x, y = coordinates(b.size)
    p = b.palette
    for i in range(int(b.rng.integers(3, 6))):
        angle = b.between(0, np.pi)
        way = (x - spot[0]) * np.cos(angle) + (y - spot[1]) * np.sin(angle)
        veil = smoothstep(0.0, 0.015, way) * smoothstep(b.between(0.2, 0.6), 0.0, way)
        canvas.lay(veil, (p.accent, p.paper, p.main)[i % 3], 0.5)


_GLOWS: dict[str, Callable[[Brief, Canvas, _Spot], None]] = {
    "disc": _disc,
    "clouds": _clouds,
    "eclipse": _eclipse,
    "slit": _slit,
    "rings": _rings,
    "beams": _beams,
}


def glow(b: Brief) -> Canvas:
    """Draw soft light: a disc over a horizon, clouds of colour, an eclipse, a slit."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.paper)
    start = p.deep if rng.random() < 0.6 else p.paper
    canvas.gradient(start, p.main, b.between(0, 2 * np.pi))
    warm = noise(rng, b.size, 1.5, octaves=2)
    canvas.lay(smoothstep(0.35, 0.95, warm), p.accent, 0.6)
    spot = (b.between(0.35, 0.65), b.between(0.35, 0.62), b.between(0.14, 0.3))
    _GLOWS[b.pick(*_GLOWS)](b, canvas, spot)
    face = b.face("spaced", "thin", "grotesque", "wide light", "old style italic")
    position = b.keep(
        "top left", "bottom left", "bottom", "bottom right", "top", "middle"
    )
    height = float(b.house.uniform(0.035, 0.06))
    b.credit(canvas, face, p.paper, position=position, height=height, width=0.75)
    return canvas


def _firs(b: Brief, canvas: Canvas, base: float, tall: float) -> Field:
    """Return the mask of a stand of firs."""

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        for _ in range(int(5 + 22 * (1.2 - tall * 3))):
            x, height = b.between(-0.02, 1.02), tall * b.between(0.5, 1.1)
            fir(b.rng, pen, x * k, (base + 0.06) * k, height * k)

    return canvas.mask(draw)


def _layers(b: Brief, canvas: Canvas, *, wooded: bool) -> None:
    """Paint ridges, far ones paler, with mist between them."""
    p, rng = b.palette, b.rng
    y = coordinates(b.size)[1]
    mist = noise(rng, b.size, 2, octaves=3, stretch=6)
    n_layers = int(rng.integers(3, 6))
    for i in range(n_layers):
        t = (i + 1) / n_layers
        base = 0.42 + 0.5 * t * t + float(rng.normal(0, 0.02))
        mask = hills(rng, b.size, base, 0.06 * (1.3 - t * 0.5), 0.75, 2)
        if wooded and t > 0.35:
            mask = np.maximum(mask, _firs(b, canvas, base, 0.08 + 0.22 * t))
        canvas.lay(mask, p.paper * (1 - t) + p.deep * t)
        veil = mist * smoothstep(base - 0.05, base + 0.2, y)
        canvas.lay(veil, p.paper, 0.55 * (1.15 - t))


def fog(b: Brief) -> Canvas:
    """Draw ridges, trees or water that fade into mist."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.paper)
    kind = b.pick("ridges", "firs", "firs", "sea")
    sky(rng, canvas, p.main * 0.6 + p.paper * 0.4, p.paper, 0.5)
    if rng.random() < 0.5:
        sun = canvas.disc(
            b.between(0.25, 0.75), b.between(0.15, 0.35), b.between(0.04, 0.1), 0.02
        )
        canvas.lay(sun, np.clip(p.paper * 1.2, 0, 1), 0.85)
    if kind == "sea":
        horizon = b.between(0.5, 0.68)
        far = hills(rng, b.size, horizon - 0.02, 0.03, 0.6)
        canvas.lay(far, p.main * 0.45 + p.deep * 0.35 + p.paper * 0.2)
        reflect(canvas, rng, horizon)
        if rng.random() < 0.5:
            x, near = b.between(0.25, 0.75), horizon + b.between(0.06, 0.2)
            hull = [
                (x - 0.05, near),
                (x + 0.05, near),
                (x + 0.035, near + 0.018),
                (x - 0.035, near + 0.018),
            ]
            canvas.lay(
                canvas.polygon(
                    hull, [(x, near), (x, near - 0.09), (x + 0.035, near - 0.01)]
                ),
                p.ink,
            )
    else:
        _layers(b, canvas, wooded=kind == "firs")
    if b.house.random() < 0.35:
        canvas.pixels = duotone(canvas.grey(), p.ink, p.main, p.paper)
    face = b.face("spaced", "thin", "old style italic", "wide light", "old style caps")
    position = b.keep("top", "bottom", "top left", "bottom right", "middle")
    height = float(b.house.uniform(0.035, 0.06))
    b.credit(canvas, face, p.ink, position=position, height=height, width=0.75)
    return canvas
