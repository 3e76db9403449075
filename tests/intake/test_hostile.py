"""Two hundred hostile files: none ends a scan, each is listed with its reason."""

import csv
import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from covers.audit.stage import run as audit_workspace
from covers.catalogue.table import read_catalogue
from covers.intake.scan import scan_workspace
from covers.workspace.paths import Workspace

FORMATS = {
    "jpg": "JPEG",
    "png": "PNG",
    "gif": "GIF",
    "webp": "WEBP",
    "bmp": "BMP",
    "tif": "TIFF",
    "avif": "AVIF",
}
GOOD = 12


def picture(seed: int, format_name: str = "JPEG", **options) -> bytes:
    blocks = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize((96, 96), Image.Resampling.NEAREST).save(
        buffer, format_name, **options
    )
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(width: int, height: int, *extra: bytes, data: bytes = b"\0") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + body + chunk(b"IEND", b"")


def gif(width: int, height: int) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0x80, 0, 0)
        + b"\0\0\0\xff\xff\xff"
        b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0;"
    )


def bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack(
        "<IHHIIiiHHIIIIII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0
    )


def tiff(width: int, height: int) -> bytes:
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (278, 4, height),
        (279, 4, 8),
    ]
    table = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", t, k, 1, v) for t, k, v in entries
    )
    return b"II*\0" + struct.pack("<I", 8) + table + b"\0\0\0\0"


def jpeg_with_size(width: int, height: int) -> bytes:
    content = bytearray(picture(5))
    start = content.index(b"\xff\xc0")
    content[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def webp(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + size
    return b"RIFF" + struct.pack("<I", len(body)) + body


def truncated() -> dict[str, bytes]:
    """Every format and some variants, cut at every tenth of their length."""
    contents = {name: picture(1, format_name) for name, format_name in FORMATS.items()}
    contents |= {
        "progressive.jpg": picture(2, progressive=True),
        "with exif.jpg": picture(3, exif=b"Exif\0\0MM\0*\0\0\0\x08" + bytes(900)),
        "optimised.png": picture(6, "PNG", optimize=True),
        "lossless.webp": picture(7, "WEBP", lossless=True),
        "packed.tif": picture(8, "TIFF", compression="tiff_lzw"),
    }
    return {
        f"cut {tenth} {name}" if "." in name else f"cut {tenth}.{name}": content[
            : len(content) * tenth // 10
        ]
        for name, content in contents.items()
        for tenth in range(10)
    }


def bombs() -> dict[str, bytes]:
    """Few bytes that promise very many pixels, or swell in other ways."""
    swollen = zlib.compress(b"A" * 50_000_000)
    makers = {
        "png": png,
        "gif": gif,
        "bmp": bmp,
        "tif": tiff,
        "jpg": jpeg_with_size,
        "webp": webp,
    }
    sizes = ((65_000, 65_000), (65_535, 20_000), (16_383, 16_383), (1, 0), (0, 0))
    files = {
        f"bomb {width}x{height}.{ending}": make(
            width, max(height, 1) if ending == "webp" else height
        )
        for ending, make in makers.items()
        for width, height in sizes
        if not (ending == "webp" and 0 in (width, height))
    }
    files["bomb 2147483647.png"] = png(2**31 - 1, 2**31 - 1)
    files["bomb -1.bmp"] = bmp(-1, -1)
    files["bomb text.png"] = png(8, 8, chunk(b"zTXt", b"Comment\0\0" + swollen))
    files["bomb profile.png"] = png(8, 8, chunk(b"iCCP", b"p\0\0" + swollen))
    files["bomb data.png"] = png(9_999, 9_999, data=b"\0" * 10_000_000)
    return files


def strangers() -> dict[str, bytes]:
    """What is no picture, under the name of one."""
    contents = {
        "html": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "html bom": b"\xef\xbb\xbf  <html>",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='99' height='99'/>",
        "xml": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "pdf": b"%PDF-1.7\n",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (r) file\n",
        "zip": b"PK\x03\x04" + bytes(60),
        "mp3": b"ID3\x04\0\0\0\0\0\0",
        "json": b'{"error": "rate limited"}',
        "text": b"just words\n",
        "zeros": bytes(4096),
        "ones": b"\xff" * 4096,
        "noise": np.random.default_rng(0).bytes(4096),
        "psd": b"8BPS\0\x01" + bytes(50),
        "ico": b"\0\0\x01\0\x01\0" + bytes(50),
        "fits": b"SIMPLE  =                    T" + bytes(50),
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0",
        "jpeg magic only": b"\xff\xd8",
        "png magic only": b"\x89PNG\r\n\x1a\n",
        "gif magic only": b"GIF89a",
        "webp magic only": b"RIFF\xff\xff\xff\xffWEBP",
        "bmp magic only": b"BM",
        "tiff magic only": b"II*\0",
        "tiff far directory": b"II*\0\xff\xff\xff\x7f",
        "tiff own directory": b"II*\0\x08\0\0\0\x00\x00\x08\0\0\0",
        "jpeg without picture": b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9",
        "png without data": b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)),
        "png wrong checksum": picture(3, "PNG").replace(b"IHDR", b"IHDQ"),
        "png strange depth": b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 77, 9, 9, 9, 9)),
    }
    return {f"{name}.jpg": content for name, content in contents.items()}


def damaged() -> dict[str, bytes]:
    """Good headers with nothing but noise behind them."""
    files = {}
    for ending, format_name in FORMATS.items():
        content = picture(4, format_name)
        for part in (3, 5):
            start = len(content) * part // 10
            noise = np.random.default_rng(part).bytes(len(content) - start - 200)
            files[f"noise {part}.{ending}"] = (
                content[:start] + noise[: max(0, len(noise) // 2)]
            )
    return files


@pytest.fixture
def library(tmp_path):
    """Twelve good covers of two genres among the hostile files; their names and contents."""
    root = tmp_path / "library"
    for genre in ("Rock", "Pop"):
        (root / genre).mkdir(parents=True)
    for i in range(GOOD):
        (root / ("Rock", "Pop")[i % 2] / f"good {i}.jpg").write_bytes(picture(100 + i))
    hostile = {**truncated(), **bombs(), **strangers(), **damaged()}
    for name, content in hostile.items():
        (root / "Rock" / name).write_bytes(content)
    hostile |= dict.fromkeys(add_strange_files(root / "Rock"), b"")
    return root, hostile


def add_strange_files(folder):
    """Add what is hostile by its place and name; return what must be listed."""
    (folder / "loop").symlink_to(folder)
    (folder / "circle.jpg").symlink_to("circle.jpg")
    (folder / "nowhere.jpg").symlink_to("missing.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "folder.jpg").mkdir()  # no file at all: nothing to list
    with (folder / "huge.jpg").open("wb") as file:
        file.truncate(2**31)  # sparse
    (folder / "line\nbreak\x1b[31m.jpg").write_bytes(b"no picture")
    (folder / ("long " + "x" * 240 + ".jpg")).write_bytes(b"no picture")
    (folder / "=cmd|' C calc'!A0.jpg").write_bytes(b"no picture")
    raw = os.fsencode(folder) + b"/latin-1 \xe9\xff.jpg"
    with open(raw, "wb") as file:  # noqa: PTH123  a name that is no text
        file.write(picture(200))
    return [
        "loop",
        "circle.jpg",
        "nowhere.jpg",
        "pipe.jpg",
        "huge.jpg",
        "line\nbreak\x1b[31m.jpg",
        "long " + "x" * 240 + ".jpg",
        "=cmd|' C calc'!A0.jpg",
        "latin-1 \\xe9\\xff.jpg",
    ]


def read_problems(workspace):
    with workspace.problems_path.open(encoding="utf-8", newline="") as file:
        return {row["path"]: row["reason"] for row in csv.DictReader(file)}


def test_two_hundred_hostile_files_are_each_listed_and_end_nothing(library, tmp_path):
    root, hostile = library
    report = scan_workspace(tmp_path / "ws", [root])
    workspace = Workspace.open(tmp_path / "ws")
    problems = read_problems(workspace)
    assert len(hostile) >= 200
    missing = [name for name in hostile if f"Rock/{name}" not in problems]
    assert missing == []
    assert all(len(reason) > 8 for reason in problems.values())
    assert report.n_covers == GOOD
    assert {
        path.rpartition("/")[2][:4] for path in read_catalogue(workspace).column("path")
    } == {"good"}
    assert sum(report.problems.values()) == len(problems)


def test_reasons_are_plain(library, tmp_path):
    root, _ = library
    scan_workspace(tmp_path / "ws", [root])
    problems = read_problems(Workspace.open(tmp_path / "ws"))
    expected = {
        "cut 0.png": "empty file (0 bytes)",
        "cut 5.jpg": "truncated",
        "bomb 65000x65000.png": "65,000 x 65,000 pixels are 4,225 megapixels",
        "bomb 16383x16383.webp": "header damaged",
        "html.jpg": "not a picture but an HTML page",
        "eps.jpg": "not a picture but a PostScript document",
        "zeros.jpg": "nothing but zero bytes",
        "text.jpg": "not a picture in a known format",
        "pipe.jpg": "not a regular file",
        "huge.jpg": "too large: 2,048 MiB",
        "circle.jpg": "a link that leads nowhere or in a circle",
        "loop": "a link to a folder",
        "latin-1 \\xe9\\xff.jpg": "not valid UTF-8",
    }
    wrong = {
        n: problems[f"Rock/{n}"]
        for n, part in expected.items()
        if part not in problems[f"Rock/{n}"]
    }
    assert wrong == {}


def test_a_second_scan_reads_nothing_again_and_lists_the_same(library, tmp_path):
    root, _ = library
    scan_workspace(tmp_path / "ws", [root])
    before = read_problems(Workspace.open(tmp_path / "ws"))
    report = scan_workspace(tmp_path / "ws", [root])
    assert report.n_read == 0
    assert read_problems(Workspace.open(tmp_path / "ws")) == before


def test_a_library_with_hostile_files_can_be_audited(library, tmp_path):
    root, _ = library
    scan_workspace(tmp_path / "ws", [root])
    assert audit_workspace(Workspace.open(tmp_path / "ws")).n_covers == GOOD


def test_files_without_permission_are_listed(tmp_path, monkeypatch):
    """By a refusing system call, because a test may run as root, who may read everything."""
    folder = tmp_path / "library/Rock"
    folder.mkdir(parents=True)
    for i in range(3):
        (folder / f"good {i}.jpg").write_bytes(picture(i))
    (folder / "secret.jpg").write_bytes(picture(9))
    system_open = os.open

    def refuse(path, *args, **kwargs):
        if str(path).endswith("secret.jpg"):
            raise PermissionError(13, "Permission denied", str(path))
        return system_open(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    report = scan_workspace(tmp_path / "ws", [tmp_path / "library"])
    assert report.n_covers == 3
    assert read_problems(Workspace.open(tmp_path / "ws")) == {
        "Rock/secret.jpg": "cannot be read: Permission denied"
    }
