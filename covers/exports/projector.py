"""What TensorBoard's projector shows: vectors, labels, and a sheet of small pictures."""

from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from covers.exports.table.cover_table import CoverTable

LARGEST_SHEET_PX = 8192
_TILE_PX = 64
_COLUMNS = (
    "title",
    "genres",
    "prediction",
    "certainty",
    "named",
    "verdict",
    "cluster",
    "split",
    "year",
    "cover_id",
)
# Whatever ends a line or a cell for one reader or another.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def write_projector(covers: CoverTable, out: Path) -> None:
    """Write ``vectors.tsv``, ``metadata.tsv``, ``sprite.png`` and ``projector_config.pbtxt``."""
    with (out / "vectors.tsv").open("w", encoding="utf-8", newline="\n") as file:
        for vector in covers.vectors.tolist():
            file.write("\t".join(f"{value:.5g}" for value in vector) + "\n")
    columns = {
        name: covers.titles if name == "title" else covers.column(name)
        for name in _COLUMNS
    }
    with (out / "metadata.tsv").open("w", encoding="utf-8", newline="\n") as file:
        for row in (_COLUMNS, *zip(*columns.values(), strict=True)):
            file.write("\t".join(map(_cell, row)) + "\n")
    tile = _write_sheet(covers, out / "sprite.png")
    (out / "projector_config.pbtxt").write_text(
        "embeddings {\n"
        '  tensor_name: "covers"\n'
        '  tensor_path: "vectors.tsv"\n'
        '  metadata_path: "metadata.tsv"\n'
        "  sprite {\n"
        '    image_path: "sprite.png"\n'
        f"    single_image_dim: {tile}\n"
        f"    single_image_dim: {tile}\n"
        "  }\n"
        "}\n",
        encoding="utf-8",
    )


def _cell(value: Any) -> str:
    """Spell a value so that it stays one cell of one line."""
    if value is None:
        return "unknown"
    if isinstance(value, list):
        value = ", ".join(value) or "unknown"
    if isinstance(value, float):
        return f"{value:.3f}"
    return _BREAKS.sub(" ", str(value)).strip() or "unknown"


def _write_sheet(covers: CoverTable, path: Path) -> int:
    """Lay all covers out in rows of one square sheet, grey where there is no picture.

    Returns
    -------
    int
        Side of a tile in pixels, smaller where there are very many covers.
    """
    from PIL import Image

    from covers.errors import BrokenImageError
    from covers.images.decode import decode

    per_row = math.ceil(math.sqrt(len(covers)))
    tile = max(1, min(_TILE_PX, LARGEST_SHEET_PX // per_row))
    sheet = Image.new("RGB", (per_row * tile, per_row * tile), (205, 205, 205))
    for row in range(len(covers)):
        content = covers.picture(row)
        if content is None:
            continue
        try:
            image = decode(content, size_px=tile)
        except BrokenImageError:
            continue
        at = (row % per_row * tile, row // per_row * tile)
        sheet.paste(image.resize((tile, tile), Image.Resampling.BILINEAR), at)
    content_out = io.BytesIO()
    sheet.save(content_out, "PNG")
    path.write_bytes(content_out.getvalue())
    return tile
