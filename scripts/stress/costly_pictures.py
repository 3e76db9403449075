"""Scan 200 pictures that are made to cost memory or time; print JSON.

    python -m scripts.stress.costly_pictures [--n 200] [--workers 4] [--seed 0]

The same number of plain pictures is scanned beside them. Peaks are of all
processes of a scan together, sampled every 20 ms; the slowest picture is
decoded alone, in processor seconds.
"""

from __future__ import annotations

import argparse
import io
import json
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

MEGAPIXELS = 99
SIDE = 9950


def chunk(name: bytes, data: bytes) -> bytes:
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


SAMPLES = {0: 1, 2: 3, 6: 4}
"""Of a pixel, by a PNG's kind of colour: grey, colour, colour with transparency."""


def png(width: int, height: int, depth: int, colour: int, n_rows: int = 0) -> bytes:
    """Return a PNG of one colour in very few bytes; whole, unless fewer rows are asked for."""
    row = b"\x00" + b"\x40" * (width * SAMPLES[colour] * depth // 8)
    packer = zlib.compressobj(9)
    data = (
        b"".join(packer.compress(row) for _ in range(n_rows or height)) + packer.flush()
    )
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    return start + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def jpeg(size: int = 64, **options: object) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (size, size, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, "JPEG", **options)
    return content.getvalue()


def saved(image: Image.Image, format_name: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, format_name, **options)
    return content.getvalue()


def bombs() -> dict[str, bytes]:
    """Return one file of each kind, by a name that says what it is."""
    progressive = jpeg(progressive=True)
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    exif = b"\xff\xe1" + struct.pack(">H", 16) + b"Exif\x00\x00II*\x00\x08\x00\x00\x00"
    plain = jpeg()
    flat = Image.new("RGB", (SIDE, SIDE), (90, 20, 30))
    return {
        "png-16-bit-grey.png": png(SIDE, SIDE, 16, 0),
        "png-16-bit-rgb.png": png(SIDE, SIDE, 16, 2),
        "png-rgba.png": png(SIDE, SIDE, 8, 6),
        "png-line.png": png(1, 100_000_000, 8, 0, n_rows=100),
        "tiff-float.tif": saved(
            Image.new("F", (SIDE, SIDE), 0.3), "TIFF", compression="tiff_lzw"
        ),
        "jpeg-99-megapixels.jpg": saved(flat, "JPEG", quality=30),
        "jpeg-3000-scans.jpg": progressive[:-2] + scan * 3000 + b"\xff\xd9",
        "jpeg-3000-exif.jpg": plain[:2] + exif * 3000 + plain[2:],
        "webp-99-megapixels.webp": saved(flat, "WEBP", quality=10, method=0),
        "webp-59-megapixels.webp": saved(
            flat.resize((7700, 7700)), "WEBP", quality=10, method=0
        ),
        "gif-99-megapixels.gif": saved(flat.convert("P"), "GIF"),
        "bmp-1-bit.bmp": saved(Image.new("1", (SIDE, SIDE), 1), "BMP"),
    }


def peak_of(command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and the most memory of its processes, in MiB."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    peak = 0.0
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.02):
            peak = max(peak, memory_of(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.monotonic()
    _, told = process.communicate()
    ended.set()
    watcher.join()
    if process.returncode:
        sys.exit(told.decode(errors="replace"))
    return time.monotonic() - begun, peak


def memory_of(pid: int) -> float:
    """Return the private memory of a process and all below it, in MiB (Linux)."""
    total, todo = 0.0, [pid]
    while todo:
        number = todo.pop()
        try:
            for line in Path(f"/proc/{number}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) / 1024
            for thread in Path(f"/proc/{number}/task").iterdir():
                todo += map(int, (thread / "children").read_text().split())
        except OSError:
            continue
    return total


def scan(folder: Path, workspace: Path, n_workers: int) -> tuple[float, float]:
    code = (
        "import sys; from pathlib import Path; from covers.intake.scan import ScanOptions, scan_workspace;"
        "scan_workspace(Path(sys.argv[1]), [Path(sys.argv[2])], options=ScanOptions(n_workers=int(sys.argv[3])))"
    )
    return peak_of(
        [sys.executable, "-c", code, str(workspace), str(folder), str(n_workers)]
    )


def slowest(kinds: dict[str, bytes]) -> dict[str, dict[str, object]]:
    """Decode each kind alone, as a scan does."""
    from covers.errors import BrokenImageError
    from covers.images.decode import read_picture
    from covers.images.thumbnails import LEAST_PX

    found = {}
    for name, content in kinds.items():
        begun = time.process_time()
        try:
            read_picture(content, size_px=LEAST_PX)
            said = "taken"
        except BrokenImageError as error:
            said = str(error)
        seconds = round(time.process_time() - begun, 2)
        found[name] = {"bytes": len(content), "cpu_s": seconds, "said": said}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    kinds = bombs()
    with tempfile.TemporaryDirectory() as base:
        folders = {}
        for what in ("plain", "costly"):
            folders[what] = Path(base) / what / "Rock"
            folders[what].mkdir(parents=True)
        names = list(kinds)
        for number in range(given.n):
            noise = rng.integers(0, 255, (500, 500, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folders["plain"] / f"{number}.jpg")
            name = names[number % len(names)]
            # A few bytes behind the end make it another file, and no other picture.
            content = kinds[name] + b"\x00" * 4 + number.to_bytes(4)
            (folders["costly"] / f"{number}-{name}").write_bytes(content)
        peaks = {}
        for what, folder in folders.items():
            workspace = Path(base) / f"{what}-workspace"
            peaks[what] = scan(folder.parent, workspace, given.workers)
    each = slowest(kinds)
    result = {
        "n": given.n,
        "workers": given.workers,
        "seed": given.seed,
        "plain": {
            "seconds": round(peaks["plain"][0], 1),
            "peak_mib": round(peaks["plain"][1]),
        },
        "costly": {
            "seconds": round(peaks["costly"][0], 1),
            "peak_mib": round(peaks["costly"][1]),
        },
        "beside_plain_mib": round(peaks["costly"][1] - peaks["plain"][1]),
        "slowest_cpu_s": max(kind["cpu_s"] for kind in each.values()),
        "kinds": each,
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
