"""An index with a structure, tombstones and a history, and files of others that must stay."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from sealing import tree_of
from written import D, N

from indexer import (
    VectorIndex,
)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """An index with a structure, tombstones and a history."""
    folder = tmp_path_factory.mktemp("original") / "index"
    vectors = np.random.default_rng(0).standard_normal((N, D))
    ids = [f"i{number}" for number in range(N)]
    genres = {"genre": ["Rock", "Pop", "Jazz"] * (N // 3)}
    index = VectorIndex.build(folder, ids, vectors, genres, structure="IVF4,SQ8")
    index.remove(["i3"])
    index.remove(["i4"])
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "index"))


@pytest.fixture
def precious(tmp_path):
    """A folder of files that look like those of an index, and of others."""
    place = tmp_path / "precious"
    (place / "gen-000001").mkdir(parents=True)
    (place / "deep" / "er").mkdir(parents=True)
    for name in ("notes.txt", "deep/er/thesis.tex", "manifest.json"):
        (place / name).write_text("years of work")
    for name in ("manifest.json", "000001.vectors.npy", "other.txt"):
        (place / "gen-000001" / name).write_text("years of work")
    before = tree_of(place)
    yield place
    assert tree_of(place) == before
