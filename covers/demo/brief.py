"""The brief of a painter: all that it needs to draw a sleeve."""

from dataclasses import dataclass

import numpy as np

from covers.demo.lettering import (
    FACES,
    Face,
    grown,
    set_lines,
    set_text,
    stamp,
)
from covers.demo.painting import Canvas, Field, Palette, luminance

__all__ = ["Brief"]


@dataclass(frozen=True)
class Brief:
    """One sleeve to draw.

    Parameters
    ----------
    rng : numpy.random.Generator
        Chance of this cover alone.
    house : numpy.random.Generator
        Chance that all covers of the artist share in this style: what is drawn
        from it is the artist's house look.
    palette : Palette
        Five colours from dark to light.
    style : str
        The visual style.
    artist, title, label : str
        Lettering.
    year : int
        Year of release; decides the print look.
    size : int
        Side in pixels.
    """

    rng: np.random.Generator
    house: np.random.Generator
    palette: Palette
    style: str
    artist: str
    title: str
    label: str
    year: int
    size: int

    def pick(self, *options: str) -> str:
        """Draw one of some options for this cover."""
        return options[int(self.rng.integers(len(options)))]

    def keep(self, *options: str) -> str:
        """Draw one of some options for all covers of the house."""
        return options[int(self.house.integers(len(options)))]

    def between(self, low: float, high: float) -> float:
        """Draw a number for this cover."""
        return float(self.rng.uniform(low, high))

    def canvas(self, ground: Field) -> Canvas:
        """Return an empty canvas."""
        return Canvas(self.size, ground)

    def face(self, *names: str) -> Face:
        """Let the house choose one of the faces."""
        return FACES[names[int(self.house.integers(len(names)))]]

    def pixels(self, fraction: float) -> int:
        """Return a fraction of the side in pixels, at least two."""
        return max(2, round(fraction * self.size))

    def line(self, text: str, face: Face, width: float, height: float) -> Field:
        """Set one line into a box given in fractions of the side."""
        return set_text(text, face, self.pixels(width), self.pixels(height))

    def block(
        self,
        text: str,
        face: Face,
        width: float,
        height: float,
        *,
        justify: bool = False,
    ) -> Field:
        """Set a text with one word per line (short words joined) into a box."""
        lines: list[str] = []
        for word in text.split():
            if lines and (len(lines[-1]) <= 3 or len(word) <= 2):
                lines[-1] += " " + word
            else:
                lines.append(word)
        return set_lines(
            lines, face, self.pixels(width), self.pixels(height), justify=justify
        )

    def readable(
        self, canvas: Canvas, box: tuple[float, float, float, float], *inks: Field
    ) -> Field:
        """Return the first ink that stands out from a part of the canvas.

        Parameters
        ----------
        canvas : Canvas
            Where it is to be printed.
        box : tuple of float
            Left, top, right and bottom as fractions of the side.
        *inks : ndarray of float32, shape (3,)
            Inks in order of preference; the palette's lightest and darkest
            colours and plain white and black are tried after them.

        Returns
        -------
        ndarray of float32, shape (3,)
            The chosen ink.
        """
        n = self.size
        left, top, right, bottom = (int(np.clip(v, 0, 1) * n) for v in box)
        part = canvas.pixels[:, top : max(bottom, top + 1), left : max(right, left + 1)]
        ground = luminance(part.mean(axis=(1, 2)))
        white, black = np.full(3, 0.97, np.float32), np.full(3, 0.03, np.float32)
        tried = (*inks, self.palette.paper, self.palette.ink, white, black)
        return next(
            (ink for ink in tried if abs(luminance(ink) - ground) > 0.34),
            white if ground < 0.5 else black,
        )

    def credit(
        self,
        canvas: Canvas,
        face: Face,
        *inks: Field,
        position: str,
        height: float = 0.07,
        width: float = 0.86,
        y: float | None = None,
    ) -> None:
        """Print artist and title at one of the usual positions, readably.

        Parameters
        ----------
        canvas : Canvas
            Where to print.
        face : Face
            Face of both lines.
        *inks : ndarray of float32, shape (3,)
            Preferred inks: of the artist, then of the title.
        position : str
            ``"top left"``, ``"top"``, ``"top right"``, ``"bottom left"``,
            ``"bottom"``, ``"bottom right"`` or ``"middle"``.
        height : float, default=0.07
            Height of the artist's line.
        width : float, default=0.86
            Greatest width of a line.
        y : float or None, default=None
            Top of the first line, if not where `position` says.
        """
        first = self.line(self.artist, face, width, height)
        second = self.line(self.title, face, width, max(height * 0.68, 0.03))
        across = 0.0 if "left" in position else 1.0 if "right" in position else 0.5
        x = 0.06 + across * 0.88
        gap = height * 0.45
        total = (first.shape[0] + second.shape[0]) / self.size + gap
        if y is None:
            y = 0.065 if "top" in position else 0.94 - total
            y = 0.5 - total / 2 if position == "middle" else y
        for mask, preferred in ((first, inks), (second, inks[::-1])):
            wide, tall = mask.shape[1] / self.size, mask.shape[0] / self.size
            left = x - across * wide
            ink = self.readable(canvas, (left, y, left + wide, y + tall), *preferred)
            rows = canvas.pixels[
                :, int(y * self.size) : int((y + tall) * self.size) + 1
            ]
            if rows.std() > 0.13:
                away = np.full(3, 0.03 if luminance(ink) > 0.5 else 0.97, np.float32)
                halo = grown(mask, max(1, self.size // 160))
                middle = left + wide / 2
                stamp(canvas, halo, middle, y + tall / 2, away, opacity=0.55)
            stamp(canvas, mask, x, y, ink, anchor=(across, 0))
            y += tall + gap
