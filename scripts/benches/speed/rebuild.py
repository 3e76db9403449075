"""Measure what a re-train, a few new covers, and nothing new cost.

    scripts/bench rebuild [--covers 10000 …] [--many 100000] [--arch squeezenet1_1]

Drawn libraries of `--covers` are scanned, embedded and indexed by a network
that was never trained; then one cover in a hundred is added. `--many` covers
are scanned without being decoded, with random embeddings, to time
``covers run``, ``covers status`` and ``covers scan`` where nothing changed.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from covers.index.build import build_index
from covers.index.update import update_index
from covers.intake.scan import scan_workspace
from covers.model.embed import embed_workspace
from covers.model.weights import SavedModel
from covers.workspace.paths import Workspace
from scripts.benches.shared.measuring import (
    COVERS,
    Report,
    alternate,
    at_least,
    at_most,
    processor_s,
)
from scripts.benches.shared.stand_in import write_library, write_model, write_workspace


def clock(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def bench_rebuild(report, folder, n, args):
    """Embed and index anew, then add one cover in a hundred; in one process."""
    library, root = folder / "library", folder / "ws"
    write_library(library, n, size_px=224, blocks=16)
    scan_workspace(root, [library])
    workspace = Workspace.open(root)
    write_model(workspace, arch=args.arch)
    SavedModel.open(workspace.model_folder, "cpu")  # imports what all of them need
    embedding, whole = [], []
    for _ in range(args.rounds):
        shutil.rmtree(workspace.embeddings_folder, ignore_errors=True)
        embedding.append(clock(lambda: embed_workspace(workspace, device="cpu")))
        whole.append(embedding[-1] + clock(lambda: build_index(workspace)))
    report.add(
        f"embedding {n:,} covers",
        embedding,
        against=("the rebuild", whole),
        target=at_least(0.9),
    )
    n_new, scans, updates = n // 100, [], []
    for number in range(max(5, args.rounds)):
        start = n + number * n_new
        write_library(library, n_new, start=start, size_px=224, blocks=16)
        os.sync()  # whoever added the covers waited for the disk
        scans.append(clock(lambda: scan_workspace(root)))
        os.sync()
        updates.append(clock(lambda: update_index(workspace, device="cpu")))
    report.add(
        f"update with {n_new} new covers",
        updates,
        against=("the rebuild", whole),
        target=at_most(0.02),
    )
    report.add("the scan before it", scans)


def bench_nothing_to_do(report, folder, args):
    """Time commands at many covers where nothing changed."""
    root = args.workspace
    if root is None:
        library, root = folder / "many", folder / "many-ws"
        write_library(library, args.many)
        write_workspace(root, library)
    for name, most in (("run", 2), ("status", 2), ("scan", 10)):
        command, used = [*COVERS, name, "-w", str(root)], []
        alternate(1, run=lambda command=command: processor_s(command))
        seconds = alternate(
            7,
            run=lambda command=command, used=used: used.append(processor_s(command)),
        )["run"]
        what = f"covers {name}, nothing to do, {args.many:,} covers"
        report.add(what, seconds, target=at_most(most))
        report.add(f"{what}, processor", used)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--covers", type=int, nargs="*", default=[10_000])
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--workspace", type=Path, help="one of `--many` that is there")
    parser.add_argument("--arch", default="squeezenet1_1")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    report = Report("rebuild", {**vars(args), "workspace": args.workspace is not None})
    with tempfile.TemporaryDirectory() as folder:
        if args.many:
            bench_nothing_to_do(report, Path(folder), args)
        for n in args.covers:
            bench_rebuild(report, Path(folder) / str(n), n, args)
    report.print()


if __name__ == "__main__":
    main()
