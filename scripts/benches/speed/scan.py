"""Measure the first scan beside bare decoding of the same files, and scanning again.

    scripts/bench scan [--covers 3000] [--size-px 500] [--rounds 5] [--folder PICTURES]

Bare decoding is Pillow's, of whole pictures and as small as a thumbnail needs,
in as many threads as there are cores; so is everything that a scan asks of the
disk and of Pillow: reading, hashing, decoding, scaling, thumbnails. Without
`--folder` the covers are drawn. One file in a hundred is touched before a scan
"after changes". The shares are the processor's time in one thread.
"""

import argparse
import hashlib
import io
import os
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from unittest import mock

from PIL import Image

from covers.images.decode import read_picture
from covers.images.measures import small_copies
from covers.images.thumbnails import LEAST_PX, write_thumbnail
from covers.intake.pictures import read_one as reader
from covers.intake.scan import ScanOptions, scan_workspace
from covers.intake.scan_record import Journal
from covers.workspace.cores import count_cores
from covers.workspace.disk.publish import publish_unflushed
from scripts.benches.shared.measuring import Report, alternate, at_least
from scripts.benches.shared.stand_in import write_library

THUMBNAIL_BYTES = 11_000


def decode_whole(path):
    """Read and decode one picture."""
    Image.open(io.BytesIO(path.read_bytes())).convert("RGB")


def decode_small(path):
    """Read and decode one picture, as small as a thumbnail needs."""
    image = Image.open(io.BytesIO(path.read_bytes()))
    image.draft("RGB", (LEAST_PX, LEAST_PX))
    image.convert("RGB")


def decode_and_encode(folder, path):
    """Read, decode and encode one picture as a scan does, without measuring it."""
    content = path.read_bytes()
    name = hashlib.sha256(content).hexdigest()
    image = read_picture(content, size_px=LEAST_PX).image
    write_thumbnail(image, folder / name[:2] / f"{name}.jpg")
    small_copies(image)


def read_and_hash(path):
    """Read and hash one file: the pace of the disk, or of its cache."""
    hashlib.sha256(path.read_bytes()).hexdigest()


STAGES = {
    "reading": (reader, "read_bytes"),
    "hashing": (reader, "content_id"),
    "decoding": (reader, "read_picture"),
    "thumbnail": (reader, "write_thumbnail"),
    "measures": (reader, "measure_picture"),
    "journal": (Journal, "add"),
}


def bench_stages(report, root, library, n):
    """Say where the processor's time of a first scan goes."""
    used = defaultdict(float)

    def timed(name, function):
        def run(*arguments, **options):
            start = time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                used[name] += time.thread_time() - start

        return run

    patches = [
        mock.patch.object(owner, name, timed(stage, getattr(owner, name)))
        for stage, (owner, name) in STAGES.items()
    ]
    for patch in patches:
        patch.start()
    start = time.process_time()
    scan_workspace(root, [library], options=ScanOptions(n_workers=1))
    whole = time.process_time() - start
    for patch in patches:
        patch.stop()
    used["duplicates, split, catalogue"] = whole - sum(used.values())
    report.notes["ms of a cover, one thread"] = round(1e3 * whole / n, 2)
    report.notes["shares"] = {name: round(s / whole, 3) for name, s in used.items()}
    print(report.notes, file=sys.stderr)


def ways_of(paths, library, folder):
    """Return what is timed, by name.

    Each way makes files in a new folder and deletes none: for minutes after many
    deletions ext4 steps over every inode freed, and making a file takes it 0.7 ms,
    not 0.05.
    """
    fresh = (folder / f"made{i}" for i in count())
    scanned = []

    def in_threads(function):
        with ThreadPoolExecutor(count_cores()) as pool:
            list(pool.map(function, paths))

    def write_files():
        root, content = next(fresh), os.urandom(THUMBNAIL_BYTES)
        numbers = count()

        def write(_path):
            i = next(numbers)
            publish_unflushed(root / f"{i % 256:02x}" / f"{i}.jpg", content)

        in_threads(write)

    def scan_first():
        scanned.append(next(fresh))
        scan_workspace(scanned[-1], [library])

    def scan_touched():
        for path in paths[::100]:
            os.utime(path)
        scan_workspace(scanned[-1])

    return {
        "reading": lambda: in_threads(read_and_hash),
        "whole": lambda: in_threads(decode_whole),
        "small": lambda: in_threads(decode_small),
        "writing": write_files,
        "unmeasured": lambda: in_threads(partial(decode_and_encode, next(fresh))),
        "first": scan_first,
        "again": lambda: scan_workspace(scanned[-1]),
        "touched": scan_touched,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--covers", type=int, default=3000)
    parser.add_argument("--size-px", type=int, default=500)
    parser.add_argument("--folder", type=Path, help="pictures in a folder per genre")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    report = Report("scan", {**vars(args), "folder": str(args.folder)})
    with tempfile.TemporaryDirectory() as folder:
        library = args.folder or Path(folder) / "library"
        if args.folder is None:
            options = {"size_px": args.size_px, "blocks": 24, "quality": 88}
            write_library(library, args.covers, **options)
        paths = sorted(library.rglob("*.jpg"))
        report.notes["covers"] = len(paths)
        ways = ways_of(paths, library, Path(folder))
        if args.folder is not None:
            del ways["touched"]
        seconds = alternate(args.rounds, **ways)
        bench_stages(report, Path(folder) / "stages", library, len(paths))
    rate = {n: [len(paths) / run for run in runs] for n, runs in seconds.items()}
    report.add("reading and hashing", rate["reading"], "/s")
    report.add("writing as many small files", rate["writing"], "/s")
    for name, other, target in (
        ("decoding whole", rate["whole"], at_least(0.5)),
        ("decoding as small as it needs", rate["small"], None),
        ("the disk's and Pillow's part alone", rate["unmeasured"], None),
    ):
        report.add(
            "first scan", rate["first"], "/s", against=(name, other), target=target
        )
    if "touched" in seconds:
        report.add("scan after changes", seconds["touched"])
    report.add("scan again", seconds["again"])
    report.print()


if __name__ == "__main__":
    main()
