"""Size and time of every export.

    scripts/bench exports [--covers 10000]

on a workspace with drawn embeddings (scripts/benches/shared/drawn_workspace.py).
Prints a table, then JSON. Playlists are left out: they need music.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import covers
from covers.exports.targets import TARGETS
from scripts.benches.shared.drawn_workspace import draw_workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--covers", type=int, default=10_000)
    parser.add_argument("--workspace", type=Path, help="kept for another run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = given.workspace or Path(folder) / "workspace"
        draw_workspace(root, given.covers)
        library = covers.open(root)
        rows = []
        for target in TARGETS:
            if target.name in {"m3u", "site"}:
                continue
            begun = time.perf_counter()
            made = library.export(target.name, Path(folder) / target.such_as)
            taken = time.perf_counter() - begun
            row = {"target": target.name, "seconds": round(taken, 1)}
            rows.append({**row, "megabytes": round(made.n_bytes / 1e6, 1)})
            print(f"{target.name:<12} {taken:6.1f} s {made.n_bytes / 1e6:8.1f} MB")
    machine = {
        "cores": len(os.sched_getaffinity(0)),
        "processor": platform.processor() or platform.machine(),
    }
    print(json.dumps({"n_covers": given.covers, "machine": machine, "exports": rows}))


if __name__ == "__main__":
    main()
