"""An index with a structure, a second segment, tombstones and a history; a copy for each test."""

import shutil

import numpy as np
import pytest
from small_index import D, build


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """An index with a structure, a second segment, tombstones and a history."""
    folder = tmp_path_factory.mktemp("original") / "index"
    index = build(folder, structure="IVF4,SQ8")
    rng = np.random.default_rng(1)
    index.remove([f"item-{number}" for number in range(30, 40)])
    index.update(
        [f"more-{number}" for number in range(1100)],
        rng.standard_normal((1100, D)),
        {"genre": ["Folk"] * 1100},
    )
    index.update([f"late-{n}" for n in range(3)], rng.standard_normal((3, D)))
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "index")
