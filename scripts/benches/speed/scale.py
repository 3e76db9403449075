"""Measure what a catalogue of many covers costs, drawn and without pictures, at two sizes.

    scripts/bench scale [--rows 100000 1000000] [--folder /tmp]

A folder of empty files stands in for the covers, and drawn scan records say what
they hold. Each step runs in a process of its own, whose largest memory is told:
making the catalogue from the records (`catalogue`), scanning again where nothing
changed (`again`) and where a file is gone (`gone`), opening it (`open`),
`covers status`, and the near hashes alone (`hashes`, of the whole picture).
The exponent is that of the time between the two sizes: 1 is linear, 2 each with each.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa

from scripts.benches.shared.measuring import Report, at_most

N_GENRES, PER_FOLDER, PER_ARTIST = 40, 1000, 8
LIMITS = {"open": 5, "again": 60, "status": 3, "hashes": 300}
MOST_MIB = 2048
STEPS = ("catalogue", "open", "status", "again", "gone", "hashes")


def draw_hashes(n, seed=0):
    """Draw hashes of which one in twenty is another with up to 13 bits flipped."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 256, (n, 8), np.uint8)
    near = rng.choice(n, n // 20, replace=False)
    masks = rng.random((len(near), 64)) < rng.uniform(0, 13 / 64, (len(near), 1))
    hashes[near] = hashes[rng.integers(0, n, len(near))] ^ np.packbits(masks, axis=1)
    return hashes


def draw_workspace(root, folder, n):
    """Make empty files, and a workspace whose records say that they are covers."""
    from covers.intake.candidates import label_by_folder
    from covers.intake.record_table import table_of, write_records
    from covers.intake.scan_record import Content, ScanRecord
    from covers.intake.sources import walk
    from covers.workspace.paths import Workspace
    from covers.workspace.settings import write_settings

    for number in range(n):
        below = folder / f"Genre {number % N_GENRES:02d}" / f"{number // PER_FOLDER}"
        if number % PER_FOLDER < N_GENRES:
            below.mkdir(parents=True, exist_ok=True)
        (below / f"{number}.jpg").touch()
    root.mkdir(parents=True)
    write_settings(
        root,
        {"sources": [{"name": "drawn", "path": str(folder), "kind": "folders"}]},
    )
    workspace = Workspace(root)
    ids = [f"{number:032x}" for number in range(n)]
    records = (
        ScanRecord(
            "drawn",
            candidate.file.path,
            "",
            candidate.file.size,
            candidate.file.mtime_ns,
            Content(cover_id, 600, 600, "JPEG"),
            candidate.labels,
        )
        for cover_id, candidate in zip(
            ids, label_by_folder(walk(folder).files), strict=True
        )
    )
    from covers.intake.scan_steps import ScanSteps

    write_records(workspace, table_of(records), ScanSteps(workspace, {})._limits())
    write_measures(workspace, ids)


def write_measures(workspace, ids):
    """Draw what is measured on pictures, some thousand covers at a time."""
    from covers.images import measures
    from covers.workspace.artefacts import Stamp
    from covers.workspace.table_stream import write_batches

    rng = np.random.default_rng(1)
    n = len(ids)
    hashes = [row.tobytes().hex() for row in draw_hashes(n)]
    grey = rng.integers(0, 256, n * 256, np.uint8)
    copies = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(256), n, [None, pa.py_buffer(grey)]
    )
    histograms = rng.random(n * measures.HISTOGRAM_BINS, np.float32)
    share = pa.array(rng.random(n, np.float32))
    columns = {
        "cover_id": ids,
        "phash": hashes,
        "phash_inner": hashes,
        "signature": copies,
        "signature_inner": copies,
        "palette": pa.array([["#102030"]] * n),
        "palette_share": pa.array([[1.0]] * n, pa.list_(pa.float32())),
        "colour_histogram": pa.FixedSizeListArray.from_arrays(
            pa.array(histograms), measures.HISTOGRAM_BINS
        ),
    }
    columns |= dict.fromkeys(
        ("brightness", "saturation", "contrast", "sharpness"), share
    )
    table = pa.table(
        [columns[name] for name in measures.SCHEMA.names], schema=measures.SCHEMA
    )
    # As a scan writes it: in one piece, reading it would take the memory of all.
    write_batches(
        workspace.pictures_path,
        measures.SCHEMA,
        table.to_batches(),
        Stamp(kind=measures.KIND),
    )


def do_step(step, root, n):
    """Do one step; return its seconds."""
    from covers.intake.scan import reassemble_workspace, scan_workspace
    from covers.workspace.paths import Workspace

    everyone = {f"{number:032x}" for number in range(n)} if step == "gone" else set()
    start = time.perf_counter()
    if step == "catalogue":
        reassemble_workspace(root)
    elif step in {"again", "gone"}:
        # Without thumbnails every picture would be read again, and there are none.
        with mock.patch(
            "covers.intake.scan_steps.list_thumbnails", return_value=everyone
        ):
            report = scan_workspace(root)
        assert report.n_read == 0
    elif step == "open":
        from covers.library.library import Library

        library = Library(Workspace.open(root))
        assert len(library.catalogue) >= n - 1
        library.catalogue.fingerprint()
    elif step == "status":
        from covers.library.library import Library

        Library(Workspace.open(root)).status()
    elif step == "hashes":
        from covers.images.duplicates.hashes import find_near_hashes

        hashes = np.unique(draw_hashes(n), axis=0)
        start = time.perf_counter()
        find_near_hashes(hashes, 12)
    return time.perf_counter() - start


def peak_mib():
    """Return the largest memory of this process; `getrusage` begins with its parent's."""
    status = Path("/proc/self/status").read_text()
    return round(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


def run_step(step, root, n):
    """Do one step in a process of its own; return seconds, processor seconds and MiB."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "scripts.benches.speed.scale",
            "--step",
            step,
            str(root),
            str(n),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def measure(n, place):
    """Measure all steps on a drawn workspace of `n` covers."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="scale-", dir=place) as folder:
        root, covers = Path(folder) / "ws", Path(folder) / "covers"
        draw_workspace(root, covers, n)
        for step in STEPS:
            if step == "again":
                # Also what the first look at the folder costs, which is not what is asked.
                run_step("gone", root, n)
            if step == "gone":
                next(covers.glob("*/*/*.jpg")).unlink()
            found[step] = run_step(step, root, n)
            print(
                f"{n:>9,} {step:<10}{json.dumps(found[step])}",
                file=sys.stderr,
                flush=True,
            )
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where it is drawn")
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        step, root, n = given.step
        seconds = do_step(step, Path(root), int(n))
        used = resource.getrusage(resource.RUSAGE_SELF)
        told = {
            "seconds": round(seconds, 2),
            "processor_s": round(used.ru_utime + used.ru_stime, 2),
            "peak_mib": peak_mib(),
        }
        print(json.dumps(told))
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found = {n: measure(n, given.folder) for n in sorted(given.rows)}
    few, many = min(found), max(found)
    report = Report("scale", {"rows": sorted(found)})
    for step in STEPS:
        for n, steps in found.items():
            limited = n >= 1_000_000 and step in LIMITS
            target = at_most(LIMITS[step]) if limited else None
            report.add(f"{step}, {n:,} rows", [steps[step]["seconds"]], target=target)
        peak = found[many][step]["peak_mib"]
        report.add(
            f"{step}, {many:,} rows: peak", [peak], "MiB", target=at_most(MOST_MIB)
        )
        if few < many:
            growth = found[many][step]["seconds"] / max(
                0.01, found[few][step]["seconds"]
            )
            power = math.log(growth, many / few)
            report.add(f"{step}: exponent from {few:,} rows", [power], "")
    report.print()


if __name__ == "__main__":
    main()
