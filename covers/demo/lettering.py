"""Lettering: faces that a bare machine has, set, stretched, slanted and roughened.

Faces come from matplotlib's package, which the model extra brings; where it is
absent Pillow's own face stands in, so a library is drawn the same twice only
with the same packages. Every function returns a mask in ``[0, 1]``, cropped to
the ink.
"""

import importlib.util
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from covers.demo.painting import Canvas, Field, noise

__all__ = [
    "FACES",
    "Face",
    "around",
    "grown",
    "hand_cut",
    "rotated",
    "set_lines",
    "set_text",
    "stamp",
]


@dataclass(frozen=True)
class Face:
    """A typeface and how it is set.

    Parameters
    ----------
    file : str
        Stem of the font file; empty for Pillow's own face.
    stretch : float, default=1.0
        Width of the letters relative to their design.
    bold : float, default=0.0
        Thickening, as a fraction of the letters' size.
    tracking : float, default=0.0
        Extra space between letters, as a fraction of their size.
    slant : float, default=0.0
        Lean to the right, as a fraction of the height.
    upper : bool, default=False
        Whether everything is set in capitals.
    alphabet : tuple of int or None, default=None
        First code points of mathematical capitals and small letters that
        replace the Latin ones: how the font files hold Fraktur and script.
    """

    file: str
    stretch: float = 1.0
    bold: float = 0.0
    tracking: float = 0.0
    slant: float = 0.0
    upper: bool = False
    alphabet: tuple[int, int] | None = None


FACES: MappingProxyType[str, Face] = MappingProxyType(
    {
        "grotesque": Face("", bold=0.03),
        "grotesque caps": Face("", bold=0.035, upper=True, tracking=0.02),
        "heavy": Face("", bold=0.075, upper=True, tracking=0.04),
        "condensed": Face("", bold=0.06, upper=True, stretch=0.55, tracking=0.03),
        "poster": Face("DejaVuSans-Bold", upper=True, stretch=0.62),
        "wide": Face("DejaVuSans-Bold", upper=True, stretch=1.35),
        "wide light": Face("", upper=True, stretch=1.3, tracking=0.35),
        "spaced": Face("", upper=True, tracking=0.7),
        "thin": Face("DejaVuSans", tracking=0.25),
        "italic heavy": Face("", bold=0.07, slant=0.28, upper=True, tracking=0.03),
        "old style": Face("STIXGeneral"),
        "old style caps": Face("STIXGeneral", upper=True, tracking=0.18),
        "old style bold": Face("STIXGeneralBol", upper=True, tracking=0.05),
        "old style italic": Face("STIXGeneralItalic"),
        "didone": Face("cmb10"),
        "didone caps": Face("cmb10", upper=True, tracking=0.08),
        "didone italic": Face("cmti10"),
        "slab": Face("DejaVuSerif-Bold", upper=True),
        "slab narrow": Face("DejaVuSerif-Bold", upper=True, stretch=0.6),
        "typewriter": Face("cmtt10", bold=0.012),
        "terminal": Face("DejaVuSansMono-Bold"),
        "fraktur": Face("STIXGeneralBol", alphabet=(0x1D56C, 0x1D586)),
        "fraktur tall": Face(
            "STIXGeneralBol", stretch=0.6, alphabet=(0x1D56C, 0x1D586)
        ),
        "script": Face("STIXGeneral", bold=0.01, alphabet=(0x1D4D0, 0x1D4EA)),
    }
)

#: FreeType faces are not to be shared between threads.
_loaded = threading.local()


@lru_cache(maxsize=1)
def _font_folder() -> Path | None:
    """Find the fonts that matplotlib ships, without importing it."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0], "mpl-data", "fonts", "ttf")
    return folder if folder.is_dir() else None


def _font(file: str, pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load a font at a size, once per thread."""
    cache: dict[tuple[str, int], ImageFont.FreeTypeFont | ImageFont.ImageFont]
    cache = _loaded.__dict__.setdefault("fonts", {})
    if (file, pixels) not in cache:
        folder = _font_folder()
        path = folder / f"{file}.ttf" if folder and file else None
        cache[file, pixels] = (
            ImageFont.truetype(str(path), pixels)
            if path is not None and path.is_file()
            else ImageFont.load_default(pixels)
        )
    return cache[file, pixels]


def _respell(text: str, face: Face) -> str:
    """Put text into capitals and into the face's alphabet."""
    if face.upper:
        text = text.upper()
    if face.alphabet is None or _font_folder() is None:
        return text
    capital, small = face.alphabet
    return "".join(
        chr(capital + ord(c) - ord("A"))
        if "A" <= c <= "Z"
        else chr(small + ord(c) - ord("a"))
        if "a" <= c <= "z"
        else c
        for c in text
    )


def _ink(text: str, face: Face, pixels: int) -> Image.Image:
    """Draw one line of text at a font size, before slant and stretch."""
    font = _font(face.file, pixels)
    text = _respell(text, face)
    stroke = round(face.bold * pixels)
    extra = face.tracking * pixels
    length = font.getlength(text) + extra * len(text) + 2 * stroke + pixels
    image = Image.new("L", (int(length) + 1, pixels * 2), 0)
    draw = ImageDraw.Draw(image)
    x = pixels * 0.4
    for piece in text if extra else (text,):
        draw.text((x, pixels * 0.4), piece, fill=255, font=font, stroke_width=stroke)
        x += font.getlength(piece) + extra
    return image


def set_text(
    text: str, face: Face, width: int, height: int, *, tight: bool = True
) -> Field:
    """Set one line of text as large as fits into a box.

    Parameters
    ----------
    text : str
        What to set.
    face : Face
        How to set it.
    width, height : int
        The box in pixels.
    tight : bool, default=True
        Whether the result is cropped to the ink; otherwise short letters keep
        the height of the line, so that several lines share one size.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Coverage in ``[0, 1]``, no larger than the box.
    """
    pixels = int(np.clip(height * 1.6, 14, 96))
    image = _ink(text, face, pixels)
    if face.slant:
        lean = face.slant
        image = image.transform(
            (image.width + int(lean * image.height), image.height),
            Image.Transform.AFFINE,
            (1, lean, -lean * image.height, 0, 1, 0),
            Image.Resampling.BILINEAR,
        )
    box = image.getbbox()
    if box is None:
        return np.zeros((1, 1), np.float32)
    if not tight:
        box = (box[0], int(pixels * 0.4), box[2], int(pixels * 1.65))
    image = image.crop(box)
    scale = min(width / (image.width * face.stretch), height / image.height)
    size = (
        max(1, round(image.width * face.stretch * scale)),
        max(1, round(image.height * scale)),
    )
    return np.asarray(
        image.resize(
            size, Image.Resampling.BOX if scale < 0.7 else Image.Resampling.BICUBIC
        ),
        np.float32,
    ) / np.float32(255)


def set_lines(
    lines: list[str], face: Face, width: int, height: int, *, justify: bool = False
) -> Field:
    """Set several lines below each other, flush left.

    Parameters
    ----------
    lines : list of str
        What to set; at least one line.
    face : Face
        How to set it.
    width, height : int
        The box of all lines in pixels.
    justify : bool, default=False
        Whether every line is enlarged to the full width, as on posters.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Coverage in ``[0, 1]``, no larger than the box.
    """
    gap = 0.12 if justify else 0.0
    each = max(4, int(height / (len(lines) * (1 + gap))))
    set_ = [set_text(line, face, width, each, tight=justify) for line in lines]
    if not justify:
        scale = min(line.shape[0] for line in set_) / each
        set_ = [
            set_text(line, face, width, max(4, int(each * scale)), tight=False)
            for line in lines
        ]
    step = [line.shape[0] + int(gap * line.shape[0]) for line in set_]
    block = np.zeros((sum(step), max(line.shape[1] for line in set_)), np.float32)
    y = 0
    for line, advance in zip(set_, step, strict=True):
        block[y : y + line.shape[0], : line.shape[1]] = line
        y += advance
    return block


def hand_cut(rng: np.random.Generator, mask: Field, amount: float) -> Field:
    """Let a mask wobble and wear, as if cut, brushed or badly copied.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    mask : ndarray of float32, shape (rows, columns)
        Coverage in ``[0, 1]``.
    amount : float
        Shift of the edges as a fraction of the mask's height.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        The worn mask.
    """
    rows, columns = mask.shape
    side = max(rows, columns, 16)
    push = noise(rng, side, 9, octaves=2)[:rows, :columns] - 0.5
    pull = noise(rng, side, 9, octaves=2)[:rows, :columns] - 0.5
    reach = amount * rows
    y, x = np.mgrid[0:rows, 0:columns]
    source_y = np.clip(y + push * reach, 0, rows - 1).astype(int)
    source_x = np.clip(x + pull * reach, 0, columns - 1).astype(int)
    return np.asarray(mask[source_y, source_x], np.float32)


def grown(mask: Field, pixels: int) -> Field:
    """Thicken a mask on all sides, on a sheet larger by twice the pixels."""
    image = Image.fromarray((np.pad(mask, 2 * pixels) * 255).astype(np.uint8))
    soft = np.asarray(image.filter(ImageFilter.BoxBlur(pixels)), np.float32)
    wide = np.clip(soft * (2.2 * pixels / 255), 0, 1)
    return np.asarray(wide[pixels:-pixels, pixels:-pixels], np.float32)


def rotated(mask: Field, degrees: float) -> Field:
    """Turn a mask anticlockwise, on a sheet as large as needed."""
    if not degrees:
        return mask
    image = Image.fromarray((mask * 255).astype(np.uint8))
    turned = image.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    return np.asarray(turned, np.float32) / np.float32(255)


def around(text: str, face: Face, size: int, radius: float, start: float) -> Field:
    """Set text on a circle about the middle of a square.

    Parameters
    ----------
    text : str
        What to set.
    face : Face
        How to set it.
    size : int
        Side of the square in pixels.
    radius : float
        Radius of the middle of the letters, as a fraction of the side.
    start : float
        Direction of the text's middle in radians; ``-pi/2`` is the top.

    Returns
    -------
    ndarray of float32, shape (size, size)
        Coverage in ``[0, 1]``.
    """
    pixels = max(8, round(size * 0.09))
    step = 0.075 / radius
    image = Image.new("L", (size, size), 0)
    for i, letter in enumerate(text):
        angle = start + (i - (len(text) - 1) / 2) * step
        glyph = Image.new("L", (pixels * 2, pixels * 2), 0)
        ImageDraw.Draw(glyph).text(
            (pixels, pixels),
            _respell(letter, face),
            fill=255,
            font=_font(face.file, pixels),
            anchor="mm",
            stroke_width=round(face.bold * pixels),
        )
        glyph = glyph.rotate(-np.degrees(angle) - 90, Image.Resampling.BICUBIC)
        x = round(size * (0.5 + radius * np.cos(angle))) - pixels
        y = round(size * (0.5 + radius * np.sin(angle))) - pixels
        image.paste(255, (x, y), glyph)
    return np.asarray(image, np.float32) / np.float32(255)


def stamp(
    canvas: Canvas,
    mask: Field,
    x: float,
    y: float,
    colour: Field,
    *,
    anchor: tuple[float, float] = (0.5, 0.5),
    opacity: float = 1.0,
) -> None:
    """Print a mask on a canvas.

    Parameters
    ----------
    canvas : Canvas
        Where to print.
    mask : ndarray of float32, shape (rows, columns)
        Coverage in ``[0, 1]``; what reaches over the border is cut off.
    x, y : float
        Position of the anchor as fractions of the side.
    colour : ndarray of float32, shape (3,) or (3, rows, columns)
        Colour of the ink, or a picture of the mask's size.
    anchor : tuple of float, default=(0.5, 0.5)
        The point of the mask that goes to the position: ``(0, 0)`` is its top
        left, ``(1, 1)`` its bottom right corner.
    opacity : float, default=1.0
        1 covers fully.
    """
    rows, columns = mask.shape
    left = round(x * canvas.size - anchor[0] * columns)
    top = round(y * canvas.size - anchor[1] * rows)
    a, b = max(0, top), min(canvas.size, top + rows)
    c, d = max(0, left), min(canvas.size, left + columns)
    if a >= b or c >= d:
        return
    part = (slice(a - top, b - top), slice(c - left, d - left))
    ink = colour[:, None, None] if colour.ndim == 1 else colour[:, part[0], part[1]]
    area = canvas.pixels[:, a:b, c:d]
    area += (ink - area) * (mask[part] * np.float32(opacity))
