"""What a painter is told about the sleeve it is to draw."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from covers.catalogue.demo.lettering import (
    FACES,
    Face,
    set_lines,
    set_text,
    stamp,
)
from covers.catalogue.demo.painting import Canvas, Field, Palette

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
    artist: str
    title: str
    label: str
    year: int
    size: int

    def canvas(self, ground: Field) -> Canvas:
        """Return an empty canvas."""
        return Canvas(self.size, ground)

    def face(self, names: Sequence[str]) -> Face:
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

    def credit(
        self,
        canvas: Canvas,
        face: Face,
        colours: tuple[Field, Field],
        *,
        place: str,
        height: float = 0.07,
        width: float = 0.86,
    ) -> None:
        """Print artist and title at one of the usual places.

        Parameters
        ----------
        canvas : Canvas
            Where to print.
        face : Face
            Face of both lines.
        colours : tuple of ndarray
            Ink of the artist and of the title.
        place : str
            ``"top left"``, ``"top"``, ``"top right"``, ``"bottom left"``,
            ``"bottom"``, ``"bottom right"`` or ``"middle"``.
        height : float, default=0.07
            Height of the artist's line.
        width : float, default=0.86
            Greatest width of a line.
        """
        first = self.line(self.artist, face, width, height)
        second = self.line(self.title, face, width, height * 0.68)
        across = 0.0 if "left" in place else 1.0 if "right" in place else 0.5
        x = 0.06 + across * 0.88
        gap = height * 0.4
        total = (first.shape[0] + second.shape[0]) / self.size + gap
        if "top" in place:
            y = 0.06
        elif "bottom" in place:
            y = 0.94 - total
        else:
            y = 0.5 - total / 2
        stamp(canvas, first, x, y, colours[0], anchor=(across, 0))
        y += first.shape[0] / self.size + gap
        stamp(canvas, second, x, y, colours[1], anchor=(across, 0))
