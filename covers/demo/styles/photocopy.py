"""Styles made with scissors and a copier: photocopies and ransom notes."""

import numpy as np

from covers.demo.brief import Brief
from covers.demo.figures import draw_portrait
from covers.demo.lettering import (
    FACES,
    grown,
    hand_cut,
    rotated,
    set_text,
    stamp,
)
from covers.demo.painting import (
    Canvas,
    Field,
    blur,
    coordinates,
    duotone,
    halftone,
    noise,
    smoothstep,
)

__all__ = ["ransom", "xerox"]


def _face_close(b: Brief) -> Field:
    """Take a snapshot of a face against a stained wall, in grey."""
    x, y = coordinates(b.size)
    head = draw_portrait(
        b.rng,
        b.size,
        centre=(b.between(0.3, 0.7), b.between(0.44, 0.56)),
        scale=b.between(0.2, 0.36),
    )
    back = 0.2 + 0.8 * noise(b.rng, b.size, 3, octaves=5) * b.between(0.4, 1.1)
    grey = back * (1 - head.outline) + np.clip(head.grey * 1.25, 0, 1) * head.outline
    if b.rng.random() < 0.25:
        level = 0.46 + b.between(-0.03, 0.05)
        grey = np.where((np.abs(y - level) < 0.045) & (np.abs(x - 0.5) < 0.36), 0, grey)
    return np.asarray(grey)


def _crowd(b: Brief) -> Field:
    """Take a snapshot of a crowd with raised arms, in grey."""
    x, y = coordinates(b.size)
    grey = 0.8 - 0.5 * noise(b.rng, b.size, 2, octaves=5)
    n = int(b.rng.integers(12, 30))
    for i in range(n):
        t = i / n
        cx, cy, r = b.between(-0.05, 1.05), 0.42 + 0.5 * t, 0.03 + 0.05 * t
        dx, dy = (x - cx) / r, (y - cy) / r
        body = (dx**2 + 0.64 * dy**2 < 1) | (
            (dx / 2.2) ** 2 + ((dy - 2.4) / 1.6) ** 2 < 1
        )
        if b.rng.random() < 0.3:
            body |= (np.abs(dx - 1.6) < 0.35) & (dy > -3) & (dy < 2)
        lit = np.clip(dx * 0.5 + 0.3, 0.02, 0.9) * (dy < 1) * b.between(0.1, 0.9)
        grey = np.where(body, lit, grey)
    return np.asarray(grey)


def _blocks_of_flats(b: Brief) -> Field:
    """Take a snapshot of a housing block, in grey."""
    x, y = coordinates(b.size)
    lean = b.between(-0.25, 0.25)
    u, v = (x + lean * y) * b.between(6, 12), (y - 0.1 * x) * b.between(8, 16)
    panes = (u - np.floor(u) > 0.3) & (v - np.floor(v) > 0.35)
    code = np.sin(np.floor(u) * 12.99 + np.floor(v) * 78.23) * 43758.5
    tone = 0.1 + 0.5 * (code - np.floor(code))
    front = y > 0.2 + lean * (x - 0.5)
    wall = 0.65 + 0.25 * noise(b.rng, b.size, 5, octaves=4)
    return np.asarray(np.where(front, np.where(panes, tone, wall), 0.9))


_SNAPSHOTS = {"face": _face_close, "crowd": _crowd, "flats": _blocks_of_flats}


def _copied(b: Brief, grey: Field) -> Field:
    """Copy a snapshot until only dots, lines or blots are left."""
    y, x = coordinates(b.size)[::-1]
    worn = grey + 0.25 * (noise(b.rng, b.size, 50, octaves=2) - 0.5)
    screen = b.pick("blots", "dots", "lines")
    if screen == "dots":
        return halftone(worn, b.size / b.between(50, 85), 0.8)
    if screen == "lines":
        pitch = 2 * np.pi * b.between(45, 75)
        return smoothstep(-0.2, 0.2, worn - 0.5 - 0.45 * np.sin((y + 0.1 * x) * pitch))
    return smoothstep(0.24, 0.44, worn)


def xerox(b: Brief) -> Canvas:
    """Draw a photograph copied to death: black, paper, one ink, tape and stamps."""
    p, rng = b.palette, b.rng
    y = coordinates(b.size)[1]
    snapshot = _SNAPSHOTS[b.pick("face", "face", "crowd", "flats")](b)
    light = (p.paper, p.paper, p.accent, p.main)[int(b.house.integers(4))]
    canvas = b.canvas(light)
    canvas.pixels = duotone(_copied(b, snapshot), p.ink, light)
    other = p.accent if light is p.paper else p.paper
    if rng.random() < 0.5:
        edge = b.between(0.12, 0.3) + 0.03 * (noise(rng, b.size, 14, octaves=4) - 0.5)
        canvas.lay(smoothstep(0.004, -0.004, y - edge), other)
    if rng.random() < 0.35:
        splash = noise(rng, b.size, 5, octaves=4)
        canvas.lay(smoothstep(0.68, 0.7, splash), p.accent, 0.9)
    _banner(b, canvas)
    title = b.line(b.title, b.face("typewriter", "heavy", "terminal"), 0.6, 0.055)
    label = np.pad(title, b.pixels(0.012))
    stamp(canvas, np.ones_like(label), 0.94, 0.95, p.paper, anchor=(1, 1))
    stamp(canvas, label, 0.94, 0.95, p.ink, anchor=(1, 1))
    return canvas


def _banner(b: Brief, canvas: Canvas) -> None:
    """Paste the artist's name across the picture."""
    p = b.palette
    face = b.face(
        "heavy",
        "typewriter",
        "poster",
        "condensed",
        "slab narrow",
        "fraktur",
        "italic heavy",
    )
    plain = b.line(b.artist, face, 0.82, float(b.house.uniform(0.12, 0.2)))
    name = hand_cut(b.house, plain, float(b.house.uniform(0.0, 0.2)))
    position = (0.5, 0.15 if b.house.random() < 0.7 else 0.72)
    tilt = float(b.house.choice([0.0, 0.0, 4.0, -5.0]))
    if b.house.random() < 0.55:
        name = np.pad(name, b.pixels(0.02))
        stamp(canvas, rotated(np.ones_like(name), tilt), *position, p.ink)
        stamp(canvas, rotated(name, tilt), *position, p.paper)
    else:
        stamp(canvas, grown(name, b.pixels(0.009)), *position, p.paper)
        stamp(canvas, name, *position, p.ink)


def _stripes(b: Brief, canvas: Canvas, other: Field) -> None:
    """Cover the ground with stripes."""
    x, y = coordinates(b.size)
    angle = b.between(-0.8, 0.8)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * b.between(25, 60))
    canvas.lay(smoothstep(-0.05, 0.05, wave), other)


def _burst(b: Brief, canvas: Canvas, other: Field) -> None:
    """Cover the ground with rays."""
    x, y = coordinates(b.size)
    rays = np.sin(np.arctan2(y - 0.55, x - 0.5) * int(b.rng.integers(8, 22)))
    canvas.lay(smoothstep(-0.05, 0.05, rays), other)


def _tartan(b: Brief, canvas: Canvas, other: Field) -> None:
    """Cover the ground with a tartan."""
    for way in coordinates(b.size):
        for pitch, opacity in ((3.0, 0.6), (9.0, 0.4), (27.0, 0.3)):
            band = smoothstep(0.3, 0.4, np.sin(way * 2 * np.pi * pitch))
            canvas.lay(band, b.palette.ink if pitch < 5 else other, opacity)


def _spots(b: Brief, canvas: Canvas, other: Field) -> None:
    """Cover the ground with growing dots."""
    x, y = coordinates(b.size)
    ramp = x * float(b.rng.normal()) + y * float(b.rng.normal())
    ramp = (ramp - ramp.min()) / np.ptp(ramp)
    canvas.lay(1 - halftone(ramp, b.size / b.between(14, 24), 0.7), other)


def _plain(b: Brief, canvas: Canvas, other: Field) -> None:
    """Leave the ground as it is, but for a block."""
    if b.rng.random() < 0.5:
        canvas.lay(canvas.box(-1, b.between(0.3, 0.7), 2, 2), other)


_GROUNDS = {
    "plain": _plain,
    "stripes": _stripes,
    "burst": _burst,
    "tartan": _tartan,
    "spots": _spots,
}


def _cut_out(b: Brief, canvas: Canvas) -> None:
    """Glue a head, torn from a newspaper, on the ground."""
    p = b.palette
    head = draw_portrait(b.rng, b.size, centre=(b.between(0.35, 0.65), 0.56), scale=0.2)
    rough = 0.25 * (noise(b.rng, b.size, 12, octaves=3) - 0.5)
    canvas.lay(smoothstep(0.3, 0.35, blur(head.outline, 14) + rough), p.paper)
    canvas.lay(
        head.outline,
        duotone(halftone(head.grey * 1.2, b.size / 60, 0.8), p.ink, p.paper),
    )
    if b.rng.random() < 0.4:
        canvas.lay(canvas.box(0.3, 0.515, 0.7, 0.585), p.ink)


def ransom(b: Brief) -> Canvas:
    """Draw letters cut from newspapers on loud paper, with tape and stripes."""
    p, rng = b.palette, b.rng
    chosen = int(b.house.integers(4))
    ground = (p.main, p.accent, p.main, p.paper)[chosen]
    canvas = b.canvas(ground)
    _GROUNDS[b.pick(*_GROUNDS)](b, canvas, p.main if chosen in {1, 3} else p.accent)
    if rng.random() < 0.55:
        _cut_out(b, canvas)
    for i in range(int(rng.integers(0, 5))):
        tape = np.full(
            (b.pixels(0.06), b.pixels(b.between(0.15, 0.4))), 0.9, np.float32
        )
        position = (b.between(0, 1), b.between(0.3, 1))
        turned = rotated(tape, b.between(-60, 60))
        stamp(canvas, turned, *position, (p.paper, p.ink, p.accent)[i % 3], opacity=0.9)
    _clippings(b, canvas, b.artist, 0.07, 0.19)
    if b.house.random() < 0.5:
        _clippings(b, canvas, b.title, 0.74, 0.12)
    else:
        strip = b.line(b.title, b.face("typewriter", "heavy"), 0.7, 0.06)
        strip = np.pad(strip, b.pixels(0.02))
        turn = float(b.house.uniform(-8, 8))
        stamp(canvas, rotated(np.ones_like(strip), turn), 0.5, 0.87, p.ink)
        stamp(canvas, rotated(strip, turn), 0.5, 0.87, p.paper)
    return canvas


def _clippings(b: Brief, canvas: Canvas, text: str, top: float, height: float) -> None:
    """Glue a text letter by letter, in one or two rows."""
    words = text.split()
    half = (len(words) + 1) // 2
    rows = [words[:half], words[half:]] if len(text) > 9 else [words]
    for number, row in enumerate(row for row in rows if row):
        line = " ".join(row)
        step = min(0.88 / len(line), height * 0.95)
        y = top + height * (0.5 + number * 0.95)
        for i, letter in enumerate(line):
            if letter != " ":
                x = 0.5 + step * (i - (len(line) - 1) / 2)
                _clipping(
                    b, canvas, letter, (x, y + float(b.rng.normal(0, 0.008))), step
                )


def _clipping(
    b: Brief, canvas: Canvas, letter: str, position: tuple[float, float], step: float
) -> None:
    """Glue one letter on its scrap of paper."""
    p, rng = b.palette, b.rng
    tall = b.pixels(min(0.19, step * 1.5) * b.between(0.62, 0.85))
    face = FACES[
        b.pick(
            "heavy",
            "slab",
            "didone",
            "old style bold",
            "poster",
            "typewriter",
            "fraktur",
        )
    ]
    shape = letter.upper() if rng.random() < 0.6 else letter
    glyph = np.pad(set_text(shape, face, b.pixels(step), tall), b.pixels(0.014))
    inks = [(p.paper, p.ink), (p.ink, p.paper), (p.accent, p.ink), (p.paper, p.deep)]
    paper, ink = inks[int(rng.integers(4))]
    turn = float(rng.normal(0, 7))
    scrap, print_ = rotated(np.ones_like(glyph), turn), rotated(glyph, turn)
    stamp(canvas, scrap, position[0] + 0.006, position[1] + 0.008, p.ink, opacity=0.4)
    stamp(canvas, scrap, *position, paper)
    stamp(canvas, print_, *position, ink)
