"""Styles that look photographed or painted: fog, fields, porches, cities, fires."""

import numpy as np
from PIL import Image, ImageDraw

from covers.catalogue.demo.brief import Brief
from covers.catalogue.demo.figures import (
    draw_portrait,
    guitarist,
    hills,
    leaf_tree,
    pine_tree,
)
from covers.catalogue.demo.lettering import stamp
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

__all__ = ["city", "fog", "inferno", "landscape", "pastoral", "porch", "portrait"]


def _reflect(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """Turn everything below the horizon into rippled water."""
    size = canvas.size
    line = int(horizon * size)
    rows = np.arange(line, size)
    depth = (rows - line) / max(1, size - line)
    ripple = rng.normal(0, 1, len(rows)) * (0.5 + 5 * depth)
    source = np.clip(2 * line - rows + ripple, 0, line - 1).astype(int)
    water = canvas.pixels[source] * (0.82 - 0.25 * depth[:, None, None])
    canvas.pixels[line:] = water


def _sky(b: Brief, canvas: Canvas, top: Field, bottom: Field, clouds: float) -> None:
    """Fill the canvas with a sky."""
    canvas.gradient(top, bottom)
    cloud = noise(b.rng, b.size, 2.5, octaves=5, stretch=4)
    canvas.lay(smoothstep(0.5, 0.85, cloud), np.clip(bottom * 1.15, 0, 1), clouds)


def fog(b: Brief) -> Canvas:
    """Ridges, trees or water that fade into mist."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.paper)
    kind = str(rng.choice(["ridges", "pines", "sea"]))
    _sky(b, canvas, p.main * 0.5 + p.paper * 0.5, p.paper, 0.5)
    if rng.random() < 0.5:
        canvas.lay(
            canvas.disc(
                rng.uniform(0.25, 0.75),
                rng.uniform(0.15, 0.35),
                rng.uniform(0.04, 0.1),
                0.02,
            ),
            np.clip(p.paper * 1.2, 0, 1),
            0.85,
        )
    if kind == "sea":
        horizon = float(rng.uniform(0.5, 0.68))
        canvas.lay(
            hills(rng, b.size, horizon - 0.02, 0.02, 0.6), p.main * 0.5 + p.paper * 0.5
        )
        _reflect(canvas, rng, horizon)
    else:
        n_layers = int(rng.integers(3, 6))
        for i in range(n_layers):
            t = (i + 1) / n_layers
            base = 0.42 + 0.5 * t * t + rng.normal(0, 0.02)
            tone = p.paper * (1 - t) + p.deep * t
            mask = hills(rng, b.size, base, 0.06 * (1.3 - t * 0.5), 0.75, 2)
            if kind == "pines" and t > 0.35:
                tall = 0.08 + 0.22 * t

                def trees(
                    pen: ImageDraw.ImageDraw,
                    k: float,
                    tall: float = tall,
                    base: float = base,
                ) -> None:
                    for _ in range(int(5 + 22 * (1.2 - tall * 3))):
                        x = float(rng.uniform(-0.02, 1.02))
                        pine_tree(
                            rng,
                            pen,
                            x * k,
                            (base + 0.06) * k,
                            tall * float(rng.uniform(0.5, 1.1)) * k,
                        )

                mask = np.maximum(mask, canvas.mask(trees))
            canvas.lay(mask, tone)
            mist = noise(rng, b.size, 2, octaves=3, stretch=6)
            y = coordinates(b.size)[1]
            canvas.lay(
                mist * smoothstep(base - 0.05, base + 0.2, y),
                p.paper,
                0.55 * (1.15 - t),
            )
    if b.house.random() < 0.35:
        grey = canvas.pixels.mean(axis=2)
        canvas.pixels = duotone(grey, p.deep, p.main, p.paper)
    face = b.face(
        ["spaced", "thin", "old style italic", "wide light", "old style caps"]
    )
    place = ["top", "bottom", "top left", "bottom right", "middle"][
        int(b.house.integers(5))
    ]
    ink = p.ink if "top" in place else p.paper
    b.credit(
        canvas,
        face,
        (ink, ink),
        place=place,
        height=float(b.house.uniform(0.028, 0.05)),
        width=0.7,
    )
    return canvas


def landscape(b: Brief) -> Canvas:
    """Paint fields, trees, water and sky in oil, without lettering."""
    p, rng, size = b.palette, b.rng, b.size
    canvas = b.canvas(p.paper)
    _sky(b, canvas, p.main * 0.6 + p.paper * 0.4, p.paper, 0.9)
    horizon = float(rng.uniform(0.4, 0.58))
    canvas.lay(
        hills(rng, size, horizon - 0.05, 0.05, 0.55, 2), p.main * 0.75 + p.deep * 0.25
    )
    river = bool(rng.random() < 0.4)
    if river:
        _reflect(canvas, rng, horizon + 0.03)
    for i in range(3):
        t = (i + 1) / 3
        green = p.accent * (1 - t) * 0.9 + p.deep * t
        shade = 0.75 + 0.5 * noise(rng, size, 5, octaves=4, stretch=5)
        mask = hills(rng, size, horizon + 0.1 + 0.16 * i + 0.08 * river, 0.035, 0.25, 2)
        canvas.lay(mask, np.clip(green * shade[..., None], 0, 1).astype(np.float32))
        for _ in range(int(rng.integers(1, 4 - i))):
            x = float(rng.uniform(0.02, 0.98))
            foot = horizon + 0.14 + 0.16 * i
            whole, lit = leaf_tree(
                rng, canvas, x, foot, float(rng.uniform(0.16, 0.3)) * (0.7 + 0.4 * i)
            )
            canvas.lay(whole, p.ink * 0.55 + p.deep * 0.45)
            canvas.lay(lit, p.accent * 0.6 + p.deep * 0.4, 0.75)
    _brushed(canvas, rng, float(rng.uniform(0.02, 0.045)))
    canvas.shade(0.8 + 0.3 * noise(rng, size, 60, octaves=1, stretch=3))
    return canvas


def _brushed(canvas: Canvas, rng: np.random.Generator, reach: float) -> None:
    """Smear the canvas along swirls, as a brush does."""
    size = canvas.size
    angle = noise(rng, size, 4, octaves=2) * 9
    jump = (
        (rng.random((size // 3 + 1, size // 3 + 1), np.float32) - 0.5)
        .repeat(3, 0)
        .repeat(3, 1)
    )
    move = jump[:size, :size] * reach * size
    y, x = np.mgrid[0:size, 0:size]
    rows = np.clip(y + np.sin(angle) * move, 0, size - 1).astype(int)
    columns = np.clip(x + np.cos(angle) * move, 0, size - 1).astype(int)
    smeared = canvas.pixels[rows, columns]
    light = 1 + 0.25 * jump[:size, :size]
    canvas.pixels = np.clip(smeared * light[..., None], 0, 1).astype(np.float32)


def pastoral(b: Brief) -> Canvas:
    """An oil painting of fields and trees, framed or with a title strip."""
    p = b.palette
    scene = landscape(b)
    layout = str(b.house.choice(["framed", "strip", "full"]))
    face = b.face(
        [
            "didone caps",
            "old style caps",
            "old style italic",
            "didone italic",
            "script",
            "slab",
        ]
    )
    if layout == "full":
        b.credit(scene, face, (p.ink, p.ink), place="top", height=0.07)
        return scene
    ground = [p.paper, p.ink, p.deep][int(b.house.integers(3))]
    ink = p.paper if ground is not p.paper else p.ink
    canvas = b.canvas(ground)
    top = float(b.house.uniform(0.2, 0.27))
    if layout == "strip":
        side = b.size - b.pixels(top)
        canvas.pixels[b.size - side :] = scene.pixels[-side:]
    else:
        margin = b.pixels(0.09)
        rows, columns = b.size - b.pixels(top) - margin, b.size - 2 * margin
        image = Image.fromarray((np.clip(scene.pixels, 0, 1) * 255).astype(np.uint8))
        small = (
            np.asarray(image.resize((columns, rows), Image.Resampling.BOX), np.float32)
            / 255
        )
        y0 = b.pixels(top)
        edge = max(1, b.pixels(0.008))
        canvas.pixels[
            y0 - edge : y0 + rows + edge, margin - edge : margin + columns + edge
        ] = p.accent
        canvas.pixels[y0 : y0 + rows, margin : margin + columns] = small
    first = b.line(b.artist, face, 0.8, 0.075)
    second = b.line(b.title, face, 0.8, 0.05)
    stamp(canvas, first, 0.5, top * 0.36, ink)
    stamp(canvas, second, 0.5, top * 0.72, p.accent if b.house.random() < 0.5 else ink)
    return canvas


def porch(b: Brief) -> Canvas:
    """A faded photograph of a road, a cabin, a tree, a player with a guitar."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.paper)
    x, y = coordinates(b.size)
    _sky(b, canvas, np.full(3, 0.62, np.float32), np.full(3, 0.95, np.float32), 0.6)
    horizon = float(rng.uniform(0.52, 0.68))
    canvas.lay(
        hills(rng, b.size, horizon - 0.04, 0.03, 0.4, 2), np.full(3, 0.55, np.float32)
    )
    grass = 0.32 + 0.35 * noise(rng, b.size, 12, octaves=4, stretch=0.4)
    canvas.lay(
        hills(rng, b.size, horizon, 0.008, 0.3, 2), grass[..., None].repeat(3, 2)
    )
    dark = np.full(3, 0.06, np.float32)
    light = np.full(3, 0.9, np.float32)
    if rng.random() < 0.35:
        bend = float(rng.uniform(-0.5, 0.5))
        depth = np.clip((y - horizon) / (1 - horizon), 0, 1)
        middle = 0.5 + bend * (1 - depth) ** 2
        road = smoothstep(0.02, 0.0, np.abs(x - middle) - 0.02 - 0.3 * depth) * (
            y > horizon
        )
        canvas.lay(np.asarray(road, np.float32), light * 0.8, 0.85)
    if rng.random() < 0.55:
        left, top = (
            float(rng.uniform(0.05, 0.55)),
            horizon - float(rng.uniform(0.12, 0.2)),
        )
        wide = float(rng.uniform(0.25, 0.38))
        planks = (
            0.35
            + 0.15 * (np.floor(y * 60) % 2)
            + 0.1 * noise(rng, b.size, 20, octaves=2)
        )
        canvas.lay(
            canvas.box(left, top, left + wide, horizon + 0.05),
            planks[..., None].repeat(3, 2),
        )
        roof = [
            (left - 0.04, top + 0.01),
            (left + wide * 0.3, top - 0.12),
            (left + wide * 0.7, top - 0.12),
            (left + wide + 0.04, top + 0.01),
        ]
        canvas.lay(canvas.polygon(roof), dark * 2.4)
        canvas.lay(
            canvas.box(left + wide * 0.2, top + 0.04, left + wide * 0.38, top + 0.11),
            dark,
        )
        canvas.lay(
            canvas.box(
                left + wide * 0.6, top + 0.04, left + wide * 0.8, horizon + 0.05
            ),
            dark,
        )
    if rng.random() < 0.6:
        tree, lit = leaf_tree(
            rng,
            canvas,
            float(rng.choice([0.14, 0.86, 0.3, 0.7])),
            horizon + 0.08,
            float(rng.uniform(0.4, 0.62)),
        )
        canvas.lay(tree, dark)
        canvas.lay(lit, dark * 3, 0.5)
    if rng.random() < 0.75:
        for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
            canvas.lay(
                guitarist(
                    rng,
                    canvas,
                    float(rng.uniform(0.25, 0.75)),
                    float(rng.uniform(0.84, 0.95)),
                    float(rng.uniform(0.4, 0.58)),
                ),
                dark,
            )
    elif rng.random() < 0.8:
        head = draw_portrait(
            rng, b.size, centre=(float(rng.uniform(0.35, 0.65)), 0.5), scale=0.2
        )
        canvas.lay(head.outline, head.grey[..., None].repeat(3, 2))
    sun = np.exp(-((x - rng.uniform(0, 1)) ** 2 + (y - rng.uniform(0, 0.5)) ** 2) * 5)
    grey = canvas.pixels.mean(axis=2) + 0.25 * sun
    toned = duotone(grey.astype(np.float32), p.ink, p.main, p.paper)
    canvas.pixels = toned
    border = float(b.house.choice([0.0, 0.06, 0.1]))
    if border:
        inner = blur(canvas.box(border, border * 1.6, 1 - border, 1 - border), 2)
        framed = b.canvas(p.paper)
        framed.lay(inner, canvas.pixels)
        canvas = framed
    face = b.face(
        [
            "slab",
            "slab narrow",
            "script",
            "old style bold",
            "typewriter",
            "didone italic",
        ]
    )
    place = ["top", "top left", "bottom", "top right"][int(b.house.integers(4))]
    inks = (p.accent, p.accent) if b.house.random() < 0.5 else (p.ink, p.ink)
    if "bottom" in place and not border:
        inks = (p.paper, p.paper)
    b.credit(
        canvas, face, inks, place=place, height=float(b.house.uniform(0.06, 0.095))
    )
    return canvas


def portrait(b: Brief) -> Canvas:
    """A studio portrait in two inks beside blocks of bold type."""
    p, rng = b.palette, b.rng
    across = float(b.house.choice([0.34, 0.5, 0.64]))
    head = draw_portrait(
        rng,
        b.size,
        centre=(across, float(rng.uniform(0.42, 0.56))),
        scale=float(rng.uniform(0.19, 0.3)),
    )
    x, y = coordinates(b.size)
    backdrop = 0.25 + 0.5 * np.exp(
        -((x - across + rng.normal(0, 0.2)) ** 2 + (y - 0.4) ** 2) * 6
    ) * rng.uniform(0.3, 1.2)
    grey = (backdrop * (1 - head.outline) + head.grey * head.outline).astype(np.float32)
    grey += rng.normal(0, 0.05, grey.shape).astype(np.float32)
    look = str(b.house.choice(["two inks", "two inks", "dots", "mono"]))
    if look == "dots":
        dots = halftone(grey, b.size / 75, 0.6)
        tones = duotone(dots, p.ink, p.main if rng.random() < 0.5 else p.paper)
    elif look == "mono":
        tones = duotone(
            grey, np.full(3, 0.04, np.float32), np.full(3, 0.5, np.float32), p.paper
        )
    else:
        tones = duotone(smoothstep(0.02, 0.85, grey), p.ink, p.main, p.paper)
    canvas = b.canvas(p.paper)
    canvas.pixels = tones
    face = b.face(["heavy", "grotesque", "condensed", "slab", "poster", "didone"])
    layout = str(b.house.choice(["band", "column", "over", "blocks"]))
    if layout == "band":
        tall = float(b.house.uniform(0.2, 0.32))
        at_top = bool(b.house.random() < 0.6)
        y0 = 0.0 if at_top else 1 - tall
        canvas.lay(
            canvas.box(
                -1, y0 - (1 if at_top else 0), 2, y0 + tall + (0 if at_top else 1)
            ),
            p.paper,
        )
        stamp(
            canvas,
            b.line(b.artist, face, 0.9, tall * 0.5),
            0.05,
            y0 + tall * 0.12,
            p.ink,
            anchor=(0, 0),
        )
        stamp(
            canvas,
            b.line(b.title, face, 0.9, tall * 0.22),
            0.05,
            y0 + tall * 0.72,
            p.accent,
            anchor=(0, 0),
        )
    elif layout == "column":
        wide = float(b.house.uniform(0.24, 0.34))
        left = across >= 0.5
        canvas.lay(
            canvas.box(-1 if left else 1 - wide, -1, wide if left else 2, 2),
            p.accent if b.house.random() < 0.6 else p.ink,
        )
        block = b.block(b.artist + " " + b.title, face, wide * 0.8, 0.6)
        stamp(
            canvas,
            block,
            wide * 0.1 if left else 1 - wide * 0.9,
            0.06,
            p.paper,
            anchor=(0, 0),
        )
    elif layout == "blocks":
        for i in range(int(b.house.integers(3, 7))):
            x0 = 0.05 + 0.13 * i
            canvas.lay(
                canvas.box(
                    x0, 0.05, x0 + 0.1, 0.05 + float(b.house.uniform(0.05, 0.2))
                ),
                [p.accent, p.main, p.paper][i % 3],
            )
        b.credit(canvas, face, (p.paper, p.accent), place="bottom left", height=0.09)
    else:
        block = b.block(b.title, face, 0.75, 0.34, justify=bool(b.house.random() < 0.5))
        stamp(canvas, block, 0.06, 0.05, p.accent, anchor=(0, 0))
        stamp(
            canvas,
            b.line(b.artist, face, 0.85, 0.06),
            0.06,
            0.94,
            p.paper,
            anchor=(0, 1),
        )
    return canvas


def city(b: Brief) -> Canvas:
    """A city at night: towers, lit windows, lamps out of focus, wet streets."""
    p, rng = b.palette, b.rng
    canvas = b.canvas(p.ink)
    canvas.gradient(p.ink, p.deep * 0.6 + p.main * 0.4)
    x, y = coordinates(b.size)
    street = float(rng.uniform(0.66, 0.8))
    for layer in range(3):
        tone = p.main * 0.35 * (1 - layer / 3) + p.ink * (0.65 + layer / 9)
        left = -0.05
        while left < 1:
            wide = float(rng.uniform(0.06, 0.17))
            top = street - float(rng.uniform(0.1, 0.5)) * (1.1 - 0.25 * layer)
            tower = canvas.box(left, top, left + wide, street)
            canvas.lay(tower, tone)
            columns, rows = rng.uniform(45, 70), rng.uniform(38, 55)
            lit = (np.sin(x * columns * 6.28) > 0.2) & (np.sin(y * rows * 6.28) > 0.1)
            code = (
                np.sin(
                    np.floor(x * columns) * 12.99
                    + np.floor(y * rows) * 78.23
                    + layer
                    + left * 40
                )
                * 43758.5
            )
            windows = tower * lit * ((code - np.floor(code)) > rng.uniform(0.55, 0.9))
            canvas.lay(
                np.asarray(windows, np.float32),
                p.accent if rng.random() < 0.6 else p.paper,
                0.8,
            )
            left += wide + float(rng.uniform(-0.02, 0.05))
    if rng.random() < 0.4:
        canvas.lay(
            canvas.disc(
                float(rng.uniform(0.2, 0.8)), 0.17, float(rng.uniform(0.04, 0.08)), 0.01
            ),
            p.paper,
            0.9,
        )
    _reflect(canvas, rng, street)
    for _ in range(int(rng.integers(6, 26))):
        r = float(rng.uniform(0.012, 0.06))
        colour = [p.accent, p.paper, p.main][int(rng.integers(3))]
        canvas.lay(
            canvas.disc(
                float(rng.uniform(0, 1)), float(rng.uniform(street - 0.2, 1)), r, 0.012
            ),
            colour,
            float(rng.uniform(0.15, 0.6)),
        )
    if rng.random() < 0.4:
        canvas.lay(
            guitarist(rng, canvas, float(rng.uniform(0.3, 0.7)), 0.97, 0.5), p.ink * 0.5
        )
    if b.house.random() < 0.3:
        canvas.pixels = duotone(
            canvas.pixels.mean(axis=2) * 1.5, p.ink, p.main, p.paper
        )
    face = b.face(
        [
            "script",
            "condensed",
            "wide",
            "didone italic",
            "poster",
            "italic heavy",
            "spaced",
        ]
    )
    place = ["top", "top left", "bottom", "middle"][int(b.house.integers(4))]
    b.credit(
        canvas,
        face,
        (p.paper, p.accent),
        place=place,
        height=float(b.house.uniform(0.07, 0.13)),
    )
    return canvas


def inferno(b: Brief) -> Canvas:
    """A burning sky over crags and spires, with a barbed logo."""
    from covers.catalogue.demo.street import barbed

    p, rng = b.palette, b.rng
    canvas = b.canvas(p.ink)
    x, y = coordinates(b.size)
    warp = noise(rng, b.size, 3, octaves=4, stretch=float(rng.choice([0.4, 2.0])))
    swirl = np.sin(warp * 9 + y * float(rng.uniform(2, 8))) * 0.5 + 0.5
    storm = swirl * 0.6 + noise(rng, b.size, 4, octaves=5) * 0.6
    glow = np.exp(
        -((x - rng.uniform(0.3, 0.7)) ** 2 * 3 + (y - rng.uniform(0.45, 0.7)) ** 2 * 8)
    )
    heat = storm * (0.35 + 0.9 * glow)
    canvas.pixels = duotone(
        heat.astype(np.float32), p.ink, p.deep, p.main, p.accent, p.paper
    )
    if rng.random() < 0.5:
        moon = (float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.35, 0.5)))
        canvas.lay(
            canvas.disc(*moon, float(rng.uniform(0.09, 0.16)), 0.01),
            p.accent * 0.5 + p.paper * 0.5,
            0.9,
        )
    for i in range(3):
        t = (i + 1) / 3
        canvas.lay(
            hills(rng, b.size, 0.66 + 0.12 * i, 0.05, 1.0, 4),
            p.deep * (1 - t) * 0.7 + p.ink * 0.5 * t,
        )
        if i == 1 and rng.random() < 0.7:
            middle = float(rng.uniform(0.3, 0.7))

            def towers(
                pen: ImageDraw.ImageDraw, k: float, middle: float = middle
            ) -> None:
                for _ in range(int(rng.integers(3, 8))):
                    cx = middle + float(rng.normal(0, 0.1))
                    tall, wide = (
                        float(rng.uniform(0.18, 0.42)),
                        float(rng.uniform(0.02, 0.05)),
                    )
                    foot = 0.86
                    pen.polygon(
                        [
                            (v[0] * k, v[1] * k)
                            for v in (
                                (cx - wide, foot),
                                (cx - wide * 0.8, foot - tall * 0.7),
                                (cx, foot - tall * 1.3),
                                (cx + wide * 0.8, foot - tall * 0.7),
                                (cx + wide, foot),
                            )
                        ],
                        fill=255,
                    )

            canvas.lay(canvas.mask(towers), p.ink * 0.4)
    canvas.shade(1.05 - 0.9 * np.sqrt((x - 0.5) ** 2 + (y - 0.5) ** 2) ** 1.6)
    ink = p.paper if b.house.random() < 0.6 else p.accent
    face = b.face(["fraktur", "fraktur tall", "poster", "old style bold", "condensed"])
    logo = b.line(b.artist, face, 0.86, 0.2)
    if b.house.random() < 0.75:
        logo = barbed(b.house, logo, b.size)
    stamp(canvas, logo, 0.5, 0.17, p.ink * 0.3, anchor=(0.48, 0.47))
    stamp(canvas, logo, 0.5, 0.17, ink)
    if b.house.random() < 0.8:
        stamp(
            canvas,
            b.line(
                b.title, b.face(["fraktur", "old style caps", "spaced"]), 0.7, 0.055
            ),
            0.5,
            0.92,
            ink,
        )
    return canvas
