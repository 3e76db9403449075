"""Stores of each kind for tests: a folder, a real PostgreSQL and a real Milvus."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from indexer import build_store
from indexer.vectors import unit_rows

pytest_plugins = ["postgres_server", "milvus_server"]

N, D, K = 12_000, 24, 50
GENRES = [f"genre {number}" for number in range(15)]
LIMIT = 3_000  # above it a graph proposes; in use it is 65,000
KINDS = ["folder", "postgresql", "milvus"]
SERVERS = {"postgresql": "postgres", "milvus": "milvus"}
_numbers = count()


@pytest.fixture(params=KINDS)
def new_address(request, tmp_path):
    """Give addresses where nothing is yet."""
    kind = request.param

    def give():
        name = f"t{next(_numbers)}"
        if kind == "folder":
            return str(tmp_path / name)
        return request.getfixturevalue(SERVERS[kind]).address(name)

    give.kind = kind
    return give


def options(kind, limit=LIMIT):
    return {} if kind == "folder" else {"exact_up_to": limit}


@pytest.fixture(scope="module")
def drawn():
    """Items whose genres, decades and artists are seen in their vectors."""
    rng = np.random.default_rng(0)
    genre = rng.integers(0, len(GENRES), N)
    year = 1960 + 10 * rng.integers(0, 8, N) + rng.integers(0, 10, N)
    centres = rng.standard_normal((len(GENRES), D))
    decades = rng.standard_normal((8, D))
    vectors = centres[genre] + 0.5 * decades[(year - 1960) // 10]
    vectors = unit_rows((vectors + rng.standard_normal((N, D))).astype(np.float32))
    is_unknown = rng.random(N) < 0.1
    columns = {
        "genres": [
            [GENRES[g], "all"] if row % 5 else [GENRES[g]]
            for row, g in enumerate(genre)
        ],
        "year": [
            None if gone else int(y) for y, gone in zip(year, is_unknown, strict=True)
        ],
        "artist": ["one" if row % 857 == 3 else f"artist {row}" for row in range(N)],
        "is_live": [bool(row % 2) for row in range(N)],
        "score": [row / 7 for row in range(N)],
    }
    ids = [f"{row:05x}" for row in range(N)]
    return ids, vectors, columns


@pytest.fixture(scope="module", params=KINDS)
def store(request, drawn, tmp_path_factory):
    """A store of all that was drawn; no test here changes it."""
    ids, vectors, columns = drawn
    if request.param == "folder":
        address = str(tmp_path_factory.mktemp("stores") / "drawn")
    else:
        server = request.getfixturevalue(SERVERS[request.param])
        address = server.address("drawn")
    return build_store(
        address,
        ids,
        vectors,
        columns,
        fingerprints={"model": "m"},
        **options(request.param),
    )


def small(new_address, n=40, **more):
    rng = np.random.default_rng(2)
    vectors = unit_rows(rng.standard_normal((n, 4)).astype(np.float32))
    ids = [f"i{number}" for number in range(n)]
    columns = {"part": [number % 4 for number in range(n)], "name": ids}
    made = build_store(
        new_address(), ids, vectors, columns, fingerprints={"model": "m"}, **more
    )
    return made, ids, vectors
