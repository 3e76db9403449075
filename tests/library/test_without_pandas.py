"""pandas is imported where a frame is asked for, and nowhere else.

pyarrow imports it whenever it makes an array of Python values or gives one to
NumPy. What other libraries import for themselves (sklearn, torch, fastai) is
theirs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import covers
from covers.workspace.settings import write_settings

DO = """
import os, sys, traceback
from pathlib import Path

import covers
from covers.cli import main

OURS = tuple(
    str(Path(sys.modules[name].__file__).parent) + os.sep for name in ("covers", "indexer")
)


class Watch:
    def find_spec(self, name, path=None, target=None):
        if name != "pandas":
            return None
        frames = [f for f in traceback.extract_stack()[:-1] if "importlib" not in f.filename]
        by = frames[-1]
        if by.filename.startswith(OURS):
            print(f"{by.filename}:{by.lineno} imports pandas in: {step}", flush=True)
            os._exit(3)
        sys.meta_path.remove(self)  # theirs; from now on nothing can be told


sys.meta_path.insert(0, Watch())
library = covers.open("drawn/workspace", device="cpu")
cover_id = library.catalogue.cover_ids[0]
for step in sys.argv[1:]:
    watched = any(isinstance(one, Watch) for one in sys.meta_path)
    assert watched, f"another library imported pandas before: {step}"
    if step.startswith("covers "):
        given = step.replace("ID", cover_id).split()[1:]
        main([*given, "-w", "drawn/workspace"], standalone_mode=False)
    else:
        exec(step)
"""

COMMANDS = (
    "covers search ID",
    "covers status",
    "covers genres",
    "covers scan --split-anew",
    "covers classify ID",
    "covers suggest",
    "covers evaluate --again --replace",
    "covers overlap --again --no-figures --replace",
    "covers path Jazz Folk",
    "covers index info",
    "covers model info",
    "covers export csv out.csv",
    "covers export m3u out.m3u8",
    "covers export projector out-projector",
    "covers export imagefolder out-images",
    "covers embed",
    "covers index rebuild",
    "covers index update",
    "covers audit",  # the last: sklearn imports pandas
)
METHODS = (
    "library.search(cover_id, where={'genre': ['Jazz', 'Folk']}, one_per_artist=True).to_json()",
    "repr(library.classify(cover_id)), repr(library.suggest()), library.picture_of(cover_id)",
    "library.embeddings(split='train')",
    "repr((library.evaluate(), library.overlap(), library.clusters(), library.map()))",
    "covers.vote_genres(covers.find_neighbours([[1.0]], [[1.0]], k=1), [[1.0]])",
    "library.update_index(scan=True)",
)


@pytest.fixture
def place(drawn_once, tmp_path):
    """A workspace whose analyses are fresh, so that reading is enough."""
    shutil.copytree(drawn_once, tmp_path / "drawn")
    write_settings(
        tmp_path / "drawn/workspace",
        {
            "evaluation": {"n_bootstraps": 60},
            "overlap": {"n_bootstraps": 60, "which": "all"},
            "clusters": {"min_cluster_size": 5, "n_bootstraps": 60, "n_resamples": 1},
        },
    )
    return tmp_path


def run(place, *steps):
    return subprocess.run(
        [sys.executable, "-c", DO, *steps],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(Path(covers.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("steps", [COMMANDS, METHODS], ids=["commands", "methods"])
def test_nothing_imports_pandas_unless_a_frame_is_asked_for(place, steps):
    done = run(place, *steps)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_a_frame_imports_it(place):
    done = run(place, "library.search(cover_id, k=2).to_frame()")
    assert done.returncode == 3
    assert "hits.py" in done.stdout
