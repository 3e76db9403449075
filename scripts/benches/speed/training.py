"""Seconds per epoch of the whole network, beside plain fastai on the same covers.

    scripts/bench training SOURCE --weights FILE [--arch NAME] [--rounds 3]

Both train the same backbone on the same train side at the same picture size, in
turns, with both libraries' own defaults: this program reads decoded pictures and
computes in 16 bits where the processor gains from it; plain fastai decodes, crops
and augments every picture again, in float32. Prints JSON: medians, spread, ratio.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.intake.scan import scan_workspace
from covers.model.training.recipe import Recipe
from covers.model.training.train import train_workspace
from covers.model.training.watcher import TrainingWatcher
from covers.workspace.paths import Workspace
from scripts.benches.shared.plain_fastai import run_plain


class Clock(TrainingWatcher):
    """Notes when each epoch of the whole network ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def epoch(self, phase: str, epoch: int, scores: dict[str, float]) -> None:
        if phase == "network":
            self.ends.append(time.monotonic())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--arch", default="squeezenet1_0")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    ours: list[float] = []
    half: list[float] = []
    plain: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "workspace")
        scan_workspace(root, [given.source.resolve()])
        workspace = Workspace.open(root)
        for number in range(given.rounds):
            for seconds, changes in ((ours, {}), (half, {"frozen_share": 0.5})):
                recipe = Recipe(
                    arch=given.arch, weights=str(given.weights), epochs=2
                ).changed(changes)
                clock = Clock()
                train_workspace(workspace, recipe, seed=number, watcher=clock)
                seconds.append(clock.ends[1] - clock.ends[0])
            found = run_plain(workspace, number, given, mixed=False, epochs=1)
            plain.append(float(found["epoch_seconds"]))
        n_train = int((read_catalogue(workspace).splits == "train").sum())
    result = {
        "n_train": n_train,
        "image_size": Recipe().image_size,
        "arch": given.arch,
        "seconds_per_epoch": {
            "recipe": describe(ours),
            "recipe, shallow half frozen": describe(half),
            "plain fastai": describe(plain),
        },
        "ratio": float(np.median(ours) / np.median(plain)),
        "ratio, shallow half frozen": float(np.median(half) / np.median(plain)),
    }
    print(json.dumps(result, indent=1))


def describe(seconds: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(seconds), 2),
        "low": round(min(seconds), 2),
        "high": round(max(seconds), 2),
    }


if __name__ == "__main__":
    main()
