"""How drawn covers become files: formats, odd colour modes, reissues, broken files."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

__all__ = ["Variant", "save_cover", "write_mess"]


@dataclass(frozen=True)
class Variant:
    """What kind of file a cover becomes.

    Parameters
    ----------
    kind : {'jpg', 'png', 'webp', 'gif'}
        File name extension, which is also the format.
    what : str, default=''
        An unusual mode (``"cmyk"``, ``"rotated"``, ``"palette"``, ``"deep"``,
        ``"alpha"``), a reissue's treatment (``"recompressed"``, ``"resized"``,
        ``"bordered"``, ``"recoloured"``), or nothing.
    """

    kind: str
    what: str = ""


def _treated(image: Image.Image, what: str) -> Image.Image:
    """Change colour mode, orientation or print of a picture, as its variant says."""
    side = image.width
    if what == "cmyk":
        return image.convert("CMYK")
    if what == "rotated":
        return image.transpose(Image.Transpose.ROTATE_90)
    if what == "palette":
        return image.quantize(128)
    if what == "deep":
        grey = np.asarray(image.convert("L"), np.uint16) * np.uint16(257)
        return Image.fromarray(grey)
    if what == "alpha":
        mask = Image.new("L", image.size, 0)
        corner = round(side * 0.06)
        inner = Image.new("L", (side - 2 * corner, side - 2 * corner), 255)
        mask.paste(inner, (corner, corner))
        image.putalpha(
            mask.resize(image.size).point([255 if v else 0 for v in range(256)])
        )
        return image
    if what == "resized":
        smaller = round(side * 0.86)
        return image.resize((smaller, smaller), Image.Resampling.LANCZOS)
    if what == "bordered":
        edge = round(side * 0.03)
        inner = image.resize(
            (side - 2 * edge, side - 2 * edge), Image.Resampling.LANCZOS
        )
        return ImageOps.expand(inner, edge, (250, 250, 248))
    if what == "recoloured":
        warmer = ImageEnhance.Color(image).enhance(1.25)
        return ImageEnhance.Brightness(warmer).enhance(1.08)
    return image


def save_cover(image: Image.Image, variant: Variant) -> bytes:
    """Encode a cover.

    Parameters
    ----------
    image : PIL.Image.Image
        The cover in RGB.
    variant : Variant
        What kind of file it becomes.

    Returns
    -------
    bytes
        The file's content, the same for the same pixels and library versions.
    """
    image = _treated(image, variant.what)
    buffer = io.BytesIO()
    if variant.kind == "jpg":
        options: dict[str, Any] = {
            "quality": 45 if variant.what == "recompressed" else 88
        }
        if variant.what == "rotated":
            exif = Image.Exif()
            exif[0x0112] = 6  # to be turned a quarter clockwise
            options["exif"] = exif
        image.save(buffer, "JPEG", **options)
    elif variant.kind == "png":
        image.save(buffer, "PNG", compress_level=2)
    elif variant.kind == "webp":
        image.save(buffer, "WEBP", quality=86, method=1)
    else:
        image.save(buffer, "GIF")
    return buffer.getvalue()


def write_mess(folder: Path, genres: list[str], sample: bytes) -> dict[str, Any]:
    """Write what no real library lacks: broken files and system litter.

    Parameters
    ----------
    folder : Path
        Root of the library, with its genre folders.
    genres : list of str
        Names of the genre folders.
    sample : bytes
        A readable JPEG or other picture to spoil.

    Returns
    -------
    dict
        ``"broken"``: list of ``{"path", "why"}``; ``"litter"``: list of paths.
    """
    page = "<!DOCTYPE html><html><head><title>404 Not Found</title></head></html>\n"
    broken = {
        "Ines Moreau - Half a Picture (1987).jpg": (
            sample[: len(sample) // 3],
            "truncated",
        ),
        "Second Ferry - Nothing Here (1999).jpg": (b"", "empty"),
        "Pale Archive - Liner Notes (2003).jpg": (
            b"Recorded in one night. The cover is still at the printer's.\n",
            "text",
        ),
        "Odile Thorne - Gone (2011).png": (page.encode(), "html"),
        "Idle Circuit - Noise Floor (2016).webp": (
            b"RIFF" + bytes(range(256)) * 4,
            "garbage",
        ),
    }
    listed = []
    for i, (name, (content, why)) in enumerate(broken.items()):
        path = f"covers/{genres[i % len(genres)]}/{name}"
        (folder / path).write_bytes(content)
        listed.append({"path": path, "why": why})
    litter = [
        f"covers/{genres[0]}/._Cover.jpg",
        f"covers/{genres[1]}/Thumbs.db",
        f"covers/{genres[2]}/@eaDir/Cover.jpg/SYNOPHOTO_THUMB_M.jpg",
        f"covers/{genres[3]}/.DS_Store",
    ]
    for path in litter:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"\x00\x05\x16\x07" + sample[:200])
    return {"broken": listed, "litter": litter}
