"""Measure the first scan beside bare decoding of the same files, and scanning again.

    python scripts/bench_scan.py [--covers 3000] [--size-px 500] [--rounds 5]

Bare decoding is Pillow's, scaled while decoding, in as many threads. Of the
drawn library one file in a hundred is touched before a scan "after changes".
"""

import argparse
import io
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measuring import Report, alternate
from PIL import Image
from stand_in import write_library

from covers.catalogue.reading import count_cores
from covers.catalogue.scan import scan_workspace
from covers.catalogue.thumbnails import SIZE_PX


def decode_bare(path):
    """Read and decode one picture, as small as a thumbnail needs."""
    image = Image.open(io.BytesIO(path.read_bytes()))
    image.draft("RGB", (SIZE_PX, SIZE_PX))
    image.convert("RGB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--covers", type=int, default=3000)
    parser.add_argument("--size-px", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    report = Report("scan", vars(args))
    with tempfile.TemporaryDirectory() as folder:
        library, root = Path(folder) / "library", Path(folder) / "ws"
        write_library(library, args.covers, size_px=args.size_px, blocks=24, quality=88)
        paths = sorted(library.rglob("*.jpg"))

        def scan_first():
            shutil.rmtree(root, ignore_errors=True)
            scan_workspace(root, [library])

        def decode_all():
            with ThreadPoolExecutor(count_cores()) as pool:
                list(pool.map(decode_bare, paths))

        def scan_touched():
            for path in paths[::100]:
                os.utime(path)
            scan_workspace(root)

        scan_first()
        seconds = alternate(
            args.rounds,
            decoding=decode_all,
            first=scan_first,
            again=lambda: scan_workspace(root),
            touched=scan_touched,
        )
    rate = {n: [len(paths) / run for run in runs] for n, runs in seconds.items()}
    report.add(
        "first scan", rate["first"], "/s", against=("bare decoding", rate["decoding"])
    )
    report.add("scan after changes", seconds["touched"])
    report.add("scan again", seconds["again"])
    report.print()


if __name__ == "__main__":
    main()
