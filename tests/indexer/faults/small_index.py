"""A small index for tests of faults, and what should lie in its folder."""

import json

import numpy as np

from indexer import (
    VectorIndex,
)
from indexer.files import store

N, D = 400, 16


def build(folder, seed=0, **options):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((N, D))
    columns = {"genre": [["Rock", "Pop"][number % 2] for number in range(N)]}
    ids = [f"item-{number}" for number in range(N)]
    return VectorIndex.build(folder, ids, vectors, columns, **options)


def content(index):
    """Everything that an index holds, to compare two states."""
    return index.ids.tolist(), index.vectors.tolist(), index.columns.to_pylist()


def files_of(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in paths}


def wanted_files(folder):
    """What should lie in the folder, read off the manifests as plain JSON."""
    current = json.loads((folder / "CURRENT").read_text())["generation"]
    wanted = {"CURRENT", "writer.lock", "writer.turn"}
    manifest = json.loads((folder / f"gen-{current:06d}/manifest.json").read_text())
    for number in [current, *(past["generation"] for past in manifest["history"])]:
        path = f"gen-{number:06d}/manifest.json"
        wanted.add(path)
        for segment in json.loads((folder / path).read_text())["segments"]:
            parts = [segment[part] for part in ("vectors", "items", "lookup", "dead")]
            parts.append((segment["structure"] or {}).get("file"))
            wanted.update(part["path"] for part in parts if part)
    return wanted


def path_of(folder, part, position=0):
    manifest = store.read_current(folder)
    entry = getattr(manifest.segments[position], part)
    return folder / (entry.file.path if part == "structure" else entry.path)
