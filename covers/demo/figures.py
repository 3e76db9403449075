"""Heads and skulls as height fields of ellipsoids, lit from the side.

After halftone or duotone they read as studio photographs.
"""

from dataclasses import dataclass

import numpy as np

from covers.demo.painting import (
    Field,
    blur,
    coordinates,
    noise,
    relief,
    smoothstep,
)

__all__ = ["Portrait", "draw_portrait", "draw_skull"]


@dataclass(frozen=True)
class Portrait:
    """A figure in grey.

    Parameters
    ----------
    grey : ndarray of float32, shape (size, size)
        Brightness; meaningful inside the outline only.
    outline : ndarray of float32, shape (size, size)
        1 inside the figure.
    """

    grey: Field
    outline: Field


class _Sculptor:
    """Collects ellipsoids into a height field with an albedo.

    Positions and sizes are in units of the half height of the face, relative
    to its middle; `tilt` turns the head about it.
    """

    def __init__(
        self, size: int, centre: tuple[float, float], scale: float, tilt: float = 0.0
    ) -> None:
        x, y = coordinates(size)
        x, y = (x - centre[0]) / scale, (y - centre[1]) / scale
        self.upright = (x, y)
        self.x = np.asarray(x * np.cos(tilt) + y * np.sin(tilt), np.float32)
        self.y = np.asarray(y * np.cos(tilt) - x * np.sin(tilt), np.float32)
        self.size = size
        self.scale = scale
        self.centre = centre
        self.turn = (float(np.cos(tilt)), float(np.sin(tilt)))
        self.height: Field = np.zeros((size, size), np.float32)
        self.albedo: Field = np.full((size, size), 0.5, np.float32)
        self.solid = np.zeros((size, size), np.bool_)

    def add(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        depth: float,
        albedo: float | None = None,
        *,
        lift: float = 0.0,
        upright: bool = False,
    ) -> Field:
        """Add one ellipsoid; return where it is on top."""
        x, y = self.upright if upright else (self.x, self.y)
        inside = 1 - ((x - centre[0]) / radii[0]) ** 2
        inside -= ((y - centre[1]) / radii[1]) ** 2
        solid = inside > 0
        np.maximum(inside, 0, out=inside)
        np.sqrt(inside, out=inside)
        inside *= depth
        if lift:
            inside += lift * solid
        on_top = (inside > self.height) & solid
        self.solid |= solid
        np.maximum(self.height, inside, out=self.height)
        if albedo is not None:
            self.albedo[on_top] = albedo
        return np.asarray(on_top, np.float32)

    def _near(
        self, centre: tuple[float, float], radii: tuple[float, float]
    ) -> tuple[tuple[slice, slice], Field]:
        """Return the part of the picture around a spot, and its squared distance there."""
        reach = 1.9 * max(radii)
        cos, sin = self.turn
        x = centre[0] * cos - centre[1] * sin
        y = centre[1] * cos + centre[0] * sin
        part = []
        for at, middle in ((y, self.centre[1]), (x, self.centre[0])):
            low, high = ((middle + (at + way) * self.scale) for way in (-reach, reach))
            first, last = (int(np.clip(v, 0, 1) * self.size) for v in (low, high))
            part.append(slice(first, last + 1))
        here = (part[0], part[1])
        away = ((self.x[here] - centre[0]) / radii[0]) ** 2
        away += ((self.y[here] - centre[1]) / radii[1]) ** 2
        return here, away

    def stain(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        albedo: float,
        strength: float = 1.0,
    ) -> None:
        """Darken or lighten a soft spot."""
        here, away = self._near(centre, radii)
        spot = self.albedo[here]
        spot += (albedo - spot) * (strength * smoothstep(1.3, 0.6, away))

    def dent(
        self, centre: tuple[float, float], radii: tuple[float, float], depth: float
    ) -> None:
        """Press a soft hollow (or, below zero, a bump) into the surface."""
        here, away = self._near(centre, radii)
        self.height[here] -= depth * np.exp(-away * 1.5)

    def light(self, angle: float, elevation: float, softness: float) -> Field:
        """Return the lit surface's brightness, without albedo."""
        smooth = blur(self.height, max(1.3, softness * self.scale * self.size))
        return relief(smooth * self.scale, angle, elevation)

    def outline(self) -> Field:
        """Return the smooth silhouette."""
        return np.asarray(
            np.clip(blur(self.solid.astype(np.float32), 1.6) * 1.4 - 0.2, 0, 1)
        )


def _dress(s: _Sculptor, rng: np.random.Generator, turn: float, skin: float) -> float:
    """Add shoulders, neck and clothes; return the cloth's albedo."""
    cloth = float(rng.choice([0.07, 0.12, 0.25, 0.45, 0.75]))
    lean = -turn * 0.2
    s.add((lean, 2.62), (2.0, 1.45), 1.0, cloth, upright=True)
    for side in (-1, 1):
        s.add((lean + side * 1.2, 2.35), (0.85, 0.85), 0.72, cloth, upright=True)
    s.add((lean, 1.8), (1.0, 0.68), 0.7, cloth, upright=True)
    s.add((lean, 1.0), (0.42, 0.75), 0.6, skin * 0.88, upright=True)
    x, y = s.upright
    kind = str(rng.choice(["suit", "round", "coat", "plain"]))
    vee = (y - 1.25) * 0.5
    if kind == "suit":
        s.albedo[(np.abs(x - lean) < vee) & (y > 1.55)] = 0.85
        tie = (np.abs(x - lean) < 0.09 + 0.03 * y) & (y > 1.7)
        s.albedo[tie] = float(rng.choice([0.05, 0.3]))
    elif kind == "coat":
        lapel = np.abs(np.abs(x - lean) - vee) < 0.09
        s.albedo[lapel & (y > 1.5)] = min(1.0, cloth * 2.2 + 0.1)
        s.albedo[(np.abs(x - lean) < vee - 0.09) & (y > 1.5)] = skin * 0.8
    elif kind == "round":
        collar = np.abs(np.hypot(x - lean, (y - 1.35) * 1.3) - 0.62) < 0.08
        s.albedo[collar & (y > 1.4)] = min(1.0, cloth * 1.8 + 0.08)
    return cloth


def _face(s: _Sculptor, turn: float, skin: float, hair: float) -> float:
    """Model head, jaw, nose, eyes and mouth; return the middle of the face."""
    for side in (-1, 1):
        if side * turn < 0.25:
            s.add((side * 0.74 - turn * 0.12, 0.06), (0.13, 0.24), 0.3, skin * 0.85)
    s.add((0.0, -0.12), (0.75, 0.9), 0.8, skin)
    s.add((turn * 0.12, 0.32), (0.66, 0.68), 0.74, skin)
    s.add((turn * 0.22, 0.62), (0.42, 0.42), 0.66, skin)
    middle = turn * 0.5
    for side in (-1, 1):
        eye = middle + side * 0.31 * (1 - 0.22 * side * turn)
        s.dent((eye, -0.03), (0.22, 0.15), 0.1)
        s.dent((eye + side * 0.1, 0.3), (0.2, 0.16), -0.05)
        s.stain((eye, -0.03), (0.16, 0.075), 0.35 * skin, 0.8)
        s.stain((eye, -0.02), (0.13, 0.045), min(1.0, skin * 1.15), 0.8)
        s.stain((eye + 0.02, -0.02), (0.055, 0.055), 0.02)
        s.stain((eye, -0.085), (0.17, 0.035), 0.08)
        s.stain((eye - 0.02 * side, -0.22), (0.21, 0.045), min(hair, 0.3), 0.9)
    s.dent((middle + turn * 0.02, 0.05), (0.085, 0.3), -0.13)
    s.dent((middle + turn * 0.08, 0.25), (0.13, 0.09), -0.17)
    for side in (-1, 1):
        s.stain((middle + turn * 0.08 + side * 0.075, 0.31), (0.045, 0.028), 0.05, 0.8)
    s.dent((middle, 0.5), (0.22, 0.05), -0.07)
    s.dent((middle, 0.62), (0.19, 0.05), -0.08)
    s.dent((middle, 0.73), (0.16, 0.05), 0.06)
    s.stain((middle, 0.55), (0.24, 0.035), 0.12 * skin, 0.9)
    s.stain((middle, 0.59), (0.2, 0.07), 0.5 * skin, 0.6)
    return middle


def _hair(
    s: _Sculptor, rng: np.random.Generator, turn: float, skin: float, hair: float
) -> str:
    """Add hair on top of the head; return the cut."""
    cut = str(
        rng.choice(
            [
                "short",
                "short",
                "crop",
                "crop",
                "afro",
                "full",
                "full",
                "quiff",
                "quiff",
                "bald",
            ]
        )
    )
    if cut == "bald":
        return cut
    full = {"crop": 0.8, "short": 0.86, "quiff": 0.86, "afro": 1.3}.get(cut, 0.92)
    lift = {"quiff": -0.25, "afro": -0.3}.get(cut, -0.08)
    before = s.height.copy(), s.albedo.copy()
    top = s.add((-turn * 0.2, -0.36 + lift), (full, 0.74 - lift * 0.9), 1.05, hair)
    line = -0.58 + float(rng.uniform(-0.06, 0.06)) + 0.12 * (cut == "crop")
    parting = float(rng.uniform(-0.4, 0.4))
    bare = smoothstep(
        line - 0.03,
        line + 0.03,
        s.y - 0.55 * (s.x - turn * 0.45) ** 2 * 1.1 + parting * s.x * 0.25,
    ) * smoothstep(0.74, 0.66, np.abs(s.x - turn * 0.3))
    front = np.asarray(top * bare, np.float32)
    s.height += (before[0] - s.height) * front
    s.albedo += (np.where(before[1] == hair, skin, before[1]) - s.albedo) * front
    return cut


def _accessory(
    s: _Sculptor,
    rng: np.random.Generator,
    middle: float,
    turn: float,
    tones: tuple[float, float],
) -> None:
    """Add glasses, a hat, a beard or headphones to some heads."""
    hair, cloth = tones
    what = str(
        rng.choice(
            ["none", "none", "none", "shades", "hat", "beard", "beret", "phones"]
        )
    )
    if what == "shades":
        for side in (-1, 1):
            s.stain((middle + side * 0.33, -0.01), (0.29, 0.2), 0.03)
            s.stain((middle + side * 0.33 - 0.08, -0.08), (0.06, 0.05), 0.6, 0.7)
        s.stain((middle, -0.1), (0.62, 0.045), 0.03)
    elif what == "hat":
        band = 0.5 * cloth
        s.add((-turn * 0.15, -0.92), (0.78, 0.62), 1.15, cloth * 0.8 + 0.03)
        s.add((turn * 0.1, -0.56), (1.3, 0.2), 0.3, band + 0.03, lift=1.0)
    elif what == "beret":
        s.add((-turn * 0.5 - 0.1, -0.78), (0.98, 0.42), 1.2, cloth * 0.7 + 0.03)
    elif what == "beard":
        s.stain((middle * 0.7, 0.8), (0.52, 0.42), hair, 0.85)
        s.stain((middle, 0.43), (0.25, 0.05), hair, 0.8)
        s.stain((middle, 0.58), (0.17, 0.035), 0.3, 0.8)
    elif what == "phones":
        arch = np.abs(np.hypot(s.x * 1.08, s.y + 0.1) - 1.03) < 0.07
        s.albedo[arch & (s.y < 0)] = 0.1
        s.height[arch & (s.y < 0)] = 1.1
        for side in (-1, 1):
            s.add((side * 0.86 - turn * 0.1, 0.05), (0.2, 0.32), 1.0, 0.1)


def draw_portrait(
    rng: np.random.Generator,
    size: int,
    *,
    centre: tuple[float, float] = (0.5, 0.42),
    scale: float = 0.21,
) -> Portrait:
    """Draw a lit head with shoulders, hair, and now and then hat or glasses.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : int
        Side of the picture in pixels.
    centre : tuple of float, default=(0.5, 0.42)
        Middle of the face.
    scale : float, default=0.21
        Half the height of the face as a fraction of the side.

    Returns
    -------
    Portrait
        The figure, to be toned and laid on a canvas.
    """
    s = _Sculptor(size, centre, scale, tilt=float(rng.normal(0, 0.09)))
    s.x *= np.float32(rng.uniform(0.94, 1.1))
    turn = float(rng.uniform(-0.5, 0.5))
    skin = float(rng.uniform(0.45, 0.95))
    hair = float(rng.choice([0.05, 0.08, 0.16, 0.35, 0.6]))
    cloth = _dress(s, rng, turn, skin)
    if rng.random() < 0.3:
        fall = float(rng.uniform(0.2, 0.9))
        s.add((-turn * 0.2, 0.1 + fall * 0.6), (0.98, 1.0 + fall * 0.5), 0.6, hair)
    middle = _face(s, turn, skin, hair)
    _hair(s, rng, turn, skin, hair)
    _accessory(s, rng, middle, turn, (hair, cloth))
    side = float(rng.choice([-1.0, 1.0]))
    lit = s.light(
        np.pi / 2 - side * float(rng.uniform(0.5, 1.25)),
        float(rng.uniform(0.35, 0.7)),
        0.035,
    )
    strands = noise(rng, size, 45, octaves=2, stretch=0.3) - 0.5
    hairy = np.abs(s.albedo - hair) < 0.01
    rough = np.where(hairy, 0.1 + 0.7 * hair, 0.22 * smoothstep(0.4, 0.1, s.albedo))
    albedo = s.albedo + strands * rough
    grey = albedo * (0.14 + 1.1 * lit)
    return Portrait(np.clip(grey, 0, 1).astype(np.float32), s.outline())


def draw_skull(
    rng: np.random.Generator, size: int, centre: tuple[float, float], scale: float
) -> Portrait:
    """Draw a lit skull.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : int
        Side of the picture in pixels.
    centre : tuple of float
        Its middle.
    scale : float
        Half its height as a fraction of the side.

    Returns
    -------
    Portrait
        The skull.
    """
    s = _Sculptor(size, centre, scale, tilt=float(rng.normal(0, 0.06)))
    wide = float(rng.uniform(0.78, 0.9))
    s.add((0, -0.2), (wide, 0.82), 0.85, 0.95)
    s.add((0, 0.3), (0.6, 0.5), 0.75, 0.9)
    s.add((0, 0.66), (0.42, 0.36), 0.66, 0.9)
    for side in (-1, 1):
        s.add((side * 0.52, 0.16), (0.25, 0.17), 0.78, 0.95)
        s.dent((side * 0.56, 0.5), (0.14, 0.24), 0.3)
        s.stain((side * 0.33, -0.02), (0.25, 0.22), 0.0)
        s.stain((side * 0.3, 0.06), (0.2, 0.18), 0.0)
        s.stain((side * 0.05, 0.31), (0.06, 0.15), 0.0)
        s.stain((side * 0.62, 0.6), (0.1, 0.22), 0.1, 0.9)
        s.dent((side * 0.34, -0.3), (0.3, 0.08), -0.12)
    s.stain((0, 0.25), (0.07, 0.1), 0.0)
    for row, y in enumerate((0.55, 0.7)):
        for i in range(-4, 5):
            s.stain(((i + 0.5 * row) * 0.085, y), (0.015, 0.09), 0.03)
    s.stain((0, 0.625), (0.36, 0.022), 0.02)
    cracks = noise(rng, size, 9, octaves=4)
    lit = s.light(np.pi / 2 + float(rng.uniform(-0.9, 0.9)), 0.55, 0.04)
    grey = s.albedo * (0.16 + 1.0 * lit) * (0.72 + 0.42 * cracks)
    return Portrait(np.clip(grey, 0, 1).astype(np.float32), s.outline())
