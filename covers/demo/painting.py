"""A small painter's box on NumPy and Pillow: colour fields, noise, masks, light.

Pictures are float32 arrays in ``[0, 1]``, ``(3, size, size)`` for colour (planes
lie apart, which is several times faster here) and ``(size, size)`` for masks and
grey values. Positions are fractions of the
side, x to the right and y downwards.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

__all__ = [
    "Canvas",
    "Field",
    "Mask",
    "Palette",
    "blur",
    "coordinates",
    "duotone",
    "fibres",
    "halftone",
    "jitter_palette",
    "luminance",
    "mix",
    "noise",
    "relief",
    "ridge_line",
    "smoothstep",
]

Field: TypeAlias = npt.NDArray[np.floating[Any]]
#: A mask may also be a plain yes or no.
Mask: TypeAlias = npt.NDArray[np.floating[Any] | np.bool_]

#: Sides of shapes are smoothed by drawing them this many times larger.
_SUPERSAMPLING = 2


class Palette(NamedTuple):
    """Five colours from dark to light, each an RGB array in ``[0, 1]``."""

    ink: Field
    deep: Field
    main: Field
    accent: Field
    paper: Field


def jitter_palette(rng: np.random.Generator, hexes: str, amount: float) -> Palette:
    """Parse five hex colours and shift them together, as inks and printers do.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    hexes : str
        Five colours as ``"rrggbb"``, separated by blanks, from dark to light.
    amount : float
        0 keeps the colours; 1 may move each channel by about a tenth.

    Returns
    -------
    Palette
        The jittered colours.
    """
    colours = np.array(
        [[int(text[i : i + 2], 16) / 255 for i in (0, 2, 4)] for text in hexes.split()],
        np.float32,
    )
    cast = rng.normal(0, 0.045 * amount, (1, 3))
    own = rng.normal(0, 0.03 * amount, colours.shape)
    grey = colours.mean(axis=1, keepdims=True)
    saturation = 1 + rng.normal(0, 0.18 * amount)
    moved = grey + (colours - grey) * saturation + cast + own
    return Palette(*np.clip(moved, 0.02, 0.98).astype(np.float32))


@lru_cache(maxsize=8)
def coordinates(size: int) -> tuple[Field, Field]:
    """Return the x and y position of every pixel's centre, in ``(0, 1)``."""
    axis = ((np.arange(size) + 0.5) / size).astype(np.float32)
    x, y = np.meshgrid(axis, axis)
    x.flags.writeable = y.flags.writeable = False
    return x, y


def smoothstep(low: float, high: float, values: Field) -> Field:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def noise(
    rng: np.random.Generator,
    size: int,
    cells: float,
    *,
    octaves: int = 4,
    stretch: float = 1.0,
    persistence: float = 0.5,
) -> Field:
    """Draw fractal noise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : int
        Side in pixels.
    cells : float
        Blobs of the coarsest octave across the picture.
    octaves : int, default=4
        Each one halves the blobs; fewer are smoother.
    stretch : float, default=1.0
        Above 1 the blobs are drawn out sideways, below 1 upwards.
    persistence : float, default=0.5
        Strength of each octave relative to the one before.

    Returns
    -------
    ndarray of float32, shape (size, size)
        Values in ``[0, 1]``, both reached.
    """
    total = np.zeros((size, size), np.float32)
    weight = 1.0
    for octave in range(octaves):
        across = max(2, round(cells * 2**octave / stretch**0.5)) + 3
        down = max(2, round(cells * 2**octave * stretch**0.5)) + 3
        if max(across, down) > size:
            break
        coarse = rng.random((down, across), np.float32)
        margin = (1.0, 1.0, across - 1.0, down - 1.0)
        method = Image.Resampling.BICUBIC if octave < 2 else Image.Resampling.BILINEAR
        fine = Image.fromarray(coarse).resize((size, size), method, box=margin)
        total += weight * np.asarray(fine)
        weight *= persistence
    total -= total.min()
    return np.asarray(total / max(float(total.max()), 1e-6), np.float32)


def blur(field: Field, radius: float) -> Field:
    """Soften a grey field by a radius in pixels (shrunk, then enlarged)."""
    height, width = field.shape
    small = (max(2, round(width / radius)), max(2, round(height / radius)))
    image = Image.fromarray(np.ascontiguousarray(field, np.float32))
    shrunk = image.resize(small, Image.Resampling.BILINEAR)
    return np.asarray(shrunk.resize((width, height), Image.Resampling.BICUBIC))


def ridge_line(
    rng: np.random.Generator, size: int, roughness: float, cells: int = 4
) -> Field:
    """Draw a random skyline.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : int
        Number of columns.
    roughness : float
        0 gives rolling hills, 1 gives crags.
    cells : int, default=4
        Hills across the picture.

    Returns
    -------
    ndarray of float32, shape (size,)
        Heights with mean 0 and standard deviation 1.
    """
    position = np.linspace(0, 1, size)
    line = np.zeros(size)
    count, weight = cells, 1.0
    while count < size / 2:
        knots = rng.normal(size=count + 3)
        place = position * count + 1
        left = place.astype(int)
        t = place - left
        ease = t * t * (3 - 2 * t) * (1 - roughness) + t * roughness
        line += weight * (knots[left] * (1 - ease) + knots[left + 1] * ease)
        count, weight = count * 2, weight * (0.25 + 0.3 * roughness)
    return np.asarray((line - line.mean()) / (line.std() + 1e-6), np.float32)


def relief(height: Field, angle: float, elevation: float = 0.6) -> Field:
    """Light a height field from one side.

    Parameters
    ----------
    height : ndarray of float32, shape (size, size)
        Heights in units of the picture's side.
    angle : float
        Where the light comes from, in radians; 0 is the right, pi/2 the top.
    elevation : float, default=0.6
        Height of the light, in radians; low light is dramatic.

    Returns
    -------
    ndarray of float32, shape (size, size)
        Brightness in ``[0, 1]``.
    """
    size = height.shape[0]
    slope_y, slope_x = np.gradient(height * size)
    light = (
        np.cos(elevation) * np.cos(angle),
        -np.cos(elevation) * np.sin(angle),
        np.sin(elevation),
    )
    lit = light[2] - slope_x * light[0] - slope_y * light[1]
    lit /= np.sqrt(1 + slope_x**2 + slope_y**2)
    return np.asarray(np.clip(lit, 0, 1), np.float32)


def duotone(grey: Field, *colours: Field) -> Field:
    """Map grey values to a ramp of colours.

    Parameters
    ----------
    grey : ndarray of float32, shape (size, size)
        Values in ``[0, 1]``.
    *colours : ndarray of float32, shape (3,)
        Two or more colours, from the one for black to the one for white.

    Returns
    -------
    ndarray of float32, shape (3, size, size)
        The coloured picture.
    """
    steps = np.linspace(0, 255, len(colours))
    index = (np.clip(grey, 0, 1) * 255).astype(np.uint8)
    planes = [
        np.interp(np.arange(256), steps, [float(c[channel]) for c in colours])
        .astype(np.float32)
        .take(index)
        for channel in range(3)
    ]
    return np.stack(planes)


def mix(first: Field, last: Field, share: Field) -> Field:
    """Blend two colours, each of shape (3,), by a field: 0 is `first`, 1 `last`."""
    step = (last - first)[:, None, None].astype(np.float32)
    blend = step * np.asarray(share, np.float32)
    blend += first[:, None, None]
    return blend


def luminance(colour: Field) -> float:
    """Return how light a colour of shape (3,) looks, in ``[0, 1]``."""
    return float(colour @ np.array([0.3, 0.59, 0.11], np.float32))


def halftone(grey: Field, period: float, angle: float) -> Field:
    """Turn grey values into printed dots.

    Parameters
    ----------
    grey : ndarray of float32, shape (size, size)
        Values in ``[0, 1]``; dark areas get large dots.
    period : float
        Distance of the dots in pixels; large is coarse newsprint.
    angle : float
        Turn of the screen in radians.

    Returns
    -------
    ndarray of float32, shape (size, size)
        0 in the dots' middle, 1 on bare paper.
    """
    x, y = coordinates(grey.shape[0])
    turn = 2 * np.pi * grey.shape[0] / period
    u = (x * np.cos(angle) + y * np.sin(angle)) * turn
    v = (y * np.cos(angle) - x * np.sin(angle)) * turn
    screen = (np.cos(u) + np.cos(v)) * 0.25 + 0.5
    sharp = 0.5 + (grey - screen) * period * 0.8
    return np.asarray(np.clip(sharp, 0, 1), np.float32)


def fibres(rng: np.random.Generator, size: int) -> Field:
    """Draw paper: fine grain and faint stains around 0, in about ``[-1, 1]``."""
    grain = rng.standard_normal((size, size), np.float32) * 0.35
    return grain + (noise(rng, size, 3, octaves=3) - 0.5)


class Canvas:
    """A square picture that shapes, light and masks are laid on.

    Parameters
    ----------
    size : int
        Side in pixels.
    ground : ndarray of float32, shape (3,)
        Colour of the empty canvas.
    """

    def __init__(self, size: int, ground: Field) -> None:
        self.size = size
        self.pixels: Field = np.empty((3, size, size), np.float32)
        self.pixels[:] = ground[:, None, None]

    def lay(self, mask: Mask, colour: Field, opacity: float = 1.0) -> None:
        """Cover the canvas with a colour or a picture where the mask says so."""
        alpha = np.asarray(mask * opacity, np.float32)
        ink = colour if colour.ndim == 3 else colour[:, None, None]
        for plane, colour_plane in zip(self.pixels, ink, strict=True):
            step = np.asarray(colour_plane - plane, np.float32)
            step *= alpha
            plane += step

    def shade(self, factor: Field) -> None:
        """Multiply the canvas by a grey field."""
        self.pixels *= np.asarray(factor, np.float32)

    def grey(self) -> Field:
        """Return the mean of the three colours."""
        return np.asarray(self.pixels.mean(axis=0))

    def gradient(self, first: Field, last: Field, angle: float = np.pi / 2) -> None:
        """Fill with a gradient; the angle pi/2 runs from the top to the bottom."""
        x, y = coordinates(self.size)
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        reach = abs(cos) + abs(sin)
        way = (x - 0.5) * (cos / reach) + (y - 0.5) * (sin / reach)
        self.pixels = mix(first, last, way + 0.5)

    def mask(self, draw: Callable[[ImageDraw.ImageDraw, float], None]) -> Field:
        """Draw shapes with smooth edges.

        Parameters
        ----------
        draw : callable
            Called with a Pillow drawing (0 outside, fill with 255) and the
            pixels that one side of the canvas has there.

        Returns
        -------
        ndarray of float32, shape (size, size)
            Coverage in ``[0, 1]``.
        """
        side = self.size * _SUPERSAMPLING
        image = Image.new("L", (side, side), 0)
        draw(ImageDraw.Draw(image), float(side))
        return np.asarray(image.reduce(_SUPERSAMPLING), np.float32) / np.float32(255)

    def polygon(self, *outlines: Sequence[tuple[float, float]]) -> Field:
        """Return the mask of polygons given in fractions of the side."""

        def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
            for outline in outlines:
                pen.polygon([(x * k, y * k) for x, y in outline], fill=255)

        return self.mask(draw)

    def lines(
        self, *paths: Sequence[tuple[float, float]], width: float, closed: bool = False
    ) -> Field:
        """Return the mask of lines through points, all in fractions of the side."""

        def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
            for path in paths:
                points = [(x * k, y * k) for x, y in path]
                if closed:
                    points.append(points[0])
                pen.line(
                    points, fill=255, width=max(1, round(width * k)), joint="curve"
                )

        return self.mask(draw)

    def disc(self, x: float, y: float, radius: float, softness: float = 0.0) -> Field:
        """Return the mask of a disc; `softness` widens its edge."""
        columns, rows = coordinates(self.size)
        distance = np.sqrt((columns - x) ** 2 + (rows - y) ** 2)
        edge = max(softness, 0.7 / self.size)
        return np.clip((radius - distance) / edge + 0.5, 0, 1)

    def box(self, left: float, top: float, right: float, bottom: float) -> Field:
        """Return the mask of an upright rectangle."""
        axis = coordinates(self.size)[0][0]
        wide = np.clip(np.minimum(axis - left, right - axis) * self.size + 0.5, 0, 1)
        tall = np.clip(np.minimum(axis - top, bottom - axis) * self.size + 0.5, 0, 1)
        return np.asarray(tall[:, None] * wide[None, :], np.float32)

    def frame(self, inset: float, thickness: float) -> Field:
        """Return the mask of a square ruled line."""
        far, inner = 1 - inset, inset + thickness
        outside = self.box(inset, inset, far, far)
        return np.clip(outside - self.box(inner, inner, 1 - inner, 1 - inner), 0, 1)
