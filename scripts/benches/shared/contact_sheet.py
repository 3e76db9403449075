"""Contact sheets: many covers on one tidy page, with captions."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from covers.errors import BrokenImageError
from covers.images.decode import read_picture

__all__ = ["contact_sheet"]


def _captioned(
    text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int
) -> str:
    """Shorten a caption until it fits."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "\N{HORIZONTAL ELLIPSIS}") > width:
        text = text[:-1]
    return text.rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def contact_sheet(
    paths: Sequence[str | Path],
    *,
    columns: int,
    tile_px: int,
    labels: Sequence[str] | None = None,
    dark: bool = False,
) -> Image.Image:
    """Lay covers out on one page, row by row.

    Parameters
    ----------
    paths : sequence of str or Path
        The pictures, in reading order; one that cannot be read becomes a grey
        tile, so that a sheet never fails for one file.
    columns : int
        Covers in a row, at least one; a shorter list makes a narrower sheet.
    tile_px : int
        Side of a cover on the sheet in pixels, at least 16. Covers that are not
        square keep their proportions.
    labels : sequence of str or None, default=None
        A caption below each cover, one or two lines (separated by a newline),
        shortened to the tile's width.
    dark : bool, default=False
        Whether the page is dark with light captions.

    Returns
    -------
    PIL.Image.Image
        The sheet in RGB.

    Raises
    ------
    ValueError
        If there is nothing to show, a number is too small, or the captions are
        not as many as the pictures.
    """
    if not paths or columns < 1 or tile_px < 16:
        msg = (
            f"{len(paths)} pictures in {columns} columns of {tile_px} px: "
            "at least one picture, one column and 16 px are needed"
        )
        raise ValueError(msg)
    if labels is not None and len(labels) != len(paths):
        msg = f"{len(labels)} labels for {len(paths)} pictures: one each is needed"
        raise ValueError(msg)
    page, text, blank = (
        ((24, 24, 26), (215, 215, 212), (70, 70, 72))
        if dark
        else ((255, 255, 255), (60, 60, 62), (205, 205, 205))
    )
    gap = max(2, tile_px // 24)
    font_px = max(9, round(tile_px * 0.085))
    font = ImageFont.load_default(font_px)
    n_lines = max(label.count("\n") + 1 for label in labels) if labels else 0
    caption = round(n_lines * font_px * 1.3) + (gap if labels else 0)
    columns = min(columns, len(paths))
    rows = -(-len(paths) // columns)
    sheet = Image.new(
        "RGB",
        (
            columns * (tile_px + gap) + gap,
            rows * (tile_px + caption + gap) + gap,
        ),
        page,
    )
    pen = ImageDraw.Draw(sheet)
    for i, path in enumerate(paths):
        x = gap + i % columns * (tile_px + gap)
        y = gap + i // columns * (tile_px + caption + gap)
        tile = _tile(Path(path), tile_px)
        if tile is None:
            pen.rectangle((x, y, x + tile_px - 1, y + tile_px - 1), fill=blank)
        else:
            at = (x + (tile_px - tile.width) // 2, y + (tile_px - tile.height) // 2)
            sheet.paste(tile, at)
        if labels:
            for line, words in enumerate(labels[i].split("\n")):
                pen.text(
                    (x, y + tile_px + gap * 0.5 + line * font_px * 1.3),
                    _captioned(words, font, tile_px),
                    fill=text,
                    font=font,
                )
    return sheet


def _tile(path: Path, tile_px: int) -> Image.Image | None:
    """Read a picture upright and fit it into a tile; None if it cannot be read."""
    try:
        image = read_picture(path, size_px=tile_px).image
    except BrokenImageError:
        return None
    return ImageOps.contain(image, (tile_px, tile_px), Image.Resampling.LANCZOS)
