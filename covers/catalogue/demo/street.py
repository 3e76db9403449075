"""Loud styles: photocopies, ransom notes, emblems, sprayed walls, chrome letters."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from covers.catalogue.demo.brief import Brief
from covers.catalogue.demo.figures import draw_portrait, skull
from covers.catalogue.demo.lettering import FACES, around, hand_cut, set_text, stamp
from covers.catalogue.demo.painting import (
    Canvas,
    Field,
    blur,
    coordinates,
    duotone,
    halftone,
    noise,
    smoothstep,
)

__all__ = ["barbed", "chrome", "emblem", "ransom", "wall", "xerox"]


def _grown(mask: Field, pixels: int) -> Field:
    """Thicken a mask by some pixels on all sides, on a larger sheet."""
    padded = np.pad(mask, pixels)
    image = Image.fromarray((padded * 255).astype(np.uint8))
    grown = image.filter(ImageFilter.MaxFilter(2 * pixels + 1))
    return np.asarray(grown, np.float32) / np.float32(255)


def barbed(rng: np.random.Generator, mask: Field, size: int) -> Field:
    """Let spikes and roots grow out of lettering, mirrored about its middle.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    mask : ndarray of float32, shape (rows, columns)
        The lettering.
    size : int
        Side of the cover in pixels, which limits the spikes.

    Returns
    -------
    ndarray of float32, shape (larger, larger)
        The lettering with spikes.
    """
    rows, columns = mask.shape
    room = max(4, min(rows // 2, size // 10))
    sheet = np.pad(mask, ((room, room), (room // 2, room // 2)))
    image = Image.fromarray((sheet * 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    middle = sheet.shape[1] / 2
    for _ in range(int(rng.integers(8, 18))):
        column = int(rng.integers(0, columns // 2 + 1))
        for place in (column, columns - 1 - column):
            inked = np.flatnonzero(mask[:, place] > 0.5)
            if len(inked) == 0:
                continue
            x = place + room // 2
            lean = (x - middle) / middle * room * 0.7
            length = (
                room * float(rng.uniform(0.4, 1.0)) * (0.5 + abs(x - middle) / middle)
            )
            wide = max(1.0, size * 0.006)
            for edge, way in ((inked[0], -1), (inked[-1], 1)):
                y = float(edge) + room - way * 3
                tip = (x + lean, np.clip(y + way * length, 0, sheet.shape[0] - 1))
                pen.polygon([(x - wide, y), tip, (x + wide, y)], fill=255)
    return np.asarray(image, np.float32) / np.float32(255)


def emblem(b: Brief) -> Canvas:
    """A single-ink sign on a dark or bare ground under a blackletter name."""
    p, rng = b.palette, b.rng
    ground, ink = [
        (p.ink, p.paper),
        (p.ink, p.accent),
        (p.deep, p.paper),
        (p.paper, p.ink),
        (p.main, p.ink),
    ][int(b.house.integers(5))]
    canvas = b.canvas(ground)
    canvas.shade(0.7 + 0.5 * noise(rng, b.size, 3, octaves=5))
    x, y = coordinates(b.size)
    cx, cy, r = 0.5, float(rng.uniform(0.56, 0.62)), float(rng.uniform(0.2, 0.27))
    kind = str(rng.choice(["skull", "skull", "star", "blades", "eye"]))
    if rng.random() < 0.45:
        rays = int(rng.integers(12, 40))
        angle = np.arctan2(y - cy, x - cx)
        beam = smoothstep(-0.1, 0.1, np.sin(angle * rays).astype(np.float32))
        canvas.lay(beam * smoothstep(0.62, 0.2, np.hypot(x - cx, y - cy)), ink, 0.35)
    if (kind in {"blades", "skull"} and rng.random() < 0.6) or kind == "blades":
        for side in (-1, 1):
            lean = float(rng.uniform(0.6, 1.0)) * side
            dx, dy = np.sin(lean) * r * 1.7, np.cos(lean) * r * 1.7
            nx, ny = np.cos(lean) * 0.018, -np.sin(lean) * 0.018
            blade = [
                (cx - dx + nx, cy + dy + ny),
                (cx + dx * 0.86 + nx, cy - dy * 0.86 + ny),
                (cx + dx, cy - dy),
                (cx + dx * 0.86 - nx, cy - dy * 0.86 - ny),
                (cx - dx - nx, cy + dy - ny),
            ]
            canvas.lay(canvas.polygon(blade), ink)
            hx, hy = cx - dx * 0.62, cy + dy * 0.62
            canvas.lay(
                canvas.polygon(
                    [
                        (hx + 4 * nx - dx * 0.04, hy + 4 * ny),
                        (hx + 4 * nx, hy + 4 * ny + dy * 0.05),
                        (hx - 4 * nx, hy - 4 * ny + dy * 0.05),
                        (hx - 4 * nx - dx * 0.04, hy - 4 * ny),
                    ]
                ),
                ink,
            )
    if kind == "star":
        n = int(rng.choice([5, 6, 7, 8, 9]))
        skip = 2 if n < 7 else 3
        corners = [
            (
                cx + r * np.sin(2 * np.pi * i * skip / n),
                cy - r * np.cos(2 * np.pi * i * skip / n),
            )
            for i in range(n + 1)
        ]

        def star(pen: ImageDraw.ImageDraw, k: float) -> None:
            for start in range(2):
                turn = [corners[(i + start) % n] for i in range(n + 1)]
                pen.line(
                    [(v[0] * k, v[1] * k) for v in turn],
                    fill=255,
                    width=round(k * 0.022),
                    joint="curve",
                )
            if n == 6:
                second = [(2 * cx - v[0], 2 * cy - v[1]) for v in corners]
                pen.line(
                    [(v[0] * k, v[1] * k) for v in second],
                    fill=255,
                    width=round(k * 0.022),
                    joint="curve",
                )
            pen.ellipse(
                [
                    v * k
                    for v in (
                        cx - r * 1.06,
                        cy - r * 1.06,
                        cx + r * 1.06,
                        cy + r * 1.06,
                    )
                ],
                outline=255,
                width=round(k * 0.016),
            )

        canvas.lay(canvas.mask(star), ink)
    elif kind == "eye":
        t = np.linspace(0, np.pi, 40)
        lids = [(cx - r * 1.2 * np.cos(s), cy - r * 0.62 * np.sin(s)) for s in t] + [
            (cx + r * 1.2 * np.cos(s), cy + r * 0.62 * np.sin(s)) for s in t
        ]
        canvas.lay(
            canvas.polygon(
                [
                    (cx, cy - r * 1.5),
                    (cx - r * 1.5, cy + r * 1.0),
                    (cx + r * 1.5, cy + r * 1.0),
                ]
            ),
            ink,
        )
        canvas.lay(canvas.polygon(lids), ground)
        canvas.lay(canvas.disc(cx, cy, r * 0.5), ink)
        canvas.lay(canvas.disc(cx, cy, r * 0.24), ground)
    elif kind == "skull":
        grey, mask = skull(rng, b.size, cx, cy, r)
        if rng.random() < 0.5:
            grey = halftone(grey, b.size / 80, 0.8)
        else:
            grey = smoothstep(0.25, 0.5, grey)
        canvas.lay(mask, duotone(grey, ground, ink))
    if rng.random() < 0.3:
        canvas.lay(
            around(
                b.title.upper()[:26],
                FACES["heavy"],
                b.size,
                min(0.36, r * 1.45),
                np.pi / 2 + np.pi,
            ),
            ink,
        )
    face = b.face(
        ["fraktur", "fraktur tall", "poster", "slab narrow", "heavy", "old style bold"]
    )
    logo = b.line(b.artist, face, 0.86, 0.2)
    if b.house.random() < 0.5:
        logo = barbed(b.house, logo, b.size)
    stamp(canvas, logo, 0.5, 0.17, ink)
    stamp(
        canvas,
        b.line(
            b.title,
            b.face(["fraktur", "old style caps", "typewriter", "heavy"]),
            0.76,
            0.06,
        ),
        0.5,
        0.92,
        ink,
    )
    return canvas


def xerox(b: Brief) -> Canvas:
    """A photograph copied to death: black, white, one ink, tape and stamps."""
    p, rng = b.palette, b.rng
    x, y = coordinates(b.size)
    if rng.random() < 0.6:
        head = draw_portrait(
            rng,
            b.size,
            centre=(float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.42, 0.55))),
            scale=float(rng.uniform(0.2, 0.34)),
        )
        back = 0.2 + 0.8 * noise(rng, b.size, 3, octaves=5) * float(
            rng.uniform(0.4, 1.1)
        )
        grey = back * (1 - head.outline) + head.grey * head.outline
        if rng.random() < 0.3:
            top = float(rng.uniform(-0.05, 0.02)) + head.outline.shape[0] * 0
            bar = (np.abs(y - 0.46 - top) < 0.045) & (np.abs(x - 0.5) < 0.3)
            grey = np.where(bar, 0, grey)
    else:
        grey = np.full_like(x, 0.75) - 0.5 * noise(rng, b.size, 2, octaves=5)
        crowd = int(rng.integers(12, 40))
        for i in range(crowd):
            t = i / crowd
            cx, cy, r = float(rng.uniform(-0.05, 1.05)), 0.45 + 0.5 * t, 0.03 + 0.05 * t
            body = np.maximum(
                (np.hypot(x - cx, (y - cy) * 0.8) < r),
                (np.hypot((x - cx) / 2.2, (y - cy - 2.4 * r) / 1.6) < r),
            )
            lit = np.clip((x - cx) / r * 0.5 + 0.3, 0.02, 0.9) * (y < cy + r)
            grey = np.where(body, lit * float(rng.uniform(0.1, 0.9)), grey)
            if rng.random() < 0.3:
                grey = np.where(
                    (np.abs(x - cx - 1.6 * r) < r * 0.35)
                    & (y > cy - 3 * r)
                    & (y < cy + 2 * r),
                    0.04,
                    grey,
                )
    copied = grey + 0.25 * (noise(rng, b.size, 50, octaves=2) - 0.5)
    screen = str(rng.choice(["threshold", "dots", "lines"]))
    if screen == "dots":
        tone = halftone(
            copied.astype(np.float32), b.size / float(rng.uniform(45, 80)), 0.8
        )
    elif screen == "lines":
        lines = 0.5 + 0.45 * np.sin(
            (y + 0.1 * x) * 2 * np.pi * float(rng.uniform(40, 70))
        )
        tone = smoothstep(-0.2, 0.2, (copied - lines).astype(np.float32))
    else:
        tone = smoothstep(0.22, 0.4, copied.astype(np.float32))
    light = [p.paper, p.paper, p.accent, p.main][int(b.house.integers(4))]
    canvas = b.canvas(light)
    canvas.pixels = duotone(tone, p.ink, light)
    if rng.random() < 0.5:
        torn = float(rng.uniform(0.12, 0.3))
        edge = torn + 0.03 * (noise(rng, b.size, 14, octaves=4) - 0.5)
        canvas.lay(
            smoothstep(0.004, -0.004, y - edge),
            p.accent if light is p.paper else p.paper,
        )
    if rng.random() < 0.4:
        splash = smoothstep(0.68, 0.7, noise(rng, b.size, 5, octaves=4))
        canvas.lay(splash, p.accent, 0.9)
    face = b.face(
        [
            "heavy",
            "typewriter",
            "poster",
            "condensed",
            "slab narrow",
            "fraktur",
            "italic heavy",
        ]
    )
    name = hand_cut(
        b.house,
        b.line(b.artist, face, 0.82, float(b.house.uniform(0.12, 0.2))),
        float(b.house.uniform(0.0, 0.2)),
    )
    at_top = bool(b.house.random() < 0.7)
    tilt = float(b.house.choice([0.0, 0.0, 4.0, -5.0]))
    if b.house.random() < 0.55:
        room = _grown(np.ones_like(name), b.pixels(0.02))
        box, name = room, np.pad(name, b.pixels(0.02))
        if tilt:
            box, name = _rotated(box, tilt), _rotated(name, tilt)
        stamp(canvas, box, 0.5, 0.15 if at_top else 0.82, p.ink)
        stamp(canvas, name, 0.5, 0.15 if at_top else 0.82, p.paper)
    else:
        stamp(
            canvas,
            _grown(name, b.pixels(0.008)),
            0.5,
            0.15 if at_top else 0.82,
            p.paper,
        )
        stamp(canvas, name, 0.5, 0.15 if at_top else 0.82, p.ink)
    title = b.line(b.title, b.face(["typewriter", "heavy", "terminal"]), 0.6, 0.05)
    pad = np.pad(title, b.pixels(0.012))
    stamp(canvas, np.ones_like(pad), 0.94, 0.95, p.paper, anchor=(1, 1))
    stamp(canvas, pad, 0.94, 0.95, p.ink, anchor=(1, 1))
    return canvas


def _rotated(mask: Field, degrees: float) -> Field:
    """Turn a mask, growing the sheet."""
    image = Image.fromarray((mask * 255).astype(np.uint8))
    turned = image.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    return np.asarray(turned, np.float32) / np.float32(255)


def ransom(b: Brief) -> Canvas:
    """Letters cut from newspapers on loud paper, with tape, pins and stripes."""
    p, rng = b.palette, b.rng
    ground = [p.main, p.accent, p.main, p.paper][int(b.house.integers(4))]
    canvas = b.canvas(ground)
    x, y = coordinates(b.size)
    kind = str(rng.choice(["flat", "stripes", "burst", "tartan", "dots"]))
    other = p.accent if ground is p.main else p.main
    if kind == "stripes":
        angle = float(rng.uniform(-0.8, 0.8))
        wave = np.sin(
            (x * np.cos(angle) + y * np.sin(angle)) * float(rng.uniform(25, 60))
        )
        canvas.lay(smoothstep(-0.05, 0.05, wave.astype(np.float32)), other)
    elif kind == "burst":
        angle = np.arctan2(y - 0.55, x - 0.5)
        canvas.lay(
            smoothstep(
                -0.05, 0.05, np.sin(angle * int(rng.integers(8, 22))).astype(np.float32)
            ),
            other,
        )
    elif kind == "tartan":
        for way in (x, y):
            for k, opacity in ((3.0, 0.6), (9.0, 0.4), (27.0, 0.3)):
                canvas.lay(
                    smoothstep(0.3, 0.4, np.sin(way * 6.28 * k).astype(np.float32)),
                    p.ink if k < 5 else other,
                    opacity,
                )
    elif kind == "dots":
        ramp = (x * rng.normal() + y * rng.normal()).astype(np.float32)
        ramp = (ramp - ramp.min()) / np.ptp(ramp)
        canvas.lay(1 - halftone(ramp, b.size / float(rng.uniform(14, 24)), 0.7), other)
    if rng.random() < 0.5:
        head = draw_portrait(
            rng, b.size, centre=(float(rng.uniform(0.35, 0.65)), 0.56), scale=0.2
        )
        dots = halftone(head.grey, b.size / 60, 0.8)
        torn = smoothstep(
            0.35,
            0.4,
            blur(head.outline, 14) + 0.25 * (noise(rng, b.size, 12, octaves=3) - 0.5),
        )
        canvas.lay(torn, p.paper)
        canvas.lay(head.outline, duotone(dots, p.ink, p.paper))
        bar_y = 0.545
        if rng.random() < 0.5:
            canvas.lay(canvas.box(0.3, bar_y - 0.035, 0.7, bar_y + 0.035), p.ink)
    for _ in range(int(rng.integers(0, 5))):
        tape = np.full(
            (b.pixels(0.06), b.pixels(float(rng.uniform(0.15, 0.4)))), 0.9, np.float32
        )
        stamp(
            canvas,
            _rotated(tape, float(rng.uniform(-60, 60))),
            float(rng.uniform(0, 1)),
            float(rng.uniform(0.3, 1)),
            [p.paper, p.ink, p.accent][int(rng.integers(3))],
            opacity=0.9,
        )
    _clippings(b, canvas, b.artist, 0.07, 0.19)
    if b.house.random() < 0.5:
        _clippings(b, canvas, b.title, 0.74, 0.12)
    else:
        strip = np.pad(
            b.line(b.title, b.face(["typewriter", "heavy"]), 0.7, 0.055), b.pixels(0.02)
        )
        turn = float(b.house.uniform(-8, 8))
        stamp(canvas, _rotated(np.ones_like(strip), turn), 0.5, 0.87, p.ink)
        stamp(canvas, _rotated(strip, turn), 0.5, 0.87, p.paper)
    return canvas


def _clippings(b: Brief, canvas: Canvas, text: str, top: float, height: float) -> None:
    """Glue a text letter by letter, each on its own scrap of paper."""
    p, rng = b.palette, b.rng
    faces = [
        "heavy",
        "slab",
        "didone",
        "old style bold",
        "poster",
        "typewriter",
        "grotesque caps",
        "fraktur",
    ]
    words = text.split()
    rows = (
        [words[: (len(words) + 1) // 2], words[(len(words) + 1) // 2 :]]
        if len(text) > 9
        else [words]
    )
    rows = [row for row in rows if row]
    for number, row in enumerate(rows):
        line = " ".join(row)
        step = min(0.88 / len(line), height * 0.95)
        x = 0.5 - step * (len(line) - 1) / 2
        for letter in line:
            if letter != " ":
                tall = b.pixels(
                    min(height, step * 1.5) * float(rng.uniform(0.62, 0.85))
                )
                face = FACES[faces[int(rng.integers(len(faces)))]]
                shape = letter.upper() if rng.random() < 0.6 else letter
                glyph = np.pad(
                    set_text(shape, face, b.pixels(step), tall), b.pixels(0.014)
                )
                colours = [
                    (p.paper, p.ink),
                    (p.ink, p.paper),
                    (p.accent, p.ink),
                    (p.paper, p.deep),
                ][int(rng.integers(4))]
                turn = float(rng.normal(0, 7))
                y = top + height * (0.5 + number * 0.95) + float(rng.normal(0, 0.008))
                stamp(
                    canvas,
                    _rotated(np.ones_like(glyph), turn),
                    x + 0.006,
                    y + 0.008,
                    p.ink,
                    opacity=0.4,
                )
                stamp(canvas, _rotated(np.ones_like(glyph), turn), x, y, colours[0])
                stamp(canvas, _rotated(glyph, turn), x, y, colours[1])
            x += step


def wall(b: Brief) -> Canvas:
    """A sprayed name on bricks or concrete, with drips and old posters."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.deep)
    x, y = coordinates(b.size)
    kind = str(rng.choice(["bricks", "bricks", "concrete", "shutter"]))
    rough = noise(rng, b.size, 6, octaves=6, persistence=0.7)
    if kind == "bricks":
        rows = float(rng.uniform(11, 20))
        row = np.floor(y * rows)
        u, v = x * rows / 2.4 + 0.5 * (row % 2), y * rows
        mortar = (
            np.minimum(np.abs(u - np.round(u)) * 2.4, np.abs(v - np.round(v))) < 0.07
        )
        code = np.sin(np.floor(u) * 12.99 + row * 78.23) * 43758.5
        tone = 0.75 + 0.4 * (code - np.floor(code))
        canvas.pixels = np.clip(
            (p.main * 0.5 + p.deep * 0.5) * tone[..., None], 0, 1
        ).astype(np.float32)
        canvas.lay(mortar.astype(np.float32), p.paper * 0.6 + p.deep * 0.4, 0.8)
    elif kind == "shutter":
        canvas.pixels = duotone(
            (0.5 + 0.4 * np.sin(y * 130)).astype(np.float32),
            p.deep,
            p.main * 0.5 + p.paper * 0.3,
        )
    else:
        canvas.pixels = duotone(0.3 + 0.5 * rough, p.deep, p.paper)
    canvas.shade(0.7 + 0.5 * rough)
    for _ in range(int(rng.integers(1, 5))):
        px, py = float(rng.uniform(0, 1)), float(rng.uniform(0.1, 1))
        sheet = np.ones(
            (
                b.pixels(float(rng.uniform(0.15, 0.3))),
                b.pixels(float(rng.uniform(0.12, 0.25))),
            ),
            np.float32,
        )
        stamp(
            canvas,
            _rotated(sheet, float(rng.normal(0, 6))),
            px,
            py,
            [p.paper, p.accent, p.ink][int(rng.integers(3))],
            opacity=float(rng.uniform(0.3, 0.8)),
        )
    for _ in range(int(rng.integers(3, 9))):
        spot = canvas.disc(
            float(rng.uniform(0, 1)),
            float(rng.uniform(0.2, 1)),
            float(rng.uniform(0.05, 0.2)),
            0.12,
        )
        canvas.lay(spot, [p.accent, p.main, p.paper][int(rng.integers(3))], 0.5)
    face = b.face(["heavy", "italic heavy", "wide", "script", "poster"])
    lines = b.artist.split()
    ink, fill = (p.ink, p.accent) if b.house.random() < 0.6 else (p.paper, p.main)
    for i, line in enumerate(lines):
        word = hand_cut(b.house, b.line(line, face, 0.84, 0.5 / len(lines)), 0.3)
        word = _rotated(np.pad(word, 3), float(b.house.uniform(0, 9)))
        fat = b.pixels(0.022)
        place = (
            0.5 + float(rng.normal(0, 0.02)),
            0.5 + (i - (len(lines) - 1) / 2) * 0.27,
        )
        grown = _grown(word, fat)
        stamp(canvas, grown, place[0] + 0.014, place[1] + 0.018, p.deep * 0.3)
        stamp(canvas, grown, *place, ink)
        ramp = np.linspace(0, 1, word.shape[0], dtype=np.float32)[:, None, None]
        stamp(
            canvas,
            word,
            *place,
            np.broadcast_to(
                fill * (1 - ramp) + p.paper * ramp, (*word.shape, 3)
            ).astype(np.float32),
        )
        for _ in range(int(rng.integers(2, 7))):
            dx = place[0] + float(rng.uniform(-0.5, 0.5)) * word.shape[1] / b.size
            canvas.lay(
                canvas.box(
                    dx, place[1], dx + 0.007, place[1] + float(rng.uniform(0.1, 0.28))
                ),
                ink if rng.random() < 0.5 else fill,
                0.9,
            )
    tag = b.line(b.title, b.face(["script", "typewriter", "heavy"]), 0.6, 0.07)
    stamp(canvas, tag, 0.5, 0.92, p.paper)
    return canvas


def chrome(b: Brief) -> Canvas:
    """Bevelled gold and chrome letters over a star in the spotlight."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.ink)
    x, y = coordinates(b.size)
    canvas.gradient(p.deep, p.ink)
    for _ in range(int(rng.integers(2, 6))):
        foot, lean, wide = (
            float(rng.uniform(0, 1)),
            float(rng.normal(0, 0.5)),
            float(rng.uniform(0.03, 0.12)),
        )
        away = np.abs(x - foot - lean * y) / (wide * (0.3 + y))
        canvas.lay(np.exp(-(away**2)).astype(np.float32) * (1 - y) ** 0.5, p.main, 0.55)
    smoke = smoothstep(0.45, 0.9, noise(rng, b.size, 3, octaves=5))
    canvas.lay(smoke, p.main * 0.6 + p.paper * 0.2, 0.4)
    n_heads = int(rng.choice([1, 1, 1, 2, 3]))
    for i in range(n_heads):
        cx = 0.5 + (i - (n_heads - 1) / 2) * 0.31
        head = draw_portrait(
            rng,
            b.size,
            centre=(cx, float(rng.uniform(0.4, 0.5))),
            scale=float(rng.uniform(0.2, 0.26)) * (1 - 0.13 * n_heads + 0.13),
        )
        tones = duotone(
            smoothstep(0, 0.9, head.grey),
            p.ink,
            p.deep * 0.5 + np.float32(0.1),
            p.main * 0.6 + np.float32(0.15),
            p.paper,
        )
        canvas.lay(head.outline, tones)
        if rng.random() < 0.75:
            links = 22
            for j in range(links):
                t = (j / (links - 1) - 0.5) * 2
                lx, ly = cx + t * 0.11, 0.72 + 0.12 * (1 - t * t)
                canvas.lay(canvas.disc(lx, ly, 0.012), p.accent * (0.6 + 0.4 * (j % 2)))
            canvas.lay(canvas.disc(cx, 0.87, 0.035), p.accent)
    canvas.lay(smoothstep(0.6, 1.1, y), p.ink, 0.8)
    face = b.face(["wide", "heavy", "slab", "italic heavy", "poster", "fraktur"])
    name = b.line(b.artist, face, 0.9, float(b.house.uniform(0.16, 0.24)))
    at = 0.76 if b.house.random() < 0.6 else 0.16
    for i in range(b.pixels(0.018), 0, -1):
        stamp(canvas, name, 0.5 + i / b.size, at + i / b.size, p.accent * 0.35)
    ramp = np.linspace(0, 1, name.shape[0], dtype=np.float32)[:, None]
    band = 0.55 + 0.45 * np.sin(ramp * 9 + float(b.house.uniform(0, 6)))
    metal = duotone(
        np.repeat(band.astype(np.float32), name.shape[1], 1),
        p.accent * 0.35,
        p.accent,
        np.clip(p.paper * 1.1, 0, 1),
    )
    stamp(canvas, _grown(name, 2), 0.5, at, p.ink)
    stamp(canvas, name, 0.5, at, metal)
    for _ in range(int(rng.integers(2, 6))):
        sx, sy = float(rng.uniform(0.08, 0.92)), at + float(rng.normal(0, 0.05))
        ray = 1 / (
            1
            + ((x - sx) * 55) ** 2 * (1 + ((y - sy) * 500) ** 2)
            + ((y - sy) * 55) ** 2 * (1 + ((x - sx) * 500) ** 2)
        )
        star = np.exp(-np.minimum(np.abs(x - sx), np.abs(y - sy)) * 500) * np.exp(
            -np.hypot(x - sx, y - sy) * 45
        )
        canvas.lay(np.clip(star + 0.2 * ray, 0, 1).astype(np.float32), p.paper)
    stamp(
        canvas,
        b.line(
            b.title, b.face(["script", "spaced", "italic heavy", "slab"]), 0.76, 0.075
        ),
        0.5,
        0.925 if at > 0.5 else 0.29,
        p.paper,
    )
    return canvas
