"""Measure how long commands take to start: help, search by id, search by picture.

    scripts/bench startup [--covers 2000] [--arch resnet18] [--rounds 7]

The library is drawn and the network was never trained; that costs the same.
Each time is that of a fresh process, files in the disk's cache; the ways
alternate. Processor seconds stand beside: they do not depend on who else works.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from covers.catalogue.table import read_catalogue
from covers.cli import COMMANDS
from scripts.benches.shared.measuring import (
    COVERS,
    Report,
    alternate,
    at_most,
    processor_s,
    run_command,
)
from scripts.benches.shared.stand_in import write_library, write_workspace

LOADING = """
import torch, torchvision
from safetensors.torch import load_file
from covers.model.card import read_card
from pathlib import Path
folder = Path({folder!r})
state = load_file(folder / "weights.safetensors")
network = torchvision.models.get_model(read_card(folder).arch).eval()
body = {{k.partition("body.")[2]: v for k, v in state.items() if ".body." in k}}
network.load_state_dict(body, strict=False)
"""
WHAT_IS_LOADED = """
import sys
from covers.cli import main
main([*{arguments!r}], standalone_mode=False)
print([n for n in ("torch", "fastai", "sklearn", "scipy", "pandas") if n in sys.modules])
"""


def add(report, what, command, *, against=None, target=None):
    """Time a command, perhaps in turn with another one."""
    rounds = report.settings["rounds"]
    ways = {"own": command} | ({"other": against[1]} if against else {})
    used = {name: [] for name in ways}

    def runner(name):
        return lambda: used[name].append(processor_s(ways[name]))

    functions = {name: runner(name) for name in ways}
    alternate(1, **functions)
    used = {name: [] for name in ways}
    seconds = alternate(rounds, **functions)
    other = (against[0], seconds["other"]) if against else None
    report.add(what, seconds["own"], against=other, target=target)
    other = (against[0], used["other"]) if against else None
    report.add(f"{what}, processor", used["own"], against=other)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--covers", type=int, default=2000)
    parser.add_argument("--arch", default="resnet18")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    report = Report("startup", vars(args))
    add(report, "covers --help", [*COVERS, "--help"], target=at_most(0.2))
    slowest = {}
    for name in COMMANDS:
        command = [*COVERS, name, "--help"]
        processor_s(command)
        runs = alternate(3, help=lambda command=command: processor_s(command))["help"]
        slowest[name] = sorted(runs)[1]
    name = max(slowest, key=slowest.get)
    what = f"covers {name} --help, the slowest of {len(COMMANDS)}"
    add(report, what, [*COVERS, name, "--help"], target=at_most(0.2))
    with tempfile.TemporaryDirectory() as folder:
        library, root = Path(folder) / "library", Path(folder) / "ws"
        write_library(library, args.covers, size_px=224)
        workspace = write_workspace(root, library, arch=args.arch)
        cover_id = read_catalogue(workspace).cover_ids[0]
        picture = str(next(library.rglob("*.jpg")))
        by_id = ["search", cover_id, "-w", str(root)]
        by_picture = ["search", picture, "-w", str(root), "--device", "cpu"]
        add(report, "covers search COVER_ID", [*COVERS, *by_id], target=at_most(1))
        report.notes["loaded to search by id"] = subprocess.run(
            [sys.executable, "-c", WHAT_IS_LOADED.format(arguments=by_id)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()[-1]
        loading = LOADING.format(folder=str(workspace.model_folder))
        add(
            report,
            f"covers search PICTURE, {args.arch}",
            [*COVERS, *by_picture],
            against=("torch and the network", [sys.executable, "-c", loading]),
            target=at_most(1.5),
        )
        add(
            report,
            f"covers status, {args.covers:,} covers",
            [*COVERS, "status", "-w", str(root)],
        )
        run_command("status", "-w", root)
    report.print()


if __name__ == "__main__":
    main()
