"""Fixtures that several tests of an index in a folder share."""

import numpy as np
import pytest
from drawn_vectors import D, N

from indexer import VectorIndex

GENRES = ["Rock", "Pop", "Jazz"]


@pytest.fixture
def vectors():
    rng = np.random.default_rng(7)
    return rng.standard_normal((N, D)).astype(np.float32)


@pytest.fixture
def ids():
    return [f"cover-{number}" for number in range(N)]


@pytest.fixture
def columns():
    return {
        "genre": [GENRES[number % 3] for number in range(N)],
        "year": [1960 + number % 60 if number % 7 else None for number in range(N)],
        "tags": [["live", "demo"][: number % 3] for number in range(N)],
    }


@pytest.fixture
def index(tmp_path, ids, vectors, columns):
    return VectorIndex.build(tmp_path / "index", ids, vectors, columns)
