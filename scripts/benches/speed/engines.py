"""Measure what embedding costs on this machine's threads and on Ray, in processor time a cover.

    scripts/bench engines --workspace WORKSPACE [--covers 2000] [--few 200] [--rounds 2]

WORKSPACE has a catalogue and a model; it is not changed. Each engine embeds few
covers and many, in turns, each time in a process of its own. What many cost more
than few, by cover, is what a cover costs after the start-up. The processor time
is that of all processes that a run begins, those of Ray's among them.
"""

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from scripts.benches.shared.measuring import Report, at_most

ENGINES = ("threads", "ray")
MOST_RATIO = 1.2
_MARK = "COVERS_BENCH_ENGINES"
_TICK = os.sysconf("SC_CLK_TCK")


def copy_workspace(given, root, n):
    """Copy what embedding needs, with the first `n` covers."""
    from covers.catalogue.table import read_catalogue
    from covers.workspace.artefacts import read_stamp
    from covers.workspace.paths import Workspace

    workspace = Workspace.open(given)
    root.mkdir()
    shutil.copy(workspace.config_path, root)
    shutil.copytree(workspace.model_folder, root / "model")
    catalogue = read_catalogue(workspace)
    n = min(n, len(catalogue))
    part = replace(catalogue, table=catalogue.table.slice(0, n), written={})
    path = Workspace(root).catalogue_path
    part.write(path, read_stamp(workspace.catalogue_path))
    return n


def processor_seconds(mark):
    """Return the processor time so far of each process with a mark, by its number and start."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if mark not in (folder / "environ").read_bytes():
                continue
            words = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[folder.name, words[19]] = (int(words[11]) + int(words[12])) / _TICK
    return found


def run_engine(engine, root):
    """Embed in a process of its own; return the processor time of all that it begins."""
    mark = secrets.token_hex(8)
    command = [sys.executable, "-m", "scripts.benches.speed.engines", "--run", engine]
    process = subprocess.Popen(
        [*command, str(root)], env=os.environ | {_MARK: mark}, stdout=subprocess.DEVNULL
    )
    most = {}
    while process.poll() is None:
        for key, seconds in processor_seconds(mark.encode()).items():
            most[key] = max(seconds, most.get(key, 0))
        time.sleep(0.1)
    if process.returncode:
        sys.exit(f"{engine} ended with {process.returncode}")
    return sum(most.values())


def embed(engine, root):
    """Embed the covers of a workspace."""
    from covers.model.embed import embed_workspace
    from covers.model.embed_on_ray import RayCluster, embed_on_ray
    from covers.workspace.paths import Workspace

    workspace = Workspace.open(Path(root))
    if engine == "ray":
        embed_on_ray(workspace, RayCluster())
    else:
        embed_workspace(workspace)


def measure(given, sizes, engine):
    """Return the processor seconds a cover, after the start-up."""
    spent = []
    # Beside the given one: paths of its sources may begin there.
    with tempfile.TemporaryDirectory(prefix=".engines-", dir=given.parent) as folder:
        for n in sizes:
            root = given.parent / f"{Path(folder).name}-{n}"
            try:
                n_covers = copy_workspace(given, root, n)
                spent.append((n_covers, run_engine(engine, root)))
            finally:
                shutil.rmtree(root, ignore_errors=True)
    (few, before), (many, after) = spent
    print(f"{engine}: {spent}", file=sys.stderr, flush=True)
    return (after - before) / (many - few)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--covers", type=int, default=2000)
    parser.add_argument("--few", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        embed(*given.run)
        return
    if given.workspace is None:
        parser.error("--workspace is needed")
    sizes = (given.few, given.covers)
    found = {engine: [] for engine in ENGINES}
    for _ in range(given.rounds):
        for engine in ENGINES:
            found[engine].append(measure(given.workspace.absolute(), sizes, engine))
    report = Report("engines", {"covers": sizes, "rounds": given.rounds})
    for engine in ENGINES:
        report.add(f"{engine}: a cover", [1000 * s for s in found[engine]], "ms")
    ratio = np.median(found["ray"]) / np.median(found["threads"])
    report.add("ray over threads", [float(ratio)], "", target=at_most(MOST_RATIO))
    report.print()


if __name__ == "__main__":
    main()
