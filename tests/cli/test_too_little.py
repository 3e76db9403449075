"""Libraries that nothing can be learned from are refused before anything heavy is loaded."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

HEAVY = {"torch", "fastai", "timm", "sklearn", "umap"}
RUN_ALONE = (
    "import sys\n"
    "from covers.cli import main\n"
    "try:\n"
    "    main(sys.argv[1:])\n"
    "finally:\n"
    f"    print('loaded:', sorted({HEAVY} & set(sys.modules)), file=sys.stderr)\n"
)


@pytest.fixture
def pictures(tmp_path):
    """Forty covers that all differ."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "covers"
    folder.mkdir()
    for number in range(40):
        pixels = rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def alone(*given):
    """Run a command in a process of its own."""
    command = [sys.executable, "-c", RUN_ALONE, *map(str, given)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def table(folder, genres, side=None):
    """Write a manifest of the first covers."""
    manifest = folder / "covers.csv"
    lines = ["path,genre,split"] if side else ["path,genre"]
    for number, genre in enumerate(genres):
        cells = [f"{number}.png", genre] + ([side] if side else [])
        lines.append(",".join(cells))
    manifest.write_text("\n".join(lines))
    return manifest


@pytest.mark.parametrize(
    ("genres", "side", "reason", "repair"),
    [
        (["Jazz"] * 40, None, "at least 2 genres", "a folder per genre"),
        (["Jazz", "Rock"], None, "at least 2 genres", "'--genre-minimum N'"),
        ([""] * 40, None, "found none", "a manifest with genres"),
        (["Jazz", "Rock"] * 20, "test", "10 separate covers", "scan more covers"),
        (["Jazz", "Rock"] * 20, "train", "held-out ones", "--split-anew"),
    ],
    ids=["one genre", "two covers", "no genres", "nothing to train on", "nothing held"],
)
def test_what_cannot_be_learned_from_is_refused_before_anything_heavy_is_loaded(
    tmp_path, pictures, genres, side, reason, repair
):
    workspace = tmp_path / "w"
    done = alone("run", table(pictures, genres, side), "-w", workspace)
    assert done.returncode == 1
    *_, said, loaded = done.stderr.splitlines()
    assert said.startswith("Error: ")
    assert reason in said
    assert repair in said
    assert loaded == "loaded: []"
    assert not (workspace / "model").exists()
    if "evaluation" in said:
        return  # a network can be trained without anything held out
    done = alone("train", "-w", workspace)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [said, "loaded: []"]


def test_an_evaluation_without_a_model_loads_nothing_heavy(tmp_path, pictures):
    workspace = tmp_path / "w"
    assert alone("scan", pictures, "-w", workspace).returncode == 0
    done = alone("evaluate", "-w", workspace)
    assert done.returncode == 1
    *_, said, loaded = done.stderr.splitlines()
    assert f"make one with 'covers train -w {workspace}'" in said
    assert loaded == "loaded: []"
