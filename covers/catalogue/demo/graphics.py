"""Styles made of geometry, ornament and paper: glow, lines, grids, cut-outs, prints."""

import numpy as np
from PIL import ImageDraw

from covers.catalogue.demo.brief import Brief
from covers.catalogue.demo.figures import draw_portrait, hills
from covers.catalogue.demo.lettering import around, hand_cut, stamp
from covers.catalogue.demo.painting import (
    Canvas,
    Field,
    blur,
    coordinates,
    duotone,
    noise,
    smoothstep,
)
from covers.catalogue.demo.scenes import landscape

__all__ = [
    "cartouche",
    "contours",
    "cutouts",
    "glow",
    "grid",
    "rosette",
    "swiss",
    "woodcut",
]


def glow(b: Brief) -> Canvas:
    """Soft light: a disc over a horizon, clouds of colour, an eclipse, a slit."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.paper)
    angle = float(rng.uniform(0, 2 * np.pi))
    first, last = (p.deep, p.main) if rng.random() < 0.6 else (p.paper, p.main)
    canvas.gradient(first, last, angle)
    warm = noise(rng, b.size, 1.5, octaves=2)
    canvas.lay(smoothstep(0.35, 0.95, warm), p.accent, 0.6)
    kind = str(rng.choice(["disc", "clouds", "eclipse", "slit", "rings"]))
    cx, cy, r = (
        float(rng.uniform(0.35, 0.65)),
        float(rng.uniform(0.35, 0.62)),
        float(rng.uniform(0.14, 0.3)),
    )
    x, y = coordinates(b.size)
    if kind == "disc":
        canvas.lay(canvas.disc(cx, cy, r * 1.5, r), p.paper, 0.35)
        shade = smoothstep(cy - r, cy + r, y)[..., None]
        canvas.lay(
            canvas.disc(cx, cy, r, 0.008), p.accent * (1 - shade) + p.paper * shade
        )
        if rng.random() < 0.5:
            canvas.lay(
                smoothstep(cy + r * 0.35, cy + r * 0.36, y),
                p.deep * 0.5 + p.main * 0.5,
                0.85,
            )
    elif kind == "clouds":
        for _ in range(int(rng.integers(3, 7))):
            spot = canvas.disc(
                float(rng.uniform(0.1, 0.9)),
                float(rng.uniform(0.1, 0.9)),
                float(rng.uniform(0.12, 0.35)),
                0.4,
            )
            canvas.lay(
                spot, [p.accent, p.paper, p.main, p.deep][int(rng.integers(4))], 0.75
            )
    elif kind == "eclipse":
        canvas.lay(canvas.disc(cx, cy, r * 1.5, r * 0.9), p.paper, 0.9)
        canvas.lay(canvas.disc(cx, cy, r, 0.012), p.ink)
    elif kind == "slit":
        wide = float(rng.uniform(0.03, 0.2))
        across = x if rng.random() < 0.6 else y
        canvas.lay(
            np.exp(-((across - cx) ** 2) / wide**2).astype(np.float32), p.paper, 0.9
        )
        canvas.lay(
            np.exp(-((across - cx) ** 2) / (wide * 0.2) ** 2).astype(np.float32),
            p.accent,
            0.8,
        )
    else:
        away = np.sqrt((x - cx) ** 2 + (y - cy) ** 2)
        waves = 0.5 + 0.5 * np.cos(away * float(rng.uniform(25, 60)))
        canvas.lay(
            (waves * smoothstep(0.7, 0.1, away)).astype(np.float32), p.paper, 0.6
        )
    face = b.face(["spaced", "thin", "grotesque", "wide light", "old style italic"])
    place = ["top left", "bottom left", "bottom", "bottom right", "top", "middle"][
        int(b.house.integers(6))
    ]
    dark = (
        float(
            canvas.pixels[: b.size // 4].mean()
            if "top" in place
            else canvas.pixels[-b.size // 4 :].mean()
        )
        < 0.55
    )
    ink = p.paper if dark else p.ink
    b.credit(
        canvas,
        face,
        (ink, ink),
        place=place,
        height=float(b.house.uniform(0.03, 0.055)),
        width=0.75,
    )
    return canvas


def contours(b: Brief) -> Canvas:
    """Fine lines: stacked waves, interference, height lines, bundles of threads."""
    p, rng = b.palette, b.rng
    inks = [
        (p.ink, p.paper),
        (p.paper, p.ink),
        (p.deep, p.accent),
        (p.main, p.paper),
        (p.ink, p.accent),
    ]
    ground, line = inks[int(b.house.integers(len(inks)))]
    canvas = b.canvas(ground)
    if rng.random() < 0.4:
        canvas.gradient(ground, ground * 0.6 + p.main * 0.4, float(rng.uniform(0, 6)))
    x, y = coordinates(b.size)
    kind = str(rng.choice(["ridges", "moire", "heights", "threads"]))
    if kind == "ridges":
        n_rows = int(rng.integers(14, 34))
        xs = np.linspace(0.12, 0.88, 90)
        for i in range(n_rows):
            base = 0.24 + 0.62 * i / n_rows
            envelope = np.exp(-(((xs - 0.5 - rng.normal(0, 0.03)) / 0.13) ** 2))
            peaks = (
                np.abs(np.convolve(rng.normal(size=98), np.hanning(9) / 3, "valid"))
                * envelope
            )
            ys = base - peaks * float(rng.uniform(0.05, 0.09)) - 0.004 * rng.random(90)
            points = list(zip(xs, ys, strict=True))

            canvas.lay(
                canvas.polygon([(0.12, base + 0.01), *points, (0.88, base + 0.01)]),
                ground,
            )

            def stroke(
                pen: ImageDraw.ImageDraw,
                k: float,
                points: list[tuple[float, float]] = points,
            ) -> None:
                pen.line(
                    [(px * k, py * k) for px, py in points],
                    fill=255,
                    width=max(2, round(k * 0.005)),
                )

            canvas.lay(canvas.mask(stroke), line)
    elif kind == "moire":
        n_centres = int(rng.integers(1, 4))
        waves = np.ones_like(x)
        for _ in range(n_centres):
            away = np.hypot(x - rng.uniform(0.1, 0.9), y - rng.uniform(0.1, 0.9))
            waves = (
                waves * np.sign(np.sin(away * float(rng.uniform(90, 190))))
                if n_centres > 1
                else np.sin(away * float(rng.uniform(60, 160)))
            )
        canvas.lay(smoothstep(-0.2, 0.2, waves.astype(np.float32)), line)
    elif kind == "heights":
        land = noise(
            rng, b.size, float(rng.uniform(1.5, 3.5)), octaves=3, persistence=0.35
        )
        n_lines = float(rng.uniform(9, 22))
        phase = land * n_lines
        gy, gx = np.gradient(phase)
        near = np.abs(phase - np.round(phase)) / (np.hypot(gx, gy) + 1e-3)
        canvas.lay(smoothstep(1.5, 0.5, near.astype(np.float32)), line)
        if rng.random() < 0.4:
            canvas.lay(smoothstep(0.7, 0.71, land), p.accent, 0.9)
    else:
        n_threads = int(rng.integers(25, 60))
        xs = np.linspace(-0.02, 1.02, 70)
        f1, f2, a1, a2 = (
            rng.uniform(2, 6),
            rng.uniform(4, 11),
            rng.uniform(0.06, 0.22),
            rng.uniform(0.02, 0.08),
        )
        phase0 = rng.uniform(0, 6, 2)

        def threads(pen: ImageDraw.ImageDraw, k: float) -> None:
            for i in range(n_threads):
                t = i / n_threads
                ys = (
                    0.52
                    + a1 * np.sin(f1 * xs + phase0[0] + t * 2.2) * (0.3 + t)
                    + a2 * np.sin(f2 * xs + phase0[1] - t * 4)
                )
                pen.line(
                    list(zip(xs * k, ys * k, strict=True)),
                    fill=255,
                    width=max(1, round(k * 0.003)),
                )

        canvas.lay(canvas.mask(threads), line)
    face = b.face(["terminal", "spaced", "thin", "grotesque", "wide light"])
    place = ["top left", "top", "bottom left", "bottom right"][int(b.house.integers(4))]
    if kind in {"moire", "heights"}:
        first = b.line(b.artist, face, 0.7, 0.045)
        tall, wide = first.shape[0] / b.size, first.shape[1] / b.size
        canvas.lay(
            canvas.box(0.05, 0.84, 0.05 + wide + 0.06, 0.84 + 2 * tall + 0.06), ground
        )
        stamp(canvas, first, 0.08, 0.862, line, anchor=(0, 0))
        stamp(
            canvas,
            b.line(b.title, face, wide, 0.03),
            0.08,
            0.875 + tall,
            line,
            anchor=(0, 0),
        )
    else:
        b.credit(
            canvas,
            face,
            (line, line),
            place=place,
            height=float(b.house.uniform(0.03, 0.055)),
            width=0.75,
        )
    return canvas


def grid(b: Brief) -> Canvas:
    """A neon plane to the horizon under a striped sun."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.ink)
    x, y = coordinates(b.size)
    horizon = float(rng.uniform(0.55, 0.68))
    canvas.gradient(p.ink, p.deep)
    canvas.lay(np.exp(-(((y - horizon) / 0.16) ** 2)).astype(np.float32), p.main, 0.9)
    stars = (rng.random((b.size, b.size), np.float32) > 0.997).astype(np.float32)
    canvas.lay(stars * (y < horizon), p.paper, 0.9)
    cx, r = float(rng.choice([0.5, 0.5, 0.35, 0.65])), float(rng.uniform(0.16, 0.27))
    cy = horizon - r * float(rng.uniform(0.45, 0.9))
    kind = str(rng.choice(["sun", "sun", "pyramid", "cube"]))
    if kind == "sun":
        shade = smoothstep(cy - r, cy + r, y)[..., None]
        bars = 1 - (np.sin((y - cy) / r * 16) > 0.9 - 0.75 * (y - cy) / r) * (
            y > cy - 0.1 * r
        )
        canvas.lay(
            (canvas.disc(cx, cy, r) * bars).astype(np.float32),
            p.paper * (1 - shade) + p.accent * shade,
        )
    elif kind == "pyramid":
        tip = (cx, cy - r)
        canvas.lay(
            canvas.polygon([tip, (cx - 1.4 * r, horizon), (cx + 0.3 * r, horizon)]),
            p.accent,
        )
        canvas.lay(
            canvas.polygon([tip, (cx + 1.4 * r, horizon), (cx + 0.3 * r, horizon)]),
            p.accent * 0.5,
        )
    else:
        for i in range(3):
            q = r * (1 - 0.3 * i)
            canvas.lay(
                canvas.box(cx - q, cy - q, cx + q, cy + q),
                [p.accent, p.deep, p.main][i],
                0.9,
            )
    canvas.lay(hills(rng, b.size, horizon - 0.02, 0.03, 0.9, 5) * (y < horizon), p.ink)
    plane = (y > horizon).astype(np.float32)
    canvas.lay(plane, p.ink * 0.7 + p.deep * 0.3)
    depth = np.maximum(y - horizon, 1e-3)
    u = (x - 0.5) / depth * float(rng.uniform(0.9, 1.5))
    v = float(rng.uniform(0.5, 0.9)) / depth
    near_u = np.abs(u - np.round(u)) * depth * b.size
    near_v = np.abs(v - np.round(v)) * depth**2 * b.size * 1.4
    mesh = (
        np.maximum(smoothstep(1.6, 0.3, near_u), smoothstep(1.6, 0.3, near_v)) * plane
    )
    canvas.lay(mesh.astype(np.float32), p.main * 0.5 + p.accent * 0.5, 0.95)
    face = b.face(["italic heavy", "script", "wide", "terminal", "condensed"])
    first = b.line(b.artist, face, 0.88, float(b.house.uniform(0.1, 0.16)))
    top = 0.16
    stamp(canvas, first, 0.508, top + 0.012, p.main)
    if b.house.random() < 0.5:
        ramp = np.linspace(0, 1, first.shape[0], dtype=np.float32)[:, None, None]
        fill = (p.paper * (1 - ramp) + p.accent * ramp) * np.where(
            (ramp > 0.48) & (ramp < 0.56), 0.35, 1
        )
        stamp(
            canvas,
            first,
            0.5,
            top,
            np.broadcast_to(fill, (*first.shape, 3)).astype(np.float32),
        )
    else:
        stamp(canvas, first, 0.5, top, p.paper)
    stamp(
        canvas,
        b.line(b.title, b.face(["spaced", "terminal", "script"]), 0.7, 0.05),
        0.5,
        0.92,
        p.paper,
    )
    return canvas


def swiss(b: Brief) -> Canvas:
    """Flat geometry on a module grid with a small ranged-left credit."""
    p, rng = b.palette, b.rng
    ground = [p.paper, p.main, p.accent, p.ink][int(b.house.integers(4))]
    others = [c for c in (p.paper, p.main, p.accent, p.ink, p.deep) if c is not ground]
    canvas = b.canvas(ground)
    kind = str(rng.choice(["tiles", "bars", "circles", "numeral"]))
    x, y = coordinates(b.size)
    if kind == "tiles":
        n = int(rng.integers(3, 7))
        for row in range(n):
            for column in range(n):
                if rng.random() < 0.25 or row < n * 0.25:
                    continue
                x0, y0, step = column / n, row / n, 1 / n
                tile = canvas.box(x0, y0, x0 + step, y0 + step)
                canvas.lay(
                    tile,
                    others[int(rng.integers(len(others)))],
                    float(rng.random() < 0.4),
                )
                corner = (
                    x0 + step * float(rng.integers(2)),
                    y0 + step * float(rng.integers(2)),
                )
                canvas.lay(
                    canvas.disc(*corner, step) * tile,
                    others[int(rng.integers(len(others)))],
                )
    elif kind == "bars":
        angle = float(rng.choice([0.0, np.pi / 4, -np.pi / 4, np.pi / 2, 0.3]))
        way = (x * np.cos(angle) + y * np.sin(angle)).astype(np.float32)
        at = float(rng.uniform(-0.1, 0.3))
        while at < 1.4:
            wide = float(rng.choice([0.02, 0.04, 0.08, 0.14]))
            bar = np.clip(np.minimum(way - at, at + wide - way) * b.size + 0.5, 0, 1)
            limit = (
                smoothstep(0.28, 0.283, y) if rng.random() < 0.7 else np.ones_like(y)
            )
            canvas.lay(
                (bar * limit).astype(np.float32), others[int(rng.integers(len(others)))]
            )
            at += wide + float(rng.uniform(0.02, 0.12))
    elif kind == "circles":
        cx, cy = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.5, 0.7))
        radius = float(rng.uniform(0.3, 0.5))
        for i in range(int(rng.integers(3, 8))):
            canvas.lay(canvas.disc(cx, cy, radius), others[i % len(others)])
            shift = radius * 0.22
            radius -= float(rng.uniform(0.03, 0.08))
            cx += float(rng.choice([0, 0, 1, -1])) * shift * 0.3
            if radius < 0.03:
                break
    else:
        numeral = str(int(rng.integers(2, 100)))
        mask = b.line(numeral, b.face(["heavy", "grotesque", "poster"]), 0.9, 0.62)
        stamp(canvas, mask, 0.95, 0.95, others[0], anchor=(1, 1))
        canvas.lay(
            canvas.disc(
                float(rng.uniform(0.2, 0.8)),
                float(rng.uniform(0.4, 0.8)),
                float(rng.uniform(0.08, 0.25)),
            ),
            others[1],
            0.92,
        )
    ink = p.ink if float(ground.mean()) > 0.45 else p.paper
    face = b.face(["grotesque", "heavy", "grotesque caps", "terminal"])
    b.credit(
        canvas,
        face,
        (ink, ink),
        place=str(b.house.choice(["top left", "top right"])),
        height=float(b.house.uniform(0.04, 0.09)),
    )
    return canvas


def cutouts(b: Brief) -> Canvas:
    """Torn and cut coloured papers: leaves, blocks, a hint of an instrument."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.paper if rng.random() < 0.65 else p.main)
    colours = [p.ink, p.deep, p.main, p.accent]
    for _ in range(int(rng.integers(2, 6))):
        x0, y0 = float(rng.uniform(-0.1, 0.75)), float(rng.uniform(0.12, 0.75))
        w, h = float(rng.uniform(0.15, 0.5)), float(rng.uniform(0.15, 0.5))
        skew = rng.normal(0, 0.025, 8)
        corners = [
            (x0 + skew[0], y0 + skew[1]),
            (x0 + w + skew[2], y0 + skew[3]),
            (x0 + w + skew[4], y0 + h + skew[5]),
            (x0 + skew[6], y0 + h + skew[7]),
        ]
        canvas.lay(canvas.polygon(corners), colours[int(rng.integers(4))])
    for _ in range(int(rng.integers(2, 7))):
        cx, cy, r = (
            float(rng.uniform(0.1, 0.9)),
            float(rng.uniform(0.25, 0.9)),
            float(rng.uniform(0.06, 0.2)),
        )
        lobes, turn = int(rng.integers(3, 8)), float(rng.uniform(0, 6))
        deep = float(rng.uniform(0.15, 0.5))
        t = np.linspace(0, 2 * np.pi, 90)
        radius = r * (
            1 + deep * np.sign(np.sin(lobes * t)) * np.abs(np.sin(lobes * t)) ** 0.7
        )
        stretch = float(rng.uniform(1, 2.2))
        px, py = radius * np.cos(t), radius * np.sin(t) * stretch
        leaf = [
            (
                cx + a * np.cos(turn) - c * np.sin(turn),
                cy + a * np.sin(turn) + c * np.cos(turn),
            )
            for a, c in zip(px, py, strict=True)
        ]
        canvas.lay(canvas.polygon(leaf), colours[int(rng.integers(4))])
    if rng.random() < 0.6:
        _instrument(canvas, rng, p.ink if rng.random() < 0.7 else p.paper)
    canvas.shade(0.96 + 0.06 * noise(rng, b.size, 30, octaves=2))
    face = b.face(
        ["grotesque", "heavy", "condensed", "didone", "typewriter", "slab narrow"]
    )
    place = str(b.house.choice(["top left", "top", "top right"]))
    text = b.line(
        b.artist.lower() if b.house.random() < 0.4 else b.artist, face, 0.86, 0.1
    )
    across = {"top left": 0.0, "top": 0.5, "top right": 1.0}[place]
    stamp(canvas, text, 0.06 + 0.88 * across, 0.05, p.ink, anchor=(across, 0))
    stamp(
        canvas,
        b.line(b.title, face, 0.86, 0.06),
        0.06 + 0.88 * across,
        0.08 + text.shape[0] / b.size,
        p.accent,
        anchor=(across, 0),
    )
    return canvas


def _instrument(canvas: Canvas, rng: np.random.Generator, colour: Field) -> None:
    """Lay a cut-out bass, trumpet or keyboard on the canvas."""
    kind = str(rng.choice(["bass", "trumpet", "keys"]))
    x, y = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.55, 0.68))
    if kind == "bass":

        def bass(pen: ImageDraw.ImageDraw, k: float) -> None:
            for dy, w, h in ((0.2, 0.15, 0.13), (0.03, 0.11, 0.1)):
                pen.ellipse(
                    ((x - w) * k, (y + dy - h) * k, (x + w) * k, (y + dy + h) * k),
                    fill=255,
                )
            pen.rectangle(
                ((x - 0.02) * k, (y - 0.38) * k, (x + 0.02) * k, y * k), fill=255
            )
            pen.ellipse(
                ((x - 0.035) * k, (y - 0.44) * k, (x + 0.035) * k, (y - 0.36) * k),
                fill=255,
            )

        canvas.lay(canvas.mask(bass), colour)
    elif kind == "trumpet":
        bell = [
            (x + 0.05, y - 0.012),
            (x + 0.22, y - 0.02),
            (x + 0.34, y - 0.12),
            (x + 0.34, y + 0.12),
            (x + 0.22, y + 0.02),
            (x + 0.05, y + 0.012),
        ]
        canvas.lay(canvas.polygon(bell), colour)
        canvas.lay(canvas.box(x - 0.34, y - 0.012, x + 0.1, y + 0.012), colour)
        ring = canvas.box(x - 0.14, y - 0.01, x + 0.12, y + 0.1) - canvas.box(
            x - 0.115, y + 0.012, x + 0.095, y + 0.075
        )
        canvas.lay(np.clip(ring, 0, 1), colour)
        for i in range(3):
            canvas.lay(
                canvas.box(
                    x - 0.07 + 0.055 * i, y - 0.07, x - 0.04 + 0.055 * i, y + 0.09
                ),
                colour,
            )
    else:
        top, n = y - 0.02, 9
        canvas.lay(canvas.box(0.08, top, 0.92, top + 0.26), colour)
        for i in range(n):
            x0 = 0.085 + 0.835 * i / n
            canvas.lay(
                canvas.box(x0 + 0.004, top + 0.005, x0 + 0.835 / n - 0.004, top + 0.25),
                np.clip(1.3 - colour, 0, 1),
            )
            if i % 7 in {0, 1, 3, 4, 5}:
                canvas.lay(canvas.box(x0 + 0.062, top, x0 + 0.118, top + 0.15), colour)


def cartouche(b: Brief) -> Canvas:
    """A picture under a ruled panel with centred titling, as classical labels print."""
    p, rng = b.palette, b.rng
    kind = str(rng.choice(["landscape", "portrait", "velvet", "portrait"]))
    if kind == "landscape":
        canvas = landscape(b)
    else:
        canvas = b.canvas(p.deep)
        x, y = coordinates(b.size)
        ground = 0.2 + 0.3 * noise(rng, b.size, 3, octaves=4)
        grey = ground
        if kind == "portrait":
            head = draw_portrait(
                rng, b.size, centre=(float(rng.uniform(0.35, 0.65)), 0.62), scale=0.19
            )
            grey = ground * (1 - head.outline) + head.grey * head.outline
        else:
            folds = (
                np.sin(
                    x * float(rng.uniform(15, 30))
                    + 4 * noise(rng, b.size, 2, octaves=2)
                )
                * 0.5
                + 0.5
            )
            grey = ground * 0.6 + 0.4 * folds * smoothstep(
                0.1, 0.9, 1 - np.abs(y - 0.6)
            )
        canvas.pixels = duotone(grey.astype(np.float32), p.ink, p.deep, p.main, p.paper)
    panel = [p.accent, p.paper, p.accent][int(b.house.integers(3))]
    ink = p.ink if float(panel.mean()) > 0.4 else p.paper
    tall = float(b.house.uniform(0.3, 0.38))
    inset = float(b.house.choice([0.0, 0.05, 0.09]))
    left, top, right, bottom = inset, inset, 1 - inset, inset + tall
    canvas.lay(
        canvas.box(
            left - (inset == 0), top - (inset == 0), right + (inset == 0), bottom
        ),
        panel,
    )
    for step, thick in ((0.018, 0.006), (0.03, 0.003)):
        frame = canvas.box(
            left + step, top + step, right - step, bottom - step
        ) - canvas.box(
            left + step + thick,
            top + step + thick,
            right - step - thick,
            bottom - step - thick,
        )
        canvas.lay(np.clip(frame, 0, 1), ink)
    face = b.face(
        ["didone", "old style", "didone caps", "old style caps", "old style bold"]
    )
    stamp(
        canvas,
        b.line(b.title, face, right - left - 0.14, 0.1),
        0.5,
        top + tall * 0.33,
        ink,
    )
    stamp(
        canvas,
        b.line(
            b.artist,
            b.face(["didone italic", "old style italic", "old style caps"]),
            right - left - 0.2,
            0.06,
        ),
        0.5,
        top + tall * 0.6,
        ink,
    )
    stamp(
        canvas,
        b.line(b.label.upper(), b.face(["old style caps", "spaced"]), 0.3, 0.026),
        0.5,
        top + tall * 0.8,
        ink,
    )
    return canvas


def rosette(b: Brief) -> Canvas:
    """Engraved rosettes, staves and rules in one metallic ink."""
    p, rng = b.palette, b.rng
    ground, ink = (p.deep, p.accent) if b.house.random() < 0.6 else (p.paper, p.deep)
    canvas = b.canvas(ground)
    canvas.shade(0.85 + 0.25 * noise(rng, b.size, 3, octaves=5))
    petals, inner = int(rng.integers(5, 17)), float(rng.uniform(0.2, 0.7))
    spin = float(rng.uniform(2, 9))
    cx, cy = 0.5, float(rng.choice([0.5, 0.58, 0.42]))
    reach = float(rng.uniform(0.27, 0.36))
    t = np.linspace(0, 2 * np.pi, 500)

    def engrave(pen: ImageDraw.ImageDraw, k: float) -> None:
        for ring in range(6):
            radius = (
                reach
                * (1 - 0.11 * ring)
                * (1 - inner * 0.35 * (0.5 + 0.5 * np.cos(petals * t + ring * spin)))
            )
            wave = radius * (1 + 0.06 * np.cos(petals * 3 * t))
            points = list(
                zip(
                    (cx + wave * np.cos(t)) * k,
                    (cy + wave * np.sin(t)) * k,
                    strict=True,
                )
            )
            pen.line(points, fill=255, width=max(2, round(k * 0.0035)))
        for radius in (reach * 1.08, reach * 1.12):
            pen.ellipse(
                [v * k for v in (cx - radius, cy - radius, cx + radius, cy + radius)],
                outline=255,
                width=max(1, round(k * 0.004)),
            )

    canvas.lay(canvas.mask(engrave), ink, 0.95)
    if rng.random() < 0.5:
        x, y = coordinates(b.size)
        row = (y - 0.86) / 0.012
        staff = (
            (np.abs(row - np.round(row)) < 0.12)
            & (np.round(row) >= 0)
            & (np.round(row) < 5)
        )
        canvas.lay((staff * ((x > 0.1) & (x < 0.9))).astype(np.float32), ink, 0.8)
    for step in (0.03, 0.042):
        frame = canvas.box(step, step, 1 - step, 1 - step) - canvas.box(
            step + 0.005, step + 0.005, 1 - step - 0.005, 1 - step - 0.005
        )
        canvas.lay(np.clip(frame, 0, 1), ink)
    face = b.face(
        ["old style caps", "didone caps", "fraktur", "script", "didone italic"]
    )
    first, second = (
        b.line(b.title, face, 0.78, 0.075),
        b.line(b.artist, face, 0.7, 0.05),
    )
    if b.house.random() < 0.5 and cy > 0.45:
        stamp(canvas, first, 0.5, 0.1, ink)
        stamp(canvas, second, 0.5, 0.93, ink)
    else:
        plate = canvas.box(
            0.5 - first.shape[1] / b.size / 2 - 0.04,
            cy - 0.07,
            0.5 + first.shape[1] / b.size / 2 + 0.04,
            cy + 0.08,
        )
        canvas.lay(plate, ground)
        stamp(canvas, first, 0.5, cy - 0.02, ink)
        stamp(canvas, second, 0.5, cy + 0.05, ink)
    return canvas


def woodcut(b: Brief) -> Canvas:
    """A two-ink block print: branches, birds, moons in a frame, cut lettering."""
    p, rng = b.palette, b.rng
    ground, ink = [
        (p.paper, p.deep),
        (p.paper, p.ink),
        (p.deep, p.paper),
        (p.main, p.paper),
    ][int(b.house.integers(4))]
    canvas = b.canvas(ground)
    if rng.random() < 0.6:
        canvas.lay(
            canvas.disc(
                float(rng.uniform(0.35, 0.65)),
                float(rng.uniform(0.35, 0.55)),
                float(rng.uniform(0.12, 0.27)),
            ),
            p.accent,
        )
    mirrored = bool(rng.random() < 0.6)
    shapes: list[list[tuple[float, float]]] = []

    def leaf(x: float, y: float, angle: float, length: float, fat: float) -> None:
        t = np.linspace(0, 1, 12)
        bow = np.sin(t * np.pi) * fat * length
        out = [
            (
                x + np.cos(angle) * length * s - np.sin(angle) * w,
                y - np.sin(angle) * length * s - np.cos(angle) * w,
            )
            for s, w in zip(t, bow, strict=True)
        ]
        back = [
            (
                x + np.cos(angle) * length * s + np.sin(angle) * w,
                y - np.sin(angle) * length * s + np.cos(angle) * w,
            )
            for s, w in zip(t[::-1], bow[::-1], strict=True)
        ]
        shapes.append(out + back)

    fat = float(rng.uniform(0.12, 0.32))
    for _ in range(int(rng.integers(2, 5))):
        x, y = float(rng.uniform(0.05, 0.5 if mirrored else 0.95)), 0.92
        angle, bend = float(rng.uniform(1.0, 2.1)), float(rng.normal(0, 0.09))
        for i in range(int(rng.integers(9, 16))):
            step = 0.045
            nx, ny = x + np.cos(angle) * step, y - np.sin(angle) * step
            leaf(x, y, angle, step * 1.3, 0.07)
            if ny < 0.24:
                break
            size = float(rng.uniform(0.07, 0.12))
            leaf(nx, ny, angle + 0.9, size, fat)
            leaf(nx, ny, angle - 0.9, size, fat)
            x, y, angle = nx, ny, angle + bend * (1 + i * 0.05)
    if rng.random() < 0.5:
        bx, by = float(rng.uniform(0.25, 0.45)), float(rng.uniform(0.3, 0.5))
        for angle, length, wide in (
            (0.25, 0.2, 0.24),
            (2.5, 0.2, 0.14),
            (1.9, 0.17, 0.2),
            (-0.1, 0.05, 0.1),
        ):
            leaf(bx, by, angle, length, wide)
    if mirrored:
        shapes += [[(1 - x, y) for x, y in shape] for shape in shapes]

    def cut(pen: ImageDraw.ImageDraw, k: float) -> None:
        for shape in shapes:
            pen.polygon([(x * k, y * k) for x, y in shape], fill=255)

    print_ = canvas.mask(cut)
    x, y = coordinates(b.size)
    gouge = np.sin(
        (x * np.cos(0.7) + y * np.sin(0.7) + 0.02 * noise(rng, b.size, 6)) * 330
    )
    print_ *= 1 - 0.8 * smoothstep(0.55, 0.75, gouge.astype(np.float32)) * smoothstep(
        0.45, 0.6, noise(rng, b.size, 7, octaves=2)
    )
    canvas.lay(print_, ink)
    edge = float(b.house.choice([0.035, 0.05]))
    frame = 1 - canvas.box(edge, edge, 1 - edge, 1 - edge)
    inner = canvas.box(
        edge + 0.012, edge + 0.012, 1 - edge - 0.012, 1 - edge - 0.012
    ) - canvas.box(edge + 0.018, edge + 0.018, 1 - edge - 0.018, 1 - edge - 0.018)
    if b.house.random() < 0.6:
        canvas.lay(np.clip(frame, 0, 1), p.paper if ground is not p.paper else ink)
    canvas.lay(np.clip(inner, 0, 1), ink)
    face = b.face(
        ["slab", "poster", "old style bold", "script", "heavy", "didone caps"]
    )
    if b.house.random() < 0.25:
        ring = around(b.artist.upper()[:22], face, b.size, 0.36, -np.pi / 2)
        canvas.lay(blur(ring, 2), ground)
        canvas.lay(ring, ink)
        stamp(canvas, b.line(b.title, face, 0.7, 0.06), 0.5, 0.88, ink)
        return canvas
    first = hand_cut(b.house, b.line(b.artist, face, 0.8, 0.12), 0.12)
    second = hand_cut(b.house, b.line(b.title, face, 0.72, 0.07), 0.12)
    canvas.lay(canvas.box(edge + 0.02, edge + 0.02, 1 - edge - 0.02, 0.29), ground)
    stamp(canvas, first, 0.5, 0.145, ink)
    stamp(canvas, second, 0.5, 0.235, p.accent if ground is p.paper else ink)
    return canvas
